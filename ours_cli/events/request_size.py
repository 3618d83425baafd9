"""Pure: how much a request may hold, learned from what the server takes and from its 413s."""

from __future__ import annotations

import sys
from typing import Final

PROOFS: Final = 16
"""Full requests in a row that the server must take before larger ones are tried."""


class RequestSize:
    """How much the requests may hold from now on: `events`, and no more bytes than `allows` says.

    They hold `first` events to begin with, and `most` once all goes well: a request costs this process as
    much again as its events do, so a long run sends fewer and larger ones. The first larger one that fails,
    for whatever reason, ends that for good: its events and all later ones travel by `first` again.

    `size` and `envelope` are in bytes: of a whole request, and of what it adds around its events. Elsewhere
    a size is that of the events.

    A 413 without a number leaves open whether events or bytes were too many. So a request then counts as
    too large only where it exceeds half of a refused one in both: a few huge rows must not make a million
    small ones travel one by one.
    """

    def __init__(
        self, first: int, most: int | None = None, size: int = sys.maxsize, envelope: int = 0
    ) -> None:
        self.events = first
        self._first = first
        self._most = first if most is None else most
        self._proofs = 0
        self._size = size - envelope
        self._envelope = envelope
        self._either = (sys.maxsize, self._size)
        self._taken = (0, 0)

    def allows(self, events: int, size: int) -> bool:
        """Whether a request with these may be sent as it is; one row always may."""
        if events == 1:
            return True
        fits_either = events <= self._either[0] or size <= self._either[1]
        return fits_either and events <= self.events and size <= self._size

    def is_trial(self, events: int) -> bool:
        """Whether so many are more than a request holds to begin with: the server need not take them."""
        return events > self._first

    def taken(self, events: int, size: int) -> None:
        """A request with these was answered row by row."""
        if events >= self.events:
            self._proofs += 1
        if self._proofs >= PROOFS:
            self.events = self._most
        self._taken = (max(self._taken[0], events), max(self._taken[1], size))

    def failed(self, events: int) -> None:
        """A request with so many failed as a whole."""
        self._proofs = 0
        if self.is_trial(events):
            self._cap(self._first)

    def refused(self, events: int, size: int, limit: int | None) -> None:
        """A 413 for these. Whether `limit` counts events or bytes is unknown (contract: 413), so it is
        taken for whichever of the two it can be; not for less than the server has taken."""
        if limit is not None and self._taken[0] <= limit < events:
            self._cap(limit)
        elif limit is not None and self._taken[1] <= limit - self._envelope < size:
            self._size = min(self._size, limit - self._envelope)
        elif self.is_trial(events):
            self.failed(events)
        else:
            self._either = (min(self._either[0], events // 2), min(self._either[1], size // 2))

    def _cap(self, events: int) -> None:
        self._most = min(self._most, events)
        self.events = min(self.events, events)
