"""What a template gives for each of many rows of cells, column by column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import orjson

from ours_cli.drafting.text_table import TextTable
from ours_cli.exact_json import as_sent
from ours_cli.mapping.field_body import Slot
from ours_cli.templates.field_value import ABSENT, FilterProblem
from ours_cli.templates.filters import FilterCall
from ours_cli.templates.numerals import DEFAULT_STYLE

Rows: TypeAlias = "Sequence[list[str]]"
Columns: TypeAlias = "Sequence[tuple[str, ...]]"
CellColumn: TypeAlias = "Callable[[Columns, Rows], Sequence[Any]]"
"""From columns and rows to a value for each row: a text or JSON, as the name says.

It is empty where a row has none, and None where the row has a problem. Raises `TypeError` for what orjson
cannot write.
"""

RowValue: TypeAlias = "Callable[[list[str]], Any]"
"""From one row's cells to its value in a column."""

NUMBER: Final = (FilterCall("number", DEFAULT_STYLE),)
"""The filters of a placeholder whose values `plain_numbers` may give."""

_OF_NUMBERS: Final = b"0123456789.-,"
_NUMBER_MAX: Final = 16


def cells_column(position: int) -> CellColumn:
    """The cells unchanged, blank ones empty."""

    def column(columns: Columns, _: Rows) -> Sequence[str]:
        cells = columns[position]
        return ["" if cell.isspace() else cell for cell in cells] if any(map(str.isspace, cells)) else cells

    return column


def numbers_column(position: int, others: CellColumn) -> CellColumn:
    """JSON of plain numbers; `others` takes over where any cell holds something else."""

    def column(columns: Columns, rows: Rows) -> Sequence[str]:
        cells = columns[position]
        filled = cells if all(cells) else list(filter(None, cells))
        numbers = plain_numbers(filled)
        if numbers is None:
            return others(columns, rows)
        written = orjson.dumps(numbers)[1:-1].decode().split(",")
        return written if filled is cells else list(_spread(written, cells))

    return column


def _spread(values: Iterable[str], cells: Iterable[str]) -> Iterator[str]:
    """Each value where a cell is filled, nothing where it is empty."""
    value = iter(values)
    return (next(value) if cell else "" for cell in cells)


def plain_numbers(cells: Sequence[str]) -> list[int | float] | None:
    """The numbers in the cells; None where any is long, or not plain by `numerals.is_plain_number`."""
    text = ",".join(cells)
    if not text or max(map(len, cells)) > _NUMBER_MAX or text.count(",") >= len(cells) or not text.isascii():
        return None
    if text.encode().translate(None, _OF_NUMBERS):
        return None
    try:
        numbers: list[int | float] = orjson.loads(f"[{text}]")
    except orjson.JSONDecodeError:
        return None
    return numbers


def looked_up(position: int, value: RowValue, width: int) -> CellColumn:
    """A value that depends on one cell alone, for rows of `width` cells."""
    row = [""] * width

    def work_out(text: str) -> object:
        row[position] = text
        return value(row)

    look_up = TextTable(work_out).__getitem__

    def column(columns: Columns, _: Rows) -> Sequence[Any]:
        return list(map(look_up, columns[position]))

    return column


def worked_out(value: RowValue) -> CellColumn:
    """A value that depends on several cells."""

    def column(_: Columns, rows: Rows) -> Sequence[Any]:
        return list(map(value, rows))

    return column


def value_of(slot: Slot) -> RowValue:
    """What a slot gives, not as JSON."""
    get = slot.get

    def value(cells: list[str]) -> object:
        try:
            found = get(cells)
        except FilterProblem:
            return None
        return "" if found is ABSENT else found

    return value


def json_of(slot: Slot) -> RowValue:
    """What a slot gives, as JSON."""
    value = value_of(slot)

    def written(cells: list[str]) -> object:
        found = value(cells)
        return found if found is None or found == "" else orjson.dumps(found, as_sent).decode()

    return written


def trimmed_column(inner: CellColumn, longest: int | None) -> CellColumn:
    """Texts with blanks around them removed; None for one that is longer than `longest` characters."""

    def trim(text: str | None) -> str | None:
        return None if text is None or len(trimmed := text.strip()) > (longest or len(text)) else trimmed

    def column(columns: Columns, rows: Rows) -> Sequence[Any]:
        texts = inner(columns, rows)
        if not all(texts) and None in texts:
            return list(map(trim, texts))
        trimmed = list(map(str.strip, texts))
        if longest is not None and max(map(len, trimmed), default=0) > longest:
            return list(map(trim, texts))
        return trimmed

    return column
