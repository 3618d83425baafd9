"""Which run a command goes on with, or begins: by its files, its mapping, its server and its key."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from ours_cli.console import Console
from ours_cli.counted import counted
from ours_cli.destination import Destination
from ours_cli.errors import SourceError, UsageError
from ours_cli.folders import runs_folder, state_dir
from ours_cli.rows.fingerprint import digest, mapping_digest
from ours_cli.rows.row_plan import RowRun
from ours_cli.rows.row_sources import RowSources
from ours_cli.rows.run_context import new_run_id
from ours_cli.runs.run_head import Identity
from ours_cli.safeguards import failed_before
from ours_cli.time_survey import settle_times
from ours_cli.timestamps import Conventions

if TYPE_CHECKING:
    from ours_cli.runs.attempt import Attempt
    from ours_cli.runs.blocks import Block
    from ours_cli.runs.run_registry import KnownRun


def choose_run(run: RowRun, sources: RowSources, target: Destination, console: Console) -> Attempt:
    """The attempt that goes on with an earlier run, or begins one.

    Raises `UsageError` where the flags fit no run, `StoppedError` for one that its canary stopped, and
    `SourceError`, `BusyError` or `LocalIOError` as the run's journal has it.
    """
    from ours_cli.runs.attempt import Attempt

    identity = _identity(run, sources, target)
    if run.flags.target.sandbox:
        return Attempt.unjournaled(runs_folder(), _new_id(run), identity, _settle(run, sources, None))
    with _alone(run, sources, identity):
        return _go_on_or_begin(run, sources, identity, console)


def _alone(run: RowRun, sources: RowSources, identity: Identity) -> AbstractContextManager[None]:
    """One process at a time for the same command over files; two pipes may well be different rows."""
    from ours_cli.runs.run_lock import choosing

    if sources.may_block or run.flags.resuming.restart:
        return nullcontext()
    return choosing(state_dir(), repr(replace(identity, token="")))


def _go_on_or_begin(run: RowRun, sources: RowSources, identity: Identity, console: Console) -> Attempt:
    known = _earlier(run, sources, identity, console)
    if known is None:
        return _begin(run, sources, identity)
    return _go_on(run, sources, identity, known, console)


def _go_on(
    run: RowRun, sources: RowSources, identity: Identity, known: KnownRun, console: Console
) -> Attempt:
    from ours_cli.runs.attempt import Attempt

    if known.head.failed_canary and run.flags.batching.canary is not None:
        raise failed_before()
    attempt = Attempt.go_on(known, identity, _settle(run, sources, known.settled_times()))
    if not attempt.was_finished:  # else it may turn out to be of other rows
        console.note(
            f"going on with run {attempt.run_id}: {counted(attempt.done_rows, 'row is', 'rows are')} done"
        )
    return attempt


def _earlier(run: RowRun, sources: RowSources, identity: Identity, console: Console) -> KnownRun | None:
    """The run to go on with: that of --resume, else one that is found; none with --restart."""
    from ours_cli.runs.run_registry import find_run, named_run

    def begins_like(known: KnownRun, blocks: Sequence[Block]) -> bool:
        prepared = run.prepare(known.head.id)
        prepared.context.times.reader.settle(known.head.times)
        if len(blocks) > 1:  # a pipe, whose rows are held meanwhile
            console.note(f"comparing standard input with the unfinished run {known.head.id}")
        return sources.begins_like(blocks, prepared.rows)

    def pass_over(known: KnownRun, error: SourceError) -> None:
        console.warn(_passed_over(known, error))

    if run.flags.resuming.resume is not None:
        known = named_run(runs_folder(), run.flags.resuming.resume)
        _refuse_other_flags(known, identity)
        return known
    return None if run.flags.resuming.restart else find_run(runs_folder(), identity, begins_like, pass_over)


def _refuse_other_flags(known: KnownRun, identity: Identity) -> None:
    """Raise `UsageError` where the run that --resume names was begun with other flags than this command."""
    theirs = known.head.identity
    hint = f"ours runs resume {known.head.id} goes on with it, under the flags it was begun with"
    if (theirs.command, theirs.mapping) != (identity.command, identity.mapping):
        raise UsageError(f"run {known.head.id} had another mapping or command", hint=hint)
    if theirs.shard != identity.shard:
        raise UsageError(
            f"run {known.head.id} is {_part(theirs.shard)}, and this command {_part(identity.shard)}",
            hint=hint,
        )


def _passed_over(run: KnownRun, error: SourceError) -> str:
    from ours_cli.runs.run_head import OtherVersionError

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
    shard = run.settings.shard
    return new_run_id() + (shard.suffix() if shard else "")


def _begin(run: RowRun, sources: RowSources, identity: Identity) -> Attempt:
    from ours_cli.runs.attempt import Attempt

    times = _settle(run, sources, None)
    return Attempt.begin(runs_folder(), _new_id(run), identity, tuple(sys.argv[1:]), times)


def replace_run(
    run: RowRun, sources: RowSources, target: Destination, console: Console, finished: str
) -> Attempt:
    """A new run, where the run called `finished` turned out to be of other rows; raises as `choose_run`.

    Another process may have begun it by now: then this one goes on with that, if it can.
    """
    identity = _identity(run, sources, target)
    with _alone(run, sources, identity):
        known = _earlier(run, sources, identity, console)
        if known is not None and known.head.id != finished:
            return _go_on(run, sources, identity, known, console)
        return _begin(run, sources, identity)


def _settle(run: RowRun, sources: RowSources, pinned: Conventions | None) -> Conventions:
    """How the files write their times; `pinned` is what an earlier attempt used. A pipe shows it later."""
    if sources.may_block:
        return pinned or Conventions()
    trial = run.prepare(new_run_id())
    return settle_times(sources, trial.mapping, trial.context.times.reader.rules, run.limit, pinned)


def _identity(run: RowRun, sources: RowSources, target: Destination) -> Identity:
    return Identity(
        command=run.command,
        mapping=mapping_digest(run.fingerprint),
        endpoint=target.endpoint.base_url,
        token=digest(target.endpoint.token),
        sources=sources.names,
        shard=str(run.settings.shard or ""),
    )
