"""The lines of delimited text that may have to be read again."""

from __future__ import annotations

from ours_cli.source.lines import MAX_RECORD, TextLines

# Many short lines weigh more than their characters: about 64 bytes each.
_MAX_RECORD_LINES = 4 * 1024 * 1024


class LineWindow:
    """The lines from the record being read to the end of the newest block.

    `damaged`: some of them may be (see `TextLines`). `oversize`: the last of them is cut. `is_too_long`: the
    record did not end within the blocks before the newest one, and passes what memory should hold.
    """

    def __init__(self, first_line: int) -> None:
        self.damaged = False
        self.oversize = False
        self.is_too_long = False
        self.restart(first_line)

    def restart(self, line: int) -> None:
        """Let all lines go; the next block begins with this one."""
        self._lines: list[str] = []
        self._first = line
        self._size = 0  # characters

    @property
    def end(self) -> int:
        """The number of the line behind the last."""
        return self._first + len(self._lines)

    def add(self, block: TextLines, line: int) -> None:
        """Take these lines in, and let those before `line` go."""
        if line > self._first:
            del self._lines[: line - self._first]
            self._first = line
            self._size = sum(map(len, self._lines))
        self.damaged = block.damaged or (self.damaged and bool(self._lines))
        self.oversize = block.oversize
        self.is_too_long = self._size > MAX_RECORD or len(self._lines) > _MAX_RECORD_LINES
        self._lines.extend(block.lines)
        self._size += block.size

    def lines(self, start: int, end: int) -> list[str]:
        """The lines from `start` to the one before `end`."""
        return self._lines[start - self._first : end - self._first]

    def size_from(self, line: int) -> float:
        """About how many characters the lines from this one on have; lines are taken to be alike."""
        left = self.end - line
        return self._size * min(1.0, left / len(self._lines)) if left > 0 else 0.0
