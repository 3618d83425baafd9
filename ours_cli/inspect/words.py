"""The words of a column's name, and which of them say what the column is."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+")

TIME_WORDS: Final = frozenset(
    "time date datetime timestamp timestamps ts dt at on day when created updated modified changed start stop"
    " end begin began occurred received sent datum zeit buchungstag wertstellung fecha data"
    " epoch optin confirm".split()
)
CLOCK_WORDS: Final = frozenset(("time", "hour", "clock", "uhrzeit", "zeit"))
DATE_WORDS: Final = frozenset(("date", "dt", "day", "datum", "fecha", "data"))


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """`createdAt`, `Created At` and `CREATED_AT` are ("created", "at")."""
    return tuple(word.lower() for word in _WORD.findall(name))


def is_named_time(name: str) -> bool:
    """Whether the name says that a number in the column may be a time."""
    words = words_of(name)
    return not TIME_WORDS.isdisjoint(words) and words[-1] not in ("id", "zone", "ms", "version")


def key_of(name: str) -> str:
    """A name for an event property: the words, joined by underscores."""
    return "_".join(words_of(name)) or "column"
