"""Events that travel together, in columns: what was mapped in bulk stays together until it is answered.

An `Event` is made only for a row that is looked at by itself, such as a refused one. Those are few.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, repeat
from typing import Any, TypeAlias, overload

import orjson

from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.events.kept_rows import KeptRows

COMMA = b","


class EventRun(Sequence[Event]):
    """Events of rows of one table; `seqs` are the rows' numbers, nearly always consecutive.

    `bodies` are their bodies joined by commas, `sizes` the bytes of each and of the comma after it;
    `times` are in ms since the epoch.
    """

    __slots__ = ("_starts", "bodies", "rows", "seqs", "sizes", "table", "times")

    def __init__(
        self,
        table: int,
        seqs: Sequence[int],
        rows: KeptRows,
        bodies: bytes,
        sizes: Sequence[int],
        times: Sequence[int],
    ) -> None:
        self.table = table
        self.seqs = seqs
        self.rows = rows
        self.bodies = bodies
        self.sizes = sizes
        self.times = times
        self._starts: list[int] | None = None

    def __len__(self) -> int:
        return len(self.sizes)

    @overload
    def __getitem__(self, at: int) -> Event: ...
    @overload
    def __getitem__(self, at: slice) -> EventRun: ...
    def __getitem__(self, at: int | slice) -> Event | EventRun:
        if isinstance(at, slice):
            start, end, _ = at.indices(len(self))
            return self.part(start, end)
        at = range(len(self))[at]
        body = self.body(at)
        known: dict[str, Any] = orjson.loads(body)
        origin = Origin(self.table, self.rows.record(at), self.seqs[at])
        return Event(origin, known["distinctId"], body, known["event"], self.times[at])

    def body(self, at: int) -> bytes:
        """The body of the event at this position."""
        start = self.start(at)
        return self.bodies[start : start + self.sizes[at] - len(COMMA)]

    def part(self, start: int, end: int) -> EventRun:
        """The events from `start` to before `end`."""
        if end - start == len(self):
            return self
        first, last = self.start(start), max(0, self.start(end) - len(COMMA))
        return EventRun(
            self.table,
            self.seqs[start:end],
            self.rows.part(start, end),
            self.bodies[first:last],
            self.sizes[start:end],
            self.times[start:end],
        )

    def only(self, positions: Sequence[int]) -> EventRun:
        """The events at these positions, in ascending order."""
        return EventRun(
            self.table,
            [self.seqs[at] for at in positions],
            self.rows.only(positions),
            COMMA.join([self.body(at) for at in positions]),
            [self.sizes[at] for at in positions],
            [self.times[at] for at in positions],
        )

    def fitting(self, room: int) -> int:
        """How many events from the first on fit into `room` bytes, commas between them included."""
        if len(self.bodies) <= room:
            return len(self)
        return max(0, bisect_right(self._all_starts(), room + len(COMMA)) - 1)

    def start(self, at: int) -> int:
        """Where the body at this position begins, or would begin after the last."""
        return self._all_starts()[at]

    def _all_starts(self) -> list[int]:
        if self._starts is None:
            self._starts = list(accumulate(self.sizes, initial=0))
        return self._starts


class MappedRows:
    """Consecutive rows of one table that were mapped together, the first numbered `seq`, and their `events`.

    `reasons` says why the run leaves a row out, as in `Filtered`, and is None for one of the `events`; it is
    None itself where no row is left out. A request carries the events alone: rows left out need not wait for
    its answer.
    """

    __slots__ = ("events", "reasons", "rows", "seq")

    def __init__(
        self, seq: int, rows: KeptRows, events: EventRun, reasons: Sequence[str | None] | None = None
    ) -> None:
        self.seq = seq
        self.rows = rows
        self.events = events
        self.reasons = reasons

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Event | Filtered]:
        """What each row is, in order."""
        events = iter(self.events)
        for at, reason in enumerate(self.reasons or repeat(None, len(self))):
            if reason is None:
                yield next(events)
            else:
                yield Filtered(Origin(self.events.table, self.rows.record(at), self.seq + at), reason)

    @property
    def left_out(self) -> int:
        """How many of them are left out."""
        return len(self) - len(self.events)

    def place(self, event: int) -> int:
        """The position of this event's row; that behind all rows where there are no more events."""
        return self.events.seqs[event] - self.seq if event < len(self.events) else len(self)

    def part(self, start: int, end: int, events: EventRun | None = None) -> MappedRows:
        """The rows from `start` to before `end`; `events` are theirs, if already known."""
        if end - start == len(self):
            return self
        if events is None:
            events = self.events.part(*(bisect_left(self.events.seqs, self.seq + at) for at in (start, end)))
        if self.reasons is None:
            return MappedRows(self.seq + start, events.rows, events)
        return MappedRows(self.seq + start, self.rows.part(start, end), events, self.reasons[start:end])


Finished: TypeAlias = Event | Reject | Filtered | MappedRows
"""What becomes of a row, or of consecutive rows together."""


class Events(Sequence[Event]):
    """Runs and single events, in order, as one sequence."""

    __slots__ = ("_count", "_parts")

    def __init__(self, parts: Sequence[EventRun | Sequence[Event]]) -> None:
        self._parts = parts
        self._count = sum(map(len, parts))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Event]:
        for part in self._parts:
            yield from part

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    @overload
    def __getitem__(self, at: int) -> Event: ...
    @overload
    def __getitem__(self, at: slice) -> Events: ...
    def __getitem__(self, at: int | slice) -> Event | Events:
        if isinstance(at, slice):
            start, end, _ = at.indices(len(self))
            return Events(list(self._between(start, end)))
        at = range(len(self))[at]
        for part in self._parts:
            if at < len(part):
                return part[at]
            at -= len(part)
        raise AssertionError

    def _between(self, start: int, end: int) -> Iterator[Sequence[Event]]:
        for part in self._parts:
            first, last = max(start, 0), min(end, len(part))
            if first < last:
                yield part[first:last]
            start, end = start - len(part), end - len(part)

    def bodies(self, before: bytes = b"", behind: bytes = b"") -> bytes:
        """Their bodies joined by commas, between `before` and `behind`; one join, since they are large."""
        pieces = [before]
        for part in self._parts:
            pieces += (
                part.bodies if isinstance(part, EventRun) else COMMA.join([event.body for event in part]),
                COMMA,
            )
        pieces[-1] = behind
        return b"".join(pieces)

    @property
    def first_seq(self) -> int:
        """The number of the first row; only where there is one."""
        first = self._parts[0]
        return first.seqs[0] if isinstance(first, EventRun) else first[0].origin.seq
