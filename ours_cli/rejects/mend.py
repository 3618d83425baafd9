"""A rejects file fed back: its own columns come off, ids stay, and `_raw` is read as the row it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from typing import Any, cast

from ours_cli.record import (
    DUPLICATE_ID,
    Fields,
    Malformed,
    Piece,
    Pieces,
    Record,
    Rows,
    RowStream,
    Stretch,
    Table,
    one_by_one,
)
from ours_cli.reject_marks import marks_among
from ours_cli.source import parse_raw
from ours_cli.source.row_problems import ESCAPED_CELL, ends_escaped
from ours_cli.trimming import trimmed


def mended(table: Table) -> Table:
    """The table without bookkeeping, when it is a rejects file; else the table itself."""
    if table.columns is None:
        rows = (row for some in table.records.in_bulk() for row in _mended_each(some, table))
        pieces = None if table.records.pieces is None else partial(_MendedPieces, table.records.pieces, table)
        return replace(table, records=RowStream(rows, pieces))
    table = _with_header(table)
    assert table.columns is not None
    marks = marks_among(table.columns)
    if marks is None or set(table.columns) <= set(marks):
        return table
    places = _Places(table.columns, marks)
    own = replace(table, columns=places.own(table.columns))
    own.notes = [*table.notes, "a rejects file: its own columns are not sent, its distinctIds are kept"]
    own.records = RowStream(_mended_rows(table.records, own, places))
    return own


def _with_header(table: Table) -> Table:
    """A rejects file has a header, also where the source has none and `--no-header` says so."""
    columns = table.columns or ()
    if not columns or columns != tuple(str(number + 1) for number in range(len(columns))):
        return table
    first = next(table.records, None)
    if isinstance(first, Record) and marks_among(header := tuple(first.fields)):
        return replace(table, columns=header)
    read = [] if first is None else [first]
    return replace(table, records=RowStream(chain(read, table.records.in_bulk())))


class _Places:
    """Where the columns of a rejects file stand: at the end as a rule, but a person may have moved some."""

    def __init__(self, columns: tuple[str, ...], marks: tuple[str, ...]) -> None:
        self._own = [at for at, name in enumerate(columns) if name not in marks]
        self._marks = [columns.index(mark) if mark in columns else len(columns) for mark in marks]
        self._width = len(columns)

    def own(self, cells: Sequence[str]) -> tuple[str, ...]:
        """The cells of the source's own columns."""
        return tuple(cells[at] for at in self._own)

    def split(self, cells: list[str]) -> tuple[list[str], list[str]]:
        """The source's own cells, and those of the bookkeeping, empty where its column is gone."""
        # An editor may have cut off empty cells at the end.
        cells = [*cells, *[""] * (self._width - len(cells)), ""]
        return [*self.own(cells)], [cells[at] for at in self._marks]


def _mended_rows(
    records: Iterator[Record | Malformed], own: Table, places: _Places
) -> Iterator[Record | Malformed]:
    assert own.columns is not None
    is_rest = False
    for record in records:
        if isinstance(record, Malformed):
            yield record
            continue
        assert isinstance(record.fields, list)
        cells, marks = places.split(record.fields)
        raw = marks[-1]
        if raw and not any(cells):
            # Of a row that a backslash splits, each line by itself may look like a row.
            is_part = marks[2] == ESCAPED_CELL[0] and (is_rest or ends_escaped(raw))
            is_rest = is_part and ends_escaped(raw)
            if is_part:
                yield Malformed(record.line, raw, *ESCAPED_CELL)
            else:
                yield _reread(record.line, raw, marks[1], own)
        else:
            yield _record(record.line, cells, marks[1], marks[2])


def _mended_each(rows: Rows, table: Table) -> Iterator[Rows]:
    if isinstance(rows, Stretch) and not any(map(_marks_of, cast("list[dict[str, Any]]", rows.fields))):
        return iter((rows,))
    return map(_mended_object, one_by_one(rows), repeat(table))


def may_be_marked(piece: Piece) -> bool:
    """Whether rows in it may be rejects fed back: such a piece is not for workers, which do not know them."""
    return isinstance(piece.text, bytes) and b'_line"' in piece.text


class _MendedPieces:
    """Pieces unchanged (see `may_be_marked`); rows read in the ordinary way, mended."""

    def __init__(self, pieces: Callable[[], Pieces], table: Table) -> None:
        self._pieces = pieces()
        self._table = table
        self._rows: Iterator[Rows] = iter(())
        self.confirm = self._pieces.confirm
        self.take_back = self._pieces.take_back

    def next(self) -> Piece | Rows | None:
        while (mended_row := next(self._rows, None)) is None:
            rows = self._pieces.next()
            if rows is None or isinstance(rows, Piece):
                return rows
            self._rows = _mended_each(rows, self._table)
        return mended_row


def _mended_object(record: Record | Malformed, table: Table) -> Record | Malformed:
    if isinstance(record, Malformed):
        return record
    assert isinstance(record.fields, dict)
    marks = _marks_of(record.fields)
    if marks is None:
        return record
    own = {key: value for key, value in record.fields.items() if key not in marks}
    distinct_id = str(record.fields.get(marks[1]) or "")
    raw = record.fields.get(marks[-1])
    if isinstance(raw, str) and raw and not own:
        return _reread(record.line, raw, distinct_id, table)
    return _record(record.line, own, distinct_id, record.fields.get(marks[2]))


def _record(line: int, fields: Fields, distinct_id: str, code: object) -> Record:
    given = trimmed(distinct_id)
    return Record(line, fields, given, given if code == DUPLICATE_ID else "")


def _marks_of(fields: dict[str, Any]) -> tuple[str, ...] | None:
    # Asked for each row: one look at the first name settles it for nearly all.
    if "_line" not in fields and "_ours_line" not in fields:
        return None
    return marks_among(fields)


def _reread(line: int, raw: str, distinct_id: str, own: Table) -> Record | Malformed:
    parsed = parse_raw(raw, own)
    if isinstance(parsed, Malformed):
        return parsed._replace(line=line)
    return Record(line, parsed, trimmed(distinct_id))
