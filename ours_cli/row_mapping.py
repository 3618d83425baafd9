"""Source → record → event, lazily: the first half of the pipeline, which a dry run shares."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import count, islice, repeat
from typing import NamedTuple

from ours_cli.assembly.field_mapping import RowMapping
from ours_cli.drafting.drafts import Drafter, Drafts
from ours_cli.events.event import Mapper, Origin
from ours_cli.events.kept_rows import KeptRows
from ours_cli.events.mapped_rows import MappedRows
from ours_cli.intake import Mapped
from ours_cli.record import Malformed, Record, Rows, Stretch, Table, one_by_one
from ours_cli.runs.replay import Replay


class BoundTable(NamedTuple):
    """A table of the run and its mapping. Where rows can be drafted there is a `drafter`."""

    number: int
    table: Table
    map_row: Mapper
    drafter: Drafter | None

    def take(self, rows: Rows) -> None:
        """Note that these rows were taken: the progress goes by them."""
        self.table.taken += len(rows.lines) if isinstance(rows, Stretch) else 1

    def draft(self, rows: Rows) -> Drafts | None:
        """Draft rows; None when they must be mapped one after the other."""
        return self.drafter(*rows) if self.drafter is not None and isinstance(rows, Stretch) else None


def bind_tables(
    tables: Iterable[Table], mapping: RowMapping, begin: Callable[[int, Table], None]
) -> Iterator[BoundTable]:
    """The tables one after the other. `begin` is called for each before its first row."""
    for number, table in enumerate(tables):
        with closing(table):
            begin(number, table)
            map_row = mapping.bind(table)
            yield BoundTable(number, table, map_row, mapping.drafter(table))


def map_rows(
    tables: Iterable[Table],
    mapping: RowMapping,
    limit: int | None,
    begin: Callable[[int, Table], None],
    replay: Replay,
) -> Iterator[Mapped]:
    """Source → record → event, lazily. `begin` is called for each table before its first row.

    Consecutive rows may come together.
    """
    finisher = RowFinisher(limit, replay)
    for table in bind_tables(tables, mapping, begin):
        for rows in table.table.records.in_bulk():
            own = finisher.within_limit(rows)
            if own is None:
                finisher.end()
                return
            table.take(own)
            yield from finisher.finish(table, own, table.draft(own))
            if finisher.is_through:
                return
    finisher.end()


class RowFinisher:
    """Numbers the rows of a run and finishes them, in their order."""

    def __init__(self, limit: int | None, replay: Replay) -> None:
        self._limit = limit
        self._replay = replay
        self._seq = 0
        self._is_cut = False

    @property
    def room(self) -> float:
        """How many rows may still come before the limit."""
        return float("inf") if self._limit is None else self._limit - self._seq

    @property
    def is_through(self) -> bool:
        """Whether nothing more is to be read: a pipe that stays open would be waited for.

        Where the run has done more rows than the limit, one behind it tells a source that is cut from one
        that became shorter.
        """
        return not self.room and self._replay.is_over

    def within_limit(self, rows: Rows) -> Rows | None:
        """Those of the next rows that come before the limit; None after it."""
        room = self.room
        if not room:
            self._is_cut = True
            return None
        if isinstance(rows, Stretch) and room < len(rows.lines):
            self._is_cut = True
            return rows.first(int(room))
        return rows

    def end(self) -> None:
        """The source ended, or the limit did; raises as `Replay.end`."""
        if self._limit != 0:
            self._replay.end(self._seq, is_cut=self._is_cut)

    def finish(self, table: BoundTable, rows: Rows | None, drafts: Drafts | None) -> Iterator[Mapped]:
        """What becomes of the next rows; where they were not drafted, they are mapped one by one.

        `rows` may be None where they were drafted. Rows that an earlier attempt has settled are mapped only
        for what later rows depend on (occurrence numbers, repeated ids), and come out as the block that they
        were; nothing judges them again.
        """
        seq = self._seq
        self._replay.table = table.table
        items: Iterator[Mapped]
        own: KeptRows | Sequence[Record | Malformed]
        if drafts is not None:
            assert table.drafter is not None
            own = drafts.rows
            items = table.drafter.finish(table.number, seq, drafts, table.map_row)
        else:
            assert rows is not None
            own = one_by_one(rows)
            items = map(table.map_row, _origins(table.number, seq, own))
        self._seq += len(own)
        if self._replay.is_over:
            return items
        if drafts is not None and self._replay.covers_all(seq, self._seq):
            deque(items, 0)
            return self._replay.verify_all(seq, drafts.rows)
        return self._not_done(items, _origins(table.number, seq, own))

    def _not_done(self, items: Iterator[Mapped], origins: Iterator[Origin]) -> Iterator[Mapped]:
        replay = self._replay
        for item in items:
            together = item if isinstance(item, MappedRows) else (item,)
            own = list(islice(origins, len(together)))
            if not any(replay.covers(origin.seq) for origin in own):
                yield item
                continue
            for origin, each in zip(own, together, strict=True):
                if not replay.covers(origin.seq) or replay.supersedes(origin):
                    yield each
                elif (block := replay.verify(origin)) is not None:
                    yield block


def _origins(table: int, seq: int, rows: Iterable[Record | Malformed]) -> Iterator[Origin]:
    return map(Origin, repeat(table), rows, count(seq))
