"""Text or number → integer milliseconds since the Unix epoch, as the API's `time` wants them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal, NamedTuple

from ours_cli.timestamps.epoch import (
    GREATEST,
    UNIT_NAMES,
    EpochUnit,
    decimal_to_ms,
    read_number,
    unit_of,
)
from ours_cli.timestamps.format import check_format, read_excel, read_format
from ours_cli.timestamps.iso_parts import IsoParts, is_plain_iso
from ours_cli.timestamps.problem import TimeProblem, bad_time
from ours_cli.timestamps.written import ORDER_HINT, DateOrder, Written, clean, date_sign, read_written
from ours_cli.timestamps.zones import ambiguous_letters, offset_by_letters, parse_zone
from ours_cli.wording.durations import DAY_MS

_OTHER: dict[DateOrder, DateOrder] = {"day": "month", "month": "day"}

_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)


class TimeRules(NamedTuple):
    """What the person said about the times of a source.

    `zone` is for times that state none. `format` is a strptime format or "excel" (serial days); then
    nothing else is read. `order` is that of numeric dates such as 03/04/2026, `unit` that of epoch numbers;
    other forms are read as well. `dst` decides local times that a clock change made happen twice or never:
    "earlier" takes the offset before the change, "later" the one after it (as `fold` 0 and 1). So 02:30 in a
    gap is 03:30 summer time with "earlier" and 01:30 winter time with "later".
    """

    zone: tzinfo | None = None
    format: str | None = None
    order: DateOrder | None = None
    unit: EpochUnit | None = None
    dst: Literal["reject", "earlier", "later"] = "reject"


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a column writes its times, as far as the column itself shows it.

    `order` is that of its numeric dates. `year_last` says that dates like 26-09-24, too, are known not to
    begin with the year. `unit` is that of its epoch numbers.
    """

    order: DateOrder | None = None
    year_last: bool = False
    unit: EpochUnit | None = None


class TimeReader:
    """Reads the times of one column; raises TimeProblem for what cannot be read without guessing.

    `naive_as_utc` counts the times without a zone, where no rule gave one: they were read as UTC.
    `epoch_unit` is the unit of epoch numbers, given, settled or seen: numbers of another one are
    `mixed_epoch_units`. Seen means: two numbers of it with none of another between them; a single odd one
    decides nothing. `contradictions` counts dates that cannot be in the order that the column itself showed,
    `open_dates` those that need an order where none is known.
    """

    def __init__(self, rules: TimeRules) -> None:
        """Raises TimeProblem when `rules.format` cannot give a whole date."""
        if rules.format is not None and rules.format != "excel":
            check_format(rules.format)
        self.rules = rules
        self.naive_as_utc = 0
        self.contradictions = 0
        self.open_dates = 0
        self._parts = IsoParts()
        self.settle(Conventions())

    def settle(self, found: Conventions) -> None:
        """Take what the column shows of itself; what the rules say takes precedence."""
        self.decided_order = None if self.rules.order else found.order
        self._year_last = found.year_last
        self.epoch_unit = self.rules.unit or found.unit
        self.unit_is_sure = self.epoch_unit is not None
        self._are_ms = self.epoch_unit == "ms"

    def follow(self, leader: TimeReader) -> None:
        """Take over what `leader` has seen so far of the unit of epoch numbers."""
        self.epoch_unit, self._are_ms = leader.epoch_unit, leader._are_ms
        self.unit_is_sure = leader.unit_is_sure

    @property
    def decided_unit(self) -> EpochUnit | None:
        """The unit that the column itself showed beyond doubt."""
        return self.epoch_unit if self.unit_is_sure and self.rules.unit is None else None

    def __call__(self, value: object, zone: str | None = None) -> int:
        """The time in milliseconds since the epoch; finer digits are cut off (towards the past), not rounded.

        `zone` is the text of the row's own zone column, if it has one: for a time that states no zone it
        takes precedence over the rules' zone.
        """
        if not isinstance(value, str):
            if type(value) is int and self._are_ms and 10**12 <= value < 10**13:
                return value
            value = number_text(value)
        elif self.rules.format is None and is_plain_iso(value):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                pass  # 24:00:00, or no such day: reported below
            else:
                if moment.tzinfo is None:
                    return self._place(moment, zone)
                return _milliseconds(moment - _EPOCH_UTC)
        return self._read(value, zone)

    def read_all(self, values: Sequence[Any], zones: Sequence[str | None] | None = None) -> list[int | None]:
        """Many times, each as by a call; None for what raises TimeProblem."""
        if zones is None and self.rules.format is None:
            read_by_parts = self._parts.read(values, naive_as_utc=self.rules.zone is None)
            if read_by_parts is not None:
                self.naive_as_utc += read_by_parts[1]
                return [*read_by_parts[0]]
        given = iter(values) if zones is None else zip(values, zones, strict=True)
        read: Callable[[Any], int] = self.__call__ if zones is None else lambda pair: self(*pair)
        times: list[int | None] = []
        while len(times) < len(values):
            try:
                times.extend(map(read, given))  # what was read before a problem stays
            except TimeProblem:
                times.append(None)
        return times

    def bound(self, text: str, *, needs_zone: bool = False) -> int:
        """Read a time that the person typed: by the same rules, but in any form, and without a trace here.

        With `needs_zone` it raises TimeProblem `unknown_zone` where the text states none.
        """
        reader = TimeReader(self.rules._replace(format=None, unit=None))
        moment = reader(text)
        if needs_zone and reader.naive_as_utc:
            raise TimeProblem("unknown_zone", "each row has a zone of its own, and this time states none")
        return moment

    def _read(self, text: str, zone: str | None) -> int:
        form = self.rules.format
        if form is not None:
            return self._instant(read_excel(text) if form == "excel" else read_format(text, form), zone)
        text, number = read_number(clean(text))
        if number is not None:
            return self._from_epoch(number)
        return self._instant(self._read_written(text), zone)

    def _read_written(self, text: str) -> Written:
        if self.decided_order is None:
            return self._read_open(text)
        sign = date_sign(text)
        if sign == "year" and not self._year_last:
            return self._read_open(text)
        if sign is not None and sign.endswith(_OTHER[self.decided_order]):
            self.contradictions += 1
            raise TimeProblem(
                "ambiguous_time", "this date cannot be in the order that the dates before it tell", ORDER_HINT
            )
        return read_written(text, self.decided_order)

    def _read_open(self, text: str) -> Written:
        """Read a date whose order the column has not shown; the rules may say it."""
        try:
            return read_written(text, self.rules.order)
        except TimeProblem as problem:
            self.open_dates += problem.code == "ambiguous_time"
            raise

    def _from_epoch(self, number: re.Match[str]) -> int:
        sign, whole, fraction = number.groups()
        unit = unit_of(int(whole))
        if unit is None:
            raise bad_time("not an epoch number in seconds, milliseconds, microseconds or nanoseconds")
        if unit == self.epoch_unit:
            self.unit_is_sure = True
            self._are_ms = unit == "ms"
        elif self.epoch_unit is None or not self.unit_is_sure:
            self.epoch_unit = unit
        else:
            raise TimeProblem(
                "mixed_epoch_units",
                f"this number is in {UNIT_NAMES[unit]}, the others are in {UNIT_NAMES[self.epoch_unit]}",
                "send the rows of each unit in a run of their own",
            )
        return decimal_to_ms(sign, whole, fraction or "", unit)

    def _instant(self, written: Written, zone: str | None) -> int:
        if written.letters:
            offset = self._offset_by_letters(written, zone)
        elif written.zone is not None:
            offset = self._offset(written.moment, written.zone)
        else:
            return self._place(written.moment, zone)
        return _milliseconds(written.moment - _EPOCH - offset)

    def _offset_by_letters(self, written: Written, zone_text: str | None) -> timedelta:
        """By the row's zone, else the rules', where it uses these letters; else by the letters alone."""
        try:
            zone = parse_zone(zone_text) if zone_text else self.rules.zone
        except TimeProblem:
            zone = None  # the time states a zone itself
        offset = offset_by_letters(written.letters, written.moment, zone)
        if offset is not None:
            return offset
        if written.zone is None:
            raise ambiguous_letters()
        return self._offset(written.moment, written.zone)

    def _place(self, moment: datetime, zone_text: str | None) -> int:
        """Where a naive moment lies, by the row's zone, else the rules', else UTC."""
        zone = parse_zone(zone_text) if zone_text else self.rules.zone
        if zone is None:
            self.naive_as_utc += 1
            return _milliseconds(moment - _EPOCH)
        return _milliseconds(moment - _EPOCH - self._offset(moment, zone))

    def _offset(self, moment: datetime, zone: tzinfo) -> timedelta:
        before = zone.utcoffset(moment)
        after = before if isinstance(zone, timezone) else zone.utcoffset(moment.replace(fold=1))
        assert before is not None
        assert after is not None
        if before == after or self.rules.dst == "earlier":
            return before
        if self.rules.dst == "later":
            return after
        hint = "choose with --dst earlier or --dst later"
        if before > after:
            raise TimeProblem("dst_repeat", "the clocks went back: this local time happened twice", hint)
        raise TimeProblem("dst_gap", "the clocks went forward: this local time never happened", hint)


def _milliseconds(span: timedelta) -> int:
    return span.days * DAY_MS + span.seconds * 1_000 + span.microseconds // 1_000


def number_text(value: object) -> str:
    """A number's digits, a whole float without its ".0"; raises TimeProblem for what is not a number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # Beyond this size it is not a time, and Python refuses to write out an int of more than 4,300 digits.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < GREATEST:
        raise bad_time("not a time")
    digits = repr(value)
    return repr(float(value)) if "e" in digits.lower() else digits
