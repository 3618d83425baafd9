"""One body, judged by the contract and looked through for what is seldom meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ours_cli.contract import EVENT_KEYS, ID_MAX, IDENTIFY_KEYS
from ours_cli.errors import UsageError
from ours_cli.exact_json import read_json
from ours_cli.ids.doubtful_ids import CUT, KEYS_OF_NOBODY, UNFILLED, doubts, is_unfilled
from ours_cli.mapping.assignments import odd_signs
from ours_cli.mapping.fields import OBJECTS, TEXT_FIELDS, FieldMap
from ours_cli.mapping.property_names import key_meant
from ours_cli.mapping.validate import Violation, check_event, check_visitor
from ours_cli.sending.route import IDENTIFY, Route
from ours_cli.trimming import trimmed
from ours_cli.wording.escape import json_text


def check_body(body: dict[str, Any], route: Route, empty: Sequence[str]) -> None:
    """Judge one body by the contract before it is sent; raises `UsageError`.

    `empty` are the flags that were given without a value: where nothing else names the visitor, they are why.
    """
    identify = route is IDENTIFY
    known = IDENTIFY_KEYS if identify else EVENT_KEYS
    for key in body:
        if key not in known:
            right = key_meant(key, known)
            raise UsageError(
                f"--data: the API knows no key {key!r} here",
                hint=f"it is called {right!r}" if right else f"the keys are {', '.join(known)}",
            )
    fault = check_visitor(body) if identify else check_event(body)
    if fault is None and identify and not _sets_something(body.get("userProperties", {})):
        fault = Violation("missing_properties", "")
    if fault is not None:
        hint = _FAULT_HINTS.get(fault.code)
        if empty and fault.code in ("missing_event", "missing_identifier"):
            hint = f"{' and '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty: is a variable unset?"
        raise UsageError(_SINGLE_MESSAGES.get(fault.code, fault.message), hint=hint)


def _sets_something(properties: dict[str, Any]) -> bool:
    """Whether the API would do anything with them (contract, Empty and null: an empty text is ignored)."""
    return any(value != "" for value in properties.values())


_SINGLE_MESSAGES: Final = {
    "missing_event": "the event has no name",
    "missing_identifier": "nothing says whom this is about",
    "missing_properties": "there is no visitor property to set",
}
"""Messages in place of those that speak of a row: here there is none."""

_FAULT_HINTS: Final = {
    "missing_event": "ours track 'Order Placed' --external-id ID; ours track - reads bodies from stdin",
    "missing_identifier": "--external-id ID, --email ADDRESS, --user-id ID, or -u phone_number=NUMBER",
    "missing_properties": "-u first_name=Ada, or --clear NAME; the API ignores empty texts",
    "bad_type": "NAME:=JSON sends numbers, booleans and objects; NAME=TEXT sends text",
}


def _id_flags(fields: FieldMap) -> dict[str, str | None]:
    """The flags that name the visitor, with what each was given."""
    names = [TEXT_FIELDS[key] for key in ID_MAX]
    return {f"--{name.replace('_', '-')}": getattr(fields, name) for name in names}


def empty_flags(fields: FieldMap) -> list[str]:
    """The flags of `FieldMap`'s single values that were given and hold nothing, as unset variables do."""
    values = {**_id_flags(fields), "EVENT": fields.event}
    return [flag for flag, text in values.items() if text is not None and not trimmed(text)]


_PLACEHOLDER: Final = re.compile(r"\{(?![0-9A-Fa-f-]{36}\})[^{}]+\}")
"""A placeholder of a template and nothing else; Windows writes a GUID, which may be an id, in braces, too."""


def placeholder_flags(fields: FieldMap) -> list[str]:
    """The flags that give `{column}` for an id, as a command over rows takes it."""
    values = _id_flags(fields).items()
    return [flag for flag, text in values if text is not None and _PLACEHOLDER.fullmatch(text.strip())]


def doubtful(fields: FieldMap, body: Mapping[str, Any]) -> list[str]:
    """Warnings about what is sent as it is, but seldom meant so."""
    return [
        *(_doubt(key, word) for key, word in doubts(body) if word not in KEYS_OF_NOBODY),
        *(
            _doubt(key, UNFILLED)
            for key, value in body.items()
            if key not in ID_MAX and is_unfilled(json_text(value, indent=None))
        ),
        *(
            f"{flag} is sent as it is, braces and all: ours backfill fills in columns"
            for flag in placeholder_flags(fields)
        ),
        *_colons(fields),
        *odd_signs(fields.templates()),
    ]


def _doubt(key: str, word: str) -> str:
    if word == CUT:
        return f"{key} is in scientific notation: did a spreadsheet cut its digits?"
    if word == UNFILLED:
        return f"{key} holds a template that nothing filled in ({UNFILLED}): it is sent as it stands"
    return f"{key} is {word!r}, and the API takes it for a visitor; jq -r writes null where a key is missing"


def _colons(fields: FieldMap) -> list[str]:
    return [
        f"{each.flag} {name}=:... sends a text that begins with a colon; {each.flag} {name}:=... sends JSON"
        for each in OBJECTS
        for name, value in getattr(fields, each.entries).items()
        if value.kind == "text" and value.text.startswith(":") and _is_json(value.text[1:])
    ]


def _is_json(text: str) -> bool:
    try:
        read_json(text)
    except ValueError:
        return False
    return True
