"""The times of one column: how they are written, in which zone and order, from when to when."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from ours_cli.inspect.kinds import SHAPE
from ours_cli.timestamps import DateOrder, TimeProblem, TimeReader, TimeRules
from ours_cli.timestamps.written import stated_order
from ours_cli.wording.durations import DAY_MS

# 1900 to 2100: what lies beyond is a number, not a time.
_EARLIEST_MS: Final = -2_208_988_800_000
_LATEST_MS: Final = 4_102_444_800_000
_TRIED_BEFORE_GIVING_UP: Final = 100

# 1954 to 2119 in Excel's days: wide enough for any export, and no year, code or small count is among them.
_SERIAL_DAYS = range(20_000, 80_001)

_DIGITS = re.compile(r"-?[0-9]+(?:\.[0-9]*)?")
_MONTH_NAME = re.compile(r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*", re.IGNORECASE)
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? ?", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"\d{4}([./-])\d{1,2}\1\d{1,2}")
_NUMERIC = re.compile(r"\d{1,2}([./-])\d{1,2}\1(\d{4}|\d\d)(?!\d)")
_COMPACT = re.compile(r"\d{8}(?!\d)|\d{14}")
_CLOCK = re.compile(
    r"(?:\d{1,2}:\d\d|(?<=[\sT-])\d{1,2}\.\d\d(?=\.\d\d(?:\s|\.\d{3}|$)))([:.]\d\d([.,]\d+)?)?( ?[ap]\.?m)?",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Span:
    """Times as read in one way: first and last (ms), how many the API takes now, and a count by UTC day."""

    count: int = 0
    first: int | None = None
    last: int | None = None
    in_window: int = 0
    days: Counter[int] = field(default_factory=Counter)

    def add(self, time_ms: int, window: tuple[int, int]) -> None:
        """Enter one time; `window` is the earliest and the latest that the API takes."""
        self.count += 1
        self.first = time_ms if self.first is None else min(self.first, time_ms)
        self.last = time_ms if self.last is None else max(self.last, time_ms)
        self.in_window += window[0] <= time_ms <= window[1]
        self.days[time_ms // DAY_MS] += 1

    def __add__(self, other: Span) -> Span:
        ends = [end for end in (self.first, other.first, self.last, other.last) if end is not None]
        return Span(
            self.count + other.count,
            min(ends, default=None),
            max(ends, default=None),
            self.in_window + other.in_window,
            self.days + other.days,
        )


class Moments:
    """Reads every value of a column as a time, in either order of day and month, until too few are times."""

    def __init__(self, window: tuple[int, int], *, is_named_time: bool) -> None:
        self._window = window
        self._is_named_time = is_named_time
        self._reader = TimeReader(TimeRules())
        self._ordered = {order: TimeReader(TimeRules(order=order)) for order in ("day", "month")}
        self.tried = 0
        self.first_unread: int | None = None
        self.gave_up = False
        self.settled = Span()
        self.by_order: dict[DateOrder, Span] = {"day": Span(), "month": Span()}
        self.stated: Counter[DateOrder] = Counter()
        self.ambiguous = 0
        self.unknown_zones = 0
        self.other_units = 0
        self.serial_days = 0
        self.naive = 0
        self.at_midnight = 0
        self.formats: Counter[str] = Counter()

    @property
    def readable(self) -> int:
        """Values that are times, those included that need an order."""
        return self.settled.count + self.ambiguous

    @property
    def stated_times(self) -> int:
        """Those, and the ones that lack only a zone, or are in another unit than those before them."""
        return self.readable + self.unknown_zones + self.other_units

    @property
    def share(self) -> float:
        """The share of the values tried that state a time."""
        return self.stated_times / self.tried if self.tried else 0

    @property
    def epoch_units(self) -> list[str]:
        """The units of epoch numbers that were seen."""
        return [form.removeprefix("epoch ") for form in self.formats if form.startswith("epoch ")]

    @property
    def is_date_only(self) -> bool:
        """Whether no value states an hour: a midnight may be the padding of a date."""
        return self.at_midnight == self.readable > 0

    @property
    def order(self) -> DateOrder | Literal["contradictory", "unknown"] | None:
        """What the whole column says; None where nothing in it depends on an order."""
        if len(self.stated) == 2:
            return "contradictory"
        if self.stated:
            return next(iter(self.stated))
        return "unknown" if self.ambiguous else None

    @property
    def span(self) -> Span:
        """All times, as far as the column itself settles them."""
        order = self.order
        if order == "day" or order == "month":
            return self.settled + self.by_order[order]
        return self.settled

    def add(self, value: str | int | float, line: int) -> None:
        """Try one value that is not blank, of the row on this line."""
        if self.gave_up:
            return
        self.tried += 1
        text = value.strip() if isinstance(value, str) else str(value)
        stated = self.stated_times
        if self._may_be_time(text):
            self._read(value, text)
        if self.first_unread is None and self.stated_times == stated:
            self.first_unread = line
        if self.tried == _TRIED_BEFORE_GIVING_UP:
            self.gave_up = self.stated_times + self.serial_days < self.tried // 2

    def _may_be_time(self, text: str) -> bool:
        """Bare digits are times only where the column is named for one, or as YYYYMMDD[HHMMSS]."""
        return self._is_named_time or not _DIGITS.fullmatch(text) or bool(_COMPACT.fullmatch(text))

    def _read(self, value: str | int | float, text: str) -> None:
        self._reader.naive_as_utc = 0
        try:
            time_ms = self._reader(value)
        except TimeProblem as problem:
            self._note_unread(problem, text)
            return
        if not _EARLIEST_MS <= time_ms < _LATEST_MS:
            return
        self.settled.add(time_ms, self._window)
        if (order := stated_order(text)) is not None:
            self.stated[order] += 1
        self._note(self._reader, time_ms, text)

    def _note(self, reader: TimeReader, time_ms: int, text: str) -> None:
        """Count a time that `reader` has read: its form, and whether it states a zone and an hour."""
        if reader.naive_as_utc:
            self.naive += 1
            self.at_midnight += time_ms % DAY_MS == 0
        self.formats[form_of(text.translate(SHAPE))] += 1

    def _note_unread(self, problem: TimeProblem, text: str) -> None:
        if problem.code == "ambiguous_time":
            self._read_both_ways(text)
        elif problem.code == "mixed_epoch_units":
            self.other_units += 1
            self.formats[form_of(text.translate(SHAPE))] += 1
        self.unknown_zones += problem.code == "unknown_zone"
        self.serial_days += _may_be_serial_day(text)

    def _read_both_ways(self, text: str) -> None:
        day_first, month_first = self._ordered["day"], self._ordered["month"]
        day_first.naive_as_utc = 0
        try:
            as_day, as_month = day_first(text), month_first(text)
        except TimeProblem:
            return
        self.ambiguous += 1
        self.by_order["day"].add(as_day, self._window)
        self.by_order["month"].add(as_month, self._window)
        self._note(day_first, as_day, text)


def _may_be_serial_day(text: str) -> bool:
    return bool(_DIGITS.fullmatch(text)) and int(text.partition(".")[0]) in _SERIAL_DAYS


@lru_cache(maxsize=4096)
def form_of(text: str) -> str:
    """How a time is written, in words and letters for digits; nothing of its value."""
    if _COMPACT.fullmatch(text):
        return "YYYYMMDD" if len(text) == 8 else "YYYYMMDDHHMMSS"
    if _DIGITS.fullmatch(text):
        digits = len(text.lstrip("-").partition(".")[0])
        unit = {0: "seconds", 1: "milliseconds", 2: "microseconds", 3: "nanoseconds"}
        return f"epoch {unit[max(0, min(3, (digits - 9) // 3))]}"
    clock = _CLOCK.search(text)
    rest = text[clock.end() :].strip() if clock else ""
    return " ".join(filter(None, (_date_form(text), _clock_form(clock), _zone_form(rest))))


def _date_form(text: str) -> str:
    body = _WEEKDAY.sub("", text, count=1) if _WEEKDAY.match(text) else text
    if found := _YEAR_FIRST.match(body):
        return f"YYYY{found[1]}MM{found[1]}DD"
    if found := _NUMERIC.match(body):
        year = "YYYY" if len(found[2]) == 4 else "YY"
        return found[1].join(("NN", "NN", year))
    return "named month" if _MONTH_NAME.search(body) else "date"


def _clock_form(clock: re.Match[str] | None) -> str:
    if clock is None:
        return ""
    return (
        "HH:MM"
        + (":SS" if clock[1] else "")
        + (".fraction" if clock[2] else "")
        + (" AM/PM" if clock[3] else "")
    )


def _zone_form(rest: str) -> str:
    if not rest:
        return ""
    return "Z" if rest == "Z" else "+offset" if rest[0] in "+-" else "zone"
