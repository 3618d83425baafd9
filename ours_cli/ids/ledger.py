"""How often a run has seen each key: occurrence numbers of equal rows.

Its memory does not grow with the run, even when every row repeats. `known_keys` knows which keys were noted;
nearly all occur once, and nothing else is kept for them. The counts of the others are in a dictionary, and
move to a temporary database on disk when that is full.

Keys are 64-bit digests, so no file holds anything of any row; two rows that share one by chance (one in 10^13
for a million rows) merely count as repeats of each other, which leaves their ids distinct all the same.
"""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from ours_cli.errors import LocalIOError
from ours_cli.ids.known_keys import KnownKeys

if TYPE_CHECKING:
    import sqlite3

MEMORY_MAX: Final = 8_000
"""Entries kept in memory, about 1 MB, before they move to disk."""

PILE_MAX: Final = 100_000
"""Records of known keys in memory, about 1.3 MB of bare keys, before they move to disk."""

_CACHE_KIB: Final = 1024

_MARKS: Final = 1 << 20
"""Bytes of a second filter: which keys the database may have. Most repeated rows repeat only once."""


_KEY_AND_FILE: Final = struct.Struct("=qq")


class Seen(NamedTuple):
    """A key that was noted before: its position among those noted now, how often, and in which file first."""

    at: int
    times: int
    file: int


class Ledger:
    """Counts keys, signed 64-bit integers. Raises `LocalIOError` when the disk is full or cannot be read.

    `tells_files_apart`: it keeps the file of each key as well, which makes the records twice as long.
    """

    def __init__(self, *, tells_files_apart: bool = False) -> None:
        self._tells_files_apart = tells_files_apart
        self._known = KnownKeys(PILE_MAX, words=2 if tells_files_apart else 1)
        self._newest: dict[int, int] = {}
        """How often known keys have occurred, where the database has no count or an older one."""
        self._disk: sqlite3.Connection | None = None
        self._marks = bytearray()

    def note(self, keys: array[int], file: int = 0) -> list[Seen]:
        """Note one occurrence of each key of this file in turn; returns those seen before."""
        seen = []
        for at, first in self._known.note(self._records(keys, file)):
            key = keys[at]
            before = self._newest.get(key) or self._find(key)
            if len(self._newest) >= MEMORY_MAX:
                self._move_to_disk()
            self._newest[key] = before + 1
            seen.append(Seen(at, before, _KEY_AND_FILE.unpack(first)[1] if self._tells_files_apart else file))
        return seen

    def _records(self, keys: array[int], file: int) -> array[int]:
        if not self._tells_files_apart:
            return keys
        records = array("q", [file]) * (2 * len(keys))
        records[::2] = keys
        return records

    def _find(self, key: int) -> int:
        """What the database has of a known key; keys seen only once are not in it."""
        if self._disk is None or not self._marks[key >> 32 & _MARKS - 1] >> (key >> 52 & 7) & 1:
            return 1
        try:
            found = self._disk.execute("SELECT times FROM seen WHERE key = ?", (key,)).fetchone()
        except self._disk.Error as error:
            raise _unusable(error) from None
        return int(found[0]) if found else 1

    def _move_to_disk(self) -> None:
        """Sorted, since the database stores neighbouring keys together."""
        import sqlite3

        newest = self._newest
        try:
            if self._disk is None:
                self._disk, self._marks = _temporary_database(), bytearray(_MARKS)
            self._disk.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", sorted(newest.items()))
        except sqlite3.Error as error:
            raise _unusable(error) from None
        marks = self._marks
        for key in newest:
            marks[key >> 32 & _MARKS - 1] |= 1 << (key >> 52 & 7)
        newest.clear()


def _temporary_database() -> sqlite3.Connection:
    import sqlite3

    # An empty name is SQLite's private temporary database: on disk, unlinked, gone with the process.
    disk = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    disk.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    disk.execute("PRAGMA synchronous = OFF")
    disk.execute("PRAGMA journal_mode = OFF")
    disk.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, times INTEGER)")
    disk.execute("BEGIN")
    return disk


def _unusable(error: Exception) -> LocalIOError:
    return LocalIOError(
        f"a temporary database cannot be used: {error}",
        hint="is the disk full? the variable TMPDIR names the folder to use instead",
    )
