"""Tables of people rather than of events: how they are told, and what their columns are called in the API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from ours_cli.contract import USER_PROPERTIES
from ours_cli.inspect.roles import Roles
from ours_cli.inspect.sensitive import plain_words
from ours_cli.inspect.words import key_of, words_of

OF_THEIR_OWN: Final = "custom_properties."
"""In front of the visitor properties for which the API has no name."""

PERSONS_NAMES: Final = frozenset(("first_name", "last_name"))
"""Visitor properties whose very purpose is the name of a person."""

_OF_ANYTHING: Final = (("type",), ("category",), ("name",))
"""Columns of this name are taken for events where there are times; people have types, too."""

_ONE_ROW_EACH: Final = 0.9
_WRITTEN: Final = {
    "first_name": "first|first name|firstname|fname|f name|given name|vorname|prenom|nombre|voornaam",
    "last_name": "last|last name|lastname|lname|l name|surname|family name|nachname|familienname|nom|apellido"
    "|apellidos|cognome|achternaam",
    "phone_number": "phone|phone number|phonenumber|mobile|mobile phone|mobile number|cell|cell phone"
    "|cellphone|telephone|telefon|telefonnummer|handy|mobil|telefono|telefoon|telefoonnummer|mobiel|cellulare",
    "zip": "zip|zip code|zipcode|postal code|postcode|plz|postleitzahl|code postal|codigo postal",
    "city": "city|town|ort|wohnort|stadt|ville|ciudad|citta|woonplaats",
    "state": "state|province|bundesland|provincia",
    "country": "country|land|pays|pais",
    "date_of_birth": "dob|date of birth|birth date|birthdate|birthday|geburtsdatum|date de naissance"
    "|fecha de nacimiento|data di nascita|geboortedatum",
    "gender": "gender|sex|geschlecht|sexe|genero|sexo|sesso|geslacht",
    "company_name": "company|company name|organization|organisation|firma|entreprise|empresa",
    "job_title": "job title|jobtitle",
}
_NAMES: Final = {written: name for name, all_of_it in _WRITTEN.items() for written in all_of_it.split("|")}


def is_of_visitors(roles: Roles) -> bool:
    """Whether the rows are people: no times, no events, and a column that says whom, hardly anybody twice."""
    who = roles.person or roles.email or roles.record_number
    if who is None or roles.time is not None or roles.unread is not None:
        return False
    if roles.event is not None and words_of(roles.event.name) not in _OF_ANYTHING:
        return False
    return who.distinct.count >= _ONE_ROW_EACH * who.filled


def visitor_keys(name: str, other_keys: Iterable[str]) -> Iterator[str]:
    """Names for a column as a visitor property, the best first: the API's, else `custom_properties.X`."""
    known = _NAMES.get(" ".join(plain_words(name)), key_of(name))
    plain = [known] if USER_PROPERTIES.get(known, "object") != "object" else []
    return chain(plain, (OF_THEIR_OWN + key for key in other_keys))
