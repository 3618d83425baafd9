"""The header again among the rows below it, as where files were joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ours_cli.record import Table
from ours_cli.trimming import BYTE_ORDER_MARK

_NAMES_DELIMITER: Final = frozenset(("sep=", BYTE_ORDER_MARK + "sep="))
"""What is left of Excel's line above a header, `sep=;`, once it is cut at the delimiter."""


class HeaderRow(NamedTuple):
    """What makes a row the header again.

    `odd` are the first cells of rows that are to be looked at: all others are neither blank nor the header,
    which costs nothing to know. `firsts` are those of the header, `rest` is what follows them there.
    """

    odd: frozenset[str]
    firsts: frozenset[str]
    rest: list[str]

    @staticmethod
    def of(columns: Sequence[str], quote: str) -> HeaderRow:
        """The header of these columns."""
        first = columns[0]
        # Behind the byte order mark of a file that was joined, a quote is a character like any other.
        quoted = f"{quote}{first.replace(quote, quote * 2)}{quote}" if quote else first
        firsts = frozenset((first, BYTE_ORDER_MARK + first, BYTE_ORDER_MARK + quoted))
        return HeaderRow(firsts | _NAMES_DELIMITER | {""}, firsts, list(columns[1:]))

    @staticmethod
    def of_table(table: Table) -> HeaderRow:
        """The header of a delimited table, which may have none."""
        if not table.columns or not table.header_line:
            return NO_HEADER
        return HeaderRow.of(table.columns, table.dialect.quote)

    def is_again(self, cells: list[str]) -> bool:
        """Whether these are the header's own cells, or the line above it; there is at least one."""
        if cells[0] in self.firsts and cells[1:] == self.rest:
            return True
        return bool(self.firsts) and cells[0] in _NAMES_DELIMITER and cells[1:] == [""]


NO_HEADER: Final = HeaderRow(frozenset({""}), frozenset(), [])
"""For tables of which no row is a header."""
