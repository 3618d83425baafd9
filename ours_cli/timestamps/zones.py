"""Text → time zone: IANA names, offsets, abbreviations, and the names of Windows and Rails."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache, lru_cache

from ours_cli.timestamps.problem import TimeProblem
from ours_cli.timestamps.zone_names import ABBREVIATIONS, AMBIGUOUS, TITLES

_LONGEST_NAME = 64
_OFFSET = re.compile(r"[+-](?P<hours>[01]\d|2[0-3])(?::?(?P<minutes>[0-5]\d))?", re.ASCII)
# Behind UTC or GMT the hour may be one digit: "UTC+2".
_PREFIXED_OFFSET = re.compile(
    r"(?:UTC|GMT) ?[+-](?P<hours>[01]?\d|2[0-3])(?::?(?P<minutes>[0-5]\d))?", re.ASCII | re.IGNORECASE
)
# "(GMT-05:00) Eastern Time (US & Canada)": the offset is the winter's, the name knows the summer's.
_DISPLAY_PREFIX = re.compile(r"\((?:UTC|GMT)[^)]{0,7}\) ?", re.IGNORECASE)
# Files beside the zones: this machine's own zone, and none at all.
_NOT_PLACES = {"localtime", "Factory"}
_CONTINENTS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
_AMBIGUOUS_HINT = (
    "name the zone with --tz, such as Asia/Kolkata; letters in the time itself can go with |replace"
)
_ZONE_HINT = "give --tz an IANA name such as America/New_York, or an offset such as -05:00"


def parse_zone(text: str) -> tzinfo:
    """Read a zone's name or offset, in any case. Raises TimeProblem `unknown_zone`.

    Understood: IANA names; UTC, GMT, Z; "+02:00", "-0500", "+02", "UTC+2", "GMT-05:00"; abbreviations as
    fixed offsets ("EST" is UTC-5 all year, see `zone_names`); the names of Windows ("Pacific Standard Time",
    which has a summer time), Rails and Calendly ("Eastern Time - US & Canada", "Berlin"). "IST", "BST" and
    their like are refused.
    """
    if len(text) > _LONGEST_NAME or not text.isascii():
        raise _unknown()
    return _parse(text.strip())


@lru_cache(maxsize=512)
def _parse(text: str) -> tzinfo:
    if offset := _OFFSET.fullmatch(text) or _PREFIXED_OFFSET.fullmatch(text):
        return _fixed_offset(offset)
    letters = text.upper()
    if letters in AMBIGUOUS:
        raise TimeProblem("unknown_zone", "several zones share this abbreviation", _AMBIGUOUS_HINT)
    if letters in ABBREVIATIONS:
        return timezone(timedelta(hours=ABBREVIATIONS[letters]))
    name = _iana_name(_DISPLAY_PREFIX.sub("", text, count=1))
    return UTC if name in ("UTC", "Etc/UTC") else _load(name)


def _fixed_offset(offset: re.Match[str]) -> timezone:
    shift = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
    return timezone(-shift if "-" in offset[0] else shift)


def _iana_name(text: str) -> str:
    name = _iana_names().get(text.lower()) or _titles().get(_bare(text))
    if name is None:
        raise _unknown()
    return name


@cache
def _iana_names() -> dict[str, str]:
    from zoneinfo import available_timezones

    return {name.lower(): name for name in available_timezones() - _NOT_PLACES}


@cache
def _titles() -> dict[str, str]:
    """Every title and city, bare of blanks and punctuation; where a title is also a city the title wins."""
    titles = {
        _bare(name.rpartition("/")[2]): name
        for name in sorted(_iana_names().values())
        if name.startswith(_CONTINENTS) and "/" in name
    }
    for line in TITLES.split("\n"):
        zone, _, names = line.partition(": ")
        titles.update((_bare(name), zone) for name in names.split("; ") if name)
    return titles


def _bare(name: str) -> str:
    """What is left when "Time (US & Canada)" and "Time - US & Canada" are to be one."""
    return "".join(filter(str.isalnum, name)).lower()


def _load(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise _unknown() from error


def _unknown() -> TimeProblem:
    return TimeProblem("unknown_zone", "not a time zone that can be told", _ZONE_HINT)
