"""How an attempt over rows ends: its rejects closed, its end noted, and what is to be said of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from ours_cli.cli.typed_words import going_on, with_flags
from ours_cli.console import Console
from ours_cli.errors import ExitCode, LocalIOError, OursError, UsageError
from ours_cli.process.signals import Interrupted
from ours_cli.record import REPEATED_HEADER
from ours_cli.rejects.mend_command import mend_command
from ours_cli.rejects.rejects import Rejects
from ours_cli.reports.report import Books, Report, ShardPart, Status
from ours_cli.rows.reject_hints import reject_hints
from ours_cli.rows.row_command import Prepared, RowRun
from ours_cli.rows.row_sources import stdin_is_silent
from ours_cli.rows.run_warnings import left_behind, run_warnings
from ours_cli.runs.replay import SourceChangedError
from ours_cli.safeguards import CanaryError, UnexpectedRowsError, check_expected
from ours_cli.sending.route import IDENTIFY
from ours_cli.source.arguments import STANDARD_INPUT
from ours_cli.wording.counted import counted

if TYPE_CHECKING:
    from ours_cli.pipeline import Result
    from ours_cli.runs.attempt import Attempt

_REPEATED: Final = (
    "the attempt before was killed, or could not write down what was done: its last calls may have been made"
    " again, and /identify cannot tell; they set the same properties"
)

_AGAIN: Final = "run the same command again"
_REHEARSED: Final = "a rehearsal (--sandbox) begins anew each time"
_AT_REST: Final = "all that was read has its outcome: the same command begins a new run"

_NAMED_MAX: Final = 3
"""The most files that a warning names."""


class RunOutcome(NamedTuple):
    """How an attempt ended."""

    report: Report
    error: OursError | None

    @property
    def is_refused(self) -> bool:
        """Whether the command could not be obeyed and nothing was sent: there is nothing to report."""
        return isinstance(self.error, UsageError) and not self.report.traffic.requests

    @property
    def exit_code(self) -> int:
        """What the command exits with, if nothing else goes wrong."""
        if self.error is not None:
            return int(self.error.exit_code)
        return int(ExitCode.REJECTED if self.report.books.rejected else ExitCode.OK)


@dataclass(frozen=True, slots=True)
class RunClosing:
    """An attempt whose rows have stopped coming, on its way to a report. `duration_s` is in seconds.

    What goes wrong on the way is entered into the `result`, where nothing did before.
    """

    run: RowRun
    attempt: Attempt
    prepared: Prepared
    rejects: Rejects
    result: Result
    duration_s: float
    console: Console

    @property
    def is_of_other_rows(self) -> bool:
        """Whether the run was finished, and other rows are in its sources now; nothing was sent of these.

        Where --resume names it, these are not what was meant.
        """
        is_other = isinstance(self.result.error, SourceChangedError) and not self.result.traffic.requests
        is_named = self.run.flags.resuming.resume is not None
        return is_other and self.attempt.was_finished and not is_named

    def close_rejects(self) -> None:
        """Close them, and keep what goes wrong for the result: a full disk must not cost the report."""
        try:
            self.rejects.close()
        except OursError as error:
            self._fail(error)

    def end(self) -> RunOutcome:
        """Say what is left to say, and note the end; a disk that is full by now must not cost the report."""
        self._enter_other_shards()
        self._say_what_is_left()
        part, at_rest, error = self._shard_part(), self._is_at_rest(), self.result.error
        is_rehearsal = self.run.flags.target.sandbox
        is_unknown = self._is_unknown_again()
        if isinstance(error, Interrupted) and (at_rest or is_rehearsal):
            error.hint = _AT_REST if at_rest else _REHEARSED
        elif error is not None and error.hint is not None and "-" in self.run.sources:
            named = f"run it again with --resume {self.attempt.run_id} and the same input"
            error.hint = error.hint.replace(_AGAIN, named if is_unknown else f"{_AGAIN} with the same input")
        by_name = at_rest or is_unknown
        outcome = self._outcome(part, by_name=by_name)
        failed_canary = isinstance(error, CanaryError)
        try:
            self.attempt.end(
                outcome.report, outcome.exit_code, self.rejects, failed_canary=failed_canary, at_rest=at_rest
            )
        except OursError as unnoted:
            self._fail(unnoted)
            return self._outcome(part, by_name=by_name)
        return outcome

    def _fail(self, error: OursError) -> None:
        self.result.error = self.result.error or error

    def _enter_other_shards(self) -> None:
        """Enter the rows of other shards, and judge what concerns all rows."""
        if self.prepared.shard is not None:
            self.result.books.passed_over(self.prepared.shard.others)
            unexpected = check_expected(self.run.flags.batching.expect, self.result.books)
            self.result.error = self.result.error or unexpected

    def _say_what_is_left(self) -> None:
        attempt, result, context = self.attempt, self.result, self.prepared.context
        remarks = self.rejects.take_remarks()
        on_purpose = "exclude in its map" if self.run.route is IDENTIFY else "--exclude COLUMN"
        found = (*run_warnings(context, self.run.templates), *self._counted_again())
        for text in (*found, *left_behind(context.tally, on_purpose), *remarks):
            self.console.warn(text)
        if not attempt.was_finished:  # else they may have been mended, sent and deleted
            for path in self.rejects.gone:
                self.console.warn(f"{path} is gone, and with it rejects of earlier attempts")
        nothing = nothing_read(self.run, result.books, context.empty) or nothing_left(result.books)
        if result.error is None and nothing is not None:
            self.console.warn(nothing)
        if self.run.route is IDENTIFY and attempt.may_repeat:
            self.console.warn(_REPEATED)
        # New rows may all be rejected or left out: they are no less new for it.
        has_new = result.books.read - result.books.elsewhere > attempt.done_rows
        if attempt.was_finished and (has_new or result.traffic.requests):
            done = counted(attempt.done_rows, "row was", "rows were")
            self.console.note(f"went on with run {attempt.run_id}: {done} done before")
        elif attempt.was_finished and result.error is None:
            run_id = attempt.run_id
            if result.books.accepted:
                self.console.note(f"run {run_id} had sent all of it before; --restart sends it again")
            else:
                self.console.note(f"run {run_id} had accepted nothing of it; --restart judges it again")

    def _counted_again(self) -> Iterator[str]:
        """The warning of rows that another run may have sent under other ids."""
        if not (self.prepared.context.ids.of_this_run and self.result.traffic.requests):
            return
        from ours_cli.runs.run_registry import sent_before  # a dry run needs none

        attempt = self.attempt
        with suppress(LocalIOError):  # runs that cannot be looked at must not cost the report
            if (run_id := sent_before(attempt.folder.parent, attempt.identity, attempt.run_id)) is not None:
                yield (
                    f"run {run_id} has sent files of these: rows with neither a time nor a distinctId count"
                    " again"
                )

    def _is_at_rest(self) -> bool:
        """Whether it was stopped with nothing open while its pipe was silent, as one that never ends must be.

        What comes next from such a pipe are other rows, even where they look like those that are done: the
        same command would begin a new run, and only the run's name goes on with it.
        """
        result = self.result
        is_stopped = isinstance(result.error, Interrupted) and not result.books.unsent
        # Else rows wait in the thread that reads.
        is_settled = 0 < result.taken == result.books.read
        return is_stopped and is_settled and set(self.run.sources) == {"-"} and stdin_is_silent()

    def _is_unknown_again(self) -> bool:
        """Whether standard input, fed in once more, is not known to be this run's, rows of which were sent.

        It is known by its first row: without its outcome the same command begins a new run, where rows with
        neither a time nor a distinctId get other ids.
        """
        is_pipe = "-" in self.run.sources and not self.run.flags.target.sandbox
        return is_pipe and bool(self.result.traffic.requests) and not self.attempt.has_first_row

    def _shard_part(self) -> ShardPart | None:
        """What a shard's report says about the whole; None where the run is of all rows."""
        if self.prepared.shard is None:
            return None
        whole, own = self.run.flags.batching.rate, self.run.settings.rate
        return ShardPart(
            shard=self.attempt.identity.shard,
            mapping=self.attempt.identity.mapping,
            # A run that stopped has not seen all of it, and a thread may still be reading.
            source=None if self.result.error else self.prepared.shard.source_digest(),
            rate=None if whole is None or own is None else (whole, own),
        )

    def _outcome(self, part: ShardPart | None, *, by_name: bool) -> RunOutcome:
        """With the report of the attempt; its books are those of the whole run."""
        error, books, rejects = self.result.error, self.result.books, self.rejects.paths
        report = Report(
            command=self.run.command,
            run=self.attempt.run_id,
            status=_status(books, error.exit_code if error else ExitCode.OK),
            books=books,
            traffic=self.result.traffic,
            duration_s=self.duration_s,
            rejects_file=str(rejects[0]) if rejects and books.rejected else None,
            warnings=list(self.console.warnings),
            resume=_resume(self.run, error, self.attempt.run_id if by_name else None) if error else None,
            mend=self._mend(),
            error=error.message if error else None,
            part=part,
            hints=reject_hints(
                self.run.command, self.run.templates, self.prepared.context.tally.columns_sent
            ),
            again_helps=not isinstance(error, (UnexpectedRowsError, SourceChangedError)),
        )
        return RunOutcome(report, error)

    def _mend(self) -> str | None:
        """The command for the rejects, once mended; None where no row is among them: a header is none."""
        rejects, codes, run = self.rejects.paths, self.result.books.codes, self.run
        if not rejects or not codes.keys() - {REPEATED_HEADER}:
            return None
        # With the flags that state what this run decided, so that its rejects are read alike.
        words = with_flags(sys.argv[1:], self.prepared.context.decided_flags())
        return shlex.join(["ours", *mend_command(words, run.arguments, rejects, run.read, codes)])


def _resume(run: RowRun, stopped_by: OursError, named: str | None) -> str | None:
    # A rehearsal begins anew each time, and a safeguard would stop it again.
    if run.flags.target.sandbox or stopped_by.exit_code in (ExitCode.USAGE, ExitCode.STOPPED):
        return None
    words = going_on(sys.argv[1:])
    if named is not None and run.flags.resuming.resume is None:
        words = with_flags(words, ("--resume", named))
    return shlex.join(["ours", *words])


def _status(books: Books, stopped_by: ExitCode) -> Status:
    if stopped_by in (ExitCode.SIGINT, ExitCode.SIGTERM):
        return "interrupted"
    if stopped_by is not ExitCode.OK:
        return "failed"
    return "partial" if books.rejected else "complete"


def nothing_read(run: RowRun, books: Books, empty: Sequence[str]) -> str | None:
    """The warning of a run that read no row, or none of the `empty` sources, unless none were wanted."""
    if run.limit == 0 or run.flags.batching.expect is not None:
        return None
    if books.read:
        return _some_empty(empty, len(run.sources)) if empty else None
    names = [STANDARD_INPUT if source == "-" else str(source) for source in run.sources]
    what = f"{names[0]} holds no rows" if len(names) == 1 else f"none of the {len(names)} files holds a row"
    return f"{what}; --expect N makes an error of it"


def nothing_left(books: Books) -> str | None:
    """The warning of a run whose rows were all filtered."""
    if not 0 < books.filtered == books.read - books.elsewhere:
        return None
    read = counted(books.filtered, "row was", "rows were")
    return (
        f"{read} read, and none is left by --where, --since, --until, --sample, or those of a map or preset"
    )


def _some_empty(empty: Sequence[str], of: int) -> str:
    if len(empty) == 1:
        return f"{empty[0]} holds no rows"
    named = ", ".join(empty[:_NAMED_MAX]) + (", ..." if len(empty) > _NAMED_MAX else "")
    return f"{len(empty):,} of the {of:,} files hold no rows: {named}"
