"""The text of one record, read again: what a rejects file of this tool holds in its `_raw` column."""

from __future__ import annotations

from ours_cli.exact_json import JsonProblem
from ours_cli.record import Fields, Malformed, Record, RowStream, Table
from ours_cli.source.delimited import RowReader
from ours_cli.source.json_objects import parse_object
from ours_cli.source.lines import TextBlock, has_line_end
from ours_cli.source.repeated_header import HeaderRow


def parse_raw(raw: str, table: Table) -> Fields | Malformed:
    """The fields of `raw`, one record in the dialect of `table`; lines of a `Malformed` count from 1.

    `table.columns` are the source's own, without those that a rejects file adds.
    """
    if table.columns is None:
        try:
            return parse_object(raw.encode("utf-8", "surrogateescape"))
        except JsonProblem as problem:
            return Malformed(1, raw, problem.code, problem.message)
    # This text was cut out of a file, so a missing line end says nothing.
    block = TextBlock(raw if has_line_end(raw) else raw + "\n")
    reader = RowReader(iter([block.lines()]), table.dialect, 1)
    reader.header = HeaderRow.of_table(table)
    found = list(RowStream(reader.stretches(len(table.columns))))
    if not found:
        return Malformed(1, raw, "bad_csv", "the row is empty")
    if isinstance(found[0], Record):
        if len(found) == 1:
            return found[0].fields
        return Malformed(1, raw, "bad_csv", "more than one row")
    return found[0]._replace(raw=raw)
