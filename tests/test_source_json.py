"""NDJSON and other JSON: nothing altered in silence, one bad element costs itself alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import orjson
import pytest
from conftest import Ours, StartSandbox
from hypothesis import assume, example, given
from hypothesis import strategies as st
from rows import ago, table_of, write
from stretches import flat, nothing_in_bulk

from ours_cli.errors import SourceError
from ours_cli.exact_json import JsonProblem, as_written, read_json
from ours_cli.record import Malformed, Record, RowStream, Stretch
from ours_cli.source import ReadOptions, json_lines, lines, open_table, parse_raw
from ours_cli.source.json_document import refuse_arrays
from ours_cli.source.json_elements import JsonElementReader
from ours_cli.source.json_objects import parse_object, parse_objects
from ours_cli.templates.field_value import as_text


def rows(data: str | bytes, **options: object) -> list[tuple[int, object]]:
    return [
        (row.line, row.fields if isinstance(row, Record) else row.code)
        for row in table_of(data, **options).records
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=5)
UTF8_OBJECTS = OBJECTS.filter(lambda objects: _is_text(objects))


def _is_text(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(UTF8_OBJECTS, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]))
def test_ndjson_is_read_as_the_standard_library_reads_it(
    objects: list[dict[str, object]], ascii_only: bool, separators: tuple[str, str]
) -> None:
    text = "".join(json.dumps(one, ensure_ascii=ascii_only, separators=separators) + "\n" for one in objects)
    assert repr(rows(text, format="ndjson")) == repr(list(enumerate(objects, start=1)))


@given(UTF8_OBJECTS, st.sampled_from([None, 0, 2]), st.booleans(), st.integers(1, 40))
def test_elements_are_found_whatever_the_layout_and_the_blocks(
    objects: list[dict[str, object]], indent: int | None, in_array: bool, block: int
) -> None:
    text = (
        json.dumps(objects, indent=indent)
        if in_array
        else "\n".join(json.dumps(one, indent=indent) for one in objects)
    )
    data = text.encode()
    blocks = (data[at : at + block] for at in range(0, len(data), block))
    found = list(flat(JsonElementReader(blocks, "x", 1).stretches()))
    assert repr([row.fields for row in found if isinstance(row, Record)]) == repr(objects)
    assert len(found) == len(objects)
    assert [row.line for row in found] == sorted(row.line for row in found)


def singly(*blocks: bytes) -> list[Record | Malformed]:
    """The elements in these blocks, each found and parsed by itself."""
    with nothing_in_bulk():
        return list(flat(JsonElementReader(iter(blocks), "x", 1).stretches()))


@given(st.text(alphabet='{}[]",:\n\\a1 ', max_size=60), st.integers(1, 10))
def test_blocks_never_decide_what_rubbish_is(text: str, block: int) -> None:
    data = text.encode()
    blocks = [data[at : at + block] for at in range(0, len(data), block)]
    whole = singly(*([data] if data else []))
    assert singly(*blocks) == whole
    together = RowStream(JsonElementReader(iter(blocks), "x", 1).stretches())
    begun = list(islice(together, 1))
    assert [*begun, *flat(together.in_bulk())] == whole


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"a":1,"a":2}', "duplicate_key"),
        ('{"x":{"a" :1,"a":2}}', "duplicate_key"),
        ('{"a":1,"\\u0061":2}', "duplicate_key"),
        ('{"a":1,"a":2,"b":"x\\u0022:"}', "duplicate_key"),
        ('{"a":1,"a":2,"b":"x\\"\\u003a"}', "duplicate_key"),
        ('{"a\\\\":1,"a\\\\":2}', "duplicate_key"),
        ('{"a":NaN}', "bad_json"),
        ('{"a":-Infinity}', "bad_json"),
        ('{"a":1e400}', "bad_json"),
        ('{"a":' + "7" * 5000 + "}", "bad_json"),
        ('{"a":"\\ud800"}', "bad_json"),
        ('{"\\udc00":1}', "bad_json"),
        ('{"a":1', "bad_json"),
        ('{"a":01}', "bad_json"),
        ("[" * 100_000 + "]" * 100_000, "too_deep"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "too_deep"),
        ('{"a":"' + "[" * 300 + '",}', "bad_json"),
        ("[1]", "not_an_object"),
        ("17", "not_an_object"),
        ('{"a":"\0"}', "nul_byte"),
    ],
)  # fmt: skip
def test_what_could_not_be_sent_unaltered_is_rejected(line: str, code: str) -> None:
    found = list(table_of(f'{{"n":1}}\n{line}\n\n{{"n":2}}\n', format="ndjson").records)
    assert [found[0], found[2]] == [Record(1, {"n": 1}), Record(4, {"n": 2})]
    assert isinstance(found[1], Malformed)
    assert (found[1].line, found[1].code, found[1].raw) == (2, code, line)
    assert line[:12] not in found[1].message


@pytest.mark.parametrize(
    "number",
    [
        "18446744073709551616",
        "-9223372036854775809",
        "9223372036854775808",
        "1" * 400,
        "1e300",
        "1e+300",
        "-0.5",
    ],
)
def test_digits_are_kept(number: str) -> None:
    ((_, fields),) = rows(f'{{"a":{number},"b":[{number}]}}\n')
    assert as_text(fields) == f'{{"a":{number},"b":[{number}]}}'


def test_json_text_within_strings_is_no_duplicate() -> None:
    fields = {"payload": json.dumps({"a": json.dumps({"a": 1}), "b": "\\"}), "a": "\\"}
    assert rows(json.dumps(fields) + "\n") == [(1, fields)]


def test_invalid_utf8_rejects_its_line() -> None:
    first, second = table_of(b'{"a":"\xe9"}\r\n{"a":"\xc3\xa9"}\r\n').records
    assert isinstance(first, Malformed)
    assert (first.code, first.raw.encode("utf-8", "surrogateescape")) == ("bad_encoding", b'{"a":"\xe9"}')
    assert second == Record(2, {"a": "é"})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_encodings(encoding: str) -> None:
    assert rows('{"a":"é€"}\n\n{"a":2}\n'.encode(encoding)) == [(1, {"a": "é€"}), (3, {"a": 2})]


def test_damaged_utf16_is_not_taken_for_text() -> None:
    data = b"\xff\xfe" + '{"a":"'.encode("utf-16-le") + b"\x00\xd8" + '"}\n{"a":1}\n'.encode("utf-16-le")
    assert rows(data) == [(1, "bad_encoding"), (2, {"a": 1})]


def test_a_last_line_that_breaks_off_is_truncated() -> None:
    assert rows('{"a":1}\n{"a":') == [(1, {"a": 1}), (2, "truncated_row")]
    assert rows('{"a":1}\n{"a":2}') == [(1, {"a": 1}), (2, {"a": 2})]


@pytest.mark.parametrize("value", ["NaN", "1e400", "9" * 5000, r'"\ud800"'])
def test_a_whole_last_line_is_not_truncated_for_its_missing_end(value: str) -> None:
    """To export it again would not help: the same row has the same code wherever it stands."""
    whole = f'{{"a":{value}}}'
    assert rows(whole) == rows(whole + "\n") == [(1, "bad_json")]
    assert rows(whole[:-1]) == [(1, "truncated_row")]


def test_an_oversize_line_is_rejected_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines, json_lines):
        monkeypatch.setattr(module, "MAX_RECORD", 300_000)
    long = '{"a":"' + "x" * 900_000 + '"}'
    assert rows(f'{{"n":1}}\n{long}\n{{"n":2}}\n') == [(1, {"n": 1}), (2, "too_large"), (3, {"n": 2})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[\n{"a":1},\n{"a":"x},\n{"a":3}\n]\n', [(2, {"a": 1}), (3, "bad_json"), (4, {"a": 3})]),
        ('[\n {"a":1},\n {"a":{"b":2},\n {"a":3}\n]\n', [(2, {"a": 1}), (3, "bad_json"), (4, {"a": 3})]),
        ('[\n {"a":1},\n {"a":[2},\n {"a":3}\n]\n', [(2, {"a": 1}), (3, "bad_json"), (4, {"a": 3})]),
        ('[{"a":1}, 7, {"a":3}]', [(1, {"a": 1}), (1, "not_an_object"), (1, {"a": 3})]),
        ('[{"a":1,"a":2}, {"a":3}]', [(1, "duplicate_key"), (1, {"a": 3})]),
        ('[\n{"a":1},\n{"a":2', [(2, {"a": 1}), (3, "truncated_row")]),
        ('[\n{"a":1},\n', [(2, {"a": 1}), (3, "truncated_row")]),
        ('{\n  "a": 1\n}\nrubbish\n{\n  "a": 2\n}\n', [(1, {"a": 1}), (4, "bad_json"), (5, {"a": 2})]),
        ('[{"a":1}]\n[{"a":2}]\n', [(1, {"a": 1}), (2, {"a": 2})]),
        ("[]", []),
    ],
)  # fmt: skip
def test_elements_and_what_is_wrong_between_them(text: str, expected: list[tuple[int, object]]) -> None:
    assert rows(text, format="json") == expected


def test_an_element_of_many_megabytes_is_read() -> None:
    fields = {"a": 'x"\\\n' * 2_000_000, "b": [{"c": "[" * 100}] * 50_000}
    assert rows(json.dumps([fields, {"a": 1}])) == [(1, fields), (1, {"a": 1})]


@pytest.mark.parametrize("name", ["o.ndjson", "o.json", "o"])
def test_rows_that_are_arrays_are_refused_with_what_makes_objects_of_them(
    name: str, ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox()
    path = write(tmp_path / name, f'["who","t"]\n["a",{ago(1)}]\n["b",{ago(1)}]\n')
    words = ("--event", "E", "--time", "{t}", "--external-id", "{who}")
    ended = ours("backfill", path, *words)
    assert ended.code == 6
    assert "rows are arrays" in ended.err
    (command,) = re.findall(r"hint: (.*) \| ours \.\.\. -", ended.err.replace("\n", " "))
    if shutil.which("jq"):
        made = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
        assert ours("backfill", write(tmp_path / "made.ndjson", made), *words).code == 0
        assert {event.external_id for event in place.events()} == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "are_arrays"),
    [
        ("[1,2]\n[3,4]\n", True),
        ("[1,null]\n\n[2,[3]]", True),
        ("[1,2]\n" * 10 + "[3]", True),
        ("[1]\n[2]\n", False),
        ("[1,2]\n[3]\n", False),
        ("[1,2]\n[3,4", False),
        ("[1,2]\n", False),
        ('[{"a":1},2]\n[{"a":2},3]\n', False),
        ('[1,2]\n{"a":1}\n', False),
        ('{"a":1}\n[1,2]\n[3,4]\n', False),
        ("[]\n[]\n", False),
        ("[[1],[2]]", False),
        ('[[{"a":1}],[2,3]]', False),
        ("[[1,2", False),
        ("\n", False),
    ],
)
def test_only_arrays_of_cells_are_taken_for_rows(text: str, are_arrays: bool) -> None:
    if not are_arrays:
        refuse_arrays(text, complete=True, name="t")
        return
    with pytest.raises(SourceError, match="rows are arrays") as refused:
        refuse_arrays(text, complete=True, name="t")
    assert "jq -c '{id: .[0], time: .[1]}'" in str(refused.value.hint)


def test_a_document_of_arrays_is_refused_with_what_makes_objects_of_them(ours: Ours, tmp_path: Path) -> None:
    rows_of = {"names": [["who", "t"], ["a", "b"]], "none": [["a", 1], ["b", 2]]}
    for found in rows_of.values():
        path = write(tmp_path / "o.json", json.dumps(found))
        ended = ours("backfill", path, "--event", "E", "--time", "{t}", "--external-id", "{who}")
        assert ended.code == 6
        assert "rows are arrays" in ended.err
        (command,) = re.findall(r"hint: (.*) \| ours \.\.\. -", ended.err.replace("\n", " "))
        if shutil.which("jq"):
            made = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
            named = found is rows_of["names"]
            expected = [{"who": "a", "t": "b"}] if named else [{"id": "a", "time": 1}, {"id": "b", "time": 2}]
            assert [json.loads(line) for line in made.splitlines()] == expected


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"events":[{"event":"a"},{"event":"b"}]}\n', ".events[]"),
        (
            '{"type":"FeatureCollection",\n"features":[{"type":"Feature"},\n{"type":"Feature"}]}\n',
            ".features[]",
        ),
        ('{"object":"list","my data":[{"id":1}]}', '.["my data"][]'),
        ('{"data":{"rows":[{"t":1},{"t":2}]}}', ".data.rows[]"),
        ('{"ok":true,"result":{"count":2,"order list":[\n{"t":1},{"t":2}]}}\n', '.result["order list"][]'),
        ('{"data":{"id":"page 1"},"rows":[{"t":1}]}', ".rows[]"),
        ('{"meta":{},"rows":[\n' + '{"x":"yyyyyyyyyyyyyyyyyyyyy"},\n' * 5000 + "{}]}", ".rows[]"),
    ],
)
def test_one_document_around_the_records_is_refused_with_the_key(text: str, key: str) -> None:
    with pytest.raises(SourceError) as refused:
        table_of(text)
    assert f"jq -c '{key}'" in str(refused.value.hint)


def test_a_row_with_a_list_that_is_alone_can_be_sent_as_the_hint_says(ours: Ours, tmp_path: Path) -> None:
    path = write(tmp_path / "t.ndjson", '{"who":"c1","at":"2026-01-01","lines":[{"sku":1}]}\n')
    fields = ("--event", "E", "--time", "{at}", "--external-id", "{who}")
    words = ("backfill", path, *fields, "--max-age", "none", "--dry-run")
    refused = ours(*words)
    assert refused.code == 6
    assert "if it is a row itself, --format ndjson" in refused.err
    assert ours(*words, "--format", "ndjson").code == 0


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"x","items":[{"sku":1}]}',
        '{"a":[{"b":1}]}\n{"a":[{"b":2}]}\n',
        '{"a":[1,2]}',
        '{"a":{"b":[{"c":1}]}}',
        '{"data":{"id":1,"items":[{"c":1}]}}',
        '{"data":{"items":[{"c":1}],"event":"x"}}',
        '{"webhook":"x","received":"2026-11-28T10:00:00Z","payload":{"order":"7","lines":[{"c":1}]}}',
        '{"content":{"products":[{"c":1}]},"order_id":"7"}',
        '{"body":{"lines":[{"c":1}],"number":"7"}}',
        '{"data":[[{"c":1}]]}',
        '{"data":{"rows":[{"c":1}]}}\n{"data":{"rows":[{"c":2}]}}\n',
    ],
)
def test_records_that_hold_lists_are_records(text: str) -> None:
    assert len(rows(text)) == (text.count("\n") or 1)


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("a.json", "id,name\n1,2\n", "--format csv"),
        ("a.ndjson", "id,name\n1,2\n", "--format csv"),
        ("a.csv", '{"a":1}\n{"a":2}\n', "--format ndjson"),
        ("a.csv", '[\n{"a":1}\n]\n', "--format json"),
    ],
)
def test_name_and_content_that_contradict_are_refused(
    tmp_path: object, name: str, text: str, hint: str
) -> None:
    path = tmp_path / name  # type: ignore[operator]
    path.write_text(text)
    with pytest.raises(SourceError) as refused:
        open_table(path, ReadOptions())
    assert hint in str(refused.value.hint)


@pytest.mark.parametrize(
    ("name", "text", "kind", "count"),
    [
        ("a.json", '{"a":1}\n{"a":2}\n', "ndjson", 2),
        ("a.json", '{"a":1,}\n{"a":2}\n', "ndjson", 2),
        ("a.json", '{\n"a":1\n}\n{\n"a":2\n}\n', "json", 2),
        ("a.jsonl", '[{"a":1},{"a":2}]', "json", 2),
        ("a.JSON", "", "ndjson", 0),
        ("a.ndjson", 'starting up\n{"a":1}\n', "ndjson", 2),
        ("a.txt", '{"a":1}', "ndjson", 1),
        ("a.txt", 'starting up\n{"a":1}\n{"a":2}\n', "ndjson", 3),
        ("a", '{\n{"a":1}\n', "ndjson", 2),
        ("a", "[\n]", "json", 0),
    ],
)
def test_the_kind_of_json_is_told_by_content(
    tmp_path: object, name: str, text: str, kind: str, count: int
) -> None:
    path = tmp_path / name  # type: ignore[operator]
    path.write_text(text)
    table = open_table(path, ReadOptions())
    assert (table.format, table.columns, len(list(table.records))) == (kind, None, count)


def test_a_line_of_json_among_the_rows_of_a_table_is_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text('id,n\n{"level":"warning"}\n1,2\n3,4\n')
    assert open_table(path, ReadOptions()).columns == ("id", "n")


def test_skipped_lines_still_count() -> None:
    assert rows('x\n{"a":1}\n', skip_lines=1) == [(2, {"a": 1})]
    assert rows('x\n[\n{"a":1}]\n', skip_lines=1) == [(3, {"a": 1})]


def test_a_raw_record_is_read_exactly() -> None:
    table = table_of('{"a":1}\n')
    assert parse_raw('{"a":18446744073709551616}', table) == {"a": 18446744073709551616}
    problem = parse_raw('{"a":1,"a":2}', table)
    assert isinstance(problem, Malformed)
    assert problem.code == "duplicate_key"


def _spelled(character: str) -> st.SearchStrategy[str]:
    """A character as JSON may have it, in a string."""
    code = f"\\u{ord(character):04x}"
    plain = "\\" + character if character in '"\\' else character
    return st.sampled_from([plain, plain, code, code.upper().replace("U", "u")])


STRINGS = st.lists(st.sampled_from('a:"\\{é').flatmap(_spelled), max_size=3).map(
    lambda parts: '"' + "".join(parts) + '"'
)
NUMBERS = st.sampled_from(
    [
        "0",
        "-0",
        "1.50",
        "1e2",
        "9007199254740993.0",
        str(2**63),
        str(2**64),
        "1" * 18,
        "-" + "1" * 20,
        "1e400",
    ]
)
GAPS = st.sampled_from(["", "", " ", "\t"])
IDS = st.sampled_from(['"1234567890123456789"', '"\\u0031234567890123456789"', f'"{2**64}"'])
SCALARS = st.one_of(STRINGS, NUMBERS, IDS, st.sampled_from(["true", "null", '"\\ud800"', "NaN"]))


def _objects_of(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(GAPS, STRINGS, GAPS, GAPS, values, GAPS).map(
        lambda one: f"{one[0]}{one[1]}{one[2]}:{one[3]}{one[4]}{one[5]}"
    )
    return st.lists(member, max_size=3).map(lambda members: "{" + ",".join(members) + "}")


TEXTS = _objects_of(SCALARS | _objects_of(SCALARS))
PIECES = st.one_of(
    TEXTS,
    TEXTS.map(lambda text: f" {text}\r"),
    st.tuples(TEXTS, TEXTS).map(",".join),
    TEXTS.map(lambda text: '{"x":[' + text),
    TEXTS.map(lambda text: text + "]}"),
    SCALARS,
    st.just("[]"),
)


def _read(parse: Callable[[], object]) -> object:
    try:
        return repr(parse())
    except JsonProblem as problem:
        return problem.code, problem.message


@given(PIECES)
@example('{"a":1,"a":2,"b":"\\u003A"}')
@example('{"a":{"b":1,"b":":"}}')
@example('{"a":1.2345678901234567e-4,"b":18446744073709551616}')
@example('{"a": "18446744073709551616", "b": 18446744073709551615}')
@example(r'{"a":1,"a":2,"t":"\u005cu003a"}')
def test_an_object_is_read_as_the_exact_parser_reads_it(text: str) -> None:
    def exactly() -> object:
        value = read_json(text)
        if not isinstance(value, dict):
            raise JsonProblem("not_an_object", "valid JSON, but not an object")
        return value

    assert _read(lambda: parse_object(text.encode())) == _read(exactly)


@pytest.mark.parametrize("beside", ["0", "[" + "[]," * 300 + "[]]", '"' + "[" * 300 + '"'], ids=len)
def test_254_levels_are_read(beside: str) -> None:
    def nested(levels: int) -> str:
        return '{"b":' + beside + ',"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"

    assert parse_object(nested(254).encode()) == read_json(nested(254)) == json.loads(nested(254))
    for read in (read_json, lambda text: parse_object(text.encode())):
        with pytest.raises(JsonProblem, match="more than 254 levels"):
            read(nested(255))


@given(st.lists(PIECES, min_size=1, max_size=5) | st.lists(TEXTS, min_size=1, max_size=3))
@example(['{"a":1},{"b":2}', '{"x":[{}', "{}]}"])
@example(['{"a":1,"a":2}', '{"b":"\\u003a"}'])
def test_many_lines_are_read_as_each_alone(texts: list[str]) -> None:
    lines = [text.encode() for text in texts]
    many = parse_objects(lines)
    if many is not None:
        assert repr(many[0]) == repr([parse_object(line) for line in lines])
        assert many[1] == [orjson.dumps(parse_object(line), as_written) for line in lines]


@given(UTF8_OBJECTS, st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]))
def test_lines_as_programs_write_them_are_read_many_at_once(
    objects: list[dict[str, object]], separators: tuple[str, str]
) -> None:
    lines = [json.dumps(one, separators=separators, ensure_ascii=False) for one in objects]
    assume(all(int(digits) < 2**63 for digits in re.findall("[0-9]{19,}", "".join(lines))))
    assume("\\u003" not in "".join(lines))
    many = parse_objects([line.encode() for line in lines])
    assert many is not None
    assert repr(many[0]) == repr(objects)


@given(
    st.lists(
        st.sampled_from(
            [
                *('{"a":1}', '{"a":{"b":[{"c":1},{"d":2}]}}', '{"a":"}, {"}', '{"a":"{"}', '{"a":"}"}', "{}"),
                *(
                    '{\n  "a": [\n    {},\n    {}\n  ]\n}',
                    '{"a":"\\""}',
                    '{"a":1,"a":2}',
                    "7",
                    '"},{"',
                    "[{}]",
                ),
                *('{"a":12345678901234567890}', '{"a":NaN}', '{"a":', "}", '{"a" 1}', "\n"),
            ]
        ),
        max_size=30,
    ),
    st.sampled_from([",", ",\n", " ,\n  ", "\n"]),
    st.booleans(),
    st.integers(1, 400),
)
def test_objects_found_together_are_those_found_one_by_one(
    parts: list[str], between: str, in_array: bool, block: int
) -> None:
    text = between.join(parts)
    data = (f"[{text}]" if in_array else text).encode()
    blocks = [data[at : at + block] for at in range(0, len(data), block)]
    assert list(flat(JsonElementReader(iter(blocks), "x", 1).stretches())) == singly(*blocks)


def test_an_array_comes_in_stretches_as_lines_do() -> None:
    objects = [{"id": number, "of": [{"deep": "}, {"}]} for number in range(700)]
    data = json.dumps([{"id": 0, "of": [{}]}, *objects], indent=1).encode()
    rows = list(JsonElementReader(iter([data]), "x", 1).stretches())
    assert [len(one.fields) for one in rows if isinstance(one, Stretch)] == [500, 200, 1]
