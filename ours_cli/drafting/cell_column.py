"""What a template gives for each of many rows of cells, column by column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import orjson

from ours_cli.drafting.cell_table import CellTable, JsonTable
from ours_cli.exact_json import as_sent
from ours_cli.mapping.field_body import Slot
from ours_cli.templates.field_value import ABSENT, Absent

Rows: TypeAlias = "Sequence[list[str]]"
Columns: TypeAlias = "Sequence[tuple[str, ...]]"
CellColumn: TypeAlias = "Callable[[Columns, Rows], Sequence[Any]]"
"""From columns and rows to a value for each row, empty where it has none: a text or JSON, as the name says.

Raises `FilterProblem` where any row has a problem, `UnusualCellError` where any must be looked at by itself,
`TypeError` for what orjson cannot write.
"""

_OF_NUMBERS: Final = b"0123456789.-,"
_NUMBER_MAX: Final = 16


class SeldomError(Exception):
    """Something that is mapped too seldom to be worth a column: rows with it are read one by one."""


class UnusualCellError(Exception):
    """A value that no column can judge."""


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


def values_column(position: int, table: CellTable) -> CellColumn:
    """A table's entry for each cell."""

    def column(columns: Columns, _: Rows) -> Sequence[str]:
        return _without_absent(list(map(table.__getitem__, columns[position])))

    return column


def json_column(position: int, table: JsonTable) -> CellColumn:
    """JSON of a table's entry for each cell."""

    def column(columns: Columns, _: Rows) -> Sequence[str]:
        return list(map(table.__getitem__, columns[position]))

    return column


def worked_out_values(slot: Slot) -> CellColumn:
    """The value for each row of a slot that reads several columns."""

    def column(_: Columns, rows: Rows) -> Sequence[str]:
        return _without_absent(list(map(slot.get, rows)))

    return column


def worked_out_json(slot: Slot) -> CellColumn:
    """As `worked_out_values`, as JSON."""

    def column(_: Columns, rows: Rows) -> Sequence[str]:
        values = map(slot.get, rows)
        return ["" if value is ABSENT else orjson.dumps(value, as_sent).decode() for value in values]

    return column


def trimmed_column(inner: CellColumn, longest: int | None) -> CellColumn:
    """Texts with blanks around them removed; one longer than `longest` characters is unusual."""

    def column(columns: Columns, rows: Rows) -> Sequence[str]:
        trimmed = list(map(str.strip, inner(columns, rows)))
        if longest is not None and max(map(len, trimmed)) > longest:
            raise UnusualCellError
        return trimmed

    return column


def _without_absent(values: list[Any]) -> list[Any]:
    if Absent not in set(map(type, values)):
        return values
    return ["" if value is ABSENT else value for value in values]
