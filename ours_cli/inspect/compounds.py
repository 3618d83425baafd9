"""Words written as one, taken apart: `patientdob` is patient, dob and `Hauptdiagnose` is haupt, diagnose.

A word is taken apart only where each part is known, so that `capacity` holds no city; of a compound that
ends in one of `HEADS`, or begins with one of `STEMS`, which are too long to be there by chance, the rest may
be anything.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from ours_cli.inspect.health_words import HEALTH_SIGN
from ours_cli.inspect.id_words import NUMBERED
from ours_cli.inspect.person_words import (
    FREE_TEXT_WORDS,
    PATIENT_PHRASES,
    PEOPLE,
    PEOPLE_IF_CAPITALS,
    PERSON,
)
from ours_cli.inspect.sensitive_words import SIGNS
from ours_cli.inspect.vocabulary import names, words

HEADS: Final = words(
    "address adresse anschrift diagnosis diagnoses diagnose diagnosen erkrankung erkrankungen krankheit",
    "krankheiten beschwerden medikament medikamente allergie allergien geburtsdatum telefon telefonnummer",
    "handynummer gewicht grosse temperatur medikation systolic diastolic",
)
STEMS: Final = words(
    "anamnese befund diagnose diagnosen geburts impf krankheits medicatie medikamenten patienten versicherten"
)
_JOINTS: Final = words(
    "admission admit admitting code date datum day discharge dttm enterprise external fall height home",
    "internal line list main name names nom num nummer ordering primary principal referring rendering",
    "secondary status text time type weight work year",
)
"""Words that say nothing by themselves, but stand beside those that do."""
_SHORT: Final = names("bp", "de", "dr", "dt", "dx", "id", "ip", "nm", "no", "nr", "of", "pt", "rx")
"""The parts of less than three letters."""
_NEVER_FIRST: Final = names("de", "dt", "nm", "no", "nr", "of")
_WHOLE: Final = names(
    "hostname", "idnr", "keynote", "banknote", "postcard", "timecard", "passage", "middlesex", "headphone"
)
_BEGINNING_MIN: Final = 3
_LONGEST: Final = 40


def taken_apart(written: tuple[str, ...]) -> tuple[str, ...]:
    """The words (lower case, without accents), each compound as its parts."""
    return tuple(part for word in written for part in _parts(word))


@lru_cache(maxsize=4096)
def _parts(word: str) -> tuple[str, ...]:
    if len(word) > _LONGEST or word in _known() or word.removesuffix("s") in _WHOLE:
        return (word,)
    found = _known_parts(word)
    if found and found[0] not in _NEVER_FIRST:
        return found
    heads = (head for head in HEADS if word.endswith(head))
    head = max(heads, key=len, default=word)
    beginning = word.removesuffix(head)
    if len(beginning) >= _BEGINNING_MIN:
        return (beginning, head)
    stem = max((stem for stem in STEMS if word.startswith(stem)), key=len, default=word)
    rest = word.removeprefix(stem)
    return (stem, rest) if len(rest) >= _BEGINNING_MIN else (word,)


def _known_parts(word: str) -> tuple[str, ...]:
    """Known words that make up this one, long ones first; none where something is left over."""
    for end in range(len(word), 1, -1):
        if word[:end] in _known():
            rest = _known_parts(word[end:])
            if rest or end == len(word):
                return (word[:end], *rest)
    return ()


@cache
def _known() -> frozenset[str]:
    signs = (*SIGNS, HEALTH_SIGN, PERSON)
    phrases = " ".join((*PATIENT_PHRASES, *(phrase for sign in signs for phrase in sign.phrases))).split()
    known = {*phrases, *PEOPLE, *PEOPLE_IF_CAPITALS, *FREE_TEXT_WORDS, *NUMBERED, *_JOINTS}.union(
        *(sign.words | sign.last for sign in signs)
    )
    return frozenset(word for word in known if len(word) > 2) | _SHORT
