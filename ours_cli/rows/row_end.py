"""How an attempt over rows ends: its rejects closed, its end noted, and what is to be said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ours_cli.console import Console
from ours_cli.counted import counted
from ours_cli.errors import ExitCode, OursError, UsageError
from ours_cli.reports.rejects import Rejects
from ours_cli.reports.report import Report
from ours_cli.rows.row_plan import Prepared, RowRun
from ours_cli.rows.row_report import make_report, nothing_read, shard_part
from ours_cli.rows.row_sources import stdin_is_silent
from ours_cli.safeguards import CanaryError, check_expected
from ours_cli.sending.route import IDENTIFY
from ours_cli.signals import Interrupted

if TYPE_CHECKING:
    from ours_cli.pipeline import Result
    from ours_cli.runs.attempt import Attempt

_REPEATED: Final = (
    "the attempt before was killed, or could not write down what was done: its last calls may have been made"
    " again, and /identify cannot tell; they set the same properties"
)

_REHEARSED: Final = "a rehearsal (--sandbox) begins anew each time"
_AT_REST: Final = "all that was read has its outcome: the same command begins a new run"


class Ended(NamedTuple):
    """How an attempt ended."""

    report: Report
    error: OursError | None
    superseded: bool

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


def end_attempt(
    run: RowRun,
    attempt: Attempt,
    result: Result,
    prepared: Prepared,
    rejects: Rejects,
    duration_s: float,
    console: Console,
) -> Ended:
    """Say what is left to say, and note the end; a disk that is full by now must not cost the report."""
    _say_what_is_left(run, attempt, result, prepared, rejects, console)
    decided = prepared.context.decided_flags()
    part = shard_part(run, attempt, result, prepared.shard)
    at_rest = _is_at_rest(run, result)
    if isinstance(result.error, Interrupted) and (at_rest or run.flags.target.sandbox):
        result.error.hint = _AT_REST if at_rest else _REHEARSED

    def made() -> Ended:
        warnings = console.warnings
        report = make_report(
            run,
            attempt,
            result,
            duration_s,
            rejects=rejects.paths,
            warnings=warnings,
            decided=decided,
            part=part,
            at_rest=at_rest,
            columns=prepared.context.tally.columns_sent,
        )
        return Ended(report, result.error, superseded=False)

    ended = made()
    try:
        attempt.end(
            ended.report,
            ended.exit_code,
            rejects,
            failed_canary=isinstance(ended.error, CanaryError),
            at_rest=at_rest,
        )
    except OursError as error:
        result.error = result.error or error
        return made()
    return ended


def _say_what_is_left(
    run: RowRun, attempt: Attempt, result: Result, prepared: Prepared, rejects: Rejects, console: Console
) -> None:
    context = prepared.context
    for text in (*context.warnings(run.templates), *context.left_behind(), *rejects.take_remarks()):
        console.warn(text)
    empty = nothing_read(run, result.books, context.empty)
    if result.error is None and empty is not None:
        console.warn(empty)
    if run.route is IDENTIFY and attempt.may_repeat:
        console.warn(_REPEATED)
    # New rows may all be rejected or left out: they are no less new for it.
    has_new = result.books.read - result.books.elsewhere > attempt.done_rows
    if attempt.was_finished and (has_new or result.traffic.requests):
        done = counted(attempt.done_rows, "row was", "rows were")
        console.note(f"went on with run {attempt.run_id}: {done} done before")
    elif attempt.was_finished and result.error is None:
        console.note(f"run {attempt.run_id} had sent all of it before; --restart sends it again")


def _is_at_rest(run: RowRun, result: Result) -> bool:
    """Whether it was stopped with nothing open while its pipe was silent, as one that never ends must be.

    What comes next from such a pipe are other rows, even where they look like those that are done.
    """
    is_stopped = isinstance(result.error, Interrupted) and not result.books.unsent
    # Else rows wait in the thread that reads.
    is_settled = 0 < result.taken == result.books.read
    return is_stopped and is_settled and set(run.sources) == {"-"} and stdin_is_silent()


def close_rejects(rejects: Rejects, result: Result) -> None:
    """Close them, and keep what goes wrong for the result: a disk that is full must not cost the report."""
    try:
        rejects.close()
    except OursError as error:
        result.error = result.error or error


def enter_other_shards(run: RowRun, result: Result, prepared: Prepared) -> None:
    """Enter the rows of other shards, and judge what concerns all rows."""
    if prepared.shard is None:
        return
    result.books.passed_over(prepared.shard.others)
    result.error = result.error or check_expected(run.flags.batching.expect, result.books)
