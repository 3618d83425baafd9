"""Text → time zone: IANA names, offsets, abbreviations, and the names of Windows and Rails."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache

from ours_cli.timestamps.problem import TimeProblem
from ours_cli.timestamps.zone_names import ABBREVIATIONS, AMBIGUOUS, LOCAL_LETTERS, TITLES

_LONGEST_NAME = 64
_IN_HEADER = re.compile(
    r"[(\[](?P<bracketed>[^()\[\]]+?)(?:[ _]time)?(?:[ _]?zone)?[)\]]|(?:^|[ _])(?P<last>UTC|GMT)$", re.I
)
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
_AMBIGUOUS_HINT = "name the zone that uses these letters with --tz, such as Asia/Kolkata for IST"
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


def stated_zone(text: str) -> tuple[tzinfo | None, str]:
    """The zone that stands in a time, and its letters in capitals where it is an abbreviation, else "".

    Letters that several zones share have no zone by themselves: None. Raises TimeProblem `unknown_zone`.
    """
    letters = text.strip().upper()
    if letters in AMBIGUOUS:
        return None, letters
    return parse_zone(text), letters if letters in ABBREVIATIONS else ""


def zone_in_header(column: str) -> str | None:
    """The zone that a column's name speaks of: "Created (UTC)", "created_utc". A hint, never obeyed."""
    for found in _IN_HEADER.finditer(column.strip()):
        name: str = found["bracketed"] or found["last"]
        try:
            parse_zone(name)
        except TimeProblem:
            continue
        return name
    return None


def ambiguous_letters() -> TimeProblem:
    """For letters that several zones share, where nothing says which is meant."""
    return TimeProblem("unknown_zone", "several zones share this abbreviation", _AMBIGUOUS_HINT)


def offset_by_letters(letters: str, moment: datetime, zone: tzinfo | None) -> timedelta | None:
    """The offset of `zone` east of UTC at the naive `moment`, if these letters are its own at that time.

    They tell the two passes of a repeated hour apart, too: "01:30 BST" and "01:30 GMT" in London.
    """
    if zone is None:
        return None
    for fold in (0, 1):
        local = moment.replace(fold=fold)
        if zone.tzname(local) == letters:
            offset = zone.utcoffset(local)
            assert offset is not None
            # In an hour that the clocks skip, neither name was in use.
            if _exists(local, offset, zone):
                return offset
    if getattr(zone, "key", None) in LOCAL_LETTERS.get(letters, ()):
        return zone.utcoffset(moment)
    return None


def _exists(local: datetime, offset: timedelta, zone: tzinfo) -> bool:
    try:
        again = (local - offset).replace(tzinfo=UTC).astimezone(zone)
    except OverflowError:
        return False
    return again.replace(tzinfo=None) == local


@lru_cache(maxsize=512)
def _parse(text: str) -> tzinfo:
    if offset := _OFFSET.fullmatch(text) or _PREFIXED_OFFSET.fullmatch(text):
        return _fixed_offset(offset)
    letters = text.upper()
    if letters in AMBIGUOUS:
        raise ambiguous_letters()
    if letters in ABBREVIATIONS:
        return timezone(timedelta(hours=ABBREVIATIONS[letters]))
    title = _DISPLAY_PREFIX.sub("", text, count=1)
    name = _iana_names().get(title.lower()) or _titles().get(_bare(title))
    if name is None:
        raise _unknown()
    return UTC if name in ("UTC", "Etc/UTC") else _load(name)


def _fixed_offset(offset: re.Match[str]) -> timezone:
    shift = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
    return timezone(-shift if "-" in offset[0] else shift)


@cache
def _iana_names() -> dict[str, str]:
    from zoneinfo import available_timezones

    return {name.lower(): name for name in available_timezones() - _NOT_PLACES}


@cache
def _titles() -> dict[str, str]:
    """Every title and city, without blanks and punctuation; where a title is also a city the title wins."""
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
    """The form in which "Time (US & Canada)" and "Time - US & Canada" are the same."""
    return "".join(filter(str.isalnum, name)).lower()


def _load(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise _unknown() from error


def _unknown() -> TimeProblem:
    return TimeProblem("unknown_zone", "not a time zone that can be told", _ZONE_HINT)
