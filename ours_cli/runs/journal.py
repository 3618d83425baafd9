"""What is done, for the program: which blocks of a run's rows have an outcome, kept in SQLite.

It holds row numbers, digests, counts and codes: no row data, no token. The order of a commit is fixed: answer
verified, rejects on disk, then the block here. Rows in no block are sent (again).
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from ours_cli.errors import BusyError, LocalIOError, SourceError
from ours_cli.private_files import local_io
from ours_cli.reports.rejects import RejectFile
from ours_cli.runs.blocks import Block
from ours_cli.runs.packed_blocks import PackedBlocks

FILE_NAME: Final = "journal.db"
LOCK_NAME: Final = "lock"

_VERSION: Final = 3
_SCHEMA: Final = f"""
PRAGMA user_version = {_VERSION};
CREATE TABLE block (
    first INTEGER PRIMARY KEY, stop INTEGER NOT NULL, head BLOB NOT NULL, digest BLOB NOT NULL,
    accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, filtered INTEGER NOT NULL, codes TEXT NOT NULL
);
CREATE TABLE rejects (
    path TEXT PRIMARY KEY, shape TEXT NOT NULL, size INTEGER NOT NULL, digest TEXT NOT NULL
);
"""
# An update keeps the order in which the files were begun.
_NOTE_REJECTS: Final = (
    "INSERT INTO rejects VALUES (?, ?, ?, ?)"
    " ON CONFLICT (path) DO UPDATE SET size = excluded.size, digest = excluded.digest"
)


class OtherVersionError(SourceError):
    """A journal that another version of the program wrote: whole, but not to be read by this one."""


class Journal:
    """One run's journal, open and locked by this process; a context manager.

    Raises `BusyError` when another process runs it, `SourceError` when it is damaged, `LocalIOError`.
    """

    def __init__(self, folder: Path, *, begin: bool) -> None:
        self._folder = folder
        self._lock = _lock(folder)
        try:
            with _house_errors(folder):
                self._connection = _begin(folder) if begin else _reopen(folder)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._lock.close()

    def commit(self, blocks: Sequence[Block], rejects: Sequence[RejectFile]) -> None:
        """Record settled blocks, durably: once this returns, no crash can lose them.

        `rejects` are the files as they are on disk now, synced.
        """
        rows = [
            (
                *(block.start, block.end, block.head, block.digest),
                *(block.accepted, block.rejected, block.filtered, json.dumps(block.codes)),
            )
            for block in blocks
        ]
        with _house_errors(self._folder):
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._connection.executemany(_NOTE_REJECTS, rejects)
            self._connection.execute("COMMIT")

    def blocks(self) -> PackedBlocks:
        """The recorded blocks, in the order of the source."""
        with _house_errors(self._folder):
            return PackedBlocks(_blocks(self._connection))

    def rejects(self) -> list[RejectFile]:
        """The rejects files of this run as they are known to be on disk, in the order they were begun."""
        with _house_errors(self._folder):
            rows = self._connection.execute(
                "SELECT path, shape, size, digest FROM rejects ORDER BY rowid"
            ).fetchall()
            return [RejectFile(*row) for row in rows]


def _begin(folder: Path) -> sqlite3.Connection:
    connection = _connect(folder)
    connection.executescript(_SCHEMA)
    return connection


def _reopen(folder: Path) -> sqlite3.Connection:
    """Open what is there; a file that is gone, cut or garbled must not look like a run that did nothing."""
    with closing(_read_only(folder)) as connection:
        _check(connection)
    return _connect(folder)


def _check(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if verdict != "ok" or not {"block", "rejects"} <= tables:
        raise sqlite3.DatabaseError("the file is damaged")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != _VERSION:
        raise OtherVersionError(
            "the journal of this run was written by another version of ours",
            hint="that version can go on with it; --restart begins a new run,"
            " and rows with the same distinctId count once",
        )


def _read_only(folder: Path) -> sqlite3.Connection:
    """Open without writing anything, not even the header that SQLite would give an empty file."""
    if not (folder / FILE_NAME).is_file():
        raise sqlite3.DatabaseError("the file is gone")
    return sqlite3.connect(f"{(folder / FILE_NAME).absolute().as_uri()}?mode=ro", uri=True)


def _connect(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    # In WAL, NORMAL does not sync at each commit: a power cut could undo a block.
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def read_blocks(folder: Path) -> PackedBlocks:
    """The recorded blocks of a run that may be running; raises `SourceError` when the journal is damaged."""
    with _house_errors(folder), closing(_read_only(folder)) as connection:
        _check(connection)
        return PackedBlocks(_blocks(connection))


def is_running(folder: Path) -> bool:
    """Whether some process runs this run now."""
    try:
        _lock(folder).close()
    except BusyError:
        return True
    return False


def _blocks(connection: sqlite3.Connection) -> Iterator[Block]:
    query = "SELECT first, stop, head, digest, accepted, rejected, filtered, codes FROM block ORDER BY first"
    for *numbers, codes in connection.execute(query):
        block = Block(*numbers)
        block.codes = Counter(json.loads(codes))
        yield block


def _lock(folder: Path) -> IO[str]:
    """Take the run's lock; the system drops it when the process dies, however it dies."""
    try:
        stream = (folder / LOCK_NAME).open("a", encoding="utf-8")
    except OSError as error:
        raise local_io(error, folder) from None
    try:
        _lock_stream(stream)
    except OSError:
        stream.close()
        raise BusyError(
            f"another process runs {folder.name} right now",
            hint="wait for it, or stop it; then run this again",
        ) from None
    return stream


def _lock_stream(stream: IO[Any]) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def _house_errors(folder: Path) -> Iterator[None]:
    """SQLite's errors as the house's: a damaged journal is exit 6, a disk that is full is exit 7."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise LocalIOError(
            f"the journal in {folder} cannot be written: {error}",
            hint="is the disk full, or the folder read-only?",
        ) from None
    except (sqlite3.Error, ValueError, TypeError):
        raise SourceError(
            f"the journal in {folder} is damaged; it was not touched",
            hint="--restart begins a new run; rows with the same distinctId count once",
        ) from None
