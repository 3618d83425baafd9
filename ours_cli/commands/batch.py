"""`ours batch [FILE...]`: rows that already have the shape of `/track` bodies."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from ours_cli.errors import UsageError
from ours_cli.options import (
    Period,
    ProgressFlag,
    Reading,
    RowFilters,
    RunFlags,
    SendNulls,
    TimeFlags,
)
from ours_cli.process.signals import holding_signals


def batch(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...", help="NDJSON or JSON; standard input when something is piped in."
        ),
    ] = None,
    *,
    send_nulls: SendNulls = False,
    reading: Reading,
    filters: RowFilters,
    period: Period,
    times: TimeFlags,
    flags: RunFlags,
    progress: ProgressFlag = None,
) -> int:
    """Send rows shaped like /track, from NDJSON or a JSON array.

    ... | jq -c '...' | ours batch
    """
    # Loaded here, since neither --help nor a TAB should wait for it.
    with holding_signals():
        from ours_cli.assembly.batch_rows import BatchMapping
        from ours_cli.mapping.fields import FieldMap
        from ours_cli.mapping.mapfile import MapFile
        from ours_cli.mapping.selection import read_selection
        from ours_cli.rows.read_settings import read_options
        from ours_cli.rows.row_command import Prepared, RowRun
        from ours_cli.rows.row_run import execute
        from ours_cli.rows.run_context import make_context
        from ours_cli.sending.route import BATCH
        from ours_cli.source import expand

    files = files or _piped()
    nothing = MapFile(FieldMap())

    def prepare(run_id: str) -> Prepared:
        context = make_context(run_id, times, nothing, zone_columns=False)
        reader = context.times.reader
        where = filters.where or ()
        selection = read_selection(where, filters.sample, period.since, period.until, reader)
        assemble = context.event_assembler(selection)
        return Prepared(context, BatchMapping(assemble, reader, context.tally, send_nulls=send_nulls))

    run = RowRun(
        command="batch",
        arguments=files,
        sources=expand(files),
        read=replace(read_options(reading, nothing), objects_only=True),
        limit=reading.limit,
        route=BATCH,
        prepare=prepare,
        fingerprint={
            "send_nulls": send_nulls,
            "times": times._replace(max_age=None),
            "filters": filters,
            "period": period,
        },
        flags=flags,
        progress=progress,
    )
    return execute(run)


def _piped() -> list[str]:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("nothing to send", hint="ours batch FILE, or pipe NDJSON into ours batch")
    return ["-"]
