"""Cells that are texts like any other, though whoever wrote the file may have meant something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from ours_cli.source.delimited import Row

_NULL: Final = r"\N"
_QUOTE: Final = '"'


def literal_notes(rows: Sequence[Row], quote: str) -> Iterator[str]:
    r"""What the first rows of a table, read with this quote character, show of such cells.

    `\N` stands for NULL in the exports of PostgreSQL and MySQL, which also write line breaks as `\n`; without
    a quote character, quotes are part of the cells.
    """
    cells = list(chain.from_iterable(row.cells for row in rows))
    if _NULL in cells:
        yield (
            r"cells of \N, as databases write NULL, are texts, and so are \n and \t in others;"
            r" '{COLUMN|replace:\N:}' empties them, and an export as CSV has them empty"
        )
    if not quote and any(len(cell) > 1 and cell[0] == cell[-1] == _QUOTE for cell in cells):
        yield "cells keep the quotes around them, ids too: so --quote none says"
