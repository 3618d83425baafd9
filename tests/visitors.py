"""What the API would know of people by what a sandbox took (contract: resolution order, "Empty and null")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ours_cli.sandbox import StoredEvent
from ours_cli.sandbox.rules import phone_digits


@dataclass
class Visitor:
    """A person; `user_id` stays None where the API would make one up, `properties` are the userProperties."""

    user_id: str | None = None
    external_id: str | None = None
    email: str | None = None
    phone: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)


def visitors(events: Iterable[StoredEvent]) -> list[Visitor]:
    """Everyone of whom more than one bare identifier is known, in order of appearance."""
    known: list[Visitor] = []
    for event in events:
        ids = (event.user_id, event.external_id, event.email)
        sent = event.body.get("userProperties")
        if sent is None and sum(map(bool, ids)) < 2:
            continue
        visitor = _find(known, event, phone_digits((sent or {}).get("phone_number")))
        if visitor is None:
            known.append(visitor := Visitor(event.user_id))
        visitor.external_id = _merge_id(visitor.external_id, event.body, "externalId")
        visitor.email = _merge_id(visitor.email, event.body, "email")
        visitor.properties = merge_properties(visitor.properties, sent or {})
        visitor.phone = phone_digits(visitor.properties.get("phone_number"))
    return known


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


def _find(known: list[Visitor], event: StoredEvent, phone: str | None) -> Visitor | None:
    wanted = [("external_id", event.external_id), ("email", event.email), ("phone", phone)]
    if event.user_id:
        # The Ours visitor id is used directly: no other identifier is looked up.
        wanted = [("user_id", event.user_id)]
    found = (one for name, value in wanted if value for one in known if getattr(one, name) == value)
    return next(found, None)


def _merge_id(stored: str | None, body: dict[str, Any], name: str) -> str | None:
    if name not in body:
        return stored
    sent: str | None = body[name]
    return None if sent is None else sent or stored
