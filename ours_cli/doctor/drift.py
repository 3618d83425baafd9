"""Pure: the live OpenAPI document against `contract.py`: what differs, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ours_cli.contract import (
    EVENT_KEYS,
    IDENTIFY_KEYS,
    KNOWN_PROPERTIES,
    PROPERTIES_MAX,
    TEXT_MAX,
    TOKEN_MAX,
)
from ours_cli.doctor.finding import Finding, Level
from ours_cli.doctor.openapi import Document, Schema

_ENDPOINTS: Final = ("track", "identify", "batch")
_REQUIRED_OF_A_ROW: Final = frozenset({"event", "distinctId"})
_SHOWN: Final = 5
"""Differences listed in the text; `-o json` has them all."""

_TEXT_MAX: Final = 120
"""Characters of one difference in the text: names are the server's, and may be of any length."""


def judge_document(body: bytes) -> tuple[Finding, list[str], int | None]:
    """The finding on a document, every difference, and the greatest batch when the document states one."""
    document = Document.read(body)
    if document is None:
        return (
            Finding(
                "contract", Level.warning, "GET /openapi gives no OpenAPI document", "is it the API itself?"
            ),
            [],
            None,
        )
    found = list(differences(document))
    limit = batch_limit(document)
    if document.is_endless:
        text = "the document of the API refers to itself without end, and cannot be compared"
        return Finding("contract", Level.warning, text, "is it the API itself?"), [], None
    return _compared(found), found, limit


def _compared(found: list[str]) -> Finding:
    if not found:
        return Finding("contract", Level.ok, "endpoints, fields and limits are as ours knows them")
    shown = [one if len(one) <= _TEXT_MAX else one[:_TEXT_MAX] + "..." for one in found[:_SHOWN]]
    more = f"; and {len(found) - _SHOWN} more (-o json)" if len(found) > _SHOWN else ""
    text = f"the API has changed: {'; '.join(shown)}{more}"
    return Finding("contract", Level.warning, text, "a newer ours may know: pip install -U ours-cli")


def differences(document: Document) -> Iterator[str]:
    """Every difference between the document and `contract.py`; what the document leaves open is none."""
    posts = document.posts()
    yield from (f"POST /{name} is gone" for name in _ENDPOINTS if name not in posts)
    yield from (f"POST /{name} is new" for name in sorted(posts.difference(_ENDPOINTS)))
    fields = document.properties(document.body("track"))
    row = document.resolve(_batch_events(document).get("items"))
    yield from _keys("track", fields, EVENT_KEYS)
    yield from _keys("identify", document.properties(document.body("identify")), IDENTIFY_KEYS)
    yield from _keys("batch rows", document.properties(row), EVENT_KEYS)
    yield from _limits(fields)
    required = row.get("required")
    names = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    yield from (f"batch rows: {name} is required now" for name in sorted(names - _REQUIRED_OF_A_ROW))
    for group, known in KNOWN_PROPERTIES.items():
        yield from _known(group, document.properties(fields.get(group)), known)


def batch_limit(document: Document) -> int | None:
    """The greatest number of events in a batch, where the document states it."""
    most = _batch_events(document).get("maxItems")
    return most if isinstance(most, int) and not isinstance(most, bool) and most > 0 else None


def _batch_events(document: Document) -> Schema:
    return document.properties(document.body("batch")).get("events", {})


def _keys(where: str, described: dict[str, Schema], known: tuple[str, ...]) -> Iterator[str]:
    names = described.keys() - {"token"}
    if not names:
        return
    yield from (f"{where}: {name} is new" for name in sorted(names.difference(known)))
    yield from (f"{where}: {name} is gone" for name in known if name not in names)


def _limits(fields: dict[str, Schema]) -> Iterator[str]:
    for name, known in {"token": TOKEN_MAX, **TEXT_MAX}.items():
        yield from _number(f"{name}: at most", fields.get(name, {}).get("maxLength"), known, "characters")
    most = fields.get("eventProperties", {}).get("maxProperties")
    yield from _number("eventProperties: at most", most, PROPERTIES_MAX, "keys")


def _number(what: str, stated: Any, known: int, unit: str) -> Iterator[str]:
    if isinstance(stated, int) and stated != known:
        yield f"{what} {stated:,} {unit} (ours: {known:,})"


def _known(group: str, described: dict[str, Schema], known: dict[str, str]) -> Iterator[str]:
    if not described:
        return
    yield from (f"{group}.{name} is new" for name in sorted(described.keys() - known.keys()))
    yield from (f"{group}.{name} is gone" for name in known if name not in described)
    for name, kind in known.items():
        stated = _kind(described.get(name, {}))
        if "any" not in (kind, stated) and stated != kind:
            yield f"{group}.{name} is {stated} (ours: {kind})"


def _kind(schema: Schema) -> str:
    """The one type that a schema states apart from null; `any` where it leaves the type open."""
    stated = schema.get("type")
    kinds = [kind for kind in (stated if isinstance(stated, list) else [stated]) if kind != "null"]
    return str(kinds[0]) if len(kinds) == 1 and isinstance(kinds[0], str) else "any"
