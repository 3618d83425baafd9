"""JSON whose records are no rows: wrapped under a key, or arrays. Refused, with what makes rows of them."""

from __future__ import annotations

import json
import re
import shlex
from typing import Final

from ours_cli.errors import SourceError
from ours_cli.source.arguments import STANDARD_INPUT

_TOKEN = re.compile(r'("(?:[^"\\]++|\\.)*(?:"|\\?\Z))\s*+(:)?|[{}\[\]]', re.DOTALL)
_OBJECT_FOLLOWS = re.compile(r"\s*\{")
_ARRAYS = re.compile(r"\s*\[\s*\[")
_ANOTHER_ARRAY = re.compile(r"\s*,\s*\[")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A document with one of these at its top is a record itself, however many lists it holds.
_RECORD_KEYS = {
    *("event", "event_name", "eventName", "event_type", "eventProperties", "userProperties", "properties"),
    *("distinctId", "distinct_id", "userId", "user_id", "externalId", "email", "anonymousId", "id", "uuid"),
    *("time", "timestamp", "created_at", "createdAt"),
}

_WRAPPERS: Final = frozenset(
    {"data", "result", "results", "response", "payload", "body", "content", "export"}
)
"""Keys of a document under which the rows may be one level further down."""

_WITH_NAMES: Final = "[$names, .] | transpose | map({(.[0]): .[1]}) | add"
"""For jq: an object of the array of names and an array of cells."""

_BY_PLACE: Final = "{id: .[0], time: .[1]}"

_ARRAYS_SEEN: Final = 10
"""Arrays of one width, as many as there are up to this, are a table."""


def refuse_wrapper(text: str, *, complete: bool, name: str) -> None:
    """Raise `SourceError` where `text` is the beginning of one document with a list of records in it.

    `complete`: it is the whole source.
    """
    keys = _records_path(text, complete=complete)
    if keys is None:
        return
    steps = [f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key)}]" for key in keys]
    path = "".join(steps) if steps[0].startswith(".") else "." + "".join(steps)
    hint = _piped(f"jq -c {shlex.quote(path + '[]')}", name) + "; if it is a row itself, --format ndjson"
    place = ", ".join(map(json.dumps, keys))
    raise SourceError(f"{name} is one JSON document; its records stand under {place}", hint=hint)


def refuse_arrays(text: str, *, complete: bool, name: str) -> None:
    """Raise `SourceError` where `text` begins with arrays of cells; `complete`: it is the source."""
    if not text.lstrip().startswith("["):
        return
    if (first := _first_of_arrays(text)) is not None:
        command = f"jq -c '.[0] as $names | .[1:][] | {_WITH_NAMES}'"
        if not _are_names(first):
            command = f"jq -c '.[] | {_BY_PLACE}'"
        raise _arrays(command, name)
    lines = text.splitlines() if complete else text.splitlines()[:-1]
    rows = [_cells(line) for line in lines if line.strip()][:_ARRAYS_SEEN]
    widths = {len(row) for row in rows}
    if len(rows) < 2 or len(widths) > 1 or min(widths) < 2:
        return
    names_first = f"jq -nc 'input as $names | inputs | {_WITH_NAMES}'"
    raise _arrays(names_first if _are_names(rows[0]) else f"jq -c '{_BY_PLACE}'", name)


def _arrays(command: str, name: str) -> SourceError:
    return SourceError(f"{name}: its rows are arrays, and a row is an object", hint=_piped(command, name))


def _are_names(cells: list[object]) -> bool:
    return all(isinstance(cell, str) for cell in cells)


def _first_of_arrays(text: str) -> list[object] | None:
    """The first array of a document that is an array of such arrays, of two cells or more."""
    if (begin := _ARRAYS.match(text)) is None:
        return None
    try:
        first, end = json.JSONDecoder().raw_decode(text, begin.end() - 1)
    except (ValueError, RecursionError):
        return None
    is_one_of_many = _ANOTHER_ARRAY.match(text, end) is not None
    return first if is_one_of_many and len(first) > 1 and not _has_rows(first) else None


def _cells(line: str) -> list[object]:
    """The array on this line; empty for anything else, and where rows are in it."""
    try:
        value = json.loads(line) if line.lstrip().startswith("[") else []
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) and not _has_rows(value) else []


def _has_rows(cells: list[object]) -> bool:
    return any(isinstance(cell, dict) for cell in cells)


def _piped(command: str, name: str) -> str:
    if name == STANDARD_INPUT:
        return f"pass it through `{command}` first"
    if name.endswith(".gz"):
        return f"gzip -dc {shlex.quote(name)} | {command} | ours ... -"
    return f"{command} {shlex.quote(name)} | ours ... -"


def _records_path(text: str, *, complete: bool) -> list[str] | None:
    """The keys that lead to the first list of objects in the only document of `text`."""
    keys: list[str] = []  # the last key of each object that is open; empty for a list
    found: list[str] | None = None
    wraps_record, has_texts, end = False, False, None
    for token in _TOKEN.finditer(text):
        string, colon = token.groups()
        if string is not None:
            if colon and keys:
                keys[-1] = string
                if string[1:-1] in _RECORD_KEYS:
                    if len(keys) == 1:
                        return None
                    wraps_record |= len(keys) == 2
            elif keys and keys[-1]:
                has_texts |= len(keys) <= 2
        elif token.group() in "{[":
            is_list = token.group() == "[" and _OBJECT_FOLLOWS.match(text, token.end())
            if found is None and is_list and _may_wrap(keys):
                found = keys.copy()
            keys.append("")
        else:
            del keys[-1:]
            if not keys:
                end = token.end()
                break
    is_alone = not complete if end is None else complete and not text[end:].strip()
    # Texts beside the list, or beside what wraps it, are a record's own as a rule: an order and its lines.
    if found is None or not is_alone or (len(found) > 1 and (wraps_record or has_texts)):
        return None
    return _unquoted(found)


def _may_wrap(keys: list[str]) -> bool:
    """Whether rows may be in a list under these keys: right at the top, or within what only wraps them."""
    return all(keys) and (len(keys) == 1 or (len(keys) == 2 and keys[0][1:-1] in _WRAPPERS))


def _unquoted(keys: list[str]) -> list[str] | None:
    try:
        return [str(json.loads(key)) for key in keys]
    except ValueError:
        return None
