"""What failed, for people: rejects in the source's own format, so that they can be mended and fed back.

Rejects hold health data: files are made with mode 0600 in a 0700 folder, and links are never followed. They
are also where people mend rows, so nothing that somebody wrote there is overwritten or cut off.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO, Final

from ours_cli.errors import ClosedOutputError, LocalIOError
from ours_cli.event import Reject
from ours_cli.private_files import is_regular, local_io, make_private_folder, open_private
from ours_cli.record import Table
from ours_cli.reports.reject_files import KnownRejects, OpenFile, RejectFile, keep_aside, reopen
from ours_cli.reports.reject_rows import CsvSink, JsonSink, RejectSink

_STDOUT: Final = Path("standard output")
"""What messages call it."""


class Rejects:
    """All rejects of a run. Nothing is created until the first reject, except a path that the person named.

    Tables of one shape share a file; another header or format opens the next (`rejects-2.csv`). `known` are
    the files of earlier attempts: each is cut back to what was recorded and written on, as long as nobody
    changed it (the last attempt may have been killed before it could note what it left). Any other file at a
    named path is kept under another name.
    """

    def __init__(
        self,
        path: str | None,
        folder: Path,
        known: Sequence[KnownRejects] = (),
        *,
        was_killed: bool = False,
    ) -> None:
        self._named = Path(path) if path not in (None, "-") else None
        self._stdout = path == "-"
        self._folder = folder
        self._tables: dict[int, Table] = {}
        self._sinks: dict[object, tuple[RejectSink, Path]] = {}
        self._streams: list[tuple[IO[str], Path]] = []
        self._files: list[OpenFile] = []
        self._was_killed = was_killed
        self._known = tuple(known)
        self._at_end: list[RejectFile] | None = None
        self._dirty = False
        self._remarks: list[str] = []
        self._reserved = self._reserve()

    @property
    def are_shown(self) -> bool:
        """Whether they go to standard output, where somebody waits for each."""
        return self._stdout

    @property
    def paths(self) -> list[Path]:
        """The files that hold this run's rejects, those of earlier attempts included."""
        earlier = [self._shown(path) for file in self._known if (path := Path(file.path)).exists()]
        return list(dict.fromkeys(earlier + [file.path for file in self._files]))

    def take_remarks(self) -> list[str]:
        """What the person should know of files that others have written, each once."""
        remarks, self._remarks = self._remarks, []
        return remarks

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
        """Sync and close the files; a file that the person named and that stayed empty goes away.

        Raises `LocalIOError`.
        """
        try:
            self.sync()
        except LocalIOError:
            with suppress(OSError):
                self._at_end = [file.as_read() for file in self._files]
            raise
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
        if self._named is None or any(Path(file.path) == self._named.absolute() for file in self._known):
            return None
        try:
            # Rows of another run may be there, and not mended yet.
            aside = keep_aside(self._named)
        except OSError as error:
            raise _io_error(error, self._named) from None
        if aside is not None:
            self._remarks.append(f"what was in {self._named} before is in {aside.name} now")
        return open_private(self._named)

    def _open(self, table: Table) -> RejectSink:
        if self._stdout:
            self._streams.append((sys.stdout, _STDOUT))
            return JsonSink(sys.stdout)
        shape = _shape(table)
        known = next((file for file in reversed(self._known) if self._goes_on(file, shape)), None)
        file = reopen(known, was_killed=self._was_killed) if known is not None else None
        if file is None:
            file = self._begin(table, shape)
            if known is not None and Path(known.path).exists():
                changed = self._shown(Path(known.path))
                self._remarks.append(f"{changed} was changed meanwhile: more rejects are in {file.path}")
        self._streams.append((file.stream, file.path))
        if is_regular(file.stream):
            self._files.append(file)
        if table.columns is None:
            return JsonSink(file)
        return CsvSink(file, table, with_header=not file.as_it_is().extent.size)

    def _goes_on(self, file: KnownRejects, shape: str) -> bool:
        """Whether rows of this shape go into a file of an earlier attempt: not if another is named now."""
        if file.shape != shape or self._named is None:
            return file.shape == shape
        path, named = Path(file.path), self._named.absolute()
        return path == named or (path.parent == named.parent and path.stem.startswith(f"{named.stem}-"))

    def _shown(self, path: Path) -> Path:
        """The file as the person named it, where it is that one."""
        return self._named if self._named is not None and path == self._named.absolute() else path

    def _begin(self, table: Table, shape: str) -> OpenFile:
        if self._reserved is not None:
            assert self._named is not None
            stream, self._reserved = self._reserved, None
            return OpenFile(self._named, shape, stream)
        first = self._named or self._folder / f"rejects.{_suffix(table)}"
        path, number = first, len(self.paths) + 1
        if number > 1:
            names = (first.with_name(f"{first.stem}-{more}.{_suffix(table)}") for more in count(number))
            path = next(name for name in names if not name.exists())
        make_private_folder(path.parent)
        return OpenFile(path, shape, open_private(path))


def _shape(table: Table) -> str:
    """A digest of what a rejects file's rows look like: column names must not be in the journal."""
    return hashlib.blake2b(repr((table.columns, table.dialect)).encode(), digest_size=8).hexdigest()


def _suffix(table: Table) -> str:
    if table.columns is None:
        return "ndjson"
    return "tsv" if table.dialect.delimiter == "\t" else "csv"


def _io_error(error: OSError, path: Path) -> LocalIOError:
    return local_io(error, path, hint="--rejects PATH names another place")
