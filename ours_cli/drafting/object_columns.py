"""A field map compiled for JSON rows: their bodies in bulk, worked out column by column.

Rows often lack some keys: what a row lacks is taken out of its body. Rows with a value of a type that its
field does not allow, or without a visitor, come out as None. Keys are in the order of canonical JSON.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ours_cli.contract import ID_MAX, KNOWN_PROPERTIES, TEXT_MAX
from ours_cli.drafting.key_column import ODD, Objects, Odd, SlotColumn, key_column
from ours_cli.drafting.row_code import for_each_row
from ours_cli.drafting.seldom import SeldomError, single_slots
from ours_cli.exact_json import OF_KIND
from ours_cli.mapping.field_body import Body, BodyObject, Slot
from ours_cli.templates.field_value import ABSENT, Absent
from ours_cli.trimming import trimmed


class _Column(NamedTuple):
    """What fills one place in the bodies, and the types allowed there; `is_needed`: no body may lack it."""

    values: SlotColumn
    allowed: frozenset[type]
    is_needed: bool


class ObjectColumns:
    """Makes the bodies of many rows, with 0 in place of the times."""

    def __init__(self, columns: list[_Column], ids: list[int], display: str) -> None:
        self._columns = columns
        self._ids = ids
        self._bodies = for_each_row(display, len(columns))

    def __call__(self, rows: Objects) -> list[dict[str, Any] | None]:
        """The bodies; None for rows that must be looked at one by one."""
        columns: list[list[Any]] = []
        lacking: set[int] = set()
        odd: set[int] = set()
        for column, allowed, is_needed in self._columns:
            values = column(rows)
            kinds = set(map(type, values))
            if not kinds <= allowed:
                here = {at for at, value in enumerate(values) if value is ABSENT}
                if is_needed:
                    odd |= here
                else:
                    lacking |= here
                if not kinds - {Absent} <= allowed:
                    also = allowed | {Absent}
                    odd.update([at for at, value in enumerate(values) if type(value) not in also])
            columns.append(values)
        ids = [columns[number] for number in self._ids]
        odd.update([at for at in lacking if all(values[at] is ABSENT for values in ids)])
        bodies = self._bodies(zip(*columns, strict=True))
        for at in lacking:
            bodies[at] = _without_gaps(bodies[at] or {})
        for at in odd:
            bodies[at] = None
        return bodies


def compile_objects(body: Body) -> ObjectColumns | None:
    """Compile for JSON rows; None for what is seldom mapped: whole objects, objects in them, a context."""
    if body.context is not None:
        return None
    try:
        return _Writer().write(body)
    except SeldomError:
        return None


class _Writer:
    """Writes the dict display of a body, and collects the columns that fill it."""

    def __init__(self) -> None:
        self._columns: list[_Column] = []

    def write(self, body: Body) -> ObjectColumns:
        parts = {key: self._object(key, mapped) for key, mapped in body.objects.items()}
        parts = {key: part for key, part in parts.items() if part}
        ids: list[int] = []
        given: list[str] = []
        for key, slot in body.top:
            if key in ID_MAX and not slot.template.is_literal:
                ids.append(len(self._columns))
            part = f"{key!r}: {self._text(key, slot)}"
            if key == "distinctId":
                given = [part]  # it is taken out again, and has no place among the others
            else:
                parts[key] = part
        if not ids or "event" not in parts:
            raise SeldomError  # the visitor must be looked for in each row
        parts["time"] = "'time': 0"
        display = ", ".join([*(parts[key] for key in sorted(parts)), *given])
        return ObjectColumns(self._columns, ids, f"{{{display}}}")

    def _object(self, key: str, mapped: BodyObject) -> str:
        """`'userProperties': {...}`, or nothing where nothing is mapped."""
        known = KNOWN_PROPERTIES.get(key)
        values: dict[str, str] = {}
        for name, slot in single_slots(mapped).items():
            kind = "any" if known is None else known.get(name)
            if kind not in OF_KIND:
                raise SeldomError
            values[name] = self._value(slot, OF_KIND[kind])
        values |= dict.fromkeys(mapped.constants, "None")
        inner = ", ".join(f"{name!r}: {values[name]}" for name in sorted(values))
        return f"{key!r}: {{{inner}}}" if inner else ""

    def _value(self, slot: Slot, allowed: frozenset[type]) -> str:
        if slot.template.is_literal and slot.gives != "json":
            if str not in allowed:
                raise SeldomError
            return repr(slot.get({}))
        return self._add(key_column(slot), allowed, is_needed=False)

    def _text(self, key: str, slot: Slot) -> str:
        longest = TEXT_MAX.get(key)
        if slot.template.is_literal:
            text = trimmed(str(slot.get({})))
            if not text or (longest is not None and len(text) > longest):
                raise SeldomError
            return repr(text)
        return self._add(_trimmed(key_column(slot), longest), OF_KIND["string"], is_needed=key == "event")

    def _add(self, values: SlotColumn, allowed: frozenset[type], *, is_needed: bool) -> str:
        self._columns.append(_Column(values, allowed, is_needed))
        return f"v{len(self._columns) - 1}"


def _trimmed(inner: SlotColumn, longest: int | None) -> SlotColumn:
    def trim(value: Any) -> object:
        if type(value) is not str:
            return value
        text = value.strip()
        if longest is not None and len(text) > longest:
            return ODD
        return text or ABSENT

    def column(rows: Objects) -> list[Any]:
        values = inner(rows)
        if Absent in (kinds := set(map(type, values))) or Odd in kinds:
            return list(map(trim, values))
        trimmed = list(map(str.strip, values))
        if all(trimmed) and (longest is None or max(map(len, trimmed)) <= longest):
            return trimmed
        return list(map(trim, trimmed))

    return column


def _without_gaps(body: dict[str, Any]) -> dict[str, Any]:
    """A body without what its row lacks, and without objects left empty."""
    kept: dict[str, Any] = {}
    for key, value in body.items():
        if type(value) is dict:
            if filled := {name: entry for name, entry in value.items() if entry is not ABSENT}:
                kept[key] = filled
        elif value is not ABSENT:
            kept[key] = value
    return kept
