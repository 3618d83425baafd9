"""Events → chunks, cut on count or serialized bytes, whichever comes first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ours_cli.events.event import Event
from ours_cli.events.packed_events import Events, PackedEvents
from ours_cli.events.request_size import RequestSize

_COMMA = 1


class Chunk(NamedTuple):
    """Events that travel in one request. `size` is the bytes of their bodies, commas included.

    `is_full`: it has as many events as it may have, so bytes do not matter.
    """

    events: Events
    size: int
    is_full: bool = False

    def halves(self) -> tuple[Chunk, Chunk]:
        """Split in two, in order; only for chunks of two events or more."""
        middle = len(self.events) // 2
        return chunk_of(self.events[:middle]), chunk_of(self.events[middle:])


def chunk_of(events: Events) -> Chunk:
    """Make a chunk of exactly these events."""
    return Chunk(events, len(events.bodies()))


class Chunker:
    """Collects events and hands out a chunk when one more event would exceed a limit.

    An event larger than `max_bytes` travels alone: only the server can say whether that is too large.
    `max_bytes` counts the bodies and commas; the caller subtracts the request's envelope. `request_size` may
    change at any time: what it is when a chunk begins holds for that chunk.
    """

    def __init__(self, request_size: RequestSize, max_bytes: int) -> None:
        self._max_events = request_size.events
        self.request_size = request_size
        self._max_bytes = max_bytes
        self._parts: list[PackedEvents | list[Event]] = []
        self._count = 0
        self._size = 0

    @property
    def has_events(self) -> bool:
        """Whether it holds any."""
        return self._count > 0

    def add(self, event: Event) -> Chunk | None:
        """Take one event; returns a full chunk when this event completes one or begins the next."""
        size = len(event.body)
        full = None
        if self._count:
            size += _COMMA
            if self._size + size > self._max_bytes:
                full = self.flush()
                size -= _COMMA
        self._begin()
        if not self._parts or isinstance(self._parts[-1], PackedEvents):
            self._parts.append([])
        last = self._parts[-1]
        assert isinstance(last, list)
        last.append(event)
        self._size += size
        self._count += 1
        if self._count >= self._max_events and full is None:
            return self.flush()
        return full

    def add_all(self, run: PackedEvents) -> Iterator[tuple[PackedEvents, Chunk | None]]:
        """Take many; yields the events that went in before the next chunk was full, with that chunk.

        The same as `add` for each: the last pair may lack a chunk, and there are no events in a pair where
        not even the first of them fitted.
        """
        start = 0
        while start < len(run):
            self._begin()
            part = run.part(start, min(len(run), start + self._max_events - self._count))
            comma = _COMMA if self._count else 0
            fitting = part.fitting(self._max_bytes - self._size - comma) or (0 if self._count else 1)
            part = part.part(0, fitting)
            if fitting:
                self._parts.append(part)
                self._size += len(part.bodies) + comma
                self._count += fitting
                start += fitting
            is_full = self._count >= self._max_events or start < len(run)
            yield part, self.flush() if is_full else None

    def _begin(self) -> None:
        if not self._count:
            self._max_events = self.request_size.events

    def flush(self) -> Chunk | None:
        """Return what is held, if anything."""
        if not self._count:
            return None
        chunk = Chunk(Events(self._parts), self._size, self._count >= self._max_events)
        self._parts, self._count, self._size = [], 0, 0
        return chunk
