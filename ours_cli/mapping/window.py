"""The API's time window: which times it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from ours_cli.mapping.validate import Fault
from ours_cli.wording.durations import DAY_MS


class Window(NamedTuple):
    """The times the API takes: in the past, and no older than `max_age_ms` (None: any age)."""

    max_age_ms: int | None
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def begin_ms(self) -> int | None:
        """The oldest time that is taken now, or None where any is."""
        return None if self.max_age_ms is None else self.now_ms() - self.max_age_ms

    def check(self, time_ms: int) -> Fault | None:
        """Judge one time in milliseconds since the epoch (contract: `time`)."""
        age = self.now_ms() - time_ms
        if age < 0:
            return Fault("outside_window", "the time lies in the future")
        if self.max_age_ms is not None and age > self.max_age_ms:
            days = self.max_age_ms / DAY_MS
            return Fault("outside_window", f"the time is older than the {days:g} days that the API takes")
        return None
