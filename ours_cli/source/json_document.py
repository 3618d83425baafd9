"""One JSON document that wraps its records under a key: refused, with the key named."""

from __future__ import annotations

import json
import re
import shlex

from ours_cli.errors import SourceError
from ours_cli.source.arguments import STANDARD_INPUT

_TOKEN = re.compile(r'("(?:[^"\\]++|\\.)*(?:"|\\?\Z))\s*+(:)?|[{}\[\]]', re.DOTALL)
_OBJECT_FOLLOWS = re.compile(r"\s*\{")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A document with one of these at its top is a record itself, however many lists it holds.
_RECORD_KEYS = frozenset(
    {
        "event",
        "event_name",
        "eventName",
        "event_type",
        "distinctId",
        "distinct_id",
        "userId",
        "user_id",
        "externalId",
        "email",
        "anonymousId",
        "id",
        "uuid",
        "time",
        "timestamp",
        "created_at",
        "createdAt",
        "eventProperties",
        "userProperties",
        "properties",
    }
)


def refuse_wrapper(text: str, *, complete: bool, name: str) -> None:
    """Raise `SourceError` where `text` is the beginning of one document with a list of records in it.

    `complete`: it is the whole source.
    """
    key = _records_key(text, complete=complete)
    if key is None:
        return
    path = f".{key}[]" if _PLAIN_KEY.fullmatch(key) else f".[{json.dumps(key)}][]"
    command = f"jq -c {shlex.quote(path)}"
    if name == STANDARD_INPUT:
        hint = f"pass it through `{command}` first"
    elif name.endswith(".gz"):
        hint = f"gzip -dc {shlex.quote(name)} | {command} | ours ... -"
    else:
        hint = f"{command} {shlex.quote(name)} | ours ... -"
    raise SourceError(f"{name} is one JSON document; its records stand under {json.dumps(key)}", hint=hint)


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
