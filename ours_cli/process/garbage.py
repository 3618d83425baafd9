"""How often Python's garbage collector runs: hardly ever while a command starts and ends, seldom for rows.

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


def collect_seldom() -> None:
    """For rows that stream. What is loaded by now lives to the end, and need not be looked through again."""
    gc.freeze()
    gc.set_threshold(_SELDOM, *_USUAL[1:])


def skip_last_collection() -> None:
    """Skip Python's last collection before it ends: the system takes all memory back anyway."""
    gc.freeze()
