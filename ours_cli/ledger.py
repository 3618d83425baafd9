"""What a run has seen before: occurrence numbers of equal rows, and given ids that repeat.

The memory it takes does not grow with the run, even when every row repeats. The newest entries stand in a
dictionary; when it is full, keys that came once are packed into a sorted run, 8 bytes each, and a few runs at
a time move to a temporary database on disk, all in order, which is cheap. Asking there for every row would
not be: a filter of fixed size knows which keys cannot be there, and only the others, true repeats and a few
per cent of suspects, are looked up.

Keys are 64-bit digests, so the file holds nothing of any row; two rows that share one by chance (one in 10^13
for a million rows) merely count as repeats of each other, which leaves their ids distinct all the same.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

if TYPE_CHECKING:
    import sqlite3

MEMORY_MAX: Final = 8_000
"""Entries kept in memory, about 1 MB, before they are packed or move to disk."""

_RUNS_MAX: Final = 32
_PARTS: Final = 32
"""Runs move to disk in so many parts of the range of keys, so that a part is no longer than a run."""

_CACHE_KIB: Final = 1024


class Seen(NamedTuple):
    """What was first noted under a key: the digest of the content, the line, and how many times it came."""

    content: int
    line: int
    times: int


ONCE: Final = Seen(0, 0, 1)
"""Something that came once, and of which nothing else need be known."""


class Ledger:
    """Notes keys (signed 64-bit integers) and answers what was noted before under the same key."""

    def __init__(self, memory_max: int = MEMORY_MAX) -> None:
        self._newest: dict[int, Seen] = {}
        self._memory_max = memory_max
        self._filter: array[int] | None = None
        self._masks: list[int] = []
        self._runs: list[array[int]] = []
        self._disk: sqlite3.Connection | None = None

    def note(self, key: int, first: Seen = ONCE) -> Seen | None:
        """Note one occurrence, `first` if it is the first; returns what was there before it, if anything."""
        newest = self._newest
        before = newest.get(key)
        if before is None and self._filter is not None:
            mask = self._masks[key >> _WORD_BITS & 4095]
            if self._filter[key & _LAST_WORD] & mask == mask:
                before = self._find(key)
        if len(newest) >= self._memory_max:
            self._move_to_disk()
        if before is None:
            newest[key] = first
        else:
            newest[key] = Seen(before.content, before.line, before.times + 1)
        return before

    def note_many(self, keys: Sequence[int]) -> list[tuple[int, int]]:
        """Note one occurrence of each key in turn; (position, times before) of those that had come before.

        What `note` would answer to each, many times as fast where most are new.
        """
        newest = self._newest
        if len(newest) + len(keys) > self._memory_max and newest:
            self._move_to_disk()
        different = set(keys)
        known = newest.keys() & different
        if self._filter is not None:
            words, masks = self._filter, self._masks
            known.update(
                key
                for key in keys
                if words[key & _LAST_WORD] & (mask := masks[key >> _WORD_BITS & 4095]) == mask
            )
        if len(different) < len(keys):
            known.update(_repeated(keys))
        if not known:
            newest.update(dict.fromkeys(keys, ONCE))
            return []
        newest.update(dict.fromkeys(different - known, ONCE))
        suspects = [(at, key) for at, key in enumerate(keys) if key in known]
        notes = ((at, self.note(key)) for at, key in suspects)
        return [(at, before.times) for at, before in notes if before is not None]

    def _find(self, key: int) -> Seen | None:
        if self._disk is not None:  # first: what came again stands there, and as new in a run still
            query = "SELECT content, line, times FROM seen WHERE key = ?"
            found = self._disk.execute(query, (key,)).fetchone()
            if found:
                return Seen(*found)
        for run in self._runs:
            at = bisect_left(run, key)
            if at < len(run) and run[at] == key:
                return ONCE
        return None

    def _move_to_disk(self) -> None:
        if self._filter is None:
            self._filter = array("I", [0]) * (1 << _WORD_BITS)
            self._masks = _three_bits()
        entries, words, masks = self._newest, self._filter, self._masks
        for key in entries:
            words[key & _LAST_WORD] |= masks[key >> _WORD_BITS & 4095]
        once = array("q", sorted([key for key, seen in entries.items() if seen is ONCE]))
        if len(once) < len(entries):
            others = sorted((key, *seen) for key, seen in entries.items() if seen is not ONCE)
            self._database().executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", others)
        if once:
            self._runs.append(once)
        if len(self._runs) >= _RUNS_MAX:
            self._move_runs()
        entries.clear()

    def _move_runs(self) -> None:
        """Nearly all rows come once: one statement takes many, four times as fast as one for each.

        In order, since the database takes neighbours together.
        """
        starts = [0] * len(self._runs)
        for part in range(1, _PARTS + 1):
            last = part * 2**64 // _PARTS - 2**63 - 1
            ends = [bisect_right(run, last) for run in self._runs]
            keys: list[int] = []
            for run, start, end in zip(self._runs, starts, ends, strict=True):
                keys += run[start:end]
            keys.sort()
            self._database().execute(
                "INSERT OR IGNORE INTO seen SELECT value, 0, 0, 1 FROM json_each(?)", (orjson.dumps(keys),)
            )
            starts = ends
        self._runs.clear()

    def _database(self) -> sqlite3.Connection:
        if self._disk is None:
            self._disk = _temporary_database()
        return self._disk


def _repeated(keys: Sequence[int]) -> Iterator[int]:
    """The keys that stand among `keys` more than once."""
    seen: set[int] = set()
    for key in keys:
        if key in seen:
            yield key
        seen.add(key)


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


# The filter is a blocked Bloom filter of 4 MiB: a key's three bits lie in one word of 32. At five million
# keys it lets six strangers in a hundred through, which costs a look-up; none that was noted is ever missed.
_WORD_BITS: Final = 20
_LAST_WORD: Final = (1 << _WORD_BITS) - 1


def _three_bits() -> list[int]:
    """4,096 of the 4,960 ways to set three bits of 32, evenly chosen."""
    ways = [1 << a | 1 << b | 1 << c for a, b, c in combinations(range(32), 3)]
    return [ways[number * len(ways) // 4096] for number in range(4096)]
