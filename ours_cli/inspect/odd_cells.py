"""What is said of a few cells that are not what all others of their column are."""

from __future__ import annotations

from ours_cli.inspect.profile import Column


def odd_cells(column: Column, what: str, readable: int, first: int | None, place: str) -> str:
    """How many of the cells do not read as `what`, and where the `first` stands, which may be unknown (0).

    `place` is what its number counts: lines, or rows.
    """
    where = f", the first on {place} {first}" if first else ""
    odd = column.filled - readable
    return f"holds cells that do not read as {what} ({odd:,} of {column.filled:,} looked at{where})"
