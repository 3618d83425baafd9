"""JSON read to the letter: what a fast parser would alter silently is kept or refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 254
"""What orjson can write again, and far deeper than any event."""

_MAX_DIGITS: Final = 4300
"""CPython's own limit; beyond it, reading digits takes quadratic time."""

_NOT_JSON: Final = "not valid JSON: "
_STRUCTURE = re.compile(r'["{}\[\]]|\\.', re.DOTALL)


class JsonProblem(ValueError):  # noqa: N818 - a row's fate, not a program error
    """Text that is not JSON, or that would not survive being written again. The message holds no value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def reason(self) -> str:
        """The message to put after "is not JSON: "."""
        return self.message.removeprefix(_NOT_JSON)


def read_json(text: str) -> Any:
    """Return the value of one JSON text, integers of any length with all their digits.

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


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise JsonProblem("bad_json", f"an integer of more than {_MAX_DIGITS} digits")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise JsonProblem("bad_json", "a number beyond the range of a double")
    return number


def _constant(name: str) -> NoReturn:
    raise JsonProblem("bad_json", f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_int=_integer, parse_float=_finite, parse_constant=_constant
)
