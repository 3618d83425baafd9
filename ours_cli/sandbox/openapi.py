"""The OpenAPI document the sandbox serves, made from the rules it applies."""

from __future__ import annotations

from typing import Any

from ours_cli import __version__
from ours_cli.sandbox.rules import (
    IDENTIFY_FIELDS,
    IDENTITY_KEYS,
    KNOWN_PROPERTIES,
    MOST_KEYS,
    MOST_OBJECT_LEVELS,
    MOST_TOKEN_CHARS,
    SERIALIZED_BELOW,
    TEXT_LIMITS,
)

_NULLABLE_TEXTS = ("userId", "externalId", "email")
_EVENT_FIELDS = (*TEXT_LIMITS, "time", "eventProperties", *IDENTIFY_FIELDS[3:])


def openapi_document(
    *, max_events: int | None = None, max_bytes: int | None = None, window_ms: int | None = None
) -> dict[str, Any]:
    """Describe the endpoints, fields and limits of a sandbox with these options as OpenAPI 3.1."""
    fields = _field_schemas(window_ms)
    event = {name: fields[name] for name in _EVENT_FIELDS}
    visitor = {name: fields[name] for name in IDENTIFY_FIELDS}
    batch = _batch_schema(event, max_events)
    size = "" if max_bytes is None else f" A body may have at most {max_bytes} bytes."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ours Privacy Ingest API (local sandbox)",
            "version": __version__,
            "description": "GET /events and GET /requests, which only the sandbox has, show what arrived.",
        },
        "servers": [{"url": "/api/v1"}],
        "paths": {
            "/track": _post("Track one event.", _body(event, "event"), (400, 401, 415, 500)),
            "/identify": _post(
                "Set visitor properties.", _body(visitor, "userProperties"), (400, 401, 415, 500)
            ),
            "/batch": _post(f"Track many events.{size}", batch, (207, 400, 401, 413, 415, 500)),
            "/openapi": {"get": {"summary": "This document.", "responses": {"200": {"description": "OK"}}}},
        },
    }


def _field_schemas(window_ms: int | None) -> dict[str, Any]:
    window = "" if window_ms is None else f" and within the last {window_ms / 86_400_000:g} days"
    return {
        **{name: _text_schema(name, limit) for name, limit in TEXT_LIMITS.items()},
        "time": {
            "type": "number",
            "description": f"Milliseconds since the Unix epoch, UTC; must be in the past{window}.",
        },
        "eventProperties": {
            "type": "object",
            "maxProperties": MOST_KEYS,
            "description": f"At most {MOST_OBJECT_LEVELS} object levels; fewer than {SERIALIZED_BELOW} UTF-16"
            " code units when serialized.",
        },
        "userProperties": _known_schema("userProperties"),
        "defaultProperties": _known_schema("defaultProperties"),
        "identityContext": {
            "type": "object",
            "required": list(IDENTITY_KEYS),
            "properties": {key: {"type": "string", "minLength": 1} for key in IDENTITY_KEYS},
        },
    }


def _text_schema(name: str, limit: int | None) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": ["string", "null"] if name in _NULLABLE_TEXTS else "string",
        "minLength": 1,
    }
    return schema if limit is None else {**schema, "maxLength": limit}


def _known_schema(group: str) -> dict[str, Any]:
    def schema(kind: str) -> dict[str, Any]:
        return {} if kind == "any" else {"type": [kind, "null"]}

    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: schema(kind) for key, kind in KNOWN_PROPERTIES[group].items()},
    }


def _body(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    token = {"type": "string", "minLength": 1, "maxLength": MOST_TOKEN_CHARS}
    return {"type": "object", "required": ["token", *required], "properties": {"token": token, **properties}}


def _batch_schema(event: dict[str, Any], max_events: int | None) -> dict[str, Any]:
    row = {"type": "object", "required": ["event", "distinctId"], "properties": event}
    events: dict[str, Any] = {"type": "array", "minItems": 1, "items": row}
    if max_events is not None:
        events["maxItems"] = max_events
    return _body({"events": events}, "events")


def _post(summary: str, schema: dict[str, Any], statuses: tuple[int, ...]) -> dict[str, Any]:
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {str(status): {"description": _MEANINGS[status]} for status in (200, *statuses)},
        }
    }


_MEANINGS = {
    200: "Accepted.",
    207: "Some rows failed; `results` says which.",
    400: "Malformed; nothing was accepted.",
    401: "Missing or invalid token; nothing was accepted.",
    413: "Too large; nothing was accepted.",
    415: "The content type is not application/json.",
    500: "Transient, or no row could be queued.",
}
