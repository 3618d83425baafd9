"""Values without what some paths lead to: the half of `--exclude` that runs for every row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from ours_cli.exact_json import JsonProblem, read_json, write_json
from ours_cli.templates.field_value import FilterProblem
from ours_cli.templates.reference import Steps

Paths: TypeAlias = "dict[str | int, Paths | None]"
"""Paths that begin with a key or position, and what of each is left out: paths below it, or None for all."""

_NONE_BELOW: Final[Paths] = {}


def paths_to(ends: Iterable[Steps]) -> Paths:
    """These paths, of one step or more each."""
    paths: Paths = {}
    for steps in ends:
        _add_path(paths, steps)
    return paths


def _add_path(paths: Paths, steps: Steps) -> None:
    """Add a path; what is left out whole stays so."""
    *outer, last = steps
    for step in outer:
        below = paths.setdefault(step, {})
        if below is None:
            return
        paths = below
    paths[last] = None


def paths_below(paths: Paths, steps: Steps) -> Paths | None:
    """What is left out below this path; None where all of it is."""
    found: Paths | None = paths
    for step in steps:
        if found is None:
            return None
        found = found.get(step, _NONE_BELOW)
    return found


def without(value: object, paths: Paths) -> object:
    """A copy of a value without what these paths lead to, a text of JSON included, as references read it.

    Raises `FilterProblem` for a text that seems to be JSON and cannot be read: it may hold what is left out.
    """
    if isinstance(value, dict):
        return dict(_kept(value.items(), paths))
    if isinstance(value, list):
        names: Paths = {step: below for step, below in paths.items() if isinstance(step, str)}
        kept = (entry for _, entry in _kept(enumerate(value), paths))
        return [without(entry, names) for entry in kept] if names else [*kept]
    return _text_without(value, paths) if isinstance(value, str) else value


def _kept(entries: Iterable[tuple[Any, object]], paths: Paths) -> Iterator[tuple[Any, object]]:
    for key, entry in entries:
        below = paths.get(key, _NONE_BELOW)
        if below is not None:
            yield key, without(entry, below) if below else entry


def _text_without(text: str, paths: Paths) -> str:
    bare = text.lstrip("\ufeff \t\r\n")
    first = bare[:1]
    if not first or first not in '{["':
        return text
    try:
        value = read_json(bare)
    except JsonProblem as problem:
        if first == '"' and not any(sign in text for sign in "{["):
            return text  # quoted, as texts may be
        raise FilterProblem(
            "bad_json", f"is not JSON, and may hold what is left out: {problem.reason}"
        ) from None
    kept = without(value, paths)
    return text if kept == value else write_json(kept)
