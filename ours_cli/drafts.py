"""Rows → drafts, many at once: the half of the mapping that needs to know of no other row.

A draft is an event that still lacks its id. Rows that are not plainly right are left to the general mapping,
which judges them one by one. Nothing here counts, so that drafts can be thrown away, or made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias, cast

import orjson

from ours_cli.contract import PROPERTIES_UTF16_MAX
from ours_cli.event import Event, Filtered, Origin, Reject
from ours_cli.identity import ID_BYTES
from ours_cli.record import Fields
from ours_cli.timestamps import TimeReader

RowsReader: TypeAlias = "Callable[[Sequence[Fields]], list[dict[str, Any] | None]]"
"""Bodies for rows, each with a time, with None for a row that is not plainly right."""

Sealer: TypeAlias = "Callable[[Sequence[Origin], Drafts, int], list[Event | Reject | Filtered]]"

_NO_DIGEST = bytes(ID_BYTES)


class Drafts(NamedTuple):
    """Drafts of consecutive rows, in columns: entry n of each is of row n.

    `contents` is canonical JSON without distinctId, None where the row is left to the general mapping: what
    else stands there means nothing. `digests` are those of the contents, `ID_BYTES` each, joined. `given` are
    the distinctIds that the rows bear themselves, None where no row does. `times` are in ms since the epoch;
    `naive_as_utc` counts those that stated no zone.
    """

    contents: list[bytes | None]
    digests: bytes
    given: list[str] | None
    names: list[str]
    times: list[int]
    naive_as_utc: int


class Drafter:
    """Drafts the rows of one table, and finishes drafts. `reader` is the run's, which drafting never touches.

    `read` goes by a reader of its own, `apart`. `is_sorted` says that its bodies have their keys in canonical
    order. `seal` makes events of the drafts from a position on.
    """

    def __init__(
        self, read: RowsReader, reader: TimeReader, apart: TimeReader, seal: Sealer, *, is_sorted: bool
    ) -> None:
        self._read = read
        self._reader = reader
        self._apart = apart
        self._seal = seal
        self._option = None if is_sorted else orjson.OPT_SORT_KEYS

    def __call__(self, rows: Sequence[Fields]) -> Drafts | None:
        """Draft rows; None when they must be mapped one after the other.

        That is so where a time would tell the reader something that later times are read by, and where a row
        looked plain and is not.
        """
        apart = self._apart
        apart.__dict__.update(copy(self._reader).__dict__, naive_as_utc=0)
        if not apart.unit_is_sure:
            apart.epoch_unit = None
        known = apart.epoch_unit
        bodies = self._read(rows)
        if apart.epoch_unit != known:
            return None
        given = None
        if any("distinctId" in body for body in bodies if body):
            given = [body.pop("distinctId", "") if body else "" for body in bodies]
        try:
            contents = [orjson.dumps(body, None, self._option) if body else None for body in bodies]
        except TypeError:
            return None  # an integer of more than 64 bits, say
        if max((len(content) for content in contents if content), default=0) >= PROPERTIES_UTF16_MAX:
            return None
        return Drafts(
            contents=contents,
            digests=b"".join(
                [blake2b(text, digest_size=ID_BYTES).digest() if text else _NO_DIGEST for text in contents]
            ),
            given=given,
            names=[body["event"] if body else "" for body in bodies],
            times=[body["time"] if body else 0 for body in bodies],
            naive_as_utc=apart.naive_as_utc,
        )

    def finish(
        self, rows: Sequence[Origin], drafts: Drafts, map_row: Callable[[Origin], Event | Reject | Filtered]
    ) -> Iterator[Event | Reject | Filtered | list[Event]]:
        """What becomes of these rows, in order; `map_row` takes those that were not drafted."""
        self._reader.naive_as_utc += drafts.naive_as_utc
        start = 0
        left = [at for at, content in enumerate(drafts.contents) if content is None]
        for end in (*left, len(rows)):
            if start < end:
                sealed = self._seal(rows[start:end], drafts, start)
                if {type(item) for item in sealed} == {Event}:
                    yield cast("list[Event]", sealed)
                else:
                    yield from sealed
            if end < len(rows):
                yield map_row(rows[end])
            start = end + 1
