"""JSON read to the letter: what a fast parser would alter silently is kept or refused."""

from __future__ import annotations

import json
from math import isinf
from typing import Any, NoReturn


def read_json(text: str) -> Any:
    """Return the value of one JSON text, integers of any length with all their digits.

    Raises ValueError, whose message holds no value, for text that is not JSON and for what would not survive
    being written again: NaN and infinities, duplicate keys, lone surrogates, numbers beyond a double's range.
    """
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("too deeply nested") from None
    if "\\u" in text and _has_lone_surrogate(value):
        raise ValueError("a lone surrogate is not text")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _float(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise ValueError("a number is beyond the range of a double")
    return number


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # CPython's own guard against quadratic time: 4,300 digits
        raise ValueError("an integer has too many digits") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_refuse_constant
)


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
