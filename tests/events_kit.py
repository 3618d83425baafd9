"""Events for tests, single and as runs."""

from __future__ import annotations

from collections.abc import Sequence

from ours_cli.events.event import Event, Filtered, Origin
from ours_cli.events.kept_rows import KeptRows
from ours_cli.events.mapped_rows import MappedRows
from ours_cli.events.packed_events import Events, PackedEvents
from ours_cli.record import Fields, Record

SMALLEST = 50
"""Bytes of the smallest body that `event_of` makes."""


def event_of(seq: int, size: int = SMALLEST, fields: Fields | None = None) -> Event:
    """An event of row `seq`, which stands on line `seq + 2`, with a body of `size` bytes."""
    head = f'{{"distinctId":"d{seq}","event":"E","x":"'
    assert size >= SMALLEST > len(head) + 2
    body = head + "x" * (size - len(head) - 2) + '"}'
    row = Record(seq + 2, [f"id{seq}", "x"] if fields is None else fields)
    return Event(Origin(0, row, seq), f"d{seq}", body.encode(), "E", seq)


def events_of(sizes: Sequence[int]) -> list[Event]:
    return [event_of(seq, size) for seq, size in enumerate(sizes)]


def run_of(events: Sequence[Event]) -> PackedEvents:
    """The same events, of consecutive rows, in columns."""
    rows = KeptRows(
        [event.origin.row.line for event in events],
        [event.origin.row.fields for event in events if isinstance(event.origin.row, Record)],
    )
    return PackedEvents(
        events[0].origin.table,
        range(events[0].origin.seq, events[0].origin.seq + len(events)),
        rows,
        b",".join(event.body for event in events),
        [len(event.body) + 1 for event in events],
        [event.time_ms or 0 for event in events],
    )


def rows_of(items: Sequence[Event | Filtered]) -> MappedRows:
    """The same consecutive rows together."""
    events = [item for item in items if isinstance(item, Event)]
    if len(events) == len(items):
        run = run_of(events)
        return MappedRows(run.seqs[0], run.rows, run)
    rows = KeptRows(
        [item.origin.row.line for item in items],
        [item.origin.row.fields for item in items if isinstance(item.origin.row, Record)],
    )
    reasons = [item.reason if isinstance(item, Filtered) else None for item in items]
    taken = [at for at, reason in enumerate(reasons) if reason is None]
    seq = items[0].origin.seq
    run = PackedEvents(
        0,
        [seq + at for at in taken],
        rows.only(taken),
        b",".join(event.body for event in events),
        [len(event.body) + 1 for event in events],
        [event.time_ms or 0 for event in events],
    )
    return MappedRows(seq, rows, run, reasons)


def together(*events: Event) -> Events:
    return Events([events] if events else [])
