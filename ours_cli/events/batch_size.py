"""Pure: how many events a request may hold, learned from what the server takes."""

from __future__ import annotations

from typing import Final

PROOFS: Final = 16
"""Full requests in a row that the server must take before larger ones are tried."""


class BatchSize:
    """How many events the chunks may hold that are cut from now on: `first`, and `most` once all goes well.

    A request costs this process as much again as its events do, so a long run sends fewer and larger ones.
    The first larger one that fails, for whatever reason, ends that for good: its events and all later ones
    travel by `first` again.
    """

    def __init__(self, first: int, most: int | None = None) -> None:
        self.events = first
        self._first = first
        self._most = first if most is None else most
        self._proofs = 0

    def is_trial(self, events: int) -> bool:
        """Whether so many are more than a request holds to begin with."""
        return events > self._first

    def taken(self, events: int) -> None:
        """A request with so many was answered row by row."""
        if events >= self.events:
            self._proofs += 1
        if self._proofs >= PROOFS:
            self.events = self._most

    def failed(self, events: int) -> None:
        """A request with so many failed as a whole."""
        self._proofs = 0
        if self.is_trial(events):
            self.cap(self._first)

    def cap(self, events: int) -> None:
        """More than this must not be tried again."""
        self._most = min(self._most, events)
        self.events = min(self.events, events)
