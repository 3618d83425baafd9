"""Consecutive objects of a JSON array, found in bulk and proven by parsing them.

Where an object ends cannot be seen without reading it. But it likely ends where its braces are balanced, with
nothing but blanks and commas before the next one. If what is between two such places is an object by itself,
it is the one that begins there: no object is the beginning of another.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ours_cli.source.json_objects import parse_objects

_BETWEEN = re.compile(rb"\}[ \t\r\n,]*+(?=\{)")


class ObjectRun(NamedTuple):
    """Objects and what orjson writes for each; `starts` are their positions, and that of what comes next."""

    starts: list[int]
    objects: list[dict[str, Any]]
    written: list[bytes]


def leading_objects(text: bytes, start: int) -> ObjectRun | None:
    """The objects in `text` from `start` on, where one begins, except the last, which may be cut off.

    None where there is no other, or one is not plainly an object.
    """
    starts, raws = [start], []
    depth = 0
    piece = start
    for between in _BETWEEN.finditer(text, start):
        end = between.start() + 1
        depth += text.count(b"{", piece, end) - text.count(b"}", piece, end)
        piece = between.end()
        if not depth:
            raws.append(text[starts[-1] : end])
            starts.append(piece)
    found = parse_objects(raws) if raws else None
    return None if found is None else ObjectRun(starts, *found)
