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
