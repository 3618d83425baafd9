"""Which character separates the cells: named by the file, or that with which the rows, as CSV, agree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import dropwhile

from ours_cli.record import Dialect, Malformed
from ours_cli.source.delimited import Row, RowReader
from ours_cli.source.lines import TextLines

DELIMITER_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}
_NAMED = re.compile(rf"(\"?)sep=([{''.join(DELIMITER_NAMES)}])\1[\r\n]*", re.IGNORECASE)
_ROWS_TRIED = 200
# Without a delimiter in the first row, which then is a title, the rows below must be unambiguous.
_CLEAR_WIDTH = 3
_CLEAR_SHARE = 0.9


def sample_rows(lines: list[str], dialect: Dialect, first_line: int, *, complete: bool) -> list[Row]:
    """The first rows of `lines` that are not blank. `complete`: nothing follows the lines."""
    reader = RowReader(iter([TextLines(lines, 0)]), dialect, first_line)
    rows: list[Row] = []
    while len(rows) < _ROWS_TRIED and (row := reader.next_row()) is not None:
        if isinstance(row, Malformed):
            if row.code == "unclosed_quote" and not complete:
                break  # probably the cell that the end of the sample cuts through
        elif any(map(str.strip, row.cells)):
            rows.append(row)
    return rows


def named_delimiter(lines: Sequence[str]) -> str | None:
    """The delimiter that the first line names, in the words of Excel: `sep=;` and nothing else."""
    named = _NAMED.fullmatch(lines[0]) if lines else None
    return named[2] if named else None


def detect_delimiter(lines: list[str], quote: str, *, complete: bool) -> str:
    """The delimiter of the table that begins with `lines`; a comma where nothing points to another."""
    tables = {
        delimiter: sample_rows(lines, Dialect(delimiter, quote), 1, complete=complete)
        for delimiter in DELIMITER_NAMES
        if delimiter != quote
    }
    headed = {delimiter: rows for delimiter, rows in tables.items() if rows and len(rows[0].cells) > 1}
    # What cannot be read is in no sample: where a delimiter spoils the header, a row below would pass for it.
    headed = {
        delimiter: rows
        for delimiter, rows in headed.items()
        if _begins_with_a_row(lines, Dialect(delimiter, quote))
    } or headed
    scores = {delimiter: _agreement_with_header(rows) for delimiter, rows in headed.items()}
    if scores and max(scores.values()) > (0, 0):
        return max(scores, key=lambda delimiter: scores[delimiter])
    for delimiter, rows in tables.items():
        if _is_clear_below_title(rows):
            return delimiter
    return max(headed, key=lambda delimiter: len(headed[delimiter][0].cells), default=",")


def _begins_with_a_row(lines: list[str], dialect: Dialect) -> bool:
    """Whether the first record that is not blank can be read."""
    reader = RowReader(iter([TextLines(lines, 0)]), dialect, 1)
    while (row := reader.next_row()) is not None:
        if isinstance(row, Malformed):
            return False
        if any(map(str.strip, row.cells)):
            return True
    return False


def _agreement_with_header(rows: list[Row]) -> tuple[float, int]:
    """The share of rows as wide as the first, then that width."""
    width = len(rows[0].cells)
    below = rows[1:]
    share = sum(len(row.cells) == width for row in below) / len(below) if below else 1.0
    return (share, width) if share else (0, 0)


def _is_clear_below_title(rows: list[Row]) -> bool:
    widths = [len(row.cells) for row in rows]
    table = list(dropwhile(lambda width: width == 1, widths))
    if not table:
        return False
    width, count = Counter(table).most_common(1)[0]
    return width >= _CLEAR_WIDTH and count >= 2 and count >= _CLEAR_SHARE * len(table)
