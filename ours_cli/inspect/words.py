"""The words of a column's name, and which of them say what the column is."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ours_cli.inspect.vocabulary import words

_TYPE_WRAPPERS: Final = words(
    "S N B BOOL SS NS BS L M $date $oid $uuid $numberLong $numberInt $numberDouble $numberDecimal"
)
"""The keys in which DynamoDB and MongoDB wrap a value, to tell its type."""

_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\d_A-Z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")

TIME_WORDS: Final = words(
    "time date datetime timestamp timestamps ts dt at on day when epoch created updated modified changed",
    "occurred received sent confirm optin start stop end begin began datum zeit zeitpunkt fecha",
)
CLOCK_WORDS: Final = words("time hour clock uhrzeit zeit heure hora checkin")
DATE_WORDS: Final = words("date dt day datum fecha")


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """`createdAt`, `Created At` and `CREATED_AT` are ("created", "at")."""
    return tuple(word.lower() for word in _WORD.findall(_HUMP.sub(" ", name)))


def path_of(name: str, level: int) -> tuple[str, ...]:
    """The keys that lead to a value `level` deep in JSON, without those that only tell its type."""
    first, *inner = name.rsplit(".", level) if level else (name,)
    return (first, *(key for key in inner if key not in _TYPE_WRAPPERS))


def is_named_time(name: str) -> bool:
    """Whether the name says that a number in the column may be a time."""
    named = words_of(name)
    return not TIME_WORDS.isdisjoint(named) and named[-1] not in ("id", "zone", "ms", "version")


def key_of(name: str) -> str:
    """A name for an event property: the words, joined by underscores."""
    return "_".join(words_of(name)) or "column"
