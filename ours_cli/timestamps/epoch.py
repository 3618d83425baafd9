"""Epoch numbers → milliseconds, their unit inferred from their size.

Each unit has its own thousandfold range, from 1973 to the year 5138, so that a number can be in one unit
only. Smaller and greater numbers are not times. Eight and fourteen digits are not read here: they are
YYYYMMDD and YYYYMMDDHHMMSS (see `written`); fourteen-digit milliseconds would lie beyond the year 2286.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from ours_cli.timestamps.problem import bad_time

EpochUnit: TypeAlias = Literal["s", "ms", "us", "ns"]

UNITS: tuple[EpochUnit, ...] = ("s", "ms", "us", "ns")

_SMALLEST = 10**8
GREATEST = 10**20
UNIT_NAMES: dict[EpochUnit, str] = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}

_PER_SECOND: dict[EpochUnit, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_NUMBER = re.compile(r"(?P<sign>-?)(?P<whole>\d+)(?:\.(?P<fraction>\d*))?", re.ASCII)
# ISO 8601 basic forms without a letter: YYYYDDD, YYYYMMDD; and YYYYMMDDHHMMSS.
_CALENDAR_LENGTHS = (7, 8, 14)
_SCIENTIFIC = re.compile(
    r"(?P<sign>-?)(?P<first>\d+)(?:[.,](?P<rest>\d+))?E(?P<power>[+-]?\d{1,3})", re.ASCII | re.IGNORECASE
)
_FRACTION_DIGITS = 9
_FRACTION_SCALE = 10**9


def _without_exponent(text: str) -> str | None:
    """The digits of "1.795600000E9", as BigQuery has them; None for what is in no scientific notation.

    Raises TimeProblem `bad_time` where the last digits are not there, as a spreadsheet leaves them out.
    """
    number = _SCIENTIFIC.fullmatch(text)
    if number is None:
        return None
    rest, power = number["rest"] or "", int(number["power"])
    if not 0 <= power <= len(rest):
        raise bad_time(
            "a number in scientific notation, its last digits are lost", "export the column as text"
        )
    return f"{number['sign']}{number['first']}{rest[:power]}.{rest[power:]}".removesuffix(".")


def read_number(text: str) -> tuple[str, re.Match[str] | None]:
    """The text without an exponent, and its parts if it is an epoch number: no date such as YYYYMMDD.

    Raises TimeProblem `bad_time` where an exponent shows that the last digits are lost.
    """
    number = _NUMBER.fullmatch(text)
    if number is None and (digits := _without_exponent(text)) is not None:
        text, number = digits, _NUMBER.fullmatch(digits)
    if number is None or (not number["sign"] and len(number["whole"]) in _CALENDAR_LENGTHS):
        return text, None
    return text, number


def unit_of(number: int) -> EpochUnit | None:
    """The unit a whole number must be in, or None when no unit makes it a time."""
    size = abs(number)
    if not _SMALLEST <= size < GREATEST:
        return None
    if size < 10**11:
        return "s"
    if size < 10**14:
        return "ms"
    return "us" if size < 10**17 else "ns"


def decimal_to_ms(sign: str, whole: str, fraction: str, unit: EpochUnit) -> int:
    """Whole milliseconds; what is finer is cut off towards the past.

    From the digits, without the rounding of floats (1707878164.837 is .837).
    """
    digits = int(sign + whole + fraction[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0"))
    return digits * 1_000 // (_PER_SECOND[unit] * _FRACTION_SCALE)
