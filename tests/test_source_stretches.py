"""Rows read many at once are those read one by one: the same lines, fields, codes and texts, in one order."""

from __future__ import annotations

import io
import json
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stretches import flat, nothing_in_bulk

from ours_cli.errors import SourceError
from ours_cli.record import STRETCH_MAX, Malformed, Piece, Record, Rows, Stretch, Table
from ours_cli.rejects.mend import mended
from ours_cli.source import ReadOptions, byte_stream, line_window, lines, open_table
from ours_cli.source.pieces import parse_piece

SHARED = Path(__file__).resolve().parents[2] / "shared"
FILES = sorted(
    path
    for folder in (SHARED / "realdata", SHARED / "corpora" / "csv-spectrum", SHARED / "corpora")
    for path in folder.rglob("*")
    if path.is_file() and path.suffix in (".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".txt")
)


def one_by_one(opened: Callable[[], Table]) -> list[Record | Malformed]:
    """Every row of the table, each read by itself."""
    with nothing_in_bulk():
        return list(opened().records)


def in_bulk(table: Table) -> list[Record | Malformed]:
    """Every row of the table from where it stands, walked in stretches."""
    return list(flat(table.records.in_bulk()))


def in_pieces(table: Table, ahead: int) -> list[Record | Malformed]:
    """Every row of the table, as seen by code that has so many pieces at a time parsed elsewhere."""
    assert table.records.pieces is not None
    pieces = table.records.pieces()
    found: list[Record | Malformed] = []
    waiting: deque[Piece | Rows] = deque()
    while True:
        while len(waiting) < ahead and (rows := pieces.next()) is not None:
            waiting.append(rows)
        if not waiting:
            return found
        oldest = waiting.popleft()
        if not isinstance(oldest, Piece):
            found += flat([oldest])
        elif (parsed := parse_piece(oldest, table)) is not None:
            pieces.confirm()
            found += flat(parsed)
        else:
            pieces.take_back()
            waiting.clear()


def assert_alike(opened: Callable[[], Table], *, cuts_rows: bool = False) -> None:
    """`cuts_rows`: where blocks end decides which record is too long, and pieces are blocks of their own."""
    try:
        expected = one_by_one(opened)
    except SourceError:
        return
    for found in (list(opened().records), in_bulk(opened())):
        assert repr(found) == repr(expected)
        assert [type(row) for row in found] == [type(row) for row in expected]
    if opened().records.pieces is not None and not cuts_rows:
        assert repr(in_pieces(opened(), 1)) == repr(expected)
        assert repr(in_pieces(opened(), 4)) == repr(expected)


class Trickle(io.RawIOBase):
    """Bytes that arrive in pieces of a given size."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = io.BytesIO(data)
        self._size = size

    def read1(self, size: int) -> bytes:
        return self._data.read(min(self._size, size))


@pytest.mark.parametrize("end", [b'"\n5,6\n', b'\n5,6"\n7,8\n'])
def test_a_line_that_is_too_long_behind_an_open_quote(monkeypatch: pytest.MonkeyPatch, end: bytes) -> None:
    for module in (lines, line_window):
        monkeypatch.setattr(module, "MAX_RECORD", 300_000)
    data = b"a,b\n" + b"1,2\n" * 60_000 + b'3,"x\n' + b"y" * 900_000 + end
    assert_alike(lambda: open_table("-", ReadOptions(delimiter=","), Trickle(data, 10_000)))  # type: ignore[arg-type]


PIECES = st.sampled_from(
    [
        *(b"a,b,c\n", b"1,2,3\r\n", b'4,"5\n6",7\n', b'"', b",", b"\n", b"\r", b"x", b"\n\n", b"8,9\n"),
        *(b",2,3\n", b"1,2,3,\n", b"1,2,3,4\n", b"\0", b"\xff", "é".encode(), b'""', b'a,"b"c,d\n'),
        *(
            b" \n",
            b"\x0b",
            b"\xe2\x80\xa8",
            b"one,two,three\n",
            b'\xef\xbb\xbf"one",two,three\n',
            b"one,2,3\n",
        ),
        *(b"\\", b"\\\n", b"1,2,3\\\n", b"4\\\n", b"5,6\\\r\n"),
    ]
)


@given(
    st.lists(PIECES, max_size=40),
    st.integers(1, 30),
    st.sampled_from([4, 64 * 1024 * 1024]),
    st.sampled_from([b"one,two,three\n", b"one\n"]),
)
@example([b'"\n'] * 6 + [b"1,2,3\n"] * 3, 3, 4, b"one,two,three\n")
@example([b'\0"a,b,c\n', b" \n"], 1, 1 << 20, b"one\n")
@example([b"\\\n", b"one,2,3\n"], 1, 1 << 20, b"one,two,three\n")
def test_delimited_text(pieces: list[bytes], block: int, longest: int, header: bytes) -> None:
    data = header + b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_stream, "SAMPLE_BYTES", 8)
        patch.setattr(byte_stream.ByteStream, "size", len(data))  # as of a file: pieces are for files alone
        patch.setattr(lines, "MAX_RECORD", max(longest, 14))
        patch.setattr(line_window, "MAX_RECORD", max(longest, 14))
        assert_alike(
            lambda: open_table("-", ReadOptions(delimiter=","), Trickle(data, block)),  # type: ignore[arg-type]
            cuts_rows=longest < len(data),
        )


OBJECTS = st.sampled_from(
    [
        *('{"a":1}', '{"a": 1, "b": "x"}', '{"a":1,"a":2}', '{"a":[1', "2]}", "{},{}", "", " ", "[1]", "17"),
        *('{"a":"\\u0022:"}', '{"b":18446744073709551616}', '{"b":"é"}', '{"b":"\udcff"}', '{"b":1}\r'),
        *('{"a" :1}', '{"c":1.50}', '{"x":{"a":1}}'),
    ]
)


@given(st.lists(OBJECTS, max_size=12), st.integers(1, 60), st.booleans())
def test_json_lines(texts: list[str], block: int, ended: bool) -> None:
    data = "\n".join(['{"first":1}', *texts]).encode("utf-8", "surrogateescape") + b"\n" * ended
    assert_alike(lambda: open_table("-", ReadOptions(format="ndjson"), Trickle(data, block)))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", FILES, ids=lambda path: "-".join(path.parts[-2:]))
def test_files_that_others_wrote(path: Path) -> None:
    def opened(**told: Any) -> Callable[[], Table]:
        return lambda: open_table(path, ReadOptions(**told))

    for told in ({}, {"no_header": True}, {"quote": "none"}):
        try:
            opened(**told)()
        except SourceError:
            continue
        assert_alike(opened(**told))


def test_most_of_a_large_file_comes_in_pieces(tmp_path: Path) -> None:
    """Rows over two lines, and a stray quote in the middle, which costs its own piece and no other."""
    rows = [f'{n},"two\nlines",{"y" * 200}\n' for n in range(12_000)]
    rows[6000] = '6000,a "quote,x\n'
    (file := tmp_path / "large.csv").write_text("n,t,long\n" + "".join(rows), "utf-8")
    table = open_table(file, ReadOptions())
    assert table.records.pieces is not None
    pieces, ordinary = table.records.pieces(), 0
    while (rows_read := pieces.next()) is not None:
        if not isinstance(rows_read, Piece):
            ordinary += len(list(flat([rows_read])))
        elif parse_piece(rows_read, table) is None:
            pieces.take_back()
        else:
            pieces.confirm()
    assert 0 < ordinary < 5000
    assert_alike(lambda: open_table(file, ReadOptions()))


@pytest.mark.parametrize("taken", [1, 3, 700])
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_the_rest_comes_in_bulk_where_some_were_taken(form: str, taken: int) -> None:
    cells = [["7", 'x\n"y"'] for _ in range(1500)]
    if form == "csv":
        text = "n,t\n" + "".join('7,"x\n""y"""\n' for _ in cells)
    else:
        text = "".join(json.dumps({"n": n, "t": t}) + "\n" for n, t in cells)

    def opened() -> Table:
        return open_table("-", ReadOptions(format=form), io.BytesIO(text.encode()))  # type: ignore[arg-type]

    parted = opened()
    taken_rows = list(islice(parted.records, taken))
    assert taken_rows + in_bulk(parted) == one_by_one(opened)


def test_a_pipe_that_trickles_is_not_waited_for() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as stdin:
        os.write(writing, b'a,b\n1,2\n3,4\n5,"6\n')
        table = open_table("-", ReadOptions(), stdin)
        rows = table.records.in_bulk()
        assert next(rows) == Stretch([2, 3], [["1", "2"], ["3", "4"]])
        os.write(writing, b'7"\n')
        assert next(rows) == Record(4, ["5", "6\n7"])
        os.close(writing)
        assert list(rows) == []


def test_bytes_are_counted_and_the_file_is_closed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 300_000)
    table = open_table(path, ReadOptions())
    rows = table.records.in_bulk()
    next(rows)
    assert 0 < table.position() < path.stat().st_size
    assert sum(len(row.fields) for row in rows if isinstance(row, Stretch)) == 300_000 - STRETCH_MAX
    assert table.position() == path.stat().st_size


REJECTS = [
    '{"n":1,"_line":4,"_distinctId":"d1","_code":"bad_time","_message":"m"}',
    '{"_line":5,"_distinctId":"d2","_code":"bad_json","_message":"m","_raw":"{\\"n\\":2}"}',
    '{"n":3}',
]


def test_rejects_fed_back_are_mended_alike() -> None:
    def opened(text: str) -> Table:
        return mended(open_table("-", ReadOptions(format="ndjson"), io.BytesIO(text.encode())))

    for text in ("\n".join(REJECTS), "\n".join([*REJECTS, "{", REJECTS[0]])):
        assert in_bulk(opened(text)) == one_by_one(partial(opened, text))
    # The columns of a rejects file in CSV are taken off row by row.
    rejects = mended(
        open_table("-", ReadOptions(), io.BytesIO(b"n,_line,_distinctId,_code,_message,_raw\n1,2,d,c,m,\n"))
    )
    assert list(rejects.records.in_bulk()) == [Record(2, ["1"], "d")]


def test_the_lines_of_a_long_piece_are_those_of_its_rows() -> None:
    count = STRETCH_MAX + 2
    pieces = (
        (b'{"a":1}\n' * count, Table("t", "ndjson", None)),
        ("1,2\n" * count, Table("t", "csv", ("a", "b"))),
    )
    for text, table in pieces:
        parsed = parse_piece(Piece(text, 7), table)
        assert parsed is not None
        assert [line for stretch in parsed for line in stretch.lines] == list(range(7, 7 + count))


def test_a_piece_with_a_blank_row_is_read_in_the_ordinary_way() -> None:
    table = Table("t", "csv", ("a", "b"))
    assert parse_piece(Piece("1,2\n3,4\n", 2), table) is not None
    assert parse_piece(Piece("1,2\n,\n", 2), table) is None
