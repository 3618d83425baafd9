"""A field map for many CSV rows: the bodies of those that obey the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ours_cli.drafting.bodies import Bodies, interleaved, no_bodies
from ours_cli.drafting.cell_columns import CellColumns
from ours_cli.drafting.row_bodies import RowBodies


class CellBodies:
    """Reads rows of one table: those of its width column by column, `others` row by row."""

    def __init__(self, width: int, columns: CellColumns, others: RowBodies) -> None:
        self._width = width
        self._columns = columns
        self._others = others

    def __call__(self, rows: Sequence[Any], are_plain: bool) -> Bodies:
        """The bodies of `rows`; see `bodies.RowsReader`."""
        if set(map(len, rows)) == {self._width}:
            return self._columns(rows, are_plain)
        are_whole = [len(cells) == self._width for cells in rows]
        whole, short = (
            [cells for cells, own in zip(rows, are_whole, strict=True) if own is kind]
            for kind in (True, False)
        )
        columns = self._columns(whole, are_plain) if whole else no_bodies(0)
        return interleaved(are_whole, columns, self._others(short, are_plain))
