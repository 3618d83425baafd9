"""Pure: reading an OpenAPI document, wherever it keeps its schemas (`$ref`, `allOf`, `anyOf`)."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

_HOPS_MAX = 32
"""References followed in a row; a document that refers in a circle ends there."""

_EFFORT_MAX = 500_000
"""Keys and entries looked at in all: a document with branching circles would otherwise never end."""


class Document:
    """An OpenAPI document. Every look-up tolerates what is missing: drift is reported, never a crash."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._effort_left = _EFFORT_MAX

    @property
    def is_endless(self) -> bool:
        """Whether the search was given up: what was found is then only a part."""
        return self._effort_left <= 0

    @classmethod
    def read(cls, body: bytes) -> Document | None:
        """The document in an answer, or None when it is not an OpenAPI document."""
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

    def resolve(self, schema: Any, hops: int = _HOPS_MAX) -> Schema:
        """A schema with its references (`hops` deep) followed and its alternatives, except null, merged."""
        if not isinstance(schema, dict) or hops == 0 or self.is_endless:
            return {}
        self._effort_left -= 1 + len(schema)
        resolved: Schema = {}
        self._lay(
            resolved,
            {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")},
        )
        parts = [self._referred(schema["$ref"])] if isinstance(schema.get("$ref"), str) else []
        for key in ("allOf", "anyOf", "oneOf"):
            alternatives = schema.get(key)
            parts += alternatives if isinstance(alternatives, list) else []
        for part in parts:
            if isinstance(part, dict) and part.get("type") != "null":
                self._lay(resolved, self.resolve(part, hops - 1))
        return resolved

    def _lay(self, under: Schema, over: Schema) -> None:
        """Add what `over` has and `under` lacks. Neither the document's lists nor its objects are changed."""
        for key, value in over.items():
            self._effort_left -= len(value) if isinstance(value, dict | list) else 1
            if key == "properties" and isinstance(value, dict):
                described = under.setdefault(key, {})
                if isinstance(described, dict):
                    for name, property_schema in value.items():
                        described.setdefault(name, property_schema)
            elif key == "required" and isinstance(value, list):
                listed = under.setdefault(key, [])
                if isinstance(listed, list):
                    listed.extend(value)
            else:
                under.setdefault(key, value)

    def _referred(self, reference: str) -> Any:
        self._effort_left -= len(reference)
        parts = reference.removeprefix("#/").split("/")
        return _get(self._root, *(part.replace("~1", "/").replace("~0", "~") for part in parts))


def _get(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
