"""How a source and its times are read: flags, laid over what the map file's `[source]` says."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ours_cli.contract import WINDOW_MS
from ours_cli.errors import UsageError
from ours_cli.mapping.body_builder import TimeMapping
from ours_cli.mapping.mapfile import MapFile
from ours_cli.options import Reading, TimeFlags
from ours_cli.source import ReadOptions
from ours_cli.templates.template import parse
from ours_cli.timestamps import UNITS, DateOrder, EpochUnit, TimeProblem, TimeReader, TimeRules, parse_zone
from ours_cli.wording.durations import parse_duration


class _Given(NamedTuple):
    """A setting as it was given, if it was, and by what: a flag, or a key of the map file."""

    text: str | None
    origin: str
    by_map: bool


def _given(typed: str | None, flag: str, source: MapFile, key: str) -> _Given:
    if typed or key not in source.source:
        return _Given(typed or None, flag, by_map=False)
    return _Given(source.source[key], f"source.{key} in {source.name}", by_map=True)


def max_age_ms(flags: TimeFlags, source: MapFile) -> int | None:
    """The oldest age that is sent: milliseconds, None for any; raises `UsageError`."""
    given = _given(flags.max_age, "--max-age", source, "max_age")
    if given.text is None:
        return WINDOW_MS
    if given.text.strip().lower() == "none":
        return None
    try:
        if age_ms := int(parse_duration(given.text) * 1000):
            return age_ms
        raise ValueError("no row is that young")
    except ValueError as error:
        raise UsageError(
            f"{given.origin}: {error}",
            hint='max_age = "30d", or "none"' if given.by_map else "--max-age 30d, or --max-age none",
        ) from None


def time_mapping(flags: TimeFlags, source: MapFile, *, zone_columns: bool) -> TimeMapping:
    """How times are read; raises `UsageError`. `zone_columns` says whether a column may name the zone."""
    given = _given(flags.tz, "--tz", source, "timezone")
    zone_text = given.text
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
                f"{given.origin}: {problem.message}", hint=own_hint if given.by_map else problem.hint
            ) from None
    rules = TimeRules(
        zone=zone,
        format=flags.time_format or source.source.get("time_format"),
        order=_date_order(flags, source),
        unit=_epoch_unit(_given(flags.epoch_unit, "--epoch-unit", source, "epoch_unit")),
        dst=_dst(_given(flags.dst, "--dst", source, "dst")),
    )
    try:
        return TimeMapping(TimeReader(rules), template)
    except TimeProblem as problem:
        raise UsageError(
            problem.message, hint=problem.hint or "--time-format '%d/%m/%Y %H:%M', or excel"
        ) from None


def _date_order(flags: TimeFlags, source: MapFile) -> DateOrder | None:
    if flags.day_first and flags.month_first:
        raise UsageError("--day-first and --month-first contradict each other", hint="keep one")
    if flags.day_first or flags.month_first:
        return "day" if flags.day_first else "month"
    match source.source.get("date_order"):
        case None | "day" | "month" as order:
            return order
    raise UsageError(
        f'source.date_order in {source.name} must be "day" or "month"', hint="without it, the dates tell"
    )


def _epoch_unit(given: _Given) -> EpochUnit | None:
    if given.text is None:
        return None
    for unit in UNITS:
        if unit == given.text:
            return unit
    raise UsageError(f"{given.origin} must be one of {', '.join(UNITS)}", hint="without it, their size tells")


def _dst(given: _Given) -> Literal["reject", "earlier", "later"]:
    match given.text:
        case None:
            return "reject"
        case "earlier" | "later" as which:
            return which
    raise UsageError(f"{given.origin} must be earlier or later", hint="without it such times are rejected")


def read_options(flags: Reading, source: MapFile) -> ReadOptions:
    """Lay the reading flags over the map file's `[source]` table; raises `UsageError` on unknown formats."""
    keys = source.source
    if flags.skip_lines is not None or flags.no_header:
        keys = {key: value for key, value in keys.items() if key != "header_row"}
    if flags.header_row is not None:
        keys = {key: value for key, value in keys.items() if key not in ("skip_lines", "no_header")}
    return ReadOptions(
        format=_format(_given(flags.format, "--format", source, "format")),
        delimiter=flags.delimiter or keys.get("delimiter"),
        quote=flags.quote if flags.quote is not None else keys.get("quote"),
        encoding=flags.encoding or keys.get("encoding"),
        skip_lines=flags.skip_lines if flags.skip_lines is not None else keys.get("skip_lines", 0),
        no_header=flags.no_header or keys.get("no_header", False),
        header_row=flags.header_row if flags.header_row is not None else keys.get("header_row"),
    )


def _format(given: _Given) -> Literal["csv", "tsv", "ndjson", "json"] | None:
    match given.text:
        case None | "csv" | "tsv" | "ndjson" | "json" as text:
            return text
        case "jsonl":
            return "ndjson"
    raise UsageError(
        f"{given.origin} must be csv, tsv, ndjson, jsonl or json", hint="without it, name and content decide"
    )
