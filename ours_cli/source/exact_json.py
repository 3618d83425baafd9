"""JSON objects, read fast where that is exact, and exactly where it is not."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

# What orjson can write again, and far deeper than any event.
MAX_DEPTH = 254
# CPython's own limit; beyond it, reading digits takes quadratic time.
_MAX_DIGITS = 4300
# Integers beyond 64 bits have at least as many digits as 2**63. Looking for so many zeros in a text whose
# digits are all made zeros is six times as fast as a regex.
_NINETEEN_DIGITS = b"0" * 19
_SIMPLIFIED = bytes.maketrans(b"123456789\t\r\n", b"000000000   ")
_STRUCTURE = re.compile(rb'["{}\[\]]|\\.', re.DOTALL)
_SHOWN_KEY_LENGTH = 60


class UnreadableError(Exception):
    """Text that is no JSON object, or one that could not be sent unaltered."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def parse_object(raw: bytes) -> dict[str, Any]:
    """The object in `raw` (UTF-8), every key and digit of it. Raises `UnreadableError`.

    orjson drops duplicate keys and rounds integers beyond 64 bits without a word. Text where it may have done
    so goes to the exact parser.
    """
    try:
        value = orjson.loads(raw)
        written = orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        value = _parse_exactly(raw)
    else:
        # Most programs write JSON just as orjson does; then the comparison settles it.
        if written != raw and _may_have_lost(raw, written):
            value = _parse_exactly(raw)
    if type(value) is not dict:
        raise UnreadableError("not_an_object", "valid JSON, but not an object")
    return value


def _may_have_lost(raw: bytes, written: bytes) -> bool:
    r"""Whether `raw` may have keys or digits that are not in `written`, its value written again.

    Without space before colons, every key ends in `":`. The same bytes within strings stand as `\":` in both,
    unless `raw` spells them as escapes.
    """
    simplified = raw.translate(_SIMPLIFIED)
    if _NINETEEN_DIGITS in simplified or b" :" in simplified:
        return True
    if b"\\u00" in raw and (b"\\u0022" in raw or b"\\u003" in raw):
        return True
    return raw.count(b'":') != written.count(b'":')


def _parse_exactly(raw: bytes) -> Any:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise UnreadableError(
            "bad_encoding", "not valid UTF-8; if the file is in another encoding, say --encoding"
        ) from None
    if "\0" in text:
        raise UnreadableError("nul_byte", "the row holds a NUL byte")
    if _is_too_deep(raw):
        raise _too_deep()
    try:
        value = _EXACT.decode(text)
        if "\\u" in text:
            # Half a surrogate pair is accepted by the parser, but is no text that could be sent.
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise UnreadableError(
            "bad_json", f"not valid JSON: {error.msg} at character {error.pos + 1}"
        ) from None
    except UnicodeEncodeError:
        raise UnreadableError("bad_json", "not valid JSON: half a surrogate pair in a string") from None
    return value


def _is_too_deep(raw: bytes) -> bool:
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return False
    depth, in_string = 0, False
    for token in _STRUCTURE.finditer(raw):
        mark = token.group()
        if mark == b'"':
            in_string = not in_string
        elif not in_string and mark in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif not in_string and mark in b"}]":
            depth -= 1
    return False


def _too_deep() -> UnreadableError:
    return UnreadableError("too_deep", f"nested more than {MAX_DEPTH} levels deep")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise UnreadableError(
            "duplicate_key", f"the key {json.dumps(twice[:_SHOWN_KEY_LENGTH])} stands twice in one object"
        )
    return members


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise UnreadableError("bad_json", f"an integer of more than {_MAX_DIGITS} digits")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise UnreadableError("bad_json", "a number beyond the range of a double")
    return number


def _constant(name: str) -> Any:
    raise UnreadableError("bad_json", f"{name} is not JSON")


_EXACT = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_int=_integer, parse_float=_finite, parse_constant=_constant
)
