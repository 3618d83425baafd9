"""JSON read to the letter: what a fast parser would alter silently is kept or refused."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, Final, NamedTuple, NoReturn

import orjson

MAX_DEPTH: Final = 254
"""What orjson can write again, and far deeper than any event."""

_MAX_DIGITS: Final = 4300
"""CPython's own limit; beyond it, reading digits takes quadratic time."""

_NOT_JSON: Final = "not valid JSON: "
_STRUCTURE = re.compile(r'["{}\[\]]|\\.', re.DOTALL)


_REMEDIES: Final = {"duplicate_key": "give the key once", "too_deep": "send it flatter"}


class WrittenNumber(float):
    """A number whose digits, as they stand in `text`, are not those that would be written for its value.

    `1.10` and `1e3` as ids are not `1.1` and `1000.0`, and a double cannot hold `12345678901234567.5`.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> WrittenNumber:
        """The number that this JSON text is."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]
        """What `__new__` takes, for pickle."""
        return (self.text,)

    def __repr__(self) -> str:
        return self.text


_NUMBERS: Final[frozenset[type]] = frozenset({int, float, WrittenNumber})
TIMES: Final = _NUMBERS | {str}
SCALARS: Final = TIMES | {bool}
OF_KIND: Final[dict[str, frozenset[type]]] = {
    "string": frozenset({str}),
    "number": _NUMBERS,
    "boolean": frozenset({bool}),
    "any": SCALARS,
}
"""What values of a JSON type are read as, by its name in the contract; objects may hold anything."""


def digits_of(number: float, *, sent: bool = False) -> str:
    """The digits as they were read, or as they are sent."""
    if isinstance(number, WrittenNumber):
        return orjson.dumps(float(number)).decode() if sent and _is_exact(number) else number.text
    if not math.isfinite(number):
        return repr(number)
    # The standard library would write 1e-07 where nearly all others write 1e-7.
    return orjson.dumps(number).decode()


def _is_exact(number: WrittenNumber) -> bool:
    """Whether the number is just what its digits say."""
    return Decimal(float.__repr__(number)) == Decimal(number.text)


def as_written(value: object) -> orjson.Fragment:
    """For orjson's `default`: a number with the digits that it was read with."""
    if isinstance(value, WrittenNumber):
        return orjson.Fragment(value.text)
    raise TypeError


def as_sent(value: object) -> float | orjson.Fragment:
    """For orjson's `default`: `20.00` as 20.0, where that loses nothing."""
    if isinstance(value, WrittenNumber) and _is_exact(value):
        return float(value)
    return as_written(value)


class JsonProblem(ValueError):  # noqa: N818 - a row's fate, not a program error
    """Text that is not JSON, or that would not survive being written again. The message holds no value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def remedy(self) -> str | None:
        """What to do about JSON that cannot be sent; None where the text is none."""
        return _REMEDIES.get(self.code)

    @property
    def reason(self) -> str:
        """The message to put after "is not JSON: "."""
        return self.message.removeprefix(_NOT_JSON)


def read_json(text: str) -> Any:
    """Return the value of one JSON text, numbers of any length with all their digits.

    Raises `JsonProblem`: `too_deep`, `duplicate_key`, or `bad_json` for what is not JSON, for NaN and
    infinities, lone surrogates, and numbers beyond a double's range.
    """
    if _is_too_deep(text):
        raise JsonProblem("too_deep", f"nested more than {MAX_DEPTH} levels deep")
    try:
        value = _DECODER.decode(text)
        if "\\u" in text:
            # The parser accepts half a surrogate pair, but such a text cannot be sent.
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise JsonProblem("bad_json", f"{_NOT_JSON}{error.msg} at character {error.pos + 1}") from None
    except UnicodeEncodeError:
        raise JsonProblem("bad_json", f"{_NOT_JSON}half a surrogate pair in a string") from None
    return value


class JsonStyle(NamedTuple):
    """How JSON is laid out; `indent` is in blanks for each level, None for a single line."""

    sort_keys: bool = False
    sent: bool = False
    """Numbers as in a body, `20.00` as 20.0; else with the digits that they were read with."""
    ascii_only: bool = False
    indent: int | None = None
    gap: str = ""
    """What stands after a colon, and after a comma within a line."""


_COMPACT: Final = JsonStyle()


def is_json(text: str) -> bool:
    """Whether a text is JSON as Python's parser takes it, `NaN` and keys given twice included."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def is_object(text: str) -> bool:
    """Whether a text is a JSON object, as `is_json` reads it."""
    return text.lstrip().startswith("{") and is_json(text)


def write_json(value: Any, style: JsonStyle = _COMPACT, level: int = 0) -> str:
    """One JSON text, numbers of any length with all their digits; raises `ValueError` where JSON has none."""
    if isinstance(value, dict):
        members = sorted(value.items()) if style.sort_keys else value.items()
        parts = [
            f"{_scalar(key, style)}:{style.gap}{write_json(entry, style, level + 1)}"
            for key, entry in members
        ]
        return _enclosed("{", parts, "}", style, level)
    if isinstance(value, list | tuple):
        parts = [write_json(entry, style, level + 1) for entry in value]
        return _enclosed("[", parts, "]", style, level)
    is_number = isinstance(value, float) and math.isfinite(value)
    return digits_of(value, sent=style.sent) if is_number else _scalar(value, style)


def _enclosed(begin: str, parts: list[str], end: str, style: JsonStyle, level: int) -> str:
    if not parts or style.indent is None:
        return begin + f",{style.gap}".join(parts) + end
    outer = "\n" + " " * style.indent * level
    inner = outer + " " * style.indent
    return begin + inner + f",{inner}".join(parts) + outer + end


def _scalar(value: Any, style: JsonStyle) -> str:
    return json.dumps(value, ensure_ascii=style.ascii_only, allow_nan=False)


def _is_too_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    depth, in_string = 0, False
    for token in _STRUCTURE.finditer(text):
        mark = token.group()
        if mark == '"':
            in_string = not in_string
        elif not in_string and mark in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif not in_string and mark in "}]":
            depth -= 1
    return False


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonProblem("duplicate_key", "a key stands twice in one object")
    return members


def _integer(digits: str) -> int | WrittenNumber:
    if len(digits) > _MAX_DIGITS:
        raise JsonProblem("bad_json", f"an integer of more than {_MAX_DIGITS} digits")
    return WrittenNumber(digits) if digits == "-0" else int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise JsonProblem("bad_json", "a number beyond the range of a double")
    return number if orjson.dumps(number).decode() == text else WrittenNumber(text)


def _constant(name: str) -> NoReturn:
    raise JsonProblem("bad_json", f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_int=_integer, parse_float=_finite, parse_constant=_constant
)
