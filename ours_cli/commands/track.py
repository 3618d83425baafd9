"""`ours track EVENT`: one event, now; `ours track -`: one for each line of standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO

import typer

from ours_cli.commands.field_flags import field_map
from ours_cli.destination import refuse_shared_stdin
from ours_cli.errors import SourceError, UsageError, reason
from ours_cli.exact_json import is_object
from ours_cli.mapping.fields import FieldMap
from ours_cli.options import Curl, Data, EventFields, Sending, Showing, Target, TimeFlags, VisitorFields
from ours_cli.process.standard_streams import standard_input
from ours_cli.sending.route import TRACK
from ours_cli.single.body import build_body, read_line, settle_distinct_id, settle_time
from ours_cli.single.command import Sender, SingleBody
from ours_cli.single.judgement import check_body, doubtful, empty_flags


def track(
    event: Annotated[
        str | None, typer.Argument(metavar="EVENT", help="Name of the event; - reads bodies from stdin.")
    ] = None,
    *,
    happened: EventFields,
    visitor: VisitorFields,
    data: Data = None,
    curl: Curl = False,
    times: TimeFlags,
    target: Target,
    sending: Sending,
    showing: Showing,
) -> int:
    """Send one event, now.

    ours track Purchase --external-id c1 -p plan=Premium -p amount:=99.99
    """
    reads_lines = event == "-"
    refuse_shared_stdin(target, is_read=data == "@-" or reads_lines)
    if event is not None and is_object(event):
        raise UsageError("EVENT is a JSON object, and wants a name", hint="--data takes a whole body")
    fields = field_map(visitor, happened, name=None if reads_lines else event)
    if fields.star:
        raise UsageError("-p '*' is for backfill", hint="-p NAME=TEXT")
    sender = Sender(TRACK, target, sending, showing, curl)
    if not reads_lines:
        return sender.send_one(_body(fields, sender.read_data(data), times))
    if data is not None:
        raise UsageError("--data and - are two ways to say the same", hint="keep one of the two")
    if fields.distinct_id is not None:
        raise UsageError(
            "--distinct-id would give every line the same id", hint="put distinctId into the lines"
        )
    if sys.stdin is None:
        raise SourceError("there is no standard input", hint="pipe bodies into it, a JSON object a line")
    return sender.send_lines(_lines(standard_input()), lambda line: _line_body(fields, line, times))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    try:
        yield from stream
    except OSError as error:
        raise SourceError(
            f"standard input cannot be read: {reason(error)}",
            hint="pipe bodies into it, a JSON object a line",
        ) from None


def _body(fields: FieldMap, data: dict[str, Any], times: TimeFlags) -> SingleBody:
    """One body: the flags laid over the data; raises `UsageError`."""
    body = build_body(fields, data)
    warnings = settle_time(body, fields.time, times)
    check_body(body, TRACK, empty_flags(fields))
    warnings += doubtful(fields, body)
    is_id_made = not body.get("distinctId")
    return SingleBody(body, settle_distinct_id(body), warnings, is_id_made)


def _line_body(fields: FieldMap, line: bytes, times: TimeFlags) -> SingleBody:
    data, nulls = read_line(line)
    body = _body(fields, data, times)
    dropped = ["nulls were left out: they would clear what is stored; --clear NAME does"] if nulls else []
    return body._replace(warnings=[*dropped, *body.warnings])
