"""Columns that hold secrets, name a person or speak of health: to send one is a choice, so each is flagged.

By the words of the name, or by what most values look like. The list follows the eighteen identifiers of
HIPAA's Safe Harbor (45 CFR 164.514(b)(2)), as far as an export has columns for them, and adds secrets and
health itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from ours_cli.inspect.column import Column
from ours_cli.inspect.compounds import taken_apart
from ours_cli.inspect.health_words import HEALTH_SIGN
from ours_cli.inspect.kinds import Kind
from ours_cli.inspect.patient_words import AMONG_PATIENTS, MEASURED_IN, OF_THE_BODY, OF_THINGS_TOO
from ours_cli.inspect.person_words import (
    ACTS_OF_PEOPLE,
    ANSWER_WORDS,
    ASKING_WORDS,
    BY,
    DOCTORS,
    FREE_TEXT_LAST,
    FREE_TEXT_WORDS,
    NAME_PARTS,
    NAME_WORDS,
    OF,
    OWNERS,
    PATIENT_PHRASES,
    PATIENTS,
    PATIENTS_IN_FRONT,
    PEOPLE,
    PEOPLE_IF_CAPITALS,
    PERSON,
    PERSON_IF_CAPITALS,
    SPECIALISTS,
)
from ours_cli.inspect.sensitive_words import (
    ABOUT_VALUES,
    CODED,
    CONTESTS,
    COUNTED,
    OF_A_MAKE,
    OF_MACHINES,
    SIGNS,
)
from ours_cli.inspect.vocabulary import Sign
from ours_cli.inspect.words import words_of

PATIENT: Final = "patient id"
RECORD: Final = "medical record number"
CASE: Final = "case number"
ETHNICITY: Final = "ethnicity or religion"
HEALTH: Final = HEALTH_SIGN.what
NAME: Final = PERSON.what
INSURANCE: Final = "insurance id"
IP_ADDRESS: Final = "IP address"
USER_AGENT: Final = "user agent"
FREE_TEXT: Final = "free text"

_TELLING_KINDS: Final[dict[Kind, str]] = {
    "secret": "secret",
    "ssn": "SSN",
    "email": "e-mail",
    "phone": "phone",
    "ip": IP_ADDRESS,
    "agent": USER_AGENT,
    "url": "URL",
}
_WRITTEN_OUT: Final = {**dict.fromkeys(("no", "nr", "num", "nbr", "nummer"), "number"), "nm": "name"}
_INNER_NAME = re.compile(r".*\.(?=\S)", re.DOTALL)
_POSITION = re.compile(r"[A-Z][A-Z0-9]{2}[-.][0-9]+(?:[-.][0-9]+)*[-_ ]+(?=[^\W\d])")
"""Where in an HL7 message a value stood: `PV1-36` in front of a name."""
_OPAQUE_CHARACTERS: Final = 16


class Flag(NamedTuple):
    """What a column seems to hold, and what gave it away: its `name` or its `values`."""

    what: str
    by: str


def flags_of(columns: Sequence[Column]) -> dict[str, Flag]:
    """The flags of a table's columns by their names; what the others hold tells how to read some names."""
    found = {column.name: flag_of(column) for column in columns}
    flags = {name: flag for name, flag in found.items() if flag is not None}
    if _is_of_patients(columns, flags):
        flags |= {column.name: flag for column in columns if (flag := _among_patients(column, flags))}
    elif _holds_races(columns):
        flags = {
            name: flag
            for name, flag in flags.items()
            if flag.what != ETHNICITY or "race" not in plain_words(name)
        }
    return flags


def _holds_races(columns: Sequence[Column]) -> bool:
    """Whether races are run, rather than people asked for theirs."""
    names = (plain_words(column.path[-1]) for column in columns)
    return any("race" in name and not CONTESTS.isdisjoint(name) for name in names)


def _is_of_patients(columns: Sequence[Column], flags: Mapping[str, Flag]) -> bool:
    """Whether a patient is named, two columns speak of health, or OMOP's words of a concept."""
    by_name = [(plain_words(name), flag.what) for name, flag in flags.items() if flag.by == "name"]
    of_health = [name for name, what in by_name if what == HEALTH and OF_THINGS_TOO.isdisjoint(name)]
    return (
        len(of_health) > 1
        or any(what in (PATIENT, RECORD, CASE) or _names_a_patient(name) for name, what in by_name)
        or any(words_of(column.path[-1])[-2:] == ("concept", "id") for column in columns)
    )


def _names_a_patient(words: tuple[str, ...]) -> bool:
    return not PATIENTS.isdisjoint(words) or not PATIENTS_IN_FRONT.isdisjoint(words[:1])


def _among_patients(column: Column, flags: Mapping[str, Flag]) -> Flag | None:
    """What a column holds, where the table is of patients and the name alone was no sign."""
    if not column.filled or column.name in flags:
        return None
    for name in _names_in(column):
        words = plain_words(name)
        for sign in AMONG_PATIENTS:
            says = _says(sign, words) or _says(sign, _measured(words))
            if says and not (sign.of_values and _is_about_values(words, column)):
                return Flag(sign.what, "name")
    return None


def _measured(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words for what was measured, without those for whom, where and in which unit."""
    words = tuple(word for word in words if not word.isdigit())
    while words and words[0] in OF_THE_BODY:
        words = words[1:]
    while words and words[-1] in MEASURED_IN:
        words = words[:-1]
    return words


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
    yield _INNER_NAME.sub("", _POSITION.sub("", column.path[-1]))
    yield from (" ".join(pair) for pair in reversed(tuple(pairwise(column.path))))
    if not column.depth:
        yield column.name


@lru_cache(maxsize=4096)
def plain_words(name: str) -> tuple[str, ...]:
    """The words of a name as `sensitive_words` has them, without the digits at its end.

    `Téléphone 2` is ("telephone",) and `Chart #` is ("chart", "number"); the 4 in `CD4` stays.
    """
    letters = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("#", " number "))
    words = taken_apart(words_of("".join(letter for letter in letters if not unicodedata.combining(letter))))
    while words and words[-1].isdigit() and " ".join(words[-2:]) not in HEALTH_SIGN.phrases:
        words = words[:-1]
    # `N° dossier`, but not `N.I.R.`
    words = ("number", *words[1:]) if words[:1] == ("n",) and len("".join(words[1:2])) > 1 else words
    return tuple(_WRITTEN_OUT.get(word, word) for word in words)


def _by_name(words: tuple[str, ...], column: Column) -> str | None:
    words = _of_people(words)
    is_number = column.type in ("integer", "number")
    if is_number and not COUNTED.isdisjoint(words[-1:]):
        return HEALTH if _says(HEALTH_SIGN, words) else None
    is_about_it = _is_about_values(words, column)
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


def _of_people(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words without those that together mean something of machines."""
    for phrase in OF_MACHINES:
        for at in range(len(words) - len(phrase) + 1):
            if words[at : at + len(phrase)] == phrase:
                return words[:at] + words[at + len(phrase) :]
    return words


def _is_about_values(words: tuple[str, ...], column: Column) -> bool:
    """Whether a name that speaks of values is of something about them."""
    is_about = not ABOUT_VALUES.isdisjoint(words[-1:]) or not OF_A_MAKE.isdisjoint(words)
    return is_about or column.is_time or column.type == "boolean"


def _says(sign: Sign, words: tuple[str, ...]) -> bool:
    joined = " ".join(words)
    return (
        not sign.words.isdisjoint(words)
        or not sign.last.isdisjoint(words[-1:])
        or joined in sign.alone
        or _has_phrase(sign.phrases, joined)
        or (sign.coded and (bare := _without_code(words)) != words and _says(sign, bare))
        or (sign is not PERSON and (bare := _without_owner(words)) != words and _says(sign, bare))
    )


def _without_owner(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a name without those that only say whose it is."""
    words = words[1:] if words[:1] and words[0] in OWNERS else words
    if PATIENTS.isdisjoint(words):
        return words
    return tuple(word for word in words if word not in PATIENTS | OF)


def _without_code(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a name without those at its end for a code."""
    ends = (end for end in CODED if len(words) > len(end) and words[-len(end) :] == end)
    return words[: -len(max(ends, key=len, default=())) or None]


def _has_phrase(phrases: tuple[str, ...], joined: str) -> bool:
    return any(f" {phrase} " in f" {joined} " for phrase in phrases)


def _is_persons_name(words: tuple[str, ...], column: Column) -> bool:
    if not _may_be_text(column) or words[-1:] == ("id",):
        return False
    if _says(PERSON, words) or (words and words[-1].endswith(SPECIALISTS)):
        return True
    is_in_front = not PATIENTS_IN_FRONT.isdisjoint(words[:1])
    if not NAME_WORDS.isdisjoint(words) and (is_in_front or not PEOPLE.isdisjoint(words)):
        return True
    of_people = is_in_front or not (PEOPLE - NAME_PARTS).isdisjoint(words[:-1])
    if of_people and not NAME_PARTS.isdisjoint(words[-1:]):
        return True
    if not BY.isdisjoint(words[-1:]) and not ACTS_OF_PEOPLE.isdisjoint(words):
        return True
    if " ".join(words) in PERSON_IF_CAPITALS | PEOPLE_IF_CAPITALS:
        return column.words_in_capitals > 0
    may_be = (
        words in (("name",), ("name", "text"))
        or not (PEOPLE_IF_CAPITALS | BY).isdisjoint(words[-1:])
        or not DOCTORS.isdisjoint(words)
    )
    return may_be and column.words_in_capitals >= 0.8 * column.filled and not column.clinical


def _may_be_text(column: Column) -> bool:
    return column.kinds["text"] > 0 or column.says_nothing


def _is_free_text(words: tuple[str, ...], column: Column) -> bool:
    if words[-1:] == ("id",) or column.is_time:
        return False
    says_so = not FREE_TEXT_WORDS.isdisjoint(words) or not FREE_TEXT_LAST.isdisjoint(words[-1:])
    if _may_be_text(column) and says_so:
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
