"""Blocks: runs of consecutive source rows whose outcomes are recorded together, with a digest of the rows.

A row's number (`seq`) counts every row read in the run, over all its files, from 0. A block is settled when
each of its rows has an outcome; only then does the journal hear of it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import orjson

from ours_cli.event import Event, Filtered, Origin, Reject
from ours_cli.outcome import Outcome
from ours_cli.record import Malformed, Record

ROWS_MAX: Final = 5000
"""Rows in a block in which nothing is to be sent (rejects, filtered rows) before it is recorded."""

DIGEST_BYTES: Final = 16
_DIGESTED_AT_ONCE: Final = 500


class RowDigest:
    """Digests the content of source rows, in order; their lines and file names do not matter."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self._rows: list[Record | Malformed] = []

    def add(self, row: Record | Malformed) -> None:
        """Take one row in."""
        self._rows.append(row)
        if len(self._rows) >= _DIGESTED_AT_ONCE:
            self._digest()

    def add_all(self, rows: list[Record | Malformed]) -> None:
        """Take rows in."""
        self._rows += rows
        if len(self._rows) >= _DIGESTED_AT_ONCE:
            self._digest()

    def value(self) -> bytes:
        """The digest of the rows so far: 16 bytes."""
        self._digest()
        return self._hash.digest()

    def _digest(self) -> None:
        self._hash.update(_contents(self._rows))
        self._rows.clear()


def digest_of(rows: Iterable[Record | Malformed]) -> bytes:
    """The digest of these rows: 16 bytes."""
    digest = RowDigest()
    for row in rows:
        digest.add(row)
    return digest.value()


def _contents(rows: list[Record | Malformed]) -> bytes:
    if {type(row[1]) for row in rows} != {list}:
        return b"".join(map(_content, rows))
    # Plain CSV, many rows at once: the same bytes for a third of the time.
    return ("\x1e".join(["\x1f".join(row[1]) for row in rows]) + "\x1e").encode("utf-8", "surrogatepass")


def _content(row: Record | Malformed) -> bytes:
    if isinstance(row, Malformed):
        return row.raw.encode("utf-8", "surrogatepass") + b"\x1d"
    fields = row.fields
    if isinstance(fields, list):
        return "\x1f".join(fields).encode("utf-8", "surrogatepass") + b"\x1e"
    try:
        return orjson.dumps(fields) + b"\x1e"
    except TypeError:
        return json.dumps(fields).encode() + b"\x1e"


@dataclass(slots=True, eq=False)
class Block:
    """Rows `start` (inclusive) to `end` (exclusive) and what became of them.

    `head` is the digest of the first row alone, kept of row 0 only: a pipe that begins otherwise is told at
    once, without waiting for as many rows as the block has. `held` are its rejects that are in no file yet.
    """

    start: int
    end: int = 0
    head: bytes = b""
    digest: bytes = b""
    accepted: int = 0
    rejected: int = 0
    filtered: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    held: deque[Reject] = field(default_factory=deque)

    @property
    def rows(self) -> int:
        """How many rows the block spans."""
        return self.end - self.start

    @property
    def is_settled(self) -> bool:
        """Whether every row has an outcome."""
        return self.accepted + self.rejected + self.filtered == self.rows

    def reject(self, reject: Reject) -> None:
        """One of its rows is rejected."""
        self.rejected += 1
        self.codes[reject.code] += 1
        self.held.append(reject)


class BlockTracker:
    """Cuts a run's rows into blocks and hands each over, once, when it is settled."""

    def __init__(self, settled: Callable[[Block], None]) -> None:
        self._settled = settled
        self._open: list[Block] = []
        self._current: Block | None = None
        self._digest = RowDigest()

    def enter(self, item: Event | Reject | Filtered) -> None:
        """The next row of the source, as it comes out of the mapping."""
        _, row, seq = item[0]
        block = self._current
        if block is None:
            block = self._current = Block(seq, head=digest_of([row]) if seq == 0 else b"")
            self._digest = RowDigest()
        self._digest.add(row)
        block.end = seq + 1
        if type(item) is Event:
            return
        if type(item) is Reject:
            block.reject(item)
        else:
            block.filtered += 1
        if block.rows >= ROWS_MAX and block.is_settled:
            self.cut()

    def enter_all(self, events: list[Event]) -> None:
        """The next rows of the source, each to be sent."""
        block = self._current
        if block is None:
            self.enter(events[0])
            block, events = self._current, events[1:]
            assert block is not None
        if events:
            self._digest.add_all([event.origin.row for event in events])
            block.end = events[-1].origin.seq + 1

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
            block = self._block_of(outcome.accepted[0].origin)
            block.accepted += len(outcome.accepted)
            touched.append(block)
        for reject in outcome.rejected:
            block = self._block_of(reject.origin)
            block.reject(reject)
            if block not in touched:
                touched.append(block)
        for block in touched:
            self._close(block)

    def unsettled(self) -> list[Block]:
        """The blocks in which some row has no outcome yet, in order."""
        return [*self._open, *([self._current] if self._current is not None else [])]

    def _block_of(self, origin: Origin) -> Block:
        return next(block for block in self._open if block.start <= origin.seq < block.end)

    def _close(self, block: Block) -> None:
        if block.is_settled:
            self._open.remove(block)
            self._settled(block)
