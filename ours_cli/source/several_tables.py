"""Delimited text that is not one table: several of them, records of several types, several header rows.

Judged by the sampled rows. Read as one table, such a file would be imported by half, or into wrong columns.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from ours_cli.errors import SourceError
from ours_cli.source.cell_kinds import is_data, names_columns, reach, usual
from ours_cli.source.delimited import Row

_TYPE = re.compile(r"[A-Z0-9]{1,4}")
_TYPES_MAX = 12
_CODE = re.compile(r"[\w.:#/-]*\d[\w.:#/-]*")
_LETTER = re.compile(r"[^\W\d_]")
_DIGITS = re.compile(r"\d+")
_NOTHING = frozenset({"", "-", "--", "n/a", "na", "nan", "nil", "null", "none", "nat", "?"})
_HEADER_ROWS_MAX = 6
_KIND_SHARE = 0.9
# A word in one column of numbers may be a slip; in two at once it names them.
_COLUMNS_NAMED = 2
_BLANK = " \t\r\n,;|"


def refuse_record_types(rows: Sequence[Row], name: str) -> None:
    """Raise `SourceError` where each row begins with its type, and types have columns of their own."""
    if has_record_types(rows):
        raise SourceError(
            f"{name} has no header, and records of several types: the first cell tells them apart, "
            "and each has a width of its own",
            hint="read one type at a time: --no-header --where '1=TYPE'; the columns are then {1}, {2}, ...",
        )


def has_record_types(rows: Sequence[Row]) -> bool:
    """Whether a short code at the beginning of each row decides how many cells the row has."""
    widths: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        widths[row.cells[0].strip()].add(len(row.cells))
    repeat = len(rows) - len(widths)
    return (
        2 <= len(widths) <= _TYPES_MAX
        and repeat > 0
        and all(_TYPE.fullmatch(code) for code in widths)
        and all(len(of_type) == 1 for of_type in widths.values())
        and len({min(of_type) for of_type in widths.values()}) > 1
        and any(map(is_data, rows[0].cells[1:]))
    )


def refuse_header_rows(rows: Sequence[Row], name: str) -> None:
    """Raise `SourceError` where more rows than the first hold names or units instead of data."""
    last = _last_header_row(rows)
    if not last:
        return
    width = usual(reach(row.cells) for row in rows[last + 1 :])
    header = rows[: last + 1]
    # Of several as wide as the table, names have no gaps; under names of equal number stand units.
    wide = [row for row in header if reach(row.cells) == width] or header
    names = max(wide, key=lambda row: sum(_is_word(row, at) for at in range(len(row.cells))))
    hint = f"say which holds the names: --header-row {names.line}"
    if names is not header[-1]:
        hint = (
            "say which holds the names, and leave out those below it by a column of numbers or dates: "
            f"--header-row {names.line} --where 'COLUMN~^[0-9]'; without --where if they are broken rows"
        )
    raise SourceError(
        f"{name}: lines {rows[0].line} to {rows[last].line} look like {last + 1} header rows", hint=hint
    )


def _last_header_row(rows: Sequence[Row]) -> int:
    """The index of the last row that is still header, 0 where only the first is."""
    for last in reversed(range(1, min(_HEADER_ROWS_MAX, len(rows) - 2))):
        row, above, below = rows[last], rows[1:last], rows[last + 1 :]
        if len(row.cells) not in (len(rows[0].cells), len(below[0].cells)):
            continue
        named = sum(_is_word(row, at) and _is_column_of(_is_data, below, at) for at in range(len(row.cells)))
        if named < _COLUMNS_NAMED or _is_record(row, below):
            continue
        if not any(_is_record(other, below, data_min=_COLUMNS_NAMED) for other in above):
            return last
    return 0


def _is_record(row: Row, table: Sequence[Row], *, data_min: int = 1) -> bool:
    """Whether a row, however bad, is one of the table.

    It has data in so many of its columns, or most of its words stand below in other rows, or it has an id
    that is a number, or formed like one below.
    """
    columns = range(len(row.cells))
    of_data = [at for at in columns if _is_column_of(_is_data, table, at)]
    if sum(_is_data(row, at) for at in of_data) >= data_min:
        return True
    others = [other.cells for other in table if other.cells != row.cells]
    of_words = [at for at in columns if at not in of_data and _is_word(row, at)]
    known = [at for at in of_words if any(row.cells[at] == cells[at] for cells in others if at < len(cells))]
    if 2 * len(known) > len(of_words):
        return True
    # Of a second header `Q1,Q2,Q3` the first may stand above ids.
    names = [at for at in of_data if _is_word(row, at)]
    are_codes = bool(names) and all(_has_code_form(row, at) for at in names)
    return not are_codes and any(
        _is_column_of(_is_code, table, at)
        and (_is_data(row, at) or _form(row, at) in (_form(other, at) for other in table))
        for at in columns
    )


def _is_column_of(kind: Callable[[Row, int], bool], rows: Sequence[Row], column: int) -> bool:
    """Whether nearly all cells of a column are of a kind; stops as soon as they cannot be."""
    left = len(rows) - _KIND_SHARE * len(rows)
    for row in rows:
        left -= not kind(row, column)
        if left < 0:
            return False
    return True


def _cell(row: Row, column: int) -> str:
    """What is in this column but for blanks around it; "" where the row ends before it."""
    return row.cells[column].strip() if column < len(row.cells) else ""


def _is_data(row: Row, column: int) -> bool:
    return is_data(_cell(row, column))


def _is_word(row: Row, column: int) -> bool:
    text = _cell(row, column)
    return text.lower() not in _NOTHING and any(map(str.isalpha, text)) and not is_data(text)


def _has_code_form(row: Row, column: int) -> bool:
    return _CODE.fullmatch(_cell(row, column)) is not None


def _is_code(row: Row, column: int) -> bool:
    """Whether a cell is an id such as `A1`, and no mere number."""
    return _has_code_form(row, column) and _is_word(row, column)


def _form(row: Row, column: int) -> str | None:
    """How a cell is formed, however many digits it has: `A17` is "a9"."""
    if column >= len(row.cells):
        return None
    return _DIGITS.sub("9", _LETTER.sub("a", row.cells[column].strip()))


def refuse_second_table(rows: Sequence[Row], lines: Sequence[str], first_line: int, name: str) -> None:
    """Raise `SourceError` where another header follows a blank line, or a line with a single cell.

    `lines` are the physical lines from `first_line` on, of which `rows` are the rows that are not blank.
    """
    for at in range(1, len(rows) - 1):
        row = rows[at]
        above = lines[row.line - first_line - 1].replace('""', "")
        is_below_title = at > 1 and reach(rows[at - 1].cells) == 1 < reach(rows[0].cells)
        if (is_below_title or not above.strip(_BLANK)) and _is_other_header(row, rows[:at], rows[at + 1]):
            raise SourceError(
                f"{name}: one table begins on line {rows[0].line}, and another one, of other columns, "
                f"on line {row.line}",
                hint=f"send one at a time: head -n {row.line - 1} FILE | ours ... -, "
                f"then FILE with --header-row {row.line}",
            )


def _is_other_header(row: Row, above: Sequence[Row], below: Row) -> bool:
    """Whether `row` holds names, `below` data of as many columns, and `above` other columns or data."""
    if not names_columns(row.cells) or row.cells == above[0].cells:
        return False
    if reach(below.cells) != reach(row.cells) or not any(
        _is_data(below, at) for at in range(reach(row.cells))
    ):
        return False
    if reach(row.cells) != reach(above[0].cells):
        return True
    return len(above) > 1 and any(
        _is_word(row, at) and _is_column_of(_is_data, above[1:], at) for at in range(len(row.cells))
    )
