"""Events of many rows, packed: what was mapped in bulk stays together until it is answered.

An `Event` is made only for a row that is looked at by itself, such as a refused one. Those are few.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, overload

import orjson

from ours_cli.events.event import Event, Origin
from ours_cli.events.kept_rows import KeptRows

COMMA = b","


class PackedEvents(Sequence[Event]):
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
    def __getitem__(self, at: slice) -> PackedEvents: ...
    def __getitem__(self, at: int | slice) -> Event | PackedEvents:
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

    def part(self, start: int, end: int) -> PackedEvents:
        """The events from `start` to before `end`."""
        if end - start == len(self):
            return self
        first, last = self.start(start), max(0, self.start(end) - len(COMMA))
        return PackedEvents(
            self.table,
            self.seqs[start:end],
            self.rows.part(start, end),
            self.bodies[first:last],
            self.sizes[start:end],
            self.times[start:end],
        )

    def only(self, positions: Sequence[int]) -> PackedEvents:
        """The events at these positions, in ascending order."""
        return PackedEvents(
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


class Events(Sequence[Event]):
    """Packed and single events, in order, as one sequence."""

    __slots__ = ("_count", "_parts")

    def __init__(self, parts: Sequence[PackedEvents | Sequence[Event]]) -> None:
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
                part.bodies if isinstance(part, PackedEvents) else COMMA.join([event.body for event in part]),
                COMMA,
            )
        pieces[-1] = behind
        return b"".join(pieces)

    @property
    def first_seq(self) -> int:
        """The number of the first row; only where there is one."""
        first = self._parts[0]
        return first.seqs[0] if isinstance(first, PackedEvents) else first[0].origin.seq
