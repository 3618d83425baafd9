"""What `batch`, `backfill` and `identify FILE` share: settle everything, run the pipeline, report."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, TypeAlias

from ours_cli.chunk import Chunker
from ours_cli.console import Console
from ours_cli.destination import Destination, destination, refuse_shared_stdin
from ours_cli.errors import ExitCode, LocalIOError, OursError, UsageError
from ours_cli.escape import json_text
from ours_cli.mapping import RowMapping
from ours_cli.mend import mend_command, mended
from ours_cli.options import Batching, Output, Sending, Showing, Target
from ours_cli.preview import Preview
from ours_cli.record import Table
from ours_cli.rejects import Rejects
from ours_cli.render import preview_text, report_text
from ours_cli.report import Books, Report, Status
from ours_cli.route import IDENTIFY, Route
from ours_cli.run_context import RunContext
from ours_cli.settings import Endpoint, state_dir
from ours_cli.source import ReadOptions, open_table

if TYPE_CHECKING:
    from ours_cli.pipeline import Plan, Result

CONCURRENCY_AUTO: Final = 8
GIVE_UP_AFTER_S: Final = 900.0

Source: TypeAlias = "Path | Literal['-']"


@dataclass(frozen=True, slots=True)
class RowRun:
    """One command over rows, its flags read and its mapping made.

    `arguments` are the FILEs as typed, `sources` what they stand for.
    """

    command: str
    arguments: Sequence[str]
    sources: Sequence[Source]
    read: ReadOptions
    limit: int | None
    route: Route
    context: RunContext
    mapping: RowMapping
    target: Target
    sending: Sending
    batching: Batching
    showing: Showing


def execute(run: RowRun) -> int:
    """Run it and print the result; returns the exit code. Raises `OursError` before anything is sent."""
    console = Console(quiet=run.showing.quiet, verbose=run.showing.verbose)
    _check_flags(run)
    _preflight(run)
    if run.target.dry_run:
        return _dry_run(run, console)
    with destination(run.target, run.context.window.max_age_ms) as target:
        return _send(run, target, console)


def _send(run: RowRun, target: Destination, console: Console) -> int:
    from ours_cli.pipeline import run as run_pipeline

    plan = _plan(run, target.endpoint)
    started = time.monotonic()
    folder = state_dir() / "runs" / run.context.run_id
    with Rejects(_rejects_path(run), folder) as rejects, console.progress() as observer:
        result = run_pipeline(plan, rejects, observer)
    duration = time.monotonic() - started
    for text in (*run.context.warnings(), *run.context.left_behind()):
        console.warn(text)
    report = _report(run, result, rejects.paths, duration, console.warnings)
    _publish(run, report, target, console)
    if not result.books.balance():
        raise OursError(
            "a bug in ours: the books do not balance", hint="please report it, with the report above"
        )
    if result.error is not None:
        console.error(result.error)
        return int(result.error.exit_code)
    return int(ExitCode.REJECTED if result.books.rejected else ExitCode.OK)


def _plan(run: RowRun, endpoint: Endpoint) -> Plan:
    # httpx and asyncio load here: only what sends pays for them.
    from ours_cli.delivery import DeliveryOptions
    from ours_cli.pipeline import Plan

    sending, batching = run.sending, run.batching
    return Plan(
        tables=_tables(run),
        mapping=run.mapping,
        route=run.route,
        endpoint=endpoint,
        options=DeliveryOptions(
            batch_events=_batch_events(run),
            batch_bytes=batching.batch_bytes,
            concurrency=_concurrency(batching.concurrency),
            rate=batching.rate,
            timeout=sending.timeout,
            give_up_after=sending.give_up_after or GIVE_UP_AFTER_S,
            ca_file=Path(sending.ca_file) if sending.ca_file else None,
        ),
        limit=run.limit,
        blocking=any(_may_block(source) for source in run.sources),
        flush_every=batching.flush_every,
    )


def _report(
    run: RowRun, result: Result, rejects: Sequence[Path], duration_s: float, warnings: list[str]
) -> Report:
    return Report(
        command=run.command,
        run=run.context.run_id,
        status=_status(result.books, result.error.exit_code if result.error else ExitCode.OK),
        books=result.books,
        traffic=result.traffic,
        duration_s=duration_s,
        rejects_file=str(rejects[0]) if rejects else None,
        warnings=warnings,
        resume=_resume(result.error) if result.error else None,
        mend=_mend(run, rejects) if rejects else None,
        error=result.error.message if result.error else None,
    )


def _resume(stopped_by: OursError) -> str | None:
    return None if stopped_by.exit_code is ExitCode.USAGE else shlex.join(["ours", *sys.argv[1:]])


def _status(books: Books, stopped_by: ExitCode) -> Status:
    if stopped_by in (ExitCode.SIGINT, ExitCode.SIGTERM):
        return "interrupted"
    if stopped_by is not ExitCode.OK:
        return "failed"
    return "partial" if books.rejected else "complete"


def _publish(run: RowRun, report: Report, target: Destination, console: Console) -> None:
    """Print the result, and write it where --report says."""
    as_json = json_text(report.to_json())
    if run.batching.report is not None:
        _write_report(Path(run.batching.report), as_json)
    text = (
        as_json if run.showing.output is Output.json else report_text(report, target.name, target.receipt())
    )
    if run.batching.rejects == "-":
        console.aside(text)
    else:
        console.result(text)


def _write_report(path: Path, text: str) -> None:
    """Write whole or not at all: a script must never read half a report."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text + "\n", "utf-8")  # /dev/null and the like are written to, never replaced
        else:
            scratch.write_text(text + "\n", "utf-8")
            scratch.replace(path)
    except OSError as error:
        raise LocalIOError(f"the report {path} cannot be written: {os.strerror(error.errno or 0)}") from None


def _dry_run(run: RowRun, console: Console) -> int:
    from ours_cli.pipeline import map_rows

    nowhere = Endpoint(base_url="", token="x" * 32)
    envelope = run.route.envelope(nowhere)
    room = max(1, run.batching.batch_bytes - envelope)
    preview = Preview(Chunker(_batch_events(run), room), envelope)
    books = Books()
    with console.progress() as observer:
        for item in map_rows(_tables(run), run.mapping, run.limit, lambda _, table: observer.table(table)):
            books.mapped(item)
            preview.enter(item)
    preview.close()
    for text in run.context.warnings():
        console.warn(text)
    if run.showing.output is Output.json:
        console.result(json_text(preview.to_json(run.command, books, run.context.tally, console.warnings)))
    else:
        console.result(preview_text(run.command, preview, books, run.context.tally))
    return int(ExitCode.REJECTED if books.rejected else ExitCode.OK)


def _tables(run: RowRun) -> Iterator[Table]:
    for source in run.sources:
        yield mended(open_table(source, run.read, _stdin() if source == "-" else None))


def _stdin() -> BinaryIO | None:
    # Unbuffered: a thread that still reads at exit would hold the buffer's lock, and Python would abort.
    return None if sys.stdin is None else open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)


def _preflight(run: RowRun) -> None:
    """Read every file's head and bind the mapping to it, so that nothing is sent before all of it fits.

    A pipe cannot be read twice; its mapping is bound before its first row all the same.
    """
    for source in run.sources:
        if not _may_block(source):
            table = mended(open_table(source, run.read))
            run.mapping.bind(table)
            table.close()


def _may_block(source: Source) -> bool:
    return source == "-" or not source.is_file()


def _check_flags(run: RowRun) -> None:
    refuse_shared_stdin(run.target, is_read="-" in run.sources)
    _concurrency(run.batching.concurrency)
    if run.batching.rate is not None and not run.batching.rate > 0:
        raise UsageError("--rate must be more than 0 events per second", hint="--rate 50")


def _batch_events(run: RowRun) -> int:
    """Contract: /identify has no bulk form."""
    return 1 if run.route is IDENTIFY else run.batching.batch_size


def _concurrency(text: str) -> int:
    if text == "auto":
        return CONCURRENCY_AUTO
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 256:
        return int(text)
    raise UsageError("--concurrency must be auto, or a number from 1 to 256", hint="--concurrency 4")


def _rejects_path(run: RowRun) -> str | None:
    path = run.batching.rejects
    if path not in (None, "-") and any(
        source != "-" and source.exists() and Path(path).exists() and source.samefile(path)
        for source in run.sources
    ):
        raise UsageError(
            "--rejects names the file that is being read", hint="name another; mended rows go back by name"
        )
    return path


def _mend(run: RowRun, rejects: Sequence[Path]) -> str:
    return shlex.join(["ours", *mend_command(sys.argv[1:], run.arguments, rejects, run.read)])
