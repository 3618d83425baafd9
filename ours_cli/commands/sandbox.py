"""`ours sandbox`: a local Ingest API to rehearse and test against."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from ours_cli.console import Console
from ours_cli.errors import UsageError
from ours_cli.process.memory import collect_as_usual
from ours_cli.reports.histogram import instant
from ours_cli.sandbox import Sandbox, SandboxOptions, StoredEvent, load_faults
from ours_cli.wording.counted import counted
from ours_cli.wording.durations import DAY_MS, parse_duration
from ours_cli.wording.escape import printable


def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port; 0 picks a free one.")
    ] = 8787,
    db: Annotated[
        str | None, typer.Option(metavar="PATH", help="SQLite file for events; default: a temporary file.")
    ] = None,
    max_events: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Answer 413 to batches of more events.")
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Answer 413 to larger bodies.")
    ] = None,
    window_days: Annotated[str, typer.Option(metavar="N|none", help="How old an event's time may be.")] = "7",
    latency: Annotated[
        str, typer.Option(metavar="DURATION", help="Wait this long before each answer.")
    ] = "0",
    faults: Annotated[str | None, typer.Option(metavar="FILE", help="JSON file of faults to play.")] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Don't show events as they arrive.")] = False,
) -> int:
    """Run a local Ingest API that follows the contract exactly, until Ctrl-C.

    Any non-empty token works. GET /api/v1/events shows what arrived.
    """
    console = Console(quiet=quiet)
    options = SandboxOptions(
        port=port,
        db=Path(db) if db else None,
        max_events=max_events,
        max_bytes=max_bytes,
        window_ms=_window_ms(window_days),
        latency=_latency(latency),
        faults=load_faults(Path(faults)) if faults else (),
    )

    def show(event: StoredEvent) -> None:
        console.note(_line(event))

    collect_as_usual()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with Sandbox(options, on_event=None if quiet else show) as running:
        console.result(running.base_url)
        console.note(
            "stop with Ctrl-C; point ours here with --base-url or OURS_PRIVACY_BASE_URL; any token is good"
        )
        done.wait()
        totals = running.totals()
    console.note(f"{counted(totals.rows, 'row')} received, {counted(totals.events, 'distinct event')} stored")
    return 0


def _line(event: StoredEvent) -> str:
    """One line per event: what, when and under which id; never who, nor properties."""
    when = instant(int(event.time)) if event.time is not None else instant(event.arrived_ms)
    return printable(f"{event.path}  {when}  {event.event}  {event.distinct_id}")


def _window_ms(text: str) -> int | None:
    if text == "none":
        return None
    try:
        return int(float(text) * DAY_MS)
    except (ValueError, OverflowError):
        raise UsageError("--window-days must be a number of days, or none", hint="--window-days 30") from None


def _latency(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--latency: {error}", hint="--latency 60ms") from None
