"""A rejects file fed back: its bookkeeping columns come off, ids stay, and `_raw` is read as the row it was.

The names of those columns, shared by the one who writes them (`rejects.py`) and this reader, stand here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ours_cli.record import Fields, Malformed, Record, Table
from ours_cli.source import parse_raw

MARKS: Final = ("_line", "_distinctId", "_code", "_message", "_raw")
PREFIXED: Final = tuple(f"_ours{mark}" for mark in MARKS)
"""Used instead of `MARKS` where the source has such a column itself."""


def marks_for(names: Iterator[str] | tuple[str, ...] | dict[str, Any]) -> tuple[str, ...]:
    """The bookkeeping names that do not collide with a source's own."""
    return PREFIXED if any(name in MARKS for name in names) else MARKS


def mended(table: Table) -> Table:
    """The table without bookkeeping, when it is a rejects file; else the table itself."""
    if table.columns is None:
        return replace(table, records=_mended_objects(table))
    for marks in (PREFIXED, MARKS):
        at = len(table.columns) - len(marks)
        if at > 0 and table.columns[at:] == marks:
            own = replace(table, columns=table.columns[:at])
            own.notes = [
                *table.notes,
                "a rejects file: its own columns are not sent, its distinctIds are kept",
            ]
            own.records = _mended_rows(table.records, at, own)
            return own
    return table


def _mended_rows(records: Iterator[Record | Malformed], at: int, own: Table) -> Iterator[Record | Malformed]:
    for record in records:
        if isinstance(record, Malformed) or len(record.fields) < at + len(MARKS):
            yield record
            continue
        assert isinstance(record.fields, list)
        cells, marks = record.fields[:at], record.fields[at:]
        fields: Fields = cells
        if marks[-1] and not any(cells):
            yield _reread(record.line, marks[-1], marks[1], own)
        else:
            yield Record(record.line, fields, marks[1].strip())


def _mended_objects(table: Table) -> Iterator[Record | Malformed]:
    for record in table.records:
        if isinstance(record, Malformed):
            yield record
            continue
        assert isinstance(record.fields, dict)
        marks = _marks_of(record.fields)
        if marks is None:
            yield record
            continue
        own = {key: value for key, value in record.fields.items() if key not in marks}
        distinct_id = str(record.fields.get(marks[1]) or "")
        raw = record.fields.get(marks[-1])
        if isinstance(raw, str) and raw and not own:
            yield _reread(record.line, raw, distinct_id, table)
        else:
            yield Record(record.line, own, distinct_id)


def _marks_of(fields: dict[str, Any]) -> tuple[str, ...] | None:
    if "_line" not in fields and "_ours_line" not in fields:
        return None
    for marks in (PREFIXED, MARKS):
        if all(mark in fields for mark in marks[:-1]):
            return marks
    return None


def _reread(line: int, raw: str, distinct_id: str, own: Table) -> Record | Malformed:
    parsed = parse_raw(raw, own)
    if isinstance(parsed, Malformed):
        return parsed._replace(line=line)
    return Record(line, parsed, distinct_id.strip())
