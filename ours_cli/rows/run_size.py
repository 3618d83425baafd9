"""How large the requests of a run are, and how many processes map its rows."""

from __future__ import annotations

import os
import sys
from typing import Final

from ours_cli.contract import BATCH_EVENTS, BATCH_EVENTS_MAX
from ours_cli.rows.row_command import RowRun
from ours_cli.sending.route import IDENTIFY

WORKERS_AUTO_MAX: Final = 2
"""The most processes that `--workers auto` starts: the one that reads and sends cannot feed more."""

WORKERS_AUTO_BYTES: Final = 16 << 20
"""Bytes from which on `--workers auto` starts any: a smaller file is sent before they are warm."""


def batch_events(run: RowRun) -> tuple[int, int]:
    """Events per request, at first and at most.

    That is no more than `--rate` allows in a second, since a request is a burst. Contract: /identify has no
    bulk form.
    """
    told = 1 if run.route is IDENTIFY else run.flags.batching.batch_size
    pace = run.settings.rate
    most = told or (BATCH_EVENTS_MAX if pace is None else BATCH_EVENTS)
    if pace is not None:
        most = min(most, max(1, int(pace)))
    return min(most, told or BATCH_EVENTS), most


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
