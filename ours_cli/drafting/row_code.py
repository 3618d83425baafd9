"""Code that is made for one mapping: an expression, worked out for each of many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def for_each_row(expression: str, count: int) -> Callable[[Iterable[Any]], list[Any]]:
    """From rows of `count` values each, `v0`, `v1`, ..., to what the expression of these gives for each row.

    It must be made of such names, and of literals by repr: no text of a user is ever code.
    """
    names = "".join(f"v{number}, " for number in range(count))
    made: Callable[[Iterable[Any]], list[Any]]
    made = eval(f"lambda rows: [{expression} for {names} in rows]", {})  # noqa: S307 - see above
    return made
