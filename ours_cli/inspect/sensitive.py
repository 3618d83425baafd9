"""Columns that name a person or speak of health: sending them must be a choice, so each is flagged.

By the words of the name, or by what most values look like. The list follows the eighteen identifiers of
HIPAA's Safe Harbor (45 CFR 164.514(b)(2)), as far as an export has columns for them, and adds health itself.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ours_cli.inspect.kinds import Kind
from ours_cli.inspect.profile import Column
from ours_cli.inspect.words import words_of

PATIENT: Final = "patient id"
HEALTH: Final = "health"
FREE_TEXT: Final = "free text"

_PEOPLE: Final = frozenset(
    (
        *(
            "user",
            "customer",
            "buyer",
            "seller",
            "client",
            "patient",
            "contact",
            "invitee",
            "guest",
            "member",
        ),
        *(
            "person",
            "people",
            "host",
            "owner",
            "employee",
            "attendee",
            "recipient",
            "sender",
            "payer",
            "payee",
        ),
        *("cardholder", "holder", "subscriber", "guarantor", "doctor", "physician", "provider", "staff"),
        *("practitioner", "ship", "shipping", "billing", "bill", "first", "last", "full", "given", "family"),
        *("middle", "maiden"),
    )
)
_PEOPLE_ALONE: Final = frozenset(
    (
        *("from", "to", "buyer", "seller", "customer", "client", "patient", "payer", "payee", "recipient"),
        *("sender", "invitee", "guest", "host", "owner", "username", "nickname", "surname", "firstname"),
        *("lastname", "fullname", "vorname", "nachname", "kunde"),
    )
)
_HEALTH_WORDS: Final = frozenset(
    (
        *(
            "diagnosis",
            "diagnoses",
            "dx",
            "icd",
            "icd9",
            "icd10",
            "snomed",
            "loinc",
            "cpt",
            "hcpcs",
            "condition",
        ),
        *("conditions", "symptom", "symptoms", "medication", "medications", "drug", "drugs", "prescription"),
        *("allergy", "allergies", "procedure", "procedures", "vaccine", "immunization", "lab", "reasoncode"),
        *("reasondescription", "encounterclass", "disease", "treatment", "therapy", "pregnancy", "pregnant"),
        *("hiv", "disability", "bmi", "clinical"),
    )
)
_PRESCRIPTION_NAMES: Final = (("rx",), ("rx", "number"), ("rx", "name"))
_PATIENT_NAMES: Final = (("patient",), ("patient", "id"), ("patient", "number"), ("subject", "id"))
_FREE_TEXT_WORDS: Final = frozenset(
    (
        *(
            "note",
            "notes",
            "comment",
            "comments",
            "message",
            "messages",
            "remark",
            "remarks",
            "memo",
            "feedback",
        ),
        *("response", "answer", "reason", "cancellation", "bio", "description"),
    )
)
_NAMED: Final[tuple[tuple[str, frozenset[str], tuple[str, ...]], ...]] = (
    ("SSN", frozenset(("ssn", "ssn4")), ("social security",)),
    ("medical record number", frozenset(("mrn",)), ("medical record", "chart number", "chart no")),
    (
        "insurance id",
        frozenset(("insurance", "medicare", "medicaid", "npi", "beneficiary")),
        ("health plan", "policy number", "subscriber id"),
    ),
    ("date of birth", frozenset(("dob", "birth", "birthdate", "birthday", "geburtsdatum")), ()),
    ("phone", frozenset(("phone", "mobile", "telephone", "tel", "fax", "cell")), ("reminder number",)),
    ("e-mail", frozenset(("email", "emails")), ("e mail",)),
    (
        "address",
        frozenset(("address", "address1", "address2", "street", "zip", "zipcode", "postcode", "postal")),
        (),
    ),
    ("location", frozenset(("latitude", "longitude", "lat", "lng", "coordinates")), ()),
    (
        "account number",
        frozenset(("iban", "card", "auftraggeberkonto", "kontonummer")),
        ("account number", "account no"),
    ),
)
"""What it is, words of a name that say so, and phrases; the first that fits wins."""


_TELLING_KINDS: Final[dict[Kind, str]] = {
    "ssn": "SSN",
    "email": "e-mail",
    "phone": "phone",
    "ip": "IP address",
}


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


def _by_name(words: tuple[str, ...], column: Column) -> str | None:
    while words and words[-1].isdigit():
        words = words[:-1]
    joined = f" {' '.join(words)} "
    for what, named, phrases in _NAMED:
        if not named.isdisjoint(words) or any(f" {phrase} " in joined for phrase in phrases):
            return "IP address" if what == "address" and "ip" in words else what
    if "ip" in words and column.share("ip") >= 0.5:
        return "IP address"
    if words[-1:] == ("location",) and column.kinds["text"]:
        return "location"
    if _is_persons_name(words, column):
        return "name"
    if words in _PATIENT_NAMES:
        return PATIENT
    if not _HEALTH_WORDS.isdisjoint(words) or words in _PRESCRIPTION_NAMES:
        return HEALTH
    if words[-1:] == ("id",):
        return None
    is_text = column.kinds["text"] > 0 and not column.is_time
    return FREE_TEXT if is_text and not _FREE_TEXT_WORDS.isdisjoint(words) else None


def _is_persons_name(words: tuple[str, ...], column: Column) -> bool:
    if not column.kinds["text"] or words[-1:] == ("id",):
        return False
    if words[-1:] in (("name",), ("names",)) and not _PEOPLE.isdisjoint(words[:-1]):
        return True
    if len(words) == 1 and words[0] in _PEOPLE_ALONE:
        return column.words_in_capitals > 0 or words[0] not in ("from", "to")
    return words == ("name",) and column.words_in_capitals >= 0.8 * column.filled and not column.clinical


def _by_values(column: Column) -> str | None:
    for kind, what in _TELLING_KINDS.items():
        if column.share(kind) >= 0.5:
            return what
    if column.clinical >= 0.2 * column.filled:
        return HEALTH
    if column.type == "text" and column.characters > 60 * column.filled:
        return FREE_TEXT
    return None
