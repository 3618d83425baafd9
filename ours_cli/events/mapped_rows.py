"""What becomes of rows that were mapped together: events, and rows that the run leaves out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import TypeAlias

from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.events.kept_rows import KeptRows
from ours_cli.events.packed_events import PackedEvents


class MappedRows:
    """Consecutive rows of one table that were mapped together, the first numbered `seq`, and their `events`.

    `reasons` says why the run leaves a row out, as in `Filtered`, and is None for one of the `events`; it is
    None itself where no row is left out. A request carries the events alone: rows left out need not wait for
    its answer.
    """

    __slots__ = ("events", "reasons", "rows", "seq")

    def __init__(
        self, seq: int, rows: KeptRows, events: PackedEvents, reasons: Sequence[str | None] | None = None
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

    def part(self, start: int, end: int, events: PackedEvents | None = None) -> MappedRows:
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
