"""The API contract as data and pure functions: one row in, an `Event` or the reason it is invalid out.

Where the contract is silent, this module decides: lengths count characters; `null` in an optional field
is "not given" (the vendor's SDK types allow it); unknown top-level keys are kept and ignored; the values
inside `eventProperties` are not trimmed; the 200 keys are those of the top level whose value is neither null
nor ""; objects inside arrays have no depth limit; a `distinctId` may have any length.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any, NamedTuple, TypeGuard
from uuid import uuid4

import orjson

MOST_TOKEN_CHARS = 250
TEXT_LIMITS: Mapping[str, int | None] = {
    "event": 1000,
    "distinctId": None,
    "userId": 400,
    "externalId": 400,
    "email": 1000,
}
"""Most characters of each top-level string, None where the contract names no limit (contract: one event)."""

MOST_KEYS = 200
MOST_OBJECT_LEVELS = 5
MOST_ARRAY_ENTRIES = 250
SERIALIZED_BELOW = 1_048_576
"""UTF-16 code units of the serialized `eventProperties`."""

SAFE_INTEGER = 2**53 - 1
IDENTIFY_EVENT = "$identify"
IDENTITY_KEYS = ("ip", "userAgent")
KNOWN_PROPERTIES: Mapping[str, Mapping[str, str]] = json.loads(
    resources.files("ours_cli.sandbox").joinpath("known_properties.json").read_text("utf-8")
)
"""Type names ("string", "number", "boolean", "object", "any") of `userProperties` and `defaultProperties`."""

# What JavaScript's trim() takes away; Python's strip() knows other characters.
_BLANK = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
# ECMAScript's range of time values; also keeps every time inside SQLite's 64 bits.
_MOST_TIME_MS = 8.64e15
# Inside arrays no level counts, and -inf + 1 is -inf.
_UNCOUNTED = -math.inf
_AS_IT_IS = frozenset({str, float, bool, type(None)})
_DIGITS_TO_ZERO = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else ord(" ") for byte in range(256))

Reader = Callable[[Any], Any]


class InvalidEventError(Exception):
    """The row breaks the contract; `str()` is the message for `invalid_event`, without the row's values."""


class Event(NamedTuple):
    """A valid row. `fields` is its normalized form, `body` the same as JSON; `time` is in ms."""

    distinct_id: str
    event: str
    user_id: str | None
    external_id: str | None
    email: str | None
    time: float | None
    fields: dict[str, Any]
    body: bytes


def parse_json(raw: bytes) -> Any:
    """Read a JSON text exactly; raises ValueError for anything else."""
    parsed = orjson.loads(raw)
    # orjson turns integers beyond 64 bits into floats. Twenty digits in a row may be one: keep them.
    if b"0" * 20 in raw.translate(_DIGITS_TO_ZERO):
        try:
            return json.loads(raw)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    return parsed


def token_is_good(token: object) -> bool:
    """Any text of 1 to 250 characters after trimming is a token the sandbox takes."""
    return isinstance(token, str) and 0 < len(token.strip(_BLANK)) <= MOST_TOKEN_CHARS


def read_event(row: object, path: str, *, now_ms: int, window_ms: int | None) -> Event:
    """Judge one row sent to `path`; raises `InvalidEventError`.

    `now_ms` is the server's clock, `window_ms` how far back `time` may lie (None: any distance).
    """
    if not isinstance(row, dict):
        raise InvalidEventError("the row is not an object")
    try:
        fields = _normalize(row, _READERS[path])
        body = _serialize(fields)
    except RecursionError:
        raise InvalidEventError("the row is nested too deeply") from None
    if len(body) >= SERIALIZED_BELOW:
        _check_serialized(fields.get("eventProperties"))
    if not _has_identifier(fields):
        raise InvalidEventError("one of userId, externalId, email or userProperties.phone_number is required")
    return Event(
        _distinct_id(fields, path),
        _event_name(fields, path),
        fields.get("userId") or None,
        fields.get("externalId") or None,
        fields.get("email") or None,
        None if path == "/identify" else _time(fields.get("time"), now_ms, window_ms),
        fields,
        body,
    )


def _normalize(row: dict[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in row.items():
        reader = readers.get(name)
        if reader is not None and value is not None:
            fields[name] = reader(value)
        elif name != "token":
            fields[name] = value
    return fields


def _serialize(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # An integer beyond 64 bits, or more levels than orjson writes.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _check_serialized(properties: object) -> None:
    # UTF-16 never takes more units than UTF-8 takes bytes, so that small rows need no second look.
    units = len(_serialize(properties).decode().encode("utf-16-le")) // 2
    if units >= SERIALIZED_BELOW:
        raise InvalidEventError(f"eventProperties must serialize to fewer than {SERIALIZED_BELOW} characters")


def _has_identifier(fields: dict[str, Any]) -> bool:
    if fields.get("userId") or fields.get("externalId") or fields.get("email"):
        return True
    return phone_digits((fields.get("userProperties") or {}).get("phone_number")) is not None


def phone_digits(phone: object) -> str | None:
    """The digits by which a phone number is matched: formatting and a leading + or 00 don't count."""
    if isinstance(phone, bool) or not isinstance(phone, str | int):
        return None
    digits = "".join(char for char in str(phone) if char in "0123456789")
    return digits.removeprefix("00") or None


def _distinct_id(fields: dict[str, Any], path: str) -> str:
    given: str | None = fields.get("distinctId")
    if path == "/identify" or (not given and path == "/track"):
        return uuid4().hex
    if not given:
        raise InvalidEventError("distinctId is required on every row of a batch")
    return given


def _event_name(fields: dict[str, Any], path: str) -> str:
    if path == "/identify":
        if fields.get("userProperties") is None:
            raise InvalidEventError("userProperties is required")
        return IDENTIFY_EVENT
    name: str | None = fields.get("event")
    if not name:
        raise InvalidEventError("event is required")
    return name


def _time(value: float | None, now_ms: int, window_ms: int | None) -> float | None:
    if value is None:
        return None
    if value > now_ms:
        raise InvalidEventError("time must be in the past")
    if window_ms is not None and value < now_ms - window_ms:
        raise InvalidEventError(f"time must be within the last {window_ms / 86_400_000:g} days")
    return value


def _read_time(value: object) -> float:
    if not _is_number(value):
        raise InvalidEventError("time must be a number")
    if abs(value) > _MOST_TIME_MS:
        raise InvalidEventError("time must be milliseconds since the Unix epoch")
    return value


def _text_reader(name: str, limit: int | None) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise InvalidEventError(f"{name} must be a string")
        text = value.strip(_BLANK)
        if limit is not None and len(text) > limit:
            raise InvalidEventError(f"{name} must have at most {limit} characters")
        return text

    return read


def _read_event_properties(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidEventError("eventProperties must be an object")
    properties = _clean_object(value, 1)
    if sum(item is not None and item != "" for item in properties.values()) > MOST_KEYS:
        raise InvalidEventError(f"eventProperties must have at most {MOST_KEYS} non-empty keys")
    return properties


def _clean_object(value: dict[str, Any], level: float) -> dict[str, Any]:
    if level > MOST_OBJECT_LEVELS:
        raise InvalidEventError(f"eventProperties must have at most {MOST_OBJECT_LEVELS} levels of objects")
    return {
        key: item if type(item) in _AS_IT_IS else _clean(item, level) for key, item in value.items() if key
    }


def _clean(value: Any, level: float) -> Any:
    kind = type(value)
    if kind is int:
        return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)
    if kind is dict:
        return _clean_object(value, level + 1)
    if kind is list:
        return [_clean(item, _UNCOUNTED) for item in value[:MOST_ARRAY_ENTRIES]]
    return value


def _known_reader(group: str, *, blank_is_ignored: bool) -> Reader:
    known = KNOWN_PROPERTIES[group]

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InvalidEventError(f"{group} must be an object")
        return {key: read_one(key, item) for key, item in value.items()}

    def read_one(key: str, item: Any) -> Any:
        kind = known.get(key)
        if kind is None:
            raise InvalidEventError(f"{group} has a key that is not known: {key[:80]}")
        text = item.strip(_BLANK) if isinstance(item, str) else item
        if text is None or (text == "" and blank_is_ignored) or _TYPE_CHECKS[kind](text):
            return text
        raise InvalidEventError(f"{group}.{key} must be of type {kind}")

    return read


def _read_identity_context(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidEventError("identityContext must be an object")
    trimmed = {key: item.strip(_BLANK) if isinstance(item, str) else item for key, item in value.items()}
    for key in IDENTITY_KEYS:
        if not isinstance(trimmed.get(key), str) or not trimmed[key]:
            raise InvalidEventError("identityContext needs both ip and userAgent")
    return trimmed


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPE_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "any": lambda _value: True,
}

_EVENT_READERS: Mapping[str, Reader] = {
    **{name: _text_reader(name, limit) for name, limit in TEXT_LIMITS.items()},
    "time": _read_time,
    "eventProperties": _read_event_properties,
    "userProperties": _known_reader("userProperties", blank_is_ignored=True),
    "defaultProperties": _known_reader("defaultProperties", blank_is_ignored=False),
    "identityContext": _read_identity_context,
}
IDENTIFY_FIELDS = ("userId", "externalId", "email", "userProperties", "defaultProperties", "identityContext")
_READERS: Mapping[str, Mapping[str, Reader]] = {
    "/track": _EVENT_READERS,
    "/batch": _EVENT_READERS,
    "/identify": {name: _EVENT_READERS[name] for name in IDENTIFY_FIELDS},
}
