"""A field map compiled for whole columns: the JSON of bodies in bulk, the same as from `straight_line`.

Most rows of a file fill every mapped column, and their bodies differ only in the values. Then each column is
checked and written as JSON in one go, and a body is one f-string. Rows that lack a value, or have one that is
not plainly right, are left to the straight line. Keys are in the order of canonical JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson

from ours_cli.contract import ID_MAX, TEXT_MAX
from ours_cli.drafting.cell_column import (
    CellColumn,
    Rows,
    SeldomError,
    cells_column,
    json_column,
    looked_up_column,
    numbers_column,
    trimmed_column,
    worked_out_column,
    written_column,
)
from ours_cli.drafting.cell_table import CellTable, JsonTable
from ours_cli.drafting.drafts import Bodies, bodies_of
from ours_cli.exact_json import as_sent
from ours_cli.ids.doubtful_ids import are_sure
from ours_cli.mapping.field_body import Body, BodyObject, Slot
from ours_cli.mapping.serialize import inside_quotes
from ours_cli.templates.field_value import FilterProblem
from ours_cli.templates.numerals import DEFAULT_STYLE
from ours_cli.templates.reference import locate
from ours_cli.templates.template import Placeholder, used_columns
from ours_cli.timestamps import TimeReader


class _Value(NamedTuple):
    """What fills a gap in the body: texts to put between quotes, or JSON; `is_id`: it names the visitor."""

    column: CellColumn
    is_text: bool
    is_id: bool = False


class ColumnLine:
    """Reads rows of one table in bulk. The times are read last: reading them changes the reader's counts."""

    def __init__(
        self,
        width: int,
        used: Iterable[int],
        values: Sequence[_Value],
        source: str,
        moment: _Moment,
        given: CellColumn | None,
    ) -> None:
        self._width = width
        self._pick = itemgetter(*used)  # of at least two cells, or it returns no tuple
        self._values = values
        self._moment = moment
        self._given = given
        names: dict[str, Any] = {}
        # The source is made of numbered names and of literals by repr: no text of a user is ever code.
        exec(compile(source, "<column mapping>", "exec"), names)  # noqa: S102
        self._texts: Callable[[Iterable[Any]], list[str]] = names["texts"]

    def __call__(
        self, rows: Rows, are_plain: bool, read_one: Callable[[list[str]], dict[str, Any] | None]
    ) -> Bodies | None:
        """The bodies of `rows`; those that lack a value go to `read_one`, which may give None.

        None altogether where too many lack a value, or where it cannot be told which. Raises `TypeError` as
        `drafts.RowsReader` does.
        """
        if set(map(len, rows)) == {self._width} and (bodies := self._read(rows, are_plain)) is not None:
            return bodies
        pick, width = self._pick, self._width
        whole = [len(cells) == width and all(pick(cells)) for cells in rows]
        count = sum(whole)
        if count == len(rows) or 2 * count < len(rows):
            return None
        read = self._read(list(compress(rows, whole)), are_plain)
        if read is None:
            return None
        left = [read_one(cells) for cells, is_whole in zip(rows, whole, strict=True) if not is_whole]
        return _merged(whole, read, bodies_of(left, are_sorted=True))

    def _read(self, rows: Rows, are_plain: bool) -> Bodies | None:
        columns = tuple(zip(*rows, strict=True))
        values: list[Sequence[Any]] = []
        is_doubtful = False
        try:
            for column, is_text, is_id in self._values:
                found = column(columns, rows)
                if found is None:
                    return None
                if is_id and not are_sure(found):
                    is_doubtful = True
                values.append(found if are_plain or not is_text else _escaped(found))
            given = None if self._given is None else self._given(columns, rows)
            if self._given is not None and given is None:
                return None
            times = self._moment(columns, rows)
        except FilterProblem:
            return None
        if times is None:
            return None
        contents: list[bytes | None] = [*map(str.encode, self._texts(zip(*values, times, strict=True)))]
        if None in times:
            contents = [None if time is None else own for time, own in zip(times, contents, strict=True)]
        own_ids = None if given is None else [*given]
        return Bodies(contents, [time or 0 for time in times], own_ids, is_doubtful)


def _merged(whole: Sequence[bool], these: Bodies, others: Bodies) -> Bodies:
    """The bodies of whole rows and those of the others, merged in the rows' order."""

    def merge(own: Sequence[Any], left: Sequence[Any]) -> list[Any]:
        taken, rest = iter(own), iter(left)
        return [next(taken) if is_whole else next(rest) for is_whole in whole]

    given = None
    if these.given is not None or others.given is not None:
        none = [""] * len(whole)
        given = merge(these.given or none, others.given or none)
    is_doubtful = these.is_doubtful or others.is_doubtful
    contents = merge(these.contents, others.contents)
    return Bodies(contents, merge(these.times, others.times), given, is_doubtful)


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    """Texts as JSON writes them between quotes; raises `TypeError` for invalid Unicode."""
    written = orjson.dumps(texts)
    if b"\\" not in written:
        return texts
    if (inside := inside_quotes(written)) is not None:
        return inside.decode().split('","')
    return [orjson.dumps(text).decode()[1:-1] for text in texts]


class _Moment:
    """Reads the column of times; None for a cell that is no time."""

    def __init__(self, reader: TimeReader, time: CellColumn, zone: CellColumn | None) -> None:
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
    if body.time is None or not any(key in ID_MAX for key, _ in body.top):
        return None  # the visitor must be looked for in each row
    writer = _Writer(columns)
    try:
        return writer.write(body, objects)
    except SeldomError:
        return None


class _Writer:
    """Writes the f-string of a body, and collects the columns that fill it."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._names = columns
        self._values: list[_Value] = []
        self._used: set[int] = set()

    def write(self, body: Body, objects: dict[str, BodyObject]) -> ColumnLine:
        parts = {key: self._object(mapped) for key, mapped in objects.items()}
        given = None
        for key, slot in body.top:
            if key == "distinctId":
                given = self._given(slot)
            else:
                parts[key] = self._text(key, slot)
        assert body.reader is not None
        assert body.time is not None
        zone = None if body.zone is None else self._column(body.zone)
        moment = _Moment(body.reader, self._column(body.time), zone)
        parts["time"] = "{time}"
        if len(self._used) < 2:
            raise SeldomError
        # Without its first brace: see `drafts.Bodies`.
        template = ",".join(f"{_literal(key)}:{parts[key]}" for key in sorted(parts)) + "}}"
        filled = ", ".join([*(f"v{number}" for number in range(len(self._values))), "time"])
        source = f"def texts(rows):\n    return [f{template!r} for {filled}, in rows]\n"
        return ColumnLine(len(self._names), sorted(self._used), self._values, source, moment, given)

    def _object(self, mapped: BodyObject) -> str:
        slots = dict(mapped.entries)
        if len(slots) < len(mapped.entries):
            raise SeldomError
        parts = {name: self._value(slot) for name, slot in slots.items()}
        parts |= dict.fromkeys(mapped.constants, "null")
        return "{{" + ",".join(f"{_literal(name)}:{parts[name]}" for name in sorted(parts)) + "}}"

    def _value(self, slot: Slot) -> str:
        if not used_columns(slot.template, self._names) and slot.gives != "json":
            return _literal(slot.get([]))
        used = self._columns_of(slot)
        if len(used) > 1:
            return self._add(written_column(worked_out_column(slot)), is_text=False)
        (position,) = used
        only = self._bare_reference(slot)
        if only is not None and not only.filters:
            return self._add(cells_column(position), is_text=True)
        column = json_column(position, JsonTable(slot.get, position, len(self._names)))
        if only is not None and [(call.name, call.argument) for call in only.filters] == [_NUMBER]:
            column = numbers_column(position, column)
        return self._add(column, is_text=False)

    def _text(self, key: str, slot: Slot) -> str:
        longest = TEXT_MAX.get(key)
        if not used_columns(slot.template, self._names) and slot.gives != "json":
            text = slot.get([])
            if not isinstance(text, str) or not text.strip() or len(text.strip()) > (longest or len(text)):
                raise SeldomError
            return _literal(text.strip())
        column = trimmed_column(self._column(slot), longest)
        return self._add(column, is_text=True, is_id=key in ID_MAX)

    def _given(self, slot: Slot) -> CellColumn:
        if not used_columns(slot.template, self._names):
            raise SeldomError
        return trimmed_column(self._column(slot), TEXT_MAX.get("distinctId"))

    def _add(self, column: CellColumn, *, is_text: bool, is_id: bool = False) -> str:
        gap = f"{{v{len(self._values)}}}"
        self._values.append(_Value(column, is_text, is_id))
        return f'"{gap}"' if is_text else gap

    def _column(self, slot: Slot) -> CellColumn:
        """The slot's values, not as JSON."""
        used = self._columns_of(slot)
        if len(used) > 1:
            return worked_out_column(slot)
        (position,) = used
        only = self._bare_reference(slot)
        if only is not None and not only.filters:
            return cells_column(position)
        return looked_up_column(position, CellTable(slot.get, position, len(self._names)))

    def _bare_reference(self, slot: Slot) -> Placeholder | None:
        """The template's only placeholder, where it names a whole cell."""
        only = slot.template.placeholders[0] if slot.template.is_single else None
        return None if only is None or locate(only.reference, self._names).steps else only

    def _columns_of(self, slot: Slot) -> set[int]:
        used = used_columns(slot.template, self._names)
        if slot.gives == "json" or not used:
            raise SeldomError
        self._used |= used
        return used


_NUMBER: Final = ("number", DEFAULT_STYLE)


def _literal(value: object) -> str:
    """JSON of a constant, for an f-string: its braces are text."""
    try:
        written = orjson.dumps(value, as_sent).decode()
    except TypeError:
        raise SeldomError from None
    return written.replace("{", "{{").replace("}", "}}")
