"""Rows that come too late: at `--rate`, some are too old for the API when their turn comes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ours_cli.console import Console
from ours_cli.errors import OursError
from ours_cli.events.event import Event
from ours_cli.events.mapped_rows import MappedRows
from ours_cli.mapping.validate import Window
from ours_cli.rows.row_command import RowRun
from ours_cli.rows.row_sources import RowSources
from ours_cli.wording.durations import age_text

if TYPE_CHECKING:
    from ours_cli.runs.attempt import Attempt

_FORECAST_RATE_MAX: Final = 10_000.0
"""Events per second up to which reading everything beforehand costs little compared with the run itself."""


def look_ahead(run: RowRun, sources: RowSources, attempt: Attempt, console: Console) -> None:
    """Warn, before a slow run starts, of the rows that it would reach too late."""
    rate = run.settings.rate
    if rate is None or rate > _FORECAST_RATE_MAX or sources.may_block:
        return
    if (warning := _forecast(run, sources, attempt, rate)) is not None:
        console.warn(warning)


def _forecast(run: RowRun, sources: RowSources, attempt: Attempt, rate: float) -> str | None:
    """What to warn of if the run goes at `rate`."""
    from ours_cli.row_mapping import map_rows

    trial = run.prepare(attempt.run_id)
    if trial.context.window.max_age_ms is None:
        return None
    trial.context.times.reader.settle(attempt.times)
    ageing = AgeingRows(rate, trial.context.window)
    # The run itself reports what is wrong with the source.
    with suppress(OursError):
        for item in map_rows(
            trial.tables(sources.tables()), trial.mapping, run.limit, lambda *_: None, attempt.look_ahead()
        ):
            ageing.enter(item)
    return ageing.warning()


class AgeingRows:
    """Counts the events that, at `rate` events per second, are too old for the API when their turn comes."""

    def __init__(self, rate: float, window: Window) -> None:
        self._rate = rate
        self._max_age_ms = window.max_age_ms
        self._begin_ms = window.now_ms()
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
        lasts, age = _span(self._events / self._rate), age_text(self._max_age_ms)
        return (
            f"at --rate {self._rate:g} this run lasts {lasts}, and {self._late:,} rows will be older than"
            f" {age} when their turn comes: a higher --rate, or the oldest rows first"
        )


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
