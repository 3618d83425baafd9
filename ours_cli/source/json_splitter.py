"""Where the elements of a JSON array, or of JSON values one after another, begin and end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ours_cli.exact_json import JsonProblem
from ours_cli.record import STRETCH_MAX, TRUNCATED_ROW, Stretch
from ours_cli.source.json_objects import parse_objects

# Groups are not possessive here: before 3.11.5, `re` goes wrong where such a group fails half-way
# (gh-106052). They are bounded instead, since every round of a plain group costs memory.
_ESCAPES = rb"(?:\\[^\n][^\"\\\n]*+){0,64}"
_STRING = rb'"[^"\\\n]*+' + _ESCAPES + rb'"'
# What lies between two brackets; stops early at a string that is cut off, broken or full of escapes.
_RUN = re.compile(rb'[^{}\[\]"]*+(?:' + _STRING + rb'[^{}\[\]"]*+){0,64}')
_IN_STRING = re.compile(rb'[^"\\\n]*+' + _ESCAPES)
_GAP = re.compile(rb"[ \t\r\n,]*+")
_SCALAR = re.compile(rb"(?:" + _STRING + rb"|[^,\n{}\[\]])+?(?=[,\n{}\[\]]|\Z)")
_BETWEEN = re.compile(rb"\}[ \t\r\n,]*+(?=\{)")
_OPENERS = b"{["
_QUOTE, _OPEN_OBJECT = b'"{'
_PARTNER = {ord("}"): ord("{"), ord("]"): ord("[")}

_TRUNCATED = JsonProblem(TRUNCATED_ROW, "the file ends within this element")
_UNCLOSED_ARRAY = JsonProblem(TRUNCATED_ROW, "the file ends before the array is closed")
_BROKEN = JsonProblem("bad_json", "not valid JSON: its strings or brackets are not closed")


class Element(NamedTuple):
    """One element as it is written; `line` is where it begins, `problem` why it is none."""

    line: int
    raw: bytes
    problem: JsonProblem | None


class Splitter:
    """Cuts text that arrives in blocks into elements; consecutive plain objects come read, in stretches."""

    def __init__(self, first_line: int) -> None:
        self.line = first_line  # of the element being scanned
        self.fed = 0  # bytes
        self._buffer = b""
        self._start = 0  # of that element
        self._position = 0  # how far it is scanned
        self._in_array = False
        self._open = bytearray()  # the brackets open in it
        self._indent = b""
        self._broken_at: int | None = None
        self._line_end = -1

    @property
    def held(self) -> int:
        """Bytes kept for the element being scanned."""
        return len(self._buffer) - self._start

    def feed(self, data: bytes, *, final: bool) -> Iterator[Element | Stretch]:
        """The elements that end in `data`."""
        self.fed += len(data)
        self._buffer = self._buffer[self._start :] + data
        self._position -= self._start
        if self._broken_at is not None:
            self._broken_at -= self._start
        self._start = 0
        self._line_end = -1
        # Once only: where one of the objects is none, looking again behind each would be quadratic.
        may_be_many = True
        while self._is_within() or self._begin():
            if may_be_many and not self._is_within():
                may_be_many = False
                yield from self._many()
            element = self._scan(final=final) if self._is_bracketed() else self._scalar(final=final)
            if element is None:
                return
            yield element
        if final and self._in_array:
            line = self.line + self._buffer.count(b"\n", self._start)
            yield Element(line, b"", _UNCLOSED_ARRAY)

    def _many(self) -> Iterator[Stretch]:
        """The plain objects from here on; moves to what comes next."""
        if self._buffer[self._start] != _OPEN_OBJECT:
            return
        starts, ends = _likely_objects(self._buffer, self._start)
        for at in range(0, len(ends), STRETCH_MAX):
            until = min(at + STRETCH_MAX, len(ends))
            raws = [self._buffer[starts[number] : ends[number]] for number in range(at, until)]
            found = parse_objects(raws)
            if found is None:
                return
            lines = []
            for following in starts[at + 1 : until + 1]:
                lines.append(self.line)
                self._consume(following)
            self._note_indent(self._buffer[ends[until - 1] : self._start])
            yield Stretch(lines, *found)

    def _note_indent(self, gap: bytes) -> None:
        if b"\n" in gap:
            self._indent = gap.rpartition(b"\n")[2]

    def _is_within(self) -> bool:
        return bool(self._open) or self._broken_at is not None

    def _is_bracketed(self) -> bool:
        return self._is_within() or self._buffer[self._start] in _OPENERS

    def _begin(self) -> bool:
        """Go to the next element; false where the buffer ends first."""
        while True:
            gap = _GAP.match(self._buffer, self._start)
            assert gap is not None
            self._note_indent(gap.group())
            character = self._buffer[gap.end() : gap.end() + 1]
            if not character:
                return False
            if character != (b"]" if self._in_array else b"["):
                self._consume(gap.end())
                return True
            self._in_array = not self._in_array
            self._indent = b""
            self._consume(gap.end() + 1)

    def _scalar(self, *, final: bool) -> Element | None:
        """A number, a string, or rubbish, up to a comma, a bracket or the line's end."""
        if not final and not self._has_whole_line():
            return None
        found = _SCALAR.match(self._buffer, self._start)
        return self._take(found.end() if found else self._start + 1)

    def _has_whole_line(self) -> bool:
        # Without it, where rubbish is cut would depend on how the source happens to arrive.
        if self._line_end < self._start:
            self._line_end = self._buffer.find(b"\n", self._start)
        return self._line_end >= 0

    def _scan(self, *, final: bool) -> Element | None:
        """The element to its closing bracket; None where more of it is needed."""
        while self._broken_at is None:
            run = _RUN.match(self._buffer, self._position)
            assert run is not None
            self._position = end = run.end()
            if end == len(self._buffer):
                break
            bracket = self._buffer[end]
            if bracket == _QUOTE:
                if not self._skip_string(end):
                    break
            elif not self._fits(bracket, end):
                self._broken_at = end
            else:
                self._position = end + 1
                if not self._open:
                    return self._take(end + 1)
        if self._broken_at is not None:
            return self._recover(self._broken_at, final=final)
        return self._rest(_TRUNCATED) if final else None

    def _skip_string(self, opening: int) -> bool:
        """Pass a string at which `_RUN` stopped; false where it is cut off, or broken by a line end."""
        at = opening + 1
        while True:
            inside = _IN_STRING.match(self._buffer, at)
            assert inside is not None
            at = inside.end()
            following = self._buffer[at : at + 2]
            if following.startswith(b'"'):
                self._position = at + 1
                return True
            if b"\n" in following:
                self._broken_at = at + following.index(b"\n")
                return False
            if following in (b"", b"\\"):
                return False

    def _fits(self, bracket: int, position: int) -> bool:
        """Enter or leave a level; false where valid JSON could not have this bracket here."""
        if bracket not in _OPENERS:
            return self._open.pop() == _PARTNER[bracket]
        if self._open:
            before = self._last_character(position)
            if before not in (b":" if self._open[-1] == _OPEN_OBJECT else b"[,"):
                return False
        self._open.append(bracket)
        return True

    def _last_character(self, position: int) -> bytes:
        while True:
            position -= 1
            character = self._buffer[position : position + 1]
            if not character.isspace():
                return character

    def _recover(self, broken_at: int, *, final: bool) -> Element | None:
        """Give a broken element up where a line begins just as the element's own did."""
        flat = re.compile(rb"\{\s*\n" + self._indent + rb"[^\s{}\[\]]").match(self._buffer, self._start)
        # Where members are indented like the element itself, the next `{` may belong to any of them.
        if not flat:
            line_end = self._buffer.rfind(b"\n", self._start, broken_at + 1)
            found = self._buffer.find(b"\n" + self._indent + b"{", max(line_end, self._start))
            if found >= 0:
                return self._take(found, _BROKEN)
        return self._rest(_BROKEN) if final else None

    def _rest(self, problem: JsonProblem) -> Element:
        # The element that was cut off says all there is to say; the array is not reported again.
        self._in_array = False
        return self._take(len(self._buffer), problem)

    def _take(self, end: int, problem: JsonProblem | None = None) -> Element:
        element = Element(self.line, self._buffer[self._start : end], problem)
        self._consume(end)
        self._open.clear()
        self._broken_at = None
        return element

    def _consume(self, end: int) -> None:
        self.line += self._buffer.count(b"\n", self._start, end)
        self._start = self._position = end


def _likely_objects(text: bytes, start: int) -> tuple[list[int], list[int]]:
    """Where objects likely begin and end in `text` from `start` on; the last beginning is of what comes next.

    Where an object ends cannot be seen without reading it. It likely ends where its braces are balanced,
    with nothing but blanks and commas before the next one. If what is between two such places is an object by
    itself, it is the one that begins there: no object is the beginning of another.
    """
    starts: list[int] = [start]
    ends: list[int] = []
    depth = 0
    piece = start
    for between in _BETWEEN.finditer(text, start):
        end = between.start() + 1
        depth += text.count(b"{", piece, end) - text.count(b"}", piece, end)
        piece = between.end()
        if not depth:
            ends.append(end)
            starts.append(piece)
    return starts, ends
