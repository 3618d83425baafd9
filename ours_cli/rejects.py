"""What failed, for people: rejects in the source's own format, so that they can be mended and fed back.

Rejects hold health data: files are made with mode 0600 in a 0700 folder, and links are never followed.
"""

from __future__ import annotations

import csv
import errno
import json
import os
import stat
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

import orjson

from ours_cli.errors import LocalIOError, UsageError
from ours_cli.event import Reject
from ours_cli.mend import marks_for
from ours_cli.record import Malformed, Table


class RejectSink(Protocol):
    """Where one table's rejects go."""

    def write(self, reject: Reject, table: Table, /) -> None:
        """Write one reject of this table."""


class Rejects:
    """All rejects of a run. Nothing is created until the first reject, but for a path the person named.

    Tables of one shape share a file; another header or format opens the next (`rejects-2.csv`).
    """

    def __init__(self, path: str | None, folder: Path) -> None:
        self._named = Path(path) if path not in (None, "-") else None
        self._stdout = path == "-"
        self._folder = folder
        self._tables: dict[int, Table] = {}
        self._sinks: dict[object, RejectSink] = {}
        self._streams: list[IO[str]] = []
        self.paths: list[Path] = []
        self._reserved = self._reserve()

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
            sink.write(reject, table)
        except OSError as error:
            raise _io_error(error, self.paths[-1] if self.paths else self._folder) from None

    def sync(self) -> None:
        """Have everything written so far on disk; raises `LocalIOError`."""
        try:
            for stream in self._streams:
                stream.flush()
                if _is_file(stream):
                    os.fsync(stream.fileno())
        except OSError as error:
            raise _io_error(error, self.paths[-1] if self.paths else self._folder) from None

    def close(self) -> None:
        """Sync and close the files; a file that the person named and that stayed empty goes away."""
        self.sync()
        for stream in self._streams:
            if stream is not sys.stdout:
                stream.close()
        if self._reserved is not None:
            assert self._named is not None
            if _is_file(self._reserved):
                self._named.unlink(missing_ok=True)
            self._reserved.close()

    def _reserve(self) -> IO[str] | None:
        """Open a path that the person named at once, so that a failure shows before anything is sent."""
        return None if self._named is None else _create(self._named)

    def _open(self, table: Table) -> RejectSink:
        if self._stdout:
            self._streams.append(sys.stdout)
            return _JsonSink(sys.stdout)
        stream = self._next_stream(table)
        self._streams.append(stream)
        return _JsonSink(stream) if table.columns is None else _CsvSink(stream, table)

    def _next_stream(self, table: Table) -> IO[str]:
        if self._reserved is not None:
            assert self._named is not None
            stream, self._reserved = self._reserved, None
            self.paths += [self._named] if _is_file(stream) else []
            return stream
        first = self._named or self._folder / f"rejects.{_suffix(table)}"
        count = len(self.paths) + 1
        path = first if count == 1 else first.with_name(f"{first.stem}-{count}.{_suffix(table)}")
        make_private_folder(path.parent)
        stream = _create(path)
        self.paths.append(path)
        return stream


class _CsvSink:
    """Rejects as a delimited file: the source's columns first, then the marks."""

    def __init__(self, stream: IO[str], table: Table) -> None:
        assert table.columns is not None
        self._width = len(table.columns)
        # Where the source quotes nothing, rejects must all the same: messages and raw rows hold delimiters.
        self._writer = csv.writer(
            _LineFeeds(stream),
            delimiter=table.dialect.delimiter,
            quotechar=table.dialect.quote or '"',
            lineterminator="\r\n",
        )
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


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter; raises `LocalIOError`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _io_error(error, folder) from None


def _create(path: Path) -> IO[str]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK) or path.is_symlink():
            raise UsageError(
                f"the rejects file {path} is a link, and rejects hold health data",
                hint="name the file itself",
            ) from None
        raise _io_error(error, path) from None
    # surrogateescape gives bytes that were no valid UTF-8 back as they came.
    stream = os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="")
    if hasattr(os, "fchmod") and _is_file(stream):
        os.fchmod(descriptor, 0o600)
    return stream


def _is_file(stream: IO[str]) -> bool:
    """Whether it is a file of our own, not standard output, nor `/dev/null` or a pipe by name."""
    return stream is not sys.stdout and stat.S_ISREG(os.fstat(stream.fileno()).st_mode)


def _io_error(error: OSError, path: Path) -> LocalIOError:
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return LocalIOError(f"{path} cannot be written: {reason}", hint="--rejects PATH names another place")
