"""Written times → the date, clock and zone that the text states; nothing is filled in from today.

Forms are tried one after the other, each with its own pattern, and the whole text must be used up. Where none
fits and the month is named, `any_order` asks dateutil; never where the month is a number, for it completes
what is missing with today's fields, and swaps day and month to make a date.

Choices where a text leaves one: two-digit years are 1969..2068 (as POSIX strptime); a weekday is not
checked against its date; 24:00 is the midnight that ends the day (ISO 8601); a leap second (:60) is no time,
since the epoch has no number for it; a midnight in front of another clock ("1/5/2011 00:00:00 01:20") is the
padding of a date column.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Literal, NamedTuple, TypeAlias

from ours_cli.timestamps.problem import TimeProblem, bad_time
from ours_cli.timestamps.zones import parse_zone, stated_zone

DateOrder: TypeAlias = Literal["day", "month"]
DateSign: TypeAlias = Literal["day", "month", "short day", "short month", "either", "year", "same"]

MONTH_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
WEEKDAY_NAME = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?"
"""How months and weekdays are named in English, as patterns; letters of either case."""

LONGEST = 100
ORDER_HINT = "say which with --day-first or --month-first"
YEAR_HINT = f"{ORDER_HINT}, or with --time-format '%y-%m-%d' where the year stands first"
# Spreadsheets and browsers write these in front of "PM" or of an offset.
_TYPOGRAPHY = {0x00A0: " ", 0x2009: " ", 0x202F: " ", 0x2212: "-"}


class Written(NamedTuple):
    """A naive moment and the zone that was written with it, if any.

    `letters` is set where that zone was an abbreviation: the zone is then what the letters mean by
    themselves, and None where several zones share them.
    """

    moment: datetime
    zone: tzinfo | None
    letters: str = ""


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Compiled when it is first needed: ISO 8601 and epoch numbers need the fewest, and they take long."""
    return re.compile(text, re.ASCII | re.IGNORECASE)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{MONTH_NAME})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
# "24 Sep 10:30" has no year: two digits before a colon are an hour.
_YEAR = r"(?P<year>\d{4}(?!\d)|\d\d(?![\d:]))"
_WEEKDAY = _pattern(rf"{WEEKDAY_NAME}[,.]?\s+")
_RUN_TOGETHER = _pattern(r"(\d{8})(\d{6}(?!\d))")
# Oracle and DB2 write "25-NOV-26 12.17.01.500000 AM", "2026-11-25-12.17.01.500000". Behind a date with dots
# it could be a second date.
_DOTTED_CLOCK = r"([^.]*\d)(?:\s+|[T-])(\d\d?)\.(\d\d)\.(\d\d)(?=\s|\.\d{3}|$)"
_NUMERIC = _pattern(rf"(?P<first>\d{{1,2}})(?P<mark>[./-])(?P<second>\d{{1,2}})(?P=mark){_YEAR}")
_CLOCK = (
    r"(?:(?P<t>T)|:|,\s*|\s+(?:at|um)\s+|,?\s+)"
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d))?)?(?![\d:])"
    r"|(?<=T)(?P<hh>\d\d)(?P<mm>\d\d)(?P<ss>\d\d)?(?!\d))"
    r"(?:[.,](?P<fraction>\d+))?(?:\s*(?P<half>[ap])(?:\.\s?)?m\b\.?|\s*Uhr\b)?"
)
_PADDING = r"\s+(?:0?0:00(?::00(?:\.0+)?)?|12:00(?::00)? AM)(?=\s+\d\d?:\d\d)"
_OFFSET = (
    r"\s*(?:UTC|GMT)?(?P<offset>Z(?!\s*(?!(?:UTC|GMT)$)[A-Z])|[+-]\d\d(?::?\d\d)?)"
    r"(?:\s*(?:\([^()]*\)|\[[\w/+-]*\]|(?P<zero>UTC|GMT|Z$)|[A-Z]{1,5}))?"
)
_ORDERS: tuple[DateOrder, ...] = ("day", "month")
_DATE_ZONE = r"Z|[+-]\d\d:\d\d|\s+(?:UTC|GMT)"
_ZONE_NAME = r"\s*(?:[\[(](?P<bracketed>[\w/+-]+)[\])]|(?P<name>[A-Z(][\w /+&().,:'-]*))"


def clean(text: str) -> str:
    """Strip `text` and make its blanks and minus signs plain; refuse what is too long or not ASCII."""
    text = text.strip() if len(text) <= LONGEST else text[: LONGEST + 1]
    if not text.isascii():
        text = text.translate(_TYPOGRAPHY)
    if len(text) > LONGEST or not text.isascii():
        raise bad_time("not a time")
    return text


def read_written(text: str, order: DateOrder | None) -> Written:
    """Read a `clean` text. Raises TimeProblem (bad_time, ambiguous_time, unknown_zone)."""
    text = _RUN_TOGETHER.sub(r"\1T\2", _WEEKDAY.sub("", text, count=1), count=1)
    if dotted := _pattern(_DOTTED_CLOCK).match(text):
        text = "{} {}:{}:{}".format(*dotted.groups()) + text[dotted.end() :]
    for pattern, date_of in _date_forms():
        if match := pattern.match(text):
            return _add_clock(date_of(match, order), text, match.end())
    from ours_cli.timestamps.any_order import read_any_order  # the last resort, and slow to load

    found = read_any_order(text)
    if found is None:
        raise bad_time("not a time with year, month and day")
    day, clock = found
    return _add_clock(day, clock, 0)


def date_sign(text: str) -> DateSign | None:
    """What a numeric date shows of a column's order of day and month; None for all other texts.

    "day" and "month": read in this order alone. "either": two days, by the order. "same": one day by both.
    "year": its year may stand first as well ("26-09-24"). "short day" and "short month" are written alike,
    with dashes and two digits for the year, and show that the year stands last. Only the three numbers are
    looked at: whether the whole text is a time is another question (`is_date`).
    """
    match = _NUMERIC.match(text) or _NUMERIC.match(_WEEKDAY.sub("", text.strip(), count=1))
    if match is None:
        return None
    first, second = int(match["first"]), int(match["second"])
    if _may_begin_with_year(match):
        return "year"
    if first == second:
        return "same"
    if first <= 12 and second <= 12:
        return "either"
    is_short = match["mark"] == "-" and len(match["year"]) == 2
    if second <= 12:
        return "short day" if is_short else "day"
    return "short month" if is_short else "month"


def stated_order(text: str) -> DateOrder | None:
    """The order that a time already read proves by a number above 12."""
    match date_sign(text):
        case "day" | "short day":
            return "day"
        case "month" | "short month":
            return "month"
    return None


def is_date(text: str) -> bool:
    """Whether a numeric date is a time in some order, nothing else behind it."""
    for order in _ORDERS:
        try:
            read_written(clean(text), order)
        except TimeProblem:
            continue
        return True
    return False


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if year < 69 else 1900)


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise bad_time("no such day in the calendar") from error


def _year_first(match: re.Match[str], _order: DateOrder | None) -> date:
    return _date(int(match["year"]), int(match["number"]), int(match["day"]))


def _named_month(match: re.Match[str], _order: DateOrder | None) -> date:
    month = _MONTHS.index(match["month"][:3].lower()) + 1
    return _date(_year(match["year"]), month, int(match["day"]))


def _week_date(match: re.Match[str], _order: DateOrder | None) -> date:
    try:
        return date.fromisocalendar(int(match["year"]), int(match["week"]), int(match["day"]))
    except ValueError as error:
        raise bad_time("no such week in the calendar") from error


def _ordinal_date(match: re.Match[str], _order: DateOrder | None) -> date:
    year, day = int(match["year"]), int(match["day"])
    if not 1 <= day <= _date(year, 12, 31).timetuple().tm_yday:
        raise bad_time("no such day in the calendar")
    return date(year, 1, 1) + timedelta(days=day - 1)


def _numeric_date(match: re.Match[str], order: DateOrder | None) -> date:
    first, second = int(match["first"]), int(match["second"])
    if order is None and _may_begin_with_year(match):
        raise _ambiguous("a two-digit year may stand first or last in this date", YEAR_HINT)
    if order is None and first != second and first <= 12 and second <= 12:
        raise _ambiguous("day and month cannot be told apart in this date", ORDER_HINT)
    day_first = order == "day" or (order is None and first > 12)
    day, month = (first, second) if day_first else (second, first)
    return _date(_year(match["year"]), month, day)


def _may_begin_with_year(match: re.Match[str]) -> bool:
    """Whether "26-09-24" could be 2026: only dashes are used that way."""
    if match["mark"] != "-" or len(match["year"]) == 4:
        return False
    return 1 <= int(match["second"]) <= 12 and 1 <= int(match["year"]) <= 31


def _ambiguous(message: str, hint: str) -> TimeProblem:
    return TimeProblem("ambiguous_time", message, hint)


_DateReader: TypeAlias = Callable[["re.Match[str]", "DateOrder | None"], date]
_DATE_FORMS: tuple[tuple[str, _DateReader], ...] = (
    (r"(?P<year>\d{4})(?P<mark>[./-])(?P<number>\d\d?)(?P=mark)(?P<day>\d\d?)(?!\d)", _year_first),
    (r"(?P<year>\d{4})(?P<number>\d\d)(?P<day>\d\d)(?!\d)", _year_first),
    (r"(?P<year>\d{4})(?P<dash>-?)W(?P<week>\d\d)(?P=dash)(?P<day>\d)(?!\d)", _week_date),
    (r"(?P<year>\d{4})-?(?P<day>\d{3})(?!\d)", _ordinal_date),
    (_NUMERIC.pattern, _numeric_date),
    (rf"{_DAY}(?:[\s./-]*|\s+of\s+){_MONTH}[\s./,-]*{_YEAR}", _named_month),
    (rf"{_MONTH}[\s./-]*{_DAY}(?:,\s*|[\s./-]+)(?P<year>\d{{4}})(?!\d)", _named_month),
    (rf"(?P<year>\d{{4}})[\s./-]*{_MONTH}[\s./-]*{_DAY}(?!\d)", _named_month),
)


@cache
def _date_forms() -> list[tuple[re.Pattern[str], _DateReader]]:
    return [(_pattern(form), date_of) for form, date_of in _DATE_FORMS]


def _add_clock(day: date, text: str, position: int) -> Written:
    if padding := _pattern(_PADDING).match(text, position):
        position = padding.end()
    clock = _pattern(_CLOCK).match(text, position)
    if clock is None:
        return Written(datetime.combine(day, time()), _zone_of_date(text, position))
    try:
        moment = datetime.combine(day, time()) + _since_midnight(clock)
    except OverflowError as error:
        raise bad_time("beyond the year 9999") from error
    return Written(moment, *_zone_after_clock(text, clock.end()))


def _since_midnight(clock: re.Match[str]) -> timedelta:
    hour, minute, second = (int(part or 0) for part in _clock_parts(clock))
    if clock["half"]:
        if not 1 <= hour <= 12:
            raise bad_time("no such hour on a 12-hour clock")
        hour = hour % 12 + (12 if clock["half"] in "pP" else 0)
    span = timedelta(hours=hour, minutes=minute, seconds=second) + _fraction(clock)
    if minute > 59 or second > 59 or span > timedelta(days=1):
        raise bad_time("no such time on the clock")
    return span


def _clock_parts(clock: re.Match[str]) -> tuple[str | None, str | None, str | None]:
    if clock["hh"]:
        return clock["hh"], clock["mm"], clock["ss"]
    if clock["minute"] is None and not clock["t"] and (clock["fraction"] or not clock["half"]):
        raise bad_time("the hour stands without minutes")
    return clock["hour"], clock["minute"], clock["second"]


def _fraction(clock: re.Match[str]) -> timedelta:
    """ISO 8601: decimals belong to the last part that stands, be it hours, minutes or seconds."""
    if not clock["fraction"]:
        return timedelta()
    seconds = 1 if clock["second"] or clock["ss"] else 60 if clock["minute"] or clock["mm"] else 3600
    return timedelta(microseconds=int(clock["fraction"][:9].ljust(9, "0")) * seconds // 1000)


def _zone_of_date(text: str, position: int) -> tzinfo | None:
    """XML Schema writes "2026-03-04Z"; behind other dates anything but their end is junk."""
    rest = text[position:]
    if not rest:
        return None
    if text[:4].isdigit() and _pattern(_DATE_ZONE).fullmatch(rest):
        return parse_zone(rest)
    raise bad_time("something stands behind the date that is no time of day")


def _zone_after_clock(text: str, position: int) -> tuple[tzinfo | None, str]:
    if position == len(text):
        return None, ""
    # Behind an offset a name is a comment: "-0500 (Eastern Standard Time)", "+01:00[Europe/Berlin]".
    if offset := _pattern(_OFFSET).fullmatch(text, position):
        zone = parse_zone(offset["offset"])
        if offset["zero"] and zone.utcoffset(None):
            raise bad_time("an offset and the name of another zone stand behind the time")
        return zone, ""
    if name := _pattern(_ZONE_NAME).fullmatch(text, position):
        return stated_zone(name["bracketed"] or name["name"])
    raise bad_time("something stands behind the time that is no zone")
