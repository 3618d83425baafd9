"""`ours backfill FILE...`: any export, mapped row by row, with its original times."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from ours_cli.cli.completion import template
from ours_cli.commands.field_flags import field_map
from ours_cli.options import (
    EventFields,
    Exclude,
    MappingFlags,
    Period,
    ProgressFlag,
    Reading,
    RowFilters,
    RunFlags,
    TimeFlags,
    VisitorFields,
)
from ours_cli.process.signals import holding_signals


def backfill(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Exports; - is standard input.", autocompletion=template),
    ],
    *,
    event: Annotated[
        str | None,
        typer.Option(
            "--event", metavar="TEXT", help="Name of the event, or '{column}'.", autocompletion=template
        ),
    ] = None,
    happened: EventFields,
    exclude: Exclude = None,
    visitor: VisitorFields,
    mapping: MappingFlags,
    reading: Reading,
    filters: RowFilters,
    period: Period,
    times: TimeFlags,
    flags: RunFlags,
    progress: ProgressFlag = None,
) -> int:
    """Send the rows of an export as events, with their original times, each once.

    \b
    ours backfill orders.csv --event Purchase --time '{created_at}' \\
      --external-id '{customer_id}' -p amount='{total|number}'
    """
    # Loaded here, since neither --help nor a TAB should wait for it.
    with holding_signals():
        from ours_cli.assembly.field_mapping import FieldMapping
        from ours_cli.mapping.selection import read_selection
        from ours_cli.rows.chosen_map import chosen_map
        from ours_cli.rows.fingerprint import key_digest
        from ours_cli.rows.read_settings import read_options
        from ours_cli.rows.row_command import Prepared, RowRun
        from ours_cli.rows.row_run import execute
        from ours_cli.rows.run_context import hmac_key, make_context
        from ours_cli.sending.route import BATCH
        from ours_cli.source import expand

    source = chosen_map(mapping, "backfill", zone_is_told=bool(times.tz or happened.time))
    fields = field_map(visitor, happened, name=event, exclude=exclude, are_templates=True).over(source.fields)
    where = (*source.source.get("where", ()), *(filters.where or ()))
    key = partial(hmac_key, mapping.hmac_key_file)

    def prepare(run_id: str) -> Prepared:
        context = make_context(run_id, times, source)
        selection = read_selection(
            where,
            filters.sample,
            period.since,
            period.until,
            context.times.reader,
            zone_per_row=context.times.zone is not None,
        )
        assemble = context.event_assembler(selection)
        mapper = FieldMapping(fields, assemble, context.times, context.tally, key, mapping.preset)
        return Prepared(context, mapper)

    run = RowRun(
        command="backfill",
        arguments=files,
        sources=expand(files),
        read=read_options(reading, source),
        limit=reading.limit,
        route=BATCH,
        prepare=prepare,
        fingerprint={
            "fields": fields,
            "key": key_digest(fields, key),
            "times": times._replace(max_age=None),
            "source": source.source,
            "filters": filters,
            "period": period,
        },
        flags=flags,
        progress=progress,
        templates=fields.templates(),
        helpers=(mapping.map, mapping.hmac_key_file),
    )
    return execute(run)
