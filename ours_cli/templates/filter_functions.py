"""What filters do to a value: each function here makes one filter from its argument.

A filter takes a value that is there and returns one or `ABSENT`; it raises `FilterProblem`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final, TypeAlias

from ours_cli.errors import UsageError
from ours_cli.exact_json import JsonProblem, read_json
from ours_cli.templates.field_value import ABSENT, FilterProblem, as_text, present
from ours_cli.templates.filter_arguments import TextMap
from ours_cli.templates.numerals import (
    NumeralError,
    Style,
    as_integer,
    as_number,
    is_plain_number,
    read_decimal,
)
from ours_cli.trimming import trimmed

Filter: TypeAlias = "Callable[[object], object]"
HmacKey: TypeAlias = "Callable[[], bytes]"


def _text(value: object) -> str:
    if isinstance(value, list | dict):
        raise FilterProblem("bad_type", "holds a list or an object, not text")
    return as_text(value)


def on_text(change: Callable[[str], str]) -> Callable[[None], Filter]:
    """Make a filter of a function from text to text that takes no argument."""
    return lambda _: lambda value: present(change(_text(value)))


def number_filter(style: Style) -> Filter:
    """A number, as this style writes it; one that is a number already stays."""
    plain_point = style.point == "."

    def number(value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if plain_point and type(value) is str and is_plain_number(value):
            return float(value) if "." in value else int(value)
        try:
            exact = read_decimal(_scalar_text(value), style)
            return exact if exact is ABSENT else as_number(exact)
        except NumeralError as problem:
            raise FilterProblem("bad_number", str(problem)) from None

    return number


def int_filter(_: None) -> Filter:
    """A whole number."""

    def integer(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if type(value) is str and is_plain_number(value) and "." not in value:
            return int(value)
        try:
            exact = read_decimal(_scalar_text(value))
            return exact if exact is ABSENT else as_integer(exact)
        except NumeralError as problem:
            raise FilterProblem("bad_int", str(problem)) from None

    return integer


def _scalar_text(value: object) -> str:
    if isinstance(value, bool | list | dict):
        raise NumeralError("is not a number")
    return as_text(value)


_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "y", "1", "t", "on"), True),
    **dict.fromkeys(("false", "no", "n", "0", "f", "off"), False),
}


def bool_filter(_: None) -> Filter:
    """True or false, in one of the words that people write for it."""

    def boolean(value: object) -> bool:
        found = _BOOLEANS.get(as_text(value).strip().casefold())
        if found is None:
            raise FilterProblem("bad_bool", "is not true/false, yes/no, y/n, t/f, on/off or 1/0")
        return found

    return boolean


def json_filter(_: None) -> Filter:
    """The value of a JSON text; anything that is not text stays."""

    def parsed(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return present(read_json(value))
        except JsonProblem as problem:
            raise FilterProblem("bad_json", f"is not JSON: {problem.reason}") from None

    return parsed


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER_ALONE = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")


def date_filter(form: str | None) -> Filter:
    """The day, as YYYY-MM-DD: by a format of strptime, or in any form that is clear."""
    return partial(_day_by_format, form) if form else _any_day()


def _day_by_format(form: str, value: object) -> str:
    try:
        return datetime.strptime(_text(value).strip(), form).date().isoformat()
    except ValueError:
        raise FilterProblem("bad_date", "is not a date in that format") from None


def _any_day() -> Filter:
    """Take the day as written (23:30 at -05:00 stays on its own day); an epoch number gives its UTC day.

    Each number is in the unit that its own size tells: a reader for all rows would judge them by their order.
    """
    from ours_cli.timestamps import TimeProblem, TimeReader, TimeRules
    from ours_cli.timestamps.written import clean, read_written

    rules = TimeRules()

    def day(value: object) -> str:
        text = _text(value).strip()
        try:
            if _NUMBER_ALONE.fullmatch(text):
                return (_EPOCH + timedelta(milliseconds=TimeReader(rules)(text))).date().isoformat()
            return read_written(clean(text), None).moment.date().isoformat()
        except TimeProblem as problem:
            raise FilterProblem("bad_date", f"is not a date: {problem.message}") from None
        except OverflowError:
            raise FilterProblem("bad_date", "is beyond the years 1 to 9999") from None

    return day


_EXACT_INTEGERS = 2**53 - 1
_PLAIN_INTEGER = re.compile(r"-?[1-9][0-9]{0,15}|0")
_PLAIN_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,15})\.[0-9]{1,17}")


_PLAIN_BOOLEANS: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def auto_filter(_: None) -> Filter:
    """Type a number that loses no digit by it, and true and false; leave all else unchanged.

    A price of 20.00 is a number as one of 19.99 is: a property must not be of two types.
    """

    def typed(value: object) -> object:
        if not isinstance(value, str):
            return value
        if (boolean := _PLAIN_BOOLEANS.get(value)) is not None:
            return boolean
        if _PLAIN_INTEGER.fullmatch(value):
            integer = int(value)
            return integer if abs(integer) <= _EXACT_INTEGERS else value
        if _PLAIN_DECIMAL.fullmatch(value):
            number = float(value)
            return number if Decimal(repr(number)) == Decimal(value) else value
        return value

    return typed


def map_filter(mapping: TextMap) -> Filter:
    """What the map has for a text."""

    def mapped(value: object) -> object:
        found = mapping.exact.get(_text(value), mapping.otherwise)
        if found is None:
            raise FilterProblem(
                "unmapped_value", "holds a text that is not in the map (`*=X` takes the rest)"
            )
        return present(found)

    return mapped


def default_filter(replacement: str) -> Filter:
    """Always this text."""
    return lambda _: replacement


def prefix_filter(prefix: str) -> Filter:
    """The text with this before it."""
    return lambda value: prefix + _text(value)


def replace_filter(pair: tuple[str, str]) -> Filter:
    """The text with one part of it replaced wherever it occurs."""
    return lambda value: present(_text(value).replace(*pair))


def split_filter(separator: str) -> Filter:
    """A list of the parts between separators, those that are not blank."""

    def split(value: object) -> object:
        pieces = [piece for part in _text(value).split(separator) if (piece := part.strip())]
        return pieces or ABSENT

    return split


_TYPED_VALUES: Final = ("string_value", "int_value", "double_value", "float_value")


def param_filter(name: str) -> Filter:
    """Find the value of one key in a list of `{key, value}`, as Google Analytics keeps parameters.

    A text is read as JSON first, as on a path. The values are keyed by type: the one that is there
    is taken; an integer comes as text.
    """
    typed, parsed = auto_filter(None), json_filter(None)

    def param(value: object) -> object:
        value = parsed(value)
        if not isinstance(value, list):
            raise FilterProblem("bad_type", "is not a list of {key, value}")
        for entry in value:
            if isinstance(entry, dict) and entry.get("key") == name:
                found = entry.get("value")
                if not isinstance(found, dict):
                    return present(found)
                kind = next((kind for kind in _TYPED_VALUES if found.get(kind) is not None), "")
                return present(typed(found[kind]) if kind == "int_value" else found.get(kind))
        return ABSENT

    return param


def _utf8(value: object) -> bytes:
    try:
        return trimmed(_text(value)).encode()
    except UnicodeEncodeError:
        raise FilterProblem("bad_text", "holds a lone surrogate, which is not text") from None


def sha256_filter(_: None) -> Filter:
    """The SHA-256 digest of the text, in hexadecimal."""
    from hashlib import sha256

    return lambda value: sha256(_utf8(value)).hexdigest()


def hmac_filter(key_of: HmacKey | None) -> Filter:
    """The HMAC-SHA-256 of the text; raises `UsageError` where there is no key."""
    from hmac import digest

    key = key_of() if key_of else b""
    if not key:
        raise no_hmac_key()
    return lambda value: digest(key, _utf8(value), "sha256").hex()


def no_hmac_key() -> UsageError:
    """The error where the hmac filter is used and there is no key."""
    return UsageError("the hmac filter needs a key", hint="export OURS_HMAC_KEY=..., or --hmac-key-file PATH")
