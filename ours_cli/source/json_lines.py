"""NDJSON: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ours_cli.exact_json import JsonProblem
from ours_cli.record import STRETCH_MAX, TRUNCATED_ROW, Malformed, Record, Rows, Stretch, gather
from ours_cli.source.json_objects import parse_object, parse_objects
from ours_cli.source.lines import MAX_RECORD, ByteLines
from ours_cli.source.text_encoding import ends_in_character


class JsonLineReader:
    """Reads blocks of lines; a line that holds an object is a record, blank ones are left out."""

    def __init__(self, blocks: Iterator[ByteLines], first_line: int) -> None:
        self._blocks = blocks
        self._block = ByteLines([])
        self._at = 0  # the next line of the block
        self._offset = first_line

    @classmethod
    def of_text(cls, text: str) -> JsonLineReader:
        """Reads this text alone, in which surrogates stand for bytes that are not UTF-8."""
        return cls(iter([ByteLines(text.encode("utf-8", "surrogateescape").split(b"\n"))]), 1)

    def stretches(self) -> Iterator[Rows]:
        """The rows from here on, in bulk."""
        for block in self._blocks:
            self.take(block)
            yield from self.rows()

    @property
    def line(self) -> int:
        """The next line."""
        return self._offset + self._at

    @property
    def has_lines(self) -> bool:
        """Whether a line that was taken in is unread."""
        return self._at < len(self._block.lines)

    @property
    def unread(self) -> float:
        """Bytes of the lines that were taken in and are no row yet; lines are taken to be alike."""
        block = self._block
        left = len(block.lines) - self._at
        return block.size * left / len(block.lines) if left > 0 else 0.0

    def take(self, block: ByteLines) -> None:
        """Take these lines in, where none is left."""
        self._offset += self._at
        self._block, self._at = block, 0

    def go_to(self, line: int) -> None:
        """Forget what was taken in: the next block begins with this line."""
        self._block, self._at, self._offset = ByteLines([]), 0, line

    def rows(self) -> Iterator[Rows]:
        """The rows on the lines that were taken in, in bulk."""
        while self.has_lines:
            lines = self._block.lines[self._at : self._at + STRETCH_MAX]
            found = None if self._block.oversize else parse_objects(lines)
            if found is None:
                yield from gather(self._next(lines))
            else:
                first = self._offset + self._at
                self._at += len(lines)
                yield Stretch(range(first, first + len(lines)), *found)

    def _next(self, lines: list[bytes]) -> Iterator[Record | Malformed]:
        """The rows on these lines, which come next."""
        block = self._block
        for raw in lines:
            line = self._offset + self._at
            self._at += 1
            if block.oversize:
                yield _malformed(line, raw, "too_large", f"a line of more than {MAX_RECORD >> 20} MiB")
                continue
            try:
                fields = parse_object(raw)
            except JsonProblem as problem:
                if raw.strip():
                    cut_off = not block.terminated and raw is block.lines[-1]
                    yield _malformed(line, raw, *_diagnosis(problem, raw, cut_off=cut_off))
            else:
                yield Record(line, fields)


def _diagnosis(problem: JsonProblem, raw: bytes, *, cut_off: bool) -> tuple[str, str]:
    if cut_off and (
        (problem.code == "bad_json" and not _is_whole(raw))
        or (problem.code == "bad_encoding" and ends_in_character(raw))
    ):
        return TRUNCATED_ROW, f"the last line has no end and is {problem.message}"
    return problem.code, problem.message


def _is_whole(raw: bytes) -> bool:
    """Whether JSON ends where this line does: then nothing but its values is wrong."""
    try:
        json.loads(raw, parse_int=str)  # which takes any number of digits
    except ValueError:
        return False
    return True


def _malformed(line: int, raw: bytes, code: str, message: str) -> Malformed:
    return Malformed(line, raw.decode("utf-8", "surrogateescape").rstrip("\r"), code, message)
