"""Which run a command goes on with, or begins: by its files, its mapping, its server and its key."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from ours_cli.console import Console
from ours_cli.destination import Destination
from ours_cli.errors import SourceError, UsageError
from ours_cli.files.folders import runs_folder, state_dir
from ours_cli.files.private_files import close_to_others
from ours_cli.rows.fingerprint import digest, mapping_digest
from ours_cli.rows.row_command import RowRun
from ours_cli.rows.row_sources import RowSources
from ours_cli.rows.run_context import new_run_id
from ours_cli.rows.time_survey import settle_times
from ours_cli.runs.attempt import Attempt, JournaledAttempt
from ours_cli.runs.blocks import Block
from ours_cli.runs.run_head import Identity, OtherVersionError
from ours_cli.runs.run_lock import choosing
from ours_cli.runs.run_registry import KnownRun, find_run, named_run
from ours_cli.safeguards import failed_before
from ours_cli.timestamps import Conventions
from ours_cli.wording.counted import counted


class RunChoice:
    """Finds the run that a command goes on with, or begins one."""

    def __init__(self, run: RowRun, sources: RowSources, target: Destination, console: Console) -> None:
        self._run = run
        self._sources = sources
        self._console = console
        self._identity = Identity(
            command=run.command,
            mapping=mapping_digest(run.fingerprint),
            endpoint=target.endpoint.base_url,
            token=digest(target.endpoint.token),
            sources=sources.names,
            shard=str(run.settings.shard or ""),
        )

    def choose(self, *, but: str | None = None) -> Attempt:
        """The attempt that goes on with an earlier run, or begins one.

        `but` names a finished run that turned out to be of other rows. Another process may have begun the new
        one by now: then this one goes on with that, if it can.

        Raises `UsageError` where the flags fit no run, `StoppedError` for one that its canary stopped, and
        `SourceError`, `BusyError` or `LocalIOError` as the run's journal has it.
        """
        close_to_others(state_dir())  # somebody else may have made it
        if self._run.flags.target.sandbox:
            return Attempt.rehearse(runs_folder(), self._new_id(), self._identity, self._times(None))
        with self._alone():
            known = self._earlier()
            return self._begin() if known is None or known.head.id == but else self._go_on(known)

    def _alone(self) -> AbstractContextManager[None]:
        """One process at a time for the same command over files; two pipes may well be different rows."""
        if self._sources.may_block or self._run.flags.resuming.restart:
            return nullcontext()
        return choosing(state_dir(), repr(replace(self._identity, token="")))

    def _earlier(self) -> KnownRun | None:
        """The run to go on with: that of --resume, else one that is found; none with --restart."""
        resuming = self._run.flags.resuming
        if resuming.resume is not None:
            known = named_run(runs_folder(), resuming.resume)
            _refuse_other_flags(known, self._identity)
            return known
        if resuming.restart:
            return None
        return find_run(runs_folder(), self._identity, self._begins_like, self._pass_over)

    def _begins_like(self, known: KnownRun, blocks: Sequence[Block]) -> bool:
        prepared = self._run.prepare(known.head.id)
        prepared.context.times.reader.settle(known.head.times)
        if len(blocks) > 1:  # a pipe, whose rows are held meanwhile
            self._console.note(f"comparing standard input with the unfinished run {known.head.id}")
        return self._sources.begins_like(blocks, prepared.rows)

    def _pass_over(self, run: KnownRun, error: SourceError) -> None:
        why, what_else = "is damaged", ""
        if isinstance(error, OtherVersionError):
            why, what_else = "was written by another version of ours", "that version can go on with it, and "
        self._console.warn(
            f"run {run.head.id}, of other files, is unfinished and its journal {why};"
            f" {what_else}ours runs delete {run.head.id} removes it"
        )

    def _go_on(self, known: KnownRun) -> Attempt:
        if known.head.failed_canary and self._run.flags.batching.canary is not None:
            raise failed_before()
        attempt = JournaledAttempt.go_on(known, self._identity, self._times(known.settled_times()))
        if not attempt.was_finished:  # else it may turn out to be of other rows
            done = counted(attempt.done_rows, "row is", "rows are")
            self._console.note(f"going on with run {attempt.run_id}: {done} done")
        return attempt

    def _begin(self) -> Attempt:
        times, arguments = self._times(None), tuple(sys.argv[1:])
        return JournaledAttempt.begin(runs_folder(), self._new_id(), self._identity, arguments, times)

    def _new_id(self) -> str:
        shard = self._run.settings.shard
        return new_run_id() + (shard.suffix() if shard else "")

    def _times(self, pinned: Conventions | None) -> Conventions:
        """How the files write their times; `pinned` is what an earlier attempt used. Pipes show it later."""
        if self._sources.may_block:
            return pinned or Conventions()
        trial = self._run.prepare(new_run_id())
        rules = trial.context.times.reader.rules
        return settle_times(self._sources, trial.mapping, rules, self._run.limit, pinned)


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


def _part(shard: str) -> str:
    return f"of shard {shard}" if shard else "of all rows"
