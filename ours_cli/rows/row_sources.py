"""The sources of one run: opened as often as needed, standard input once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from ours_cli.assembly.field_mapping import RowMapping
from ours_cli.errors import SourceError
from ours_cli.record import Malformed, Record, RowStream, Table
from ours_cli.rejects.mend import mended
from ours_cli.runs.blocks import Block, RowDigest, content_digest
from ours_cli.source import ReadOptions, open_table
from ours_cli.source.arguments import Location

_HELD_BYTES_MAX: Final = 16 << 20

Chooser: TypeAlias = Callable[[Table, Iterator[Record | Malformed]], Iterator[Record | Malformed]]
"""From all rows of a table to those that a run is about."""


class RowSources:
    """What a command reads. A pipe cannot be read twice: what was looked at is held, and read from there."""

    def __init__(self, sources: Sequence[Location], read: ReadOptions) -> None:
        self._sources = sources
        self._numbers = {source: number for number, source in enumerate(sources)}
        self._read = read
        self._opened: dict[Location, _Pipe] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Absolute paths, or "-" for standard input."""
        return tuple(
            "-" if source == "-" else os.path.normpath(source.absolute()) for source in self._sources
        )

    @property
    def may_block(self) -> bool:
        """Whether reading may have to wait for another program; else every source is a file on disk."""
        return any(_may_block(source) for source in self._sources)

    @property
    def size(self) -> int | None:
        """Bytes of all files, as they lie on disk; None where a pipe is among them."""
        try:
            return None if self.may_block else sum(Path(source).stat().st_size for source in self._sources)
        except OSError:
            return None

    def tables(self) -> Iterator[Table]:
        """Open one source after the other."""
        for source in self._sources:
            yield self._pipe(source).whole_table() if _may_block(source) else self._open(source)

    def files(self) -> Iterator[Table]:
        """Open each source that can be read again."""
        for source in self._sources:
            if not _may_block(source):
                yield self._open(source)

    def pipes(self) -> Iterator[tuple[Table, Iterator[Record | Malformed]]]:
        """Each source that cannot be read again, and its rows: those taken from it are held for `tables`."""
        for source in self._sources:
            if _may_block(source):
                pipe = self._pipe(source)
                yield pipe.table, pipe.rows()

    def check(self, mapping: RowMapping) -> None:
        """Read every file's head and bind the mapping to it, so that nothing is sent before all of it fits.

        A pipe's mapping is bound before its first row all the same. Raises `SourceError`.
        """
        if "-" in self._sources and sys.stdin is None:
            raise SourceError("there is no standard input", hint="pipe rows into it, or name a file")
        for table in self.files():
            mapping.bind(table)
            table.close()

    def begins_like(self, blocks: Sequence[Block], choose: Chooser) -> bool:
        """Whether the first rows that the run is about are those of these blocks, the first of them row 0's.

        Of a pipe whose rows are large not all is compared: what is looked at must be held.
        """
        for row, header in self._first_rows(1, choose):
            if content_digest([row], header) != blocks[0].head:
                return False  # without waiting for more of a pipe that trickles
        rows = self._first_rows(blocks[-1].end, choose)
        held = 0
        for block in blocks:
            digest = RowDigest()
            for row, header in islice(rows, block.rows):
                held += digest.add(row, header)
            if digest.value() != block.digest:
                return False
            if held > _HELD_BYTES_MAX:
                break
        return True

    def _first_rows(
        self, count: int, choose: Chooser
    ) -> Iterator[tuple[Record | Malformed, tuple[str, ...]]]:
        """The first `count` rows, or all where there are fewer, each with the header above it."""
        if any(_may_block(source) and source != "-" for source in self._sources):
            return  # a named pipe: reading from it now would take its rows away
        for source in self._sources:
            if source == "-":
                table, rows = self._pipe(source).table, self._pipe(source).rows()
            else:
                table = self._open(source)
                rows = table.records
            for row in islice(choose(table, rows), count):
                count -= 1
                yield row, table.header
            if source != "-":
                table.close()
            if not count:
                return

    def _open(self, source: Location, stdin: BinaryIO | None = None) -> Table:
        table = mended(open_table(source, self._read, stdin))
        if len(self._sources) > 1:
            table.number = self._numbers[source]
        return table

    def _pipe(self, source: Location) -> _Pipe:
        if source not in self._opened:
            stdin = _raw_stdin() if source == "-" else None
            self._opened[source] = _Pipe(self._open(source, stdin))
        return self._opened[source]


class _Pipe:
    """A source that can be read once: `held` has what was looked at, `table.records` goes on after it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.held: list[Record | Malformed] = []

    def whole_table(self) -> Table:
        """The table with what is held, to be walked to its end."""
        return replace(self.table, records=RowStream(chain(self.held, self.table.records.in_bulk())))

    def rows(self) -> Iterator[Record | Malformed]:
        """Its rows from the first, each held."""
        yield from tuple(self.held)
        for row in self.table.records:
            self.held.append(row)
            yield row


def _may_block(source: Location) -> bool:
    return source == "-" or not source.is_file()


def stdin_is_silent() -> bool:
    """Whether standard input is open and nothing of it waits to be read; false where that cannot be known."""
    import select

    try:
        return not select.select([0], [], [], 0)[0]
    except (OSError, ValueError):
        return False


def _raw_stdin() -> BinaryIO | None:
    # Unbuffered: a thread that still reads at exit would hold the buffer's lock, and Python would abort.
    return None if sys.stdin is None else open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
