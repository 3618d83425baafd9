"""Events → chunks, cut on count or serialized bytes, whichever comes first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from ours_cli.event import Event

_COMMA = 1


class Chunk(NamedTuple):
    """Events that travel in one request. `size` is the bytes of their bodies with commas between them."""

    events: list[Event]
    size: int

    def halves(self) -> tuple[Chunk, Chunk]:
        """Split in two, in order; only for chunks of two events and more."""
        middle = len(self.events) // 2
        return chunk_of(self.events[:middle]), chunk_of(self.events[middle:])


def chunk_of(events: list[Event]) -> Chunk:
    """Make a chunk of exactly these events."""
    return Chunk(events, sum(len(event.body) for event in events) + _COMMA * (len(events) - 1))


class Chunker:
    """Collects events and hands out a chunk when one more event would exceed a limit.

    An event larger than `max_bytes` travels alone: only the server can say whether that is too large.
    `max_bytes` counts the bodies and commas; the caller subtracts the request's envelope.
    """

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._events: list[Event] = []
        self._size = 0

    def add(self, event: Event) -> Chunk | None:
        """Take one event; returns a full chunk when this event completes one or begins the next."""
        events, size = self._events, len(event.body)
        full = None
        if events:
            size += _COMMA
            if self._size + size > self._max_bytes:
                full = self.flush()
                events, size = self._events, size - _COMMA
        self._size += size
        events.append(event)
        if len(events) >= self._max_events and full is None:
            return self.flush()
        return full

    def add_all(self, events: list[Event]) -> Iterator[tuple[list[Event], Chunk | None]]:
        """Take many; yields how many went in before the next chunk was full, and that chunk.

        As `add` one by one: the last pair may have no chunk, and a pair may have none of the events, where
        the first of them did not fit.
        """
        start = 0
        while start < len(events):
            part = events[start : start + self._max_events - len(self._events)]
            sizes = [len(event.body) + _COMMA for event in part]
            room = self._max_bytes - self._size + (0 if self._events else _COMMA)
            if sum(sizes) > room:
                fitting = bisect_right(list(accumulate(sizes)), room)
                part = part[: fitting or (0 if self._events else 1)]
                sizes = sizes[: len(part)]
            if part:
                self._size += sum(sizes) - (0 if self._events else _COMMA)
                self._events += part
                start += len(part)
            is_full = len(self._events) >= self._max_events or start < len(events)
            yield part, self.flush() if is_full else None

    def flush(self) -> Chunk | None:
        """Return what is held, if anything."""
        if not self._events:
            return None
        chunk = Chunk(self._events, self._size)
        self._events, self._size = [], 0
        return chunk
