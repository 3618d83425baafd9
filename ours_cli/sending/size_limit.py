"""Pure: how much one request may hold, learned from the server's 413s."""

from __future__ import annotations

import sys

from ours_cli.events.batch_size import BatchSize
from ours_cli.events.chunk import Chunk


class SizeLimit:
    """The batch size in force: what the person allows, made smaller by each 413.

    `events` is shared with whoever cuts the chunks. `size` and `envelope` are in bytes: of a whole request,
    and of what it adds around its events.

    A 413 without a number leaves open whether events or bytes were too many. So a chunk then counts as
    too large only where it exceeds half of a refused one in both: a few huge rows must not make a million
    small ones travel one by one.
    """

    def __init__(self, events: BatchSize, size: int, envelope: int) -> None:
        self._events = events
        self._size = size - envelope
        self._envelope = envelope
        self._either = (sys.maxsize, self._size)
        self._taken = (0, 0)

    def allows(self, chunk: Chunk) -> bool:
        """Whether the chunk may be sent as it is; one row always may."""
        count, size = len(chunk.events), chunk.size
        if count == 1:
            return True
        fits_either = count <= self._either[0] or size <= self._either[1]
        return fits_either and count <= self._events.events and size <= self._size

    def is_trial(self, chunk: Chunk) -> bool:
        """Whether the chunk is larger than chunks were at first: the server need not take it."""
        return self._events.is_trial(len(chunk.events))

    def taken(self, chunk: Chunk) -> None:
        """The server answered row by row."""
        count, size = len(chunk.events), chunk.size
        self._events.taken(count)
        self._taken = (max(self._taken[0], count), max(self._taken[1], size))

    def failed(self, chunk: Chunk) -> None:
        """The request failed as a whole, for another reason than a 413."""
        self._events.failed(len(chunk.events))

    def learn(self, chunk: Chunk, limit: int | None) -> None:
        """A 413 for this chunk. Whether `limit` counts events or bytes is unknown (contract: 413), so it is
        taken for whichever of the two it can be; not for less than the server has taken."""
        count, size = len(chunk.events), chunk.size
        if limit is not None and self._taken[0] <= limit < count:
            self._events.cap(limit)
        elif limit is not None and self._taken[1] <= limit - self._envelope < size:
            self._size = min(self._size, limit - self._envelope)
        elif self.is_trial(chunk):
            self.failed(chunk)
        else:
            self._either = (min(self._either[0], count // 2), min(self._either[1], size // 2))
