"""Sending one body and printing its one line: shared by `track` and `identify`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ours_cli.console import Console
from ours_cli.destination import destination
from ours_cli.errors import OursError, UsageError
from ours_cli.escape import json_text, printable
from ours_cli.options import Output, Sending, Showing, Target
from ours_cli.route import Route
from ours_cli.serialize import serialize
from ours_cli.single import GIVE_UP_AFTER_S, SingleOptions, in_api_order, masked, send
from ours_cli.validate import Fault


def send_one(
    route: Route,
    body: dict[str, Any],
    *,
    distinct_id: str | None,
    target: Target,
    sending: Sending,
    showing: Showing,
    warnings: Sequence[str] = (),
) -> int:
    """Send the body, or show it with `--dry-run`; prints one line and returns the exit code."""
    console = Console(quiet=showing.quiet, verbose=showing.verbose)
    for text in warnings:
        console.warn(text)
    serialized = serialize(in_api_order(body))
    if isinstance(serialized, Fault):
        raise UsageError(serialized.message)
    if target.dry_run:
        console.result(masked(serialized))
        return 0
    options = SingleOptions(
        timeout=sending.timeout,
        give_up_after=sending.give_up_after or GIVE_UP_AFTER_S,
        ca_file=Path(sending.ca_file) if sending.ca_file else None,
        on_wait=lambda reason, seconds: console.detail(f"{reason}; next try in {seconds:.1f} s"),
    )
    result: dict[str, Any] = {"command": route.path, "status": "complete"}
    result |= {"distinctId": distinct_id} if distinct_id is not None else {}
    started = time.monotonic()
    with destination(target, None) as place:
        try:
            send(route, place.endpoint, serialized, options)
        except OursError as error:
            if showing.output is Output.json:
                console.result(json_text(result | {"status": "failed", "error": error.message}))
            raise
    console.detail(f"accepted by {place.name} in {(time.monotonic() - started) * 1000:.0f} ms")
    console.result(json_text(result) if showing.output is Output.json else _line(body, distinct_id))
    return 0


def _line(body: dict[str, Any], distinct_id: str | None) -> str:
    if distinct_id is None:
        return "accepted: visitor properties"
    return printable(f"accepted: {body['event']} {distinct_id}")
