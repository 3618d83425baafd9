"""A field map compiled for CSV rows: the JSON of their bodies in bulk, worked out column by column.

Bodies of one table differ only in the values. So each column is checked and written as JSON in one go, and
each body is one f-string (`BodyForm`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any, Final, NamedTuple

import orjson

from ours_cli.contract import ID_MAX, KNOWN_PROPERTIES, TEXT_MAX
from ours_cli.drafting.bodies import Bodies, RowsReader, put_together
from ours_cli.drafting.body_form import BodyForm, Part, as_json
from ours_cli.drafting.cell_column import (
    NUMBER,
    CellColumn,
    Rows,
    RowValue,
    cells_column,
    json_of,
    looked_up,
    numbers_column,
    trimmed_column,
    value_of,
    worked_out,
)
from ours_cli.drafting.seldom import SeldomError, single_slots
from ours_cli.ids.doubtful_ids import are_sure, is_sure
from ours_cli.mapping.field_body import Body, BodyObject, BodyTime, Slot
from ours_cli.mapping.serialize import inside_quotes
from ours_cli.templates.filters import FilterCall
from ours_cli.templates.reference import locate
from ours_cli.templates.template import used_columns
from ours_cli.timestamps import TimeReader
from ours_cli.trimming import trimmed


class _Value(NamedTuple):
    """What fills one place in the bodies: texts to put between quotes, or JSON."""

    column: CellColumn
    is_text: bool


class _Fillings(NamedTuple):
    """What fills the bodies of rows, and the events around them.

    An event must have one of each group of `needed`, which are numbers of values; `ids` are those of all that
    may name its visitor. `given` is the column of the distinctIds.
    """

    values: Sequence[_Value]
    parts: Mapping[str, Part]
    needed: Sequence[Sequence[int]]
    ids: Sequence[int]
    time: CellColumn
    zone: CellColumn | None
    given: CellColumn | None


class CellColumns:
    """Makes the bodies of many rows of the table's width; `singly` reads those of another."""

    def __init__(self, width: int, fillings: _Fillings, reader: TimeReader, singly: RowsReader) -> None:
        self._width = width
        self._fillings = fillings
        self._reader = reader
        self._singly = singly
        others = filter(None, (fillings.time, fillings.zone, fillings.given))
        self._columns = [*(value.column for value in fillings.values), *others]
        self._gaps: set[int] = set()
        self._form = self._form_for(())

    def __call__(self, rows: Sequence[Any], are_plain: bool) -> Bodies:
        """The bodies of `rows`; see `bodies.RowsReader`."""
        if set(map(len, rows)) == {self._width}:
            return self._together(rows, are_plain)
        whole = [at for at, cells in enumerate(rows) if len(cells) == self._width]
        short = [at for at, cells in enumerate(rows) if len(cells) != self._width]
        kinds = ((whole, self._together), (short, self._singly))
        parts = [(kind, read([rows[at] for at in kind], are_plain)) for kind, read in kinds if kind]
        return put_together(len(rows), parts)

    def _together(self, rows: Rows, are_plain: bool) -> Bodies:
        columns = tuple(zip(*rows, strict=True))
        found = [column(columns, rows) for column in self._columns]
        are_right = self._are_right(found)
        if are_right is None:
            return self._bodies(found, are_plain)
        bodies = self._bodies([[*compress(own, are_right)] for own in found], are_plain)
        return put_together(len(rows), [([*compress(range(len(rows)), are_right)], bodies)])

    def _are_right(self, found: Sequence[Sequence[Any]]) -> list[bool] | None:
        """Which rows have no problem, and all that an event needs; None where all are right."""
        judged: list[Iterable[bool]] = [
            [value is not None for value in own] for own in found if not all(own) and None in own
        ]
        for numbers in self._fillings.needed:
            group = [found[number] for number in numbers]
            if not any(map(all, group)):
                judged.append(map(any, zip(*group, strict=True)))
        are_right = list(map(all, zip(*judged, strict=True)))
        return None if all(are_right) else are_right

    def _bodies(self, found: Sequence[Sequence[Any]], are_plain: bool) -> Bodies:
        """The bodies of rows that are right, from what was found in each of the columns."""
        values, others = found[: len(self._fillings.values)], iter(found[len(self._fillings.values) :])
        written = next(others)
        zones = None if self._fillings.zone is None else next(others)
        given = None if self._fillings.given is None else next(others)
        # Only now: reading a time changes the reader's counts.
        named = None if zones is None else [None if zone == "" else str(zone) for zone in zones]
        times = self._reader.read_all(written, named)
        contents: list[bytes | None] = [*map(str.encode, self._texts(values, times, are_plain))]
        if None in times:
            contents = [None if time is None else own for time, own in zip(times, contents, strict=True)]
        return Bodies(
            contents=contents,
            times=[time or 0 for time in times],
            given=[*given] if given is not None and any(given) else None,
            is_doubtful=not all(are_sure(values[number]) for number in self._fillings.ids),
        )

    def _form_for(self, gaps: Collection[int]) -> BodyForm:
        return BodyForm(self._fillings.parts, [value.is_text for value in self._fillings.values], gaps)

    def _texts(
        self, values: Sequence[Sequence[Any]], times: Sequence[int | None], are_plain: bool
    ) -> list[str]:
        gaps = {number for number, found in enumerate(values) if not all(found)}
        if not gaps <= self._gaps:
            self._gaps |= gaps
            self._form = self._form_for(self._gaps)
        if not are_plain:
            values = [
                _escaped(found) if value.is_text else found
                for value, found in zip(self._fillings.values, values, strict=True)
            ]
        return self._form(values, times)


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    """Texts as JSON writes them between quotes; raises `TypeError` for invalid Unicode."""
    written = orjson.dumps(texts)
    if b"\\" not in written:
        return texts
    if (inside := inside_quotes(written)) is not None:
        return inside.decode().split('","')
    return [orjson.dumps(text).decode()[1:-1] for text in texts]


def compile_cells(body: Body, columns: tuple[str, ...], singly: RowsReader) -> CellColumns | None:
    """Compile for tables of exactly these columns; `singly` reads any rows, one by one.

    None for what is seldom mapped, such as whole objects, and for values that may be of a type that their
    field does not allow.
    """
    if body.context is not None or body.time is None:
        return None
    if not any(key in ID_MAX for key, _ in body.top):
        return None  # the visitor must be looked for in each row
    try:
        fillings = _Compiler(columns).compile(body, body.time)
    except (SeldomError, TypeError):  # TypeError: a key or a constant that is not valid Unicode
        return None
    return CellColumns(len(columns), fillings, body.time.reader, singly)


_MAY_HOLD_MORE: Final = frozenset({"json", "split"})
"""Filters whose result may be a list or an object."""


class _Compiler:
    """Collects the parts of a body, and the columns that fill it."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._names = columns
        self._values: list[_Value] = []

    def compile(self, body: Body, time: BodyTime) -> _Fillings:
        objects = {key: self._object(key, mapped) for key, mapped in body.objects.items()}
        parts: dict[str, Part] = {key: part for key, part in objects.items() if part}
        given = None
        for key, slot in body.top:
            if key == "distinctId":
                given = self._given(slot)
            else:
                parts[key] = self._text(key, slot)
        if "event" not in parts:
            raise SeldomError
        groups = [parts["event"]], [parts[key] for key in ID_MAX if key in parts]
        numbers = [[part for part in group if isinstance(part, int)] for group in groups]
        return _Fillings(
            values=self._values,
            parts=parts,
            needed=[own for own, group in zip(numbers, groups, strict=True) if len(own) == len(group)],
            ids=numbers[1],
            time=self._column(time.slot),
            zone=None if time.zone is None else self._column(time.zone),
            given=given,
        )

    def _object(self, where: str, mapped: BodyObject) -> dict[str, str | int]:
        slots, known = single_slots(mapped), KNOWN_PROPERTIES.get(where, {})
        parts = {name: self._value(slot, known.get(name, "any")) for name, slot in slots.items()}
        return parts | dict.fromkeys(mapped.constants, "null")

    def _value(self, slot: Slot, kind: str) -> str | int:
        if kind != "any" and not (kind == "string" and slot.gives == "text"):
            raise SeldomError
        if not used_columns(slot.template, self._names) and slot.gives != "json":
            return as_json(slot.get([]))
        first, *others = self._columns_of(slot)
        filters = self._filters_of(slot)
        if filters == ():
            return self._add(cells_column(first), is_text=True)
        column = self._worked_out(json_of(slot), first, *others)
        if filters == NUMBER:
            column = numbers_column(first, column)
        return self._add(column, is_text=False)

    def _text(self, key: str, slot: Slot) -> str | int:
        longest = TEXT_MAX.get(key)
        if not used_columns(slot.template, self._names) and slot.gives != "json":
            text = slot.get([])
            if not isinstance(text, str) or not (text := trimmed(text)) or len(text) > (longest or len(text)):
                raise SeldomError
            if key in ID_MAX and not is_sure(text):
                raise SeldomError
            return as_json(text)
        return self._add(trimmed_column(self._column(slot), longest), is_text=True)

    def _given(self, slot: Slot) -> CellColumn:
        if not used_columns(slot.template, self._names):
            raise SeldomError
        return trimmed_column(self._column(slot), TEXT_MAX.get("distinctId"))

    def _add(self, column: CellColumn, *, is_text: bool) -> int:
        self._values.append(_Value(column, is_text))
        return len(self._values) - 1

    def _column(self, slot: Slot) -> CellColumn:
        """The slot's values, not as JSON."""
        first, *others = self._columns_of(slot)
        if self._filters_of(slot) == ():
            return cells_column(first)
        return self._worked_out(value_of(slot), first, *others)

    def _worked_out(self, value: RowValue, first: int, *others: int) -> CellColumn:
        return worked_out(value) if others else looked_up(first, value, len(self._names))

    def _filters_of(self, slot: Slot) -> tuple[FilterCall, ...] | None:
        """Those of the template, if it is one placeholder; its value is no list and no object."""
        if not slot.template.is_single:
            return None
        only = slot.template.placeholders[0]
        if locate(only.reference, self._names).steps or any(
            call.name in _MAY_HOLD_MORE for call in only.filters
        ):
            raise SeldomError
        return only.filters

    def _columns_of(self, slot: Slot) -> set[int]:
        used = used_columns(slot.template, self._names)
        if slot.gives == "json" or not used:
            raise SeldomError
        return used
