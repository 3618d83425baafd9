"""What the rows of one run share: window, ids, time reading, and the tally of what the person should know."""

from __future__ import annotations

import os
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from ours_cli.contract import WINDOW_MS
from ours_cli.counted import counted
from ours_cli.durations import parse_duration
from ours_cli.errors import UsageError
from ours_cli.ids.doubtful_ids import CUT
from ours_cli.ids.identity import DistinctIds
from ours_cli.mapping.assemble import EventAssembler
from ours_cli.mapping.field_body import TimeMapping
from ours_cli.mapping.mapfile import MapFile
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.where import only_column, where_flag
from ours_cli.mapping.window import Window
from ours_cli.options import Reading, TimeFlags
from ours_cli.source import ReadOptions
from ours_cli.templates.filter_functions import no_hmac_key
from ours_cli.templates.template import parse
from ours_cli.timestamps import UNITS, EpochUnit, TimeProblem, TimeReader, TimeRules, parse_zone


class RunContext(NamedTuple):
    """Made once per run from flags and map file; `run_id` names the run and salts the ids of untimed rows."""

    run_id: str
    window: Window
    times: TimeMapping
    ids: DistinctIds
    tally: Tally

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
        long = counted(tally.long_arrays, "row holds", "rows hold")
        odd = counted(self.times.reader.contradictions, "date contradicts", "dates contradict")
        unsettled = counted(self.times.reader.open_dates, "date has", "dates have")
        missing = {**tally.columns_missing, **tally.sought_in_vain}
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
            (tally.long_arrays, f"{long} arrays over 250 entries: the API cuts them"),
            (tally.known_as, tally.known_as),
            (missing, f"never found in any row: {', '.join(missing)}"),
        ]
        return [text for count, text in found if count]

    def _doubtful_ids(self, templates: Mapping[str, str]) -> Iterator[str]:
        found = self.tally.doubtful_ids
        for key in dict.fromkeys(key for key, _ in found):
            words = sorted(word for of, word in found if of == key and word != CUT)
            if words:
                rows = counted(sum(found[key, word] for word in words), "row has", "rows have")
                # Where nothing is mapped, the column bears the name of the key.
                column = (only_column(templates, [key]) or "COLUMN") if templates else key
                yield (
                    f"{rows} a word for nothing as {key} ({', '.join(words)}), and the API takes it for a"
                    f" visitor; leave them out by " + where_flag(column, "!=", words[0])
                )
            if cut := found[key, CUT]:
                rows = counted(cut, "row has", "rows have")
                yield (
                    f"{rows} a number in {CUT} as {key}: a spreadsheet cut its digits, and several visitors"
                    " may be one; export that column as text"
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

    def left_behind(self) -> list[str]:
        """The columns that no template uses, as a warning: they are never sent."""
        left = self.tally.columns_left
        return [f"columns not sent: {', '.join(left)}"] if left else []


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
        window=Window(_max_age_ms(_told(flags.max_age, "--max-age", source, "max_age"))),
        times=_time_mapping(flags, source, zone_columns),
        ids=DistinctIds(run_id.encode()),
        tally=Tally(),
    )


class _Told(NamedTuple):
    """What was told, if anything, and where: by a flag, or by a key of the map file."""

    text: str | None
    origin: str
    by_map: bool


def _told(typed: str | None, flag: str, source: MapFile, key: str) -> _Told:
    if typed or key not in source.source:
        return _Told(typed or None, flag, by_map=False)
    return _Told(source.source[key], f"source.{key} in {source.name}", by_map=True)


def _max_age_ms(told: _Told) -> int | None:
    """Milliseconds, None for `none`, by default the API's window; raises `UsageError`."""
    if told.text is None:
        return WINDOW_MS
    if told.text.strip().lower() == "none":
        return None
    try:
        return int(parse_duration(told.text) * 1000)
    except ValueError as error:
        raise UsageError(
            f"{told.origin}: {error}",
            hint='max_age = "30d", or "none"' if told.by_map else "--max-age 30d, or --max-age none",
        ) from None


def _time_mapping(flags: TimeFlags, source: MapFile, zone_columns: bool) -> TimeMapping:
    told = _told(flags.tz, "--tz", source, "timezone")
    zone_text = told.text
    template = parse(zone_text) if zone_text is not None and "{" in zone_text else None
    if template is not None and not zone_columns:
        raise UsageError("--tz names a zone here, not a column", hint="--tz Europe/Berlin")
    zone = None
    if zone_text is not None and template is None:
        try:
            zone = parse_zone(zone_text)
        except TimeProblem as problem:
            own_hint = 'timezone = "America/New_York", or an offset such as "-05:00"'
            raise UsageError(
                f"{told.origin}: {problem.message}", hint=own_hint if told.by_map else problem.hint
            ) from None
    rules = TimeRules(
        zone=zone,
        format=flags.time_format or source.source.get("time_format"),
        order=_date_order(flags, source),
        unit=_epoch_unit(_told(flags.epoch_unit, "--epoch-unit", source, "epoch_unit")),
        dst=_dst(_told(flags.dst, "--dst", source, "dst")),
    )
    try:
        return TimeMapping(TimeReader(rules), template)
    except TimeProblem as problem:
        raise UsageError(
            problem.message, hint=problem.hint or "--time-format '%d/%m/%Y %H:%M', or excel"
        ) from None


def _date_order(flags: TimeFlags, source: MapFile) -> Literal["day", "month"] | None:
    if flags.day_first and flags.month_first:
        raise UsageError("--day-first and --month-first contradict each other", hint="keep one")
    if flags.day_first or flags.month_first:
        return "day" if flags.day_first else "month"
    match source.source.get("date_order"):
        case None:
            return None
        case "day":
            return "day"
        case "month":
            return "month"
    raise UsageError(
        f'source.date_order in {source.name} must be "day" or "month"', hint="without it, the dates tell"
    )


def _epoch_unit(told: _Told) -> EpochUnit | None:
    if told.text is None:
        return None
    for unit in UNITS:
        if unit == told.text:
            return unit
    raise UsageError(f"{told.origin} must be one of {', '.join(UNITS)}", hint="without it, their size tells")


def _dst(told: _Told) -> Literal["reject", "earlier", "later"]:
    match told.text:
        case None:
            return "reject"
        case "earlier":
            return "earlier"
        case "later":
            return "later"
    raise UsageError(f"{told.origin} must be earlier or later", hint="without it such times are rejected")


def read_options(flags: Reading, source: MapFile) -> ReadOptions:
    """Lay the reading flags over the map file's `[source]` table; raises `UsageError` on unknown formats."""
    given = source.source
    if flags.skip_lines is not None or flags.no_header:
        given = {key: value for key, value in given.items() if key != "header_row"}
    if flags.header_row is not None:
        given = {key: value for key, value in given.items() if key not in ("skip_lines", "no_header")}
    return ReadOptions(
        format=_format(_told(flags.format, "--format", source, "format")),
        delimiter=flags.delimiter or given.get("delimiter"),
        quote=flags.quote if flags.quote is not None else given.get("quote"),
        encoding=flags.encoding or given.get("encoding"),
        skip_lines=flags.skip_lines if flags.skip_lines is not None else given.get("skip_lines", 0),
        no_header=flags.no_header or given.get("no_header", False),
        header_row=flags.header_row if flags.header_row is not None else given.get("header_row"),
    )


def _format(told: _Told) -> Literal["csv", "tsv", "ndjson", "json"] | None:
    match told.text:
        case None | "csv" | "tsv" | "ndjson" | "json" as text:
            return text
        case "jsonl":
            return "ndjson"
    raise UsageError(
        f"{told.origin} must be csv, tsv, ndjson or json", hint="without it, name and content decide"
    )


def hmac_key(path: str | None) -> bytes:
    """The key of the hmac filter; raises `UsageError` when there is none (called only where it is used)."""
    if path is not None:
        try:
            key = Path(path).expanduser().read_bytes().strip()
        except (OSError, RuntimeError) as error:
            raise UsageError(f"the key file {path} cannot be read ({type(error).__name__})") from None
    else:
        key = os.environ.get("OURS_HMAC_KEY", "").encode()
    if not key:
        raise no_hmac_key()
    return key
