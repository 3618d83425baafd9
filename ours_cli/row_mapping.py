"""Source → record → event, lazily: the first half of the pipeline, which a dry run shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice, repeat
from typing import NamedTuple

from ours_cli.drafts import Drafter, Drafts
from ours_cli.event import Origin
from ours_cli.event_run import EventRun
from ours_cli.intake import Item
from ours_cli.mapping import Mapper, RowMapping
from ours_cli.record import Malformed, Record, Stretch, Table, records
from ours_cli.replay import Replay


class Part(NamedTuple):
    """Consecutive rows of one table, the first of number `seq`.

    Where they can be drafted there is a `drafter`; `map_row` takes any row.
    """

    table: int
    seq: int
    rows: Stretch | Record | Malformed
    map_row: Mapper
    drafter: Drafter | None

    def draft(self) -> Drafts | None:
        """Draft them; None when they must be mapped one after the other."""
        if self.drafter is None or not isinstance(self.rows, Stretch):
            return None
        return self.drafter(self.rows.lines, self.rows.fields)


def map_rows(
    tables: Iterable[Table],
    mapping: RowMapping,
    limit: int | None,
    begin: Callable[[int, Table], None],
    replay: Replay,
) -> Iterator[Item | EventRun]:
    """Source → record → event, lazily. `begin` hears of each table before its first row.

    Events of consecutive rows may come together.
    """
    for part in parts(tables, mapping, limit, begin, replay.end):
        yield from finish(part, part.draft(), replay)


def parts(
    tables: Iterable[Table],
    mapping: RowMapping,
    limit: int | None,
    begin: Callable[[int, Table], None],
    end: Callable[[int], None],
) -> Iterator[Part]:
    """All rows in order, to be finished in this order. `end` hears how many they were, unless cut short."""
    seq = 0
    for index, table in enumerate(tables):
        begin(index, table)
        map_row = mapping.bind(table)
        drafter = mapping.drafter(table) if table.stretches is not None else None
        stretches = table.records if drafter is None or table.stretches is None else table.stretches()
        for rows in stretches:
            if seq == limit:
                return
            if not isinstance(rows, Stretch):
                yield Part(index, seq, rows, map_row, None)
                seq += 1
                continue
            part = rows if limit is None else rows.first(limit - seq)
            yield Part(index, seq, part, map_row, drafter)
            seq += len(part.lines)
            if len(part.lines) < len(rows.lines):
                return
    end(seq)


def finish(part: Part, drafts: Drafts | None, replay: Replay) -> Iterator[Item | EventRun]:
    """What becomes of a part; where its rows were not drafted, they are mapped one by one.

    Rows that an earlier attempt has settled are mapped for what later rows take from them (occurrence
    numbers, repeated ids), and come out as the block that they were; nothing judges them again.
    """
    items: Iterator[Item | EventRun]
    if drafts is None:
        items = map(part.map_row, _origins(part))
    else:
        assert part.drafter is not None
        items = part.drafter.finish(part.table, part.seq, drafts, part.map_row)
    if replay.is_over:
        yield from items
        return
    rows = _origins(part)
    for item in items:
        own = list(islice(rows, len(item) if isinstance(item, EventRun) else 1))
        if not any(replay.covers(row.seq) for row in own):
            yield item
            continue
        for at, row in enumerate(own):
            if not replay.covers(row.seq):
                yield item[at] if isinstance(item, EventRun) else item
            elif (block := replay.verify(row)) is not None:
                yield block


def _origins(part: Part) -> Iterator[Origin]:
    rows = [part.rows] if not isinstance(part.rows, Stretch) else records(*part.rows)
    return map(Origin, repeat(part.table), rows, count(part.seq))
