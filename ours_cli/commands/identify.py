"""`ours identify`: properties of one visitor from flags, or of many from files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from ours_cli.cli.completion import template
from ours_cli.cli.usage_errors import flag_of_property
from ours_cli.commands.field_flags import field_map
from ours_cli.destination import refuse_shared_stdin
from ours_cli.errors import SourceError, UsageError
from ours_cli.options import (
    Curl,
    Data,
    MappingFlags,
    ProgressFlag,
    Reading,
    RowFilters,
    RunFlags,
    TimeFlags,
    VisitorFields,
)
from ours_cli.sending.route import IDENTIFY
from ours_cli.single.body import build_body
from ours_cli.single.command import Sender, SingleBody
from ours_cli.single.judgement import check_body, doubtful, empty_flags, placeholder_flags

if TYPE_CHECKING:
    from ours_cli.mapping.fields import FieldMap
    from ours_cli.source.arguments import Location


def identify(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...", help="Files of visitors; - is standard input.", autocompletion=template
        ),
    ] = None,
    *,
    visitor: VisitorFields,
    data: Data = None,
    curl: Curl = False,
    mapping: MappingFlags,
    reading: Reading,
    filters: RowFilters,
    flags: RunFlags,
    progress: ProgressFlag = None,
) -> int:
    """Set properties of a visitor, or of every visitor in a file.

    \b
    ours identify --external-id c1 -u first_name=Ada
    ours identify contacts.csv --external-id '{id}' -u first_name='{First Name}'
    """
    refuse_shared_stdin(flags.target, is_read=data == "@-")
    fields = field_map(visitor, are_templates=bool(files))
    if not files:
        _refuse_row_flags(mapping, reading, filters, flags.batching, flags.resuming)
        sender = Sender(IDENTIFY, flags.target, flags.sending, flags.showing, curl)
        return _identify_one(fields, data, sender)
    if curl:
        raise UsageError("--curl is for one visitor, and FILE may hold many", hint="leave one of the two out")
    if data is not None:
        raise UsageError("--data and FILE are two ways to say the same", hint="keep one of the two")
    # Loaded here, since neither one visitor nor a TAB should wait for it.
    from ours_cli.assembly.field_mapping import FieldMapping
    from ours_cli.assembly.visitor_assembler import VisitorAssembler
    from ours_cli.mapping.selection import read_selection
    from ours_cli.rows.chosen_map import chosen_map
    from ours_cli.rows.fingerprint import key_digest
    from ours_cli.rows.read_settings import read_options
    from ours_cli.rows.row_command import Prepared, RowRun
    from ours_cli.rows.row_run import execute
    from ours_cli.rows.run_context import hmac_key, make_context

    source = chosen_map(mapping, "identify")
    mapped = fields.over(source.fields)
    where = (*source.source.get("where", ()), *(filters.where or ()))
    key = partial(hmac_key, mapping.hmac_key_file)

    def prepare(run_id: str) -> Prepared:
        context = make_context(run_id, TimeFlags(), source._replace(source={}))
        assemble = VisitorAssembler(context.tally, read_selection(where, filters.sample))
        mapper = FieldMapping(mapped, assemble, context.times, context.tally, key, mapping.preset)
        return Prepared(context, mapper)

    run = RowRun(
        command="identify",
        arguments=files,
        sources=_sources(files),
        read=read_options(reading, source),
        limit=reading.limit,
        route=IDENTIFY,
        prepare=prepare,
        fingerprint={
            "fields": mapped,
            "key": key_digest(mapped, key),
            "source": source.source,
            "filters": filters,
        },
        flags=flags,
        progress=progress,
        templates=mapped.templates(),
        helpers=(mapping.map, mapping.hmac_key_file),
    )
    return execute(run)


def _refuse_row_flags(*groups: NamedTuple) -> None:
    """Raise `UsageError` for the first flag that is about rows: most likely FILE or - was forgotten."""
    for group in groups:
        for name, value in group._asdict().items():
            if value not in (None, group._field_defaults[name], (), []):
                raise UsageError(
                    f"--{name.replace('_', '-')} is about the rows of a FILE, and there is none", hint=_FILE
                )


def _identify_one(fields: FieldMap, data: str | None, sender: Sender) -> int:
    if flag := next(iter(placeholder_flags(fields)), None):
        # Sent as it is, it would make a visitor of that name.
        raise UsageError(
            f"{flag} names a column of a FILE, and there is none", hint=f"{_FILE}; --data sends it as it is"
        )
    body = build_body(fields, sender.read_data(data))
    check_body(body, IDENTIFY, empty_flags(fields))
    return sender.send_one(SingleBody(body, None, doubtful(fields, body)))


_FILE: Final = "ours identify FILE, where - is standard input"


def _sources(files: list[str]) -> list[Location]:
    from ours_cli.source import expand

    try:
        return expand(files)
    except SourceError as error:
        if error.hint is not None:
            raise
        # Most likely a visitor's id or property in place of FILE, so it is not repeated.
        raise SourceError(
            "there is no such FILE of visitors",
            hint=flag_of_property(files[0], "-u")
            or "one visitor is named by --external-id ID, --email ADDRESS or --user-id ID",
        ) from None
