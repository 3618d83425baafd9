"""Resume by replay: the source is read from its start, what is done is verified and skipped.

Rows that are done are never judged again; only their digests are compared, block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ours_cli.errors import SourceError, UsageError
from ours_cli.events.event import Origin
from ours_cli.events.kept_rows import KeptRows
from ours_cli.record import Table
from ours_cli.runs.blocks import Block, RowDigest, content_digest
from ours_cli.wording.counted import counted


class SourceChangedError(SourceError):
    """Rows that a run has settled are not in the source any more, or differ (exit 6)."""


class Replay:
    """Walks the recorded blocks of a run beside its source, in order."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        self._number = 0
        self._block = blocks[0] if blocks else None
        self._digest = RowDigest()
        self._first_line = 0
        self._first_table: Table | None = None
        self.table: Table | None = None
        """The table whose rows come."""
        self.superseded: list[int] = []
        """Where the blocks start that count no more; see `supersedes`."""
        self.is_cut: Callable[[], bool] = lambda: False
        """Whether `--limit` ended the rows: for a shard, only code that counts all rows can tell."""

    @property
    def is_over(self) -> bool:
        """Whether all rows that are done have come."""
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
            self._begin(origin.row.line)
        self._digest.add(origin.row, self._header)
        return self._verified(block, origin.row.line) if origin.seq + 1 == block.end else None

    def supersedes(self, origin: Origin) -> bool:
        """Whether this row, done when the file ended within it, is another by now: then it is not done."""
        block = self._half_row_at_end()
        if block is None or content_digest([origin.row], self._header) == block.digest:
            return False
        self.superseded.append(block.start)
        self._pass(block)
        return True

    def _half_row_at_end(self) -> Block | None:
        """The block that is next, if it is a half row and the last: with others behind it all have moved."""
        block, is_last = self._block, self._number + 1 == len(self._blocks)
        return block if block is not None and block.is_half_row and is_last else None

    def covers_all(self, start: int, end: int) -> bool:
        """Whether all rows from `start` to before `end` are surely done; they are the next ones."""
        number, block = self._number, self._block
        if block is None or start < block.start or block.is_half_row:
            return False
        while block.end < end:
            number += 1
            if number == len(self._blocks) or self._blocks[number].start > block.end:
                return False
            block = self._blocks[number]
            if block.is_half_row:
                return False
        return True

    def verify_all(self, seq: int, rows: KeptRows) -> Iterator[Block]:
        """As `verify` of each of these rows, the first of number `seq`: all are done."""
        at = 0
        while at < len(rows):
            block = self._block
            assert block is not None
            if seq + at == block.start:
                self._begin(rows.line(at))
            end = min(len(rows), block.end - seq)
            self._digest.add_all(rows.part(at, end), self._header)
            at = end
            if seq + end == block.end:
                yield self._verified(block, rows.line(end - 1))

    @property
    def _header(self) -> tuple[str, ...]:
        return () if self.table is None else self.table.header

    def _begin(self, line: int) -> None:
        self._digest, self._first_line, self._first_table = RowDigest(), line, self.table

    def _stretch(self, last_line: int) -> str:
        """Which rows the block has, for people; it may begin in one file and end in another."""
        first, last = self._first_table, self.table
        if first is None or last is None or first is last or not first.prefix:
            prefix, place = (last.prefix, last.place) if last is not None else ("", "line")
            return f"{prefix}{place}s {self._first_line} to {last_line}"
        begin = f"{first.place} {self._first_line} of {first.name}"
        return f"the rows from {begin} to {last.place} {last_line} of {last.name}"

    def _changed(self, last_line: int) -> SourceChangedError:
        """The error for a block; its digest does not tell rows that were edited from more before them."""
        first, last = self._first_table, self.table
        rows = f"{self._stretch(last_line)}{' or the header above them' if self._header else ''}"
        message = f"the source changed: {rows} are not what they were"
        hint = "--restart sends it as a new run; rows with the same distinctId count once"
        if first is not None and first.prefix:
            message += f", or {first.name} has grown" if first is not last else ""
            hint = f"only the file in which a run stopped may grow, or one behind it; {hint}"
        return SourceChangedError(message, hint=hint)

    def _verified(self, block: Block, last_line: int) -> Block:
        if self._digest.value() != block.digest:
            raise self._changed(last_line)
        return self._pass(block)

    def rest(self) -> Iterator[Block]:
        """The blocks whose rows do not come any more, since the run has to stop."""
        while (block := self._block) is not None:
            yield self._pass(block)

    def _pass(self, block: Block) -> Block:
        self._number += 1
        self._block = self._blocks[self._number] if self._number < len(self._blocks) else None
        return block

    def end(self, rows: int, *, is_cut: bool) -> None:
        """The source ended after `rows` rows; raises `SourceChangedError` when it was longer before.

        Raises `UsageError` where it was merely cut, by the limit: of a block that it cuts in two nobody knows
        whether it is still there. A new run, as for a file that was replaced, would send rows twice.
        """
        if self._block is None:
            return
        if is_cut or self.is_cut():
            raise UsageError(
                "--limit ends before the last row that this run has done",
                hint="a larger --limit, or none, goes on with it; --restart begins a new run",
            )
        if self._half_row_at_end() is None:  # else its writer took it back, or closed the array there
            raise SourceChangedError(
                f"the source changed: it ends after {counted(rows, 'row')}, and was longer before",
                hint="--restart sends it as a new run; rows with the same distinctId count once",
            )
