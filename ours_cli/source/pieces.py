"""Whole rows as text, to be parsed elsewhere: pieces of a file, handed out before their content is known.

A piece ends where a row most likely ends: at the end of a line, and for delimited text after an even number
of quotes. Whether it does shows when the piece is parsed by itself: if the last row in it is whole, and a row
of the table like all before it, then the next piece begins with a row, and reading them one after the other
gives the same result. If not, the piece and all later ones are taken back and read in the ordinary way, which
knows what to do with rows that are not right.
"""

from __future__ import annotations

import csv
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, Protocol, TypeVar

from ours_cli.record import STRETCH_MAX, Piece, Rows, Stretch, Table
from ours_cli.source.delimited import csv_format
from ours_cli.source.json_objects import parse_objects
from ours_cli.source.lines import ByteBlock, TextBlock, is_damaged, split_text
from ours_cli.source.repeated_header import HeaderRow

_LINES_BACK: Final = 64
"""Lines at the end of a block among which the end of a row is looked for."""

_ORDINARY_MAX: Final = 64
"""Blocks that are read in the ordinary way, at most, before a piece is tried again."""

_PIECE_SIZE: Final = 64 << 10
"""Characters or bytes of a piece, where its last row does not need more."""

_PIECE_MAX: Final = 1 << 20
"""Characters of a piece in which no end of a row is found, before it is let go as it is."""

_Block = TypeVar("_Block", TextBlock, ByteBlock)


class Blocks(Iterator[_Block]):
    """Blocks of lines, of which the last ones can be put back.

    `cut`, where it is set, says where to end a block that is taken for a row which began before it. `size` is
    the characters or bytes of all blocks so far, `waiting` those of blocks that were put back, or of which it
    is not known yet what is in them.
    """

    def __init__(self, blocks: Iterator[_Block]) -> None:
        self._blocks: Iterator[_Block] = blocks
        self._back: deque[_Block] = deque()
        self.size = 0
        self.waiting = 0
        self.cut: Callable[[_Block], tuple[_Block, _Block | None]] | None = None

    def __next__(self) -> _Block:
        block = self.whole()
        if block is None:
            raise StopIteration
        if self.cut is not None:
            block, rest = self.cut(block)
            if rest is not None:
                self.put_back(rest)
        return block

    def whole(self) -> _Block | None:
        """The next block; None at the end."""
        if self._back:
            block = self._back.popleft()
            self.waiting -= len(block.text)
            return block
        following = next(self._blocks, None)
        if following is not None:
            self.size += len(following.text)
        return following

    def small(self) -> _Block | None:
        """The next lines of no more than a piece."""
        block = self.whole()
        if block is None or block.oversize:
            return block
        first, rest = block.cut(_PIECE_SIZE)
        if rest is not None:
            self.put_back(rest)
        return first

    def put_back(self, block: _Block) -> None:
        """Have this block come next."""
        self._back.appendleft(block)
        self.waiting += len(block.text)


class _Reader(Protocol):
    """What reads rows in the ordinary way, from lines that it is given or takes itself."""

    @property
    def line(self) -> int: ...
    @property
    def has_lines(self) -> bool: ...
    def take(self, block: Any, /) -> None: ...
    def go_to(self, line: int) -> None: ...


class LinePieces(Generic[_Block]):
    """The rows of one table, as far as possible in pieces, where a row ends with any line.

    `reader` reads `blocks` too, and `rows` are those on the lines that it has.
    """

    def __init__(self, reader: _Reader, blocks: Blocks[_Block], rows: Callable[[], Iterator[Rows]]) -> None:
        self.blocks: Blocks[_Block] = blocks
        self._reader = reader
        self._rows_read = rows
        self._rows: Iterator[Rows] = iter(())
        self._out: deque[tuple[int, _Block]] = deque()
        self._ordinary = 0
        self._after_failure = 1

    def next(self) -> Piece | Rows | None:
        """What comes next; None at the end, and while pieces handed out must be judged first."""
        while True:
            if (row := next(self._rows, None)) is not None:
                return row
            if self._reader.has_lines:
                self._rows = self._rows_read()
                continue
            block = self._next_block()
            if block is None:
                return None
            if block.oversize or self._ordinary or not block.is_terminated:
                if self._out:
                    self.blocks.put_back(block)
                    return None
                self._ordinary = max(0, self._ordinary - 1)
                self._reader.take(block.lines())
                continue
            line = self._reader.line
            self._reader.go_to(line + block.line_count())
            self._out.append((line, block))
            self.blocks.waiting += len(block.text)
            return Piece(block.text, line)

    def confirm(self) -> None:
        """The oldest piece that is out was what it seemed to be."""
        _, block = self._out.popleft()
        self.blocks.waiting -= len(block.text)
        self._after_failure = 1

    def take_back(self) -> None:
        """It was not: that piece and all later ones are read again, the first in the ordinary way."""
        line, _ = self._out[0]
        self._reader.go_to(line)
        while self._out:
            _, block = self._out.pop()
            self.blocks.waiting -= len(block.text)
            self.blocks.put_back(block)
        self._ordinary = self._after_failure
        self._after_failure = min(2 * self._after_failure, _ORDINARY_MAX)

    def _next_block(self) -> _Block | None:
        return self.blocks.small()


class DelimitedPieces(LinePieces[TextBlock]):
    """As `LinePieces`, where a row may go over lines within quotes."""

    def __init__(
        self, reader: _Reader, blocks: Blocks[TextBlock], rows: Callable[[], Iterator[Rows]], quote: str
    ) -> None:
        super().__init__(reader, blocks, rows)
        self._quote = quote
        blocks.cut = self._cut_inside

    def _next_block(self) -> TextBlock | None:
        """The next block, cut after a row; what is cut off comes next, and is joined to what follows it."""
        block = self.blocks.small()
        if block is None or block.oversize or not self._quote:
            return block
        text = block.text
        while text.count(self._quote) % 2 and len(text) < _PIECE_MAX:
            if end := _end_of_row(text, self._quote):
                self.blocks.put_back(TextBlock(text[end:]))
                text = text[:end]
            elif (following := self.blocks.small()) is None:
                break
            elif following.oversize:
                self.blocks.put_back(following)
                break
            else:
                text += following.text
        return TextBlock(text)

    def _cut_inside(self, block: TextBlock) -> tuple[TextBlock, TextBlock | None]:
        """Cut a block that begins within quotes after a row."""
        text = block.text
        if block.oversize or not self._quote or text.count(self._quote) % 2:
            return block, None
        end = _end_of_row(text, self._quote)
        return (TextBlock(text[:end]), TextBlock(text[end:])) if end else (block, None)


def _end_of_row(text: str, quote: str) -> int:
    """The last of the line ends looked at that an odd number of quotes follows; else 0."""
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

    None too where a row is blank, has another width or ends with a backslash, which may affect how those
    below it are read, or where it is the header again.
    """
    text, first_line = piece
    if isinstance(text, bytes):
        return _objects(text, first_line)
    return _cells(text, first_line, table)


def _objects(text: bytes, first_line: int) -> list[Stretch] | None:
    lines = ByteBlock(text).lines().lines
    stretches = []
    for at in range(0, len(lines), STRETCH_MAX):
        found = parse_objects(lines[at : at + STRETCH_MAX])
        if found is None:
            return None
        objects, written = found
        first = first_line + at
        stretches.append(Stretch(range(first, first + len(objects)), objects, written))
    return stretches


def _cells(text: str, first_line: int, table: Table) -> list[Stretch] | None:
    assert table.columns is not None
    if is_damaged(text):
        return None
    lines = split_text(text)
    reader = csv.reader(lines, **csv_format(table.dialect))
    rows: list[list[str]] = []
    starts = array("q", [first_line])
    try:
        for cells in reader:
            rows.append(cells)
            starts.append(first_line + reader.line_num)
    except csv.Error:
        return None
    if set(map(len, rows)) != {max(len(table.columns), 1)} or rows[-1][-1].endswith("\\"):
        return None
    header = HeaderRow.of_table(table)
    odd = (cells for cells in rows if cells[0] in header.odd)
    if any(header.is_again(cells) or not any(map(str.strip, cells)) for cells in odd):
        return None
    return [
        Stretch(starts[at : min(at + STRETCH_MAX, len(rows))], rows[at : at + STRETCH_MAX])
        for at in range(0, len(rows), STRETCH_MAX)
    ]
