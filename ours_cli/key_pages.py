"""Keys on disk: pages of a temporary file, each of one part of the keys, in no order.

A part's newest page is searched as it is. The keys of its older pages are marked in a filter on disk, a page
of bits for each part, of which a search reads one byte: it seldom reads an older page for nothing.

The file is its owner's alone, has no name where the system allows that, and goes with the process. Memory
keeps four bytes a page, which is a byte for 128 keys.
"""

from __future__ import annotations

import os
import sys
import weakref
from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ours_cli.errors import LocalIOError

if TYPE_CHECKING:
    from io import FileIO

KEY_BYTES: Final = 8

PAGE_BYTES: Final = 4096

_NONE: Final = 0
"""No page of keys: the first pages, as many as there are parts, are those of the filter."""

# Where the filter marks a key: which byte of the page is in the third 16 bits, which bit in the last eight.
_THIRD_HALF_WORD, _LAST_BYTE = (2, 7) if sys.byteorder == "little" else (1, 0)
_KEYS_OF_PAGE: Final = PAGE_BYTES // KEY_BYTES
_MASKS: Final = int.from_bytes(array("H", [PAGE_BYTES - 1] * _KEYS_OF_PAGE).tobytes(), sys.byteorder)
_BITS: Final = bytes(1 << number % 8 for number in range(256))


class KeyPages:
    """Appends keys to parts and searches parts for a key. Raises `LocalIOError`, as on a full disk."""

    def __init__(self, parts: int) -> None:
        self._file: FileIO | None = None
        self._last = array("I", [_NONE]) * parts
        self._room = array("H", [0]) * parts
        self._previous = array("I")
        """Of each page of keys the one before it in its part."""

    def append(self, part: int, keys: bytes | bytearray) -> None:
        """Add keys, one after the other, to a part."""
        view = memoryview(keys)
        while view:
            if not self._room[part]:
                self._add_page(part)
            room = self._room[part]
            piece = view[:room]
            self._write(self._last[part] * PAGE_BYTES + PAGE_BYTES - room, piece)
            self._room[part] = room - len(piece)
            view = view[len(piece) :]

    def holds(self, part: int, key: bytes) -> bool:
        """Whether the part has this key."""
        page = self._last[part]
        if page == _NONE:
            return False
        if stands_in(key, self._read(page * PAGE_BYTES, PAGE_BYTES - self._room[part])):
            return True
        page = self._before(page)
        if page == _NONE:
            return False
        [(at, bit)] = _marks(key)
        if not self._read(part * PAGE_BYTES + at, 1)[0] & bit:
            return False
        while page != _NONE:
            if stands_in(key, self._read(page * PAGE_BYTES, PAGE_BYTES)):
                return True
            page = self._before(page)
        return False

    def _add_page(self, part: int) -> None:
        full = self._last[part]
        if full != _NONE:
            marked = bytearray(self._read(part * PAGE_BYTES, PAGE_BYTES))
            for at, bit in _marks(self._read(full * PAGE_BYTES, PAGE_BYTES)):
                marked[at] |= bit
            self._write(part * PAGE_BYTES, memoryview(marked))
        self._previous.append(full)
        self._last[part] = len(self._last) + len(self._previous) - 1
        self._room[part] = PAGE_BYTES

    def _before(self, page: int) -> int:
        return self._previous[page - len(self._last)]

    def _write(self, start: int, data: memoryview) -> None:
        try:
            if self._file is None:
                self._file = _temporary_file()
                weakref.finalize(self, self._file.close)
            self._file.seek(start)
            while data:  # a write may be short: on a disk that is nearly full, say
                data = data[self._file.write(data) :]
        except OSError as error:
            raise _unusable(error) from None

    def _read(self, start: int, size: int) -> bytes:
        assert self._file is not None
        try:
            self._file.seek(start)
            return self._file.read(size)
        except OSError as error:
            raise _unusable(error) from None


def _marks(keys: bytes) -> Iterator[tuple[int, int]]:
    """Where a page of the filter marks these keys, a page of them at most: the byte and the bit."""
    half_words = memoryview(keys).cast("H")[_THIRD_HALF_WORD::4].tobytes()
    places = int.from_bytes(half_words, sys.byteorder) & _MASKS
    return zip(
        array("H", places.to_bytes(len(half_words), sys.byteorder)),
        keys[_LAST_BYTE::KEY_BYTES].translate(_BITS),
        strict=True,
    )


def stands_in(key: bytes, keys: bytes | bytearray) -> bool:
    """Whether a key is among keys that stand one after the other."""
    at = keys.find(key)
    while at > 0 and at % KEY_BYTES:  # across two others
        at = keys.find(key, at + 1)
    return at >= 0


def _temporary_file() -> FileIO:
    import tempfile

    # As SQLite chooses: the folder for temporary files is often memory, and this one is as long as the run.
    large = "/var/tmp"  # noqa: S108 - nothing is made there that has a name
    folder = large if "TMPDIR" not in os.environ and os.access(large, os.W_OK) else None
    return tempfile.TemporaryFile(buffering=0, dir=folder)


def _unusable(error: OSError) -> LocalIOError:
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return LocalIOError(
        f"a temporary file cannot be used: {reason}",
        hint="is the disk full? the variable TMPDIR names the folder to use instead",
    )
