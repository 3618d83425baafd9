"""What becomes of memory that rows no longer need: it is kept for the next ones."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

_LARGEST: Final = 8 << 20
"""The most bytes in one piece of memory that rows need, except for extraordinary ones."""


def keep_freed_memory() -> None:
    """Have the C library give nothing back to the system, to be asked for it again with the next rows.

    glibc keeps what is no larger than the largest piece ever freed, and a heap of twice that. This piece is
    never written to, so it takes no memory.
    """
    with suppress(MemoryError):
        bytes(_LARGEST)
