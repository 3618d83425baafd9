"""The rows of one shard out of all rows of a source: the others are passed over before they are mapped.

A row's shard depends on its key (see `mapping.row_keys`), which is the same for all rows that could affect
one another: rows that become equal events meet in one shard, and are numbered there as in a run of the whole;
so do rows with the same given id, whether their content conflicts or not. A row without a key is a reject in
any case; its raw content is its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ours_cli.assembly.field_mapping import RowMapping
from ours_cli.events.kept_rows import content_of
from ours_cli.record import Malformed, Record, RowStream, Table, gather
from ours_cli.runs.blocks import RowDigest
from ours_cli.shard import Shard
from ours_cli.source.arguments import STANDARD_INPUT


class ShardRows:
    """Walks the tables of a source once. `rows` counts all rows so far, `own` those of the shard.

    `limit` counts all rows. The mapping is that of the run, its time reader settled before the first row.
    """

    def __init__(self, shard: Shard, mapping: RowMapping, limit: int | None) -> None:
        self._shard = shard
        self._mapping = mapping
        self._limit = limit
        self._digest = RowDigest()
        self.rows = 0
        self.own = 0

    def tables(self, tables: Iterable[Table]) -> Iterator[Table]:
        """Each table, with no rows but those of the shard."""
        for table in tables:
            if self.rows == self._limit:
                return
            own = self.of(table, table.records)
            yield replace(table, records=RowStream(gather(own) if _is_file(table) else own))

    def of(self, table: Table, rows: Iterator[Record | Malformed]) -> Iterator[Record | Malformed]:
        """The shard's rows among the next rows of this table; raises as the mapping's `bind`."""
        if table.columns == () or self.rows == self._limit:
            return
        key_of, takes, see = self._mapping.row_key(table), self._shard.takes, self._digest.add
        header = table.header
        for row in rows:
            self.rows += 1
            see(row, header)
            key = None if isinstance(row, Malformed) else key_of(row)
            if takes(content_of(row) if key is None else key):
                self.own += 1
                yield row
            if self.rows == self._limit:
                return

    @property
    def others(self) -> int:
        """How many rows so far are other shards'."""
        return self.rows - self.own

    @property
    def is_cut(self) -> bool:
        """Whether the limit was reached."""
        return self.rows == self._limit

    def source_digest(self) -> str:
        """The digest of all rows so far: the same for each shard of one source (32 hexadecimal digits)."""
        return self._digest.value().hex()


def _is_file(table: Table) -> bool:
    """Whether the unit of its epoch numbers was settled before the first row, as for every file.

    On a pipe it is seen as rows come: a row must be mapped before the next is looked at, or it would be
    judged by what only later rows tell.
    """
    return table.size is not None and table.name != STANDARD_INPUT
