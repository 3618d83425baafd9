"""Source → record → event, lazily: the first half of the pipeline, which a dry run shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ours_cli.event import Origin
from ours_cli.intake import Item
from ours_cli.mapping import RowMapping
from ours_cli.record import Table
from ours_cli.replay import Replay


def map_rows(
    tables: Iterable[Table],
    mapping: RowMapping,
    limit: int | None,
    begin: Callable[[int, Table], None],
    replay: Replay,
) -> Iterator[Item]:
    """Source → record → event, lazily. `begin` hears of each table before its first row.

    Rows that an earlier attempt has settled are mapped for what later rows take from them (occurrence
    numbers, repeated ids), and come out as the block that they were; nothing judges them again.
    """
    seq = 0
    is_replaying = not replay.is_over
    for index, table in enumerate(tables):
        begin(index, table)
        replay.place = table.place
        map_row = mapping.bind(table)
        for record in table.records:
            if seq == limit:
                return
            origin = Origin(index, record, seq)
            item = map_row(origin)
            if is_replaying and replay.covers(seq):
                if (block := replay.verify(origin)) is not None:
                    is_replaying = not replay.is_over
                    yield block
            else:
                yield item
            seq += 1
    replay.end(seq)
