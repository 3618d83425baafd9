"""A field map and one table → its compiled body, and the columns that it uses; faults of the map by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, Final, NamedTuple

from ours_cli.contract import ID_MAX, KNOWN_PROPERTIES
from ours_cli.errors import UsageError
from ours_cli.mapping.exclude import Exclusion, leaving_out
from ours_cli.mapping.field_body import Body, BodyObject, BodyTime, Gives, Slot
from ours_cli.mapping.fields import NESTING, OBJECTS, TEXT_FIELDS, FieldMap, ObjectField, Value
from ours_cli.record import Fields, Table
from ours_cli.templates.field_value import ABSENT, FilterProblem
from ours_cli.templates.filter_functions import HmacKey
from ours_cli.templates.reference import Getter, Reference, key_getter
from ours_cli.templates.template import (
    Template,
    bind,
    bind_json,
    bind_text,
    parse,
    placeholder,
    used_cells,
    used_columns,
    used_keys,
)
from ours_cli.timestamps import TimeProblem, TimeReader


class TimeMapping(NamedTuple):
    """How a run reads times: the reader, and the zone of naive times when a column names it."""

    reader: TimeReader
    zone: Template | None


_BINDERS: Final[dict[Gives, Callable[..., Getter]]] = {"text": bind_text, "value": bind, "json": bind_json}


_IN_BRACES: Final = re.compile(r"\{([^{}]+)\}")
"""A name that was written in double braces, as other templates have it."""


class BodyBuilder:
    """Compiles a field map for one table and remembers which columns it uses.

    `used` has the positions of a CSV table's columns, each with the names of what is read in it: the column,
    or paths into it; `references` has, for JSON rows, each reference as written and the top-level keys that
    it may read. `missing` names the columns of optional properties that a CSV table lacks. `bare` are the
    columns that the text of a field equals, without braces. `exclusion` is what is left out of its rows.
    """

    def __init__(self, fields: FieldMap, table: Table, times: TimeMapping, hmac_key: HmacKey | None) -> None:
        self._fields = fields
        self._table = table
        self._mapped_times = times
        self._hmac_key = hmac_key
        self.used: dict[int, list[str]] = {}
        self.missing: list[str] = []
        self.bare: list[str] = []
        self.references: dict[str, tuple[str, ...]] = {}
        self.exclusion = Exclusion(fields, table, hmac_key)

    def build(self) -> Body:
        """Compile everything that the person mapped; raises `UsageError` when a column is missing."""
        fields = self._fields
        top, time = self._top(), self._time()
        objects = {each.key: self._object(each) for each in OBJECTS}
        context = None
        if fields.ip is not None and fields.user_agent is not None:
            context = (self._slot(fields.ip, "text"), self._slot(fields.user_agent, "text"))
        if fields.star:
            objects["eventProperties"] = self._with_star(objects["eventProperties"])
        return Body(top, time, objects, context)

    def _top(self) -> list[tuple[str, Slot]]:
        top = []
        # Of several faults of a row the first is told, so the order is kept: its own id comes last.
        for key in ("event", *ID_MAX, "distinctId"):
            name = TEXT_FIELDS[key]
            text = getattr(self._fields, name)
            if text is not None:
                if key != "event":
                    self._refuse_bare_column(text, f"--{name.replace('_', '-')}")
                top.append((key, self._slot(text, "text")))
        return top

    def _time(self) -> BodyTime | None:
        text, times = self._fields.time, self._mapped_times
        if text is None:
            return None
        self._refuse_bare_column(text, "--time")
        slot = self._slot(text, "value")
        _refuse_constant(slot, times.reader)
        zone = None if times.zone is None else self._bound(times.zone, "text")
        return BodyTime(slot, zone, times.reader)

    def _object(self, field: ObjectField) -> BodyObject:
        whole: str | None = getattr(self._fields, field.whole)
        values: Mapping[str, Value] = getattr(self._fields, field.entries)
        are_visitors = field.key == "userProperties"
        get = None if whole is None else self._property(whole, "value").get
        mapped = BodyObject(
            whole=None if get is None else leaving_out(self.exclusion.of_objects, get),
            entries=[],
            nested=[],
            constants=dict.fromkeys(self._fields.clear if are_visitors else ()),
        )
        known = KNOWN_PROPERTIES.get(field.key, {})
        for name, value in values.items():
            if value.optional and (lacking := self._lacking(value.text)):
                self.missing += lacking
                continue
            plain: Gives = "text" if known.get(name) == "string" else "value"
            slot = self._property(value.text, "json" if value.kind == "json" else plain)
            outer, _, inner = name.partition(".")
            if are_visitors and outer in NESTING and inner:
                mapped.nested.append((outer, inner, slot))
            else:
                mapped.entries.append((name, slot))
        return mapped

    def _with_star(self, properties: BodyObject) -> BodyObject:
        """`-p '*'`: every column that nothing else uses becomes an event property of the same name."""
        columns = self._table.columns
        if columns is None:
            taken = {key for keys in self.references.values() for key in keys}
            others = leaving_out(self.exclusion.of_rows, _others(taken))
            return replace(properties, whole=_star_getter(properties.whole, others))
        already = {key for key, _ in properties.entries}
        found = []
        for index, column in enumerate(columns):
            name = column.strip()
            is_free = index not in self.used and not self.exclusion.leaves_out(index)
            if name and is_free and name not in already:
                found.append((name, self._property(placeholder(column), "value")))
        return replace(properties, entries=properties.entries + found)

    def _lacking(self, text: str) -> list[str]:
        columns = self._table.names
        if columns is None:
            return []
        have = {column.strip() for column in columns}
        return [name for name in map(str.strip, parse(text).columns) if name not in have]

    def _property(self, text: str, gives: Gives) -> Slot:
        return self._bound(self.exclusion.applied(self._parsed(text)), gives)

    def _slot(self, text: str, gives: Gives) -> Slot:
        return self._bound(self._parsed(text), gives)

    def _parsed(self, text: str) -> Template:
        """The template; refused where it has a column in double braces, which make a text of it."""
        template = parse(text)
        literals = [part for part in template.parts if isinstance(part, str)]
        for name in (name.strip() for part in literals for name in _IN_BRACES.findall(part)):
            if self._is_column(name):
                raise UsageError(
                    f"every row would have the text {{{name}}}, and {name!r} is a column",
                    hint=f"one brace on either side: {{{name}}}; a list or table in a map, or JSON "
                    "from a file, is no template",
                )
        return template

    def _bound(self, template: Template, gives: Gives) -> Slot:
        columns = self._table.columns
        if template.is_literal and gives != "json" and self._is_column(template.text):
            self.bare.append(template.text)
        if columns is None:
            self._check_keys(template)
            self.references.update(used_keys(template))
        else:
            for name, cell in used_cells(template, columns).items():
                self.used.setdefault(cell.position, []).append(name if cell.steps else columns[cell.position])
        return Slot(template, _BINDERS[gives](template, columns, hmac_key=self._hmac_key), gives)

    def _check_keys(self, template: Template) -> None:
        """Refuse a key that no row can have, where the file declares them."""
        if self._table.keys is None:
            return
        for name in map(str.strip, template.columns):
            if (kind := self._table.unreadable.get(name)) is not None:
                raise UsageError(
                    f"column {name!r} is {kind}, which no event can hold",
                    hint="make it text or a number where the file is exported",
                )
        used_columns(template, self._table.keys)

    def _refuse_bare_column(self, text: str, flag: str) -> None:
        if "{" not in text and self._is_column(text.strip()):
            raise UsageError(
                f"{flag} {text} would give every row the same text, and {text!r} is a column",
                hint=f"{flag} '{{{text}}}'",
            )

    def _is_column(self, name: str) -> bool:
        if self._table.names is not None:
            return name in self._table.names
        get = key_getter(Reference(name))
        return any(name in row or _leads_somewhere(get, row) for row in self._table.first_rows())


def _refuse_constant(slot: Slot, reader: TimeReader) -> None:
    """Refuse what is no time in any row: a word such as yesterday, say."""
    if not slot.template.is_literal:
        return
    try:
        copy(reader)(slot.get({}))
    except TimeProblem as problem:
        if problem.code == "bad_time":
            raise UsageError(
                f"--time gives every row the same text, which is {problem.message}",
                hint="--time '{created_at}' names a column; one time for all looks like 2026-03-01T08:00:00Z",
            ) from None


def _leads_somewhere(get: Getter, row: dict[str, Any]) -> bool:
    try:
        return get(row) is not ABSENT
    except FilterProblem:
        return False  # a path into a text that is no JSON


def _others(taken: set[str]) -> Getter:
    def every_other_key(fields: Fields) -> object:
        assert isinstance(fields, dict)
        return {key: value for key, value in fields.items() if key not in taken}

    return every_other_key


def _star_getter(whole: Getter | None, others: Getter) -> Getter:
    if whole is None:
        return others

    def all_of_them(fields: Fields) -> object:
        found, value = others(fields), whole(fields)
        assert isinstance(found, dict)
        return {**found, **value} if isinstance(value, dict) else found

    return all_of_them
