"""Which keys a run has met, and with which records: exact for 64-bit digests, in constant memory.

All records have one size: one or more 64-bit integers, the first of which is the key.

A filter of fixed size rules out nearly all new keys; it is asked and updated for some hundred keys in a few
operations on whole byte strings. The records themselves are dealt into parts by some bits of their keys,
unsorted: dealing costs a third of what sorting does. Once the parts are long enough together, they move to
pages on disk. Only what the filter lets through, true repeats and a few per cent of suspects, is searched for
in its part.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections import deque
from collections.abc import Iterable
from itertools import combinations
from operator import iconcat, itemgetter
from typing import Final

from ours_cli.ids.key_pages import KEY_BYTES, KeyPages, find_record

FEW_MAX: Final = 8_000
"""Keys kept in a dictionary, about 1 MB, before filter and parts are made."""

_AT_ONCE: Final = 512
"""Keys looked up together: many per byte string, and few enough that two seldom share a place."""

# The filter is a blocked Bloom filter of 4 MiB: a key's two bits lie in one byte, its place. At five million
# keys it lets ten unknown keys in a hundred through, which costs a search; a noted key is never missed.
_PLACES: Final = 1 << 22
_PLACES_OF_PART: Final = 1024
_PARTS: Final = _PLACES // _PLACES_OF_PART

# Where the parts of a key are: its place in the lower of two words, the choice of its bits in a byte.
_LOW_WORD, _BITS_BYTE = (0, 3) if sys.byteorder == "little" else (1, 4)
_PLACE_MASKS: Final = int.from_bytes(array("I", [_PLACES - 1] * _AT_ONCE).tobytes(), sys.byteorder)
_PART_MASKS: Final = int.from_bytes(array("I", [_PARTS - 1] * _AT_ONCE).tobytes(), sys.byteorder)
_PAIRS: Final = [1 << a | 1 << b for a, b in combinations(range(8), 2)]
_BITS: Final = bytes(_PAIRS[number * len(_PAIRS) // 256] for number in range(256))


class KnownKeys:
    """Notes records by their keys, and returns for a known key the record noted first.

    A record is `words` signed 64-bit integers, the key first; once they are many, `pile_max` of them are kept
    in memory before they move to disk. Raises `LocalIOError`.
    """

    def __init__(self, pile_max: int, words: int = 1) -> None:
        self._few: dict[int, bytes] = {}
        self._many: _ManyKeys | None = None
        self._pile_max = pile_max
        self._record_words = words

    def note(self, records: array[int]) -> list[tuple[int, bytes]]:
        """Note the records joined in `records` in turn, except those whose key is already noted.

        Returns the position of each of these, and the bytes of the record noted first, maybe one of these.
        """
        if self._many is not None:
            return self._many.note(records)
        few, known = self._few, []
        pieces = _pieces(records.tobytes(), self._record_words * KEY_BYTES)
        for at, (key, piece) in enumerate(zip(records[:: self._record_words], pieces, strict=True)):
            first = few.setdefault(key, piece)
            if first is not piece:
                known.append((at, first))
        if len(few) > FEW_MAX:
            self._many = _ManyKeys(self._pile_max, self._record_words)
            self._many.note(array("q", b"".join(few.values())))
            self._few = {}
        return known


class _ManyKeys:
    def __init__(self, pile_max: int, words: int) -> None:
        self._filter = bytearray(_PLACES)
        self._parts = [bytearray() for _ in range(_PARTS)]
        self._count = 0
        """Records in the parts in memory."""
        self._pile_max = pile_max
        self._record_words = words
        self._record_bytes = words * KEY_BYTES
        self._pages = KeyPages(_PARTS, self._record_bytes)

    def note(self, records: array[int]) -> list[tuple[int, bytes]]:
        known: list[tuple[int, bytes]] = []
        words = self._record_words
        for start in range(0, len(records) // words, _AT_ONCE):
            some = records[start * words : (start + _AT_ONCE) * words]
            if len(some) == words:
                first = self._note_one(some)
                known += [] if first is None else [(start, first)]
            else:
                known += [(start + at, first) for at, first in self._note_some(some)]
        return known

    def _note_one(self, record: array[int]) -> bytes | None:
        word = record[0] & 0xFFFF_FFFF
        place, bits = word % _PLACES, _BITS[word >> 24]
        old = self._filter[place]
        piece = record.tobytes()
        part = place // _PLACES_OF_PART
        if old & bits == bits:
            first = self._find(part, piece)
            if first is not None:
                return first
        else:
            self._filter[place] = old | bits
        self._parts[part] += piece
        self._added(1)
        return None

    def _note_some(self, records: array[int]) -> list[tuple[int, bytes]]:
        """As `note`, for at least two and at most `_AT_ONCE` records."""
        keys = records[:: self._record_words].tobytes()
        size = len(keys) // KEY_BYTES
        number = int.from_bytes(memoryview(keys).cast("I")[_LOW_WORD::2].tobytes(), sys.byteorder)
        places = _words(number & _PLACE_MASKS, size)
        suspects = self._sift(places, keys[_BITS_BYTE::KEY_BYTES].translate(_BITS))
        part_numbers = _words(number // _PLACES_OF_PART & _PART_MASKS, size)
        parts = list(itemgetter(*part_numbers)(self._parts))
        pieces = list(_pieces(records.tobytes(), self._record_bytes))
        asked = [(at, part_numbers[at], pieces[at]) for at in suspects]
        for at in reversed(suspects):
            del parts[at], pieces[at]
        deque(map(iconcat, parts, pieces), 0)
        known = []
        for at, part, piece in asked:
            first = self._find(part, piece)
            if first is None:
                self._parts[part] += piece
            else:
                known.append((at, first))
        self._added(size - len(known))
        return known

    def _sift(self, places: list[int], bits: bytes) -> list[int]:
        """Set these bits at these places; returns the positions of keys whose bits may all have been set."""
        size, kept = len(places), self._filter
        old = int.from_bytes(itemgetter(*places)(kept), "little")
        wanted = int.from_bytes(bits, "little")
        missing = (wanted & ~old).to_bytes(size, "little")
        for place, value in zip(places, (wanted | old).to_bytes(size, "little"), strict=True):
            kept[place] = value
        suspects = []
        at = missing.find(0)
        while at >= 0:
            suspects.append(at)
            at = missing.find(0, at + 1)
        if len(set(places)) == size:
            return suspects
        # The last write at a shared place has undone the others there: set their bits again.
        for place, value in zip(places, bits, strict=True):
            kept[place] |= value
        return sorted({*suspects, *_repeats(places)})

    def _find(self, part: int, piece: bytes) -> bytes | None:
        """The record that was noted under this one's key."""
        key = piece[:KEY_BYTES]
        first = find_record(key, self._parts[part], self._record_bytes)
        return self._pages.find(part, key) if first is None else first

    def _added(self, count: int) -> None:
        self._count += count
        if self._count > self._pile_max:
            for part, records in enumerate(self._parts):
                if records:
                    self._pages.append(part, records)
                    records.clear()
            self._count = 0


def _pieces(records: bytes, record_bytes: int) -> tuple[bytes, ...]:
    return struct.unpack(f"{record_bytes}s" * (len(records) // record_bytes), records)


def _words(number: int, size: int) -> list[int]:
    return array("I", number.to_bytes(4 * size, sys.byteorder)).tolist()


def _repeats(values: Iterable[int]) -> list[int]:
    """The positions of values that also occur earlier."""
    repeats, seen = [], set[int]()
    for at, value in enumerate(values):
        if value in seen:
            repeats.append(at)
        seen.add(value)
    return repeats
