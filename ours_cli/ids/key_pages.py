"""Records on disk, by key: unsorted pages of a temporary file, each for one part of the keys.

A record is a 64-bit key and whatever its user adds; all records of a file have the same size.

A part's newest page is searched directly. The keys of its older pages are marked in a filter on disk, one
page of bits for each part. A search reads one byte of it, so it seldom reads an older page for nothing.

The file is private, has no name where the system allows that, and goes away with the process. Memory keeps
four bytes per page, which is one byte for 1,024 bytes of records.
"""

from __future__ import annotations

import os
import sys
import weakref
from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ours_cli.errors import LocalIOError, reason

if TYPE_CHECKING:
    from io import FileIO

KEY_BYTES: Final = 8

PAGE_BYTES: Final = 4096

_NONE: Final = 0
"""Stands for no page of keys: the first pages, one per part, are those of the filter."""

# Where the filter marks a key: which byte of the page is in the third 16 bits, which bit in the last eight.
_THIRD_HALF_WORD, _LAST_BYTE = (2, 7) if sys.byteorder == "little" else (1, 0)
_KEYS_OF_PAGE: Final = PAGE_BYTES // KEY_BYTES
_MASKS: Final = int.from_bytes(array("H", [PAGE_BYTES - 1] * _KEYS_OF_PAGE).tobytes(), sys.byteorder)
_BITS: Final = bytes(1 << number % 8 for number in range(256))


class KeyPages:
    """Appends records to parts and finds one by its key. Raises `LocalIOError`, on a full disk for example.

    `record_bytes` is the size of a record, a multiple of a key's size.
    """

    def __init__(self, parts: int, record_bytes: int = KEY_BYTES) -> None:
        self._record_bytes = record_bytes
        self._page_room = PAGE_BYTES - PAGE_BYTES % record_bytes
        self._file: FileIO | None = None
        self._last = array("I", [_NONE]) * parts
        self._room = array("H", [0]) * parts
        self._previous = array("I")
        """For each page of keys, the one before it in its part."""

    def append(self, part: int, records: bytes | bytearray) -> None:
        """Add records, one after the other, to a part."""
        view = memoryview(records)
        while view:
            if not self._room[part]:
                self._add_page(part)
            room = self._room[part]
            piece = view[:room]
            self._write(self._last[part] * PAGE_BYTES + self._page_room - room, piece)
            self._room[part] = room - len(piece)
            view = view[len(piece) :]

    def find(self, part: int, key: bytes) -> bytes | None:
        """The record that the part has under this key, if any."""
        page = self._last[part]
        if page == _NONE:
            return None
        record = self._find_on(page, self._page_room - self._room[part], key)
        if record is not None:
            return record
        page = self._before(page)
        if page == _NONE:
            return None
        [(at, bit)] = _marks(key, KEY_BYTES)
        if not self._read(part * PAGE_BYTES + at, 1)[0] & bit:
            return None
        while page != _NONE:
            record = self._find_on(page, self._page_room, key)
            if record is not None:
                return record
            page = self._before(page)
        return None

    def _find_on(self, page: int, size: int, key: bytes) -> bytes | None:
        return find_record(key, self._read(page * PAGE_BYTES, size), self._record_bytes)

    def _add_page(self, part: int) -> None:
        full = self._last[part]
        if full != _NONE:
            marked = bytearray(self._read(part * PAGE_BYTES, PAGE_BYTES))
            for at, bit in _marks(self._read(full * PAGE_BYTES, self._page_room), self._record_bytes):
                marked[at] |= bit
            self._write(part * PAGE_BYTES, memoryview(marked))
        self._previous.append(full)
        self._last[part] = len(self._last) + len(self._previous) - 1
        self._room[part] = self._page_room

    def _before(self, page: int) -> int:
        return self._previous[page - len(self._last)]

    def _write(self, start: int, data: memoryview) -> None:
        try:
            if self._file is None:
                self._file = _temporary_file()
                weakref.finalize(self, self._file.close)
            self._file.seek(start)
            while data:  # a write may be short: on a nearly full disk, for example
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


def _marks(records: bytes, record_bytes: int) -> Iterator[tuple[int, int]]:
    """Where the filter marks the keys of at most one page of records: byte and bit."""
    half_words = memoryview(records).cast("H")[_THIRD_HALF_WORD :: record_bytes // 2].tobytes()
    places = int.from_bytes(half_words, sys.byteorder) & _MASKS
    return zip(
        array("H", places.to_bytes(len(half_words), sys.byteorder)),
        records[_LAST_BYTE::record_bytes].translate(_BITS),
        strict=True,
    )


def find_record(key: bytes, records: bytes | bytearray, record_bytes: int) -> bytes | None:
    """The record with this key among joined records, if it is there."""
    at = records.find(key)
    while at > 0 and at % record_bytes:  # not at the beginning of a record
        at = records.find(key, at + 1)
    return None if at < 0 else bytes(records[at : at + record_bytes])


def _temporary_file() -> FileIO:
    import tempfile

    # As SQLite does: the folder for temporary files is often in memory, and this file grows with the run.
    large = "/var/tmp"  # noqa: S108 - the file has no name there
    folder = large if "TMPDIR" not in os.environ and os.access(large, os.W_OK) else None
    return tempfile.TemporaryFile(buffering=0, dir=folder)


def _unusable(error: OSError) -> LocalIOError:
    return LocalIOError(
        f"a temporary file cannot be used: {reason(error)}",
        hint="is the disk full? the variable TMPDIR names the folder to use instead",
    )
