"""A template's values for many rows, worked out in bulk where they are JSON objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from ours_cli.drafting.cell_column import NUMBER, plain_numbers
from ours_cli.drafting.text_table import TextTable
from ours_cli.exact_json import SCALARS
from ours_cli.mapping.field_body import Slot
from ours_cli.record import Fields
from ours_cli.templates.field_value import FilterProblem, present
from ours_cli.templates.reference import Getter, key_path, roots

Objects: TypeAlias = "Sequence[dict[str, Any]]"


class Odd(Enum):
    """The type of `ODD` (an enum, as `Absent` is one)."""

    ODD = "odd"


ODD: Final = Odd.ODD
"""In place of a value: the row has a problem, or must be looked at by itself."""

SlotColumn: TypeAlias = "Callable[[Sequence[Any]], list[Any]]"
"""From rows to a slot's result for each: a value, ABSENT, or `ODD` where it raises."""

_TEXTS: Final = {str}
_NOT_TEXTS: Final = SCALARS - _TEXTS


def slot_column(slot: Slot) -> SlotColumn:
    """The column of any slot, row by row."""
    get = slot.get

    def value(row: Fields) -> object:
        try:
            return get(row)
        except FilterProblem:
            return ODD

    def column(rows: Sequence[Any]) -> list[Any]:
        try:
            return list(map(get, rows))
        except FilterProblem:
            return list(map(value, rows))

    return column


def key_column(slot: Slot) -> SlotColumn:
    """The column of a slot that is bound to JSON rows."""
    path = _path_of(slot)
    if path is None:
        return slot_column(slot)
    return _filtered(path, slot) if slot.template.placeholders[0].filters else _bare(path, slot)


class _Path(NamedTuple):
    """A key of a row and those below it; of no use where a row has a key of `before`, which would win."""

    keys: tuple[str, ...]
    before: tuple[str, ...]


def _path_of(slot: Slot) -> _Path | None:
    """The only path that the slot reads; None where it reads several, or anything else."""
    if not slot.template.is_single or slot.gives == "json":
        return None
    reference = slot.template.placeholders[0].reference
    root, steps = key_path(reference)
    names = tuple(step for step in steps if isinstance(step, str))
    before = tuple(key for key in roots(reference) if key != root)
    return _Path((root, *names), before) if len(names) == len(steps) else None


def _bare(path: _Path, slot: Slot) -> SlotColumn:
    others = slot_column(slot)

    def column(rows: Objects) -> list[Any]:
        values = _values(path, rows)
        if values is None:
            return others(rows)
        kinds = set(map(type, values))
        if kinds == _TEXTS:
            is_filled = all(values) and not any(map(str.isspace, values))
            return values if is_filled else list(map(present, values))
        if slot.gives == "text":
            return others(rows)
        return values if kinds <= _NOT_TEXTS else list(map(present, values))

    return column


def _filtered(path: _Path, slot: Slot) -> SlotColumn:
    get, others = slot.get, slot_column(slot)
    table = TextTable(_at(path, get))
    are_numbers = slot.template.placeholders[0].filters == NUMBER and slot.gives == "value"

    def column(rows: Objects) -> list[Any]:
        values = _values(path, rows)
        if values is None:
            return others(rows)
        if (
            set(map(type, values)) == _TEXTS
            and are_numbers
            and (numbers := plain_numbers(values)) is not None
        ):
            return numbers
        try:
            return [
                table[value] if type(value) is str else get(row)
                for value, row in zip(values, rows, strict=True)
            ]
        except FilterProblem:
            return others(rows)

    return column


def _values(path: _Path, rows: Objects) -> list[Any] | None:
    """The rows' values there, None for a missing key, which means the same; None where it is unclear."""
    if any(key in row for key in path.before for row in rows):
        return None
    *outer, last = path.keys
    for key in outer:
        rows = _below(key, rows)
        if set(map(type, rows)) != {dict}:
            return None  # a row lacks the key, or holds JSON in a text, for example
    return _below(last, rows)


def _below(key: str, rows: Objects) -> list[Any]:
    try:
        return list(map(itemgetter(key), rows))
    except KeyError:
        return [row.get(key) for row in rows]


def _at(path: _Path, get: Getter) -> Callable[[str], object]:
    """The value for a text at the one place in a row that the getter reads."""

    def value(text: str) -> object:
        row: Any = text
        for key in reversed(path.keys):
            row = {key: row}
        return get(row)

    return value
