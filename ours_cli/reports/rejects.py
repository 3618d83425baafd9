"""What failed, for people: rejects in the source's own format, so that they can be mended and fed back.

Rejects hold health data: files are made with mode 0600 in a 0700 folder, and links are never followed.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Protocol, Self

import orjson

from ours_cli.errors import ClosedOutputError, LocalIOError
from ours_cli.event import Reject
from ours_cli.mend import marks_for
from ours_cli.private_files import is_regular, local_io, make_private_folder, open_private
from ours_cli.record import Malformed, Table


class RejectSink(Protocol):
    """Where one table's rejects go."""

    def write(self, reject: Reject, table: Table, /) -> None:
        """Write one reject of this table."""


class RejectFile(NamedTuple):
    """A rejects file as far as it is known to be on disk: the shape of its rows (a digest), and its bytes."""

    shape: str
    path: str
    size: int


class Rejects:
    """All rejects of a run. Nothing is created until the first reject, but for a path the person named.

    Tables of one shape share a file; another header or format opens the next (`rejects-2.csv`). `known` are
    the files of earlier attempts: each is cut back to what was recorded, and written on.
    """

    def __init__(self, path: str | None, folder: Path, known: Sequence[RejectFile] = ()) -> None:
        self._named = Path(path) if path not in (None, "-") else None
        self._stdout = path == "-"
        self._folder = folder
        self._tables: dict[int, Table] = {}
        self._sinks: dict[object, RejectSink] = {}
        self._streams: list[IO[str]] = []
        self._files: list[tuple[str, Path, IO[str]]] = []
        self._known = {} if self._stdout else {file.shape: file for file in known}
        self._dirty = False
        self._reserved = self._reserve()

    @property
    def are_shown(self) -> bool:
        """Whether they go to standard output, where somebody waits for each."""
        return self._stdout

    @property
    def paths(self) -> list[Path]:
        """The files that hold this run's rejects, those of earlier attempts included."""
        earlier = [Path(file.path) for file in self._known.values()]
        return list(dict.fromkeys(earlier + [path for _, path, _ in self._files]))

    def files(self) -> list[RejectFile]:
        """What is on disk now; only sizes after a `sync` are to be relied on."""
        now = {
            shape: RejectFile(shape, str(path), os.fstat(stream.fileno()).st_size)
            for shape, path, stream in self._files
        }
        return list({**self._known, **now}.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add_table(self, index: int, table: Table) -> None:
        """Make a table known before its first reject."""
        self._tables[index] = table

    def write(self, reject: Reject) -> None:
        """Write one reject; raises `LocalIOError` when the disk is full or the file cannot be made."""
        table = self._tables[reject.origin.table]
        key = None if self._stdout else (table.columns, table.dialect)
        try:
            sink = self._sinks.get(key)
            if sink is None:
                sink = self._sinks[key] = self._open(table)
            self._dirty = True
            sink.write(reject, table)
        except BrokenPipeError:
            raise ClosedOutputError from None
        except OSError as error:
            raise _io_error(error, self.paths[-1] if self.paths else self._folder) from None

    def sync(self) -> None:
        """Have everything written so far on disk; raises `LocalIOError`."""
        if not self._dirty:
            return
        try:
            for stream in self._streams:
                stream.flush()
                if is_regular(stream):
                    os.fsync(stream.fileno())
        except BrokenPipeError:
            raise ClosedOutputError from None
        except OSError as error:
            raise _io_error(error, self.paths[-1] if self.paths else self._folder) from None
        self._dirty = False

    def close(self) -> None:
        """Sync and close the files; a file that the person named and that stayed empty goes away."""
        self.sync()
        for stream in self._streams:
            if stream is not sys.stdout:
                stream.close()
        if self._reserved is not None:
            assert self._named is not None
            if is_regular(self._reserved):
                self._named.unlink(missing_ok=True)
            self._reserved.close()

    def _reserve(self) -> IO[str] | None:
        """Open a path that the person named at once, so that a failure shows before anything is sent."""
        if self._named is None or any(Path(file.path) == self._named for file in self._known.values()):
            return None
        return open_private(self._named)

    def _open(self, table: Table) -> RejectSink:
        if self._stdout:
            self._streams.append(sys.stdout)
            return _JsonSink(sys.stdout)
        shape = _shape(table)
        known = self._known.get(shape)
        stream = _reopen(known) if known is not None else None
        begun = stream is not None
        if stream is None:
            stream = self._next_stream(table, shape)
        elif known is not None:
            self._files.append((shape, Path(known.path), stream))
        self._streams.append(stream)
        return _JsonSink(stream) if table.columns is None else _CsvSink(stream, table, with_header=not begun)

    def _next_stream(self, table: Table, shape: str) -> IO[str]:
        if self._reserved is not None:
            assert self._named is not None
            stream, self._reserved = self._reserved, None
            if is_regular(stream):
                self._files.append((shape, self._named, stream))
            return stream
        first = self._named or self._folder / f"rejects.{_suffix(table)}"
        count = len(self.paths) + 1
        path = first if count == 1 else first.with_name(f"{first.stem}-{count}.{_suffix(table)}")
        make_private_folder(path.parent)
        stream = open_private(path)
        self._files.append((shape, path, stream))
        return stream


def _shape(table: Table) -> str:
    """A digest of what a rejects file's rows look like: column names must not stand in the journal."""
    return hashlib.blake2b(repr((table.columns, table.dialect)).encode(), digest_size=8).hexdigest()


def _reopen(file: RejectFile) -> IO[str] | None:
    """Cut a file back to what is recorded (a crash may have left half a row); None if it is gone."""
    path = Path(file.path)
    if not path.is_file() or path.stat().st_size < file.size:
        return None
    stream = open_private(path, append=True)
    stream.truncate(file.size)
    return stream


class _CsvSink:
    """Rejects as a delimited file: the source's columns first, then the marks."""

    def __init__(self, stream: IO[str], table: Table, *, with_header: bool) -> None:
        assert table.columns is not None
        self._width = len(table.columns)
        # Where the source quotes nothing, rejects must all the same: messages and raw rows hold delimiters.
        self._writer = csv.writer(
            _LineFeeds(stream),
            delimiter=table.dialect.delimiter,
            quotechar=table.dialect.quote or '"',
            lineterminator="\r\n",
        )
        if with_header:
            self._writer.writerow([*table.columns, *marks_for(table.columns)])

    def write(self, reject: Reject, _table: Table) -> None:
        row = reject.origin.row
        if isinstance(row, Malformed):
            cells, raw = [""] * self._width, row.raw
        else:
            assert isinstance(row.fields, list)
            cells, raw = row.fields + [""] * (self._width - len(row.fields)), ""
        self._writer.writerow([*cells, row.line, reject.distinct_id, reject.code, reject.message, raw])


class _LineFeeds:
    """Ends lines with a line feed alone.

    Before Python 3.13 the csv module quotes a carriage return in a cell only where the line end has one.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, line: str) -> int:
        return self._stream.write(line.removesuffix("\r\n") + "\n")


class _JsonSink:
    """Rejects as NDJSON: the row's own keys first, then the marks."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, reject: Reject, table: Table) -> None:
        row = reject.origin.row
        own: dict[str, Any] = {}
        if not isinstance(row, Malformed):
            cells = row.fields
            own = dict(zip(table.columns or (), cells, strict=False)) if isinstance(cells, list) else cells
        raw = row.raw if isinstance(row, Malformed) else None
        values = (row.line, reject.distinct_id, reject.code, reject.message, raw)
        marks = dict(zip(marks_for(own), values, strict=True))
        if raw is None:
            marks.popitem()
        self._stream.write(_dumps({**own, **marks}) + "\n")


def _dumps(row: dict[str, Any]) -> str:
    try:
        return orjson.dumps(row).decode()
    except TypeError:
        # Integers beyond 64 bits, or bytes that were not valid UTF-8: the standard library writes both.
        return json.dumps(row)


def _suffix(table: Table) -> str:
    if table.columns is None:
        return "ndjson"
    return "tsv" if table.dialect.delimiter == "\t" else "csv"


def _io_error(error: OSError, path: Path) -> LocalIOError:
    return local_io(error, path, hint="--rejects PATH names another place")
