"""The bodies of many rows, in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import orjson

from ours_cli.contract import ID_MAX
from ours_cli.exact_json import as_sent
from ours_cli.ids.doubtful_ids import are_sure
from ours_cli.record import Fields


class Bodies(NamedTuple):
    """Bodies of consecutive rows, in columns: entry n of each is of row n.

    `contents` are canonical JSON without distinctId and without the first brace, None where the row is left
    to the general mapping: its entries elsewhere then mean nothing. `given` are the rows' own distinctIds,
    empty for a row without one, None where no row has one. `times` are in ms since the epoch.
    `is_doubtful`: a row may name its visitor by a doubtful id (see `doubtful_ids`).
    """

    contents: list[bytes | None]
    times: list[int]
    given: list[str] | None
    is_doubtful: bool = False


RowsReader: TypeAlias = "Callable[[Sequence[Fields], bool], Bodies]"
"""From rows to their bodies, each with a time; the flag says that no cell needs escaping in JSON.

Raises `TypeError` for what orjson cannot write, such as an integer of more than 64 bits.
"""


def bodies_of(bodies: Sequence[dict[str, Any] | None]) -> Bodies:
    """Bodies (None for a row that is left out) as columns; raises `TypeError` as `RowsReader` does."""
    given = None
    if any("distinctId" in body for body in bodies if body):
        given = [body.pop("distinctId", "") if body else "" for body in bodies]
    return Bodies(
        contents=[orjson.dumps(body, as_sent, orjson.OPT_SORT_KEYS)[1:] if body else None for body in bodies],
        times=[body["time"] if body else 0 for body in bodies],
        given=given,
        is_doubtful=not all(
            are_sure([body[key] for body in bodies if body and key in body]) for key in ID_MAX
        ),
    )


def no_bodies(count: int) -> Bodies:
    """So many rows, all left to the general mapping."""
    return Bodies([None] * count, [0] * count, None)


def interleaved(are_first: Sequence[bool], first: Bodies, second: Bodies) -> Bodies:
    """The bodies of two kinds of rows, in the order of all of them."""

    def both(ones: Sequence[Any], others: Sequence[Any]) -> list[Any]:
        one, other = iter(ones), iter(others)
        return [next(one if is_first else other) for is_first in are_first]

    given = None
    if first.given or second.given:
        given = both(*(own.given or [""] * len(own.times) for own in (first, second)))
    return Bodies(
        contents=both(first.contents, second.contents),
        times=both(first.times, second.times),
        given=given,
        is_doubtful=first.is_doubtful or second.is_doubtful,
    )
