"""What the rows of one run share: window, ids, time reading, and the tally of what the person should know."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import NamedTuple

from ours_cli.assembly.event_assembler import EventAssembler
from ours_cli.errors import UsageError
from ours_cli.files.named_secrets import why_missing
from ours_cli.ids.identity import DistinctIds
from ours_cli.mapping.body_builder import TimeMapping
from ours_cli.mapping.mapfile import MapFile
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.validate import Window
from ours_cli.options import TimeFlags
from ours_cli.rows.read_settings import max_age_ms, time_mapping
from ours_cli.templates.filter_functions import no_hmac_key


class RunContext(NamedTuple):
    """Made once per run from flags and map file; `run_id` names the run and salts the ids of untimed rows.

    `empty` is for the names of sources that were read and hold no row.
    """

    run_id: str
    window: Window
    times: TimeMapping
    ids: DistinctIds
    tally: Tally
    empty: list[str]

    def event_assembler(self, selection: Selection) -> EventAssembler:
        """The last step of mapping for events."""
        return EventAssembler(self.window, self.ids, self.tally, selection)

    def decided_flags(self) -> list[str]:
        """The flags for what no flag said: the order and unit that were found, UTC for lack of a zone."""
        reader = self.times.reader
        flags = [] if reader.decided_order is None else [f"--{reader.decided_order}-first"]
        flags += [] if reader.decided_unit is None else ["--epoch-unit", reader.decided_unit]
        return flags + (["--tz", "UTC"] if reader.naive_as_utc and self.times.zone is None else [])


def new_run_id() -> str:
    """A run's name: when it started (UTC), then 4096ths of that second, then chance; names sort by age."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    part = nanoseconds * 4096 // 10**9
    return time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime(seconds)) + f"{part:03x}{secrets.randbits(12):03x}"


def make_context(run_id: str, flags: TimeFlags, source: MapFile, *, zone_columns: bool = True) -> RunContext:
    """Settle how times are read and judged; raises `UsageError` for flags that contradict each other.

    `zone_columns` says whether rows have columns that may name their zone.
    """
    return RunContext(
        run_id=run_id,
        window=Window(max_age_ms(flags, source)),
        times=time_mapping(flags, source, zone_columns=zone_columns),
        ids=DistinctIds(run_id.encode()),
        tally=Tally(),
        empty=[],
    )


def hmac_key(path: str | None) -> bytes:
    """The key of the hmac filter; raises `UsageError` when there is none (called only where it is used)."""
    if path is None:
        if key := os.environ.get("OURS_HMAC_KEY", "").encode():
            return key
        raise no_hmac_key()
    hint = "it holds the key of the hmac filter alone"
    if (why := why_missing(path)) is not None:
        raise UsageError(f"the file that --hmac-key-file names {why}", hint=hint)
    try:
        key = Path(path).expanduser().read_bytes().strip()
    except OSError as error:
        raise UsageError(f"the key file {path} cannot be read ({type(error).__name__})", hint=hint) from None
    if not key:
        raise UsageError(f"the key file {path} is empty", hint=hint)
    return key
