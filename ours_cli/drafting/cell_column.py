"""What a template gives for each of many rows of cells, column by column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import orjson

from ours_cli.drafting.cell_table import CellTable, JsonTable
from ours_cli.exact_json import as_sent
from ours_cli.mapping.field_body import Slot
from ours_cli.templates.field_value import Absent

Rows: TypeAlias = "Sequence[list[str]]"
CellColumn: TypeAlias = "Callable[[Sequence[tuple[str, ...]], Rows], Sequence[Any] | None]"
"""From columns and rows to one value per row; None where any row has no plain value."""

_OF_NUMBERS: Final = b"0123456789.-,"
_NUMBER_MAX: Final = 16


class SeldomError(Exception):
    """Something that is mapped too seldom to be worth a column: rows with it are read one by one."""


def cells_column(position: int) -> CellColumn:
    """The cells unchanged; none may be blank."""

    def column(columns: Sequence[tuple[str, ...]], _: Rows) -> Sequence[str] | None:
        cells = columns[position]
        return cells if all(cells) and not any(map(str.isspace, cells)) else None

    return column


def numbers_column(position: int, others: CellColumn) -> CellColumn:
    """JSON of plain numbers; `others` takes over where any cell holds something else."""

    def column(columns: Sequence[tuple[str, ...]], rows: Rows) -> Sequence[Any] | None:
        numbers = plain_numbers(columns[position])
        return others(columns, rows) if numbers is None else orjson.dumps(numbers)[1:-1].decode().split(",")

    return column


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


def looked_up_column(position: int, table: CellTable) -> CellColumn:
    """A table's entry for each cell."""

    def column(columns: Sequence[tuple[str, ...]], _: Rows) -> Sequence[Any] | None:
        values = list(map(table.__getitem__, columns[position]))
        return None if Absent in set(map(type, values)) else values

    return column


def json_column(position: int, table: JsonTable) -> CellColumn:
    """JSON of a table's entry for each cell."""

    def column(columns: Sequence[tuple[str, ...]], _: Rows) -> Sequence[Any] | None:
        values = list(map(table.__getitem__, columns[position]))
        return None if None in values else values

    return column


def worked_out_column(slot: Slot) -> CellColumn:
    """The value for each row of a slot that reads several columns."""

    def column(_: Sequence[tuple[str, ...]], rows: Rows) -> Sequence[Any] | None:
        values = list(map(slot.get, rows))
        return None if Absent in set(map(type, values)) else values

    return column


def written_column(inner: CellColumn) -> CellColumn:
    """JSON of values. Raises `TypeError` for what orjson cannot write."""

    def column(columns: Sequence[tuple[str, ...]], rows: Rows) -> Sequence[str] | None:
        values = inner(columns, rows)
        return None if values is None else [orjson.dumps(value, as_sent).decode() for value in values]

    return column


def trimmed_column(inner: CellColumn, longest: int | None) -> CellColumn:
    """Texts with blanks around them removed; none may be empty, or longer than `longest` characters."""

    def column(columns: Sequence[tuple[str, ...]], rows: Rows) -> Sequence[str] | None:
        texts = inner(columns, rows)
        if texts is None:
            return None
        trimmed = list(map(str.strip, texts))
        if not all(trimmed) or (longest is not None and max(map(len, trimmed)) > longest):
            return None
        return trimmed

    return column
