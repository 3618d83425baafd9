"""A field map compiled for one table: from a row to the API's shape."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias

from ours_cli.mapping.nulls import without_inner_nulls
from ours_cli.mapping.validate import is_flat
from ours_cli.record import Fields
from ours_cli.templates.field_value import ABSENT, FilterProblem, present
from ours_cli.templates.reference import Getter
from ours_cli.templates.template import Template
from ours_cli.timestamps import TimeReader
from ours_cli.trimming import trimmed

Gives: TypeAlias = Literal["text", "value", "json"]


class Slot(NamedTuple):
    """A template bound to one table; `gives` is the kind of all its values."""

    template: Template
    get: Getter
    gives: Gives


@dataclass(frozen=True, slots=True)
class BodyTime:
    """Where a row has its time, and its zone where a column names that; what reads them."""

    slot: Slot
    zone: Slot | None
    reader: TimeReader

    def read(self, fields: Fields) -> int:
        """Read one row's time, in ms since the epoch; raises FilterProblem or TimeProblem."""
        value = self.slot.get(fields)
        if value is ABSENT:
            raise FilterProblem("missing_time", "the row has no time")
        if self.zone is None:
            return self.reader(value)
        zone = self.zone.get(fields)
        return self.reader(value, None if zone is ABSENT else str(zone))


@dataclass(frozen=True, slots=True)
class BodyObject:
    """One of the API's objects: the getter of the whole, its keys, keys of objects in it, and constants."""

    whole: Getter | None
    entries: list[tuple[str, Slot]]
    nested: list[tuple[str, str, Slot]]
    constants: dict[str, Any]

    def read(self, fields: Fields) -> dict[str, Any]:
        """Map one row's object, without nulls but the constants; empty when nothing is there.

        Raises FilterProblem.
        """
        found = self._whole(fields)
        for key, slot in self.entries:
            value = slot.get(fields)
            if value is not ABSENT:
                found[key] = value
        for outer, key, slot in self.nested:
            value = slot.get(fields)
            if value is not ABSENT:
                within = found.get(outer, {})
                if not isinstance(within, dict):
                    raise FilterProblem("bad_type", f"{outer} must be an object, to hold {key}")
                found[outer] = {**within, key: value}
        if not is_flat(found):
            found, _ = without_inner_nulls(found)
        found.update(self.constants)
        return found

    def _whole(self, fields: Fields) -> dict[str, Any]:
        if self.whole is None:
            return {}
        value = self.whole(fields)
        if value is ABSENT:
            return {}
        if not isinstance(value, dict):
            raise FilterProblem("bad_type", "a template for a whole object must give an object")
        # Nulls of an export would clear what is stored; an empty text means nothing to the API.
        return {key: entry for key, entry in value.items() if present(entry) is not ABSENT}


@dataclass(frozen=True, slots=True)
class Body:
    """One table's compiled field map: reads a row into the API's shape. `context` is IP and user agent."""

    top: list[tuple[str, Slot]]
    time: BodyTime | None
    objects: dict[str, BodyObject]
    context: tuple[Slot, Slot] | None

    def apart(self) -> Body:
        """The same body with a time reader of its own, for rows that must leave no trace in the run's."""
        return replace(self, time=self.time and replace(self.time, reader=copy(self.time.reader)))

    def read(self, fields: Fields) -> dict[str, Any]:
        """Map one row; raises FilterProblem or TimeProblem."""
        body: dict[str, Any] = {}
        for key, slot in self.top:
            value = slot.get(fields)
            if isinstance(value, str) and (text := trimmed(value)):
                body[key] = text
        if self.time is not None:
            body["time"] = self.time.read(fields)
        for key, mapped in self.objects.items():
            entries = mapped.read(fields)
            if entries:
                body[key] = entries
        if self.context is not None:
            ip, agent = self.context[0].get(fields), self.context[1].get(fields)
            # If either is empty, the whole context is absent, as an empty cell is an absent field.
            if ip is not ABSENT and agent is not ABSENT:
                body["identityContext"] = {"ip": ip, "userAgent": agent}
        return body
