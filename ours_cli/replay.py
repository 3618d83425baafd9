"""Resume by replay: the source is read from its start, what is done is verified and passed over.

Rows that are done are never judged again; only their digests are compared, block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ours_cli.blocks import Block, RowDigest
from ours_cli.counted import counted
from ours_cli.errors import SourceError, UsageError
from ours_cli.event import Origin


class SourceChangedError(SourceError):
    """Rows that a run has settled are not in the source any more, or differ (exit 6)."""


class Replay:
    """Walks the recorded blocks of a run beside its source, row by row, in order."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = iter(blocks)
        self._block = next(self._blocks, None)
        self._digest = RowDigest()
        self._first_line = 0
        self.place = "line"
        """What the rows' `line` counts, for messages; set for each table."""
        self.is_cut: Callable[[], bool] = lambda: False
        """Whether `--limit` ended the rows: of a shard, only who counts the others' rows too can tell."""

    @property
    def is_over(self) -> bool:
        """Whether no row that is done can come any more."""
        return self._block is None

    def covers(self, seq: int) -> bool:
        """Whether the row of this number is done."""
        return self._block is not None and seq >= self._block.start

    def verify(self, origin: Origin) -> Block | None:
        """Take a row that is done; returns its block once the whole of it has been verified.

        Raises `SourceChangedError`, which names the lines and not their content.
        """
        block = self._block
        assert block is not None
        if origin.seq == block.start:
            self._digest, self._first_line = RowDigest(), origin.row.line
        self._digest.add(origin.row)
        if origin.seq + 1 < block.end:
            return None
        if self._digest.value() != block.digest:
            raise SourceChangedError(
                f"the source changed: {self.place}s {self._first_line} to {origin.row.line}"
                " are not what they were",
                hint="--restart sends it as a new run; rows with the same distinctId count once",
            )
        self._block = next(self._blocks, None)
        return block

    def end(self, rows: int) -> None:
        """The source ended after `rows` rows; raises `SourceChangedError` when it was longer before.

        Raises `UsageError` where it was merely cut, by the limit: a new run, as for a file that was replaced,
        would send rows twice, and ids that belong to their run would count twice.
        """
        if self._block is not None and self.is_cut():
            raise UsageError(
                "--limit ends before the last row that this run has done",
                hint="a larger --limit, or none, goes on with it; --restart begins a new run",
            )
        if self._block is not None:
            raise SourceChangedError(
                f"the source changed: it ends after {counted(rows, 'row')}, and was longer before",
                hint="--restart sends it as a new run; rows with the same distinctId count once",
            )
