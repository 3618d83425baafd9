"""`--dry-run` of a command over rows: all of it but the sending."""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import inf
from typing import TYPE_CHECKING, Final

from ours_cli.console import Console
from ours_cli.events.chunk import Chunker
from ours_cli.events.request_size import RequestSize
from ours_cli.record import Table
from ours_cli.reports.dry_run_report import DryRunReport
from ours_cli.reports.preview import Preview
from ours_cli.reports.preview_text import preview_text
from ours_cli.reports.report import Books
from ours_cli.row_mapping import map_rows
from ours_cli.rows.late_rows import AgeingRows
from ours_cli.rows.publish import publish
from ours_cli.rows.reject_hints import reject_hints
from ours_cli.rows.row_command import Prepared, RowRun
from ours_cli.rows.row_sources import RowSources
from ours_cli.rows.run_closing import nothing_left, nothing_read
from ours_cli.rows.run_size import batch_events
from ours_cli.rows.run_warnings import run_warnings
from ours_cli.runs.blocks import Block
from ours_cli.runs.replay import Replay
from ours_cli.safeguards import check_expected
from ours_cli.settings import Endpoint

if TYPE_CHECKING:
    from ours_cli.pipeline import Observer

_SERIAL: Final = (
    "distinctIds are short numbers, which other tables may have too, and the API counts an id once, whatever"
    " file it comes from: a prefix such as 'orders-{id}' keeps them apart"
)
_CUT: Final = (
    "distinctIds are numbers in scientific notation: a spreadsheet cut their digits, several events may bear"
    " the same, and the API counts an id once; export that column as text"
)


def dry_run(
    run: RowRun,
    sources: RowSources,
    prepared: Prepared,
    console: Console,
    progress: AbstractContextManager[Observer],
) -> int:
    """Map every row and show what would happen; returns the exit code. Nothing is sent."""
    preview, books = _empty_preview(run, prepared), Books()
    ageing = AgeingRows(run.settings.rate or inf, prepared.context.window)
    with progress as observer:

        def begin(_: int, table: Table) -> None:
            preview.begin(table)
            observer.table(table)

        rows = map_rows(prepared.tables(sources.tables()), prepared.mapping, run.limit, begin, Replay([]))
        for item in rows:
            assert not isinstance(item, Block)
            ageing.enter(item)
            books.mapped(item)
            preview.enter(item)
    preview.close()
    if prepared.shard is not None:
        books.passed_over(prepared.shard.others)
    serial = _SERIAL if preview.are_serial() else None
    nothing = nothing_read(run, books, prepared.context.empty) or nothing_left(books)
    cut = _CUT if preview.are_cut() else None
    found = filter(None, (ageing.warning(), nothing, serial, cut))
    for text in (*run_warnings(prepared.context, run.templates), *found):
        console.warn(text)
    unexpected = check_expected(run.flags.batching.expect, books)
    tally = prepared.context.tally
    hints = reject_hints(run.command, run.templates, tally.columns_sent)
    report = DryRunReport(run.command, preview, books, tally, run.templates, hints)
    result = report.to_json(console.warnings)
    if unexpected is not None:
        result |= {"status": "failed", "error": unexpected.message}
    return publish(run, result, lambda width: preview_text(report, width), [unexpected], console)


def _empty_preview(run: RowRun, prepared: Prepared) -> Preview:
    nowhere = Endpoint(base_url="", token="x" * 32)
    envelope = run.route.envelope(nowhere)
    room = max(1, run.flags.batching.batch_bytes - envelope)
    chunker = Chunker(RequestSize(*batch_events(run)), room)
    return Preview(chunker, envelope, prepared.context.window.begin_ms())
