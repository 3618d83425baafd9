"""The values of Parquet columns as JSON has them: exact, or as text with every digit; never rounded.

What JSON cannot say becomes a text (times and dates as ISO 8601, numbers with more digits than a double
keeps, infinities), or nothing at all (NaN, which is how many programs write a number that is not there).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias

from ours_cli.wording.durations import DAY_MS

Convert: TypeAlias = "Callable[[Any], Any]"
"""From a value as pyarrow gives it, never None, to the value of a JSON row; None where there is none."""

_FRACTION_DIGITS: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_DAY: Final = date(1970, 1, 1)
_FLOAT: Final = struct.Struct("f")


class UnsupportedTypeError(Exception):
    """JSON has no value for a column of this type."""


def readable(kind: Any, *, damaged: bool = False) -> tuple[Any, Convert | None]:
    """The Arrow type to cast a column of type `kind` to, and what makes JSON values of it.

    The cast keeps pyarrow from making objects that lose digits (nanoseconds) or cannot be made (years beyond
    9999). None means that the values are right as they are. With `damaged`, texts that are not valid UTF-8
    keep their bytes as surrogates, so that only rows that use them fail. Raises `UnsupportedTypeError`.
    """
    from pyarrow import types

    if types.is_dictionary(kind):
        return readable(kind.value_type, damaged=damaged)
    if types.is_nested(kind):
        return _nested(kind, damaged=damaged)
    return _scalar(kind, damaged=damaged)


def _scalar(kind: Any, *, damaged: bool) -> tuple[Any, Convert | None]:
    import pyarrow as pa
    from pyarrow import types

    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return (pa.large_binary(), _undamaged) if damaged else (kind, None)
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_null(kind):
        return kind, None
    if types.is_floating(kind):
        return kind, _double if types.is_float64(kind) else _single
    if types.is_decimal(kind):
        return kind, _decimal
    if types.is_timestamp(kind):
        return pa.int64(), _timestamp(kind.unit, has_zone=kind.tz is not None)
    if types.is_date(kind):
        return (pa.int32(), _day) if types.is_date32(kind) else (pa.int64(), lambda ms: _day(ms // DAY_MS))
    if types.is_time(kind):
        return (pa.int32() if types.is_time32(kind) else pa.int64()), _clock(kind.unit)
    if types.is_duration(kind):
        return pa.int64(), None
    if getattr(kind, "extension_name", "") == "arrow.uuid":
        return kind, str
    if getattr(kind, "extension_name", "") == "arrow.json":
        return kind, None
    raise UnsupportedTypeError


def _nested(kind: Any, *, damaged: bool) -> tuple[Any, Convert | None]:
    import pyarrow as pa
    from pyarrow import types

    if types.is_struct(kind):
        members = [kind.field(index) for index in range(kind.num_fields)]
        found = [(member, *readable(member.type, damaged=damaged)) for member in members]
        converts = {member.name: convert for member, _, convert in found if convert is not None}
        return pa.struct([member.with_type(to) for member, to, _ in found]), _struct(converts)
    if types.is_map(kind):
        (to_key, key), (to_item, item) = (
            readable(inner, damaged=damaged) for inner in (kind.key_type, kind.item_type)
        )
        return pa.map_(to_key, to_item), _map(key, item)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        to, convert = readable(kind.value_type, damaged=damaged)
        return (pa.large_list(to) if types.is_large_list(kind) else pa.list_(to)), _list(convert)
    raise UnsupportedTypeError


def _undamaged(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _double(value: float) -> object:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _single(value: float) -> object:
    """A float of 32 bits with the digits that tell it from its neighbours: 0.1, not 0.10000000149011612."""
    if not math.isfinite(value):
        return _double(value)
    bits = _FLOAT.pack(value)
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if abs(short) < 3.4e38 and _FLOAT.pack(short) == bits:
            return short
    return float(f"{value:.9g}")


def _decimal(value: Decimal) -> object:
    """An int or a float where that has every digit, else the digits as text."""
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else format(value, "f")


def _timestamp(unit: str, *, has_zone: bool) -> Convert:
    """With a zone, Parquet keeps the instant alone: it is written in UTC."""
    digits, zone = _FRACTION_DIGITS[unit], "Z" if has_zone else ""
    per_second = 10**digits

    def written(value: int) -> str:
        seconds, rest = divmod(value, per_second)
        try:
            whole = (_EPOCH + timedelta(seconds=seconds)).isoformat()
        except OverflowError:
            return f"{value} {unit} since 1970"  # in no year from 1 to 9999: no time that can be read
        return f"{whole}.{rest:0{digits}}{zone}" if rest else whole + zone

    return written


def _day(value: int) -> str:
    try:
        return (_EPOCH_DAY + timedelta(days=value)).isoformat()
    except OverflowError:
        return f"{value} days since 1970"


def _clock(unit: str) -> Convert:
    moment, day = _timestamp(unit, has_zone=False), 86_400 * 10 ** _FRACTION_DIGITS[unit]
    return lambda value: moment(value % day).partition("T")[2]


def _struct(converts: dict[str, Convert]) -> Convert:
    def members(value: dict[str, Any]) -> dict[str, Any]:
        found = {name: member for name, member in value.items() if member is not None}
        for name, convert in converts.items():
            if name in found and (converted := convert(found[name])) is not None:
                found[name] = converted
            else:
                found.pop(name, None)
        return found

    return members


def _list(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda values: [None if value is None else convert(value) for value in values]


def _map(key: Convert | None, item: Convert | None) -> Convert:
    def entries(pairs: list[tuple[Any, Any]]) -> object:
        found = [
            (key(name) if key else name, item(value) if item and value is not None else value)
            for name, value in pairs
        ]
        members = {name if isinstance(name, str) else repr(name): value for name, value in found}
        # A Parquet map may hold a key twice, a JSON object may not: nothing is dropped.
        return members if len(members) == len(found) else [{"key": k, "value": v} for k, v in found]

    return entries
