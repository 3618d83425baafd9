"""What a template gives for each of many JSON rows, worked out for all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from operator import itemgetter
from typing import Any, Final, TypeAlias

from ours_cli.cell_table import ENTRIES_MAX, SCALARS, TEXT_MAX
from ours_cli.column_line import plain_numbers
from ours_cli.field_body import Slot
from ours_cli.field_value import FilterProblem, present
from ours_cli.numerals import DEFAULT_STYLE
from ours_cli.reference import Getter, roots

Objects: TypeAlias = "Sequence[dict[str, Any]]"


class Odd(Enum):
    """The type of `ODD` (an enum, as `Absent` is one)."""

    ODD = "odd"


ODD: Final = Odd.ODD
"""In place of a value: the row has a problem, or is to be looked at by itself."""

KeyColumn: TypeAlias = "Callable[[Objects], list[Any]]"
"""From rows to what a slot gives for each: a value, ABSENT, or `ODD` where it raises."""

_TEXTS: Final = {str}
_NOT_TEXTS: Final = {int, float, bool}


def key_column(slot: Slot) -> KeyColumn:
    """The column of a slot that is bound to JSON rows."""
    key = _only_key(slot)
    if key is None:
        return _each(slot.get)
    filters = slot.template.placeholders[0].filters
    if not filters:
        return _bare(key, slot)
    are_numbers = [(call.name, call.argument) for call in filters] == [("number", DEFAULT_STYLE)]
    return _filtered(key, slot.get, are_numbers=are_numbers and slot.gives == "value")


def _only_key(slot: Slot) -> str | None:
    """The one key that the slot reads, whatever keys a row has; None where there may be several."""
    if not slot.template.is_single or slot.gives == "json":
        return None
    keys = roots(slot.template.placeholders[0].reference)
    return keys[0] if len(keys) == 1 else None


def _bare(key: str, slot: Slot) -> KeyColumn:
    others = _each(slot.get)

    def column(rows: Objects) -> list[Any]:
        values = _values(key, rows)
        kinds = set(map(type, values))
        if kinds == _TEXTS:
            is_filled = all(values) and not any(map(str.isspace, values))
            return values if is_filled else list(map(present, values))
        if slot.gives == "text":
            return others(rows)
        return values if kinds <= _NOT_TEXTS else list(map(present, values))

    return column


def _filtered(key: str, get: Getter, *, are_numbers: bool) -> KeyColumn:
    table = _KeyTable(get, key)
    others = _each(lambda row: table[text] if type(text := row.get(key)) is str else get(row))  # type: ignore[union-attr]

    def column(rows: Objects) -> list[Any]:
        values = _values(key, rows)
        if set(map(type, values)) != _TEXTS:
            return others(rows)
        if are_numbers and (numbers := plain_numbers(values)) is not None:
            return numbers
        try:
            return list(map(table.__getitem__, values))
        except FilterProblem:
            return others(rows)

    return column


def _each(get: Getter) -> KeyColumn:
    def value(row: dict[str, Any]) -> object:
        try:
            return get(row)
        except FilterProblem:
            return ODD

    def column(rows: Objects) -> list[Any]:
        try:
            return list(map(get, rows))
        except FilterProblem:
            return list(map(value, rows))

    return column


def _values(key: str, rows: Objects) -> list[Any]:
    """What rows hold, None where they lack the key: it means the same."""
    try:
        return list(map(itemgetter(key), rows))
    except KeyError:
        return [row.get(key) for row in rows]


class _KeyTable(dict[str, object]):
    """As `CellTable`, for the text that a row has under this key, the only one that the getter reads."""

    def __init__(self, getter: Getter, key: str) -> None:
        super().__init__()
        self._getter = getter
        self._key = key

    def __missing__(self, text: str) -> object:
        value = self._getter({self._key: text})
        if len(self) < ENTRIES_MAX and len(text) <= TEXT_MAX and type(value) in SCALARS:
            self[text] = value
        return value
