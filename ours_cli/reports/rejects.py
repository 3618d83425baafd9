"""What failed, for people: rejects in the source's own format, so that they can be mended and fed back.

Rejects hold health data: files are made with mode 0600 in a 0700 folder, and links are never followed. They
are also where people mend rows, so nothing that somebody wrote there is overwritten or cut off.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import orjson

from ours_cli.errors import ClosedOutputError, LocalIOError
from ours_cli.event import Reject
from ours_cli.mend import marks_for
from ours_cli.private_files import is_regular, local_io, make_private_folder, open_private
from ours_cli.record import RAGGED_ROW, Malformed, Table


class RejectSink(Protocol):
    """Where one table's rejects go."""

    def write(self, reject: Reject, table: Table, /) -> None:
        """Write one reject of this table."""


class _TextSink(Protocol):
    def write(self, text: str, /) -> int: ...


Past: TypeAlias = Literal["none", "ended", "killed"]
"""What came before this attempt at a run: nothing, or attempts of which the last one ended, or was killed.

One that could not write down its end, of a full disk, counts as killed.
"""

_STDOUT: Final = Path("standard output")
"""What messages call it."""

_CHUNK_BYTES: Final = 1 << 20


class Extent(NamedTuple):
    """The first bytes of a file: how many, and their digest."""

    size: int
    digest: str


NOTHING: Final = Extent(0, hashlib.blake2b(digest_size=16).hexdigest())


class RejectFile(NamedTuple):
    """A rejects file as it is on disk. `shape` is a digest of what its rows look like."""

    path: str
    shape: str
    extent: Extent


class KnownRejects(NamedTuple):
    """A rejects file of earlier attempts: what blocks in the journal account for, and what was left.

    The last attempt may have `left` more than is `recorded`: rejects of blocks that were not settled.
    """

    path: str
    shape: str
    recorded: Extent
    left: Extent


class Rejects:
    """All rejects of a run. Nothing is created until the first reject, except a path that the person named.

    Tables of one shape share a file; another header or format opens the next (`rejects-2.csv`). `known` are
    the files of earlier attempts: each is cut back to what was recorded and written on, as long as nobody
    changed it. A file that another run left at a path is kept under another name. `remarks` tells of both.
    """

    def __init__(
        self, path: str | None, folder: Path, known: Sequence[KnownRejects] = (), *, past: Past = "none"
    ) -> None:
        self._named = Path(path) if path not in (None, "-") else None
        self._stdout = path == "-"
        self._folder = folder
        self._tables: dict[int, Table] = {}
        self._sinks: dict[object, tuple[RejectSink, Path]] = {}
        self._streams: list[tuple[IO[str], Path]] = []
        self._files: list[_OpenFile] = []
        self._past = past
        self._known = () if self._stdout else tuple(known)
        self._at_end: list[RejectFile] | None = None
        self._dirty = False
        self.remarks: list[str] = []
        self._reserved = self._reserve()

    @property
    def are_shown(self) -> bool:
        """Whether they go to standard output, where somebody waits for each."""
        return self._stdout

    @property
    def paths(self) -> list[Path]:
        """The files that hold this run's rejects, those of earlier attempts included."""
        earlier = [path for file in self._known if (path := Path(file.path)).exists()]
        return list(dict.fromkeys(earlier + [file.path for file in self._files]))

    def files(self) -> list[RejectFile]:
        """What this attempt has on disk; to be relied on after a `sync`, and once it is closed."""
        return [file.as_it_is() for file in self._files] if self._at_end is None else self._at_end

    def add_table(self, index: int, table: Table) -> None:
        """Make a table known before its first reject."""
        self._tables[index] = table

    def write(self, reject: Reject) -> None:
        """Write one reject; raises `LocalIOError` when the disk is full or the file cannot be made."""
        table = self._tables[reject.origin.table]
        key = None if self._stdout else (table.columns, table.dialect)
        path = self._folder
        try:
            if key not in self._sinks:
                self._sinks[key] = self._open(table), self._streams[-1][1]
            sink, path = self._sinks[key]
            self._dirty = True
            if table.prefix:
                reject = reject._replace(message=table.prefix + reject.message)
            sink.write(reject, table)
        except BrokenPipeError:
            raise ClosedOutputError from None
        except OSError as error:
            raise _io_error(error, path) from None

    def sync(self) -> None:
        """Have everything written so far on disk; raises `LocalIOError`."""
        if not self._dirty:
            return
        for stream, path in self._streams:
            try:
                stream.flush()
                if is_regular(stream):
                    os.fsync(stream.fileno())
            except BrokenPipeError:
                raise ClosedOutputError from None
            except OSError as error:
                raise _io_error(error, path) from None
        self._dirty = False

    def close(self) -> None:
        """Sync and close the files; a file that the person named and that stayed empty goes away."""
        self.sync()
        self._at_end = self.files()
        for stream, _ in self._streams:
            if stream is not sys.stdout:
                stream.close()
        if self._reserved is not None:
            assert self._named is not None
            if is_regular(self._reserved):
                self._named.unlink(missing_ok=True)
            self._reserved.close()

    def _reserve(self) -> IO[str] | None:
        """Open a path that the person named immediately, so that a failure shows before anything is sent."""
        if self._named is None or any(Path(file.path) == self._named for file in self._known):
            return None
        self._keep_aside(self._named)
        return open_private(self._named)

    def _open(self, table: Table) -> RejectSink:
        if self._stdout:
            self._streams.append((sys.stdout, _STDOUT))
            return _JsonSink(sys.stdout)
        shape = _shape(table)
        known = next((file for file in reversed(self._known) if self._goes_on(file, shape)), None)
        file = _reopen(known, was_killed=self._past == "killed") if known is not None else None
        begun = file is not None and known is not None and known.recorded.size > 0
        if file is None:
            file = self._begin(table, shape)
            if known is not None and Path(known.path).exists():
                self.remarks.append(f"{known.path} was changed meanwhile: more rejects are in {file.path}")
        self._streams.append((file.stream, file.path))
        if is_regular(file.stream):
            self._files.append(file)
        return _JsonSink(file) if table.columns is None else _CsvSink(file, table, with_header=not begun)

    def _goes_on(self, file: KnownRejects, shape: str) -> bool:
        """Whether rows of this shape go into a file of an earlier attempt: not if another is named now."""
        if file.shape != shape or self._named is None:
            return file.shape == shape
        path, named = Path(file.path), self._named
        return path == named or (path.parent == named.parent and path.stem.startswith(f"{named.stem}-"))

    def _begin(self, table: Table, shape: str) -> _OpenFile:
        if self._reserved is not None:
            assert self._named is not None
            stream, self._reserved = self._reserved, None
            return _OpenFile(self._named, shape, stream)
        first = self._named or self._folder / f"rejects.{_suffix(table)}"
        path, number = first, len(self.paths) + 1
        if number > 1:
            names = (first.with_name(f"{first.stem}-{more}.{_suffix(table)}") for more in count(number))
            path = next(name for name in names if not name.exists())
        make_private_folder(path.parent)
        return _OpenFile(path, shape, open_private(path))

    def _keep_aside(self, path: Path) -> None:
        """Rename what another run left here: those rows may not be mended yet."""
        if self._past == "killed" or path.is_symlink() or not path.is_file() or not path.stat().st_size:
            return  # what a killed attempt left is its own, and is written anew
        names = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in count(1))
        aside = next(name for name in names if not name.exists())
        try:
            path.rename(aside)
        except OSError as error:
            raise _io_error(error, path) from None
        self.remarks.append(f"what another run left in {path} is in {aside.name} now")


def _shape(table: Table) -> str:
    """A digest of what a rejects file's rows look like: column names must not be in the journal."""
    return hashlib.blake2b(repr((table.columns, table.dialect)).encode(), digest_size=8).hexdigest()


class _OpenFile:
    """A rejects file open for writing, and the digest of all that is in it."""

    def __init__(
        self, path: Path, shape: str, stream: IO[str], digest: hashlib.blake2b | None = None
    ) -> None:
        self.path = path
        self.stream = stream
        self._shape = shape
        self._digest = hashlib.blake2b(digest_size=16) if digest is None else digest

    def write(self, text: str) -> int:
        self._digest.update(text.encode("utf-8", "surrogateescape"))
        return self.stream.write(text)

    def as_it_is(self) -> RejectFile:
        size = os.fstat(self.stream.fileno()).st_size
        return RejectFile(str(self.path), self._shape, Extent(size, self._digest.hexdigest()))


def _reopen(known: KnownRejects, *, was_killed: bool) -> _OpenFile | None:
    """Cut a file back to what is recorded, to be written on; None where somebody changed it, or it is gone.

    An attempt that was killed could not note what it left: only what is recorded must be as it was then.
    """
    path = Path(known.path)
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        digest = hashlib.blake2b(digest_size=16)
        if _take_in(stream, known.recorded.size, digest) != known.recorded:
            return None
        whole = digest.copy()
        if not was_killed and _take_in(stream, sys.maxsize, whole, known.recorded.size) != known.left:
            return None
    appended = open_private(path, append=True)
    appended.truncate(known.recorded.size)
    return _OpenFile(path, known.shape, appended, digest)


def _take_in(stream: IO[bytes], most: int, digest: hashlib.blake2b, before: int = 0) -> Extent:
    """Digest `most` more bytes, or as many as there are, behind those `before`."""
    taken = 0
    while taken < most and (part := stream.read(min(most - taken, _CHUNK_BYTES))):
        digest.update(part)
        taken += len(part)
    return Extent(before + taken, digest.hexdigest())


class _CsvSink:
    """Rejects as a delimited file: the source's columns first, then the marks."""

    def __init__(self, stream: _TextSink, table: Table, *, with_header: bool) -> None:
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
            if reject.code == RAGGED_ROW:
                # Padded, it would be taken for a whole row when it is fed back.
                cells, raw = [""] * self._width, self._written(row.fields)
        self._writer.writerow([*cells, row.line, reject.distinct_id, reject.code, reject.message, raw])

    def _written(self, cells: list[str]) -> str:
        text = io.StringIO()
        csv.writer(text, self._writer.dialect, lineterminator="").writerow(cells)
        return text.getvalue()


class _LineFeeds:
    """Ends lines with a line feed alone.

    Before Python 3.13 the csv module quotes a carriage return in a cell only where the line end has one.
    """

    def __init__(self, stream: _TextSink) -> None:
        self._stream = stream

    def write(self, line: str) -> int:
        return self._stream.write(line.removesuffix("\r\n") + "\n")


class _JsonSink:
    """Rejects as NDJSON: the row's own keys first, then the marks."""

    def __init__(self, stream: _TextSink) -> None:
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
