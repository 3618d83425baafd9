"""Rows of delimited text. A row that cannot be read costs the line that opened it, and nothing else."""

from __future__ import annotations

import csv
import weakref
from collections.abc import Iterator
from itertools import chain, islice
from operator import itemgetter
from typing import Any, NamedTuple

from ours_cli.record import (
    RAGGED_ROW,
    REPEATED_HEADER,
    STRETCH_MAX,
    TRUNCATED_ROW,
    Dialect,
    Malformed,
    Record,
    Rows,
    Stretch,
    gather,
)
from ours_cli.source.cell_kinds import names_columns
from ours_cli.source.line_window import LineWindow
from ours_cli.source.lines import MAX_RECORD, TextLines, has_line_end
from ours_cli.source.repeated_header import NO_HEADER
from ours_cli.source.row_problems import (
    ESCAPED_CELL,
    ESCAPED_QUOTE,
    TOO_LONG,
    Problem,
    cells_if_doubled,
    cells_if_unescaped,
    damage,
    ends_escaped,
    is_open_if_doubled,
    open_at_end,
    passes_limit,
    unreadable,
)
from ours_cli.source.text_encoding import ends_in_character

# The default of 128 KiB is less than a real cell may hold.
csv.field_size_limit(MAX_RECORD)

# How many lines are handed over together on a second reading. Few, since failing rows come in series.
_LINES_AGAIN = 64
_FIRST = itemgetter(0)


class Row(NamedTuple):
    """Cells unchanged, and the physical line (1-based) on which they begin."""

    line: int
    cells: list[str]

    @property
    def is_blank(self) -> bool:
        """Whether nothing is in any cell."""
        return not any(map(str.strip, self.cells))


class _RecordTooLongError(Exception):
    """The record being read passes `MAX_RECORD`, or its line does."""


class _KnownToFailError(Exception):
    """The record being read has come to a line from which an earlier attempt led nowhere."""


_UNREADABLE = (csv.Error, _RecordTooLongError, _KnownToFailError)


class RowReader:
    """Reads blocks of lines as CSV, in one pass.

    The lines from the record being read to the end of the newest block stay in a window. When the record
    fails, its first line is rejected, and reading starts anew on the line after it.

    Inside quotes, what follows depends on the text alone, not on where the quote was opened. So once an
    attempt has failed on line E, a later record that is still inside quotes at the end of its first line,
    before E, must fail alike: it is rejected immediately. That keeps files full of stray quotes linear.

    `may_wait` says that a row may wait for the next block, where only that tells whether it is whole: not one
    of a pipe, which may be silent for long.
    """

    def __init__(
        self, blocks: Iterator[TextLines], dialect: Dialect, first_line: int, *, may_wait: bool = True
    ) -> None:
        self.line = first_line  # where the next record starts, or the one being read
        self.header = NO_HEADER  # set once it is known
        self._blocks = blocks
        self._may_wait = may_wait
        self._format = csv_format(dialect)
        self._window = LineWindow(first_line)
        self._failed_until = 0
        self._failure = ("", "")
        self._after_blank = 0  # the line below the newest blank one
        self._other_width = 0  # of a second table, that began below a blank line
        self._escaped = 0, 0  # the line below the newest line end behind a backslash, and the cells before it
        self._start()

    @classmethod
    def of_lines(cls, lines: list[str], dialect: Dialect, first_line: int = 1) -> RowReader:
        """Reads these lines alone, and looks for no damage in them."""
        return cls(iter([TextLines(lines, size=0)]), dialect, first_line)  # nobody asks what is unread

    def next_row(self) -> Row | Malformed | None:
        """The next row unchanged, blank ones too; None at the end."""
        line = self.line
        try:
            cells = next(self._reader, None)
        except _UNREADABLE as error:
            return self._reject(error)
        if cells is None:
            return None
        self.line = self._base + self._reader.line_num
        return Row(line, cells)

    def filled_rows(self) -> Iterator[Row | Malformed]:
        """The rows from here on unchanged, without blank ones."""
        while (row := self.next_row()) is not None:
            if isinstance(row, Malformed) or not row.is_blank:
                yield row

    def stretches(self, width: int) -> Iterator[Rows]:
        """The rows from here on, for a table of `width` columns, in bulk; blank ones are left out.

        It waits for no block while it has rows, unless the last of them ends with a backslash and may wait.
        """
        while self.has_lines or self._takes_next():
            yield from self.rows(width)

    @property
    def has_lines(self) -> bool:
        """Whether a line that was taken in is unread."""
        return self.line < self._window.end

    @property
    def unread(self) -> float:
        """About how many characters of the lines that were taken in are in no row yet."""
        return self._window.size_from(self.line)

    def take(self, block: TextLines) -> None:
        """Take these lines in, after those that are left."""
        self._window.add(block, self.line)

    def go_to(self, line: int) -> None:
        """Forget what was taken in: the next block begins with this line."""
        self._window.restart(line)
        self.line = line
        self._start()

    def rows(self, width: int) -> Iterator[Rows]:
        """Rows on the lines that were taken in, in bulk. May end early: call it again while `has_lines`."""
        until = self._window.end
        if self.line <= self._failed_until:
            until = self._failed_until + 1
        elif not (self._window.damaged or self._window.oversize):
            yield from self._at_once(width)
        # What is left begins with a row that fails, or that ends in a later block.
        self._start()
        while self.line < until and (row := self.next_row()) is not None:
            own = row if isinstance(row, Malformed) else self._examine(row.line, row.cells, width)
            if own is not None:
                yield own

    def _takes_next(self) -> bool:
        block = next(self._blocks, None)
        if block is not None:
            self.take(block)
        return block is not None

    def _at_once(self, width: int) -> Iterator[Rows]:
        """The rows of the window from `self.line` on, to its end or to the first that does not end in it."""
        first = end = self.line
        reader = csv.reader(self._window.lines(first, self._window.end), **self._format)
        is_over = False
        while not is_over:
            rows: list[list[str]] = []
            lines = [end]
            add, add_line = rows.append, lines.append
            try:
                for cells in islice(reader, STRETCH_MAX):
                    add(cells)
                    add_line(first + reader.line_num)
                is_over = len(rows) < STRETCH_MAX
            except csv.Error:
                is_over = True
            end = lines[-1]
            if rows:
                yield from self._checked(rows, lines, width)
            self.line = end

    def _checked(self, rows: list[list[str]], lines: list[int], width: int) -> Iterator[Rows]:
        """These rows, which are on `lines` and end before the last of them."""
        is_plain = set(map(len, rows)) == {width} and self.header.odd.isdisjoint(map(_FIRST, rows))
        # Behind a backslash at its end a row may go on. Within a stretch, another width would show that.
        if is_plain and lines[0] != self._escaped[0] and not rows[-1][-1].endswith("\\"):
            self.line = lines[-1]
            yield Stretch(lines[:-1], rows)
        else:
            yield from gather(self._one_by_one(rows, lines, width))

    def _one_by_one(
        self, rows: list[list[str]], lines: list[int], width: int
    ) -> Iterator[Record | Malformed]:
        for line, self.line, cells in zip(lines, lines[1:], rows, strict=False):
            if (row := self._examine(line, cells, width)) is not None:
                yield row

    def _examine(self, line: int, cells: list[str], width: int) -> Record | Malformed | None:
        """The row of these cells; None where it is blank."""
        is_plain = len(cells) == width and cells[0] not in self.header.odd
        is_doubtful = self._window.damaged or line == self._escaped[0]
        if is_plain and not is_doubtful and not cells[-1].endswith("\\"):
            return Record(line, cells)
        if not is_plain and not any(map(str.strip, cells)):
            self._after_blank = self.line
            return None
        if line == self._after_blank and len(cells) < width and names_columns(cells):
            self._other_width = len(cells)
        text = "".join(self._window.lines(line, self.line))
        if (problem := self._problem(line, cells, text, width)) is not None:
            return Malformed(line, text.rstrip("\r\n"), *problem)
        return Record(line, cells[:width])

    def _problem(self, line: int, cells: list[str], text: str, width: int) -> Problem | None:
        """What is wrong with the row of these cells, if anything is."""
        count = len(cells)
        if self._window.damaged and (found := damage(text)) is not None:
            if ends_in_character(text.encode("utf-8", "surrogateescape")):
                return TRUNCATED_ROW, "the file ends within this row: no line end, and half a character"
            return found
        if any(cells[width:]):
            if cells_if_doubled(text, self._format) == width:
                return ESCAPED_QUOTE
            if cells_if_unescaped(text, self._format) == width:
                return ESCAPED_CELL
            return RAGGED_ROW, f"{count} cells where the header has {width}"
        if count == self._other_width:
            return (
                RAGGED_ROW,
                f"{count} cells where the header has {width}: another table began below a blank line",
            )
        if count < width and not has_line_end(text):
            return TRUNCATED_ROW, f"the file ends within this row: {count} of {width} cells, no line end"
        if self._is_cut_by_escape(line, count, text, width):
            return ESCAPED_CELL
        if self.header.is_again(cells[:width]):
            return REPEATED_HEADER, "the header again, as where files were joined"
        return None

    def _is_cut_by_escape(self, line: int, count: int, text: str, width: int) -> bool:
        """Whether a backslash before a line end was to make one row of this one and the next, or the last.

        Together they have no more cells than the header then: else a cell may well end like this.
        """
        below, before = self._escaped
        together = before + count - 1
        is_rest = line == below and together <= width
        if width == 1 or not ends_escaped(text):  # of a single column, any line may be a row
            return is_rest
        so_far = together if is_rest else count
        self._escaped = self.line, so_far
        if self._may_wait and not self.has_lines:
            self._takes_next()  # else it would depend on where blocks end
        try:
            more = next(csv.reader(self._window.lines(self.line, self.line + 1), **self._format), [])
        except csv.Error:
            more = []
        return is_rest or (bool(more) and so_far + len(more) - 1 <= width)

    def _start(self) -> None:
        self._base = self.line
        # Held weakly, so that a reader lets its lines go with itself: garbage is collected seldom.
        feed = RowReader._feed(weakref.proxy(self))
        self._reader = csv.reader(chain.from_iterable(feed), **self._format)

    def _feed(self) -> Iterator[list[str]]:
        """Lines for the csv reader: those of the window from `self.line` on, then block after block."""
        window, first = self._window, self.line
        known = max(self._failed_until + 1, first)
        for line in range(first, known):
            if self.line < line:
                raise _KnownToFailError
            yield window.lines(line, line + 1)
        end = window.end - window.oversize
        for line in range(known, end, _LINES_AGAIN):
            yield window.lines(line, min(line + _LINES_AGAIN, end))
        if window.oversize:
            raise _RecordTooLongError
        for block in self._blocks:
            self.take(block)
            if window.oversize or window.is_too_long:
                raise _RecordTooLongError
            yield block.lines

    def _reject(self, error: Exception) -> Malformed:
        line, window = self.line, self._window
        (text,) = window.lines(line, line + 1)
        raw, is_last = text.rstrip("\r\n"), line == window.end - 1
        last_read = self._base + self._reader.line_num - 1
        if window.oversize and is_last:
            window.oversize = False
            failure = TOO_LONG
        elif isinstance(error, _KnownToFailError):
            failure = self._failure
        else:
            failure = unreadable(
                is_open=open_at_end(error),
                is_endless=isinstance(error, _RecordTooLongError) or passes_limit(error),
                on_first_line=last_read == line,
            )
            if last_read > self._failed_until:
                self._failed_until, self._failure = last_read, failure
            is_cut = is_last and not has_line_end(text)
            if is_cut and (failure[0] == "unclosed_quote" or is_open_if_doubled(raw, self._format)):
                failure = (TRUNCATED_ROW, "the file ends within this row: a quote is open, no line end")
        if failure is not TOO_LONG and cells_if_doubled(raw, self._format):
            failure = ESCAPED_QUOTE
        self.line = line + 1
        self._start()
        return Malformed(line, raw, *failure)


def csv_format(dialect: Dialect) -> dict[str, Any]:
    """The arguments of `csv.reader` for `dialect`."""
    quoting = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
    return {
        "delimiter": dialect.delimiter,
        "quotechar": dialect.quote or None,
        "quoting": quoting,
        "strict": True,
    }
