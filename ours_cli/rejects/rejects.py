"""What failed, for people: rejects in the source's own format, so that they can be mended and fed back.

Rejects hold health data: files are made with mode 0600 in a 0700 folder, and links are never followed. They
are also where people mend rows, so nothing that somebody wrote there is overwritten or cut off.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import Final

from ours_cli.errors import ClosedOutputError, LocalIOError
from ours_cli.events.event import Reject
from ours_cli.files.private_files import local_io, make_private_folder, refuse_link
from ours_cli.process.standard_streams import for_programs
from ours_cli.record import Table
from ours_cli.rejects.reject_files import KnownRejects, OpenFile, RejectFile, begin, keep_aside, reopen
from ours_cli.rejects.reject_rows import CsvSink, JsonSink, RejectSink
from ours_cli.wording.escape import printable

_STDOUT: Final = Path("standard output")
"""What messages call it."""


class Rejects:
    """All rejects of a run. Nothing is created until the first reject, except a path that the person named.

    Tables of one shape share a file; another header or format opens the next (`rejects-2.csv`), which is in
    the run's own `folder` where a pipe is named. `known` are the files of earlier attempts: each is cut back
    to what was recorded and written on, as long as nobody changed it. Any other file at a named path is kept
    under another name. `note` is called with a file before its first row, so that it is known whose it is.
    `are_shown` says whether they go to standard output, where somebody waits for each.
    """

    def __init__(
        self,
        path: str | None,
        folder: Path,
        known: Sequence[KnownRejects],
        note: Callable[[RejectFile], None],
    ) -> None:
        self._named = Path(path) if path not in (None, "-") else None
        self.are_shown = path == "-"
        self._folder = folder
        self._known = tuple(known)
        self._note = note
        self._tables: dict[int, Table] = {}
        self._sinks: dict[object, tuple[RejectSink, OpenFile]] = {}
        self._left_behind: list[Path] = []
        self._at_end: list[RejectFile] | None = None
        self._is_dirty = False
        self._failure: LocalIOError | None = None
        self._remarks: list[str] = []
        recorded = [Path(file.path) for file in known if file.recorded.size]
        self.gone = [self._shown(path) for path in recorded if not path.is_file()]
        """The files of earlier attempts that held rejects, and are not there when this one begins."""
        self._reserved = self._reserve()

    @property
    def paths(self) -> list[Path]:
        """The files that hold this run's rejects, those of earlier attempts included."""
        earlier = [Path(file.path) for file in self._known]
        there = [path for path in (*earlier, *self._left_behind) if path.is_file()]
        ours = [file.path for file in self._open_files()]
        return list(dict.fromkeys(map(self._shown, (*there, *ours))))

    def take_remarks(self) -> list[str]:
        """What the person should know of files that others have written, each once."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def files(self) -> list[RejectFile]:
        """What this attempt has on disk; to be relied on after a `sync`, and once it is closed."""
        return [file.as_it_is() for file in self._open_files()] if self._at_end is None else self._at_end

    def add_table(self, index: int, table: Table) -> None:
        """Make a table known before its first reject."""
        self._tables[index] = table

    def write(self, reject: Reject) -> None:
        """Write one reject; raises `LocalIOError` when the disk is full or the file cannot be made.

        After that it raises always: what the stream held is lost, and must not pass for written.
        """
        table = self._tables[reject.origin.table]
        key = None if self.are_shown else (table.columns, table.dialect)
        # It may be in a server's words, and people look at the file on a terminal.
        reject = reject._replace(message=printable(table.prefix + reject.message))
        with self._writing(self._folder):
            if key not in self._sinks:
                self._sinks[key] = self._open(table)
        sink, file = self._sinks[key]
        self._is_dirty = True
        with self._writing(file.path):
            sink.write(reject, table)

    def sync(self) -> None:
        """Have everything written so far on disk, under its name; raises as `write`."""
        if not self._is_dirty:
            return
        for _, file in self._sinks.values():
            with self._writing(file.path):
                file.sync()
                if not file.is_in_place:
                    self._move(file)
        self._is_dirty = False

    def close(self) -> None:
        """Sync and close the files; a file that the person named and that stayed empty goes away.

        Raises `LocalIOError`.
        """
        # Somebody may have saved what an editor had read before the last rows were written.
        self._is_dirty |= not all(file.is_in_place for file in self._open_files())
        try:
            self.sync()
        except LocalIOError:
            with suppress(OSError):
                self._at_end = [file.as_read() for file in self._open_files()]
            raise
        self._at_end = self.files()
        for _, file in self._sinks.values():
            if file.path is not _STDOUT:
                file.stream.close()
        if self._reserved is not None:
            if self._reserved.is_regular and self._reserved.is_in_place:
                self._reserved.path.unlink()
            self._reserved.stream.close()

    def _open_files(self) -> list[OpenFile]:
        return [file for _, file in self._sinks.values() if file.is_regular]

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except OSError as error:
            if path is _STDOUT and isinstance(error, BrokenPipeError):
                raise ClosedOutputError from None
            self._failure = local_io(error, path, hint="--rejects PATH names another place")
            raise self._failure from None

    def _reserve(self) -> OpenFile | None:
        """Open a path that the person named immediately, so that a failure shows before anything is sent."""
        for file in self._known:
            refuse_link(self._shown(Path(file.path)))
        if self._named is None or any(Path(file.path) == self._named.absolute() for file in self._known):
            return None
        with self._writing(self._named):
            # Rows of another run may be there, and not mended yet.
            aside = keep_aside(self._named)
        if aside is not None:
            self._remarks.append(f"what was in {self._named} before is in {aside.name} now")
        return begin(self._named, "")

    def _open(self, table: Table) -> tuple[RejectSink, OpenFile]:
        if self.are_shown:
            for_programs(sys.stdout)
            shown = OpenFile(_STDOUT, "", sys.stdout, hashlib.blake2b())
            return JsonSink(shown), shown
        shape = _shape(table)
        known = next((file for file in reversed(self._known) if self._goes_on(file, shape)), None)
        was_there = known is not None and Path(known.path).exists()
        file = reopen(known) if known is not None else None
        if file is None:
            file = self._next(table, shape)
            if known is not None and was_there:
                changed = self._shown(Path(known.path))
                self._remarks.append(f"{changed} was changed meanwhile: more rejects are in {file.path}")
        if file.is_regular:
            self._note(file.as_it_is())
        if table.columns is None:
            return JsonSink(file), file
        return CsvSink(file, table, with_header=not file.as_it_is().extent.size), file

    def _goes_on(self, file: KnownRejects, shape: str) -> bool:
        """Whether rows of this shape go into a file of an earlier attempt: not if another is named now."""
        if file.shape != shape or self._named is None:
            return file.shape == shape
        path, named = Path(file.path), self._named.absolute()
        return path == named or (path.parent == named.parent and path.stem.startswith(f"{named.stem}-"))

    def _shown(self, path: Path) -> Path:
        """The file as the person would name it, where it is the named one or lies beside that."""
        if self._named is not None and path.parent == self._named.absolute().parent:
            return self._named.with_name(path.name)
        return path

    def _next(self, table: Table, shape: str) -> OpenFile:
        if self._reserved is not None:
            file, self._reserved = self._reserved, None
            file.shape = shape
            return file
        first = self._named
        if first is not None and first.is_char_device():
            return begin(first, shape)
        if first is None or first.is_fifo():  # nothing can be made beside a pipe
            first = self._folder / f"rejects.{_suffix(table)}"
        return begin(self._free(first, _suffix(table)), shape)

    def _free(self, first: Path, suffix: str) -> Path:
        make_private_folder(first.parent)
        number = len(self.paths) + 1
        further = (first.with_name(f"{first.stem}-{more}.{suffix}") for more in count(max(2, number)))
        names = chain([first], further) if number == 1 else further
        return next(path for path in names if not path.exists())

    def _move(self, file: OpenFile) -> None:
        """Somebody saved another file in its place: what was written to it since would be gone with it."""
        old = file.path
        file.move_to(self._free(old, old.suffix.removeprefix(".")))
        file.sync()
        self._note(file.as_it_is())
        self._left_behind.append(old)
        self._remarks.append(f"{old} was replaced or moved while it was written: all are in {file.path}, too")


def _shape(table: Table) -> str:
    """A digest of what a rejects file's rows look like: column names must not be in the journal."""
    return hashlib.blake2b(repr((table.columns, table.dialect)).encode(), digest_size=8).hexdigest()


def _suffix(table: Table) -> str:
    if table.columns is None:
        return "ndjson"
    return "tsv" if table.dialect.delimiter == "\t" else "csv"
