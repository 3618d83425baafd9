"""JSON objects, read fast where that is exact, and exactly where it is not."""

from __future__ import annotations

import re
from typing import Any

import orjson

from ours_cli.exact_json import JsonProblem, as_written, read_json

# What numbers and the places between values are written with; `_BETWEEN` is in no JSON text as it stands.
_BETWEEN = b"\x1e"
_TELLING = b"0123456789+-.eE:," + _BETWEEN
_NOT_TELLING = bytes(set(range(256)).difference(_TELLING))
_SPELLING = b" \t\r\n\\/" + bytes(range(0x80, 0x100))
_ESCAPE = b"\\u"
# The code of a character that is not telling.
_HARMLESS = re.compile(rb"(?!00(?:2[b-eB-E]|3[0-9aA]|[46]5))[0-9a-fA-F]{4}")


def parse_object(raw: bytes) -> dict[str, Any]:
    """The object in `raw` (UTF-8), every key and digit of it. Raises `JsonProblem`.

    orjson drops duplicate keys and digits of numbers without a word. Text where it may have done so goes to
    the exact parser.
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
        raise JsonProblem("not_an_object", "valid JSON, but not an object")
    return value


def parse_objects(lines: list[bytes]) -> tuple[list[dict[str, Any]], list[bytes]] | None:
    """What `parse_object` makes of each line, and that written again, with the same digits.

    None where a single line is not plainly an object.
    """
    try:
        values = list(map(orjson.loads, lines))
        written = list(map(orjson.dumps, values))
        if written != lines and _may_have_lost(_BETWEEN.join(lines), _BETWEEN.join(written)):
            for at, (raw, again) in enumerate(zip(lines, written, strict=True)):
                if raw != again and _may_have_lost(raw, again):
                    values[at] = _parse_exactly(raw)
                    written[at] = orjson.dumps(values[at], as_written)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, JsonProblem):
        return None
    return (values, written) if set(map(type, values)) == {dict} else None


def _may_have_lost(raw: bytes, written: bytes) -> bool:
    """Whether `raw` may have keys or digits that are not in `written`, its value written again.

    Every key has a colon. Colons and digits of strings are in both, unless `raw` spells them as escapes.
    """
    # Nearly always one of the first two comparisons settles it; which one is likely, ASCII tells at no cost.
    has_escapes = raw.isascii() and not written.isascii()
    if not has_escapes and _are_alike(raw, written, _SPELLING):
        return b"\\u00" in raw and _without_escapes(raw) is None
    bare = _without_escapes(raw)
    if bare is None or _are_alike(bare, written, _SPELLING):
        return bare is None
    again = _without_escapes(written)
    return again is None or not _are_alike(bare, again, _NOT_TELLING)


def _are_alike(one: bytes, other: bytes, without: bytes) -> bool:
    return one.translate(None, without) == other.translate(None, without)


def _without_escapes(text: bytes) -> bytes | None:
    r"""The text without `\u00e9` and the like; None where one may be telling, or is none."""
    first, *others = text.split(_ESCAPE)
    if not all(map(_HARMLESS.fullmatch, {other[:4] for other in others})):
        return None
    return first + b"".join([other[4:] for other in others])


def _parse_exactly(raw: bytes) -> Any:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise JsonProblem(
            "bad_encoding", "not valid UTF-8; if the file is in another encoding, say --encoding"
        ) from None
    if "\0" in text:
        raise JsonProblem("nul_byte", "the row holds a NUL byte")
    return read_json(text)
