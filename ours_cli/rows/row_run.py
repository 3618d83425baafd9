"""What `batch`, `backfill` and `identify FILE` share: settle everything, run the pipeline, report."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ours_cli.assembly.field_mapping import RowMapping
from ours_cli.cli.failed_result import failure
from ours_cli.console import Console
from ours_cli.destination import Destination, destination
from ours_cli.errors import OursError
from ours_cli.files.report_file import check_report
from ours_cli.options import Output
from ours_cli.process.memory import collect_as_usual
from ours_cli.process.signals import holding_signals, interruptible
from ours_cli.record import Table
from ours_cli.rejects.rejects import Rejects
from ours_cli.reports.report import Report
from ours_cli.reports.report_text import report_text
from ours_cli.rows.flag_checks import checked, named_again
from ours_cli.rows.late_rows import look_ahead
from ours_cli.rows.publish import publish
from ours_cli.rows.row_command import Prepared, RowRun
from ours_cli.rows.row_sources import RowSources
from ours_cli.rows.run_closing import RunClosing, RunOutcome
from ours_cli.rows.run_context import new_run_id
from ours_cli.rows.run_size import batch_events, worker_count
from ours_cli.rows.time_survey import settle_times
from ours_cli.sending.authorities import check_ca_file

if TYPE_CHECKING:
    from ours_cli.pipeline import Observer, Plan
    from ours_cli.runs.attempt import Attempt
    from ours_cli.workers.worker_pool import Workers


def execute(run: RowRun) -> int:
    """Run it and print the result; returns the exit code.

    Raises `OursError` before anything is sent, and where a signal comes before the result does.
    """
    collect_as_usual()
    run = checked(run)
    check_report(run.flags.batching.report)
    try:
        with interruptible():
            return _execute(run)
    except OursError as error:
        error.may_replace_report = True
        raise


def _execute(run: RowRun) -> int:
    console = Console(quiet=run.flags.showing.quiet, verbose=run.flags.showing.verbose)
    if run.flags.showing.output is Output.json:
        to = 2 if run.flags.batching.rejects == "-" else 1
        console.last_result = lambda error: (to, failure(run.command, "interrupted", error))
    if (again := named_again(run)) is not None:
        console.note(again)
    if "-" in run.sources:
        console.note_typing("the rows")
    sources = RowSources(run.sources, run.read)
    trial = run.prepare(new_run_id())
    sources.check(trial.mapping)
    if run.flags.target.dry_run:
        check_ca_file(run.flags.sending.ca_file)
        with holding_signals():
            from ours_cli.rows.dry_run import dry_run

        reader = trial.context.times.reader
        reader.settle(settle_times(sources, trial.mapping, reader.rules, run.limit))
        return dry_run(run, sources, trial, console, _progress(run, sources, console))
    with destination(run.flags.target, trial.context.window.max_age_ms) as target:
        outcome = _Session(run, sources, target, console).send()
        receipt, report = target.receipt(), outcome.report
    return publish(
        run,
        report.to_json(),
        lambda width: report_text(report, target.name, receipt, width),
        (_imbalance(report), outcome.error),
        console,
    )


def _progress(run: RowRun, sources: RowSources, console: Console) -> AbstractContextManager[Observer]:
    """The observer of a run that its flags and the terminal call for."""
    wanted = run.progress
    if wanted is None and run.flags.batching.rejects == "-" and sys.stdout.isatty():
        wanted = False  # rejects come onto the same screen, and would tear the bar
    limit, shard = run.limit, run.settings.shard
    if limit is not None and shard is not None:
        limit = ceil(shard.share(limit))  # it is of all rows
    return console.progress(len(run.sources), sources.size, limit=limit, wanted=wanted)


def _imbalance(report: Report) -> OursError | None:
    if report.books.balance():
        return None
    return OursError(
        "a bug in ours: the books do not balance", hint="please report it, with the report above"
    )


class _Session(NamedTuple):
    """A command that sends: what all its attempts have in common."""

    run: RowRun
    sources: RowSources
    target: Destination
    console: Console

    def send(self) -> RunOutcome:
        """Send with an earlier run or a new one; raises `OursError` where nothing could be begun."""
        with holding_signals():
            from ours_cli.rows.run_choice import RunChoice

        choice = RunChoice(*self)
        attempt = choice.choose()
        while (outcome := self._attempt(attempt)) is None:
            attempt = choice.choose(but=attempt.run_id)
        if outcome.is_refused:
            assert outcome.error is not None
            raise outcome.error
        return outcome

    def _attempt(self, attempt: Attempt) -> RunOutcome | None:
        """How it ended; None where a finished run's files were replaced: nothing of that new run was sent."""
        run, sources, console = self.run, self.sources, self.console
        with attempt:
            look_ahead(run, sources, attempt, console)
            prepared = run.prepare(attempt.run_id)
            prepared.context.times.reader.settle(attempt.times)
            if (shard := prepared.shard) is not None:
                attempt.replay.is_cut = lambda: shard.is_cut
            started = time.monotonic()
            # Workers fork before the bar takes the terminal's signals: they must not inherit its handlers.
            with self._workers(prepared.mapping) as helping, _progress(run, sources, console) as observer:
                # The sending code loads after the fork: workers do not need it, and would pay its memory.
                with holding_signals():
                    from ours_cli.pipeline import run as run_pipeline

                rejects = self._rejects(attempt)
                plan = self._plan(attempt, prepared, helping)
                result = run_pipeline(plan, attempt, rejects, observer)
            duration = time.monotonic() - started
            closing = RunClosing(run, attempt, prepared, rejects, result, duration, console)
            closing.close_rejects()
            return None if closing.is_of_other_rows and not sources.may_block else closing.end()

    def _tables(self, prepared: Prepared, attempt: Attempt) -> Iterator[Table]:
        """The sources, opened one by one; a pipe once its first rows have shown how it writes times.

        A pipe may be silent for long, so it is waited for here, where the run can be stopped.
        """
        if self.sources.may_block:
            reader = prepared.context.times.reader
            times = settle_times(self.sources, prepared.mapping, reader.rules, self.run.limit, attempt.times)
            reader.settle(times)
            attempt.pin(times)
        yield from prepared.tables(self.sources.tables())

    def _rejects(self, attempt: Attempt) -> Rejects:
        """The rejects of an attempt; what was moved out of their way is told at once."""
        path, known = self.run.flags.batching.rejects, attempt.known_rejects
        rejects = Rejects(path, attempt.folder, known, attempt.begin_rejects)
        for remark in rejects.take_remarks():
            self.console.warn(remark)
        return rejects

    def _workers(self, mapping: RowMapping) -> AbstractContextManager[Workers | None]:
        count = worker_count(self.run.settings.workers, self.sources.size)
        if not count:
            return nullcontext()
        from ours_cli.workers.worker_pool import Workers

        return Workers(count, mapping)

    def _plan(self, attempt: Attempt, prepared: Prepared, helping: Workers | None) -> Plan:
        # httpx and asyncio load here: only what sends pays for them.
        from ours_cli.pipeline import Plan
        from ours_cli.sending.delivery import GIVE_UP_AFTER_S, DeliveryOptions

        run, settings = self.run, self.run.settings
        sending, batching = run.flags.sending, run.flags.batching
        at_first, at_most = batch_events(run)
        return Plan(
            tables=self._tables(prepared, attempt),
            mapping=prepared.mapping,
            route=run.route,
            endpoint=self.target.endpoint,
            options=DeliveryOptions(
                batch_events=at_first,
                batch_events_max=at_most,
                batch_bytes=batching.batch_bytes,
                concurrency=settings.concurrency,
                rate=settings.rate,
                timeout=sending.deadline,
                give_up_after=sending.give_up_after or GIVE_UP_AFTER_S,
                ca_file=Path(sending.ca_file) if sending.ca_file else None,
            ),
            limit=run.limit,
            canary=batching.canary,
            max_rejects=settings.max_rejects,
            expect=batching.expect if settings.shard is None else None,  # of all rows: see `RunClosing`
            blocking=self.sources.may_block,
            workers=helping,
            flush_every=batching.flush_every,
        )
