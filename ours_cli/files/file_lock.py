"""A lock on an open file, which the system drops when the process dies, however it dies."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

_TAKEN: Final = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""What the systems say where another process has the lock, each in its own words."""


def lock(stream: IO[Any]) -> None:
    """Lock the file, or raise at once: `BlockingIOError` where another process has, `OSError` where none can.

    Some file systems have no locks (network folders, mostly).
    """
    with _alike():
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_byte(stream: IO[Any], at: int) -> None:
    """As `lock`, for one byte of the file, whether or not it has so many: one file serves for many locks."""
    with _alike():
        if sys.platform == "win32":
            import msvcrt

            stream.seek(at)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)


@contextmanager
def _alike() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _TAKEN:
            raise BlockingIOError(errno.EAGAIN, "") from None
        raise
