"""Many ISO 8601 times, read by their parts: days, minutes and endings come again and again.

What is worked out once for a part is looked up from then on. The parts do not depend on each other, so a text
made of known parts is read just as the whole would be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final

from ours_cli.wording.durations import DAY_MS

PARTS_MAX: Final = 4096
"""Entries of one table, about 400 KB."""

_DAY: Final = r"\d{4}-\d\d-\d\d[T ]"
_END: Final = r"(?:[.,]\d{1,32})?(?: ?(?:Z|[+-]\d\d(?::?[0-5]\d)?))?"
_is_day: Final = re.compile(_DAY, re.ASCII).fullmatch
_is_end: Final = re.compile(_END, re.ASCII).fullmatch
# What fromisoformat may be trusted with: left alone it takes any letter for the T, and offsets of +02:99.
is_plain_iso: Final = re.compile(rf"{_DAY}\d\d:\d\d:\d\d{_END}", re.ASCII).fullmatch

_DAY_ZERO: Final = date(1970, 1, 1).toordinal()


class IsoParts:
    """Tables of the parts of `YYYY-MM-DDTHH:MM:SS`, of fractions and offsets after it, in milliseconds."""

    def __init__(self) -> None:
        self._days: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self._naive: set[str] = set()  # the ends that state no zone

    def read(self, texts: Sequence[Any], *, naive_as_utc: bool) -> tuple[list[int], int] | None:
        """The times in ms since the epoch, and how many of them state no zone; they are taken for UTC.

        None where one has another form, or states no zone and `naive_as_utc` does not allow it.
        """
        times = self._look_up(texts)
        if times is None and self._learn(texts):
            times = self._look_up(texts)
        if times is None:
            return None
        naive = sum([text[19:] in self._naive for text in texts]) if self._naive else 0
        return (times, naive) if naive_as_utc or not naive else None

    def _look_up(self, texts: Sequence[Any]) -> list[int] | None:
        days, ends = self._days, self._ends
        minutes, seconds = _clock()
        try:
            return [
                days[text[:11]] + minutes[text[11:17]] + seconds[text[17:19]] + ends[text[19:]]
                for text in texts
            ]
        except (KeyError, TypeError):
            return None

    def _learn(self, texts: Sequence[object]) -> bool:
        """Work out days and ends that are new; False where a text is not written so."""
        days, ends = self._days, self._ends
        for text in texts:
            if not isinstance(text, str):
                return False
            day, end = text[:11], text[19:]
            try:
                if day not in days:
                    if not _is_day(day):
                        return False
                    if len(days) >= PARTS_MAX:
                        days.clear()
                    days[day] = (date.fromisoformat(day[:10]).toordinal() - _DAY_ZERO) * DAY_MS
                if end not in ends and (len(ends) >= PARTS_MAX or not self._learn_end(end)):
                    return False
            except ValueError:
                return False
        return True

    def _learn_end(self, end: str) -> bool:
        if not _is_end(end):
            return False
        moment = datetime.fromisoformat(f"2000-01-01T00:00:00{end}")
        offset = moment.utcoffset()
        if offset is None:
            self._naive.add(end)
            offset = timedelta()
        self._ends[end] = moment.microsecond // 1_000 - offset.days * DAY_MS - offset.seconds * 1_000
        return True


@cache
def _clock() -> tuple[dict[str, int], dict[str, int]]:
    """All minutes of a day, and all seconds of a minute, as they are written."""
    minutes = {f"{at // 60:02}:{at % 60:02}:": at * 60_000 for at in range(24 * 60)}
    return minutes, {f"{at:02}": at * 1_000 for at in range(60)}
