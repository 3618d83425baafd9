"""Pure: reading an OpenAPI document, wherever it keeps its schemas (`$ref`, `allOf`, `anyOf`)."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

_HOPS_MAX = 32
"""References followed in a row; a document that refers in a circle ends there."""


class Document:
    """An OpenAPI document. Every look-up forgives what is missing: drift is to be told, not tripped over."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    @classmethod
    def read(cls, body: bytes) -> Document | None:
        """The document in an answer, or None when it is no OpenAPI document."""
        try:
            root = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return cls(root) if isinstance(root, dict) and isinstance(root.get("paths"), dict) else None

    def posts(self) -> set[str]:
        """The endpoints that take a POST, by the last part of their path."""
        paths: dict[str, Any] = self._root["paths"]
        return {
            path.rstrip("/").rpartition("/")[2]
            for path, item in paths.items()
            if isinstance(item, dict) and isinstance(item.get("post"), dict)
        }

    def body(self, endpoint: str) -> Schema:
        """The schema of the JSON body of `POST .../endpoint`; empty when there is none."""
        for path, item in self._root["paths"].items():
            if path.rstrip("/").rpartition("/")[2] == endpoint and isinstance(item, dict):
                request = self.resolve(_get(item, "post", "requestBody"))
                return self.resolve(_get(request, "content", "application/json", "schema"))
        return {}

    def properties(self, schema: Any) -> dict[str, Schema]:
        """The properties of an object's schema, each resolved."""
        properties = self.resolve(schema).get("properties")
        if not isinstance(properties, dict):
            return {}
        return {str(name): self.resolve(value) for name, value in properties.items()}

    def resolve(self, schema: Any) -> Schema:
        """A schema with its references followed and its alternatives, but for null, laid together."""
        return self._resolve(schema, _HOPS_MAX)

    def _resolve(self, schema: Any, hops: int) -> Schema:
        if not isinstance(schema, dict) or hops == 0:
            return {}
        resolved = {
            key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")
        }
        parts = [self._referred(schema["$ref"])] if isinstance(schema.get("$ref"), str) else []
        for key in ("allOf", "anyOf", "oneOf"):
            alternatives = schema.get(key)
            parts += alternatives if isinstance(alternatives, list) else []
        for part in parts:
            if isinstance(part, dict) and part.get("type") != "null":
                _lay(resolved, self._resolve(part, hops - 1))
        return resolved

    def _referred(self, reference: str) -> Any:
        value: Any = self._root
        for part in reference.removeprefix("#/").split("/"):
            value = value.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
        return value


def _lay(under: Schema, over: Schema) -> None:
    for key, value in over.items():
        if key == "properties" and isinstance(under.get(key), dict) and isinstance(value, dict):
            under[key] = {**value, **under[key]}
        elif key == "required" and isinstance(under.get(key), list) and isinstance(value, list):
            under[key] = [*under[key], *value]
        else:
            under.setdefault(key, value)


def _get(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
