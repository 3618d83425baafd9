"""Source → record → event with workers: rows are parsed and drafted there, and finished here in order."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TypeGuard

from ours_cli.assembly.field_mapping import RowMapping
from ours_cli.drafting.drafts import Drafts
from ours_cli.intake import Mapped
from ours_cli.record import Piece, Rows, Stretch, Table
from ours_cli.row_mapping import BoundTable, RowFinisher, bind_tables
from ours_cli.runs.replay import Replay
from ours_cli.workers.connected import Connected, connect
from ours_cli.workers.worker_pool import Workers


async def map_rows_with(
    workers: Workers,
    tables: Iterable[Table],
    mapping: RowMapping,
    limit: int | None,
    begin: Callable[[int, Table], None],
    replay: Replay,
    meanwhile: Callable[[], None],
) -> AsyncGenerator[Mapped, None]:
    """As `map_rows`: the same items in the same order, whatever the number of workers.

    `meanwhile` is called once, before the first item: if it takes long, the workers are busy meanwhile.
    """
    finisher = RowFinisher(limit, replay)
    pool = await connect(workers)
    try:
        for number, table in enumerate(bind_tables(tables, mapping, begin)):
            walk = _Walk(table, pool, finisher)
            await walk.ask()
            if not number:
                meanwhile()
            while (items := await walk.next()) is not None:
                for item in items:
                    yield item
                if finisher.is_through:
                    return
            if walk.is_cut:
                break
    finally:
        pool.close()
    finisher.end()


class _Walk:
    """The rows of one table on their way through the workers."""

    def __init__(self, table: BoundTable, pool: Connected, finisher: RowFinisher) -> None:
        self._table = table
        self._pool = pool
        self._finisher = finisher
        rows = table.table.records
        self._pieces = None if table.drafter is None or rows.pieces is None else rows.pieces()
        self._read: Callable[[], Rows | Piece | None] = (
            partial(next, rows.in_bulk(), None) if self._pieces is None else self._pieces.next
        )
        self._waiting: deque[Rows | Piece] = deque()
        self.is_cut = False
        if table.drafter is not None:
            pool.begin(table.table)

    async def ask(self) -> None:
        """Give the workers the next rows, as many as they should have queued."""
        while len(self._waiting) < self._pool.ahead_max and (rows := self._read()) is not None:
            self._waiting.append(rows)
            if not isinstance(rows, Piece):
                self._table.take(rows)
            if self._is_asked(rows):
                await self._pool.ask(rows)

    async def next(self) -> Iterator[Mapped] | None:
        """What becomes of the next rows, which may be none; None at the end."""
        await self.ask()
        if not self._waiting:
            return None
        rows = self._waiting.popleft()
        answer = await self._pool.answer() if self._is_asked(rows) else None
        if isinstance(rows, Piece):
            return await self._finish_piece(answer)
        own = self._finisher.within_limit(rows)
        if own is None:
            self.is_cut = True
            return None
        drafts = answer[0] if answer and own is rows else self._table.draft(own)
        return self._finisher.finish(self._table, own, drafts)

    def _is_asked(self, rows: Rows | Piece) -> TypeGuard[Stretch | Piece]:
        return self._table.drafter is not None and isinstance(rows, (Stretch, Piece))

    async def _finish_piece(self, answer: Sequence[Drafts] | None) -> Iterator[Mapped]:
        assert self._pieces is not None
        if answer is None or sum(len(drafts.rows) for drafts in answer) > self._finisher.room:
            while self._waiting:
                if self._is_asked(self._waiting.popleft()):
                    await self._pool.answer()
            self._pieces.take_back()
            return iter(())
        self._pieces.confirm()
        self._table.table.taken += sum(len(drafts.rows) for drafts in answer)
        finished = (self._finisher.finish(self._table, None, drafts) for drafts in answer)
        return chain.from_iterable(finished)
