"""A lock on an open file, which the system drops when the process dies, however it dies."""

from __future__ import annotations

import sys
from typing import IO, Any


def lock(stream: IO[Any]) -> None:
    """Lock the file, or raise `OSError` at once where another process has (`BlockingIOError` on POSIX)."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_byte(stream: IO[Any], at: int) -> None:
    """As `lock`, for one byte of the file, whether or not it has so many: one file serves for many locks."""
    if sys.platform == "win32":
        import msvcrt

        stream.seek(at)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)
