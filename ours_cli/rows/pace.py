"""Measures how fast a run is, and then has its rows looked at: which of them will come too late?

Reading ahead is done in a thread, so that the run is not held up, and for slow runs only: at `SLOW_RATE` it
costs a few per cent of what sending does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from ours_cli.events.outcome import Traffic
    from ours_cli.reports.report import Books

AFTER_S: Final = 60.0
"""Seconds after which the speed so far is taken for that of the run; shorter runs get no forecast."""
SLOW_RATE: Final = 2_000.0
"""Events per second above which no row ages much while a run lasts."""

Forecast: TypeAlias = "Callable[[float, float, Callable[[], bool]], str | None]"
"""From events per second, seconds since the run began, and whether to stop looking, to a warning."""

now_s: Callable[[], float] = time.monotonic


class Pace:
    """Gives the forecast's warning to `warn`, when there is one; see `pipeline.Watcher`."""

    def __init__(self, forecast: Forecast, warn: Callable[[str], None]) -> None:
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
            if traffic.accepted and (elapsed := now_s() - self._began) >= AFTER_S:
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
        if rate <= SLOW_RATE:
            self._thread = threading.Thread(target=look, daemon=True)
            self._thread.start()
