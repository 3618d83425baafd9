"""The columns that a rejects file adds to the source's own, and how such a file is known by them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MARKS: Final = ("_line", "_distinctId", "_code", "_message", "_raw")
PREFIXED: Final = tuple(f"_ours{mark}" for mark in MARKS)
"""Used instead of `MARKS` where the source has such a column itself."""

_HEADER: Final = re.compile(rb'\s*+((?:[^"\r\n]++|"[^"]*+")++)')
"""The first line that is not blank, with those that its quoted cells go over."""


def marks_for(names: Iterable[str]) -> tuple[str, ...]:
    """The bookkeeping names that do not collide with a source's own."""
    return PREFIXED if any(name in MARKS for name in names) else MARKS


def marks_at_end(columns: tuple[str, ...]) -> tuple[str, ...] | None:
    """The bookkeeping names with which `columns`, those of a rejects file, end; else None."""
    found = columns[-len(MARKS) :]
    return found if found in (PREFIXED, MARKS) and len(columns) > len(MARKS) else None


def is_rejects_file(data: bytes) -> bool:
    """Whether a delimited file that begins with `data` is a rejects file, whatever its delimiter."""
    header = _HEADER.match(data)
    if header is None:
        return False
    text = header[1].replace(b'"', b"")  # an editor may quote every cell
    return any(_ends_in(text, [mark.encode() for mark in marks]) for marks in (PREFIXED, MARKS))


def _ends_in(header: bytes, marks: list[bytes]) -> bool:
    own, _, rest = header.rpartition(marks[0])
    delimiter = rest.partition(marks[1])[0]
    return bool(own and delimiter) and own.endswith(delimiter) and rest == delimiter.join([b"", *marks[1:]])
