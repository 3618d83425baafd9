"""When Python looks for garbage: hardly ever while a command starts and ends, seldom while rows stream.

It is loaded before all else, `typing` included.
"""

from __future__ import annotations

import gc

_STARTING = 100_000
"""Objects made before the first look. To send one event takes some 45,000, and all are kept."""

_USUAL = gc.get_threshold()


def start_without() -> None:
    """Modules and options are no garbage: looking through them took a tenth of the start of `ours --help`."""
    gc.set_threshold(_STARTING, *_USUAL[1:])


def collect_as_usual() -> None:
    """For what runs on: Python's own rhythm, past all that the start has made."""
    gc.freeze()
    gc.set_threshold(*_USUAL)


_SELDOM = 5_000
"""Objects left over before a look: rows in work are thousands of lists, which go by themselves."""


def collect_seldom() -> None:
    """For rows that stream. What is loaded by now lives to the end, and need not be looked through again."""
    gc.freeze()
    gc.set_threshold(_SELDOM, *_USUAL[1:])


def end_without() -> None:
    """Python looks through everything once more before it ends, when the system takes it back at once."""
    gc.freeze()
