"""Nulls of a source are left out: a null clears what the API has stored, and that must be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ours_cli.contract import OBJECT_KEYS


def drop_nulls(event: dict[str, Any]) -> int:
    """Drop nulls from a body, and from its objects of properties at any depth; returns how many.

    Contract: at the top level and in userProperties a null clears what is stored. Nulls in lists have
    their place, and stay. What is within the body is replaced, not changed: it may be a row's own, which
    is a reject as it was read.
    """
    bare = {key: value for key, value in event.items() if value is not None}
    dropped = len(event) - len(bare)
    for key in OBJECT_KEYS:
        if isinstance(bare.get(key), dict):
            bare[key], within = without_inner_nulls(bare[key])
            dropped += within
    event.clear()
    event.update(bare)
    return dropped


def without_inner_nulls(properties: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """An object without its nulls, and those of objects in it, at any depth; and how many they were."""
    kept: dict[str, Any] = {}
    dropped = 0
    for key, value in properties.items():
        if value is None:
            dropped += 1
        else:
            kept[key], within = _bare(value)
            dropped += within
    return kept, dropped


def _bare(value: Any) -> tuple[Any, int]:
    if isinstance(value, dict):
        return without_inner_nulls(value)
    if not isinstance(value, list):
        return value, 0
    entries = [_bare(entry) for entry in value]
    return [entry for entry, _ in entries], sum(dropped for _, dropped in entries)
