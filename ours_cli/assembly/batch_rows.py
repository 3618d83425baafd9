"""Record → event for `ours batch`: rows that already have the shape of `/track` bodies."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial
from itertools import compress, repeat
from typing import Any, Final, cast

import orjson

from ours_cli.assembly.event_assembler import EventAssembler
from ours_cli.assembly.field_mapping import TimeColumn
from ours_cli.contract import EVENT_KEYS, MISNAMED_KEYS, TEXT_KEYS
from ours_cli.drafting.bodies import Bodies, bodies_of
from ours_cli.drafting.drafts import Drafter
from ours_cli.drafting.plain_bodies import which_are_plain
from ours_cli.drafting.sieve import Sieve
from ours_cli.errors import UsageError
from ours_cli.events.event import Event, Filtered, Mapper, Origin, Reject
from ours_cli.exact_json import as_sent
from ours_cli.mapping.nulls import drop_nulls
from ours_cli.mapping.property_names import key_meant
from ours_cli.mapping.row_keys import RowKey, batch_key, settle_text
from ours_cli.mapping.selection import sampled
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.where import NeverSeenKeys, Test, bind_where
from ours_cli.record import Fields, Malformed, Record, Table
from ours_cli.templates.field_value import ABSENT, FilterProblem
from ours_cli.timestamps import TimeProblem, TimeReader


class BatchMapping:
    """Takes rows as they are: checks keys, reads times, leaves nulls out unless asked to send them."""

    def __init__(
        self, assemble: EventAssembler, reader: TimeReader, tally: Tally, *, send_nulls: bool
    ) -> None:
        self._assemble = assemble
        self._reader = reader
        self._tally = tally
        self._sought = NeverSeenKeys(tally.keys_never_seen)
        self._send_nulls = send_nulls

    def bind(self, table: Table) -> Mapper:
        """Refuse what is not a table of JSON objects; raises `UsageError`."""
        if table.columns:
            raise UsageError(
                f"{table.name} is a delimited file, and batch takes rows shaped like /track (NDJSON or JSON)",
                hint="its columns are mapped by: ours backfill FILE --event NAME --time '{column}' ...",
            )
        selection = self._assemble.selection
        self._assemble.begin(table)
        keeps = bind_where(selection.where, None, self._sought)
        return sampled(self._map_row if keeps is None else self._mapper_where(keeps), selection)

    def time_column(self, table: Table) -> TimeColumn | None:
        """The key `time`; it may be missing. Raises as `bind`."""
        self.bind(table)
        if table.columns == ():
            return None
        keeps = bind_where(self._assemble.selection.where, None, NeverSeenKeys())
        return TimeColumn("time", _time_of, keeps, is_optional=True)

    def row_key(self, table: Table) -> RowKey:  # noqa: ARG002 - rows shaped like /track need no table
        """What decides which rows belong in one shard."""
        return batch_key(self._reader)

    def drafter(self, table: Table) -> Drafter | None:
        """What drafts the rows of a bound table, or None where each must be mapped by itself."""
        if table.columns == ():
            return None
        reader = copy(self._reader)
        read = partial(_read_bodies, reader)
        sieve = Sieve(self._assemble.selection, None, self._sought)
        return Drafter(read, self._reader, reader, self._assemble.seal, sieve)

    def _mapper_where(self, keeps: Test) -> Mapper:
        # Its reader and tally are its own: rows that are left out must leave no trace in the run's.
        apart = BatchMapping(self._assemble, copy(self._reader), Tally(), send_nulls=self._send_nulls)

        def map_row(origin: Origin) -> Event | Reject | Filtered:
            row = origin.row
            if isinstance(row, Record):
                try:
                    is_kept = keeps(row.fields)
                except FilterProblem as problem:
                    return Reject(origin, row.distinct_id, problem.code, problem.message)
                if not is_kept:
                    apart._reader.follow(self._reader)
                    if not isinstance(body := apart._body(origin, row), Reject):
                        self._assemble.pass_over(body, origin.table)
                    return Filtered(origin, "where")
            return self._map_row(origin)

        return map_row

    def _map_row(self, origin: Origin) -> Event | Reject | Filtered:
        row = origin.row
        if isinstance(row, Malformed):
            return Reject(origin, "", row.code, row.message)
        body = self._body(origin, row)
        return body if isinstance(body, Reject) else self._assemble(origin, body)

    def _body(self, origin: Origin, row: Record) -> dict[str, Any] | Reject:
        """The row as the API wants it, its time in milliseconds."""
        assert isinstance(row.fields, dict)
        body = dict(row.fields)
        unknown = next((key for key in body if key not in _KNOWN), None)
        if unknown is not None:
            return Reject(origin, _given(body) or row.distinct_id, "unknown_key", _unknown(unknown))
        if not self._send_nulls:
            self._tally.nulls_dropped += drop_nulls(body)
        for key in TEXT_KEYS:
            if key in body and not settle_text(body, key):
                return Reject(origin, row.distinct_id, "bad_type", f"{key} must be a text")
        if row.distinct_id and "distinctId" not in body:
            body["distinctId"] = row.distinct_id
        try:
            if "time" in body:
                body["time"] = self._reader(body["time"])
        except TimeProblem as problem:
            return Reject(origin, _given(body), problem.code, problem.advice)
        return body


def _read_bodies(reader: TimeReader, rows: Sequence[Fields], _are_plain: bool) -> Bodies:
    objects = cast("Sequence[dict[str, Any]]", rows)
    plain = which_are_plain(objects)
    given = [row["time"] for row in compress(objects, plain)]
    times = reader.read_all(given)
    if _is_right_already(objects, plain, given, times):
        contents: list[bytes | None] = [
            orjson.dumps(row, as_sent, orjson.OPT_SORT_KEYS)[1:] for row in objects
        ]
        return Bodies(contents, given, None)
    found = iter(times)
    bodies = [
        {**row, "time": time} if is_so and (time := next(found)) is not None else None
        for row, is_so in zip(objects, plain, strict=True)
    ]
    return bodies_of(bodies)


def _is_right_already(
    rows: Sequence[dict[str, Any]], plain: list[bool], given: list[Any], times: list[int | None]
) -> bool:
    """Whether the rows are their own bodies already, so that none need be copied and changed."""
    if not all(plain) or set(map(type, given)) != {int} or times != given:
        return False
    return not any(map(dict[str, Any].__contains__, rows, repeat("distinctId")))


def _time_of(fields: Fields) -> object:
    assert isinstance(fields, dict)
    value = fields.get("time", ABSENT)
    return ABSENT if value is None else value


_KNOWN: Final = frozenset(EVENT_KEYS)


def _given(body: dict[str, Any]) -> str:
    value = body.get("distinctId")
    return value if isinstance(value, str) else ""


def _unknown(key: str) -> str:
    """Name the right key for a known misnomer; an arbitrary key may itself be data, so it is not repeated."""
    right = MISNAMED_KEYS.get(key)
    if right is not None:
        return f"the API knows no key {key!r}: it is called {right!r}"
    close = key_meant(key, EVENT_KEYS)
    advice = f"did you mean {close!r}?" if close else f"it knows {', '.join(EVENT_KEYS)}"
    return f"the row has a key that the API does not know; {advice}"
