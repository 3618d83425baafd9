"""The distinctIds that rows bring along: which of them an earlier row of other content had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ours_cli.events.event import Origin
from ours_cli.ids.identity import DistinctIds, digest_of
from ours_cli.mapping.serialize import NOT_UNICODE
from ours_cli.mapping.validate import Violation
from ours_cli.record import DUPLICATE_ID, Record, Table


class GivenIds:
    """Judges given ids; `line` numbers are of the row's own file.

    `files` are the names of the tables so far, by their numbers, where there are several.
    """

    def __init__(self, ids: DistinctIds) -> None:
        self.files: dict[int, str] = {}
        self._place = "line"
        self._ids = ids

    def begin(self, table: Table) -> None:
        """The ids of this table's rows come next."""
        self._place = table.place
        if table.number is not None:
            self.files[table.number] = table.name

    def fault(self, given: str, content: bytes, origin: Origin) -> Violation | None:
        """Note the id of one row, whose canonical JSON this is; returns what is wrong with it."""
        line = origin.row.line
        if isinstance(origin.row, Record) and origin.row.refused_id == given:
            # Fed back unchanged: the row that it clashes with is not in this file, but the server has it.
            return Violation(
                DUPLICATE_ID,
                f"{self._place} {line} still bears the distinctId of another row: the API would drop it",
            )
        try:
            first = self._ids.conflict(given, digest_of(content), _number(origin.table, line))
        except UnicodeEncodeError:
            return NOT_UNICODE
        return None if first is None else self._duplicate(origin.table, line, first)

    def faults(
        self, given: Sequence[str], digests: bytes, table: int, lines: Sequence[int]
    ) -> list[tuple[int, Violation]]:
        """As `fault` for rows of one table, by their positions; `digests` are those of contents, joined.

        The ids are valid Unicode, and none was refused before.
        """
        conflicts = self._ids.conflicts(given, digests, [_number(table, line) for line in lines])
        return [(at, self._duplicate(table, lines[at], first)) for at, first in conflicts]

    def _duplicate(self, table: int, line: int, first: int) -> Violation:
        first_table, first_line = divmod(first, _LINES_MAX)
        file = self.files.get(first_table, f"file {first_table + 1}")
        where = f"{self._place} {first_line}" + (f" of {file}" if first_table != table else "")
        return Violation(
            DUPLICATE_ID,
            f"{self._place} {line} bears the distinctId of {where} and other content: the API would drop it",
        )


_LINES_MAX: Final = 1 << 40
"""More lines than a file can have."""


def _number(table: int, line: int) -> int:
    """A table's index and a line as the one integer that the ledger keeps."""
    return table * _LINES_MAX + line
