"""How large the requests of a run are, and how many processes map its rows."""

from __future__ import annotations

import os
import sys
import time
from typing import Final

from ours_cli.console import Console
from ours_cli.contract import BATCH_EVENTS, BATCH_EVENTS_MAX
from ours_cli.files.batch_limits import FILE, known_limit
from ours_cli.files.folders import state_dir
from ours_cli.rows.row_command import RowRun
from ours_cli.sending.route import IDENTIFY

WORKERS_AUTO_MAX: Final = 2
"""The most processes that `--workers auto` starts: the one that reads and sends cannot feed more."""

WORKERS_AUTO_BYTES: Final = 16 << 20
"""Bytes from which on `--workers auto` starts any: a smaller file is sent before they are warm."""


def batch_events(run: RowRun, known: int | None) -> tuple[int, int]:
    """Events per request, at first and at most.

    That is no more than `--rate` allows in a second, since a request is a burst. `known` is what the API is
    known to take. Contract: /identify has no bulk form.
    """
    told = 1 if run.route is IDENTIFY else run.flags.batching.batch_size
    first = BATCH_EVENTS if told is None else told
    pace = run.settings.rate
    wanted = BATCH_EVENTS_MAX if told is None and pace is None else first
    most = min([wanted, *(max(1, int(bound)) for bound in (known, pace) if bound is not None)])
    return min(first, most), most


def stated_limit(run: RowRun, base_url: str, console: Console) -> int | None:
    """The batch limit that doctor found for this API, where it makes a difference; -v reports it."""
    if run.flags.target.sandbox or run.route is IDENTIFY:
        return None
    known = known_limit(state_dir(), base_url, time.time())
    if known.is_damaged:
        console.warn(f"{state_dir() / FILE} is damaged and not used; ours doctor writes it anew")
    elif known.is_stale:
        console.note("the batch limit that ours doctor found is too old to be used; ours doctor looks again")
    elif known.events is not None and known.events < (run.flags.batching.batch_size or BATCH_EVENTS_MAX):
        console.detail(f"batches of at most {known.events:,} events, as ours doctor found it")
        return known.events
    return None


def worker_count(wanted: int | None, size: int | None) -> int:
    """How many processes map rows for this one, 0 for none, where so many (None: auto) are wanted.

    `size` is the bytes of all sources, None where one is a pipe: its rows are mapped as they come.
    """
    if size is None or sys.platform == "win32":
        return 0
    if wanted is None:
        wanted = min(_cores(), WORKERS_AUTO_MAX) if size >= WORKERS_AUTO_BYTES else 1
    return wanted if wanted > 1 else 0


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
