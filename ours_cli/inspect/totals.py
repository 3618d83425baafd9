"""Rows at the end of a file that are not records: totals, footnotes, "end of report"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ours_cli.inspect.column import Column
from ours_cli.record import Record
from ours_cli.timestamps import TimeProblem, TimeReader, TimeRules

_TOTAL = re.compile(r"(?:grand |sub)?total|sum(?:me|ma)?\b|gesamt|\*|end of|generated|report", re.IGNORECASE)
_SPARSE = 0.5


class Footer(NamedTuple):
    """One such row, and what gives it away."""

    record: Record
    why: str

    @property
    def line(self) -> int:
        """Where it stands; 0 where the sample does not know it."""
        return self.record.line


def suspects(tail: Iterable[Record], header: Sequence[str] | None) -> list[Record]:
    """The rows at the end that may be no records, by their cells alone: `footers` are among them."""
    found: list[Record] = []
    for record in reversed(list(tail) if header is not None else []):
        filled = _filled(record)
        if not _TOTAL.match(filled[0] if filled else "") and len(filled) > _SPARSE * len(header or ()):
            break
        found.append(record)
    return found


def footers(
    tail: Iterable[Record], header: Sequence[str] | None, time: Column | None, usual_cells: float
) -> list[Footer]:
    """The rows at the end without a readable time that begin like a total, or have few cells filled."""
    if header is None or time is None or time.name not in header or time.looks_like_excel_days:
        return []
    position = list(header).index(time.name)
    found: list[Footer] = []
    for record in reversed(list(tail)):
        cells = record.fields
        assert isinstance(cells, list)
        if position < len(cells) and _is_time(cells[position]):
            break
        filled = _filled(record)
        if _TOTAL.match(filled[0] if filled else ""):
            found.append(Footer(record, "no time, and it begins like a total or a footnote"))
        elif len(filled) <= _SPARSE * usual_cells:
            found.append(Footer(record, "no time, and few of its cells are filled"))
        else:
            break
    return found[::-1]


def _filled(record: Record) -> list[str]:
    assert isinstance(record.fields, list)
    return [cell.strip() for cell in record.fields if cell.strip()]


def _is_time(cell: str) -> bool:
    try:
        TimeReader(TimeRules())(cell)
    except TimeProblem as problem:
        return problem.code == "ambiguous_time"
    return True
