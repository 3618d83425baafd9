"""Record → event or reject: the person's field map, compiled once per table.

`FieldMapping` is made once per run and holds what its rows share; `bind` compiles it for one table's columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ours_cli.assembly.event_assembler import EventAssembler
from ours_cli.assembly.visitor_assembler import VisitorAssembler
from ours_cli.drafting.bodies import RowsReader
from ours_cli.drafting.cell_columns import compile_cells
from ours_cli.drafting.drafts import Drafter
from ours_cli.drafting.key_column import key_column, slot_column
from ours_cli.drafting.key_watch import KeyWatch
from ours_cli.drafting.object_columns import compile_objects
from ours_cli.drafting.row_bodies import RowBodies
from ours_cli.drafting.sieve import Sieve
from ours_cli.errors import SourceError, UsageError
from ours_cli.events.event import Event, Filtered, Mapper, Origin, Reject
from ours_cli.mapping.body_builder import BodyBuilder, TimeMapping
from ours_cli.mapping.exclude import names_left_out, refuse_idle_exclude
from ours_cli.mapping.field_body import Body
from ours_cli.mapping.fields import FieldMap
from ours_cli.mapping.property_names import check_names, refuse_event_fields
from ours_cli.mapping.row_keys import RowKey, field_key
from ours_cli.mapping.selection import sampled
from ours_cli.mapping.self_mapping import require_essentials, self_mapping
from ours_cli.mapping.tally import NO_NAME, REST_OF_CELL, Tally
from ours_cli.mapping.where import NeverSeenKeys, Test, bind_where
from ours_cli.record import Fields, Malformed, Record, Table
from ours_cli.templates.field_value import FilterProblem
from ours_cli.templates.filter_functions import HmacKey
from ours_cli.templates.reference import Getter
from ours_cli.templates.template import bind, parse
from ours_cli.timestamps import TimeProblem, zone_in_header

if TYPE_CHECKING:
    from ours_cli.mapping.presets import Preset


class TimeColumn(NamedTuple):
    """Where one table's times are: its name for messages, and the getter of a row's time as written.

    `keeps` tells which rows `--where` keeps: the times of the others do not matter. `is_optional` says
    that rows without a time are sent all the same.
    """

    name: str
    get: Getter
    keeps: Test | None
    is_optional: bool = False


class RowMapping(Protocol):
    """What the pipeline needs of a mapping: a mapper for each table."""

    def bind(self, table: Table) -> Mapper:
        """Compile for one table; raises `UsageError` when the mapping and its columns do not fit."""

    def drafter(self, table: Table) -> Drafter | None:
        """What drafts the rows of a bound table, or None where each must be mapped by itself."""

    def time_column(self, table: Table) -> TimeColumn | None:
        """Where the times are, or None where it reads none; raises as `bind`, notes nothing."""

    def row_key(self, table: Table) -> RowKey:
        """What decides which rows belong in one shard; raises as `bind`, notes nothing."""


class FieldMapping:
    """The field map of one run of `backfill`, or of `identify FILE` when `assemble` makes visitors."""

    def __init__(
        self,
        fields: FieldMap,
        assemble: EventAssembler | VisitorAssembler,
        times: TimeMapping,
        tally: Tally,
        hmac_key: HmacKey | None,
        preset: str | None,
    ) -> None:
        check_names(fields)
        if not fields.is_empty():
            refuse_idle_exclude(fields, preset)
        if isinstance(assemble, VisitorAssembler):
            refuse_event_fields(fields)
        self._fields = fields
        self._assemble = assemble
        self._times = times
        self._tally = tally
        tally.left_on_purpose = names_left_out(fields.exclude)
        self._sought = NeverSeenKeys(tally.keys_never_seen)
        self._hmac_key = hmac_key
        self._preset = preset
        self._identify = isinstance(assemble, VisitorAssembler)
        self._watch: KeyWatch | None = None

    def bind(self, table: Table) -> Mapper:
        """Compile for one table; raises `UsageError` when the mapping and its columns do not fit."""
        self._assemble.begin(table)
        if table.columns == ():
            return _no_rows  # an empty file: there is nothing to map, and no column to miss
        with self._advising(table):
            return self._bind(table)

    def _bind(self, table: Table) -> Mapper:
        maps_itself = self._fields.is_empty()
        fields = self._fields_of(table)
        if maps_itself:
            refuse_idle_exclude(fields, None, maps_itself=True)
        require_essentials(fields, table, identify=self._identify)
        selection = self._assemble.selection
        keeps = bind_where(selection.where, table.columns, self._sought)
        builder = self._builder(fields, table)
        body = builder.build()
        self._note_zones(fields)
        self._tally.bare_columns.update(dict.fromkeys(builder.bare))
        excluded = builder.exclusion.tests
        watches: list[Callable[[Fields], None]] = [_noting(excluded, self._sought)] if excluded else []
        if table.columns is not None:
            self._note_columns(table.columns, builder)
        else:
            if not maps_itself:
                self._tally.expect(sorted(builder.references))
            recognise = _known_keys if maps_itself else None
            self._watch = KeyWatch(builder.references, fields.star, builder.exclusion, self._tally, recognise)
            watches.append(self._watch)
        return sampled(_mapper(body, self._assemble, watches, keeps), selection)

    def _builder(self, fields: FieldMap, table: Table) -> BodyBuilder:
        return BodyBuilder(fields, table, self._times, self._hmac_key)

    def _note_columns(self, columns: tuple[str, ...], builder: BodyBuilder) -> None:
        """Note what is sent of each column, what is left behind, and what the table lacks."""
        for index, name in enumerate(columns):
            used = builder.used.get(index, ())
            if name in used:
                self._tally.sent([name])
            elif used:
                self._tally.sent(used)
                self._tally.columns_left[f"{name}{REST_OF_CELL}"] = None
            elif name.strip():
                self._tally.columns_left[name] = None
        self._tally.columns_left.update(dict.fromkeys(_nameless(columns)))
        self._tally.expect(builder.missing)

    def drafter(self, table: Table) -> Drafter | None:
        """What drafts the rows of a bound table, or None where each must be mapped by itself."""
        assemble = self._assemble
        if isinstance(assemble, VisitorAssembler) or table.columns == ():
            return None
        fields = self._fields_of(table)
        builder = self._builder(fields, table)
        body = builder.build().apart()
        if body.time is None:
            return None
        sieve = Sieve(assemble.selection, table.columns, self._sought, builder.exclusion.tests)
        watch = None
        read: RowsReader
        if table.columns is None:
            read = RowBodies(body, key_column, compile_objects(body))
            # In a worker process no table is bound, and nobody asks what was watched.
            watch = self._watch or KeyWatch(
                builder.references, fields.star, builder.exclusion, self._tally, None
            )
        else:
            singly = RowBodies(body, slot_column)
            read = compile_cells(body, table.columns, singly) or singly
        return Drafter(read, self._times.reader, body.time.reader, assemble.seal, sieve, watch)

    def _note_zones(self, fields: FieldMap) -> None:
        for name in parse(fields.time).columns if fields.time is not None else ():
            if (zone := zone_in_header(name)) is not None:
                self._tally.header_zones[name.strip()] = zone

    def time_column(self, table: Table) -> TimeColumn | None:
        """Where the times are, or None where it reads none; raises as `bind`, notes nothing."""
        if table.columns == () or self._identify:
            return None
        fields = self._fields_of(table)
        if fields.time is None:
            return None
        template = parse(fields.time)
        names = ", ".join(dict.fromkeys(name.strip() for name in template.columns))
        with self._advising(table):
            get = bind(template, table.columns, hmac_key=self._hmac_key)
        keeps = bind_where(self._assemble.selection.where, table.columns, NeverSeenKeys())
        return TimeColumn(f"column {names}" if names else "--time", get, keeps)

    def row_key(self, table: Table) -> RowKey:
        """What decides which rows belong in one shard; raises as `bind`, notes nothing."""
        with self._advising(table):
            body = self._builder(self._fields_of(table), table).build()
        return field_key(body, keeps_ids=not self._identify)

    def _fields_of(self, table: Table) -> FieldMap:
        if not self._fields.is_empty():
            return self._fields
        return self_mapping(table, identify=self._identify)._replace(exclude=self._fields.exclude)

    @contextmanager
    def _advising(self, table: Table) -> Iterator[None]:
        """Where the mapping and the table do not fit, say which preset would."""
        try:
            yield
        except UsageError as error:
            raise _with_preset(error, table, self._preset) from None


def _with_preset(error: UsageError, table: Table, given: str | None) -> UsageError:
    """The error, with the preset that the columns belong to, or with what to do where one was given."""
    from ours_cli.mapping.presets import recognise  # most runs need no preset

    known = recognise(_names(table))
    advice = [error.hint] if error.hint else []
    if known is not None and known.name != given:
        advice.append(_advice("columns" if table.names is not None else "keys", known))
    elif given is not None:
        advice.append("flags override the preset")
    message = f"preset {given}: {error.message}" if given is not None else error.message
    return UsageError(table.prefix + message, hint="; ".join(advice) or None)


def _names(table: Table) -> Iterable[str]:
    """What a preset is recognised by. For JSON this takes the table's first row: nobody else will read it."""
    if table.names is not None:
        return table.names
    from ours_cli.mapping.presets import names_in

    with suppress(SourceError):
        first = next(table.records, None)
        if isinstance(first, Record) and isinstance(first.fields, dict):
            return names_in(first.fields)
    return ()


def _advice(names: str, known: Preset) -> str:
    return f"the {names} are those of {known.title}: ours {known.command} FILE --preset {known.name}"


def _known_keys(row: dict[str, Any]) -> str | None:
    from ours_cli.mapping.presets import names_in, recognise

    preset = recognise(names_in(row))
    return None if preset is None else _advice("keys", preset)


def _nameless(columns: tuple[str, ...]) -> Iterator[str]:
    """Neighbours without a name, which no template can use, by their numbers."""
    numbers = [number for number, name in enumerate(columns, start=1) if not name.strip()]
    # Neighbours are as far from their rank as the one before.
    for _, run in groupby(enumerate(numbers), lambda ranked: ranked[1] - ranked[0]):
        first, *others = [number for _, number in run]
        yield f"columns {first}-{others[-1]}{NO_NAME}" if others else f"column {first}{NO_NAME}"


def _no_rows(origin: Origin) -> Event | Reject:
    raise AssertionError(f"an empty table has no line {origin.row.line}")


def _mapper(
    body: Body,
    assemble: EventAssembler | VisitorAssembler,
    watches: Iterable[Callable[[Fields], None]],
    keeps: Test | None,
) -> Mapper:
    read = body.read
    keeps_ids = isinstance(assemble, EventAssembler)
    pass_over = _passer(body, assemble) if isinstance(assemble, EventAssembler) else None

    def map_row(origin: Origin) -> Event | Reject | Filtered:
        row = origin.row
        if isinstance(row, Malformed):
            return Reject(origin, "", row.code, row.message)
        for watch in watches:
            watch(row.fields)
        try:
            if keeps is not None and not keeps(row.fields):
                if pass_over is not None:
                    pass_over(row, origin.table)
                return Filtered(origin, "where")
            mapped = read(row.fields)
        except FilterProblem as problem:
            return Reject(origin, row.distinct_id, problem.code, problem.message)
        except TimeProblem as problem:
            return Reject(origin, row.distinct_id, problem.code, problem.advice)
        if row.distinct_id and keeps_ids:
            mapped.setdefault("distinctId", row.distinct_id)
        return assemble(origin, mapped)

    return map_row


def _noting(excluded: Mapping[str, Test], sought: NeverSeenKeys) -> Callable[[Fields], None]:
    """Notes which rows have what is to be left out of them."""

    def note(fields: Fields) -> None:
        for name, has in excluded.items():
            sought.note_excluded(name, is_found=has(fields))

    return note


def _passer(body: Body, assemble: EventAssembler) -> Callable[[Record, int], None]:
    """For rows that `--where` leaves out: count what can be mapped among its equals, and judge nothing."""
    apart: Body | None = None

    def pass_over(row: Record, file: int) -> None:
        nonlocal apart
        if row.distinct_id:
            return
        apart = apart or body.apart()
        if apart.time is not None and body.time is not None:
            apart.time.reader.follow(body.time.reader)
        with suppress(FilterProblem, TimeProblem):
            assemble.pass_over(apart.read(row.fields), file)

    return pass_over
