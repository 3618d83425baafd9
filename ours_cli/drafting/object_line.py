"""A field map for JSON rows in bulk: the bodies of those that obey the contract.

Other rows are left to the general mapping, which knows what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, cast

from ours_cli.drafting.drafts import Bodies, bodies_of
from ours_cli.drafting.key_column import ODD, Objects, key_column
from ours_cli.drafting.object_columns import compile_objects
from ours_cli.exact_json import TIMES
from ours_cli.mapping.field_body import Body
from ours_cli.mapping.validate import check_event, has_long_array
from ours_cli.record import Fields
from ours_cli.templates.field_value import ABSENT, FilterProblem
from ours_cli.timestamps import TimeReader


class ObjectLine:
    """Reads rows of one table in bulk, each with a time. Times are read last: reading them changes counts."""

    def __init__(self, body: Body, reader: TimeReader) -> None:
        assert body.time is not None
        self._reader = reader
        self._untimed = copy(body)
        self._untimed.time = None
        self._times = key_column(body.time)
        self._zones = None if body.zone is None else key_column(body.zone)
        self._columns = compile_objects(body)

    def __call__(self, rows: Sequence[Fields], _are_plain: bool) -> Bodies:
        """The bodies of `rows`; see `drafts.RowsReader`."""
        objects = cast("Objects", rows)
        bodies: list[dict[str, Any] | None] = [None] * len(objects)
        if self._columns is not None:
            bodies = self._columns(objects)
        if None in bodies:
            bodies = [
                self._read_one(row) if body is None else body
                for row, body in zip(objects, bodies, strict=True)
            ]
        self._set_times(objects, bodies)
        return bodies_of(bodies, are_sorted=False)

    def _read_one(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """A row's body without its time; None where it breaks the contract, or would change a count."""
        try:
            body = self._untimed.read(row)
        except FilterProblem:
            return None
        is_right = check_event(body) is None and not has_long_array(body.get("eventProperties", {}))
        return body if is_right else None

    def _set_times(self, rows: Objects, bodies: list[dict[str, Any] | None]) -> None:
        """Put the times into bodies, and None in place of those whose rows have none."""
        values = self._times(rows)
        zones = None if self._zones is None else self._zones(rows)
        if zones is not None or None in bodies or not TIMES.issuperset(map(type, values)):
            for at, value in enumerate(values):
                if type(value) not in TIMES or (zones is not None and zones[at] is ODD):
                    bodies[at] = None
            taken = [at for at, body in enumerate(bodies) if body is not None]
            values = [values[at] for at in taken]
            if zones is not None:
                zones = [None if (zone := zones[at]) is ABSENT else str(zone) for at in taken]
        times = iter(self._reader.read_all(values, zones))
        for at, body in enumerate(bodies):
            if body is not None and (time := next(times)) is not None:
                body["time"] = time
            else:
                bodies[at] = None
