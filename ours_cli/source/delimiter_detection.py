"""Which character separates the cells: named by the file, or that with which the rows, as CSV, agree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import dropwhile, islice, takewhile

from ours_cli.record import Dialect
from ours_cli.source.delimited import Row, RowReader

DELIMITER_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}
_NAMED = re.compile(rf"(\"?)sep=([{''.join(DELIMITER_NAMES)}])\1[\r\n]*", re.IGNORECASE)
_ROWS_TRIED = 200
# Without a delimiter in the first row, which then is a title, the rows below must be unambiguous.
_CLEAR_WIDTH = 3
_CLEAR_SHARE = 0.9


def sample_rows(lines: list[str], dialect: Dialect, first_line: int, *, complete: bool) -> list[Row]:
    """The first rows of `lines` that are not blank. `complete`: nothing follows the lines."""
    found = RowReader.of_lines(lines, dialect, first_line).filled_rows()
    if not complete:
        # Probably the cell that the end of the sample cuts through.
        found = takewhile(lambda row: isinstance(row, Row) or row.code != "unclosed_quote", found)
    return list(islice((row for row in found if isinstance(row, Row)), _ROWS_TRIED))


def named_delimiter(lines: Sequence[str]) -> str | None:
    """The delimiter that the first line names, in the words of Excel: `sep=;` and nothing else."""
    named = _NAMED.fullmatch(lines[0]) if lines else None
    return named[2] if named else None


def detect_delimiter(lines: list[str], quote: str, *, complete: bool) -> str:
    """The delimiter of the table that begins with `lines`; a comma where nothing points to another."""
    dialects = {delimiter: Dialect(delimiter, quote) for delimiter in DELIMITER_NAMES if delimiter != quote}
    # What cannot be read is in no sample: where a delimiter spoils the header, a row below would pass for it.
    firsts = {
        delimiter: next(RowReader.of_lines(lines, dialect).filled_rows(), None)
        for delimiter, dialect in dialects.items()
    }

    @cache
    def table(delimiter: str) -> list[Row]:
        return sample_rows(lines, dialects[delimiter], 1, complete=complete)

    headed = [
        delimiter for delimiter, row in firsts.items() if isinstance(row, Row) and len(row.cells) > 1
    ] or [delimiter for delimiter in dialects if table(delimiter) and len(table(delimiter)[0].cells) > 1]
    scores = {delimiter: _agreement_with_header(table(delimiter)) for delimiter in headed}
    if scores and max(scores.values()) > (0, 0):
        return max(scores, key=lambda delimiter: scores[delimiter])
    for delimiter in dialects:
        if _is_clear_below_title(table(delimiter)):
            return delimiter
    return max(headed, key=lambda delimiter: len(table(delimiter)[0].cells), default=",")


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
