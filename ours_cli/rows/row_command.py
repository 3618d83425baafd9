"""One command over rows, as values: what it reads and sends, and what is made anew for each attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ours_cli.assembly.field_mapping import RowMapping
from ours_cli.options import RunFlags
from ours_cli.record import Malformed, Record, Table
from ours_cli.rows.run_context import RunContext
from ours_cli.rows.shard_rows import ShardRows
from ours_cli.safeguards import RejectLimit
from ours_cli.sending.route import Route
from ours_cli.shard import Shard
from ours_cli.source import ReadOptions
from ours_cli.source.arguments import Location


class Prepared(NamedTuple):
    """What is made anew for each attempt: ids and tallies must not remember the one before.

    `shard` is set where the run is limited to one shard.
    """

    context: RunContext
    mapping: RowMapping
    shard: ShardRows | None = None

    def tables(self, whole: Iterator[Table]) -> Iterator[Table]:
        """The tables of the source with the rows that the run is about."""
        return self._noting_empty(whole) if self.shard is None else self.shard.tables(whole)

    def _noting_empty(self, tables: Iterator[Table]) -> Iterator[Table]:
        """The tables as they are; whoever asks for the next one has taken the rows of the one before."""
        for table in tables:
            yield table
            if not table.taken:
                self.context.empty.append(table.name)

    def rows(self, table: Table, whole: Iterator[Record | Malformed]) -> Iterator[Record | Malformed]:
        """As `tables`, for the next rows of a table that others will read again."""
        return whole if self.shard is None else self.shard.of(table, whole)


class RowSettings(NamedTuple):
    """What flags that need reading come to; None for `auto`, and for what was not told.

    `rate` is in events per second of this process: `--rate` is that of all shards together.
    """

    shard: Shard | None = None
    concurrency: int | None = None
    workers: int | None = None
    max_rejects: RejectLimit = RejectLimit()
    rate: float | None = None


class RowRun(NamedTuple):
    """One command over rows.

    `arguments` are the FILEs as typed, `sources` what they expand to, `helpers` the other files that mapping
    flags name. `prepare` makes the mapping for the run with this id; `fingerprint` is equal for equal
    mappings; `templates` has the template of each field. `progress` says whether to show it; None: where it
    can be drawn. `settings` are what `checked` makes of the flags.
    """

    command: str
    arguments: Sequence[str]
    sources: Sequence[Location]
    read: ReadOptions
    limit: int | None
    route: Route
    prepare: Callable[[str], Prepared]
    fingerprint: Mapping[str, object]
    flags: RunFlags
    progress: bool | None = None
    templates: Mapping[str, str] = {}
    helpers: Sequence[str | None] = ()
    settings: RowSettings = RowSettings()
