"""Numbers with their noun, singular or plural."""

from __future__ import annotations


def counted(count: int, one: str, many: str | None = None) -> str:
    """ "1 row", "2,000 rows"; `many` where the plural is not `one` with an s ("row is", "rows are")."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
