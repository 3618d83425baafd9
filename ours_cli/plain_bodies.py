"""Rows of `ours batch` that need no mending and obey the contract, as nearly all do; sizes and time apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from ours_cli.contract import DEFAULT_PROPERTIES, EVENT_NAME_MAX, ID_MAX, PROPERTIES_MAX, USER_PROPERTIES

TEXTS: Final = ("event", "distinctId", "userId", "externalId", "email")

_OF_KIND: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (),
    "any": (str, int, float, bool),
}


def _plain_pairs(known: dict[str, str]) -> frozenset[tuple[str, type]]:
    return frozenset((name, kind) for name, kinds in known.items() for kind in _OF_KIND[kinds])


_PLAIN_BODY: Final = frozenset(
    {
        *((key, str) for key in (*TEXTS, "time")),
        *(("time", kind) for kind in (int, float)),
        *((key, dict) for key in ("eventProperties", "userProperties", "defaultProperties")),
    }
)
_PLAIN_PROPERTIES: Final = {
    "userProperties": _plain_pairs(USER_PROPERTIES),
    "defaultProperties": _plain_pairs(DEFAULT_PROPERTIES),
}
_PLAIN_VALUES: Final = frozenset({str, int, float, bool})
_LONGEST: Final = {"event": EVENT_NAME_MAX, **ID_MAX}


def is_plain(body: dict[str, Any]) -> bool:
    """Whether a row is such; false means no more than that it must be judged rule by rule.

    Whole objects are compared with what may stand in them, which is quick.
    """
    if not _PLAIN_BODY.issuperset(zip(body, map(type, body.values()), strict=True)):
        return False
    for key in TEXTS:
        if key in body:
            text: str = body[key]
            if not text or text.strip() != text or len(text) > _LONGEST.get(key, len(text)):
                return False
    if not (
        "event" in body and "time" in body and ("externalId" in body or "email" in body or "userId" in body)
    ):
        return False
    properties = body.get("eventProperties")
    if properties and not (
        len(properties) <= PROPERTIES_MAX and _PLAIN_VALUES.issuperset(map(type, properties.values()))
    ):
        return False
    for key, allowed in _PLAIN_PROPERTIES.items():
        if (known := body.get(key)) and not allowed.issuperset(
            zip(known, map(type, known.values()), strict=True)
        ):
            return False
    return True


def are_plain(bodies: Sequence[dict[str, Any]]) -> bool:
    """Whether all rows are such, and have the same keys; false means that each must be asked by itself."""
    if len(set(map(tuple, bodies))) != 1 or not bodies[0].keys() >= _REQUIRED or _WHOM.isdisjoint(bodies[0]):
        return False
    columns = zip(*map(dict.values, bodies), strict=True)
    return all(_is_plain_column(key, column) for key, column in zip(bodies[0], columns, strict=True))


_REQUIRED: Final = {"event", "time"}
_WHOM: Final = frozenset({"externalId", "email", "userId"})


def _is_plain_column(key: str, values: tuple[Any, ...]) -> bool:
    kinds = set(map(type, values))
    if not all((key, kind) in _PLAIN_BODY for kind in kinds):
        return False
    if key in TEXTS:
        return all(values) and list(map(str.strip, values)) == [*values] and _are_short(key, values)
    if key == "eventProperties":
        inner = chain.from_iterable(map(dict.values, values))
        return _PLAIN_VALUES.issuperset(map(type, inner)) and max(map(len, values)) <= PROPERTIES_MAX
    if key in _PLAIN_PROPERTIES:
        allowed = _PLAIN_PROPERTIES[key]
        return all(allowed.issuperset(zip(known, map(type, known.values()), strict=True)) for known in values)
    return True


def _are_short(key: str, texts: tuple[str, ...]) -> bool:
    return key not in _LONGEST or max(map(len, texts)) <= _LONGEST[key]
