"""What a run has seen before: occurrence numbers of equal rows, and given ids that repeat.

The memory it takes does not grow with the run, even when every row repeats. Which keys were noted is
`known_keys`' matter; nearly all come once, and of them nothing else is kept. What is to be known of the
others stands in a dictionary, and moves to a temporary database on disk when that is full.

Keys are 64-bit digests, so no file holds anything of any row; two rows that share one by chance (one in 10^13
for a million rows) merely count as repeats of each other, which leaves their ids distinct all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from ours_cli.errors import LocalIOError
from ours_cli.known_keys import FEW_MAX, PILE_MAX, KnownKeys

if TYPE_CHECKING:
    import sqlite3

MEMORY_MAX: Final = 8_000
"""Entries kept in memory, about 1 MB, before they move to disk."""

_CACHE_KIB: Final = 1024

_MARKS: Final = 1 << 20
"""Bytes of a second filter: which keys the database may have. Most rows that come again do so once."""


class Seen(NamedTuple):
    """What was first noted under a key: the digest of the content, the line, and how many times it came."""

    content: int
    line: int
    times: int


ONCE: Final = Seen(0, 0, 1)
"""Something that came once, and of which nothing else need be known."""


class Ledger:
    """Notes keys (signed 64-bit integers) and answers what was noted before under the same key.

    Raises `LocalIOError` when what it moves to disk finds no room there.
    """

    def __init__(
        self, memory_max: int = MEMORY_MAX, few_max: int = FEW_MAX, pile_max: int = PILE_MAX
    ) -> None:
        self._known = KnownKeys(few_max, pile_max)
        self._newest: dict[int, Seen] = {}
        """Of known keys: what the database has not, or not as new."""
        self._memory_max = memory_max
        self._disk: sqlite3.Connection | None = None
        self._marks = bytearray()

    def note(self, key: int, first: Seen = ONCE) -> Seen | None:
        """Note one occurrence, `first` if it is the first; returns what was there before it, if anything."""
        before = self._newest.get(key)
        if before is None:
            if not self._known.note(key):
                if first is not ONCE:
                    self._keep(key, first)
                return None
            before = self._find(key)
        self._keep(key, Seen(before.content, before.line, before.times + 1))
        return before

    def note_many(self, keys: Sequence[int]) -> list[tuple[int, int]]:
        """Note one occurrence of each key in turn; (position, times before) of those that had come before.

        What `note` would answer to each, many times as fast where most are new.
        """
        times = []
        for at in self._known.note_many(keys):
            key = keys[at]
            before = self._newest.get(key) or self._find(key)
            self._keep(key, Seen(before.content, before.line, before.times + 1))
            times.append((at, before.times))
        return times

    def _find(self, key: int) -> Seen:
        """What the database has of a known key; of those that came once it has nothing."""
        if self._disk is None or not self._marks[key >> 32 & _MARKS - 1] >> (key >> 52 & 7) & 1:
            return ONCE
        query = "SELECT content, line, times FROM seen WHERE key = ?"
        found = self._disk.execute(query, (key,)).fetchone()
        return Seen(*found) if found else ONCE

    def _keep(self, key: int, seen: Seen) -> None:
        if len(self._newest) >= self._memory_max:
            self._move_to_disk()
        self._newest[key] = seen

    def _move_to_disk(self) -> None:
        """In order, since the database takes neighbours together."""
        import sqlite3

        newest = self._newest
        entries = ((key, *newest[key]) for key in sorted(newest))
        try:
            if self._disk is None:
                self._disk, self._marks = _temporary_database(), bytearray(_MARKS)
            self._disk.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", entries)
        except sqlite3.OperationalError as error:
            raise LocalIOError(
                f"a temporary database cannot be used: {error}",
                hint="is the disk full? the variable TMPDIR names the folder to use instead",
            ) from None
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
    disk.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, content INTEGER, line INTEGER, times INTEGER)")
    disk.execute("BEGIN")
    return disk
