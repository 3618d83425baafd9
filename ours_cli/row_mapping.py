"""Source → record → event, lazily: the first half of the pipeline, which a dry run shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ours_cli.drafts import Drafter, Drafts
from ours_cli.event import Event, origins
from ours_cli.intake import Item, one_by_one
from ours_cli.mapping import Mapper, RowMapping
from ours_cli.record import Fields, Malformed, Record, Stretch, Table, records
from ours_cli.replay import Replay


class Part(NamedTuple):
    """Consecutive rows of one table, the first of number `seq`.

    `fields` has those of each row where they can be drafted, by `drafter`; `map_row` takes any row.
    """

    table: int
    seq: int
    rows: Sequence[Record | Malformed]
    fields: Sequence[Fields]
    map_row: Mapper
    drafter: Drafter | None


def map_rows(
    tables: Iterable[Table],
    mapping: RowMapping,
    limit: int | None,
    begin: Callable[[int, Table], None],
    replay: Replay,
) -> Iterator[Item | list[Event]]:
    """Source → record → event, lazily. `begin` hears of each table before its first row.

    Events of consecutive rows may come together, as a list.
    """
    for part in parts(tables, mapping, limit, begin, replay.end):
        yield from finish(part, part.drafter(part.fields) if part.drafter else None, replay)


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
        for stretch in stretches:
            if seq == limit:
                return
            if not isinstance(stretch, Stretch):
                yield Part(index, seq, (stretch,), (), map_row, None)
                seq += 1
                continue
            lines, fields = stretch
            if limit is not None:
                lines, fields = lines[: limit - seq], fields[: limit - seq]
            yield Part(index, seq, records(lines, fields), fields, map_row, drafter)
            seq += len(fields)
            if len(fields) < len(stretch.fields):
                return
    end(seq)


def finish(part: Part, drafts: Drafts | None, replay: Replay) -> Iterator[Item | list[Event]]:
    """What becomes of a part; where its rows were not drafted, they are mapped one by one.

    Rows that an earlier attempt has settled are mapped for what later rows take from them (occurrence
    numbers, repeated ids), and come out as the block that they were; nothing judges them again.
    """
    rows = origins(part.table, part.rows, part.seq)
    items: Iterator[Item | list[Event]] = map(part.map_row, rows)
    if drafts is not None:
        assert part.drafter is not None
        items = part.drafter.finish(rows, drafts, part.map_row)
    if replay.is_over:
        yield from items
        return
    for row, item in zip(rows, one_by_one(items), strict=True):
        if not replay.covers(row.seq):
            yield item
        elif (block := replay.verify(row)) is not None:
            yield block
