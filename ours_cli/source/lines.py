"""Physical lines, in blocks as they arrive, of bounded length."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import AnyStr, NamedTuple

from ours_cli.source.text_encoding import decoder, is_intact

# Longest line, cell or record, in characters or bytes: more than any real one, yet it fits in memory.
MAX_RECORD = 64 * 1024 * 1024
_TEXT_LINE = re.compile(r"[^\r\n]*+(?:\r\n?+|\n)|[^\r\n]++")
_TEXT_LINE_END = re.compile(r"\r\n?|\n")


class TextBlock(NamedTuple):
    """Whole lines, as in `TextLines`, in one text."""

    text: str
    oversize: bool = False

    def lines(self) -> TextLines:
        """The same, cut into lines."""
        lines = [self.text] if self.oversize else split_text(self.text)
        return TextLines(lines, len(self.text), is_damaged(self.text), self.oversize)

    @property
    def is_terminated(self) -> bool:
        """Whether the last line has its end."""
        return self.text.endswith("\n")

    def cut(self, size: int) -> tuple[TextBlock, TextBlock | None]:
        """The lines of the first `size` characters, and the others; all where one line is longer."""
        end = self.text.rfind("\n", 0, size) + 1 if len(self.text) > size else 0
        return (TextBlock(self.text[:end]), TextBlock(self.text[end:])) if end else (self, None)

    def line_count(self) -> int:
        """How many lines it has."""
        text = self.text
        if "\r" not in text or text.count("\r") == text.count("\r\n"):
            return text.count("\n") + (text[-1:] not in ("\n", ""))
        return len(_TEXT_LINE.findall(text))


class ByteBlock(NamedTuple):
    """Whole lines, as in `ByteLines`, with their ends, in one text."""

    text: bytes
    oversize: bool = False

    def lines(self) -> ByteLines:
        """The same, cut into lines."""
        if self.oversize:
            return ByteLines([self.text], oversize=True, size=len(self.text))
        lines = self.text.split(b"\n")
        if self.is_terminated:
            lines.pop()
        return ByteLines(lines, terminated=self.is_terminated, size=len(self.text))

    @property
    def is_terminated(self) -> bool:
        """Whether the last line has its end."""
        return self.text.endswith(b"\n")

    def cut(self, size: int) -> tuple[ByteBlock, ByteBlock | None]:
        """The lines of the first `size` bytes, and the others; all where one line is longer."""
        end = self.text.rfind(b"\n", 0, size) + 1 if len(self.text) > size else 0
        return (ByteBlock(self.text[:end]), ByteBlock(self.text[end:])) if end else (self, None)

    def line_count(self) -> int:
        """How many lines it has."""
        return self.text.count(b"\n") + (not self.is_terminated)


class TextLines(NamedTuple):
    r"""Lines with their ends, which are `\n`, `\r\n` or `\r`; the last line of a source may lack one.

    `size` counts characters. `damaged`: a NUL or an undecodable byte is somewhere among them. `oversize`: the
    block is one line of more than `MAX_RECORD` characters, cut there.
    """

    lines: list[str]
    size: int
    damaged: bool = False
    oversize: bool = False


class ByteLines(NamedTuple):
    r"""Lines without their `\n`. `oversize` as above; `terminated`: the last one had an end.

    `size` counts bytes, ends included.
    """

    lines: list[bytes]
    oversize: bool = False
    terminated: bool = True
    size: int = 0


def split_text(text: str) -> list[str]:
    """The physical lines of `text`, with their ends."""
    # `splitlines` is five times as fast, but knows more line ends: if it found none of them, it is right.
    if "\r" not in text or text.count("\r") == text.count("\r\n"):
        lines = text.splitlines(keepends=True)
        if len(lines) == text.count("\n") + (text[-1:] not in ("\n", "")):
            return lines
    return _TEXT_LINE.findall(text)


def has_line_end(text: str) -> bool:
    """Whether a line has its end: the last one of a file may be half written."""
    return text.endswith(("\n", "\r"))


def is_damaged(text: str) -> bool:
    """Whether `text` holds a NUL or stand-ins for undecodable bytes."""
    return "\0" in text or not is_intact(text)


def text_decoder(codec: str) -> io.IncrementalNewlineDecoder:
    r"""Never fails, as `decoder`, and holds a `\r` back until it is known whether a `\n` follows."""
    return io.IncrementalNewlineDecoder(decoder(codec), translate=False)


def text_blocks(blocks: Iterator[bytes], codec: str, skip: int) -> Iterator[TextBlock]:
    """Decode `blocks` and cut them after lines, leaving out the first `skip`."""
    for text, oversize in _whole_lines(_decode(blocks, codec), _text_end, _first_text_end):
        left = text
        if skip:
            lines = [text] if oversize else split_text(text)
            left = "".join(lines[skip:])
            skip -= min(skip, len(lines))
        if left:
            yield TextBlock(left, oversize)


def byte_blocks(blocks: Iterator[bytes], skip: int) -> Iterator[ByteBlock]:
    r"""Cut UTF-8 `blocks` after lines, which end with `\n`, leaving out the first `skip`."""
    for data, oversize in _whole_lines(blocks, _byte_end, _first_byte_end):
        left = data
        if skip:
            count = 1 if oversize else ByteBlock(data).line_count()
            left = b"" if skip >= count else data.split(b"\n", skip)[skip]
            skip -= min(skip, count)
        if left:
            yield ByteBlock(left, oversize)


def utf8_blocks(blocks: Iterator[bytes], codec: str) -> Iterator[bytes]:
    """The same text in UTF-8; what could not be decoded is not valid UTF-8 afterwards either."""
    if codec == "utf-8":
        return blocks
    decode = decoder(codec).decode
    texts = (decode(block, final=not block) for part in (blocks, (b"",)) for block in part)
    return (text.encode("utf-8", "surrogatepass") for text in texts if text)


def _decode(blocks: Iterator[bytes], codec: str) -> Iterator[str]:
    decode = text_decoder(codec).decode
    for block in blocks:
        yield decode(block)
    yield decode(b"", final=True)


def _whole_lines(
    pieces: Iterator[AnyStr], last_end: Callable[[AnyStr], int], first_end: Callable[[AnyStr], int]
) -> Iterator[tuple[AnyStr, bool]]:
    """Join and cut `pieces` so that each ends with a line; true with the beginning of an oversize line.

    `last_end` and `first_end` say where the last and the first line of a piece ends, 0 where none does.
    """
    held: list[AnyStr] = []
    size = 0
    for arrived in pieces:
        piece = arrived
        if size > MAX_RECORD:
            if not (end := first_end(piece)):
                continue
            yield piece[:0].join(held), True
            held, size, piece = [], 0, piece[end:]
        end = last_end(piece)
        if end:
            held.append(piece[:end])
            yield piece[:0].join(held), False
            held, size, piece = [], 0, piece[end:]
        if piece:
            held.append(piece)
            size += len(piece)
    if held:
        yield held[0][:0].join(held), size > MAX_RECORD


def _text_end(text: str) -> int:
    return max(text.rfind("\n"), text.rfind("\r")) + 1


def _first_text_end(text: str) -> int:
    end = _TEXT_LINE_END.search(text)
    return end.end() if end else 0


def _byte_end(data: bytes) -> int:
    return data.rfind(b"\n") + 1


def _first_byte_end(data: bytes) -> int:
    return data.find(b"\n") + 1
