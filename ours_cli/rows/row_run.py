"""What `batch`, `backfill` and `identify FILE` share: settle everything, run the pipeline, report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ours_cli.console import Console
from ours_cli.destination import Destination, destination
from ours_cli.errors import OursError
from ours_cli.garbage import collect_as_usual
from ours_cli.mapping.field_mapping import RowMapping
from ours_cli.record import Table
from ours_cli.report_file import check_report
from ours_cli.reports.rejects import Rejects
from ours_cli.rows.pace import Pace
from ours_cli.rows.row_end import Ended, close_rejects, end_attempt, enter_other_shards
from ours_cli.rows.row_forecast import forecast, look_ahead, may_age
from ours_cli.rows.row_plan import (
    Prepared,
    RowRun,
    batch_events,
    checked,
    named_again,
    stated_limit,
    worker_count,
)
from ours_cli.rows.row_progress import progress
from ours_cli.rows.row_report import make_report, publish
from ours_cli.rows.row_sources import RowSources
from ours_cli.rows.run_choice import choose_run, replace_run
from ours_cli.rows.run_context import new_run_id
from ours_cli.runs.replay import SourceChangedError
from ours_cli.settings import Endpoint
from ours_cli.time_survey import settle_times

if TYPE_CHECKING:
    from ours_cli.pipeline import Observer, Plan
    from ours_cli.runs.attempt import Attempt
    from ours_cli.workers.worker_pool import Workers


def execute(run: RowRun) -> int:
    """Run it and print the result; returns the exit code. Raises `OursError` before anything is sent."""
    collect_as_usual()
    console = Console(quiet=run.flags.showing.quiet, verbose=run.flags.showing.verbose)
    run = checked(run)
    check_report(run.flags.batching.report)
    if (again := named_again(run)) is not None:
        console.note(again)
    sources = RowSources(run.sources, run.read)
    trial = run.prepare(new_run_id())
    sources.check(trial.mapping)
    if run.flags.target.dry_run:
        from ours_cli.rows.dry_run import dry_run

        reader = trial.context.times.reader
        reader.settle(settle_times(sources, trial.mapping, reader.rules, run.limit))
        return dry_run(run, sources, trial, console)
    with destination(run.flags.target, trial.context.window.max_age_ms) as target:
        attempt = choose_run(run, sources, target, console)
        ended = _attempt(run, sources, target, console, attempt)
        while ended.superseded:
            # The files of a finished run were replaced: that is a new run, and nothing was sent of it yet.
            attempt = replace_run(run, sources, target, console, attempt.run_id)
            ended = _attempt(run, sources, target, console, attempt)
        if ended.is_refused:
            assert ended.error is not None
            raise ended.error
        unwritten = publish(run, ended.report, target, console)
    found = (_imbalance(ended), ended.error, unwritten)
    errors = [error for error in found if error is not None]
    for error in errors:
        console.error(error)
    return int(errors[0].exit_code) if errors else ended.exit_code


def _imbalance(ended: Ended) -> OursError | None:
    if ended.report.books.balance():
        return None
    return OursError(
        "a bug in ours: the books do not balance", hint="please report it, with the report above"
    )


def _tables(run: RowRun, sources: RowSources, prepared: Prepared, attempt: Attempt) -> Iterator[Table]:
    """The sources, opened one by one; a pipe once its first rows have shown how it writes times.

    A pipe may be silent for long, so it is waited for here, where the run can be stopped.
    """
    if sources.may_block:
        reader = prepared.context.times.reader
        times = settle_times(sources, prepared.mapping, reader.rules, run.limit, attempt.times)
        reader.settle(times)
        attempt.pin(times)
    yield from prepared.tables(sources.tables())


def _attempt(
    run: RowRun, sources: RowSources, target: Destination, console: Console, attempt: Attempt
) -> Ended:
    with attempt:
        look_ahead(run, sources, attempt, console)
        prepared = run.prepare(attempt.run_id)
        prepared.context.times.reader.settle(attempt.times)
        if (shard := prepared.shard) is not None:
            attempt.replay.is_cut = lambda: shard.is_cut
        tables = _tables(run, sources, prepared, attempt)
        sizes = batch_events(run, stated_limit(run, target.endpoint.base_url, console))
        started = time.monotonic()
        # Workers fork before the bar takes the terminal's signals: they must not inherit its handlers.
        with _workers(run, sources, prepared.mapping) as helping, progress(run, sources, console) as observer:
            # The sending code loads after the fork: workers do not need it, and each would pay its memory.
            from ours_cli.pipeline import run as run_pipeline

            rejects = _rejects(run, attempt, observer)
            plan = _plan(run, sources, tables, prepared.mapping, target.endpoint, helping, sizes)
            pace = Pace(observer, lambda *measured: forecast(run, sources, attempt, *measured))
            try:
                result = run_pipeline(plan, attempt, rejects, pace if may_age(run, sources) else observer)
            finally:
                pace.close()
        duration = time.monotonic() - started
        close_rejects(rejects, result)
        enter_other_shards(run, result, prepared)
        replaced = isinstance(result.error, SourceChangedError) and not result.traffic.requests
        if replaced and attempt.was_finished and sources.can_be_read_again:
            return Ended(make_report(run, attempt, result, duration), result.error, superseded=True)
        return end_attempt(run, attempt, result, prepared, rejects, duration, console)


def _rejects(run: RowRun, attempt: Attempt, observer: Observer) -> Rejects:
    """The rejects of an attempt; what was moved out of their way is told at once."""
    path, known = run.flags.batching.rejects, attempt.known_rejects
    rejects = Rejects(path, attempt.folder, known, note=attempt.begin_rejects)
    for remark in rejects.take_remarks():
        observer.warn(remark)
    return rejects


def _workers(run: RowRun, sources: RowSources, mapping: RowMapping) -> AbstractContextManager[Workers | None]:
    count = worker_count(run.settings.workers, sources.size)
    if not count:
        return nullcontext()
    from ours_cli.workers.worker_pool import Workers

    return Workers(count, mapping)


def _plan(
    run: RowRun,
    sources: RowSources,
    tables: Iterator[Table],
    mapping: RowMapping,
    endpoint: Endpoint,
    helping: Workers | None,
    sizes: tuple[int, int],
) -> Plan:
    # httpx and asyncio load here: only what sends pays for them.
    from ours_cli.pipeline import Plan
    from ours_cli.sending.delivery import GIVE_UP_AFTER_S, DeliveryOptions

    sending, batching, settings = run.flags.sending, run.flags.batching, run.settings
    return Plan(
        tables=tables,
        mapping=mapping,
        route=run.route,
        endpoint=endpoint,
        options=DeliveryOptions(
            batch_events=sizes[0],
            batch_events_max=sizes[1],
            batch_bytes=batching.batch_bytes,
            concurrency=settings.concurrency,
            rate=settings.rate,
            timeout=sending.timeout,
            give_up_after=sending.give_up_after or GIVE_UP_AFTER_S,
            ca_file=Path(sending.ca_file) if sending.ca_file else None,
        ),
        limit=run.limit,
        canary=batching.canary,
        max_rejects=settings.max_rejects,
        expect=batching.expect if settings.shard is None else None,  # of all rows: see `enter_other_shards`
        blocking=sources.may_block,
        workers=helping,
        flush_every=batching.flush_every,
    )
