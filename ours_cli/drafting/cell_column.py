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
from ours_cli.templates.reference import Getter

Rows: TypeAlias = "Sequence[list[str]]"
Columns: TypeAlias = "Sequence[tuple[str, ...]]"
CellColumn: TypeAlias = "Callable[[Columns, Rows], Sequence[Any]]"
"""From columns and rows to a value for each row: a text or JSON, as the name says.

It is empty where a row has none, and None where the row has a problem. Raises `TypeError` for what orjson
cannot write.
"""

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


def values_column(position: int, get: Getter, width: int) -> CellColumn:
    """The value of a getter that reads only one cell, for rows of `width` cells."""
    return _looked_up(position, _in_row(position, get, width))


def json_column(position: int, get: Getter, width: int) -> CellColumn:
    """As `values_column`, as JSON."""
    value = _in_row(position, get, width)
    return _looked_up(position, lambda text: _as_json(value(text)))


def _looked_up(position: int, work_out: Callable[[str], object]) -> CellColumn:
    look_up = TextTable(work_out).__getitem__

    def column(columns: Columns, _: Rows) -> Sequence[Any]:
        return list(map(look_up, columns[position]))

    return column


def _in_row(position: int, get: Getter, width: int) -> Callable[[str], object]:
    cells = [""] * width

    def value(text: str) -> object:
        cells[position] = text
        return _value(get, cells)

    return value


def worked_out_values(slot: Slot) -> CellColumn:
    """The value for each row of a slot that reads several columns."""

    def column(_: Columns, rows: Rows) -> Sequence[Any]:
        return [_value(slot.get, cells) for cells in rows]

    return column


def worked_out_json(slot: Slot) -> CellColumn:
    """As `worked_out_values`, as JSON."""

    def column(_: Columns, rows: Rows) -> Sequence[Any]:
        return [_as_json(_value(slot.get, cells)) for cells in rows]

    return column


def _value(get: Getter, cells: list[str]) -> object:
    try:
        value = get(cells)
    except FilterProblem:
        return None
    return "" if value is ABSENT else value


def _as_json(value: object) -> object:
    return value if value is None or value == "" else orjson.dumps(value, as_sent).decode()


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
