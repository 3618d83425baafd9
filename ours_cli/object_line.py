"""A field map for rows that are JSON objects, many at once: the bodies of those that obey the contract.

Other rows are left to the general mapping, which knows what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import chain
from typing import Any, Final, cast

from ours_cli.drafts import Bodies, bodies_of
from ours_cli.field_body import Body
from ours_cli.field_value import ABSENT, FilterProblem
from ours_cli.record import Fields
from ours_cli.timestamps import TimeReader
from ours_cli.validate import check_event, has_long_array

_TIMES: Final = frozenset({str, int, float})


class ObjectLine:
    """Reads many rows of one table at once. The times are read last: reading them counts."""

    def __init__(self, body: Body, reader: TimeReader) -> None:
        self._body = body
        self._reader = reader
        self._untimed = copy(body)
        self._untimed.time = None

    def __call__(self, rows: Sequence[Fields], _are_plain: bool) -> Bodies:
        """The bodies of `rows`, and the keys that these have; see `drafts.RowsReader`."""
        objects = cast("Sequence[dict[str, Any]]", rows)
        bodies = list(map(self._read_one, objects))
        self._set_times(objects, bodies)
        return bodies_of(bodies, are_sorted=False)._replace(keys=_keys_of(objects))

    def _read_one(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """A row's body without its time; None where it does not obey the contract, or would be counted."""
        try:
            body = self._untimed.read(row)
        except FilterProblem:
            return None
        is_right = check_event(body) is None and not has_long_array(body.get("eventProperties", {}))
        return body if is_right else None

    def _set_times(self, rows: Sequence[dict[str, Any]], bodies: list[dict[str, Any] | None]) -> None:
        """Put the times into bodies, and None in place of those whose rows have none."""
        values: list[Any] = []
        zones: list[Any] = []
        for at, body in enumerate(bodies):
            if body is not None and (found := self._time_of(rows[at])) is not None:
                values.append(found[0])
                zones.append(found[1])
            else:
                bodies[at] = None
        times = iter(self._reader.read_all(values, zones if self._body.zone is not None else None))
        for at, body in enumerate(bodies):
            if body is not None:
                time = next(times)
                if time is None:
                    bodies[at] = None
                else:
                    body["time"] = time

    def _time_of(self, row: dict[str, Any]) -> tuple[Any, str | None] | None:
        """A row's time as it is written, and the zone that it names; None where there is no time."""
        assert self._body.time is not None
        try:
            value = self._body.time.get(row)
            zone = ABSENT if self._body.zone is None else self._body.zone.get(row)
        except FilterProblem:
            return None
        return (value, None if zone is ABSENT else str(zone)) if type(value) in _TIMES else None


def _keys_of(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The keys of all rows."""
    first = rows[0]
    every = set[str]().union(*rows)
    return tuple(first if len(first) == len(every) else dict.fromkeys(chain.from_iterable(rows)))
