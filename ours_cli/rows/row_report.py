"""How a command over rows ends: its report made, printed and written."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ours_cli.console import Console
from ours_cli.destination import Destination
from ours_cli.errors import ExitCode, LocalIOError, OursError, StoppedError
from ours_cli.escape import json_text
from ours_cli.mend_command import mend_command
from ours_cli.options import Output
from ours_cli.record import REPEATED_HEADER
from ours_cli.report_file import write_report
from ours_cli.reports.report import Books, Report, ShardPart, Status
from ours_cli.reports.report_text import report_text
from ours_cli.rows.fitting_hints import fitting_hints
from ours_cli.rows.row_plan import RowRun
from ours_cli.runs.replay import SourceChangedError
from ours_cli.runs.run_head import going_on
from ours_cli.safeguards import UnexpectedRowsError
from ours_cli.shards.shard_rows import ShardRows
from ours_cli.source.arguments import STANDARD_INPUT

if TYPE_CHECKING:
    from ours_cli.pipeline import Result
    from ours_cli.runs.attempt import Attempt


_NAMED_MAX: Final = 3
"""The most files that a warning names."""


def make_report(
    run: RowRun,
    attempt: Attempt,
    result: Result,
    duration_s: float,
    *,
    rejects: Sequence[Path] = (),
    warnings: Sequence[str] = (),
    decided: Sequence[str] = (),
    part: ShardPart | None = None,
    at_rest: bool = False,
    columns: Iterable[str] = (),
) -> Report:
    """The report of one attempt; its books are those of the whole run.

    `at_rest`: the same command would begin a new run, and only the run's name goes on with it.

    `decided` are the flags that state what the run decided, so that its rejects are read alike. `part` is set
    where it is one shard's. `columns` are those that were used.
    """
    return Report(
        command=run.command,
        run=attempt.run_id,
        status=_status(result.books, result.error.exit_code if result.error else ExitCode.OK),
        books=result.books,
        traffic=result.traffic,
        duration_s=duration_s,
        rejects_file=str(rejects[0]) if rejects and result.books.rejected else None,
        warnings=list(warnings),
        resume=_resume(run, result.error, attempt.run_id if at_rest else None) if result.error else None,
        mend=_mend(run, rejects, decided, result.books) if rejects and _can_be_mended(result.books) else None,
        error=result.error.message if result.error else None,
        part=part,
        hints=fitting_hints(run.command, run.templates, columns),
        again_helps=not isinstance(result.error, (UnexpectedRowsError, SourceChangedError, StoppedError)),
    )


def shard_part(run: RowRun, attempt: Attempt, result: Result, shard: ShardRows | None) -> ShardPart | None:
    """What a shard's report says about the whole; None where the run is of all rows."""
    if shard is None:
        return None
    whole, own = run.flags.batching.rate, run.settings.rate
    return ShardPart(
        shard=attempt.identity.shard,
        mapping=attempt.identity.mapping,
        # A run that stopped has not seen all of it, and a thread may still be reading.
        source=None if result.error else shard.source_digest(),
        rate=None if whole is None or own is None else (whole, own),
    )


def _resume(run: RowRun, stopped_by: OursError, named: str | None) -> str | None:
    if run.flags.target.sandbox or stopped_by.exit_code is ExitCode.USAGE:
        return None  # a rehearsal begins anew each time
    words = going_on(sys.argv[1:])
    if named is not None and run.flags.resuming.resume is None:
        words += ["--resume", named]
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


def _some_empty(empty: Sequence[str], of: int) -> str:
    if len(empty) == 1:
        return f"{empty[0]} holds no rows"
    named = ", ".join(empty[:_NAMED_MAX]) + (", ..." if len(empty) > _NAMED_MAX else "")
    return f"{len(empty):,} of the {of:,} files hold no rows: {named}"


def publish(run: RowRun, report: Report, target: Destination, console: Console) -> LocalIOError | None:
    """Print the result, and write it where --report says; returns why that could not be done."""
    as_json = json_text(report.to_json())
    unwritten = write_report(run.flags.batching.report, as_json)
    aside = run.flags.batching.rejects == "-"
    width = console.aside_width if aside else console.width
    is_json = run.flags.showing.output is Output.json
    text = as_json
    if not is_json:
        text = report_text(report, target.name, target.receipt(), width)
    (console.aside if aside else console.result)(text)
    return unwritten


def _can_be_mended(books: Books) -> bool:
    """Whether some reject is a row: a header among the rows is none, however it is written."""
    return bool(books.codes.keys() - {REPEATED_HEADER})


def _mend(run: RowRun, rejects: Sequence[Path], decided: Sequence[str], books: Books) -> str:
    words = [*sys.argv[1:], *decided]
    return shlex.join(["ours", *mend_command(words, run.arguments, rejects, run.read, books.codes)])
