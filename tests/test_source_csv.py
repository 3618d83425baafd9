"""Delimited text: dialects, headers, and rows that cannot be read but leave their neighbours alone."""

from __future__ import annotations

import csv
import gc
import io
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rows import table_of

from ours_cli.errors import SourceError, UsageError
from ours_cli.record import Malformed, Record, Table
from ours_cli.source import ReadOptions, line_window, open_table, parse_raw
from ours_cli.source import lines as lines_module


def rows(table: Table) -> list[tuple[int, object]]:
    return [(row.line, row.fields if isinstance(row, Record) else row.code) for row in table.records]


WORDS = st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=2, max_size=5)
# The csv module itself cannot write a lone surrogate, and NUL rows are rejected by design.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
LATIN_CELLS = st.text(st.characters(max_codepoint=255, exclude_characters="\0"), max_size=12)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], str]:
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"]))
    header = draw(WORDS)
    cells = LATIN_CELLS if encoding == "latin-1" else CELLS
    body = draw(st.lists(st.lists(cells, min_size=len(header), max_size=len(header)), max_size=8))
    return [header, *body], encoding


@given(
    tables(),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_the_csv_module_writes_is_read_cell_for_cell(
    written: tuple[list[list[str]], str], delimiter: str, line_end: str, quoting: int
) -> None:
    (header, *body), encoding = written
    assume(header not in body)
    # Before Python 3.13, the csv module leaves a lone carriage return unquoted.
    assume(quoting == csv.QUOTE_ALL or not any("\r" in cell for row in body for cell in row))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    lines, expected = [], []
    for row in [header, *body]:
        lines.append(len(lines_module.split_text(out.getvalue())) + 1)
        writer.writerow(row)
    expected = [(line, row) for line, row in zip(lines[1:], body, strict=True) if any(map(str.strip, row))]
    told = encoding if encoding == "latin-1" else None
    # Below a header, no cell has a say in what the delimiter is, unless it agrees with the header.
    table = table_of(out.getvalue().encode(encoding), encoding=told)
    assert table.columns == tuple(header)
    assert table.dialect.delimiter == delimiter
    assert [row for row in rows(table) if any(map(str.strip, row[1]))] == expected  # type: ignore[call-overload]


@given(st.text(alphabet='ab",;\n\r\t |', max_size=60))
def test_no_text_crashes_and_no_line_is_lost(text: str) -> None:
    try:
        table = table_of("one,two,three\n" + text, delimiter=",")
        found = list(table.records)
    except SourceError:
        return
    assert [row.line for row in found] == sorted({row.line for row in found})
    kept = "".join("".join(row.fields) if isinstance(row, Record) else row.raw for row in found)
    # Everything but the punctuation of CSV arrives, in a record or in a reject.
    strip = str.maketrans("", "", '",\r\n\t ')
    assert kept.translate(strip) == text.translate(strip)


@given(
    st.lists(
        st.sampled_from(["a,b\n", 'a,"b\n', 'a","\n', '"\n', 'a,"x\ny"\n', '"a"b,c\n', '"""\n']), max_size=12
    )
)
def test_remembering_failures_changes_nothing(lines: list[str]) -> None:
    """The reader against the rule itself: try from every line, reject that line where it fails."""
    text = "".join(lines)
    physical = lines_module.split_text(text)
    expected: list[tuple[int, object]] = []
    at = 0
    while at < len(physical):
        reader = csv.reader(physical[at:], strict=True)
        try:
            cells = next(reader)
        except csv.Error:
            expected.append((at + 2, "rejected"))
            at += 1
        else:
            if any(map(str.strip, cells)):
                expected.append(
                    (at + 2, cells if len(cells) == 2 else "rejected" if any(cells[2:]) else cells[:2])
                )
            at += reader.line_num
    found = rows(table_of("h1,h2\n" + text, delimiter=",", header_row=1))
    assert [(line, "rejected" if isinstance(row, str) else row) for line, row in found] == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('a,b\n1,"2\n3,4\n5,6\n', "unclosed_quote"),
        ('a,b\n1,"2" x\n3,4\n5,6\n', "bad_csv"),
        ("a,b\n1,2,9\n3,4\n5,6\n", "ragged_row"),
        ("a,b\n1,\x002\n3,4\n5,6\n", "nul_byte"),
    ],
)
def test_a_malformed_row_leaves_its_neighbours_alone(text: str, code: str) -> None:
    table = table_of(text)
    first, *others = table.records
    assert isinstance(first, Malformed)
    assert (first.line, first.code, first.raw) == (2, code, text.split("\n")[1])
    assert others == [Record(3, ["3", "4"]), Record(4, ["5", "6"])]


def test_invalid_utf8_in_one_row_rejects_that_row_with_its_bytes() -> None:
    first, second = table_of(b"a,b\n1,caf\xe9\n2,\xc3\xa9\n").records
    assert isinstance(first, Malformed)
    assert first.code == "bad_encoding"
    assert "--encoding" in first.message
    assert first.raw.encode("utf-8", "surrogateescape") == b"1,caf\xe9"
    assert second == Record(3, ["2", "é"])


def test_line_numbers_hold_after_quoted_newlines_and_blank_lines() -> None:
    assert rows(table_of('a,b\n\n1,"x\r\ny\rz"\n,\n2,3\n4\n')) == [
        (3, ["1", "x\r\ny\rz"]),
        (7, ["2", "3"]),
        (8, ["4"]),
    ]


def test_empty_cells_past_the_header_are_cut_off() -> None:
    assert rows(table_of("a,b\n1,2,,\n3,4,,5\n")) == [(2, ["1", "2"]), (3, "ragged_row")]


def test_a_short_last_line_without_end_is_truncated() -> None:
    assert rows(table_of("a,b\n1,2\n3")) == [(2, ["1", "2"]), (3, "truncated_row")]
    assert rows(table_of("a,b\n1,2\n3,")) == [(2, ["1", "2"]), (3, ["3", ""])]


def test_a_ragged_row_is_kept_whole() -> None:
    (row,) = table_of('a,b\n1,"x\ny",9\n').records
    assert isinstance(row, Malformed)
    assert row.raw == '1,"x\ny",9'


@pytest.mark.parametrize("text", ["", "\n\n", ",,\n"])
def test_nothing_is_an_empty_table(text: str) -> None:
    table = table_of(text)
    assert (table.columns, list(table.records)) == ((), [])


def test_a_header_alone_is_no_record() -> None:
    table = table_of("\ufeffa,b,a,\n")
    assert (table.columns, list(table.records)) == (("a", "b", "a", ""), [])


def test_without_header_columns_are_numbered() -> None:
    table = table_of("1,2\n3,4\n", no_header=True)
    assert table.columns == ("1", "2")
    assert rows(table) == [(1, ["1", "2"]), (2, ["3", "4"])]


def test_skipped_lines_still_count() -> None:
    table = table_of("title\n\na,b\n1,2\n", skip_lines=2)
    assert table.columns == ("a", "b")
    assert rows(table) == [(4, ["1", "2"])]


def test_quoting_can_be_turned_off() -> None:
    table = table_of('a|b\n"1|2"\n', quote="none", delimiter="|")
    assert rows(table) == [(2, ['"1', '2"'])]


@pytest.mark.parametrize("spelled", ["\t", "\\t", "tab", "TAB"])
def test_tab_has_names(spelled: str) -> None:
    assert rows(table_of("a\tb\n1,5\t2\n", delimiter=spelled)) == [(2, ["1,5", "2"])]


@pytest.mark.parametrize(
    "options",
    [{"delimiter": ";;"}, {"delimiter": ""}, {"delimiter": '"'}, {"quote": "ab"}, {"encoding": "klingon"},
     {"encoding": "rot13"}, {"encoding": "base64"}, {"skip_lines": -1}],
)  # fmt: skip
def test_options_that_cannot_work_are_usage_errors(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        ReadOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1,2,3\n4,5,6\n", "--no-header"),
        ("Sat, 22 Apr 2017 15:11:58 -0500\nFri, 21 Apr 2017 14:20:57 -0500\n", "--no-header"),
        ("purchase,jo@example.com\nview,al@example.com\n", "--no-header"),
        ("visit,2024-01-05T10:00:00Z\n", "--no-header"),
        ("Anna Zqc,123-45-6789\nBert,123-45-6788\n", "--no-header"),
        ("Anna Zqc,+49 170 1234567\nBert,+49 170 1234568\n", "--no-header"),
        ("Anna Zqc,+1 (555) 123-4567\nBert,\n", "--no-header"),
        ("Anna Zqc,555-123-4567\nBert,\n", "--no-header"),
        ("Anna Zqc,(555) 123-4567\nBert,\n", "--header-row 1"),
        ("Anna Zqc,$12.50\nBert,$9.99\n", "--no-header"),
        ("Anna Zqc;1.234,50 €\nBert;7,00 €\n", "--no-header"),
        ("Anna Zqc,-$40\nBert,$50\n", "--no-header"),
        ("All trades\n\nDate,Amount,Kind\n2024-01-01,1,x\n2024-01-02,2,y\n", "--skip-lines 2"),
        ("All trades,,,\n,,,\nDate,Amount,Kind,Note\n2024-01-01,1,x,\n2024-01-02,2,y,z\n", "--skip-lines 2"),
        ("# a\n# b\nid;name;city\n1;x;y\n2;x;y\n3;x;y\n", "--skip-lines 2"),
        ("Total,,,99\nname,when,who,amount\nAnna,2024-01-05,c1,1\n", "--skip-lines 1"),
        ("Total,,99\nname,who,amount\nAnna,c1,1\nBert,c2,2\n", "--skip-lines 1; else --header-row 1"),
        (
            "Sold,12,Orders,99\nname,when,who,amount\nAnna,2024-01-05,c1,1\nBert,2024-01-06,c2,2\n",
            "--header-row 2",
        ),
        (" 004 2024  29.33\n 017 2024 129.73\n 123 2025  14.96\n", "sed"),
        ("a\0b,c\n1,2\n", "--encoding"),
        (b"pr\xe9nom,b\n1,2\n", "--encoding"),
        ('"a,b\n1,2\n', "--quote"),
    ],
)
def test_a_table_that_can_only_be_guessed_is_refused(text: str | bytes, hint: str) -> None:
    with pytest.raises(SourceError) as refused:
        table_of(text)
    assert hint in str(refused.value.hint)
    assert "@" not in refused.value.message
    assert "Anna" not in refused.value.message


def test_a_header_that_looks_like_data_is_read_when_it_is_named() -> None:
    assert table_of("plan,$10,$20\nx,1,2\n", header_row=1).columns == ("plan", "$10", "$20")


@pytest.mark.parametrize(
    "text",
    [
        "id\n1\n2\n3\n",
        "name\nAda; Lovelace\nAlan; Turing\nGrace; Hopper\n",
        "position\n12.3;45.6\n12.4;45.7\n12.5;45.8\n",
        "name,2019,2020\nx,1,2\n",
        "name,12.5,0.25\nx,1,2\n",
        "name,+1,+05:30,123-45,2019-2020\nx,1,2,3,4\n",
        "name,Under $50,$10 to $20,price ($),€\nx,1,2,3,4\n",
        "name,2024-01-01,2024-01-02\nx,1,2\n",
        "id,note,extra\n1,,\n2,,\n3,,\n",
        "id,,\n1,2,3\n4,5,6\n",
        "name,,2019\nAnna,x,1\nBert,,3\n",
        "a,b\nx,y,z\n",
        "name,city\nAnna,Paris\n",
        "when\n2024-01-01 10:00\n2024-01-02 10:00\n",
        "{id},[name]\n1,2\n",
        "[id],name\n1,2\n",
    ],
)
def test_an_ordinary_table_is_not_refused(text: str) -> None:
    table = table_of(text)
    assert table.columns == tuple(text.split("\n")[0].split(","))


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a;b\n1,5;2,5\n", ";"),
        ('id\ttags\n1\t{"a":1,"b":2}\n2\t{"a":1,"b":2}\n', "\t"),
        ("a|b|c\nx, y|z, w|1\n", "|"),
        ("a,b\n1;2,3\n", ","),
        ('"Name, first";Age\nx;1\ny;2\n', ";"),
        ('"a";"b"\n"";"\r,0"\n', ";"),
    ],
)
def test_the_delimiter_is_detected_and_said(text: str, delimiter: str) -> None:
    table = table_of(text)
    assert table.dialect.delimiter == delimiter
    assert bool(table.notes) == (delimiter != ",")


def test_a_cell_of_twenty_megabytes_is_read() -> None:
    cell = "x" * 1000 + "\n"
    ((_, fields),) = rows(table_of('a,b\n1,"' + cell * 20_000 + '"\n'))
    assert fields == ["1", cell * 20_000]


def test_oversize_lines_and_cells_are_rejected_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_RECORD", 300_000)
    monkeypatch.setattr(line_window, "MAX_RECORD", 300_000)
    long_line = "x" * 900_000
    text = f'a,b\n1,2\n{long_line},2\n3,4\n5,"' + "y,z\n" * 300_000
    found = list(table_of(text, delimiter=",").records)
    assert [(row.line, getattr(row, "code", None)) for row in found[:5]] == [
        (2, None), (3, "too_large"), (4, None), (5, "unclosed_quote"), (6, None)
    ]  # fmt: skip
    assert isinstance(found[1], Malformed)
    assert 300_000 <= len(found[1].raw) < 900_000
    assert len(found) == 4 + 299_999


def test_a_cell_of_too_many_lines_is_not_called_one_that_is_never_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ours_cli.source.line_window._MAX_RECORD_LINES", 1000)
    first, *_ = table_of('a,b\n1,"' + "z\n" * 600_000 + '"\n', delimiter=",").records
    assert isinstance(first, Malformed)
    assert (first.line, first.code) == (2, "unclosed_quote")
    assert first.message.startswith("a quote opened in this row is open for more than 64 MiB")


@pytest.mark.parametrize("line", ['a","\n', 'x,"y\n', '"a"b,c\n'])
def test_a_file_full_of_stray_quotes_takes_linear_time(line: str) -> None:
    # Quadratic work would be 10^10 lines: minutes, against well under a second.
    found = list(table_of("h1,h2\n" + line * 100_000, delimiter=",").records)
    assert len(found) == 100_000
    assert all(isinstance(row, Malformed) for row in found)


def test_a_raw_record_is_read_in_the_tables_own_dialect() -> None:
    table = table_of("a;b\n1;2\n")
    assert parse_raw('x;"y\n;z"', table) == ["x", "y\n;z"]
    assert parse_raw("x", table) == ["x"]
    for raw, code in [
        ("x;y;z", "ragged_row"),
        ('x;"y', "unclosed_quote"),
        ("x;y\nz;w", "bad_csv"),
        ("", "bad_csv"),
    ]:
        problem = parse_raw(raw, table)
        assert isinstance(problem, Malformed)
        assert (problem.line, problem.raw, problem.code) == (1, raw, code)


def test_the_file_is_closed_at_the_end_and_position_reaches_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    table = open_table(path, ReadOptions())
    assert table.name == str(path)
    assert list(table.records) == [Record(2, ["1", "2"])]
    assert table.position() == table.size == 8


class TestSeparatorLine:
    """Excel's own first line, which names the delimiter."""

    @pytest.mark.parametrize(
        ("line", "delimiter", "name"),
        [
            ("sep=;\r\n", ";", "semicolon"),
            ("SEP=;\n", ";", "semicolon"),
            ('"sep=;"\n', ";", "semicolon"),
            ("sep=,\n", ",", "comma"),
            ("sep=\t\r", "\t", "tab"),
            ("\ufeffsep=|\n", "|", "pipe"),
        ],
    )
    def test_it_is_passed_over_and_said(self, line: str, delimiter: str, name: str) -> None:
        end = "\r" if line.endswith("\r") else "\n"
        table = table_of(f"{line}a{delimiter}b{end}1,5;x{delimiter}2{end}".replace("1,5;x", '"1,5;x"'))
        assert (table.columns, table.header_line) == (("a", "b"), 2)
        assert rows(table) == [(3, ["1,5;x", "2"])]
        assert f"cells separated by {name} (line 1 says so)" in table.notes

    def test_it_wins_over_the_name_and_what_the_rows_look_like(self, tmp_path: Path) -> None:
        (file := tmp_path / "t.tsv").write_text("sep=;\na,x;b\n1,x;2\n")
        assert open_table(file, ReadOptions()).columns == ("a,x", "b")

    def test_a_delimiter_that_was_told_wins_over_it(self) -> None:
        table = table_of("sep=;\na|b\n1|2\n", delimiter="|")
        assert (table.columns, table.notes) == (("a", "b"), [])
        assert rows(table) == [(3, ["1", "2"])]

    def test_without_header(self) -> None:
        assert rows(table_of("sep=;\n1;x\n2;y\n", no_header=True)) == [(2, ["1", "x"]), (3, ["2", "y"])]

    def test_in_utf_16(self) -> None:
        assert rows(table_of("sep=;\na;b\n1;é\n".encode("utf-16"))) == [(3, ["1", "é"])]

    def test_below_lines_that_are_skipped(self) -> None:
        table = table_of("title\nsep=;\na;b\n1;2\n", skip_lines=1)
        assert (table.header_line, rows(table)) == (3, [(4, ["1", "2"])])

    @pytest.mark.parametrize("told", [{"skip_lines": 1}, {"header_row": 2}])
    def test_skipped_by_hand(self, told: dict[str, object]) -> None:
        table = table_of("sep=;\na;b\n1;2\n", **told)
        assert (table.header_line, rows(table)) == (2, [(3, ["1", "2"])])

    def test_a_title_below_it_is_told_by_its_line(self) -> None:
        with pytest.raises(SourceError) as refused:
            table_of("sep=;\nAll trades\n\nid;day;kind\n1;2;x\n2;3;y\n")
        assert "--skip-lines 3" in str(refused.value.hint)

    @pytest.mark.parametrize("text", ["sep=\n1\n", "sep=;a\nx;y\n", "id,sep=;\n1,2\n", "sep=;\n"])
    def test_other_lines(self, text: str) -> None:
        assert not any("says so" in note for note in table_of(text, header_row=1).notes)

    def test_nothing_below_it(self) -> None:
        table = table_of("sep=;\n")
        assert (table.columns, rows(table)) == ((), [])

    def test_through_a_pipe_that_is_slow(self) -> None:
        """The header comes long after the line that names the delimiter."""
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as pipe, os.fdopen(writing, "wb", buffering=0) as writer:
            writer.write(b"sep=;\n")
            later = threading.Timer(0.6, lambda: writer.write(b"7;x\n8;y\n"))
            later.start()
            table = open_table("-", ReadOptions(no_header=True), pipe)
            later.join()
            writer.close()
            assert rows(table) == [(2, ["7", "x"]), (3, ["8", "y"])]


def test_the_text_of_a_row_that_cannot_be_read_keeps_its_outer_blanks(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"a\tb\n\t 1\t2\t3 \t\n")
    assert [row.raw for row in open_table(path, ReadOptions()).records if isinstance(row, Malformed)] == [
        "\t 1\t2\t3 \t"
    ]


@pytest.mark.parametrize(("last", "code"), [(b"1,\xc3", "truncated_row"), (b"1,\xff2", "bad_encoding")])
def test_only_half_a_character_at_the_end_says_that_the_file_was_cut(
    tmp_path: Path, last: bytes, code: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,\xc3\xa9\n" + last)
    assert rows(open_table(path, ReadOptions(encoding="utf-8")))[-1] == (3, code)
    path.write_bytes(path.read_bytes() + b"\n")
    assert rows(open_table(path, ReadOptions(encoding="utf-8")))[-1] == (3, "bad_encoding")


def test_a_table_that_was_only_looked_at_leaves_nothing_in_memory(tmp_path: Path) -> None:
    """A run opens its files a few times before their first row, and garbage is collected seldom."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 5_000)
    open_table(path, ReadOptions()).close()
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        open_table(path, ReadOptions()).close()
        assert sys.getallocatedblocks() - before < 500
    finally:
        gc.enable()
