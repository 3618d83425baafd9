"""Pure: judge one event by the contract before it is sent; a verdict is a code and a message without values.

What only the server can know (event names allowed in the dashboard, its clock) is left to the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ours_cli.contract import (
    ARRAY_MAX,
    DEPTH_MAX,
    EVENT_NAME_MAX,
    ID_MAX,
    IDENTITY_CONTEXT_KEYS,
    KNOWN_PROPERTIES,
    PROPERTIES_MAX,
    PROPERTIES_UTF16_MAX,
)
from ours_cli.exact_json import OF_KIND, JsonStyle, write_json
from ours_cli.mapping.property_names import property_meant
from ours_cli.wording.durations import age_text


class Violation(NamedTuple):
    """Why a row cannot be sent: `code` for programs, `message` for people. Never a value of the row."""

    code: str
    message: str


class Window(NamedTuple):
    """The times the API takes: in the past, and no older than `max_age_ms` (None: any age)."""

    max_age_ms: int | None
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def begin_ms(self) -> int | None:
        """The oldest time that is taken now, or None where any is."""
        return None if self.max_age_ms is None else self.now_ms() - self.max_age_ms

    def check(self, time_ms: int) -> Violation | None:
        """Judge one time in milliseconds since the epoch (contract: `time`)."""
        age = self.now_ms() - time_ms
        if age < 0:
            return Violation("outside_window", "the time lies in the future")
        if self.max_age_ms is not None and age > self.max_age_ms:
            return Violation(
                "outside_window", f"the time is older than the {age_text(self.max_age_ms)} that the API takes"
            )
        return None


_OBJECT: Final = frozenset({dict})
_NESTED: Final = frozenset({dict, list})


def check_event(event: Mapping[str, Any]) -> Violation | None:
    """Judge a `/track` body or `/batch` row, apart from time and distinctId (contract: one event)."""
    name = event.get("event")
    if not name:
        return Violation("missing_event", "the row has no event name")
    if not isinstance(name, str):
        return Violation("bad_type", "event must be a text")
    if len(name) > EVENT_NAME_MAX:
        return Violation("event_too_long", f"the event name is longer than {EVENT_NAME_MAX} characters")
    fault = check_visitor(event)
    if fault is None and "eventProperties" in event:
        fault = _check_properties(event["eventProperties"])
    return fault


def check_visitor(body: Mapping[str, Any]) -> Violation | None:
    """Judge what `/track` and `/identify` share: identifiers, visitor and default properties, context."""
    fault = _check_identifiers(body)
    for name, known in KNOWN_PROPERTIES.items():
        if fault is None and name in body:
            fault = _check_known(body[name], name, known)
    if fault is None and "identityContext" in body:
        fault = _check_context(body["identityContext"])
    return fault


def _check_identifiers(body: Mapping[str, Any]) -> Violation | None:
    found = False
    for key, longest in ID_MAX.items():
        value = body.get(key)
        if value is None:
            continue
        if not isinstance(value, str):
            return Violation("bad_type", f"{key} must be a text")
        if len(value) > longest:
            return Violation("id_too_long", f"{key} is longer than {longest} characters")
        found = found or bool(value)
    if found:
        return None
    user_properties = body.get("userProperties")
    if isinstance(user_properties, dict) and user_properties.get("phone_number"):
        return None
    return Violation(
        "missing_identifier", "the row has none of userId, externalId, email (or a phone_number)"
    )


def _check_known(value: Any, where: str, known: Mapping[str, str]) -> Violation | None:
    if not isinstance(value, dict):
        return Violation("bad_type", f"{where} must be an object")
    for key, entry in value.items():
        kind = known.get(key)
        if kind is None:
            close = property_meant(where, key)
            meant = f"; did you mean {close!r}?" if close else ""
            return Violation("unknown_property", f"{where} has a key that the API does not know{meant}")
        if entry is not None and kind != "any" and type(entry) not in OF_KIND.get(kind, _OBJECT):
            return Violation("bad_type", f"{where}.{key} must be of type {kind}")
    return None


def _check_context(value: Any) -> Violation | None:
    complete = isinstance(value, dict) and value.keys() == set(IDENTITY_CONTEXT_KEYS)
    if complete and all(isinstance(entry, str) and entry for entry in value.values()):
        return None
    return Violation("bad_context", "identityContext needs ip and userAgent, both texts, and nothing else")


def _check_properties(properties: Any) -> Violation | None:
    """Judge `eventProperties`: count, depth and size (contract: eventProperties)."""
    if not isinstance(properties, dict):
        return Violation("bad_type", "eventProperties must be an object")
    if len(properties) > PROPERTIES_MAX and _filled(properties) > PROPERTIES_MAX:
        return Violation(
            "too_many_properties", f"eventProperties has more than {PROPERTIES_MAX} non-empty keys"
        )
    if _too_deep(properties, DEPTH_MAX):
        return Violation("too_deep", f"eventProperties nests deeper than {DEPTH_MAX} objects")
    return None


def _filled(properties: Mapping[str, Any]) -> int:
    return sum(value is not None and value != "" for value in properties.values())


def _too_deep(properties: Mapping[str, Any], levels: int) -> bool:
    """Walk without recursion: the nesting is the sender's, and may be absurd."""
    if is_flat(properties):
        return False
    level: list[Any] = [properties]
    for _ in range(levels):
        level = _objects_within(level)
        if not level:
            return False
    return True


def is_flat(properties: Mapping[str, Any]) -> bool:
    """Whether nothing is nested in these, as in nearly all: this takes a third of the time of a walk."""
    return _NESTED.isdisjoint(map(type, properties.values()))


def _objects_within(objects: list[Any]) -> list[Any]:
    """The objects one object level below these; arrays in between do not count as levels."""
    found: list[Any] = []
    waiting = [value for entry in objects for value in entry.values() if isinstance(value, (dict, list))]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.append(value)
        else:
            waiting.extend(item for item in value if isinstance(item, (dict, list)))
    return found


def check_size(event: Mapping[str, Any], serialized: int) -> Violation | None:
    """Judge the size of `eventProperties`; `serialized` is the UTF-8 bytes of the whole body.

    UTF-8 never takes fewer bytes than UTF-16 takes code units, so small bodies need no counting.
    """
    if serialized < PROPERTIES_UTF16_MAX or "eventProperties" not in event:
        return None
    # Not orjson, which stops at integers of 64 bits; bodies this large are rare enough.
    text = write_json(event["eventProperties"], JsonStyle(sent=True))
    if len(text.encode("utf-16-le")) // 2 < PROPERTIES_UTF16_MAX:
        return None
    return Violation(
        "too_large", f"eventProperties takes {PROPERTIES_UTF16_MAX:,} characters or more as JSON"
    )


def has_long_array(properties: Mapping[str, Any]) -> bool:
    """Whether the server will cut an array (contract: arrays cut at 250 entries)."""
    if is_flat(properties):
        return False
    waiting: list[Any] = [value for value in properties.values() if isinstance(value, (dict, list))]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list) and len(value) > ARRAY_MAX:
            return True
        inner = value.values() if isinstance(value, dict) else value
        waiting.extend(item for item in inner if isinstance(item, (dict, list)))
    return False
