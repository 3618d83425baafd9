"""Blocks: runs of consecutive source rows whose outcomes are recorded together, with a digest of the rows.

A row's number (`seq`) counts every row read in the run, over all its files, from 0. A block is settled when
each of its rows has an outcome; only then does the journal get it.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Final

from ours_cli.events.event import Event, Filtered, Reject
from ours_cli.events.kept_rows import KeptRows, content_of
from ours_cli.events.mapped_rows import MappedRows
from ours_cli.events.outcome import Outcome
from ours_cli.record import TRUNCATED_ROW, Malformed, Record

ROWS_MAX: Final = 5000
"""Rows in a block in which nothing is to be sent (rejects, filtered rows) before it is recorded."""

DIGEST_BYTES: Final = 16


class RowDigest:
    """Digests source rows, in order: their cells and the header above them.

    Their lines and file names do not matter; under another header the same cells mean something else.
    """

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self._header: tuple[str, ...] = ()

    def add(self, row: Record | Malformed, header: tuple[str, ...]) -> int:
        """Take one row in; returns the bytes of its content."""
        content = content_of(row)
        self._add_below(header, content)
        return len(content)

    def add_all(self, rows: KeptRows, header: tuple[str, ...]) -> None:
        """Take rows in."""
        self._add_below(header, rows.content)

    def _add_below(self, header: tuple[str, ...], content: bytes) -> None:
        if header != self._header:
            self._header = header
            # Blanks around a name make no other column of it: templates do not see them.
            names = "\x1f".join(map(str.strip, header))
            self._hash.update(names.encode("utf-8", "surrogatepass") + b"\x1c")
        self._hash.update(content)

    def value(self) -> bytes:
        """The digest of the rows so far: 16 bytes."""
        return self._hash.digest()


def content_digest(rows: Iterable[Record | Malformed], header: tuple[str, ...]) -> bytes:
    """The digest of these rows below their header: 16 bytes."""
    digest = RowDigest()
    for row in rows:
        digest.add(row, header)
    return digest.value()


@dataclass(slots=True, eq=False)
class Block:
    """Rows `start` (inclusive) to `end` (exclusive) and what became of them.

    `head` is the digest of the first row alone, kept for row 0 only: a pipe that begins otherwise is known by
    it, without waiting for as many rows as the block has. `codes` counts its rejects, `held` are those in
    no file yet; both are None before the first reject, since a resumed run keeps thousands of blocks.
    """

    start: int
    end: int = 0
    head: bytes = b""
    digest: bytes = b""
    accepted: int = 0
    rejected: int = 0
    filtered: int = 0
    codes: Counter[str] | None = None
    held: deque[Reject] | None = None

    @property
    def rows(self) -> int:
        """How many rows the block spans."""
        return self.end - self.start

    @property
    def is_settled(self) -> bool:
        """Whether every row has an outcome."""
        return self.accepted + self.rejected + self.filtered == self.rows

    @property
    def is_half_row(self) -> bool:
        """Whether it is one row that the file ended within: if that is whole by now, it has no outcome."""
        return self.rows == 1 and self.codes is not None and self.codes.keys() == {TRUNCATED_ROW}

    def reject(self, reject: Reject) -> None:
        """One of its rows is rejected."""
        self.rejected += 1
        self.codes = self.codes or Counter()
        self.codes[reject.code] += 1
        self.held = self.held or deque()
        self.held.append(reject)


class BlockTracker:
    """Cuts a run's rows into blocks and hands each over, once, when it is settled.

    `header_of` gives the header of a table of the run, by its index.
    """

    def __init__(self, settled: Callable[[Block], None], header_of: Callable[[int], tuple[str, ...]]) -> None:
        self._settled = settled
        self._header_of = header_of
        self._open: list[Block] = []
        self._current: Block | None = None
        self._digest = RowDigest()

    @property
    def first_open(self) -> float:
        """The first row of the blocks that were cut and are not settled; infinite where there is none."""
        return self._open[0].start if self._open else inf

    def enter(self, item: Event | Reject | Filtered) -> None:
        """The next row of the source, as it comes out of the mapping."""
        table, row, seq = item[0]
        header = self._header_of(table)
        block = self._current or self._begin(seq, row, header)
        self._digest.add(row, header)
        block.end = seq + 1
        if type(item) is Event:
            return
        if type(item) is Reject:
            block.reject(item)
        else:
            block.filtered += 1
        self._cut_if_long(block)

    def enter_all(self, rows: MappedRows) -> None:
        """The next rows of the source: each to be sent, or else left out."""
        at, first = 0, rows.place(0)
        while (end := at + self._room) <= first:
            self._enter_together(rows.part(at, end))
            at = end
        if at < len(rows):
            self._enter_together(rows.part(at, len(rows)))

    @property
    def _room(self) -> int:
        """How many more rows the block takes if all of them are left out."""
        block = self._current
        if block is None:
            return ROWS_MAX
        return ROWS_MAX - block.rows if block.is_settled else sys.maxsize

    def _enter_together(self, rows: MappedRows) -> None:
        header = self._header_of(rows.events.table)
        block = self._current or self._begin(rows.seq, rows.rows.record(0), header)
        self._digest.add_all(rows.rows, header)
        block.end = rows.seq + len(rows)
        block.filtered += rows.left_out
        self._cut_if_long(block)

    def _begin(self, seq: int, row: Record | Malformed, header: tuple[str, ...]) -> Block:
        self._digest = RowDigest()
        self._current = Block(seq, head=content_digest([row], header) if seq == 0 else b"")
        return self._current

    def _cut_if_long(self, block: Block) -> None:
        if block.rows >= ROWS_MAX and block.is_settled:
            self.cut()

    def cut(self) -> None:
        """The block ends here: what was entered since the last cut is one chunk, or needs no sending."""
        block, self._current = self._current, None
        if block is None:
            return
        block.digest = self._digest.value()
        self._open.append(block)
        self._close(block)

    def deliver(self, outcome: Outcome) -> None:
        """Enter outcomes of rows that were sent. Accepted rows come from one chunk, and so from one block."""
        touched: list[Block] = []
        if outcome.accepted:
            block = self._block_of(outcome.accepted.first_seq)
            block.accepted += len(outcome.accepted)
            touched.append(block)
        for reject in outcome.rejected:
            block = self._block_of(reject.origin.seq)
            block.reject(reject)
            if block not in touched:
                touched.append(block)
        for block in touched:
            self._close(block)

    def unsettled(self) -> list[Block]:
        """The blocks in which some row has no outcome yet, in order."""
        return [*self._open, *([self._current] if self._current is not None else [])]

    def _block_of(self, seq: int) -> Block:
        return next(block for block in self._open if block.start <= seq < block.end)

    def _close(self, block: Block) -> None:
        if block.is_settled:
            self._open.remove(block)
            self._settled(block)
