"""A field map compiled for CSV rows: the JSON of their bodies in bulk, worked out column by column.

Most rows of a file fill most mapped columns, and their bodies differ only in the values. Then each column is
checked and written as JSON in one go, and a body is one f-string. Where a column has gaps, what fills its
place brings the key along, or is empty. Keys are in the order of canonical JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from ours_cli.contract import ID_MAX, KNOWN_PROPERTIES, PROPERTIES_MAX, TEXT_MAX
from ours_cli.drafting.cell_column import (
    CellColumn,
    Rows,
    SeldomError,
    UnusualCellError,
    cells_column,
    json_column,
    numbers_column,
    trimmed_column,
    values_column,
    worked_out_json,
    worked_out_values,
)
from ours_cli.drafting.cell_table import CellTable, JsonTable
from ours_cli.drafting.drafts import Bodies
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
    """What fills one place in the bodies: texts to put between quotes, or JSON."""

    column: CellColumn
    is_text: bool


_Part: TypeAlias = "str | int | dict[str, str | int]"
"""What a key of a body has: JSON, the number of a value, or an object of such keys."""


class CellColumns:
    """Makes the bodies of many rows. The times are read last: reading them changes the reader's counts.

    An event must have one of each group of `needed`, which are numbers of values; `ids` are those of all that
    may name its visitor. `given` is the column of the distinctIds.
    """

    def __init__(
        self,
        width: int,
        values: Sequence[_Value],
        parts: Mapping[str, _Part],
        needed: Sequence[Sequence[int]],
        ids: Sequence[int],
        moment: _Moment,
        given: CellColumn | None,
    ) -> None:
        self._width = width
        self._values = values
        self._parts = parts
        self._needed = needed
        self._ids = ids
        self._moment = moment
        self._given = given
        self._gaps: set[int] = set()
        self._form = _form(parts, values, ())

    def __call__(self, rows: Rows, are_plain: bool) -> Bodies | None:
        """The bodies of `rows`; None where some of them must be looked at one by one.

        A row that is no event comes out without contents. Raises `TypeError` as `drafts.RowsReader` does.
        """
        if set(map(len, rows)) != {self._width}:
            return None
        columns = tuple(zip(*rows, strict=True))
        try:
            values = [value.column(columns, rows) for value in self._values]
            is_event = self._are_events(values)
            if is_event is not None:
                events = list(compress(rows, is_event))
                read = self(events, are_plain) if events else None
                return _among(is_event, read) if read or not events else None
            given = None if self._given is None else self._given(columns, rows)
            times = self._moment(columns, rows)
        except (FilterProblem, UnusualCellError):
            return None
        contents: list[bytes | None] = [*map(str.encode, self._texts(values, times, are_plain))]
        if None in times:
            contents = [None if time is None else own for time, own in zip(times, contents, strict=True)]
        return Bodies(
            contents=contents,
            times=[time or 0 for time in times],
            given=[*given] if given is not None and any(given) else None,
            is_doubtful=not all(are_sure(values[number]) for number in self._ids),
        )

    def _are_events(self, values: Sequence[Sequence[Any]]) -> list[bool] | None:
        """Which rows have what an event needs; None where all have."""
        has_each: list[Iterable[bool]] = []
        for numbers in self._needed:
            group = [values[number] for number in numbers]
            if not any(map(all, group)):
                has_each.append(map(any, zip(*group, strict=True)))
        are_events = list(map(all, zip(*has_each, strict=True)))
        return None if all(are_events) else are_events

    def _texts(
        self, values: Sequence[Sequence[Any]], times: Sequence[int | None], are_plain: bool
    ) -> list[str]:
        gaps = {number for number, found in enumerate(values) if not all(found)}
        if not gaps <= self._gaps:
            self._gaps |= gaps
            self._form = _form(self._parts, self._values, self._gaps)
        filled = [
            _escaped(found) if value.is_text and not are_plain else found
            for value, found in zip(self._values, values, strict=True)
        ]
        for number, around in self._form.around.items():
            filled[number] = around.put(filled[number])
        for numbers, around in self._form.hollow:
            inner = map("".join, zip(*(filled[number] for number in numbers), strict=True))
            filled.append(around.put([text[:-1] for text in inner]))
        return self._form.texts(zip(*filled, times, strict=True))


def _among(is_event: Sequence[bool], read: Bodies | None) -> Bodies:
    """The bodies of the rows that are events in their places among the others."""
    places = [at for at, found in enumerate(is_event) if found]
    contents: list[bytes | None] = [None] * len(is_event)
    times = [0] * len(is_event)
    given = [""] * len(is_event)
    if read is None:
        return Bodies(contents, times, None)
    for at, content, time in zip(places, read.contents, read.times, strict=True):
        contents[at], times[at] = content, time
    for at, own in zip(places, read.given or (), strict=False):
        given[at] = own
    return Bodies(contents, times, given if read.given else None, read.is_doubtful)


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

    def __call__(self, columns: Sequence[tuple[str, ...]], rows: Rows) -> list[int | None]:
        texts = self._time(columns, rows)
        if self._zone is None:
            return self._reader.read_all(texts)
        zones = [str(zone) if zone != "" else None for zone in self._zone(columns, rows)]
        return self._reader.read_all(texts, zones)


class _Around(NamedTuple):
    """What comes before and after a value that a row may lack."""

    before: str
    after: str

    def put(self, texts: Iterable[str]) -> list[str]:
        before, after = self
        return [f"{before}{text}{after}" if text else "" for text in texts]


class _Form(NamedTuple):
    """How values and a time become a body, where values may be lacking.

    `around` is what such a value brings along, by its number. `hollow` are objects that may be lacking as a
    whole: the numbers of their values, and what they bring along; each becomes one more value.
    """

    texts: Callable[[Iterable[Any]], list[str]]
    around: dict[int, _Around]
    hollow: list[tuple[list[int], _Around]]


def _form(parts: Mapping[str, _Part], values: Sequence[_Value], gaps: Collection[int]) -> _Form:
    form = _FormWriter(values, gaps)
    # Without its first brace: see `drafts.Bodies`.
    template = form.joined({**parts, "time": "{time}"}) + "}}"
    filled = ", ".join([*(f"v{number}" for number in range(form.count)), "time"])
    source = f"def texts(rows):\n    return [f{template!r} for {filled}, in rows]\n"
    names: dict[str, Any] = {}
    # The source is made of numbered names and of literals by repr: no text of a user is ever code.
    exec(compile(source, "<column mapping>", "exec"), names)  # noqa: S102
    return _Form(names["texts"], form.around, form.hollow)


class _FormWriter:
    """Writes the f-string of a body."""

    def __init__(self, values: Sequence[_Value], gaps: Collection[int]) -> None:
        self.around: dict[int, _Around] = {}
        self.hollow: list[tuple[list[int], _Around]] = []
        self.count = len(values)
        self._values = values
        self._gaps = gaps

    def joined(self, parts: Mapping[str, _Part]) -> str:
        """The keys of an object; one of them is in every row, so that all commas have a place."""
        keys = sorted(parts)
        certain = next(at for at, key in enumerate(keys) if not self._may_lack(parts[key]))
        written = [
            *(self._written(key, parts[key], "", ",") for key in keys[:certain]),
            self._written(keys[certain], parts[keys[certain]], "", ""),
            *(self._written(key, parts[key], ",", "") for key in keys[certain + 1 :]),
        ]
        return "".join(written)

    def _may_lack(self, part: _Part) -> bool:
        return all(map(self._may_lack, part.values())) if isinstance(part, dict) else part in self._gaps

    def _written(self, key: str, part: _Part, before: str, after: str) -> str:
        before += f"{_literal(key)}:"
        if isinstance(part, str):
            return f"{before}{part}{after}"
        if isinstance(part, int):
            quote = '"' if self._values[part].is_text else ""
            before, after = before + quote, quote + after
            if part not in self._gaps:
                return f"{before}{{v{part}}}{after}"
            self.around[part] = _Around(_unescaped(before), after)
            return f"{{v{part}}}"
        if not self._may_lack(part):
            return f"{before}{{{{{self.joined(part)}}}}}{after}"
        numbers = [number for _, number in sorted(part.items()) if isinstance(number, int)]
        for name, number in part.items():
            self._written(name, number, "", ",")
        self.hollow.append((numbers, _Around(_unescaped(before) + "{", "}" + after)))
        self.count += 1
        return f"{{v{self.count - 1}}}"


def compile_cells(body: Body, columns: tuple[str, ...]) -> CellColumns | None:
    """Compile for tables of exactly these columns.

    None for what is seldom mapped, such as whole objects, and for values that may be of a type that their
    field does not allow.
    """
    objects = {key: mapped for key, mapped in body.objects.items() if mapped.entries or mapped.constants}
    if body.context is not None or any(mapped.whole or mapped.nested for mapped in body.objects.values()):
        return None
    if body.time is None or not any(key in ID_MAX for key, _ in body.top):
        return None  # the visitor must be looked for in each row
    compiler = _Compiler(columns)
    try:
        return compiler.compile(body, objects)
    except SeldomError:
        return None


_NUMBER: Final = ("number", DEFAULT_STYLE)
_MAY_HOLD_MORE: Final = frozenset({"json", "split"})
"""Filters whose result may be a list or an object."""


class _Compiler:
    """Collects the parts of a body, and the columns that fill it."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._names = columns
        self._values: list[_Value] = []

    def compile(self, body: Body, objects: dict[str, BodyObject]) -> CellColumns:
        parts: dict[str, _Part] = {key: self._object(key, mapped) for key, mapped in objects.items()}
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
        assert body.reader is not None
        assert body.time is not None
        zone = None if body.zone is None else self._column(body.zone)
        return CellColumns(
            width=len(self._names),
            values=self._values,
            parts=parts,
            needed=[own for own, group in zip(numbers, groups, strict=True) if len(own) == len(group)],
            ids=numbers[1],
            moment=_Moment(body.reader, self._column(body.time), zone),
            given=given,
        )

    def _object(self, where: str, mapped: BodyObject) -> dict[str, str | int]:
        slots = dict(mapped.entries)
        if len(slots) < len(mapped.entries) or len(slots) > PROPERTIES_MAX:
            raise SeldomError
        known = KNOWN_PROPERTIES.get(where, {})
        parts = {name: self._value(slot, known.get(name, "any")) for name, slot in slots.items()}
        return parts | dict.fromkeys(mapped.constants, "null")

    def _value(self, slot: Slot, kind: str) -> str | int:
        if kind != "any" and not (kind == "string" and slot.gives == "text"):
            raise SeldomError
        if not used_columns(slot.template, self._names) and slot.gives != "json":
            return _literal(slot.get([]))
        used = self._columns_of(slot)
        only = self._only_placeholder(slot)
        if len(used) > 1:
            return self._add(worked_out_json(slot), is_text=False)
        (position,) = used
        if only is not None and not only.filters:
            return self._add(cells_column(position), is_text=True)
        column = json_column(position, JsonTable(slot.get, position, len(self._names)))
        if only is not None and [(call.name, call.argument) for call in only.filters] == [_NUMBER]:
            column = numbers_column(position, column)
        return self._add(column, is_text=False)

    def _text(self, key: str, slot: Slot) -> str | int:
        longest = TEXT_MAX.get(key)
        if not used_columns(slot.template, self._names) and slot.gives != "json":
            text = slot.get([])
            if not isinstance(text, str) or not text.strip() or len(text.strip()) > (longest or len(text)):
                raise SeldomError
            return _literal(text.strip())
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
        used = self._columns_of(slot)
        only = self._only_placeholder(slot)
        if len(used) > 1:
            return worked_out_values(slot)
        (position,) = used
        if only is not None and not only.filters:
            return cells_column(position)
        return values_column(position, CellTable(slot.get, position, len(self._names)))

    def _only_placeholder(self, slot: Slot) -> Placeholder | None:
        """What the template is, if it is one placeholder; its value is no list and no object."""
        if not slot.template.is_single:
            return None
        only = slot.template.placeholders[0]
        if locate(only.reference, self._names).steps or any(
            call.name in _MAY_HOLD_MORE for call in only.filters
        ):
            raise SeldomError
        return only

    def _columns_of(self, slot: Slot) -> set[int]:
        used = used_columns(slot.template, self._names)
        if slot.gives == "json" or not used:
            raise SeldomError
        return used


def _literal(value: object) -> str:
    """JSON of a constant, for an f-string: its braces are text."""
    try:
        written = orjson.dumps(value, as_sent).decode()
    except TypeError:
        raise SeldomError from None
    return written.replace("{", "{{").replace("}", "}}")


def _unescaped(literal: str) -> str:
    """The text that a literal of an f-string stands for."""
    return literal.replace("{{", "{").replace("}}", "}")
