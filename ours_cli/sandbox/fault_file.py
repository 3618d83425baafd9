"""Reads fault files: JSON lists of `when` each fires, what happens `then`, how often (README, "Faults")."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ours_cli.errors import UsageError
from ours_cli.sandbox.faults import KINDS, PATHS, Fault, Stage, Then, When


def load_faults(path: Path) -> tuple[Fault, ...]:
    """Read a fault file; raises `UsageError` that names the fault and what is wrong with it."""
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read the fault file {path}: {_reason(error)}", hint=_EXAMPLE) from error
    if not isinstance(entries, list):
        raise UsageError(f"{path} must hold a JSON list of faults", hint=_EXAMPLE)
    faults = []
    for number, entry in enumerate(entries, 1):
        try:
            faults.append(_read_fault(entry))
        except ValueError as error:
            raise UsageError(f"{path}: fault {number}: {error}", hint=_EXAMPLE) from None
    return tuple(faults)


_EXAMPLE = (
    'a fault looks like {"when": {"path": "/batch", "nth": [1, 2]}, "then": {"do": "status", "status": 503}}'
)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "it cannot be opened"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON at line {error.lineno}"
    return "no JSON text in UTF-8"


def _read_fault(entry: object) -> Fault:
    fields = _read_object("a fault", entry, {"when", "then", "times"})
    when = _read_when(fields.get("when", {}))
    then = _read_then(fields.get("then"))
    if when.asks_for_rows and then.stage is Stage.UPLOAD:
        raise ValueError(f'"{then.do}" strikes before the rows are known: it takes no row conditions')
    times = _read_count("times", fields["times"]) if "times" in fields else None
    return Fault(when, then, times)


def _read_when(entry: object) -> When:
    fields = _read_object('"when"', entry, set(_WHEN_READERS))
    return When(
        **{name: reader(key, fields[key]) for key, (name, reader) in _WHEN_READERS.items() if key in fields}
    )


def _read_then(entry: object) -> Then:
    fields = _read_object('"then"', entry, {"do", *_THEN_READERS})
    do = fields.pop("do", None)
    if not isinstance(do, str) or do not in KINDS:
        raise ValueError(f'"do" must be one of {", ".join(KINDS)}')
    kind = KINDS[do]
    for key in kind.needs:
        if key not in fields:
            raise ValueError(f'"{do}" needs "{key}"')
    for key in fields:
        if key not in kind.needs + kind.takes:
            raise ValueError(f'"{do}" takes no "{key}"')
    return Then(do, **{key: _THEN_READERS[key](key, value) for key, value in fields.items()})


def _read_object(what: str, value: object, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be an object")
    for key in value:
        if key not in known:
            raise ValueError(f'{what} has no "{key}"; it knows {", ".join(sorted(known))}')
    return dict(value)


def _read_count(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f'"{key}" must be a whole number from 1')
    return value


def _read_counts(key: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f'"{key}" must be a list of whole numbers from 1')
    return tuple(_read_count(key, item) for item in value)


def _read_path(key: str, value: object) -> str:
    if value not in PATHS:
        raise ValueError(f'"{key}" must be one of {", ".join(PATHS)}')
    return str(value)


def _read_text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f'"{key}" must be a text')
    return value


def _read_texts(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list) and value:
        return tuple(_read_text(key, item) for item in value)
    return (_read_text(key, value),)


def _read_properties(key: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f'"{key}" must be an object')
    return value


def _read_headers(key: str, value: object) -> dict[str, str]:
    headers = {name: _read_text(key, text) for name, text in _read_properties(key, value).items()}
    if not all((name + text).isascii() and (name + text).isprintable() for name, text in headers.items()):
        raise ValueError(f'"{key}" must be printable ASCII')
    return headers


def _read_status(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise ValueError(f'"{key}" must be an HTTP status from 200 to 599')
    return value


def _read_seconds(key: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f'"{key}" must be a number of seconds')
    return float(value)


_WHEN_READERS: Mapping[str, tuple[str, Callable[[str, object], Any]]] = {
    "path": ("path", _read_path),
    "nth": ("nth", _read_counts),
    "every": ("every", _read_count),
    "first": ("first", _read_count),
    "after": ("after", _read_count),
    "distinctId": ("distinct_id", _read_texts),
    "event": ("event", _read_texts),
    "eventProperties": ("event_properties", _read_properties),
    "every_row": ("every_row", _read_count),
}
_THEN_READERS: Mapping[str, Callable[[str, object], Any]] = {
    "status": _read_status,
    "headers": _read_headers,
    "body": lambda _key, value: value,
    "seconds": _read_seconds,
    "message": _read_text,
    "url": _read_text,
}
