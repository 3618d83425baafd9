"""Columns that name a person or speak of health: sending them must be a choice, so each is flagged.

By the words of the name, or by what most values look like. The list follows the eighteen identifiers of
HIPAA's Safe Harbor (45 CFR 164.514(b)(2)), as far as an export has columns for them, and adds health itself.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ours_cli.inspect.profile import Column
from ours_cli.inspect.words import words_of

DIRECT: Final = ("SSN", "medical record number", "insurance id", "date of birth", "phone", "e-mail", "name",
                 "address", "IP address", "account number", "location")  # fmt: skip
HEALTH: Final = "health"
FREE_TEXT: Final = "free text"

_PEOPLE: Final = frozenset(
    "user customer buyer seller client patient contact invitee guest member person people host owner employee"
    " attendee recipient sender payer payee cardholder holder subscriber guarantor doctor physician provider"
    " practitioner ship shipping billing bill first last full given family middle maiden sur user's"
    " staff officer".split()
)
_PEOPLE_ALONE: Final = frozenset(
    "from to buyer seller customer client patient payer payee recipient sender invitee guest host owner"
    " username nickname surname firstname lastname fullname vorname nachname kunde auftraggeber".split()
)
_HEALTH_WORDS: Final = frozenset(
    "diagnosis diagnoses dx icd icd9 icd10 snomed loinc cpt hcpcs condition conditions symptom symptoms"
    " medication medications drug drugs prescription rx allergy allergies procedure procedures vaccine"
    " immunization lab reasoncode reasondescription encounterclass disease treatment therapy pregnancy"
    " pregnant hiv disability bmi clinical".split()
)
_FREE_TEXT_WORDS: Final = frozenset(
    "note notes comment comments message messages remark remarks memo feedback response answer reason"
    " cancellation bio".split()
)


class Flag(NamedTuple):
    """What a column seems to hold, and what gave it away: its `name` or its `values`."""

    what: str
    by: str


def flag_of(column: Column) -> Flag | None:
    """The most telling sign in one column; None where there is none."""
    if not column.filled:
        return None
    by_name = _by_name(words_of(column.name.rpartition(".")[2] or column.name), column)
    if by_name is not None:
        return Flag(by_name, "name")
    by_values = _by_values(column)
    return None if by_values is None else Flag(by_values, "values")


def _by_name(words: tuple[str, ...], column: Column) -> str | None:  # noqa: PLR0911 - a list of rules
    found = set(words)
    joined = " ".join(words)
    if found & {"ssn", "ssn4", "sin", "tin"} or "social security" in joined:
        return "SSN"
    if "mrn" in found or "medical record" in joined or joined in ("chart number", "chart no"):
        return "medical record number"
    if found & {"insurance", "medicare", "medicaid", "npi", "beneficiary"} or "health plan" in joined:
        return "insurance id"
    if found & {"dob", "birth", "birthdate", "birthday", "geburtsdatum"}:
        return "date of birth"
    if found & {"phone", "mobile", "telephone", "tel", "fax", "cell"} or "reminder number" in joined:
        return "phone"
    if found & {"email", "emails"} or "e mail" in joined:
        return "e-mail"
    if found & {"address", "address1", "address2", "street", "zip", "zipcode", "postcode", "postal"}:
        return "IP address" if "ip" in found else "address"
    if "ip" in found:
        return "IP address"
    if found & {"latitude", "longitude", "lat", "lng", "geo"} or "location" in words[-1:]:
        return "location" if column.kinds["decimal"] or column.kinds["text"] else None
    if found & {"iban", "card", "auftraggeberkonto", "kontonummer"} or "account number" in joined:
        return "account number"
    if _is_persons_name(words, column):
        return "name"
    if found & _HEALTH_WORDS:
        return HEALTH
    if found & _FREE_TEXT_WORDS and column.kinds["text"]:
        return FREE_TEXT
    return None


def _is_persons_name(words: tuple[str, ...], column: Column) -> bool:
    if not column.kinds["text"] or words[-1:] == ("id",):
        return False
    if words[-1:] in (("name",), ("names",)) and not _PEOPLE.isdisjoint(words[:-1]):
        return True
    if len(words) == 1 and words[0] in _PEOPLE_ALONE:
        return column.words_in_capitals > 0 or words[0] not in ("from", "to")
    return words == ("name",) and column.words_in_capitals >= 0.8 * column.filled and not column.clinical


def _by_values(column: Column) -> str | None:
    for kind, what in (("ssn", "SSN"), ("email", "e-mail"), ("phone", "phone"), ("ip", "IP address")):
        if column.share(kind) >= 0.5:  # type: ignore[arg-type]
            return what
    if column.clinical >= 0.2 * column.filled:
        return HEALTH
    if column.type == "text" and column.characters > 60 * column.filled:
        return FREE_TEXT
    return None
