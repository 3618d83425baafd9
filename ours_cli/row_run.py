"""What `batch`, `backfill` and `identify FILE` share: settle everything, run the pipeline, report."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ours_cli.chunk import Chunker
from ours_cli.console import Console
from ours_cli.destination import Destination, destination
from ours_cli.errors import ExitCode, LocalIOError, OursError, UsageError
from ours_cli.mapping import RowMapping
from ours_cli.mend import mended
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
    """One command over rows, its flags read and its mapping made."""

    command: str
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
    for text in run.context.warnings():
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
            batch_events=1 if run.route is IDENTIFY else batching.batch_size,
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
        resume=shlex.join(["ours", *sys.argv[1:]]) if result.error else None,
        mend=_mend_command(run, rejects) if rejects else None,
        error=result.error.message if result.error else None,
    )


def _status(books: Books, stopped_by: ExitCode) -> Status:
    if stopped_by in (ExitCode.SIGINT, ExitCode.SIGTERM):
        return "interrupted"
    if stopped_by is not ExitCode.OK:
        return "failed"
    return "partial" if books.rejected else "complete"


def _publish(run: RowRun, report: Report, target: Destination, console: Console) -> None:
    """Print the result, and write it where --report says."""
    as_json = json.dumps(report.to_json(), ensure_ascii=False)
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
        scratch.write_text(text + "\n", "utf-8")
        scratch.replace(path)
    except OSError as error:
        raise LocalIOError(f"the report {path} cannot be written: {os.strerror(error.errno or 0)}") from None


def _dry_run(run: RowRun, console: Console) -> int:
    from ours_cli.pipeline import map_rows

    nowhere = Endpoint(base_url="", token="x" * 32)
    envelope = run.route.envelope(nowhere)
    room = max(1, run.batching.batch_bytes - envelope)
    preview = Preview(Chunker(run.batching.batch_size, room), envelope)
    books = Books()
    with console.progress() as observer:
        for item in map_rows(_tables(run), run.mapping, run.limit, lambda _, table: observer.table(table)):
            books.mapped(item)
            preview.enter(item)
    preview.close()
    for text in run.context.warnings():
        console.warn(text)
    if run.showing.output is Output.json:
        console.result(json.dumps(preview.to_json(run.command, books, console.warnings), ensure_ascii=False))
    else:
        console.result(preview_text(run.command, preview, books))
    return int(ExitCode.REJECTED if books.rejected else ExitCode.OK)


def _tables(run: RowRun) -> Iterator[Table]:
    for source in run.sources:
        yield mended(open_table(source, run.read))


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


def _mend_command(run: RowRun, paths: Sequence[Path]) -> str:
    """The same command on the rejects: they have a header and are UTF-8, so what told of neither goes."""
    names = set(map(str, run.sources))
    words: list[str] = []
    skip = False
    for word in sys.argv[1:]:
        flag, equals, _ = word.partition("=")
        if skip or word in names or flag in ("--no-header", "--sandbox"):
            skip = False
            continue
        if flag in ("--skip-lines", "--encoding", "--rejects", "--limit"):
            skip = not equals
            continue
        words.append(word)
    words[1:1] = map(str, paths)
    return shlex.join(["ours", *words])
