"""Keys on disk: pages of a temporary file, each of one part, searched one after the other.

The file is its owner's alone, has no name where the system allows that, and goes with the process. Memory
keeps four bytes a page, which is a byte for 64 keys.
"""

from __future__ import annotations

import os
import weakref
from array import array
from typing import TYPE_CHECKING, Final

from ours_cli.errors import LocalIOError

if TYPE_CHECKING:
    from io import FileIO

KEY_BYTES: Final = 8

PAGE_BYTES: Final = 4096

_NONE: Final = 2**32 - 1


class KeyPages:
    """Appends keys to parts and searches parts for a key. Raises `LocalIOError`, as on a full disk."""

    def __init__(self, parts: int) -> None:
        self._file: FileIO | None = None
        self._last = array("I", [_NONE]) * parts
        self._room = array("H", [0]) * parts
        self._previous = array("I")
        """Of each page the one before it in its part."""

    def append(self, part: int, keys: bytes | bytearray) -> None:
        """Add keys, one after the other, to a part."""
        view = memoryview(keys)
        while view:
            if not self._room[part]:
                self._previous.append(self._last[part])
                self._last[part] = len(self._previous) - 1
                self._room[part] = PAGE_BYTES
            room = self._room[part]
            piece = view[:room]
            self._write(self._last[part] * PAGE_BYTES + PAGE_BYTES - room, piece)
            self._room[part] = room - len(piece)
            view = view[len(piece) :]

    def holds(self, part: int, key: bytes) -> bool:
        """Whether the part has this key."""
        page = self._last[part]
        size = PAGE_BYTES - self._room[part]
        while page != _NONE:
            if stands_in(key, self._read(page * PAGE_BYTES, size)):
                return True
            page = self._previous[page]
            size = PAGE_BYTES
        return False

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
