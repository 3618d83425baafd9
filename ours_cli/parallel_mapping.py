"""Source → record → event with workers: rows are read here, drafted there, and finished here in order."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

from ours_cli.event_run import EventRun
from ours_cli.intake import Item
from ours_cli.mapping import RowMapping
from ours_cli.record import Stretch, Table
from ours_cli.replay import Replay
from ours_cli.row_mapping import Part, finish, parts
from ours_cli.worker_pool import Workers


async def map_rows_with(
    workers: Workers,
    tables: Iterable[Table],
    mapping: RowMapping,
    limit: int | None,
    begin: Callable[[int, Table], None],
    replay: Replay,
) -> AsyncGenerator[Item | EventRun, None]:
    """As `map_rows`: the same items in the same order, whatever the number of workers."""
    waiting: deque[Part] = deque()
    ended_after: list[int] = []
    pool = await workers.connect()

    def begin_table(index: int, table: Table) -> None:
        begin(index, table)
        pool.begin(table)

    async def oldest() -> Iterator[Item | EventRun]:
        part = waiting.popleft()
        return finish(part, await pool.drafts() if part.drafter else None, replay)

    try:
        for part in parts(tables, mapping, limit, begin_table, ended_after.append):
            waiting.append(part)
            if part.drafter is not None and isinstance(part.rows, Stretch):
                await pool.ask(part.rows)
            if len(waiting) >= pool.ahead_max:
                for item in await oldest():
                    yield item
        while waiting:
            for item in await oldest():
                yield item
    finally:
        pool.close()
    for rows in ended_after:
        replay.end(rows)
