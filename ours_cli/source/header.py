"""Whether the first row is a header, as opposed to a title, data, or text in fixed columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ours_cli.errors import SourceError
from ours_cli.source.cell_kinds import CERTAIN_DATA, is_data, reach, usual
from ours_cli.source.delimited import Row

_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?", re.IGNORECASE)

_FIXED_WIDTH_LINES = 3
# A title fills at most a third of the columns; a header at least three fifths.
_TITLE_SHARE = 1 / 3
_HEADER_SHARE = 0.6
_OVERFLOW_SHARE = 0.8


class DoubtfulHeaderError(SourceError):
    """The first row is no header, or may be none; `remedy` are the `ReadOptions` that would make sense."""

    def __init__(self, message: str, *, hint: str, remedy: dict[str, Any]) -> None:
        super().__init__(message, hint=hint)
        self.remedy = remedy


def refuse_fixed_width(lines: Sequence[str], name: str) -> None:
    """Raise `SourceError` where lines without a delimiter are of one length, with the same gaps in all."""
    texts = [line.rstrip("\r\n") for line in lines if line.strip()]
    if len(texts) < _FIXED_WIDTH_LINES or len({len(text) for text in texts}) > 1:
        return
    blank = "".join(" " if all(text[at] == " " for text in texts) else "x" for at in range(len(texts[0])))
    has_wide_gap = any("  " in text.strip() for text in texts)
    if len(blank.split()) >= 3 and has_wide_gap:
        raise SourceError(
            f"{name} looks like text in columns of fixed width, which has no delimiter",
            hint="put commas between the columns first: sed 's/^ *//; s/  */,/g' FILE | ours ... -",
        )


def refuse_doubtful_header(rows: Sequence[Row], name: str) -> None:
    """Raise `DoubtfulHeaderError` where the first of `rows` (none blank) is a title above it, or data."""
    if not rows:
        return
    header_line = _line_of_lower_header(rows)
    if header_line is not None:
        raise DoubtfulHeaderError(
            f"{name}: line {rows[0].line} looks like a title above the table, not like its header",
            hint=f"the header seems to be on line {header_line}: --skip-lines {header_line - 1}; "
            f"else --header-row {rows[0].line}",
            remedy={"skip_lines": header_line - 1},
        )
    if _is_record(rows[0].cells):
        raise DoubtfulHeaderError(
            f"{name}: the first row (line {rows[0].line}) looks like data, not like a header",
            hint="say --no-header if it is; the columns are then {1}, {2}, ...; "
            f"else --header-row {rows[0].line}",
            remedy={"no_header": True},
        )


def _is_record(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    if any(CERTAIN_DATA.fullmatch(cell) for cell in filled):
        return True
    others = [cell for cell in filled if not is_data(cell)]
    return len(others) < len(filled) and all(map(_WEEKDAY.fullmatch, others))


def _line_of_lower_header(rows: Sequence[Row]) -> int | None:
    """The line of the row that must be the header, where the first row is a title; else None."""
    first, below = rows[0], rows[1:]
    if len(below) < 2:
        return None
    reaches = [reach(row.cells) for row in below]
    width = usual(reaches)
    overflow = sum(cells > len(first.cells) for cells in reaches) >= _OVERFLOW_SHARE * len(below)
    if not (overflow or _is_totals(first) or _filled(first) <= width * _TITLE_SHARE):
        return None
    for row in below[:-1]:
        if _filled(row) > _filled(first) and _filled(row) >= _HEADER_SHARE * width:
            return None if any(map(is_data, row.cells)) else row.line
    return None


def _is_totals(row: Row) -> bool:
    """Whether it holds a number in some columns, and nothing in others, as what a report sums up."""
    return _filled(row) < len(row.cells) and any(map(is_data, row.cells))


def _filled(row: Row) -> int:
    return sum(1 for cell in row.cells if cell.strip())
