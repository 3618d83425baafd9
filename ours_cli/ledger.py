"""What a run has seen before: occurrence numbers of equal rows, and given ids that repeat.

The memory it takes is bounded: beyond `MEMORY_MAX` entries it moves to a temporary database on disk. Keys
are 64-bit digests, so the file holds nothing of any row; two rows that share one by chance (one in 10^13 for
a million rows) merely count as repeats of each other, which leaves their ids distinct all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import sqlite3

MEMORY_MAX: Final = 20_000
"""Entries kept in memory, about 4 MB, before the ledger moves to disk."""

_CACHE_KIB: Final = 4096


class Seen(NamedTuple):
    """What was first noted under a key: the digest of the content, the line, and how many times it came."""

    content: int
    line: int
    times: int


class Ledger:
    """Notes keys (64-bit integers) and answers what was noted before under the same key."""

    def __init__(self, memory_max: int = MEMORY_MAX) -> None:
        self._memory: dict[int, Seen] = {}
        self._memory_max = memory_max
        self._disk: sqlite3.Connection | None = None
        self.note: Callable[[int, int, int], Seen | None] = self._note_in_memory

    def _note_in_memory(self, key: int, content: int, line: int) -> Seen | None:
        """Note one occurrence; returns what was there before it, or None the first time."""
        before = self._memory.get(key)
        if before is None:
            if len(self._memory) >= self._memory_max:
                self._move_to_disk()
                return self.note(key, content, line)
            self._memory[key] = Seen(content, line, 1)
        else:
            self._memory[key] = Seen(before.content, before.line, before.times + 1)
        return before

    def _note_on_disk(self, key: int, content: int, line: int) -> Seen | None:
        assert self._disk is not None
        row = self._disk.execute(
            "INSERT INTO seen VALUES (?, ?, ?, 1) ON CONFLICT (key) DO UPDATE SET count = count + 1"
            " RETURNING content, line, count",
            (key, content, line),
        ).fetchone()
        return Seen(row[0], row[1], row[2] - 1) if row[2] > 1 else None

    def _move_to_disk(self) -> None:
        import sqlite3

        # An empty name is SQLite's private temporary database: on disk, unlinked, gone with the process.
        self._disk = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._disk.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._disk.execute("PRAGMA synchronous = OFF")
        self._disk.execute("PRAGMA journal_mode = OFF")
        self._disk.execute(
            "CREATE TABLE seen (key INTEGER PRIMARY KEY, content INTEGER, line INTEGER, count INTEGER)"
        )
        self._disk.execute("BEGIN")
        rows = ((key, seen.content, seen.line, seen.times) for key, seen in self._memory.items())
        self._disk.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", rows)
        self._memory.clear()
        self.note = self._note_on_disk
