"""A field map for many CSV rows: the bodies of those that obey the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ours_cli.drafting.cell_columns import CellColumns
from ours_cli.drafting.drafts import Bodies
from ours_cli.drafting.row_bodies import RowBodies

_FEW: Final = 8
"""So many rows are not worth another look column by column."""


class CellBodies:
    """Reads rows of one table. Those that cannot be read column by column are closed in on by halving."""

    def __init__(self, columns: CellColumns, others: RowBodies) -> None:
        self._columns = columns
        self._others = others

    def __call__(self, rows: Sequence[Any], are_plain: bool) -> Bodies:
        """The bodies of `rows`; see `drafts.RowsReader`."""
        bodies = self._columns(rows, are_plain)
        if bodies is not None:
            return bodies
        if len(rows) <= _FEW:
            return self._others(rows, are_plain)
        middle = len(rows) // 2
        return _joined(self(rows[:middle], are_plain), self(rows[middle:], are_plain))


def _joined(first: Bodies, second: Bodies) -> Bodies:
    given = None
    if first.given or second.given:
        given = [own for part in (first, second) for own in part.given or [""] * len(part.contents)]
    return Bodies(
        first.contents + second.contents,
        first.times + second.times,
        given,
        first.is_doubtful or second.is_doubtful,
    )
