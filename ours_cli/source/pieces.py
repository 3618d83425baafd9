"""Whole rows as text, to be parsed elsewhere: pieces of a file, handed out before one knows what is in them.

A piece ends where a row most likely ends: with a line, and for delimited text with an even number of quotes
before it. Whether it does shows when it is parsed, by itself: if the last row in it is whole, and it is a row
of the table like all before it, then the next piece begins with a row, and reading them one after the other
comes to the same. If not, the piece and all that were handed out after it are taken back, and are read in the
ordinary way, which knows what to do with rows that are not right.
"""

from __future__ import annotations

import csv
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from ours_cli.record import STRETCH_MAX, Dialect, Malformed, Piece, Record, Stretch, Table
from ours_cli.source.delimited import RowReader, csv_format
from ours_cli.source.lines import TextBlock, count_lines, is_damaged, split_text

_LINES_BACK: Final = 64
"""In so many lines at the end of a block the end of a row is looked for."""

_ORDINARY_MAX: Final = 64
"""Blocks that are read in the ordinary way, at most, before a piece is tried again."""


_PIECE_MAX: Final = 1 << 20
"""Characters of a piece in which no end of a row is found, before it is let go as it is."""


class Texts(Iterator[TextBlock]):
    """Blocks of text, of which the last ones can be put back."""

    def __init__(self, blocks: Iterator[TextBlock]) -> None:
        self._blocks = blocks
        self._back: deque[TextBlock] = deque()

    def __next__(self) -> TextBlock:
        return self._back.popleft() if self._back else next(self._blocks)

    def put_back(self, block: TextBlock) -> None:
        """Have this block come next."""
        self._back.appendleft(block)


class DelimitedPieces:
    """The rows of one table of `width` columns, as far as possible in pieces. `reader` reads `texts`."""

    def __init__(self, reader: RowReader, texts: Texts, dialect: Dialect, width: int) -> None:
        self._reader = reader
        self._texts = texts
        self._quote = dialect.quote
        self._width = width
        self._rows: Iterator[Stretch | Record | Malformed] = iter(())
        self._out: deque[Piece] = deque()
        self._ordinary = 0
        self._after_failure = 1

    def next(self) -> Piece | Stretch | Record | Malformed | None:
        """What comes next; None at the end, where a piece may still be taken back."""
        while True:
            if (row := next(self._rows, None)) is not None:
                return row
            if self._reader.has_lines:
                self._rows = self._reader.rows(self._width)
                continue
            block = self._whole_rows()
            if block is None:
                return None
            if block.oversize or self._ordinary or not block.text.endswith("\n"):
                self._ordinary = max(0, self._ordinary - 1)
                self._reader.take(block.lines())
                continue
            piece = Piece(block.text, self._reader.line)
            self._reader.go_to(piece.first_line + count_lines(block.text))
            self._out.append(piece)
            return piece

    def confirm(self) -> None:
        """The oldest piece that is out was what it seemed to be."""
        self._out.popleft()
        self._after_failure = 1

    def take_back(self) -> None:
        """It was not: it and all after it come once more, it itself in the ordinary way."""
        self._reader.go_to(self._out[0].first_line)
        while self._out:
            self._texts.put_back(TextBlock(self._out.pop().text))
        self._ordinary = self._after_failure
        self._after_failure = min(2 * self._after_failure, _ORDINARY_MAX)

    def _whole_rows(self) -> TextBlock | None:
        """The next block, cut behind a row; what is cut off comes next, and is joined to what follows it."""
        block = next(self._texts, None)
        if block is None or block.oversize or not self._quote:
            return block
        text = block.text
        while text.count(self._quote) % 2 and len(text) < _PIECE_MAX:
            if end := _end_of_row(text, self._quote):
                self._texts.put_back(TextBlock(text[end:]))
                text = text[:end]
            elif (following := next(self._texts, None)) is None:
                break
            elif following.oversize:
                self._texts.put_back(following)
                break
            else:
                text += following.text
        return TextBlock(text)


def _end_of_row(text: str, quote: str) -> int:
    """Where a row ends in whole lines with an odd number of quotes, as near to the end as is seen; else 0."""
    end, is_inside = len(text), True
    for _ in range(_LINES_BACK):
        start = text.rfind("\n", 0, end - 1) + 1
        if text.count(quote, start, end) % 2:
            is_inside = not is_inside
        if not is_inside or not start:
            return start
        end = start
    return 0


def parse_piece(piece: Piece, table: Table) -> list[Stretch] | None:
    """The rows of a piece; None where it is not certain that each is a row of the table, and the last whole.

    That is so too where a row is blank, or has another width: it may mean something for those below it.
    """
    text, first_line = piece
    assert table.columns is not None
    width = max(len(table.columns), 1)
    if is_damaged(text):
        return None
    lines = split_text(text)
    reader = csv.reader(lines, **csv_format(table.dialect))
    rows: list[list[str]] = []
    ends: list[int] = []
    try:
        for cells in reader:
            rows.append(cells)
            ends.append(reader.line_num)
    except csv.Error:
        return None
    if set(map(len, rows)) != {width} or not all(cells[0] or any(map(str.strip, cells)) for cells in rows):
        return None
    starts: Sequence[int] = range(first_line, first_line + len(rows))
    if len(rows) < len(lines):
        starts = array("q", [first_line, *(first_line + end for end in ends[:-1])])
    return [
        Stretch(starts[at : at + STRETCH_MAX], rows[at : at + STRETCH_MAX])
        for at in range(0, len(rows), STRETCH_MAX)
    ]
