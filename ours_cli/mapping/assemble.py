"""The last step from a mapped body to what is sent: time window, validation, distinctId, serialization."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, Final

import orjson

from ours_cli.drafting.drafts import ID_AT, Draft
from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.events.event_run import EventRun, Finished, MappedRows
from ours_cli.ids.identity import ID_BYTES, DistinctIds, digest_of
from ours_cli.mapping.selection import EVERYTHING, Selection
from ours_cli.mapping.serialize import NOT_UNICODE, canonical_json
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.validate import Fault, Window, check_event, check_size, check_visitor, has_long_array
from ours_cli.record import DUPLICATE_ID, Record, Table


class EventAssembler:
    """Turns mapped `/track` bodies of one run into events; `line` numbers are of the row's own file."""

    def __init__(
        self, window: Window, ids: DistinctIds, tally: Tally, selection: Selection = EVERYTHING
    ) -> None:
        self.selection = selection
        self._place = "line"
        self._files: dict[int, str] = {}
        self._window = window
        self._ids = ids
        self._tally = tally
        self._selects = selection.has_period or selection.sample is not None

    def begin(self, table: Table) -> None:
        """The bodies of this table's rows come next."""
        self._place = table.place
        if table.number is not None:
            if not self._files:
                self._ids.tell_files_apart()
            self._files[table.number] = table.name

    def __call__(self, origin: Origin, body: dict[str, Any]) -> Event | Reject | Filtered:
        """Judge and serialize one body, whose `time`, if there, is already integer milliseconds.

        A given distinctId is in the body; without one it is derived from the content.
        """
        given = body.pop("distinctId", "")
        if self._selects and (left_out := self._left_out(origin, body, given)) is not None:
            return left_out
        fault = check_event(body)
        if fault is not None:
            return Reject(origin, given, fault.code, fault.message)
        content = canonical_json(body)
        if isinstance(content, Fault):
            return Reject(origin, given, content.code, content.message)
        fault = check_size(body, len(content))
        if fault is not None:
            return Reject(origin, given, fault.code, fault.message)
        item = self._seal(origin, given, content, body["event"], body.get("time"))
        if isinstance(item, Event):
            self._count(body)
        return item

    def seal(self, draft: Draft, table: int, seq: int) -> Iterator[Finished]:
        """Events of drafts, the first of row number `seq`: as a call of each, in bulk."""
        run = draft.run(table, seq)

        def content(at: int) -> bytes:
            """What an id is derived from; empty for a row that is left out."""
            place = _place(run, seq + at)
            return b"" if place is None else b"{" + run.body(place)[ID_AT + 2 * ID_BYTES + 2 :]

        faults: dict[int, Fault] = {}
        if draft.given is None:
            repeated = self._ids.repeated(draft.digests, content, table)
        else:
            repeated, faults = self._identified(draft, draft.given, table, content)
        run = _with_ids(run, [(seq + at, derived) for at, derived in repeated])
        reasons = draft.reasons
        if self.selection.sample is not None:
            run, reasons = self._sampled(run, draft, seq)
        rows = MappedRows(seq, draft.rows, run, reasons)
        times = run.times
        in_time = not times or not (self._window.check(min(times)) or self._window.check(max(times)))
        start = 0  # of those that are not yielded yet
        for at in (*faults, len(rows)):
            if start < at:
                good = rows.part(start, at)
                found = [good] if in_time else [*map(self._in_time, good)]
                if draft.is_doubtful:
                    self._note_ids(found)
                yield from found
            if at < len(rows):
                event, fault = run[bisect_left(run.seqs, seq + at)], faults[at]
                yield Reject(event.origin, event.distinct_id, fault.code, fault.message)
            start = at + 1

    def _identified(
        self, draft: Draft, given: Sequence[str], table: int, content: Callable[[int], bytes]
    ) -> tuple[list[tuple[int, str]], dict[int, Fault]]:
        """Note the rows; returns which get an id other than their draft's, and what is wrong with given ids.

        Rows that are left out count among their equals, but their given ids are not noted.
        """
        reasons = draft.reasons or repeat(None)
        bearing = [at for at, (own, why) in enumerate(zip(given, reasons, strict=False)) if own and not why]
        repeated: list[tuple[int, str]] = []
        digests = draft.digests
        if len(bearing) < len(given):
            bare = [at for at, own in enumerate(given) if not own]
            found = self._ids.repeated(_of_rows(digests, bare), lambda at: content(bare[at]), table)
            repeated = [(bare[at], derived) for at, derived in found]
            given, digests = [given[at] for at in bearing], _of_rows(digests, bearing)
        lines = [draft.rows.line(at) for at in bearing]
        conflicts = self._ids.conflicts(given, digests, [table * _LINES_MAX + line for line in lines])
        return repeated, {bearing[at]: self._duplicate(table, lines[at], first) for at, first in conflicts}

    def _sampled(self, run: EventRun, draft: Draft, seq: int) -> tuple[EventRun, list[str | None] | None]:
        """The events that the sample takes by their derived ids, and why each other row is left out."""
        reasons = [*(draft.reasons or [None] * len(draft.rows))]
        places = []
        for place, number in enumerate(run.seqs):
            begin = run.start(place) + ID_AT
            is_given = draft.given is not None and draft.given[number - seq]
            if is_given or self.selection.takes(run.bodies[begin : begin + 2 * ID_BYTES]):
                places.append(place)
            else:
                reasons[number - seq] = "sample"
        return (run, draft.reasons) if len(places) == len(run) else (run.only(places), reasons)

    def _note_ids(self, items: Iterable[Finished]) -> None:
        """Note the doubtful ids by which events name their visitor."""
        for item in items:
            match item:
                case Event():
                    bodies = item.body
                case MappedRows():
                    bodies = item.events.bodies
                case _:
                    continue
            for body in orjson.loads(b"[%b]" % bodies):
                self._tally.note_ids(body)

    def _in_time(self, event: Event | Filtered) -> Event | Reject | Filtered:
        if isinstance(event, Filtered):
            return event
        assert event.time_ms is not None
        fault = self._window.check(event.time_ms)
        if fault is None:
            return event
        return Reject(event.origin, event.distinct_id, fault.code, fault.message, event.time_ms)

    def _seal(
        self, origin: Origin, given: str, content: bytes, name: str, time_ms: int | None
    ) -> Event | Reject | Filtered:
        """Give an event its id; all that can still go wrong is an id that another row has, and the time."""
        if given:
            fault = self._clash(given, content, origin)
            if fault is not None:
                return Reject(origin, given, fault.code, fault.message)
            distinct_id, quoted = given, orjson.dumps(given)
        else:
            distinct_id = self._ids.derive(content, timed=time_ms is not None, file=origin.table)
            if self._selects and not self._samples(distinct_id, content, time_ms):
                return Filtered(origin, "sample")
            quoted = b'"%b"' % distinct_id.encode()
        # Last, because it alone depends on the clock: a resumed run must count the same occurrences again.
        if time_ms is not None and (fault := self._window.check(time_ms)) is not None:
            return Reject(origin, distinct_id, fault.code, fault.message, time_ms)
        sealed = b'{"distinctId":' + quoted + b"," + content[1:]
        return Event(origin, distinct_id, sealed, name, time_ms)

    def pass_over(self, body: dict[str, Any], file: int) -> None:
        """Count a filtered body among its equals: the others keep the ids that they have without the filter.

        A given id is not noted: no row that is sent can clash with one that is not.
        """
        if body.pop("distinctId", "") or check_event(body) is not None:
            return
        content = canonical_json(body)
        if not isinstance(content, Fault) and check_size(body, len(content)) is None:
            self._ids.derive(content, timed="time" in body, file=file, is_sent=False)

    def _left_out(self, origin: Origin, body: dict[str, Any], given: str) -> Filtered | Reject | None:
        """What is known before anything else is judged: the time, and the id where it is given."""
        if self.selection.has_period:
            time_ms = body.get("time")
            if time_ms is None:
                return Reject(
                    origin, given, "missing_time", "the row has no time, which --since and --until go by"
                )
            if (reason := self.selection.outside(time_ms)) is not None:
                self.pass_over({"distinctId": given, **body}, origin.table)
                return Filtered(origin, reason)
        if given and not self.selection.takes_id(given):
            return Filtered(origin, "sample")
        return None

    def _samples(self, distinct_id: str, content: bytes, time_ms: int | None) -> bool:
        # The id of a row without time differs in each run; its content does not.
        return self.selection.takes(distinct_id.encode() if time_ms is not None else content)

    def _clash(self, given: str, content: bytes, origin: Origin) -> Fault | None:
        if isinstance(origin.row, Record) and origin.row.refused_id == given:
            # Fed back unchanged: the row that it clashes with is not in this file, but the server has it.
            return Fault(
                DUPLICATE_ID,
                f"{self._place} {origin.row.line} still bears the distinctId of another row:"
                " the API would drop it",
            )
        return self._given_fault(given, digest_of(content), origin.table, origin.row.line)

    def _given_fault(self, given: str, content_digest: bytes, table: int, line: int) -> Fault | None:
        try:
            first = self._ids.conflict(given, content_digest, table * _LINES_MAX + line)
        except UnicodeEncodeError:
            return NOT_UNICODE
        return None if first is None else self._duplicate(table, line, first)

    def _duplicate(self, table: int, line: int, first: int) -> Fault:
        first_table, first_line = divmod(first, _LINES_MAX)
        file = self._files.get(first_table, f"file {first_table + 1}")
        where = f"{self._place} {first_line}" + (f" of {file}" if first_table != table else "")
        return Fault(
            DUPLICATE_ID,
            f"{self._place} {line} bears the distinctId of {where} and other content: the API would drop it",
        )

    def _count(self, body: dict[str, Any]) -> None:
        self._tally.note_ids(body)
        if "time" not in body:
            self._tally.untimed += 1
        properties = body.get("eventProperties")
        if properties and has_long_array(properties):
            self._tally.long_arrays += 1


class VisitorAssembler:
    """Turns mapped `/identify` bodies into events without distinctId: that endpoint has no dedupe key."""

    def __init__(self, tally: Tally, selection: Selection = EVERYTHING) -> None:
        self.selection = selection
        self._tally = tally

    def begin(self, table: Table) -> None:
        """The bodies of this table's rows come next: none of their messages names a line."""

    def __call__(self, origin: Origin, body: dict[str, Any]) -> Event | Reject | Filtered:
        """Judge and serialize one body (contract: /identify)."""
        fault = check_visitor(body)
        if fault is None and not body.get("userProperties"):
            fault = Fault("missing_properties", "the row sets no visitor property")
        if fault is not None:
            return Reject(origin, "", fault.code, fault.message)
        content = canonical_json(body)
        if isinstance(content, Fault):
            return Reject(origin, "", content.code, content.message)
        if self.selection.sample is not None and not self.selection.takes(_visitor(body) or content):
            return Filtered(origin, "sample")
        self._tally.note_ids(body)
        return Event(origin, "", content, "$identify", None)


def _of_rows(digests: bytes, rows: Sequence[int]) -> bytes:
    return b"".join([digests[at * ID_BYTES : (at + 1) * ID_BYTES] for at in rows])


def _place(run: EventRun, seq: int) -> int | None:
    """The position of the event of row number `seq`, if it has one."""
    place = bisect_left(run.seqs, seq)
    return place if place < len(run) and run.seqs[place] == seq else None


def _with_ids(run: EventRun, ids: Sequence[tuple[int, str]]) -> EventRun:
    """The run with these derived ids, by row number, in place of those that it was drafted with."""
    if not ids:
        return run
    bodies = bytearray(run.bodies)
    for seq, distinct_id in ids:
        if (place := _place(run, seq)) is not None:
            start = run.start(place) + ID_AT
            bodies[start : start + len(distinct_id)] = distinct_id.encode()
    return EventRun(run.table, run.seqs, run.rows, bytes(bodies), run.sizes, run.times)


def _visitor(body: dict[str, Any]) -> bytes:
    """Whom a body is about, so that a sample takes all rows of a person or none; empty without an id."""
    found = [body[key] for key in ("userId", "externalId", "email") if body.get(key)]
    return orjson.dumps(found) if found else b""


_LINES_MAX: Final = 1 << 40
"""More lines than a file can have: a table's index and a line make one integer for the ledger."""
