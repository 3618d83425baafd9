"""How the times of a run are written, found out from its sources before anything is sent.

The order of day and month and the unit of epoch numbers belong to a column, over all files of the run. Every
file's head is looked at; one whose head has dates that need an order is read to its end, so that a date far
down can settle them or contradict. So is one whose head does not show how the times below are written: it
has something unreadable, or too few times. A pipe is held back until its dates are settled, or a bound is
reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ours_cli.assembly.field_mapping import RowMapping, TimeColumn
from ours_cli.errors import SourceError, UsageError
from ours_cli.record import Malformed, Record, Table
from ours_cli.rows.row_sources import RowSources
from ours_cli.templates.field_value import ABSENT, FilterProblem
from ours_cli.timestamps import ColumnSurvey, Conventions, Place, TimeProblem, TimeReader, TimeRules, is_plain
from ours_cli.wording.counted import counted

HEAD_ROWS: Final = 1_000
TELLING_ROWS: Final = HEAD_ROWS // 2
"""Rows of a head that must have a time in a plain form before the rows below are assumed to be alike."""
HELD_ROWS: Final = 10_000
HELD_BYTES: Final = 16 * 1024 * 1024
"""The most that is held back of a pipe, in characters of its cells."""

_ORDER_HINT: Final = "say which with --day-first or --month-first"


def settle_times(
    sources: RowSources,
    mapping: RowMapping,
    rules: TimeRules,
    limit: int | None,
    pinned: Conventions | None = None,
) -> Conventions:
    """What the sources show, where neither the rules nor an earlier attempt (`pinned`) say it already.

    Raises `UsageError` where dates contradict each other, or need an order that nothing shows.
    """
    known = pinned or Conventions()
    told = rules._replace(order=rules.order or known.order, unit=rules.unit or known.unit)
    if told.format is not None or (told.order and told.unit):
        return known
    survey = _Survey(mapping, told, limit)
    for table in sources.files():
        survey.look_at_file(table)
    if told.order is None:
        for table, rows in sources.pipes():
            survey.look_at_pipe(table, rows)
    found = survey.conventions()
    return Conventions(
        order=known.order or found.order,
        year_last=known.year_last or found.year_last,
        unit=known.unit or found.unit,
    )


class _Survey:
    """The time column of one run, looked at source by source."""

    def __init__(self, mapping: RowMapping, rules: TimeRules, limit: int | None) -> None:
        self._mapping = mapping
        self._needs_order = rules.order is None
        self._reads = TimeReader(rules)
        self._left = limit
        self._found = ColumnSurvey()
        self._name = "--time"
        self._looked = 0

    def look_at_file(self, table: Table) -> None:
        """Look at the head of a file, and at all of it unless its head has nothing but plain times."""
        try:
            if (column := self._column(table)) is not None and not self._found.is_contradicted():
                self._walk_file(table, column)
        except SourceError:
            pass  # what cannot be read to the end stops the run itself, after the rows before it
        finally:
            table.close()

    def _walk_file(self, table: Table, column: TimeColumn) -> None:
        plain, odd, where = 0, False, _where(table)
        for count, row in enumerate(self._bounded(table.records)):
            if count == HEAD_ROWS and not (self._needs_order and (odd or plain < TELLING_ROWS)):
                return
            if (value := _cell(column, row)) is ABSENT:
                continue
            if self._needs_order and self._found.add(value, where, row.line):
                odd = True
                if self._found.is_contradicted():
                    return
            elif count < HEAD_ROWS:
                self._found.count_unit(value)
                if is_plain(value):
                    plain += 1
                else:
                    odd = True

    def look_at_pipe(self, table: Table, rows: Iterator[Record | Malformed]) -> None:
        """Look at rows of a pipe until they are settled; a first time that needs no order ends it."""
        column = self._column(table)
        if column is None or self._found.is_contradicted() or self._found.is_settled():
            return
        size, where = 0, _where(table)
        for count, row in enumerate(self._bounded(rows), 1):
            size += len(row.raw) if isinstance(row, Malformed) else _size(row)
            value = _cell(column, row)
            if self._found.add(value, where, row.line):
                if self._found.is_contradicted() or self._found.is_settled():
                    return
            elif self._needs_none(column, row, value):
                return
            if count >= HELD_ROWS or size >= HELD_BYTES:
                return

    def conventions(self) -> Conventions:
        """What was found; raises `UsageError` where dates contradict each other, or nothing shows it."""
        if not self._needs_order:
            return replace(self._found.conventions(), order=None)
        day, month = self._found.proof("day"), self._found.proof("month")
        if day is not None and month is not None:
            raise UsageError(
                f"{self._name}: dates contradict each other: {_at(day)} has the day first, "
                f"{_at(month)} has the month first",
                hint="send the rows of each order in a run of their own, "
                "one with --day-first and one with --month-first",
            )
        if (place := self._found.open_date()) is not None:
            raise UsageError(
                f"{self._name}: day and month cannot be told apart ({_at(place)}), "
                f"and nothing in {counted(self._looked, 'row')} tells which stands first; nothing was sent",
                hint=_ORDER_HINT,
            )
        if (place := self._found.open_year()) is not None:
            raise UsageError(
                f"{self._name}: a two-digit year may stand first or last ({_at(place)}), "
                f"and nothing in {counted(self._looked, 'row')} tells; nothing was sent",
                hint=f"{_ORDER_HINT}, or with --time-format '%y-%m-%d' where the year stands first",
            )
        return self._found.conventions()

    def _column(self, table: Table) -> TimeColumn | None:
        column = self._mapping.time_column(table)
        if column is not None:
            self._name = column.name
        return column

    def _bounded(self, rows: Iterator[Record | Malformed]) -> Iterator[Record | Malformed]:
        """The rows that `--limit` leaves; asks for none beyond."""
        while self._left != 0 and (row := next(rows, None)) is not None:
            self._looked += 1
            if self._left is not None:
                self._left -= 1
            yield row

    def _needs_none(self, column: TimeColumn, row: Record | Malformed, value: object) -> bool:
        """Whether the row can be sent without knowing the order of dates."""
        if value is ABSENT:
            return column.is_optional and _is_kept(column, row)
        try:
            self._reads(value)
        except TimeProblem:
            return False
        return True


def _cell(column: TimeColumn, row: Record | Malformed) -> object:
    """The row's time as it is written, or ABSENT; a row that is left out says nothing."""
    if isinstance(row, Malformed) or not _is_kept(column, row):
        return ABSENT
    try:
        return column.get(row.fields)
    except FilterProblem:
        return ABSENT


def _is_kept(column: TimeColumn, row: Record | Malformed) -> bool:
    """Whether the row is one whose time the run may have to read."""
    if isinstance(row, Malformed):
        return False
    try:
        return column.keeps is None or column.keeps(row.fields)
    except FilterProblem:
        return False


def _size(row: Record) -> int:
    return sum(map(len, row.fields)) if isinstance(row.fields, list) else len(str(row.fields))


def _where(table: Table) -> str:
    return f"{table.name}, {table.place}"


def _at(place: Place) -> str:
    return f"{place.source} {place.line:,}"
