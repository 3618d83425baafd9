"""`ours track EVENT`: one event, now."""

from __future__ import annotations

from typing import Annotated

import typer

from ours_cli.commands.field_flags import field_map
from ours_cli.commands.one import send_one
from ours_cli.destination import refuse_shared_stdin
from ours_cli.errors import UsageError
from ours_cli.options import Data, EventFields, Sending, Showing, Target, TimeFlags, VisitorFields
from ours_cli.route import TRACK
from ours_cli.single import build_body, check_body, read_data, settle_distinct_id, settle_time


def track(
    event: Annotated[str | None, typer.Argument(metavar="EVENT", help="Name of the event.")] = None,
    *,
    happened: EventFields,
    visitor: VisitorFields,
    data: Data = None,
    times: TimeFlags,
    target: Target,
    sending: Sending,
    showing: Showing,
) -> int:
    """Send one event, now.

    ours track Purchase --external-id c1 -p plan=Premium -p amount:=99.99
    """
    refuse_shared_stdin(target, is_read=data == "@-")
    fields = field_map(visitor, happened, name=event)
    if fields.star:
        raise UsageError("-p '*' is for backfill", hint="-p NAME=TEXT")
    body = build_body(fields, read_data(data))
    warnings = settle_time(body, fields.time, times)
    check_body(body, TRACK)
    distinct_id = settle_distinct_id(body)
    return send_one(
        TRACK,
        body,
        distinct_id=distinct_id,
        target=target,
        sending=sending,
        showing=showing,
        warnings=warnings,
    )
