"""Whether a command over rows would send some of them too late: a look at its files beforehand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ours_cli.console import Console
from ours_cli.errors import OursError
from ours_cli.forecast import FORECAST_RATE_MAX, AgeingRows
from ours_cli.rows.row_plan import RowRun
from ours_cli.rows.row_sources import RowSources
from ours_cli.sending.route import IDENTIFY

if TYPE_CHECKING:
    from ours_cli.runs.attempt import Attempt


def look_ahead(run: RowRun, sources: RowSources, attempt: Attempt, console: Console) -> None:
    """Warn, before a slow run starts, of the rows that it would reach too late."""
    pace = run.settings.rate
    if pace is None or pace > FORECAST_RATE_MAX or sources.may_block:
        return
    if (warning := forecast(run, sources, attempt, pace)) is not None:
        console.warn(warning)


def may_age(run: RowRun, sources: RowSources) -> bool:
    """Whether a look ahead at the measured speed makes sense: with `--rate`, it was done before the start."""
    return run.flags.batching.rate is None and run.route is not IDENTIFY and not sources.may_block


def forecast(
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
