"""`--map FILE.toml`: the same templates as the flags, kept in a file.

event = "Purchase"
time = "{created_at}"
externalId = "{customer_id}"
[eventProperties]
amount = "{total|number}"
[source]
delimiter = ";"
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from ours_cli.contract import EVENT_KEYS, IDENTITY_CONTEXT_KEYS, MISNAMED_KEYS
from ours_cli.errors import UsageError
from ours_cli.mapping.fields import CONTEXT, NESTING, OBJECTS, STAR, TEXT_FIELDS, FieldMap, ObjectField, Value
from ours_cli.mapping.property_names import check_default_property, check_user_property
from ours_cli.wording.suggest import did_you_mean

_SOURCE_KEYS: Final[dict[str, type]] = {
    "format": str,
    "delimiter": str,
    "quote": str,
    "encoding": str,
    "skip_lines": int,
    "header_row": int,
    "no_header": bool,
    "where": list,
    "timezone": str,
    "time_format": str,
    "date_order": str,
    "epoch_unit": str,
    "dst": str,
    "max_age": str,
}
_KEYS: Final = (*EVENT_KEYS, "exclude", "clear", "source")


class MapFile(NamedTuple):
    """A map file, read: its fields, and the options of its `[source]` table by their TOML names.

    `name` is what errors call it.
    """

    fields: FieldMap
    source: Mapping[str, Any] = {}
    name: str = "the map file"


def load_map(path: Path) -> MapFile:
    """Read a map file; raises `UsageError` naming file and key for whatever is wrong with it."""
    import tomllib  # only commands with a map pay for it

    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin with a mark
    except FileNotFoundError:
        raise UsageError(f"the map file {path} does not exist", hint="--map wants a TOML file") from None
    except UnicodeDecodeError:
        raise UsageError(
            f"the map file {path} is not UTF-8",
            hint="save it as UTF-8; > of PowerShell writes UTF-16, | Out-File -Encoding utf8 does not",
        ) from None
    except OSError as error:
        raise UsageError(f"the map file {path} cannot be read ({type(error).__name__})") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}", hint='templates stand in quotes: "{column}"'
        ) from None
    return parse_map(document, str(path))


def parse_map(document: Mapping[str, Any], where: str) -> MapFile:
    """Turn a parsed TOML document into fields; raises `UsageError`, in which `where` names the document."""
    for key in document:
        if key not in _KEYS:
            meant = MISNAMED_KEYS.get(key, key)
            raise UsageError(
                f"unknown key {key!r} in {where}",
                hint=did_you_mean(meant, _KEYS, f"known keys: {', '.join(_KEYS)}"),
            )
    given: dict[str, Any] = {
        name: _text(document[key], key, where) for key, name in TEXT_FIELDS.items() if key in document
    }
    for each in OBJECTS:
        if each.key in document:
            given.update(_object(document[each.key], each, where))
    if "identityContext" in document:
        given.update(_identity(document["identityContext"], where))
    if STAR in given.get("properties", {}):
        given["star"] = _star(given["properties"].pop(STAR), where)
    for key in ("exclude", "clear"):
        given[key] = _names(document.get(key, []), key, where)
    return MapFile(FieldMap(**given), _source(document.get("source", {}), where), where)


def _star(value: Value, where: str) -> bool:
    if value not in (Value("true", "json"), Value("false", "json")):
        raise UsageError(f'eventProperties."*" in {where} must be true or false', hint='"*" = true')
    return value.text == "true"


def _object(value: Any, field: ObjectField, where: str) -> dict[str, Any]:
    key = field.key
    if isinstance(value, str):
        return {field.whole: value}
    if not isinstance(value, dict):
        raise UsageError(f"{key} in {where} must be a table or one template", hint=f"[{key}]")
    values: dict[str, Value] = {}
    for name, entry in value.items():
        if isinstance(entry, dict) and key == "userProperties" and name in NESTING:
            values.update(
                {
                    f"{name}.{inner}": _value(item, f"{key}.{name}.{inner}", where)
                    for inner, item in entry.items()
                }
            )
        else:
            values[name] = _value(entry, f"{key}.{name}", where)
    _check_names(key, values, where)
    return {field.entries: values}


def _check_names(key: str, names: Iterable[str], where: str) -> None:
    try:
        for name in names:
            if key == "userProperties":
                check_user_property(name, "one of your own stands under [userProperties.custom_properties]")
            elif key == "defaultProperties":
                check_default_property(name, "one of your own goes into the event: [eventProperties]")
    except UsageError as error:
        raise error.prefixed(f"{where}: ", instead_of="") from None


def _value(entry: Any, key: str, where: str) -> Value:
    """A string is a template; numbers, booleans, lists and tables of TOML stand for themselves."""
    if isinstance(entry, str):
        return Value(entry)
    try:
        literal = json.dumps(entry, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise UsageError(f"{key} in {where} cannot be sent as JSON", hint="put dates in quotes") from None
    return Value.literal(literal)


def _identity(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) != set(IDENTITY_CONTEXT_KEYS):
        raise UsageError(f"identityContext in {where} needs exactly ip and userAgent")
    return {name: _text(value[path.partition(".")[2]], path, where) for path, name in CONTEXT.items()}


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{key} in {where} must be a template in quotes", hint=f'{key} = "{{column}}"')
    return value


def _names(value: Any, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise UsageError(f"{key} in {where} must be a list of names", hint=f'{key} = ["column"]')
    return tuple(value)


def _source(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"source in {where} must be a table", hint="[source]")
    for key, entry in value.items():
        kind = _SOURCE_KEYS.get(key)
        if kind is None:
            raise UsageError(
                f"unknown key {key!r} under [source] in {where}",
                hint=did_you_mean(key, _SOURCE_KEYS, f"known keys: {', '.join(_SOURCE_KEYS)}"),
            )
        if type(entry) is not kind:
            raise UsageError(f"source.{key} in {where} must be of type {kind.__name__}")
        if isinstance(entry, list) and not all(isinstance(item, str) for item in entry):
            raise UsageError(
                f"source.{key} in {where} must be a list of texts", hint='where = ["status=paid", "email!="]'
            )
    return value
