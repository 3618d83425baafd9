"""The columns that a rejects file adds to the source's own, and how such a file is known by them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from typing import Final

MARKS: Final = ("_line", "_distinctId", "_code", "_message", "_raw")
PREFIXED: Final = tuple(f"_ours{mark}" for mark in MARKS)
"""Used instead of `MARKS` where the source has such a column itself."""

_ENOUGH: Final = 3
"""So many of the names are no chance, with `_distinctId` among them; the others stand in logs as well."""

_WORD: Final = re.compile(r"\w+")
_HEADER: Final = re.compile(rb'\s*+((?:[^"\r\n]++|"[^"]*+")++)')
"""The first line that is not blank, with those that its quoted cells go over."""


def marks_for(names: Iterable[str]) -> tuple[str, ...]:
    """The bookkeeping names that do not collide with a source's own."""
    return PREFIXED if any(name in MARKS for name in names) else MARKS


def marks_among(names: Container[str]) -> tuple[str, ...] | None:
    """The bookkeeping names of a rejects file with these columns or keys; None where it is none.

    A spreadsheet may have moved some of the columns, or lost one.
    """
    for marks in (PREFIXED, MARKS):
        found = sum(mark in names for mark in marks)
        if found >= (_ENOUGH if marks[1] in names else _ENOUGH + 1):
            return marks
    return None


def is_rejects_file(data: bytes) -> bool:
    """Whether a delimited file that begins with `data` is a rejects file, whatever its delimiter."""
    header = _HEADER.match(data)
    return header is not None and marks_among(_WORD.findall(header[1].decode("utf-8", "replace"))) is not None
