"""Which keys a run has met: an exact set of 64-bit digests that takes the same memory however many they are.

A filter of fixed size knows of nearly all new keys that they cannot have been met; it is asked, and told, of
some hundred keys in a few operations on whole byte strings. The keys themselves are dealt into parts by some
of their bits, 8 bytes each, in no order: dealing costs a third of what sorting does. Parts that are long
enough together move to pages on disk. Only what the filter lets through, true repeats and a few per cent of
suspects, is searched for in its part.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections import deque
from collections.abc import Sequence
from itertools import combinations
from operator import iconcat, itemgetter
from typing import Final

from ours_cli.key_pages import KEY_BYTES, KeyPages, stands_in

FEW_MAX: Final = 8_000
"""Keys that stand in a plain set, about 0.6 MB, before filter and parts are made."""

PILE_MAX: Final = 200_000
"""Keys of the parts in memory, about 2.5 MB, before they move to disk."""

_AT_ONCE: Final = 512
"""Keys that are asked for together: many a string, and few enough that two seldom share a place."""

# The filter is a blocked Bloom filter of 4 MiB: a key's two bits lie in one byte, its place. At five million
# keys it lets ten strangers in a hundred through, which costs a search; none that was noted is ever missed.
_PLACES: Final = 1 << 22
_PLACES_OF_PART: Final = 512
_PARTS: Final = _PLACES // _PLACES_OF_PART

# Where the parts of a key stand: its place in the lower of two words, the choice of its bits in a byte.
_LOW_WORD, _BITS_BYTE = (0, 3) if sys.byteorder == "little" else (1, 4)
_PLACE_MASKS: Final = int.from_bytes(array("I", [_PLACES - 1] * _AT_ONCE).tobytes(), sys.byteorder)
_PART_MASKS: Final = int.from_bytes(array("I", [_PARTS - 1] * _AT_ONCE).tobytes(), sys.byteorder)
_PAIRS: Final = [1 << a | 1 << b for a, b in combinations(range(8), 2)]
_BITS: Final = bytes(_PAIRS[number * len(_PAIRS) // 256] for number in range(256))


class KnownKeys:
    """Notes keys, signed 64-bit integers, and tells which of them it knew. Raises `LocalIOError`."""

    def __init__(self, few_max: int = FEW_MAX, pile_max: int = PILE_MAX) -> None:
        self._few_max = few_max
        self._few: set[int] = set()
        self._many: _ManyKeys | None = None
        self._pile_max = pile_max

    def note_many(self, keys: Sequence[int]) -> list[int]:
        """Note keys in turn; the positions of those that had been noted, earlier in `keys` included."""
        if self._many is not None:
            return self._many.note(array("q", keys))
        known = _repeats(keys, self._few)
        self._move_on()
        return known

    def note(self, key: int) -> bool:
        """Note a key; whether it had been noted."""
        if self._many is not None:
            return self._many.note_one(key)
        if key in self._few:
            return True
        self._few.add(key)
        self._move_on()
        return False

    def _move_on(self) -> None:
        if len(self._few) > self._few_max:
            self._many = _ManyKeys(self._pile_max)
            self._many.note(array("q", self._few))
            self._few = set()


class _ManyKeys:
    def __init__(self, pile_max: int) -> None:
        self._filter = bytearray(_PLACES)
        self._parts = [bytearray() for _ in range(_PARTS)]
        self._count = 0
        """Keys that stand in the parts in memory."""
        self._pile_max = pile_max
        self._pages = KeyPages(_PARTS)

    def note(self, keys: array[int]) -> list[int]:
        known: list[int] = []
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            if len(some) == 1:
                known += [start] * self.note_one(some[0])
            else:
                known += [start + at for at in self._note_some(some.tobytes())]
        return known

    def note_one(self, key: int) -> bool:
        word = key & 0xFFFF_FFFF
        place, bits = word % _PLACES, _BITS[word >> 24]
        old = self._filter[place]
        piece = key.to_bytes(KEY_BYTES, sys.byteorder, signed=True)
        part = place // _PLACES_OF_PART
        if old & bits == bits:
            if self._holds(part, piece):
                return True
        else:
            self._filter[place] = old | bits
        self._parts[part] += piece
        self._count += 1
        if self._count > self._pile_max:
            self._move_to_pages()
        return False

    def _note_some(self, keys: bytes) -> list[int]:
        """The positions of the known ones among at least two and at most `_AT_ONCE` keys."""
        size = len(keys) // KEY_BYTES
        number = int.from_bytes(memoryview(keys).cast("I")[_LOW_WORD::2].tobytes(), sys.byteorder)
        places = _words(number & _PLACE_MASKS, size)
        suspects = self._sift(places, keys[_BITS_BYTE::KEY_BYTES].translate(_BITS))
        part_numbers = _words(number // _PLACES_OF_PART & _PART_MASKS, size)
        parts = list(itemgetter(*part_numbers)(self._parts))
        pieces = list(struct.unpack(f"{KEY_BYTES}s" * size, keys))
        asked = [(at, part_numbers[at], pieces[at]) for at in suspects]
        for at in reversed(suspects):
            del parts[at], pieces[at]
        deque(map(iconcat, parts, pieces), 0)
        known = []
        for at, part, piece in asked:
            if self._holds(part, piece):
                known.append(at)
            else:
                self._parts[part] += piece
        self._count += size - len(known)
        if self._count > self._pile_max:
            self._move_to_pages()
        return known

    def _sift(self, places: list[int], bits: bytes) -> list[int]:
        """Set these bits at these places; the positions of the keys of which they may all have stood."""
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
        # The last that was written at a place was not told what others there had written before it.
        for place, value in zip(places, bits, strict=True):
            kept[place] |= value
        return sorted({*suspects, *_repeats(places, set())})

    def _holds(self, part: int, piece: bytes) -> bool:
        return stands_in(piece, self._parts[part]) or self._pages.holds(part, piece)

    def _move_to_pages(self) -> None:
        for part, keys in enumerate(self._parts):
            if keys:
                self._pages.append(part, keys)
                keys.clear()
        self._count = 0


def _words(number: int, size: int) -> list[int]:
    return array("I", number.to_bytes(4 * size, sys.byteorder)).tolist()


def _repeats(values: Sequence[int], seen: set[int]) -> list[int]:
    """The positions of the values that had been seen, earlier ones included; all have been seen then."""
    repeats = []
    for at, value in enumerate(values):
        if value in seen:
            repeats.append(at)
        else:
            seen.add(value)
    return repeats
