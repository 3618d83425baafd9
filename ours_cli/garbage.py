"""When Python looks for garbage: hardly ever while a command starts and ends, as usual while rows stream.

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


def end_without() -> None:
    """Python looks through everything once more before it ends, when the system takes it back at once."""
    gc.freeze()
