"""Who an event belongs to, and what is known of them (contract: resolution order, "Empty and null")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ours_cli.sandbox.rules import Event, phone_digits

if TYPE_CHECKING:
    from sqlite3 import Connection

SCHEMA = """
CREATE TABLE IF NOT EXISTS visitors (
    id INTEGER PRIMARY KEY, user_id TEXT, external_id TEXT, email TEXT, phone TEXT, properties TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS visitors_user ON visitors (user_id);
CREATE INDEX IF NOT EXISTS visitors_external ON visitors (external_id);
CREATE INDEX IF NOT EXISTS visitors_email ON visitors (email);
CREATE INDEX IF NOT EXISTS visitors_phone ON visitors (phone);
"""


def tells_of_visitor(event: Event) -> bool:
    """True when the event sets properties or ties identifiers together.

    An event with one bare identifier adds nothing: skipping it keeps bulk loads quick.
    """
    ids = (event.user_id, event.external_id, event.email)
    return event.fields.get("userProperties") is not None or sum(map(bool, ids)) > 1


def update_visitor(connection: Connection, event: Event) -> None:
    """Find or create the event's visitor and merge what the event says of them."""
    sent = event.fields.get("userProperties") or {}
    row = _find(connection, event, phone_digits(sent.get("phone_number")))
    visitor, user_id, external_id, email, stored = row or (None, event.user_id, None, None, "{}")
    properties = merge_properties(json.loads(stored), sent)
    known = (
        # A visitor without an Ours id gets one, as from the real API.
        user_id or uuid4().hex,
        _merge_id(external_id, event.fields, "externalId"),
        _merge_id(email, event.fields, "email"),
        phone_digits(properties.get("phone_number")),
        json.dumps(properties, ensure_ascii=False),
    )
    if visitor is None:
        connection.execute("INSERT INTO visitors VALUES (NULL, ?, ?, ?, ?, ?)", known)
    else:
        connection.execute(
            "UPDATE visitors SET user_id = ?, external_id = ?, email = ?, phone = ?, properties = ?"
            " WHERE id = ?",
            (*known, visitor),
        )


def merge_properties(stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """A value sets, null clears, "" is ignored; `custom_properties` merges and can't clear."""
    merged = dict(stored)
    for key, value in sent.items():
        if value == "" or (value is None and key == "custom_properties"):
            continue
        if value is None:
            merged.pop(key, None)
        elif key == "custom_properties":
            given = {name: item for name, item in value.items() if item is not None and item != ""}
            merged[key] = {**merged.get(key, {}), **given}
        else:
            merged[key] = value
    return merged


def _find(connection: Connection, event: Event, phone: str | None) -> tuple[Any, ...] | None:
    if event.user_id:
        # The Ours visitor id is used directly: no other identifier is looked up.
        return _look_up(connection, "user_id", event.user_id)
    for column, value in (("external_id", event.external_id), ("email", event.email), ("phone", phone)):
        found = _look_up(connection, column, value) if value else None
        if found:
            return found
    return None


def _look_up(connection: Connection, column: str, value: str) -> tuple[Any, ...] | None:
    found: tuple[Any, ...] | None = connection.execute(
        f"SELECT id, user_id, external_id, email, properties FROM visitors WHERE {column} = ? LIMIT 1",  # noqa: S608 - the columns are the three above
        (value,),
    ).fetchone()
    return found


def _merge_id(stored: str | None, fields: dict[str, Any], name: str) -> str | None:
    if name not in fields:
        return stored
    sent: str | None = fields[name]
    return None if sent is None else sent or stored
