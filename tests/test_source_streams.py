"""Bytes: gzip, containers, encodings, pipes that trickle, memory that stays flat."""

from __future__ import annotations

import gzip
import io
import os
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from conftest import Ours
from hypothesis import given
from hypothesis import strategies as st

from ours_cli.errors import SourceError
from ours_cli.record import Record, Table
from ours_cli.source import ReadOptions, open_table
from ours_cli.source.text_encoding import ends_in_character

CSV = "a,b\n1,é\n3,4\n"
CSV_ROWS = [Record(2, ["1", "é"]), Record(3, ["3", "4"])]


class Pipe:
    """A pipe as standard input, with a hand on its other end."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self.stdin = os.fdopen(reading, "rb")

    def write(self, data: bytes) -> None:
        os.write(self._writing, data)

    def close(self) -> None:
        os.close(self._writing)

    def finish(self, data: bytes) -> None:
        self.write(data)
        self.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    with made.stdin:
        yield made


def from_bytes(data: bytes, **options: object) -> Table:
    return open_table("-", ReadOptions(**options), io.BytesIO(data))  # type: ignore[arg-type]


def test_gzip_is_told_by_its_bytes_on_files_and_pipes(tmp_path: Path, pipe: Pipe) -> None:
    packed = gzip.compress(CSV.encode(), mtime=0)
    path = tmp_path / "no-suffix"
    path.write_bytes(packed)
    table = open_table(path, ReadOptions())
    assert list(table.records) == CSV_ROWS
    assert table.position() == table.size == len(packed)
    pipe.write(packed)
    pipe.close()
    assert list(open_table("-", ReadOptions(), pipe.stdin).records) == CSV_ROWS


def test_gzip_members_follow_one_another_and_padding_is_no_data() -> None:
    packed = gzip.compress(b"a,b\n", mtime=0) + gzip.compress("1,é\n3,4\n".encode(), mtime=0) + b"\0" * 100
    assert list(from_bytes(packed).records) == CSV_ROWS


@pytest.mark.parametrize("cut", [5, 12, -1, -9])
def test_gzip_that_is_cut_off_is_an_error_not_an_end(cut: int) -> None:
    with pytest.raises(SourceError, match="cut off"):
        list(from_bytes(gzip.compress(CSV.encode(), mtime=0)[:cut]).records)


def test_a_long_gzip_gives_its_rows_before_the_cut_shows() -> None:
    rows = b"".join(b"%d,%d\n" % (number, number * 7919) for number in range(400_000))
    table = from_bytes(gzip.compress(b"a,b\n" + rows, mtime=0)[:-10])
    with pytest.raises(SourceError, match="cut off"):
        for _ in range(400_001):
            assert isinstance(next(table.records), Record)


@pytest.mark.parametrize("damaged", [b"garbage after", gzip.compress(b"x", mtime=0)[:6] + b"\xff" * 30])
def test_damaged_gzip_is_an_error(damaged: bytes) -> None:
    with pytest.raises(SourceError):
        list(from_bytes(gzip.compress(CSV.encode(), mtime=0) + damaged).records)


def zipped(name: str, content: bytes = b"a,b") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(name, content)
    return written.getvalue()


@pytest.mark.parametrize(
    ("magic", "remedy"),
    [
        (zipped("orders.csv"), "unzip -p"),
        (zipped("[Content_Types].xml"), "export its sheet as CSV"),
        (zipped("xl/workbook.xml"), "export its sheet as CSV"),
        (zipped("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), "export its sheet as CSV"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd -dc"),
        (b"BZh91AY&SY\x00", "bzip2 -dc"),
        (b"\xfd7zXZ\x00\x00", "xz -dc"),
        (b"PAR1\x15\x04", "whole and not packed"),
        (b"SQLite format 3\x00", "sqlite3"),
        (b"x" * 257 + b"ustar\x00" + b"\0" * 100, "unpack"),
        (gzip.compress(b"x" * 257 + b"ustar\x00" + b"\0" * 100, mtime=0), "unpack"),
    ],
)
def test_containers_are_refused_with_what_to_do(tmp_path: Path, magic: bytes, remedy: str) -> None:
    path = tmp_path / "my export.csv"
    path.write_bytes(magic)
    with pytest.raises(SourceError) as refused:
        open_table(path, ReadOptions())
    assert remedy in str(refused.value.hint)
    assert ("unzip" in str(refused.value.hint)) == (remedy == "unzip -p")
    if remedy.endswith((" -dc", " -p")):
        assert f"`{remedy} '{path}' | ours ... -`" in str(refused.value.hint)
        with pytest.raises(SourceError) as refused:
            from_bytes(magic)
        assert refused.value.hint == f"`{remedy} FILE | ours ... -`"


def test_a_csv_may_begin_like_a_container() -> None:
    assert from_bytes(b"PAR1,BZh9\nx,y\n").columns == ("PAR1", "BZh9")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8"])
def test_unicode_is_detected(encoding: str) -> None:
    table = from_bytes(CSV.encode(encoding))
    assert (table.columns, list(table.records)) == (("a", "b"), CSV_ROWS)
    assert bool(table.notes) == (encoding != "utf-8")


@pytest.mark.parametrize(("told", "code"), [("utf-16", 6), ("utf-32", 6), ("punycode", 2), ("idna", 2)])
def test_an_encoding_that_the_file_is_not_in_is_no_bug(
    told: str, code: int, ours: Ours, tmp_path: Path
) -> None:
    file = tmp_path / "f.csv"
    file.write_bytes(b"id,t\n\xe9,2026-11-29T10:00:00Z\n1,nope\n")
    words = ("--encoding", told, "--time", "{t}", "--event", "E", "--external-id", "{id}", "--dry-run")
    assert ours("backfill", file, *words).code == code


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("latin-1", "latin-1"),
        ("utf-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16", "utf-16-be"),
        ("UTF8", "utf-8"),
    ],
)
def test_the_encoding_told_is_used(told: str, written: str) -> None:
    table = from_bytes(CSV.encode(written), encoding=told)
    assert (table.columns, list(table.records)) == (("a", "b"), CSV_ROWS)


@pytest.mark.parametrize(("text", "codec"), [("é €", "cp1252"), ("é \x81", "latin-1")])
def test_western_text_is_detected_where_several_lines_say_so(text: str, codec: str) -> None:
    table = from_bytes(f"a,b\n1,{text}\n2,{text}\n".encode(codec))
    assert list(table.records) == [Record(2, ["1", text]), Record(3, ["2", text])]
    assert codec in table.notes[0]


def test_lines_that_end_in_cr_alone_are_of_a_mac() -> None:
    """Excel's "CSV (Macintosh)"; cp1252 would make Ž of é, without a word."""
    table = from_bytes("a,b\r1,Zoé\r2,Müller\r".encode("mac-roman"))
    assert list(table.records) == [Record(2, ["1", "Zoé"]), Record(3, ["2", "Müller"])]
    assert "read as mac-roman" in table.notes[0]
    assert next(iter(from_bytes("a,b\r1,Zoé\r2,Müller\r".encode()).records)) == Record(2, ["1", "Zoé"])


def test_one_line_of_valid_utf8_speaks_against_western_text() -> None:
    codes = [getattr(row, "code", "") for row in from_bytes(b"a\n\xc3\xa9\n\xe9\n\xe8\n").records]
    assert codes == ["", "bad_encoding", "bad_encoding"]


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (b'{"a":1}\n', b'{"a":2}\n', [{"a": 1}, {"a": 2}]),
        (b'{\n"a":1\n}\n', b'{\n"a":2\n}\n', [{"a": 1}, {"a": 2}]),
        (b"a,b\n1,2\n", b"3,4\n", [["1", "2"], ["3", "4"]]),
    ],
)
def test_a_row_is_there_as_soon_as_its_line_is(
    pipe: Pipe, first: bytes, then: bytes, expected: list[object]
) -> None:
    pipe.write(first)
    records = open_table("-", ReadOptions(), pipe.stdin).records
    # Each of these would wait for ever if the reader asked for more than a line.
    row = next(records)
    assert row[1] == expected[0]
    pipe.write(then)
    assert next(records)[1] == expected[1]
    pipe.close()
    assert list(records) == []


def test_a_slow_writer_is_waited_for_through_blank_lines(pipe: Pipe) -> None:
    pipe.write(b"\n")
    later = threading.Timer(0.4, pipe.finish, [b'{"a":1}\n'])
    later.start()
    assert list(open_table("-", ReadOptions(), pipe.stdin).records) == [Record(2, {"a": 1})]
    later.join()


def test_a_nonblocking_pipe_is_no_end_of_file(pipe: Pipe) -> None:
    os.set_blocking(pipe.stdin.fileno(), False)
    later = threading.Timer(0.2, pipe.finish, [CSV.encode()])
    later.start()
    assert list(open_table("-", ReadOptions(), pipe.stdin).records) == CSV_ROWS
    later.join()


def test_a_fifo_is_a_file_that_cannot_seek(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(gzip.compress(CSV.encode(), mtime=0),))
    writer.start()
    table = open_table(path, ReadOptions())
    assert (table.size, list(table.records)) == (None, CSV_ROWS)
    writer.join()


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="open files cannot be counted")
@pytest.mark.parametrize("taken", [0, 1, None])
@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.ndjson", "rows.json"])
def test_closing_a_table_closes_its_file(name: str, taken: int | None, tmp_path: Path) -> None:
    """Whether rows were taken or not, and while somebody holds the table."""
    path = tmp_path / name
    content = CSV if "csv" in name else '{"a": 1}\n' * 2 if "ndjson" in name else '[{"a": 1}, {"a": 2}]'
    path.write_bytes(gzip.compress(content.encode()) if name.endswith("gz") else content.encode())
    before = os.listdir("/dev/fd")
    table = open_table(path, ReadOptions())
    rows = list(islice(table.records, taken))
    table.close()
    assert os.listdir("/dev/fd") == before
    assert len(rows) == (2 if taken is None else taken)


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path) -> None:
    """At the end of a row, so that nothing in it shows it."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n" + b"1,7\n" * 400_000)
    records = open_table(path, ReadOptions()).records
    next(records)
    os.truncate(path, 4 * 300_000)
    with pytest.raises(SourceError, match="was cut while it was read"):
        list(records)


@given(st.text(), st.integers(0, 3))
def test_a_character_of_which_the_beginning_is_there(text: str, cut: int) -> None:
    data = text.encode("utf-8", "ignore")
    part = data[: len(data) - cut]
    assert ends_in_character(part) == (part != part.decode("utf-8", "ignore").encode())
    assert not ends_in_character(data + b"\xff")
    assert not ends_in_character(b"\xe9t\xe9")


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n" + b"1,7\n" * 400_000)
    records = open_table(path, ReadOptions()).records
    next(records)
    with path.open("ab") as stream:
        stream.write(b"8,9\n" * 10)
    assert sum(1 for _ in records) == 400_009


def test_a_file_that_is_not_there_or_no_file_is_a_source_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(SourceError):
            open_table(path, ReadOptions())
    with pytest.raises(SourceError):
        open_table("-", ReadOptions(), None)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["csv", "ndjson", "json"])
def test_memory_stays_flat_over_200_megabytes(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"big.{kind}"
    body = {
        "csv": f'x,"y\nz",{"w" * 200}\n',
        "ndjson": f'{{"a":"{"w" * 200}"}}\n',
        "json": f'{{"a":"{"w" * 200}"}},\n',
    }[kind]
    head, tail = {"csv": ("a,b,c\n", ""), "ndjson": ("", ""), "json": ("[\n", "{}]")}[kind]
    with path.open("w") as file:
        file.write(head)
        for _ in range(200):
            file.write(body * (1_000_000 // len(body)))
        file.write(tail)
    table = open_table(path, ReadOptions())
    tracemalloc.start()
    assert all(isinstance(row, Record) for row in table.records)
    assert tracemalloc.get_traced_memory()[1] < 16_000_000


def test_what_trickles_is_not_waited_for_until_it_is_silent(pipe: Pipe) -> None:
    """A row every twentieth of a second: never silent, and far from filling a sample."""
    ended = threading.Event()

    def trickle() -> None:
        while not ended.wait(0.05):
            pipe.write(b'{"a":1}\n')

    writer = threading.Thread(target=trickle)
    writer.start()
    try:
        began = time.monotonic()
        table = open_table("-", ReadOptions(), pipe.stdin)
        assert isinstance(next(table.records), Record)
        assert time.monotonic() - began < 20, "64 KiB take six minutes"
    finally:
        ended.set()
        writer.join()
        pipe.close()
