"""A field map compiled for whole columns: the bodies of many rows at once, as `straight_line` makes each.

Most rows of a file fill every column that is mapped, and their bodies are alike but for the values. Then each
column is checked and converted in one go, and a body is one literal. Rows that lack a value, or have one that
is not plainly right, are left to the straight line. Keys stand in the order in which canonical JSON has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import itemgetter
from typing import Any, Final, TypeAlias

from ours_cli.cell_table import CellTable
from ours_cli.contract import EVENT_NAME_MAX, ID_MAX
from ours_cli.field_body import Body, BodyObject, Slot
from ours_cli.field_value import Absent, FilterProblem
from ours_cli.numerals import DEFAULT_STYLE
from ours_cli.reference import locate
from ours_cli.template import Placeholder, used_columns
from ours_cli.timestamps import TimeReader

Rows: TypeAlias = "Sequence[list[str]]"
_Column: TypeAlias = "Callable[[Sequence[tuple[str, ...]], Rows], Sequence[Any] | None]"
"""From columns and rows to one value a row; None where a row has none, or not a plain one."""

_LONGEST: Final = {"event": EVENT_NAME_MAX, **ID_MAX}
# As `numerals.is_plain_number`, for many at once.
_PLAIN_NUMBERS: Final = re.compile(r"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?\n)*+")
_NUMBER_MAX: Final = 16


class ColumnLine:
    """Reads many rows of one table at once. The times are read last: reading them counts."""

    def __init__(
        self, width: int, used: Iterable[int], columns: list[_Column], source: str, moment: _Moment | None
    ) -> None:
        self._width = width
        self._pick = itemgetter(*used)  # of two cells at least, or it gives no tuple
        self._columns = columns
        self._moment = moment
        names: dict[str, Any] = {}
        # The source is made of numbered names and of literals by repr: no text of the person's is ever code.
        exec(compile(source, "<column mapping>", "exec"), names)  # noqa: S102
        self._bodies: Callable[[Iterable[Any]], list[dict[str, Any] | None]] = names["bodies"]

    def __call__(
        self, rows: Rows, read_one: Callable[[list[str]], dict[str, Any] | None]
    ) -> list[dict[str, Any] | None] | None:
        """The bodies of `rows`, None for one whose time is none; `read_one` takes rows that lack a value.

        None for all of them where too many do, or where it does not show which.
        """
        if set(map(len, rows)) == {self._width} and (bodies := self._read(rows)) is not None:
            return bodies
        pick, width = self._pick, self._width
        whole = [len(cells) == width and all(pick(cells)) for cells in rows]
        count = sum(whole)
        if count == len(rows) or 2 * count < len(rows):
            return None
        read = self._read(list(compress(rows, whole)))
        if read is None:
            return None
        found = iter(read)
        return [
            next(found) if is_whole else read_one(cells) for cells, is_whole in zip(rows, whole, strict=True)
        ]

    def _read(self, rows: Rows) -> list[dict[str, Any] | None] | None:
        columns = tuple(zip(*rows, strict=True))
        values: list[Sequence[Any]] = []
        try:
            for column in self._columns:
                found = column(columns, rows)
                if found is None:
                    return None
                values.append(found)
            moments = () if self._moment is None else self._moment(columns, rows)
        except FilterProblem:
            return None
        if self._moment is None:
            return self._bodies(zip(*values, strict=True))
        if moments is None:
            return None
        bodies = self._bodies(zip(*values, moments, strict=True))
        if None in moments:
            return [None if time is None else body for time, body in zip(moments, bodies, strict=True)]
        return bodies


class _Moment:
    """The column of times, read; None for one that is no time."""

    def __init__(self, reader: TimeReader, time: _Column, zone: _Column | None) -> None:
        self._reader = reader
        self._time = time
        self._zone = zone

    def __call__(self, columns: Sequence[tuple[str, ...]], rows: Rows) -> list[int | None] | None:
        texts = self._time(columns, rows)
        if texts is None:
            return None
        if self._zone is None:
            return self._reader.read_all(texts)
        zones = self._zone(columns, rows)
        return None if zones is None else self._reader.read_all(texts, list(map(str, zones)))


def compile_columns(body: Body, columns: tuple[str, ...]) -> ColumnLine | None:
    """Compile for tables of exactly these columns; None for a map that seldom fills every key."""
    objects = {key: mapped for key, mapped in body.objects.items() if mapped.entries or mapped.constants}
    if body.context is not None or any(mapped.whole or mapped.nested for mapped in body.objects.values()):
        return None
    if not any(key in ID_MAX for key, _ in body.top):
        return None  # whom it is about must be looked for in each row
    writer = _Writer(columns)
    try:
        return writer.write(body, objects)
    except _SeldomError:
        return None


class _SeldomError(Exception):
    """Something that is not worth a column of its own."""


class _Writer:
    """Writes the literal that every body is, and collects the columns that fill it."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._names = columns
        self._columns: list[_Column] = []
        self._used: set[int] = set()

    def write(self, body: Body, objects: dict[str, BodyObject]) -> ColumnLine:
        parts = {key: self._object(mapped) for key, mapped in objects.items()}
        for key, slot in body.top:
            parts[key] = self._text(key, slot)
        moment = None
        if body.time is not None:
            assert body.reader is not None
            zone = None if body.zone is None else self._column(body.zone)
            moment = _Moment(body.reader, self._column(body.time), zone)
            parts["time"] = "time"
        literal = ", ".join(f"{key!r}: {parts[key]}" for key in sorted(parts, key=_canonical))
        if len(self._used) < 2:
            raise _SeldomError
        filled = ", ".join(
            [*(f"v{number}" for number in range(len(self._columns))), *(["time"] * bool(moment))]
        )
        source = f"def bodies(rows):\n    return [{{{literal}}} for {filled}, in rows]\n"
        return ColumnLine(len(self._names), sorted(self._used), self._columns, source, moment)

    def _object(self, mapped: BodyObject) -> str:
        slots = dict(mapped.entries)
        if len(slots) < len(mapped.entries):
            raise _SeldomError
        parts = {name: self._value(slot) for name, slot in slots.items()}
        parts |= dict.fromkeys(mapped.constants, "None")
        return "{" + ", ".join(f"{name!r}: {parts[name]}" for name in sorted(parts)) + "}"

    def _value(self, slot: Slot) -> str:
        if not used_columns(slot.template, self._names) and slot.gives != "json":
            return repr(slot.get([]))
        return self._add(self._column(slot))

    def _text(self, key: str, slot: Slot) -> str:
        longest = _LONGEST.get(key)
        if not used_columns(slot.template, self._names) and slot.gives != "json":
            text = slot.get([])
            if not isinstance(text, str) or not text.strip() or len(text.strip()) > (longest or len(text)):
                raise _SeldomError
            return repr(text.strip())
        return self._add(_trimmed(self._column(slot), longest))

    def _add(self, column: _Column) -> str:
        self._columns.append(column)
        return f"v{len(self._columns) - 1}"

    def _column(self, slot: Slot) -> _Column:
        used = used_columns(slot.template, self._names)
        if slot.gives == "json" or not used:
            raise _SeldomError
        self._used |= used
        if len(used) > 1:
            return _worked_out(slot)
        (position,) = used
        only = _only_reference(slot)
        has_steps = only is None or bool(locate(only.reference, self._names).steps)
        if only is not None and not only.filters and not has_steps:
            return _cells(position)
        looked_up = _looked_up(position, CellTable(slot.get, position, len(self._names)))
        if (
            only is not None
            and not has_steps
            and [(call.name, call.argument) for call in only.filters] == [_NUMBER]
        ):
            return _numbers(position, looked_up)
        return looked_up


_NUMBER: Final = ("number", DEFAULT_STYLE)


def _canonical(key: str) -> tuple[bool, str]:
    """Keys by name, but the distinctId last: it is taken out again."""
    return key == "distinctId", key


def _only_reference(slot: Slot) -> Placeholder | None:
    return slot.template.placeholders[0] if slot.template.is_single else None


def _cells(position: int) -> _Column:
    def column(columns: Sequence[tuple[str, ...]], _: Rows) -> Sequence[str] | None:
        cells = columns[position]
        return cells if all(cells) and not any(map(str.isspace, cells)) else None

    return column


def _numbers(position: int, others: _Column) -> _Column:
    def column(columns: Sequence[tuple[str, ...]], rows: Rows) -> Sequence[Any] | None:
        cells = columns[position]
        text = "\n".join(cells) + "\n"
        are_short = max(map(len, cells)) <= _NUMBER_MAX
        if are_short and text.count("\n") == len(cells) and _PLAIN_NUMBERS.fullmatch(text):
            return [float(cell) if "." in cell else int(cell) for cell in cells]
        return others(columns, rows)

    return column


def _looked_up(position: int, table: CellTable) -> _Column:
    def column(columns: Sequence[tuple[str, ...]], _: Rows) -> Sequence[Any] | None:
        values = list(map(table.__getitem__, columns[position]))
        return None if Absent in set(map(type, values)) else values

    return column


def _worked_out(slot: Slot) -> _Column:
    def column(_: Sequence[tuple[str, ...]], rows: Rows) -> Sequence[Any] | None:
        values = list(map(slot.get, rows))
        return None if Absent in set(map(type, values)) else values

    return column


def _trimmed(inner: _Column, longest: int | None) -> _Column:
    def column(columns: Sequence[tuple[str, ...]], rows: Rows) -> Sequence[str] | None:
        texts = inner(columns, rows)
        if texts is None:
            return None
        trimmed = list(map(str.strip, texts))
        if not all(trimmed) or (longest is not None and max(map(len, trimmed)) > longest):
            return None
        return trimmed

    return column
