"""Opening a source: what it is, in which encoding and dialect, and the table that reads it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, Final, Literal

from ours_cli.errors import SourceError, UsageError
from ours_cli.record import Dialect, Malformed, Record, RowStream, Table
from ours_cli.source.above_table import refuse_comments, refuse_sql
from ours_cli.source.arguments import Location, data_suffix
from ours_cli.source.byte_stream import SAMPLE_BYTES, ByteStream, open_stream
from ours_cli.source.cell_kinds import usual
from ours_cli.source.containers import is_parquet, refuse_container
from ours_cli.source.delimited import Row, RowReader
from ours_cli.source.delimiter_detection import (
    DELIMITER_NAMES,
    detect_delimiter,
    named_delimiter,
    sample_rows,
)
from ours_cli.source.format_detection import JsonKind, detect_format
from ours_cli.source.header import refuse_doubtful_header, refuse_fixed_width
from ours_cli.source.json_document import refuse_arrays, refuse_wrapper
from ours_cli.source.json_lines import JsonLineReader
from ours_cli.source.lines import (
    ByteBlock,
    TextBlock,
    byte_blocks,
    has_line_end,
    is_damaged,
    split_text,
    text_blocks,
    text_decoder,
    utf8_blocks,
)
from ours_cli.source.literal_cells import literal_notes
from ours_cli.source.options import ReadOptions, SourceFormat
from ours_cli.source.pieces import Blocks, DelimitedPieces, LinePieces
from ours_cli.source.repeated_header import HeaderRow
from ours_cli.source.row_problems import DOUBLE_QUOTES, ESCAPED_QUOTE
from ours_cli.source.several_tables import (
    has_record_types,
    refuse_header_rows,
    refuse_record_types,
    refuse_second_table,
)
from ours_cli.source.text_encoding import detect_encoding

_FIRST_ROWS: Final = 100
"""So many rows of JSON show what keys a source has."""


def open_table(location: Location, options: ReadOptions, stdin: BinaryIO | None = None) -> Table:
    """Open a file, or `stdin` for `-`, as a table that streams.

    Whoever opens it closes it. Raises `SourceError` for what cannot be read at all, or only by guessing; a
    file cut off in mid-gzip raises it from the records.
    """
    if location != "-" and location.is_file() and is_parquet(location):
        from ours_cli.source.parquet import open_parquet

        return open_parquet(location, options)
    stream = open_stream(location, stdin)
    try:
        return _Opening(stream, location, options).table()
    except BaseException:
        stream.close()
        raise


class _Opening:
    """What the beginning of one source says about it."""

    def __init__(self, stream: ByteStream, location: Location, options: ReadOptions) -> None:
        self._stream = stream
        self._name = stream.name
        self._options = options
        self._suffix = "" if location == "-" else data_suffix(location)
        self._above = options.lines_above
        sample = stream.sample(lines=self._above + 1)
        refuse_container(sample.data, self._name)
        self._complete = sample.complete
        self._may_be_more = not sample.complete and len(sample.data) < SAMPLE_BYTES
        self._encoding = detect_encoding(sample.data, complete=sample.complete, told=options.encoding)
        stream.drop(self._encoding.bom)
        self._lines = self._lines_of(sample.data[self._encoding.bom :])
        self._notes = [self._encoding.note] if self._encoding.note else []
        self._header_line = 0

    def table(self) -> Table:
        """The table, of the format that was given or detected."""
        text = "".join(self._lines)
        told = self._options.format
        is_header_told = self._options.no_header or self._options.header_row is not None
        if not is_header_told and told not in ("ndjson", "json"):
            refuse_sql(self._whole_lines(), self._above + 1, self._name)
        kind = detect_format(
            text, suffix=self._suffix, read=self._options, name=self._name, may_be_more=self._may_be_more
        )
        if kind == "csv" or kind == "tsv":
            return self._delimited(kind)
        if self._options.header_row is not None:
            raise UsageError(f"--header-row is for tables, and {self._name} is JSON", hint="leave it out")
        if told != "ndjson":
            refuse_wrapper(text, complete=self._complete, name=self._name)
            refuse_arrays(text, complete=self._complete, name=self._name)
        return self._json(kind)

    def _json(self, kind: JsonKind) -> Table:
        skip = self._above
        blocks = utf8_blocks(self._stream.blocks(), self._encoding.codec)
        if kind == "ndjson":
            lines = Blocks(byte_blocks(blocks, skip))
            reader = JsonLineReader(map(ByteBlock.lines, lines), skip + 1)
            records = RowStream(reader.stretches(), partial(LinePieces, reader, lines, reader.rows))
            table = self._table(kind, None, Dialect(), records, partial(_share_done, lines, reader))
        else:
            from ours_cli.source.json_elements import JsonElementReader

            rest = (block.text for block in byte_blocks(blocks, skip)) if skip else blocks
            elements = JsonElementReader(rest, self._name, skip + 1)
            records = RowStream(elements.stretches())
            table = self._table(kind, None, Dialect(), records, elements.share_done)
        table.first_rows = partial(_first_objects, kind, "".join(self._lines), self._name)
        return table

    def _delimited(self, kind: SourceFormat) -> Table:
        named = None if self._options.header_row is not None else named_delimiter(self._lines)
        if named is not None:
            self._pass_line()
        lines = self._whole_lines()
        dialect = self._dialect(kind, lines, named)
        first_line = self._above + 1
        rows = sample_rows(lines, dialect, first_line, complete=self._complete)
        self._notes += literal_notes(rows, dialect.quote)
        texts = Blocks(text_blocks(self._stream.blocks(), self._encoding.codec, self._above))
        may_wait = self._stream.size is not None
        reader = RowReader(map(TextBlock.lines, texts), dialect, first_line, may_wait=may_wait)
        if self._options.no_header:
            columns = _numbered(rows, lines)
        else:
            columns = self._header(reader)
            if columns:
                reader.header = HeaderRow.of(columns, dialect.quote)
                rows = [*rows[:1], *(row for row in rows[1:] if not reader.header.is_again(row.cells))]
            self._refuse_doubtful(lines, rows, dialect)
            refuse_second_table(rows, lines, first_line, self._name)
        width = max(len(columns), 1)
        pieces = partial(DelimitedPieces, reader, texts, partial(reader.rows, width), dialect.quote)
        records = RowStream(reader.stretches(width), pieces)
        return self._table("csv", columns, dialect, records, partial(_share_done, texts, reader))

    def _pass_line(self) -> None:
        """Leave out one more line above the table, and look as far ahead as without it."""
        self._above += 1
        sample = self._stream.sample(lines=self._above + 1)
        self._complete = sample.complete
        self._lines = self._lines_of(sample.data)

    def _lines_of(self, data: bytes) -> list[str]:
        """The lines of the table at the beginning of the source, which is this without byte order mark."""
        text = text_decoder(self._encoding.codec).decode(data, final=self._complete)
        return split_text(text)[self._above :]

    def _whole_lines(self) -> list[str]:
        """The sampled lines without one that the end of the sample cuts off."""
        lines = self._lines
        is_cut = not self._complete and len(lines) > 1 and not has_line_end(lines[-1])
        return lines[:-1] if is_cut else lines

    def _dialect(self, kind: SourceFormat, lines: list[str], named: str | None) -> Dialect:
        """How the table is written; `named` is the delimiter that its file names."""
        quote = self._options.quote_character
        if (told := self._options.told_delimiter) is not None:
            return Dialect(told, quote)
        if named is not None:
            self._notes.append(f"cells separated by {DELIMITER_NAMES[named]} (line {self._above} says so)")
            return Dialect(named, quote)
        if kind == "tsv":
            return Dialect("\t", quote)
        delimiter = detect_delimiter(lines, quote, complete=self._complete)
        if delimiter != ",":
            self._notes.append(f"cells separated by {DELIMITER_NAMES[delimiter]} (detected)")
        return Dialect(delimiter, quote)

    def _refuse_doubtful(self, lines: list[str], rows: list[Row], dialect: Dialect) -> None:
        if not any(dialect.delimiter in line for line in lines):
            refuse_fixed_width(lines, self._name)
        if self._options.header_row is None:
            refuse_comments(rows, self._name)
            refuse_record_types(rows, self._name)
            refuse_doubtful_header(rows, self._name)
            refuse_header_rows(rows, self._name)

    def _header(self, reader: RowReader) -> tuple[str, ...]:
        """The row that --header-row names, else the first one that is not blank; none in an empty source."""
        told = self._options.header_row
        row = next(reader.filled_rows(), None) if told is None else reader.next_row()
        if isinstance(row, Malformed):
            hint = DOUBLE_QUOTES if row.code == ESCAPED_QUOTE[0] else None
            raise self._unreadable_header(row.line, row.message, hint)
        if row is None or row.is_blank:
            if told is None:
                return ()
            raise SourceError(
                f"{self._name}: line {told} (--header-row) is blank or not there",
                hint="it counts the lines of the file, from 1, blank ones too",
            )
        if any(map(is_damaged, row.cells)):
            raise self._unreadable_header(row.line, "it is not valid text in the encoding assumed")
        self._header_line = row.line
        return tuple(row.cells)

    def _unreadable_header(self, line: int, why: str, hint: str | None = None) -> SourceError:
        return SourceError(
            f"{self._name}: the header (line {line}) cannot be read: {why}",
            hint=hint or f"read as {self._encoding.codec}; --encoding, --quote or --skip-lines may help",
        )

    def _table(
        self,
        kind: Literal["csv", "ndjson", "json"],
        columns: tuple[str, ...] | None,
        dialect: Dialect,
        records: RowStream,
        share_done: Callable[[], float],
    ) -> Table:
        stream = self._stream
        return Table(
            name=self._name,
            format=kind,
            columns=columns,
            records=records,
            dialect=dialect,
            notes=self._notes,
            size=stream.size,
            position=lambda: round(stream.position() * share_done()),
            encoding=self._encoding.codec,
            header_line=self._header_line,
            close=stream.close,
        )


def _first_objects(kind: JsonKind, text: str, name: str) -> list[dict[str, Any]]:
    """The first objects in the beginning of a source, which may break off anywhere."""
    if kind == "ndjson":
        read = JsonLineReader.of_text(text).stretches()
    else:
        from ours_cli.source.json_elements import JsonElementReader

        data = text.encode("utf-8", "surrogateescape")
        read = JsonElementReader(iter([data]), name, 1).stretches()
    rows = islice((row.fields for row in RowStream(read) if isinstance(row, Record)), _FIRST_ROWS)
    return [fields for fields in rows if isinstance(fields, dict)]


def _numbered(rows: list[Row], lines: list[str]) -> tuple[str, ...]:
    """Columns called 1, 2, ..., as many as most rows have, and no fewer than the first."""
    if not any(map(str.strip, lines)):
        return ()
    widths = [len(row.cells) for row in rows] or [1]
    width = max(widths) if has_record_types(rows) else max(usual(widths), widths[0])
    return tuple(str(number) for number in range(1, width + 1))


def _share_done(blocks: Blocks[TextBlock] | Blocks[ByteBlock], reader: RowReader | JsonLineReader) -> float:
    """How much of what was read so far is in rows that were handed on, from 0 to 1."""
    return max(0.0, 1 - (blocks.waiting + reader.unread) / blocks.size) if blocks.size else 0.0
