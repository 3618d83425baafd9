"""Why a row of delimited text cannot be read: the code of its reject, and the message."""

from __future__ import annotations

import csv
from typing import Any, Final, TypeAlias

from ours_cli.source.lines import MAX_RECORD
from ours_cli.source.text_encoding import is_intact

Problem: TypeAlias = tuple[str, str]

TOO_LONG: Final[Problem] = (
    "too_large",
    f"a line of more than {MAX_RECORD >> 20} MiB (its beginning is kept)",
)
ESCAPED_QUOTE: Final[Problem] = (
    "escaped_quote",
    'a backslash stands before a quote within a cell, as MySQL writes it; a CSV has "" in place of \\"',
)
ESCAPED_CELL: Final[Problem] = (
    "escaped_cell",
    "a backslash stands before a delimiter or line end within a cell, as MySQL and Redshift write it;"
    " a CSV has quotes around such a cell",
)
DOUBLE_QUOTES: Final = 'double them: sed \'s/\\\\"/""/g\' FILE | ours ... -'
"""What to do about quotes behind a backslash."""


def open_at_end(error: Exception) -> bool:
    """Whether the csv reader came to the end inside quotes."""
    return str(error).startswith("unexpected end of data")


def passes_limit(error: Exception) -> bool:
    """Whether the csv reader met a cell larger than `MAX_RECORD`."""
    return str(error).startswith("field larger than field limit")


def unreadable(*, is_open: bool, is_endless: bool, on_first_line: bool) -> Problem:
    """For quotes that do not match.

    `is_open`: a quote is open where the file ends, `is_endless`: where the row is longer than any may be.
    """
    if is_endless:
        state = f"is open for more than {MAX_RECORD >> 20} MiB or 4 million lines"
    elif is_open:
        state = "is never closed"
    elif on_first_line:
        return (
            "bad_csv",
            "text follows a closing quote; double quotes within a cell, or read with --quote none",
        )
    else:
        state = "is not closed in it"
    return "unclosed_quote", f"a quote opened in this row {state}; close it, or read with --quote none"


def cells_if_doubled(text: str, csv_format: dict[str, Any]) -> int:
    """How many cells a row has once quotes behind a backslash are doubled; 0 where that does not mend it."""
    try:
        rows = _rows_if_doubled(text, csv_format)
    except csv.Error:
        return 0
    return len(rows[0]) if len(rows) == 1 else 0


def is_open_if_doubled(text: str, csv_format: dict[str, Any]) -> bool:
    """Whether a row ends inside quotes once those behind a backslash are doubled."""
    try:
        _rows_if_doubled(text, csv_format)
    except csv.Error as error:
        return open_at_end(error)
    return False


def _rows_if_doubled(text: str, csv_format: dict[str, Any]) -> list[list[str]]:
    quote = csv_format["quotechar"]
    if not quote or f"\\{quote}" not in text:
        return []
    return list(csv.reader([text.replace(f"\\{quote}", quote * 2)], **csv_format))


def cells_if_unescaped(text: str, csv_format: dict[str, Any]) -> int:
    """How many cells a row has where a backslash takes a delimiter into the cell; 0 where none does."""
    if f"\\{csv_format['delimiter']}" not in text:
        return 0
    try:
        return len(next(csv.reader([text], **csv_format, escapechar="\\"), ()))
    except csv.Error:
        return 0


def ends_escaped(text: str) -> bool:
    """Whether a backslash stands before the line end, and no other before that one."""
    line = text.rstrip("\r\n")
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def damage(text: str) -> Problem | None:
    """For a row with a NUL byte, or with bytes that its encoding does not have."""
    if "\0" in text:
        return "nul_byte", "the row holds a NUL byte"
    if not is_intact(text):
        return (
            "bad_encoding",
            "not valid in the file's encoding; if the file is in another, say --encoding cp1252",
        )
    return None
