"""A field map for many rows of any kind: the bodies of those that obey the contract.

Other rows are left to the general mapping, which knows what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ours_cli.drafting.bodies import Bodies, bodies_of
from ours_cli.drafting.key_column import ODD, SlotColumn
from ours_cli.drafting.object_columns import ObjectColumns
from ours_cli.exact_json import TIMES
from ours_cli.mapping.field_body import Body, Slot
from ours_cli.mapping.validate import check_event, has_long_array
from ours_cli.record import Fields
from ours_cli.templates.field_value import ABSENT, FilterProblem


class RowBodies:
    """Reads rows of one table, each with a time. Times are read last: reading them changes counts.

    `column` makes the columns of the time and its zone. What `columns` leaves open is read row by row.
    """

    def __init__(
        self, body: Body, column: Callable[[Slot], SlotColumn], columns: ObjectColumns | None = None
    ) -> None:
        assert body.time is not None
        self._reader = body.time.reader
        self._untimed = replace(body, time=None)
        self._times = column(body.time.slot)
        self._zones = None if body.time.zone is None else column(body.time.zone)
        self._columns = columns

    def __call__(self, rows: Sequence[Any], _are_plain: bool) -> Bodies:
        """The bodies of `rows`; see `bodies.RowsReader`."""
        bodies: list[dict[str, Any] | None]
        bodies = [None] * len(rows) if self._columns is None else self._columns(rows)
        for at, body in enumerate(bodies):
            if body is None:
                bodies[at] = self._untimed_body(rows[at])
        self._set_times(rows, bodies)
        return bodies_of(bodies)

    def _untimed_body(self, row: Fields) -> dict[str, Any] | None:
        """A row's body without its time; None where it breaks the contract."""
        try:
            body = self._untimed.read(row)
        except FilterProblem:
            return None
        is_right = check_event(body) is None and not has_long_array(body.get("eventProperties", {}))
        return body if is_right else None

    def _set_times(self, rows: Sequence[Any], bodies: list[dict[str, Any] | None]) -> None:
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
