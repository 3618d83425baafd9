"""What is done, for the program: which blocks of a run's rows have an outcome, kept in SQLite.

It holds row numbers, digests, counts and codes: no row data, no token. The order of a commit is fixed: answer
verified, rejects on disk, then the block here. Rows in no block are sent (again).

Each row of its tables has a checksum: SQLite notices garbled pages by their structure only, and a digest or a
count that nobody wrote must be told from a source that changed. What was closed in order is sealed as well.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Self

from ours_cli.errors import LocalIOError, SourceError
from ours_cli.rejects.reject_files import Extent, KnownRejects, RejectFile
from ours_cli.runs.blocks import DIGEST_BYTES, Block
from ours_cli.runs.run_head import Identity, OtherVersionError, read_identity
from ours_cli.runs.run_lock import hold
from ours_cli.runs.seal import is_broken, seal, unseal

FILE_NAME: Final = "journal.db"

_VERSION: Final = 6
_TABLES: Final = (
    """CREATE TABLE block (
    first INTEGER PRIMARY KEY, stop INTEGER NOT NULL, head BLOB NOT NULL, digest BLOB NOT NULL,
    accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, filtered INTEGER NOT NULL, codes TEXT NOT NULL,
    checksum INTEGER NOT NULL
)""",
    """CREATE TABLE rejects (
    path TEXT PRIMARY KEY, shape TEXT NOT NULL,
    size INTEGER NOT NULL, digest TEXT NOT NULL, left_size INTEGER, left_digest TEXT,
    checksum INTEGER NOT NULL
)""",
    "CREATE TABLE run (identity TEXT NOT NULL, checksum INTEGER NOT NULL)",
)
_RECORD_RUN: Final = "INSERT INTO run VALUES (:identity, checksum(:identity))"
_RECORD_BLOCK: Final = "INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
# What is left is unknown while the file is written. Updates keep the order in which the files were begun.
_RECORD_REJECTS: Final = """
INSERT INTO rejects VALUES (:path, :shape, :size, :digest, NULL, NULL,
checksum(:path, :shape, :size, :digest, NULL, NULL)) ON CONFLICT (path) DO UPDATE SET
shape = excluded.shape, size = excluded.size, digest = excluded.digest, left_size = NULL, left_digest = NULL,
checksum = excluded.checksum
"""
_LEAVE_REJECTS: Final = """
UPDATE rejects SET left_size = :size, left_digest = :digest,
checksum = checksum(path, shape, size, digest, :size, :digest) WHERE path = :path
"""
_DROP_BLOCK: Final = "DELETE FROM block WHERE first = ?"


class Journal:
    """One run's journal, open and locked by this process; a context manager.

    `done` are the blocks that were recorded when it was opened, in the order of the source; `rejects` are the
    files of this run as they were known to be on disk then, in the order they were begun.

    Raises `BusyError` when another process runs it, `SourceError` when it is damaged, `LocalIOError`.
    """

    def __init__(self, folder: Path, *, begin: bool) -> None:
        self._folder = folder
        self.done: list[Block] = []
        self.rejects: list[KnownRejects] = []
        self._lock = hold(folder)
        try:
            if not begin:
                self.done, self.rejects = _read(folder)
            with _house_errors(folder):
                self._connection = _begin(folder) if begin else _connect(folder)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close and seal it, and let others run it."""
        self._connection.close()
        # It stays where somebody reads it right now, and then not all is in the file.
        if not _log(self._folder).exists():
            seal(self._folder / FILE_NAME)
        self._lock.close()

    def note_identity(self, identity: Identity) -> None:
        """Note whose run it is, for where its head is damaged; raises `LocalIOError`."""
        with _house_errors(self._folder):
            self._connection.execute("BEGIN")
            self._connection.execute("DELETE FROM run")
            self._connection.execute(_RECORD_RUN, {"identity": json.dumps(dataclasses.asdict(identity))})
            self._connection.execute("COMMIT")

    def commit(
        self, blocks: Sequence[Block], rejects: Sequence[RejectFile], superseded: Sequence[int] = ()
    ) -> None:
        """Record settled blocks, durably: once this returns, no crash can lose them.

        `rejects` are the files as they are on disk now, synced; `superseded` says where the blocks start that
        count no more.
        """
        with _house_errors(self._folder):
            self._connection.execute("BEGIN")
            self._connection.executemany(_DROP_BLOCK, [(start,) for start in superseded])
            self._connection.executemany(_RECORD_BLOCK, map(_row, blocks))
            self._connection.executemany(_RECORD_REJECTS, map(_parameters, rejects))
            self._connection.execute("COMMIT")

    def begin_rejects(self, file: RejectFile) -> None:
        """Note a file that is about to be written, durably: whatever is found in it is this run's."""
        with _house_errors(self._folder):
            self._connection.execute(_RECORD_REJECTS, _parameters(file))

    def leave(self, rejects: Sequence[RejectFile]) -> None:
        """Note how the attempt leaves these files: with rejects of unsettled blocks, too."""
        with _house_errors(self._folder):
            self._connection.executemany(_LEAVE_REJECTS, map(_parameters, rejects))


def _row(block: Block) -> tuple[object, ...]:
    codes = json.dumps(block.codes or {})
    outcomes = (block.accepted, block.rejected, block.filtered, codes)
    values = (block.start, block.end, block.head, block.digest, *outcomes)
    return *values, _checksum(*values)


def _parameters(file: RejectFile) -> dict[str, str | bytes | int]:
    return {"path": _name(file.path), "shape": file.shape, **file.extent._asdict()}


def _name(path: str) -> str | bytes:
    """A path for SQLite, whose text is UTF-8: a file's name may be any bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _begin(folder: Path) -> sqlite3.Connection:
    connection = _connect(folder)
    connection.execute("BEGIN")
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    for table in _TABLES:
        connection.execute(table)
    connection.execute("COMMIT")
    return connection


def _read(folder: Path) -> tuple[list[Block], list[KnownRejects]]:
    """Read what is there; a file that is gone, cut or garbled must not look like a run that did nothing."""
    with _reading(folder) as connection:
        return list(_blocks(connection)), list(_rejects(connection))


@contextmanager
def _reading(folder: Path) -> Iterator[sqlite3.Connection]:
    with _house_errors(folder, reads=True), closing(_read_only(folder)) as connection:
        _check(connection, folder)
        yield connection


def _check(connection: sqlite3.Connection, folder: Path) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    # What SQLite has not moved there yet hides that the file was cut.
    if verdict != "ok" or (folder / FILE_NAME).stat().st_size < page_bytes:
        raise sqlite3.DatabaseError("the file is damaged")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):  # no journal of any version says 0
        raise OtherVersionError(
            f"the journal of run {folder.name} was written by another version of ours",
            hint="that version can go on with it; --restart begins a new run,"
            " and rows with the same distinctId count once",
        )
    tables = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    if tuple(sql for (sql,) in tables) != _TABLES:
        raise sqlite3.DatabaseError("tables that are not as they were made")
    if not _log(folder).exists() and is_broken(folder / FILE_NAME):
        raise sqlite3.DatabaseError("a byte that is not as it was written")


def _read_only(folder: Path) -> sqlite3.Connection:
    """Open without writing anything, not even the header that SQLite would give an empty file."""
    path = folder / FILE_NAME
    # SQLite deletes what it has not moved yet to a file that is empty.
    if not path.is_file() or not path.stat().st_size:
        raise sqlite3.DatabaseError("the file is gone")
    # Without a log beside it nobody has it open: then SQLite need not make one only to share it.
    how = "mode=ro" if _log(folder).exists() else "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)


def _log(folder: Path) -> Path:
    """Where SQLite writes first, while a process has the journal open or when it was killed."""
    return folder / f"{FILE_NAME}-wal"


def _connect(folder: Path) -> sqlite3.Connection:
    unseal(folder / FILE_NAME)
    connection = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    # In WAL, NORMAL does not sync at each commit: a power cut could undo a block.
    connection.execute("PRAGMA synchronous = FULL")
    connection.create_function("checksum", -1, _checksum, deterministic=True)
    return connection


def read_blocks(folder: Path) -> list[Block]:
    """The recorded blocks of a run that may be running; raises `SourceError` when the journal is damaged."""
    with _reading(folder) as connection:
        return list(_blocks(connection))


def noted_identity(folder: Path) -> Identity | None:
    """Whose run the journal is of; None where it was not noted. Raises `SourceError` when it is damaged."""
    with _reading(folder) as connection:
        row = next(_rows(connection, "SELECT * FROM run"), None)
        return None if row is None else read_identity(json.loads(*row))


def never_began(folder: Path) -> bool:
    """Whether there is no journal, or one of a run that was killed before it said whose it is, and sent.

    Raises `SourceError` when it is damaged.
    """
    path = folder / FILE_NAME
    if not path.exists() or not (path.stat().st_size or _log(folder).exists()):
        return True
    with _house_errors(folder, reads=True), closing(_read_only(folder)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        return not tables or (
            "run" in tables and connection.execute("SELECT count(*) FROM run").fetchone() == (0,)
        )


def _blocks(connection: sqlite3.Connection) -> Iterator[Block]:
    end = 0
    for *numbers, codes in _rows(connection, "SELECT * FROM block ORDER BY first"):
        block = Block(*numbers)
        if block.start < end or len(block.digest) != DIGEST_BYTES or not block.is_settled:
            raise sqlite3.DatabaseError("a block that cannot be")
        end = block.end
        if block.rejected:
            block.codes = Counter(json.loads(codes))
        yield block


def _rejects(connection: sqlite3.Connection) -> Iterator[KnownRejects]:
    for path, shape, size, digest, *left in _rows(connection, "SELECT * FROM rejects ORDER BY rowid"):
        extent = None if left[0] is None else Extent(*left)
        yield KnownRejects(os.fsdecode(path), shape, Extent(size, digest), extent)


def _checksum(*values: object) -> int:
    return zlib.crc32(ascii(values).encode())


def _rows(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """Whole rows without their checksum, which is their last value."""
    for *values, checksum in connection.execute(query):
        if _checksum(*values) != checksum:
            raise sqlite3.DatabaseError("a row that is not as it was written")
        yield tuple(values)


@contextmanager
def _house_errors(folder: Path, *, reads: bool = False) -> Iterator[None]:
    """SQLite's errors as the house's: a damaged journal is exit 6, a disk that is full is exit 7."""
    try:
        yield
    except sqlite3.OperationalError as error:
        # Of what is only read: a garbled schema, or bytes that are no text.
        if reads and getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) == sqlite3.SQLITE_ERROR:
            raise _damaged(folder) from None
        if reads:
            raise LocalIOError(f"the journal in {folder} cannot be read: {error}") from None
        # SQLite does not say why it opens nothing. Where nothing else can be opened either, this does.
        os.close(os.open(os.devnull, os.O_RDONLY))
        raise LocalIOError(
            f"the journal in {folder} cannot be written: {error}",
            hint="is the disk full, or the folder read-only?",
        ) from None
    except (sqlite3.Error, ValueError, TypeError, FileNotFoundError):
        raise _damaged(folder) from None


def _damaged(folder: Path) -> SourceError:
    return SourceError(
        f"the journal in {folder} is damaged; it was not touched",
        hint="--restart begins a new run; rows with the same distinctId count once",
    )
