"""Rows that come too late: those too old for the API when their turn comes, said while something can be done.

With `--rate` the speed of a run is known before it starts. Else its first minute tells; the rows are then
read ahead in a thread, so that the run is not held up, and of slow runs only: at `_SLOW_RATE` that costs a
few per cent of what sending does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from ours_cli.console import Console
from ours_cli.errors import OursError
from ours_cli.events.event import Event
from ours_cli.events.mapped_rows import MappedRows
from ours_cli.mapping.validate import Window
from ours_cli.rows.row_command import RowRun
from ours_cli.rows.row_sources import RowSources
from ours_cli.sending.route import IDENTIFY
from ours_cli.wording.durations import DAY_MS

if TYPE_CHECKING:
    from ours_cli.events.outcome import Traffic
    from ours_cli.pipeline import Watcher
    from ours_cli.reports.report import Books
    from ours_cli.runs.attempt import Attempt

_FORECAST_RATE_MAX: Final = 10_000.0
"""Events per second up to which reading everything beforehand costs little compared with the run itself."""

_AFTER_S: Final = 60.0
"""Seconds after which the speed so far is taken for that of the run; shorter runs get no forecast."""

_SLOW_RATE: Final = 2_000.0
"""Events per second above which no row ages much while a run lasts."""

_Forecast: TypeAlias = "Callable[[float, float, Callable[[], bool]], str | None]"
"""From events per second, seconds since the run began, and whether to stop looking, to a warning."""

now_s: Callable[[], float] = time.monotonic


def look_ahead(run: RowRun, sources: RowSources, attempt: Attempt, console: Console) -> None:
    """Warn, before a slow run starts, of the rows that it would reach too late."""
    rate = run.settings.rate
    if rate is None or rate > _FORECAST_RATE_MAX or sources.may_block:
        return
    if (warning := _forecast(run, sources, attempt, rate)) is not None:
        console.warn(warning)


@contextmanager
def watching(run: RowRun, sources: RowSources, attempt: Attempt, console: Console) -> Iterator[list[Watcher]]:
    """Watch how fast a run is, and warn once of the rows that it will reach too late."""
    # With `--rate`, that was looked at before the start.
    if run.flags.batching.rate is not None or run.route is IDENTIFY or sources.may_block:
        yield []
        return
    watch = LateRowsWatch(lambda *measured: _forecast(run, sources, attempt, *measured), console.warn)
    try:
        yield [watch.books]
    finally:
        watch.close()


class LateRowsWatch:
    """Gives the forecast's warning to `warn`, once, when there is one."""

    def __init__(self, forecast: _Forecast, warn: Callable[[str], None]) -> None:
        self._forecast = forecast
        self._warn = warn
        self._began = now_s()
        self._has_looked = False
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._warning: str | None = None

    def books(self, _: Books, traffic: Traffic) -> None:
        """The books moved: by now the speed may be known, or the forecast made."""
        if not self._has_looked:
            if traffic.accepted and (elapsed := now_s() - self._began) >= _AFTER_S:
                self._look(traffic.accepted / elapsed, elapsed)
        elif self._warning is not None:
            self._warn(self._warning)
            self._warning = None

    def close(self) -> None:
        """The run is over: no forecast is needed any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self, rate: float, elapsed: float) -> None:
        def look() -> None:
            # A thread's errors would be printed; the run itself reports what is wrong with the rows.
            with suppress(Exception):
                self._warning = self._forecast(rate, elapsed, self._ended.is_set)

        self._has_looked = True
        if rate <= _SLOW_RATE:
            self._thread = threading.Thread(target=look, daemon=True)
            self._thread.start()


def _forecast(
    run: RowRun,
    sources: RowSources,
    attempt: Attempt,
    rate: float,
    began_s: float | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> str | None:
    """What to warn of if the run goes on at `rate`; None also once nobody waits for it any more."""
    from ours_cli.row_mapping import map_rows

    trial = run.prepare(attempt.run_id)
    if trial.context.window.max_age_ms is None:
        return None
    trial.context.times.reader.settle(attempt.times)
    ageing = AgeingRows(rate, trial.context.window, began_s)
    # The run itself reports what is wrong with the source.
    with suppress(OursError):
        for item in map_rows(
            trial.tables(sources.tables()), trial.mapping, run.limit, lambda *_: None, attempt.rehearsal()
        ):
            if is_over():
                return None
            ageing.enter(item)
    return ageing.warning()


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
