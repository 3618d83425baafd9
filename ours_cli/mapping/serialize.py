"""A body → its JSON bytes, exactly: no digit lost, nothing that JSON cannot say let through."""

from __future__ import annotations

from typing import Any, Final

import orjson

from ours_cli.exact_json import JsonStyle, as_sent, write_json
from ours_cli.mapping.validate import Violation

NOT_UNICODE: Final = Violation("bad_encoding", "the row holds characters that are not valid Unicode")


def canonical_json(body: dict[str, Any]) -> bytes | Violation:
    """Serialize with sorted keys, so that equal content has equal bytes; numbers keep every digit."""
    return serialize(body, sort_keys=True)


def serialize(body: dict[str, Any], *, sort_keys: bool = False) -> bytes | Violation:
    """Serialize a body, numbers with every digit; a `Violation` for what JSON cannot say."""
    try:
        return orjson.dumps(body, as_sent, orjson.OPT_SORT_KEYS if sort_keys else None)
    except TypeError:
        # orjson stops at 64 bits, at lone surrogates, and at 254 levels; the standard library is exact.
        return _exact_json(body, sort_keys)


def inside_quotes(written: bytes) -> bytes | None:
    """The JSON of at least one text, joined by `","` without the outer quotes; None where a text holds `","`.

    `written` is the JSON of the list. A quote that is part of a text has a backslash before it.
    """
    return None if b'\\","' in written else written[2:-2]


def _exact_json(body: dict[str, Any], sort_keys: bool) -> bytes | Violation:
    try:
        return write_json(body, JsonStyle(sort_keys=sort_keys, sent=True)).encode()
    except UnicodeEncodeError:
        return NOT_UNICODE
    except (RecursionError, ValueError):
        return Violation("bad_json", "the row holds something that JSON cannot say")
