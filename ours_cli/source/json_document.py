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
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A document with one of these at its top is a record itself, however many lists it holds.
_RECORD_KEYS = {
    *("event", "event_name", "eventName", "event_type", "eventProperties", "userProperties", "properties"),
    *("distinctId", "distinct_id", "userId", "user_id", "externalId", "email", "anonymousId", "id", "uuid"),
    *("time", "timestamp", "created_at", "createdAt"),
}


def refuse_wrapper(text: str, *, complete: bool, name: str) -> None:
    """Raise `SourceError` where `text` is the beginning of one document with a list of records in it.

    `complete`: it is the whole source.
    """
    key = _records_key(text, complete=complete)
    if key is None:
        return
    path = f".{key}[]" if _PLAIN_KEY.fullmatch(key) else f".[{json.dumps(key)}][]"
    hint = _piped(f"jq -c {shlex.quote(path)}", name)
    raise SourceError(f"{name} is one JSON document; its records stand under {json.dumps(key)}", hint=hint)


_NAMES_FIRST: Final = "input as $names | inputs | [$names, .] | transpose | map({(.[0]): .[1]}) | add"
"""For jq: objects of arrays, whose names stand in the first."""


_ARRAYS_SEEN: Final = 10
"""Arrays of one width, as many as there are up to this, are a table."""


def refuse_arrays(text: str, *, complete: bool, name: str) -> None:
    """Raise `SourceError` where `text` begins with arrays of cells a line; `complete`: it is the source."""
    if not text.lstrip().startswith("["):
        return
    lines = text.splitlines() if complete else text.splitlines()[:-1]
    rows = [_cells(line) for line in lines if line.strip()][:_ARRAYS_SEEN]
    widths = {len(row) for row in rows}
    if len(rows) < 2 or len(widths) > 1 or min(widths) < 2:
        return
    are_names = all(isinstance(cell, str) for cell in rows[0])
    command = f"jq -nc '{_NAMES_FIRST}'" if are_names else "jq -c '{id: .[0], time: .[1]}'"
    raise SourceError(f"{name}: its rows are arrays, and a row is an object", hint=_piped(command, name))


def _cells(line: str) -> list[object]:
    """The array on this line; empty for anything else, and where rows are in it."""
    try:
        value = json.loads(line) if line.lstrip().startswith("[") else []
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) and not any(isinstance(cell, dict) for cell in value) else []


def _piped(command: str, name: str) -> str:
    if name == STANDARD_INPUT:
        return f"pass it through `{command}` first"
    if name.endswith(".gz"):
        return f"gzip -dc {shlex.quote(name)} | {command} | ours ... -"
    return f"{command} {shlex.quote(name)} | ours ... -"


def _records_key(text: str, *, complete: bool) -> str | None:
    """The key of the first list of objects in the only document of `text`."""
    depth = 0
    key, found = "", None
    for token in _TOKEN.finditer(text):
        string, colon = token.groups()
        if string is not None:
            if depth == 1 and colon:
                key = string
                if string[1:-1] in _RECORD_KEYS:
                    return None
        elif token.group() in "{[":
            depth += 1
            if (
                found is None
                and depth == 2
                and token.group() == "["
                and _OBJECT_FOLLOWS.match(text, token.end())
            ):
                found = key
        else:
            depth -= 1
            if depth == 0:
                is_alone = complete and not text[token.end() :].strip()
                return _unquoted(found) if is_alone else None
    return None if complete else _unquoted(found)


def _unquoted(key: str | None) -> str | None:
    if key is None:
        return None
    try:
        return str(json.loads(key))
    except ValueError:
        return None
