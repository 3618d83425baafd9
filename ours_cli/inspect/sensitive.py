"""Columns that hold secrets, name a person or speak of health: to send one is a choice, so each is flagged.

By the words of the name, or by what most values look like. The list follows the eighteen identifiers of
HIPAA's Safe Harbor (45 CFR 164.514(b)(2)), as far as an export has columns for them, and adds secrets and
health itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from ours_cli.inspect.compounds import taken_apart
from ours_cli.inspect.kinds import Kind
from ours_cli.inspect.person_words import (
    ANSWER_WORDS,
    ASKING_WORDS,
    FREE_TEXT_WORDS,
    NAME_WORDS,
    PATIENT_PHRASES,
    PEOPLE,
    PEOPLE_IF_CAPITALS,
    PERSON,
    PERSON_IF_CAPITALS,
)
from ours_cli.inspect.profile import Column
from ours_cli.inspect.sensitive_words import ABOUT_VALUES, COUNTED, HEALTH_SIGN, SIGNS, Sign
from ours_cli.inspect.words import words_of

PATIENT: Final = "patient id"
HEALTH: Final = HEALTH_SIGN.what
NAME: Final = PERSON.what
INSURANCE: Final = "insurance id"
FREE_TEXT: Final = "free text"

_TELLING_KINDS: Final[dict[Kind, str]] = {
    "secret": "secret",
    "ssn": "SSN",
    "email": "e-mail",
    "phone": "phone",
    "ip": "IP address",
    "url": "URL",
}
_WRITTEN_OUT: Final = {**dict.fromkeys(("no", "nr", "num", "nbr", "nummer"), "number"), "nm": "name"}
_INNER_NAME = re.compile(r".*\.(?=\S)", re.DOTALL)
_OPAQUE_CHARACTERS: Final = 16


class Flag(NamedTuple):
    """What a column seems to hold, and what gave it away: its `name` or its `values`."""

    what: str
    by: str


def flag_of(column: Column) -> Flag | None:
    """The most telling sign in one column; None where there is none."""
    if not column.filled:
        return None
    for name in _names_in(column):
        by_name = _by_name(plain_words(name), column)
        if by_name is not None:
            return Flag(by_name, "name")
    by_values = _by_values(column)
    return None if by_values is None else Flag(by_values, "values")


def _names_in(column: Column) -> Iterator[str]:
    """The names to judge by: the column's own, then each key with the one above it, from the inside out.

    So an address covers whatever lies in it, `customer.name` is a person's name, and `plan.name` is none.
    """
    yield _INNER_NAME.sub("", column.path[-1])
    yield from (" ".join(pair) for pair in reversed(tuple(pairwise(column.path))))
    if not column.depth:
        yield column.name


@lru_cache(maxsize=4096)
def plain_words(name: str) -> tuple[str, ...]:
    """The words of a name as `sensitive_words` has them, without the digits at its end.

    `Téléphone 2` is ("telephone",) and `Chart #` is ("chart", "number").
    """
    letters = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("#", " number "))
    words = taken_apart(words_of("".join(letter for letter in letters if not unicodedata.combining(letter))))
    while words and words[-1].isdigit():
        words = words[:-1]
    return tuple(_WRITTEN_OUT.get(word, word) for word in words)


def _by_name(words: tuple[str, ...], column: Column) -> str | None:
    is_number = column.type in ("integer", "number")
    if is_number and not COUNTED.isdisjoint(words[-1:]):
        return HEALTH if _says(HEALTH_SIGN, words) else None
    is_about_it = column.is_time or column.type == "boolean" or not ABOUT_VALUES.isdisjoint(words[-1:])
    for sign in SIGNS:
        if _says(sign, words) and not (sign.of_values and is_about_it):
            return sign.what
    if words == ("session",) and column.characters >= _OPAQUE_CHARACTERS * column.filled:
        return "secret"
    if words[-1:] == ("location",) and column.kinds["text"]:
        return "location"
    if _is_persons_name(words, column):
        return NAME
    if words == ("patient",) or _has_phrase(PATIENT_PHRASES, " ".join(words)):
        return PATIENT
    if _says(HEALTH_SIGN, words):
        return HEALTH
    return FREE_TEXT if _is_free_text(words, column) else None


def _says(sign: Sign, words: tuple[str, ...]) -> bool:
    joined = " ".join(words)
    return (
        not sign.words.isdisjoint(words)
        or not sign.last.isdisjoint(words[-1:])
        or joined in sign.alone
        or _has_phrase(sign.phrases, joined)
    )


def _has_phrase(phrases: tuple[str, ...], joined: str) -> bool:
    return any(f" {phrase} " in f" {joined} " for phrase in phrases)


def _is_persons_name(words: tuple[str, ...], column: Column) -> bool:
    if not _may_be_text(column) or words[-1:] == ("id",):
        return False
    if not NAME_WORDS.isdisjoint(words) and not PEOPLE.isdisjoint(words):
        return True
    if _says(PERSON, words):
        return True
    if " ".join(words) in PERSON_IF_CAPITALS | PEOPLE_IF_CAPITALS:
        return column.words_in_capitals > 0
    may_be = words in (("name",), ("name", "text")) or not PEOPLE_IF_CAPITALS.isdisjoint(words[-1:])
    return may_be and column.words_in_capitals >= 0.8 * column.filled and not column.clinical


def _may_be_text(column: Column) -> bool:
    return column.kinds["text"] > 0 or column.says_nothing


def _is_free_text(words: tuple[str, ...], column: Column) -> bool:
    if words[-1:] == ("id",) or column.is_time:
        return False
    if _may_be_text(column) and not FREE_TEXT_WORDS.isdisjoint(words):
        return True
    if len(words) <= 2 and column.type in ("integer", "number"):
        return False  # `your_order`; a question has more words
    telling = ANSWER_WORDS if column.type == "boolean" else ASKING_WORDS
    return not telling.isdisjoint(words)


def _by_values(column: Column) -> str | None:
    for kind, what in _TELLING_KINDS.items():
        if column.share(kind) >= 0.5:
            return what
    if column.clinical >= 0.2 * column.filled:
        return HEALTH
    if column.type == "text" and column.characters > 60 * column.filled:
        return FREE_TEXT
    return None
