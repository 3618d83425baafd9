"""How a reject is written: in the source's own format, with what became of it in columns at the end."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from typing import Any, Protocol

import orjson

from ours_cli.events.event import Reject
from ours_cli.exact_json import JsonStyle, as_written, write_json
from ours_cli.record import RAGGED_ROW, Malformed, Record, Table
from ours_cli.reject_marks import marks_for


class RejectSink(Protocol):
    """Where one table's rejects go."""

    def write(self, reject: Reject, table: Table, /) -> None:
        """Write one reject of this table."""


class TextSink(Protocol):
    """What a sink writes to: a text stream, say."""

    def write(self, text: str, /) -> int:
        """Write text; raises `OSError`."""


class CsvSink:
    """Rejects as a delimited file: the source's columns first, then the marks."""

    def __init__(self, stream: TextSink, table: Table, *, with_header: bool) -> None:
        assert table.columns is not None
        self._width = len(table.columns)
        # Where the source quotes nothing, rejects must all the same: messages and raw rows hold delimiters.
        self._writer = csv.writer(
            _LineFeeds(stream),
            delimiter=table.dialect.delimiter,
            quotechar=table.dialect.quote or '"',
            lineterminator="\r\n",
        )
        if with_header:
            self._writer.writerow([*table.columns, *marks_for(table.columns)])

    def write(self, reject: Reject, table: Table) -> None:
        """Write one reject of this table; raises `OSError`."""
        row, cells = reject.origin.row, list[str]()
        raw = _raw(reject, table)
        if raw is None:
            assert isinstance(row, Record)
            assert isinstance(row.fields, list)
            cells = row.fields
        padded = cells + [""] * (self._width - len(cells))
        self._writer.writerow([*padded, row.line, reject.distinct_id, reject.code, reject.message, raw or ""])


class _LineFeeds:
    """Ends lines with a line feed alone.

    Before Python 3.13 the csv module quotes a carriage return in a cell only where the line end has one.
    """

    def __init__(self, stream: TextSink) -> None:
        self._stream = stream

    def write(self, line: str) -> int:
        return self._stream.write(line.removesuffix("\r\n") + "\n")


class JsonSink:
    """Rejects as NDJSON: the row's own keys first, then the marks."""

    def __init__(self, stream: TextSink) -> None:
        self._stream = stream

    def write(self, reject: Reject, table: Table) -> None:
        """Write one reject of this table; raises `OSError`."""
        row, own = reject.origin.row, dict[str, Any]()
        raw = _raw(reject, table)
        if raw is None:
            assert isinstance(row, Record)
            cells = row.fields
            own = dict(zip(table.columns or (), cells, strict=False)) if isinstance(cells, list) else cells
        values = (row.line, reject.distinct_id, reject.code, reject.message, raw)
        marks = dict(zip(marks_for(own), values, strict=True))
        if raw is None:
            marks.popitem()
        self._stream.write(_dumps({**own, **marks}) + "\n")


def _raw(reject: Reject, table: Table) -> str | None:
    """The text of a row that has no place in the columns; None where it has."""
    row = reject.origin.row
    if isinstance(row, Malformed):
        return row.raw
    if reject.code != RAGGED_ROW or not isinstance(row.fields, list):
        return None
    # Padded, it would pass for a whole row when it is fed back.
    text = io.StringIO()
    quote = table.dialect.quote or '"'
    writer = csv.writer(text, delimiter=table.dialect.delimiter, quotechar=quote, lineterminator="")
    writer.writerow(row.fields)
    return text.getvalue()


def _dumps(row: dict[str, Any]) -> str:
    """The row as orjson writes it; what orjson cannot write, in the same form."""
    with suppress(TypeError):
        return orjson.dumps(row, as_written).decode()
    # Integers beyond 64 bits, or bytes that were not valid UTF-8, which can only be escaped.
    with suppress(UnicodeEncodeError):
        return write_json(row).encode().decode()
    return write_json(row, JsonStyle(ascii_only=True))
