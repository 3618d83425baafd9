"""The last resort: a date with a named month, its parts in an order that no pattern of `written` knows.

The clock and its zone are taken out by a pattern; dateutil decides whether the words left over are a date.
It guesses where it can: "24 Sep 10 2026" is half past eight in the year 2010 to it, and "GMT+3" is UTC-3. So
it never sees a zone, and is asked only where nothing is left to guess: one English month, one year of four
digits, one day, and no other number.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache

from ours_cli.timestamps.written import MONTH_NAME, WEEKDAY_NAME

_FLAGS = re.ASCII | re.IGNORECASE
_ZONE = (
    r"(?:(?:UTC|GMT)?[+-]\d\d?(?::?\d\d)?(?!\d)"
    rf"|(?!(?:{MONTH_NAME}|{WEEKDAY_NAME})\b)(?-i:[A-Z]\w+/[\w/+-]+|[A-Z]{{1,5}}\b))"
)
_HALF = r"\s*[ap](?:\.\s?)?m\b\.?"
_CLOCK = re.compile(
    rf"(?<!\d)\d\d?(?::\d\d(?::\d\d(?:[.,]\d+)?)?(?:{_HALF})?|{_HALF})(?P<zone>\s*{_ZONE})?", _FLAGS
)
_ZONE_AT_END = re.compile(rf"\s+{_ZONE}$", _FLAGS)
_MONTH = re.compile(rf"(?<![a-z]){MONTH_NAME}(?![a-z])", _FLAGS)
_NUMBER = re.compile(r"\d+", re.ASCII)
_LENGTHS_OF_DAY_AND_YEAR = ([1, 4], [2, 4])

# dateutil fills what a text lacks from a default: two that share nothing show that it had to.
_DEFAULTS = (datetime(2001, 2, 3), datetime(2004, 11, 12))


def read_any_order(text: str) -> tuple[date, str] | None:
    """The date, and the text of its clock and zone (empty without a clock); None for what cannot be a date.

    "Mar 3 11:00:00 EST 2026" (ctime, date(1), Java) gives 3 March 2026 and " 11:00:00 EST".
    """
    clock, words = "", text
    if found := _CLOCK.search(text):
        clock, words = f" {found[0]}", f"{text[: found.start()]} {text[found.end() :]}"
        if not found["zone"] and (zone := _ZONE_AT_END.search(words)):
            clock, words = clock + zone[0], words[: zone.start()]
    day = _read_words(words)
    return None if day is None else (day, clock)


@lru_cache(maxsize=512)
def _read_words(words: str) -> date | None:
    numbers = sorted(_NUMBER.findall(words), key=len)
    if [*map(len, numbers)] not in _LENGTHS_OF_DAY_AND_YEAR or len(_MONTH.findall(words)) != 1:
        return None
    from dateutil import parser

    try:
        one, other = (parser.parse(words, default=default) for default in _DEFAULTS)
    except Exception:  # it leaks more than the ParserError and OverflowError that it documents
        return None
    as_written = (one.day, one.year) == tuple(map(int, numbers))  # "0000" is the year 2000 to it
    return one.date() if one == other and as_written else None
