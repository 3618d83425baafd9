"""What `batch`, `backfill` and `identify FILE` share: settle everything, run the pipeline, report."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ours_cli.console import Console
from ours_cli.counted import counted
from ours_cli.destination import Destination, destination
from ours_cli.dry_run import dry_run
from ours_cli.errors import ExitCode, OursError, SourceError, UsageError
from ours_cli.forecast import FORECAST_RATE_MAX, AgeingRows
from ours_cli.garbage import collect_as_usual
from ours_cli.mapping import RowMapping
from ours_cli.pace import Pace
from ours_cli.record import Table
from ours_cli.rejects import Rejects
from ours_cli.replay import SourceChangedError
from ours_cli.report import Report
from ours_cli.route import IDENTIFY
from ours_cli.row_plan import (
    Prepared,
    RowRun,
    batch_events,
    check_flags,
    concurrency,
    rate,
    rejects_path,
    shard_of,
    sharded,
    stated_limit,
    workers,
)
from ours_cli.row_progress import progress
from ours_cli.row_report import make_report, nothing_read, publish, shard_part
from ours_cli.row_sources import RowSources
from ours_cli.run_context import new_run_id
from ours_cli.run_head import Identity
from ours_cli.safeguards import check_expected, reject_limit
from ours_cli.settings import Endpoint, state_dir
from ours_cli.time_survey import settle_times
from ours_cli.timestamps import Conventions

if TYPE_CHECKING:
    from ours_cli.attempt import Attempt
    from ours_cli.blocks import Block
    from ours_cli.pipeline import Plan, Result
    from ours_cli.run_registry import KnownRun
    from ours_cli.worker_pool import Workers

GIVE_UP_AFTER_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class _Ended:
    """How an attempt ended."""

    report: Report
    error: OursError | None
    superseded: bool

    @property
    def is_refused(self) -> bool:
        """Whether the command could not be obeyed and no row was taken: there is nothing to report."""
        return isinstance(self.error, UsageError) and not self.report.books.read

    @property
    def exit_code(self) -> int:
        if self.error is not None:
            return int(self.error.exit_code)
        return int(ExitCode.REJECTED if self.report.books.rejected else ExitCode.OK)


def execute(run: RowRun) -> int:
    """Run it and print the result; returns the exit code. Raises `OursError` before anything is sent."""
    collect_as_usual()
    console = Console(quiet=run.showing.quiet, verbose=run.showing.verbose)
    check_flags(run)
    run = sharded(run)
    sources = RowSources(run.sources, run.read)
    trial = run.prepare(new_run_id())
    sources.check(trial.mapping)
    if run.target.dry_run:
        reader = trial.context.times.reader
        reader.settle(settle_times(sources, trial.mapping, reader.rules, run.limit))
        return dry_run(run, sources, trial, console)
    with destination(run.target, trial.context.window.max_age_ms) as target:
        ended = _attempt(run, sources, target, console, _find(run, sources, target, console))
        if ended.superseded:
            # The files of a finished run were replaced: that is a new run, and nothing was sent of it yet.
            ended = _attempt(run, sources, target, console, _begin(run, sources, target))
        if ended.is_refused:
            assert ended.error is not None
            raise ended.error
        publish(run, ended.report, target, console)
    if not ended.report.books.balance():
        raise OursError(
            "a bug in ours: the books do not balance", hint="please report it, with the report above"
        )
    if ended.error is not None:
        console.error(ended.error)
    return ended.exit_code


def _find(run: RowRun, sources: RowSources, target: Destination, console: Console) -> Attempt:
    """The attempt that goes on with an earlier run, or begins one."""
    from ours_cli.attempt import Attempt
    from ours_cli.run_registry import find_run, named_run

    def begins_like(known: KnownRun, block: Block) -> bool:
        prepared = run.prepare(known.head.id)
        prepared.context.times.reader.settle(known.head.times)
        return sources.begins_like(block, prepared.rows)

    identity = _identity(run, sources, target)
    runs_dir = state_dir() / "runs"
    if run.target.sandbox:
        return Attempt.unjournaled(runs_dir, _new_id(run), identity, _settle(run, sources, None))
    if run.resuming.resume is not None:
        known = named_run(runs_dir, run.resuming.resume)
        if (known.head.identity.command, known.head.identity.mapping) != (identity.command, identity.mapping):
            raise UsageError(
                f"run {known.head.id} had another mapping or command",
                hint="resume with the flags it was begun with: ours runs show " + known.head.id,
            )
    elif run.resuming.restart:
        return _begin(run, sources, target)
    else:
        found = find_run(runs_dir, identity, begins_like, lambda *found: console.warn(_passed_over(*found)))
        if found is None:
            return _begin(run, sources, target)
        known = found
    if known.head.identity.shard != identity.shard:
        theirs, ours = _part(known.head.identity.shard), _part(identity.shard)
        raise UsageError(
            f"run {known.head.id} is {theirs}, and this command {ours}",
            hint="resume with the flags it was begun with: ours runs show " + known.head.id,
        )
    attempt = Attempt.go_on(known, identity, _settle(run, sources, known.settled_times()))
    console.note(
        f"going on with run {attempt.run_id}: {counted(attempt.done_rows, 'row is', 'rows are')} done"
    )
    return attempt


def _passed_over(run: KnownRun, error: SourceError) -> str:
    from ours_cli.journal import OtherVersionError

    why, what_else = "is damaged", ""
    if isinstance(error, OtherVersionError):
        why, what_else = "was written by another version of ours", "that version can go on with it, and "
    return (
        f"run {run.head.id}, of other files, is unfinished and its journal {why};"
        f" {what_else}ours runs delete {run.head.id} removes it"
    )


def _part(shard: str) -> str:
    return f"of shard {shard}" if shard else "of all rows"


def _new_id(run: RowRun) -> str:
    shard = shard_of(run)
    return new_run_id() + (shard.suffix() if shard else "")


def _begin(run: RowRun, sources: RowSources, target: Destination) -> Attempt:
    from ours_cli.attempt import Attempt

    identity, times = _identity(run, sources, target), _settle(run, sources, None)
    return Attempt.begin(state_dir() / "runs", _new_id(run), identity, tuple(sys.argv[1:]), times)


def _settle(run: RowRun, sources: RowSources, pinned: Conventions | None) -> Conventions:
    """How the files write their times; `pinned` is what an earlier attempt went by. Pipes: see `_tables`."""
    if sources.may_block:
        return pinned or Conventions()
    trial = run.prepare(new_run_id())
    return settle_times(sources, trial.mapping, trial.context.times.reader.rules, run.limit, pinned)


def _tables(run: RowRun, sources: RowSources, prepared: Prepared, attempt: Attempt) -> Iterator[Table]:
    """The sources, opened one by one; where one is a pipe, once its first rows have told how it writes times.

    A pipe may be silent for long, so it is waited for here, where the run can be stopped.
    """
    if sources.may_block:
        reader = prepared.context.times.reader
        times = settle_times(sources, prepared.mapping, reader.rules, run.limit, attempt.times)
        reader.settle(times)
        attempt.pin(times)
    yield from prepared.tables(sources.tables())


def _identity(run: RowRun, sources: RowSources, target: Destination) -> Identity:
    return Identity(
        command=run.command,
        mapping=_digest(repr(run.fingerprint)),
        endpoint=target.endpoint.base_url,
        token=_digest(target.endpoint.token),
        sources=sources.names,
        shard=str(shard_of(run) or ""),
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12, person=b"ours-cli").hexdigest()


def _attempt(
    run: RowRun, sources: RowSources, target: Destination, console: Console, attempt: Attempt
) -> _Ended:
    from ours_cli.pipeline import run as run_pipeline

    with attempt:
        _look_ahead(run, sources, attempt, console)
        prepared = run.prepare(attempt.run_id)
        prepared.context.times.reader.settle(attempt.times)
        tables = _tables(run, sources, prepared, attempt)
        size = batch_events(run, stated_limit(run, target.endpoint.base_url, console))
        rejects = Rejects(rejects_path(run), attempt.folder, attempt.known_rejects)
        started = time.monotonic()
        with _workers(run, sources, prepared.mapping) as helping, progress(run, sources, console) as observer:
            plan = _plan(run, sources, tables, prepared.mapping, target.endpoint, helping, size)
            pace = Pace(observer, lambda *measured: _forecast(run, sources, attempt, *measured))
            try:
                result = run_pipeline(plan, attempt, rejects, pace if _may_age(run, sources) else observer)
            finally:
                pace.close()
        duration = time.monotonic() - started
        _close(rejects, result)
        _pass_over(run, result, prepared)
        replaced = isinstance(result.error, SourceChangedError) and not result.traffic.requests
        if replaced and attempt.was_finished and sources.can_be_read_again:
            return _Ended(
                make_report(run, attempt, result, [], duration, [], [], None), result.error, superseded=True
            )
        for text in (*prepared.context.warnings(), *prepared.context.left_behind()):
            console.warn(text)
        if result.error is None and (empty := nothing_read(run, result.books)) is not None:
            console.warn(empty)
        decided = prepared.context.decided_flags()
        part = shard_part(run, attempt, result, prepared.shard)
        report = make_report(run, attempt, result, rejects.paths, duration, console.warnings, decided, part)
        if attempt.was_finished and result.error is None and not result.traffic.requests:
            console.note(f"run {attempt.run_id} had sent all of it before; --restart sends it again")
        ended = _Ended(report, result.error, superseded=False)
        attempt.end(report, ended.exit_code, rejects.paths)
    return ended


def _look_ahead(run: RowRun, sources: RowSources, attempt: Attempt, console: Console) -> None:
    """Warn before a slow run starts of the rows that it would come to too late."""
    pace = rate(run)
    if pace is None or pace > FORECAST_RATE_MAX or not sources.can_be_read_again:
        return
    if (warning := _forecast(run, sources, attempt, pace)) is not None:
        console.warn(warning)


def _may_age(run: RowRun, sources: RowSources) -> bool:
    """Whether a look ahead at the measured speed makes sense: where `--rate` is told, it was done before."""
    return run.batching.rate is None and run.route is not IDENTIFY and sources.can_be_read_again


def _forecast(
    run: RowRun,
    sources: RowSources,
    attempt: Attempt,
    rate: float,
    began_s: float | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> str | None:
    """What to warn of when the run goes on at `rate`; None also where nobody waits for it any more."""
    from ours_cli.row_mapping import map_rows

    trial = run.prepare(attempt.run_id)
    if trial.context.window.max_age_ms is None:
        return None
    trial.context.times.reader.settle(attempt.times)
    ageing = AgeingRows(rate, trial.context.window, began_s)
    # What is wrong with the source is the run's to say.
    with suppress(OursError):
        for item in map_rows(
            trial.tables(sources.tables()), trial.mapping, run.limit, lambda *_: None, attempt.rehearsal()
        ):
            if is_over():
                return None
            ageing.enter_all(item if isinstance(item, list) else [item])
    return ageing.warning()


def _close(rejects: Rejects, result: Result) -> None:
    """A disk that is full must not cost the report."""
    try:
        rejects.close()
    except OursError as error:
        result.error = result.error or error


def _pass_over(run: RowRun, result: Result, prepared: Prepared) -> None:
    """Enter the rows of other shards, and judge what is about all rows."""
    if prepared.shard is None:
        return
    result.books.passed_over(prepared.shard.others)
    result.error = result.error or check_expected(run.batching.expect, result.books)


def _workers(run: RowRun, sources: RowSources, mapping: RowMapping) -> AbstractContextManager[Workers | None]:
    count = workers(run.batching.workers, sources.size)
    if not count:
        return nullcontext()
    from ours_cli.worker_pool import Workers

    return Workers(count, mapping)


def _plan(
    run: RowRun,
    sources: RowSources,
    tables: Iterator[Table],
    mapping: RowMapping,
    endpoint: Endpoint,
    helping: Workers | None,
    size: int,
) -> Plan:
    # httpx and asyncio load here: only what sends pays for them.
    from ours_cli.delivery import DeliveryOptions
    from ours_cli.pipeline import Plan

    sending, batching = run.sending, run.batching
    return Plan(
        tables=tables,
        mapping=mapping,
        route=run.route,
        endpoint=endpoint,
        options=DeliveryOptions(
            batch_events=size,
            batch_bytes=batching.batch_bytes,
            concurrency=concurrency(batching.concurrency),
            rate=rate(run),
            timeout=sending.timeout,
            give_up_after=sending.give_up_after or GIVE_UP_AFTER_S,
            ca_file=Path(sending.ca_file) if sending.ca_file else None,
        ),
        limit=run.limit,
        canary=batching.canary,
        max_rejects=reject_limit(batching.max_rejects),
        expect=batching.expect if shard_of(run) is None else None,  # of all rows: see `_pass_over`
        blocking=sources.may_block,
        workers=helping,
        flush_every=batching.flush_every,
    )
