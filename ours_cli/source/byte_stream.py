"""The bytes of one source: files, pipes and gzip, read forward only, with look-ahead."""

from __future__ import annotations

import os
import select
import stat
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from math import inf
from typing import BinaryIO, NamedTuple

from ours_cli.errors import SourceError
from ours_cli.source.arguments import STANDARD_INPUT, Location
from ours_cli.source.containers import is_gzip, refuse_container

BLOCK_BYTES = 256 * 1024
SAMPLE_BYTES = 64 * 1024
# Bounds the look-ahead where `--skip-lines` or an endless first line would let it grow.
_MAX_SAMPLE_BYTES = 64 * 1024 * 1024
# What a pipe may still deliver after its first line. Long enough for a writer in mid-burst, short enough that
# `tail -f` is not felt to hang.
_PATIENCE_S = 0.25
_PATIENCE_MAX_S = 0.5
_MAGIC_BYTES = 16


class LookAhead(NamedTuple):
    """The beginning of a source; `complete`: it is the whole source."""

    data: bytes
    complete: bool


class ByteStream:
    """The decompressed bytes of a source. Reads what is there, never waits for a full buffer, never seeks."""

    def __init__(self, file: _RawFile, blocks: Iterator[bytes]) -> None:
        self.name = file.name
        self._file = file
        self._blocks = blocks
        self._ahead = b""
        self._ended = False

    @property
    def size(self) -> int | None:
        """Bytes of the file as it lies on disk; None for pipes."""
        return self._file.size

    def position(self) -> int:
        """Bytes of the file read so far; for gzip, the compressed bytes of what was decompressed."""
        return self._file.position - self._file.waiting

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self._file.close()

    def sample(self, lines: int) -> LookAhead:
        """Look ahead: 64 KiB, or more until `lines` lines; on a pipe those lines and what is there then."""
        until = inf
        while not self._ended and not self._is_enough(lines, until):
            self._look_further()
            until = min(until, time.monotonic() + _PATIENCE_MAX_S)
        # One more block shows whether this is the whole source.
        if not self._ended and self._file.is_ready(0):
            self._look_further()
        return LookAhead(self._ahead, self._ended)

    def drop(self, count: int) -> None:
        """Leave out the next `count` bytes; they must have been sampled."""
        self._ahead = self._ahead[count:]

    def blocks(self) -> Iterator[bytes]:
        """All bytes from here, in blocks as they arrive, none empty."""
        ahead, self._ahead = self._ahead, b""
        if ahead:
            yield ahead
        yield from self._blocks

    def _look_further(self) -> None:
        block = next(self._blocks, None)
        if block is None:
            self._ended = True
        else:
            self._ahead += block

    def _is_enough(self, lines: int, until: float) -> bool:
        text = self._ahead.lstrip()
        ends = text.count(b"\n") or text.count(b"\r")
        if len(self._ahead) >= SAMPLE_BYTES:
            return ends >= lines or len(self._ahead) >= _MAX_SAMPLE_BYTES or lines == 1
        # A pipe that trickles is never silent: what has come must not wait for 64 KiB of it.
        return ends >= lines and (time.monotonic() >= until or not self._file.is_ready(_PATIENCE_S))


class _RawFile:
    """A file or standard input as the operating system gives it."""

    def __init__(self, name: str, file: BinaryIO, *, close: Callable[[], None]) -> None:
        self.name = name
        self.position = 0
        self.waiting = 0  # of these, bytes that are not decompressed yet
        self.close = close
        self._read: Callable[[int], bytes | None] = getattr(file, "read1", file.read)
        self._fd = _descriptor(file)
        self.size = _regular_size(self._fd)

    def read(self) -> bytes:
        """What is available, at least one byte; b"" at the end."""
        try:
            if self._fd is not None and not os.get_blocking(self._fd):
                # A non-blocking pipe answers "nothing yet" just like "the end": wait, or rows would be lost.
                select.select([self._fd], [], [])
            block = self._read(BLOCK_BYTES) or b""
        except OSError as error:
            raise SourceError(f"{self.name} cannot be read: {error.strerror}") from error
        self.position += len(block)
        if not block and self.size is not None and (_regular_size(self._fd) or 0) < self.size:
            raise SourceError(
                f"{self.name} was cut while it was read: it is shorter than it was",
                hint="put the whole file back; the same command goes on from there",
            )
        return block

    def is_ready(self, seconds: float) -> bool:
        """Whether `read` would return within `seconds`."""
        if self._fd is None or self.size is not None:
            return True
        return bool(select.select([self._fd], [], [], seconds)[0])


def open_stream(location: Location, stdin: BinaryIO | None) -> ByteStream:
    """Open a file, or `stdin` for `-`. Raises `SourceError` where it is not readable as text."""
    file = _open_raw(location, stdin)
    try:
        head = b""
        while len(head) < _MAGIC_BYTES and b"\n" not in head and (block := file.read()):
            head += block
        refuse_container(head, file.name)
        blocks = chain([head] if head else [], iter(file.read, b""))
        return ByteStream(file, _gunzip(blocks, file) if is_gzip(head) else blocks)
    except BaseException:
        file.close()
        raise


def _open_raw(location: Location, stdin: BinaryIO | None) -> _RawFile:
    if location == "-":
        if stdin is None:
            raise SourceError("there is no standard input")
        return _RawFile(STANDARD_INPUT, stdin, close=lambda: None)
    try:
        opened = location.open("rb", buffering=0)
    except OSError as error:
        raise SourceError(f"{location} cannot be read: {error.strerror}") from error
    return _RawFile(str(location), opened, close=opened.close)


def _descriptor(file: BinaryIO) -> int | None:
    try:
        return file.fileno()
    except OSError:
        return None


def _regular_size(descriptor: int | None) -> int | None:
    if descriptor is None:
        return None
    status = os.fstat(descriptor)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _gunzip(blocks: Iterator[bytes], file: _RawFile) -> Iterator[bytes]:
    """Decompress member after member, at most `BLOCK_BYTES` at a time, so that no bomb can fill memory."""
    name = file.name
    member, begun = zlib.decompressobj(wbits=31), False
    for compressed in blocks:
        rest = compressed if begun else compressed.lstrip(b"\0")
        while rest:
            begun = True
            try:
                data = member.decompress(rest, BLOCK_BYTES)
            except zlib.error as error:
                raise SourceError(
                    f"{name} is damaged: its gzip data cannot be read to the end",
                    hint="check it with `gzip -t`, and fetch it again",
                ) from error
            rest = member.unconsumed_tail
            if member.eof:
                # Zeros after a member are padding (tapes, block devices), as gzip(1) has it.
                rest = member.unused_data.lstrip(b"\0")
                member, begun = zlib.decompressobj(wbits=31), False
            file.waiting = len(rest)
            if data:
                yield data
    if begun:
        raise SourceError(f"{name} is cut off: its gzip data ends early", hint="fetch the file again")
