"""A few rows from the middle of a file on disk, from where a record begins: to look at, never to send."""

from __future__ import annotations

from pathlib import Path

from ours_cli.errors import SourceError
from ours_cli.record import Dialect, Malformed, Record, RowStream, Table
from ours_cli.source.delimited import RowReader
from ours_cli.source.json_lines import JsonLineReader
from ours_cli.source.lines import split_text, text_decoder
from ours_cli.source.repeated_header import HeaderRow

_BLOCK_BYTES = 256 * 1024
# Line ends within cells hide where records begin: this many lines are tried, on this many rows each.
_STARTS_TRIED = 80
_ROWS_JUDGED = 30
_FIT_ENOUGH = 0.5


def rows_midway(path: Path, table: Table, start: int, end: int, count: int) -> list[Record] | None:
    """At most `count` records that lie between these bytes of the file; where it ends there, its last ones.

    None where no beginning of a record can be found there. Lines are unknown: 0. Only for plain CSV and
    NDJSON files; `table` is the same file, opened. Raises `SourceError` when it cannot be read.
    """
    is_last = end >= (table.size or 0)
    if is_last:
        start = max(start, end - _BLOCK_BYTES)
    text = _block(path, table, start, min(end, start + _BLOCK_BYTES), is_last=is_last)
    if table.columns is None:
        read = JsonLineReader.of_text(text).stretches()
    else:
        begun = _from_a_boundary(split_text(text), table.dialect, len(table.columns))
        if begun is None:
            return None
        reader = RowReader.of_lines(begun, table.dialect)
        reader.header = HeaderRow.of_table(table)
        read = reader.stretches(len(table.columns))
    rows = [row._replace(line=0) for row in RowStream(read) if isinstance(row, Record)]
    return (rows[-count:] if is_last else rows[:count]) or None


def _block(path: Path, table: Table, start: int, end: int, *, is_last: bool) -> str:
    """The text between these bytes, without the lines that its ends cut through."""
    start &= ~3  # code units are up to four bytes wide
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read() if is_last else file.read(end - start)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    lines = split_text(text_decoder(table.encoding).decode(data, final=is_last))
    return "".join(lines[1 if start else 0 : None if is_last else -1])


def _from_a_boundary(lines: list[str], dialect: Dialect, width: int) -> list[str] | None:
    """`lines` from the first on that begins a record: from there, rows are as wide as the table."""
    best, best_fit = None, _FIT_ENOUGH
    for start in range(min(_STARTS_TRIED, len(lines))):
        fit = _fit(lines[start:], dialect, width)
        if fit > best_fit:
            best, best_fit = start, fit
        if best_fit == 1:
            break
    return None if best is None else lines[best:]


def _fit(lines: list[str], dialect: Dialect, width: int) -> float:
    reader = RowReader.of_lines(lines, dialect)
    judged = fitting = 0
    while judged < _ROWS_JUDGED and (row := reader.next_row()) is not None:
        judged += 1
        fitting += not isinstance(row, Malformed) and len(row.cells) == width
    return fitting / judged if judged else 0
