"""The last step from drafts to events, in bulk: given ids, equal rows, sample and time window."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat

import orjson

from ours_cli.assembly.given_ids import GivenIds
from ours_cli.drafting.drafts import ID_AT, Draft
from ours_cli.events.event import Event, Filtered, Reject
from ours_cli.events.mapped_rows import Finished, MappedRows
from ours_cli.events.packed_events import PackedEvents
from ours_cli.ids.identity import ID_BYTES, DistinctIds
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.validate import Violation, Window


class DraftAssembler:
    """Turns drafts of one run into events. What it knows of ids and counts is the `EventAssembler`'s."""

    def __init__(
        self, window: Window, ids: DistinctIds, given_ids: GivenIds, tally: Tally, selection: Selection
    ) -> None:
        self._window = window
        self._ids = ids
        self._given_ids = given_ids
        self._tally = tally
        self._selection = selection

    def __call__(self, draft: Draft, table: int, seq: int) -> Iterator[Finished]:
        """Events of drafts, the first of row number `seq`: what the `EventAssembler` makes of each."""
        events = draft.events(table, seq)

        def content(at: int) -> bytes:
            """What an id is derived from; empty for a row that is left out."""
            place = _place(events, seq + at)
            return b"" if place is None else b"{" + events.body(place)[ID_AT + 2 * ID_BYTES + 2 :]

        faults: dict[int, Violation] = {}
        if draft.given is None:
            repeated = self._ids.repeated(draft.digests, content, table)
        else:
            repeated, faults = self._identified(draft, draft.given, table, content)
        events = _with_ids(events, [(seq + at, derived) for at, derived in repeated])
        reasons = draft.reasons
        if self._selection.sample is not None:
            events, reasons = self._sampled(events, draft, seq)
        rows = MappedRows(seq, draft.rows, events, reasons)
        times = events.times
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
                event, fault = events[bisect_left(events.seqs, seq + at)], faults[at]
                yield Reject(event.origin, event.distinct_id, fault.code, fault.message)
            start = at + 1

    def _identified(
        self, draft: Draft, given: Sequence[str], table: int, content: Callable[[int], bytes]
    ) -> tuple[list[tuple[int, str]], dict[int, Violation]]:
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
        clashes = self._given_ids.faults(given, digests, table, lines)
        return repeated, {bearing[at]: fault for at, fault in clashes}

    def _sampled(
        self, events: PackedEvents, draft: Draft, seq: int
    ) -> tuple[PackedEvents, list[str | None] | None]:
        """The events that the sample takes by their derived ids, and why each other row is left out."""
        reasons = [*(draft.reasons or [None] * len(draft.rows))]
        places = []
        for place, number in enumerate(events.seqs):
            begin = events.start(place) + ID_AT
            is_given = draft.given is not None and draft.given[number - seq]
            if is_given or self._selection.takes(events.bodies[begin : begin + 2 * ID_BYTES]):
                places.append(place)
            else:
                reasons[number - seq] = "sample"
        return (events, draft.reasons) if len(places) == len(events) else (events.only(places), reasons)

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


def _of_rows(digests: bytes, rows: Sequence[int]) -> bytes:
    return b"".join([digests[at * ID_BYTES : (at + 1) * ID_BYTES] for at in rows])


def _place(events: PackedEvents, seq: int) -> int | None:
    """The position of the event of row number `seq`, if it has one."""
    place = bisect_left(events.seqs, seq)
    return place if place < len(events) and events.seqs[place] == seq else None


def _with_ids(events: PackedEvents, ids: Sequence[tuple[int, str]]) -> PackedEvents:
    """The events with these derived ids, by row number, in place of those that it was drafted with."""
    if not ids:
        return events
    bodies = bytearray(events.bodies)
    for seq, distinct_id in ids:
        if (place := _place(events, seq)) is not None:
            start = events.start(place) + ID_AT
            bodies[start : start + len(distinct_id)] = distinct_id.encode()
    return PackedEvents(events.table, events.seqs, events.rows, bytes(bodies), events.sizes, events.times)
