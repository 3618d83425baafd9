"""Rejects in the order of the source, whatever the order of the answers.

Answers come in any order, and rejects are written with their block. So a settled block with rejects waits for
the blocks before it, which may still get some; one without is recorded immediately.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from operator import attrgetter
from typing import Final

from ours_cli.runs.blocks import Block

WAITING_MAX: Final = 2_000
"""Rejects that may wait: when an answer takes long, those after it are written all the same."""

_start: Final = attrgetter("start")


class RejectOrder:
    """Hands settled blocks on to `record`. `first_open` is the first row of those that are not settled."""

    def __init__(self, record: Callable[[Block], None], first_open: Callable[[], float]) -> None:
        self._record = record
        self._first_open = first_open
        self._waiting: list[Block] = []
        self._rejects = 0

    def settled(self, block: Block) -> None:
        """A block whose rows all have an outcome; it is not open any more."""
        if block.held:
            block.held = deque(sorted(block.held, key=lambda reject: reject.origin.seq))
            insort(self._waiting, block, key=_start)
            self._rejects += len(block.held)
        else:
            self._record(block)
        self._release(self._first_open())

    def close(self) -> None:
        """Hand on all that wait: the blocks before them are not sent any more."""
        self._release(float("inf"))

    def _release(self, before: float) -> None:
        while self._waiting and (self._waiting[0].start < before or self._rejects > WAITING_MAX):
            block = self._waiting.pop(0)
            self._rejects -= len(block.held or ())
            self._record(block)
