"""How often garbage is collected (hardly ever while a command starts and ends), and what is kept of memory.

This module is loaded before all others, `typing` included.
"""

from __future__ import annotations

import gc

_STARTING = 100_000
"""Objects made before the first collection. Sending one event takes some 45,000, and all are kept."""

_USUAL = gc.get_threshold()


def collect_rarely_at_start() -> None:
    """Modules and options are not garbage, and looking through them takes time."""
    gc.set_threshold(_STARTING, *_USUAL[1:])


def collect_as_usual() -> None:
    """For what runs longer: Python's own rhythm, leaving out all that the start has made."""
    gc.freeze()
    gc.set_threshold(*_USUAL)


_SELDOM = 5_000
"""Objects left before a collection: rows in flight are thousands of lists, freed by reference counting."""

_LARGEST = 8 << 20
"""The most bytes in one piece of memory that rows need, except for extraordinary ones."""


def prepare_for_rows() -> None:
    """For rows that stream: garbage is collected seldom, and freed memory kept for the next rows.

    What is loaded by now lives to the end, and need not be looked through again. The C library gives nothing
    back to the system, to be asked for it again: glibc keeps what is no larger than the largest piece ever
    freed, and a heap of twice that. This piece is never written to, so it takes no memory.
    """
    gc.freeze()
    gc.set_threshold(_SELDOM, *_USUAL[1:])
    try:
        bytes(_LARGEST)
    except MemoryError:
        return


def skip_last_collection() -> None:
    """Skip Python's last collection before it ends: the system takes all memory back anyway."""
    gc.freeze()
