"""Pure: which rows the clock and the pace will make too old, said before it is too late."""

from __future__ import annotations

from typing import Final

from ours_cli.events.event import Event
from ours_cli.events.event_run import MappedRows
from ours_cli.mapping.validate import Window
from ours_cli.wording.durations import DAY_MS

CLOCK_SKEW_S: Final = 60.0
"""Seconds by which clocks may differ before the person is warned."""

FORECAST_RATE_MAX: Final = 10_000.0
"""Events per second up to which reading everything beforehand costs little compared with the run itself."""


def clock_warning(skew_s: float) -> str | None:
    """Contract: `time` is judged by the server's clock, so one that disagrees rejects good rows.

    `skew_s` is how far the server's clock is ahead.
    """
    if abs(skew_s) <= CLOCK_SKEW_S:
        return None
    ahead = "ahead of" if skew_s > 0 else "behind"
    return (
        f"the server's clock is {abs(skew_s):,.0f} s {ahead} this machine's: times are judged by the server's"
    )


class AgeingRows:
    """Counts the events that, at `rate` events per second, are too old for the API when their turn comes.

    `began_s` is how many seconds ago the run began: the rate is then measured, not given by `--rate`.
    """

    def __init__(self, rate: float, window: Window, began_s: float | None = None) -> None:
        self._rate = rate
        self._is_measured = began_s is not None
        self._max_age_ms = window.max_age_ms
        self._begin_ms = window.now_ms() - (began_s or 0.0) * 1000
        self._events = 0
        self._late = 0

    def enter(self, item: object) -> None:
        """Enter the run's next item; only events take a turn."""
        if isinstance(item, MappedRows):
            for time_ms in item.events.times:
                self._enter(time_ms)
        elif isinstance(item, Event):
            self._enter(item.time_ms)

    def _enter(self, time_ms: int | None) -> None:
        turn_ms = self._begin_ms + self._events / self._rate * 1000
        self._events += 1
        if time_ms is not None and self._max_age_ms is not None:
            self._late += turn_ms - time_ms > self._max_age_ms

    def warning(self) -> str | None:
        """What the person should know before starting; None when all rows will be in time."""
        if not self._late:
            return None
        assert self._max_age_ms is not None
        lasts, days = _span(self._events / self._rate), self._max_age_ms / DAY_MS
        speed, remedy = f"at --rate {self._rate:g}", "a higher --rate, or the oldest rows first"
        if self._is_measured:
            speed, remedy = f"at its present speed ({self._rate:.3g} events/s)", "send the oldest rows first"
        return (
            f"{speed} this run lasts {lasts}, and {self._late:,} rows will be older than"
            f" {days:g} days when their turn comes: {remedy}"
        )


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
