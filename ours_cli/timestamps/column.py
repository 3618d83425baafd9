"""What a column shows of how it writes its times: the order of numeric dates, the unit of epoch numbers."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from ours_cli.timestamps.epoch import EpochUnit, read_number, unit_of
from ours_cli.timestamps.iso_parts import is_plain_iso
from ours_cli.timestamps.problem import TimeProblem
from ours_cli.timestamps.reader import Conventions, number_text
from ours_cli.timestamps.written import DateOrder, DateSign, clean, date_sign, is_date, read_written

_LONGEST_NUMBER = 60
_SHORT: dict[DateOrder, DateSign] = {"day": "short day", "month": "short month"}


class Place(NamedTuple):
    """Where a cell is: the name of its source, and its line there."""

    source: str
    line: int


class ColumnSurvey:
    """Looks at the cells of a column, over all sources of a run, and remembers the first of each kind.

    It holds lines and counts, never a value, and nothing that grows with the column. What it says is asked by
    methods: each cell may change the answer.
    """

    def __init__(self) -> None:
        self._first: dict[DateSign, Place] = {}
        self._units: Counter[EpochUnit] = Counter()

    def add(self, value: object, source: str, line: int) -> bool:
        """Take one cell; returns whether it is a numeric date."""
        if not isinstance(value, str) or (sign := date_sign(value)) is None:
            return False
        if sign not in self._first:
            if not is_date(value):
                return False
            self._first[sign] = Place(source, line)
        return True

    def count_unit(self, value: object) -> None:
        """Take one cell for the unit of epoch numbers: that of most of the cells counted."""
        if (unit := _unit(value)) is not None:
            self._units[unit] += 1

    def proof(self, order: DateOrder) -> Place | None:
        """The first cell that is a date in this order alone."""
        return self._first.get(order) or self._first.get(_SHORT[order])

    def is_contradicted(self) -> bool:
        """Whether some cells are dates in one order alone, and some in the other alone."""
        return self.proof("day") is not None and self.proof("month") is not None

    def order(self) -> DateOrder | None:
        """The order that some cells prove and none disproves."""
        day, month = self.proof("day"), self.proof("month")
        if (day is None) is (month is None):
            return None
        return "day" if day is not None else "month"

    def year_last(self) -> bool:
        """Whether dates like 26-09-24 are known not to begin with the year."""
        return "short day" in self._first or "short month" in self._first

    def open_date(self) -> Place | None:
        """The first cell that is two days, while nothing shows the order."""
        return self._first.get("either") if self.order() is None else None

    def open_year(self) -> Place | None:
        """The first cell whose year may come first or last, while nothing shows which."""
        return self._first.get("year") if self.order() is None or not self.year_last() else None

    def is_settled(self) -> bool:
        """Whether an order is proved, and every date seen so far can be read by it."""
        return self.order() is not None and self.open_year() is None

    def conventions(self) -> Conventions:
        """What is settled."""
        unit = self._units.most_common(1)[0][0] if self._units else None
        return Conventions(self.order(), self.year_last(), unit)


def is_plain(value: object) -> bool:
    """Whether a cell is a time that needs no order of dates: ISO 8601, epoch, a named month."""
    if isinstance(value, str) and is_plain_iso(value):
        with suppress(ValueError):
            datetime.fromisoformat(value)
            return True
    if _unit(value) is not None:
        return True
    try:
        read_written(clean(value if isinstance(value, str) else number_text(value)), None)
    except TimeProblem:
        return False
    return True


def _unit(value: object) -> EpochUnit | None:
    try:
        text, number = read_number(value.strip() if isinstance(value, str) else number_text(value))
    except TimeProblem:
        return None
    return unit_of(int(number["whole"])) if number is not None and len(text) < _LONGEST_NUMBER else None
