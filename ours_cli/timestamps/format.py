"""Times in a form the person has given: strptime directives, or Excel's serial days."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ours_cli.timestamps.problem import TimeProblem, bad_time
from ours_cli.timestamps.written import LONGEST, Written
from ours_cli.timestamps.zones import stated_zone
from ours_cli.wording.durations import DAY_MS

_SAMPLE = datetime(2031, 10, 29, 13, 47, 58, tzinfo=UTC)
_ZONE_WORD = re.compile(r"[A-Z][\w/+:-]*|[+-]\d[\d:]*", re.ASCII | re.IGNORECASE)

_EXCEL_DAY_ZERO = datetime(1899, 12, 30)
# Serial 60 is 29 February 1900, a day that only Excel has; before it, its count is one day off.
_EXCEL_LAST_WRONG_DAY = 60
_EXCEL_END = 2_958_465
# Behind fewer digits a comma may separate thousands: "46,340".
_SERIAL = re.compile(r"\s{0,9}(?:\d{1,7}(?:\.\d{1,20})?|\d{4,7},\d{1,20})\s{0,9}", re.ASCII)


def check_format(form: str) -> None:
    """Raise TimeProblem unless the strptime directives state year, month, day and an unmistakable hour."""
    try:
        echo = datetime.strptime(_SAMPLE.strftime(form), form)
    except (ValueError, re.error) as error:
        raise bad_time("--time-format has a directive that strptime cannot read", None) from error
    if echo.date() != _SAMPLE.date():
        raise bad_time("--time-format must state year, month and day", "such as %d.%m.%Y %H:%M")
    if echo.hour not in (0, _SAMPLE.hour):
        raise bad_time("--time-format has a 12-hour clock without %p", "add %p, or use %H")


def read_format(text: str, form: str) -> Written:
    """Read `text` by strptime directives alone; %z and %Z take all zones that `parse_zone` knows.

    Raises TimeProblem: `bad_time`, or `unknown_zone` for a zone that is not known.
    """
    if len(text) > LONGEST or any(letter.isdigit() and not letter.isascii() for letter in text):
        raise _unlike()
    text = text.strip()
    if "%Z" not in form:  # strptime's own %Z knows only the names of this machine's zone, and drops them
        try:
            moment = datetime.strptime(text, form)
        except (ValueError, OverflowError):
            if "%z" not in form:
                raise _unlike() from None
        else:
            return Written(moment.replace(tzinfo=None), moment.tzinfo)
    return _read_zone_apart(text, form)


def _read_zone_apart(text: str, form: str) -> Written:
    """Put a zone that strptime can read where the text has its own."""
    stand_in = "+0000" if "%z" in form else "UTC"
    for word in _ZONE_WORD.finditer(text):
        try:
            moment = datetime.strptime(text[: word.start()] + stand_in + text[word.end() :], form)
        except (ValueError, OverflowError):
            continue
        return Written(moment.replace(tzinfo=None), *stated_zone(word[0]))
    raise _unlike()


def read_excel(text: str) -> Written:
    """Read a serial day number (1900 date system), rounded to milliseconds. Raises TimeProblem `bad_time`."""
    days = float(text.replace(",", ".")) if _SERIAL.fullmatch(text) else 0
    if not _EXCEL_LAST_WRONG_DAY < days < _EXCEL_END:
        raise bad_time("not an Excel day number after February 1900", None)
    milliseconds = round(days * DAY_MS)
    return Written(_EXCEL_DAY_ZERO + timedelta(milliseconds=milliseconds), None)


def _unlike() -> TimeProblem:
    return bad_time("not in the form that --time-format tells", None)
