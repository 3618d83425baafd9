"""Numbers of JSON keep the digits they are written with: as ids, in texts, and where a double loses some."""

from __future__ import annotations

import json
import pickle
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from rows import ago, iso, write

from ours_cli.exact_json import WrittenNumber, read_json
from ours_cli.record import Record
from ours_cli.source.json_objects import parse_object, parse_objects
from ours_cli.templates.field_value import as_text

NUMBERS = [
    *("1.10", "1.1", "1.50", "20.00", "12345678901234567.5", "1e3", "1E3", "1e-7", "1e-07", "-0", "-0.0"),
    *("0.1", "905.98", "1.0", "1e16", "1e+16", "0.00001", "18446744073709551616", "100"),
]
ESSENTIALS = ("--event", "E", "--time", "{ts}")


def lines_of(numbers: list[str], more: str = "") -> str:
    return "".join(f'{{"ts": "{iso(1)}", "cust": {number}{more}}}\n' for number in numbers)


def array_of(numbers: list[str]) -> str:
    return "[" + ",\n".join(lines_of(numbers).splitlines()) + "]"


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("suffix", ["ndjson", "json"])
def test_as_ids(ours: Ours, sandbox: StartSandbox, tmp_path: Path, suffix: str, workers: str) -> None:
    box = sandbox()
    text = lines_of(NUMBERS) if suffix == "ndjson" else array_of(NUMBERS)
    path = write(tmp_path / f"rows.{suffix}", text)
    ended = ours("backfill", path, *ESSENTIALS, "--external-id", "{cust}", "--workers", workers)
    assert ended.code == 0, ended.err
    assert sorted(event.body["externalId"] for event in box.events()) == sorted(NUMBERS)


def sent(ours: Ours, sandbox: StartSandbox, tmp_path: Path, number: str, *fields: str) -> dict[str, Any]:
    box = sandbox()
    path = write(tmp_path / "rows.ndjson", lines_of([number], ', "o": {"n": [' + number + "]}"))
    ended = ours("backfill", path, *ESSENTIALS, "--external-id", "c", *fields)
    assert ended.code == 0, ended.err
    (event,) = box.events()
    properties: dict[str, Any] = event.body["eventProperties"]
    return properties


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("x{cust}", "x1.50"),
        ("{cust|prefix:n}", "n1.50"),
        ("{cust|upper}", "1.50"),
        ("{cust|sha256}", sha256(b"1.50").hexdigest()),
        ("{o} ", '{"n":[1.50]} '),
        ("{cust}", 1.5),
        ("{cust|number}", 1.5),
        ("{cust|auto}", 1.5),
        ("{o.n}", [1.5]),
    ],
)
def test_in_texts_and_in_properties(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, template: str, expected: object
) -> None:
    assert sent(ours, sandbox, tmp_path, "1.50", "-p", f"a={template}") == {"a": expected}


def test_as_json(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    found = sent(ours, sandbox, tmp_path, "1.50", "-p", "a:={cust}", "-p", "*")
    assert found == {"a": 1.5, "o": {"n": [1.5]}}
    assert sent(ours, sandbox, tmp_path, "1e3", "-p", "a={cust|int}") == {"a": 1000}


@pytest.mark.parametrize("more", ["", ', "big": 18446744073709551616'])
def test_digits_that_no_double_holds_are_sent_as_they_stand(ours: Ours, tmp_path: Path, more: str) -> None:
    path = write(tmp_path / "rows.ndjson", lines_of(["12345678901234567.5"], more))
    ended = ours("backfill", path, *ESSENTIALS, "--external-id", "c", "-p", "*", "--dry-run")
    assert '"cust": 12345678901234567.5' in ended.out
    ended = ours("track", "E", "--external-id", "c", "-p", "a:=0.12345678901234567891", "--dry-run")
    assert '"a": 0.12345678901234567891' in ended.out


def test_decimals_beside_integers_beyond_64_bits_are_sent_as_others_are(ours: Ours, tmp_path: Path) -> None:
    """Such rows are written by another way: the same event must get the same id."""
    path = write(tmp_path / "rows.ndjson", lines_of(["20.00", "20.0"], ', "big": 1180591620717411303424'))
    mapped = ("--external-id", "c", "-p", "v={cust}", "-p", "b={big}", "--dry-run")
    shown = ours("backfill", path, *ESSENTIALS, *mapped).out
    assert shown.count('"v": 20.0,') + shown.count('"v": 20.0 ') == 2, shown


def test_rows_of_batch(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox()
    path = write(
        tmp_path / "rows.ndjson",
        "".join(
            f'{{"event":"E","time":{ago(1)},"externalId":{number},"eventProperties":{{"a":{number}}}}}\n'
            for number in NUMBERS
        ),
    )
    ended = ours("batch", path, "-o", "json")
    assert ended.json["accepted"] == len(NUMBERS), ended.err
    held = {event.body["externalId"]: event.body["eventProperties"]["a"] for event in box.events()}
    assert {number: float(value) for number, value in held.items()} == {n: float(n) for n in NUMBERS}


def test_visitors(ours: Ours, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.ndjson", lines_of(["1.10"]))
    ended = ours(
        "identify", path, "--external-id", "{cust}", "-u", "zip={cust}", "-u", "city={cust}", "--dry-run"
    )
    assert '"externalId": "1.10"' in ended.out
    assert '"zip": 1.1' in ended.out
    assert '"city": "1.10"' in ended.out


def test_rejects_keep_them(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox()
    rows = lines_of(["1.10", "12345678901234567.5"]).replace(f'"{iso(1)}"', '"never"')
    path, out = write(tmp_path / "rows.ndjson", rows), tmp_path / "rejects.ndjson"
    fields = (*ESSENTIALS, "--external-id", "{cust}", "--rejects", str(out))
    assert ours("backfill", path, *fields).code == 3
    mended = write(tmp_path / "mended.ndjson", out.read_text().replace('"never"', f'"{iso(1)}"'))
    assert ours("backfill", mended, *ESSENTIALS, "--external-id", "{cust}").code == 0
    assert sorted(event.body["externalId"] for event in box.events()) == ["1.10", "12345678901234567.5"]


def test_equal_amounts_have_equal_ids(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """One program writes 20.0, another 20.00: the same row all the same."""
    box = sandbox()
    for name, number in (("a", "20.0"), ("b", "20.00")):
        path = write(tmp_path / f"{name}.ndjson", f'{{"ts":{ago(1)},"t":{number},"c":"c"}}\n')
        assert ours("backfill", path, *ESSENTIALS, "--external-id", "{c}", "-p", "t={t}").code == 0
    assert len({event.distinct_id for event in box.events()}) == 1


@pytest.mark.parametrize(
    "spelled",
    [
        '{{"a": {0}, "b": [{0}, 1]}}',
        '{{"é":{0},"b":["x",{0}]}}',
        '{{"\\u00e9":{0},"b":["\\u003c\\/","\\\\u0031",{0}]}}',
        '{{"a":"\\u003a\\u002d\\u0065","b":[{0}]}}',
        '{{"a":"\\\\users","b":["\\u0007\\b",{0}]}}',
    ],
)
@pytest.mark.parametrize("number", NUMBERS)
def test_the_fast_parser_notices(spelled: str, number: str) -> None:
    raw = spelled.format(number).encode()
    found = parse_object(raw)
    assert repr(found) == repr(read_json(raw.decode()))
    assert number in [as_text(value) for value in found["b"]]
    many = parse_objects([b'{"n":1}', raw, b'{"n":0.5}'])
    if many is not None:
        assert [repr(value) for value in many[0]] == ["{'n': 1}", repr(found), "{'n': 0.5}"]
        assert read_json(many[1][1].decode()) == found


def test_a_written_number_is_a_float_that_travels() -> None:
    number = WrittenNumber("1.10")
    assert (number, repr(pickle.loads(pickle.dumps(number)))) == (1.1, "1.10")
    assert json.loads(json.dumps({"a": number})) == {"a": 1.1}
    assert Record(1, {"a": number}) == Record(1, {"a": 1.1})
