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

    def part(self, start: int, end: int) -> Bodies:
        """The bodies of the rows from `start` to before `end`."""
        given = None if self.given is None else self.given[start:end]
        return Bodies(self.contents[start:end], self.times[start:end], given, self.is_doubtful)


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


def put_together(count: int, parts: Sequence[tuple[Sequence[int], Bodies]]) -> Bodies:
    """The bodies of so many rows, from those of the rows at some positions; others are left out."""
    contents: list[bytes | None] = [None] * count
    times = [0] * count
    given = [""] * count
    for positions, bodies in parts:
        for at, content, time in zip(positions, bodies.contents, bodies.times, strict=True):
            contents[at], times[at] = content, time
        for at, own in zip(positions, bodies.given or (), strict=False):
            given[at] = own
    is_doubtful = any(bodies.is_doubtful for _, bodies in parts)
    return Bodies(contents, times, given if any(given) else None, is_doubtful)
