"""What a cell looks like: data (a number, date, address, phone), or a word that may be a column's name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ours_cli.uuids import UUID

_NUMBER = r"[-+(]?[$€£¥]? ?\d[\d.,' ]*%?\)?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?"
_DATE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}"
    r"|\d{1,2} [A-Za-z]{3,9}\.?,? \d{4}|[A-Z][a-z]{2,8}\.? \d{1,2},? \d{4})"
)
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_MONEY = r"[-+(]?(?:[$€£¥] ?-?\d[\d.,' ]*|\d[\d.,' ]*[$€£¥])\)?"
_SOCIAL_SECURITY = r"\d{3}-\d{2}-\d{4}"
_PHONE = r"(?:\+(?:[ ().\-/]*\d){10,15}|(?:\(\d{3}\) ?|\d{3}-)\d{3}-\d{4})"
_CERTAIN = rf"{_DATE}[T ,]+{_CLOCK}.*|{_EMAIL}|{UUID}|{_MONEY}|{_SOCIAL_SECURITY}|{_PHONE}"
_DATA = re.compile(rf"{_NUMBER}|{_CLOCK}|{_DATE}(?:[T ,].*)?|{_CERTAIN}")
CERTAIN_DATA = re.compile(_CERTAIN)
"""Never the name of a column, whatever its neighbours are called; a year or a bare number may well be one."""

_NAMES_MIN = 2


def is_data(cell: str) -> bool:
    """Whether a cell, but for blanks around it, can be no name."""
    return _DATA.fullmatch(cell.strip()) is not None


def names_columns(cells: Sequence[str]) -> bool:
    """Whether a row could be a header: two names or more, all different, and none of them data."""
    filled = [cell.strip() for cell in cells[: reach(cells)]]
    return (
        len(filled) >= _NAMES_MIN
        and all(filled)
        and len(set(filled)) == len(filled)
        and not any(map(is_data, filled))
    )


def reach(cells: Sequence[str]) -> int:
    """The number of cells up to the last one that is not empty."""
    return next((at for at in range(len(cells), 0, -1) if cells[at - 1].strip()), 0)


def usual(widths: Iterable[int]) -> int:
    """The width that most rows have, of several the first."""
    return Counter(widths).most_common(1)[0][0]
