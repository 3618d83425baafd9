"""How a command over rows shows its progress."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from math import ceil
from typing import TYPE_CHECKING

from ours_cli.console import Console
from ours_cli.rows.row_plan import RowRun
from ours_cli.rows.row_sources import RowSources

if TYPE_CHECKING:
    from ours_cli.pipeline import Observer


def progress(run: RowRun, sources: RowSources, console: Console) -> AbstractContextManager[Observer]:
    """The observer of a run that its flags and the terminal call for."""
    wanted = run.progress
    if wanted is None and run.flags.batching.rejects == "-" and sys.stdout.isatty():
        wanted = False  # rejects come onto the same screen, and would tear the bar
    limit, shard = run.limit, run.settings.shard
    if limit is not None and shard is not None:
        limit = ceil(shard.share(limit))  # it is of all rows
    return console.progress(len(run.sources), sources.size, limit=limit, wanted=wanted)
