"""What the rows of one run share: window, ids, time reading, and the tally of what the person should know."""

from __future__ import annotations

import os
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from ours_cli.assembly.event_assembler import EventAssembler
from ours_cli.errors import UsageError
from ours_cli.files.named_secrets import why_missing
from ours_cli.ids.doubtful_ids import CUT, UNFILLED
from ours_cli.ids.identity import DistinctIds
from ours_cli.mapping.field_body import TimeMapping
from ours_cli.mapping.fields import odd_signs
from ours_cli.mapping.mapfile import MapFile
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.tally import NO_NAME, REST_OF_CELL, Tally
from ours_cli.mapping.validate import Window
from ours_cli.mapping.where import only_column, where_not
from ours_cli.options import TimeFlags
from ours_cli.rows.read_settings import max_age_ms, time_mapping
from ours_cli.templates.filter_functions import no_hmac_key
from ours_cli.templates.template import placeholder
from ours_cli.timestamps import parse_zone
from ours_cli.wording.counted import counted


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

    def warnings(self, templates: Mapping[str, str]) -> list[str]:
        """What was sent or left, and deserves a look; without values. `templates` makes the fields."""
        tally, naive = self.tally, self.times.reader.naive_as_utc
        untimed = counted(tally.untimed, "row")
        zoneless = counted(naive, "time had no zone and was", "times had no zone and were")
        nulls = counted(tally.nulls_dropped, "null was", "nulls were")
        repeats = counted(self.ids.repeats, "row repeats", "rows repeat")
        alike = counted(self.ids.of_other_files, "row is", "rows are")
        long = counted(tally.long_arrays, "row holds", "rows hold")
        odd = counted(self.times.reader.contradictions, "date contradicts", "dates contradict")
        unsettled = counted(self.times.reader.open_dates, "date has", "dates have")
        missing = {**tally.columns_missing, **tally.keys_never_seen}
        found = [
            (self.times.reader.contradictions, f"{odd} the order that the first rows told: was it right?"),
            (
                self.times.reader.open_dates,
                f"{unsettled} an order that nothing tells: mend them with --day-first or --month-first,"
                " or with --time-format '%y-%m-%d' where a two-digit year stands first",
            ),
            (naive, f"{zoneless} read as UTC; {self._zone_advice()}"),
            (tally.untimed, f"{untimed} had no time: the server stamps them on arrival"),
            *((1, text) for text in self._doubtful_ids(templates)),
            (tally.nulls_dropped, f"{nulls} left out; --send-nulls sends them"),
            (self.ids.repeats, f"{repeats} a distinctId: the API counts them once"),
            (
                self.ids.of_other_files,
                f"{alike} wholly like rows of an earlier file, and counted again; if the files overlap, give"
                " --distinct-id, which is counted once",
            ),
            (tally.long_arrays, f"{long} arrays over 250 entries: the API cuts them"),
            *(
                (1, f"{name!r} is sent as it stands in every row; the column is written {placeholder(name)}")
                for name in tally.bare_columns
            ),
            *((1, text) for text in odd_signs(templates)),
            (tally.preset_advice, tally.preset_advice),
            (
                tally.in_other_letters,
                f"not left out, for --exclude names other letters: {', '.join(tally.in_other_letters)}",
            ),
            (missing, f"never found in any row: {', '.join(missing)}"),
        ]
        return [text for count, text in found if count]

    def _doubtful_ids(self, templates: Mapping[str, str]) -> Iterator[str]:
        found = self.tally.doubtful_ids
        for key in dict.fromkeys(key for key, _ in found):
            words = sorted(word for of, word in found if of == key and word not in (CUT, UNFILLED))
            if words:
                rows = counted(sum(found[key, word] for word in words), "row has", "rows have")
                # Where nothing is mapped, the column bears the name of the key.
                column = (only_column(templates, [key]) or "COLUMN") if templates else key
                yield (
                    f"{rows} a word for nothing as {key} ({', '.join(words)}), and the API takes it for a"
                    f" visitor; leave them out by " + where_not(column, words[0])
                )
            if cut := found[key, CUT]:
                rows = counted(cut, "row has", "rows have")
                yield (
                    f"{rows} a number in {CUT} as {key}: a spreadsheet cut its digits, and several visitors"
                    " may be one; export that column as text"
                )
            if unfilled := found[key, UNFILLED]:
                rows = counted(unfilled, "row has", "rows have")
                yield (
                    f"{rows} a template that nothing filled in as {key} ({UNFILLED}), and the API takes it"
                    " for a visitor: look at what wrote these rows"
                )

    def _zone_advice(self) -> str:
        for column, zone in self.tally.header_zones.items():
            if parse_zone(zone).utcoffset(None) != timedelta(0):
                return f"the column {column!r} speaks of {zone}: if it is meant, --tz {shlex.quote(zone)}"
        return "--tz ZONE says otherwise"

    def decided_flags(self) -> list[str]:
        """The flags for what no flag said: the order and unit that were found, UTC for lack of a zone."""
        reader = self.times.reader
        flags = [] if reader.decided_order is None else [f"--{reader.decided_order}-first"]
        flags += [] if reader.decided_unit is None else ["--epoch-unit", reader.decided_unit]
        return flags + (["--tz", "UTC"] if reader.naive_as_utc and self.times.zone is None else [])

    def left_behind(self, on_purpose: str) -> list[str]:
        """The columns that no template uses, as a warning: they are never sent. `on_purpose` silences it."""
        meant = self.tally.left_on_purpose
        columns = self.tally.columns_left
        left = [name for name in columns if name.strip() not in meant]
        if not left:
            return []
        can_be_meant = not all(name.endswith((REST_OF_CELL, NO_NAME)) for name in left)
        advice = f"; {on_purpose} says it is meant" if can_be_meant else ""
        return [f"columns not sent: {', '.join(left)}{advice}"]


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
