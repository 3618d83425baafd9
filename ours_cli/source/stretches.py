"""Rows read one by one, put together again where they follow one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ours_cli.record import Malformed, Record, Stretch


def gather(rows: Iterable[Record | Malformed]) -> Iterator[Stretch | Malformed]:
    """The same rows, consecutive records joined. Only for rows that need not be waited for."""
    lines: list[int] = []
    fields: list[Any] = []
    for row in rows:
        if isinstance(row, Record):
            lines.append(row.line)
            fields.append(row.fields)
            continue
        if lines:
            yield Stretch(lines, fields)
            lines, fields = [], []
        yield row
    if lines:
        yield Stretch(lines, fields)
