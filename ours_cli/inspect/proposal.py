"""The mapping to start from: what a careful person would write, and what only that person can settle."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Final, Literal

from ours_cli.contract import PROPERTIES_MAX, USER_PROPERTIES
from ours_cli.ids.identity import SERIAL_DIGITS
from ours_cli.inspect.column import Column
from ours_cli.inspect.number_filters import filter_of, only_style
from ours_cli.inspect.roles import Roles
from ours_cli.inspect.sensitive import INSURANCE, IP_ADDRESS, NAME, USER_AGENT, Flag
from ours_cli.inspect.time_doubts import (
    doubts_about,
    hours_left,
    no_times,
    order_of,
    unread_times,
    zones_of_people,
)
from ours_cli.inspect.visitors import PERSONS_NAMES, is_of_visitors, visitor_keys
from ours_cli.inspect.words import key_of, words_of
from ours_cli.timestamps import zone_in_header
from ours_cli.wording.counted import counted

ZONE_TO_FILL_IN: Final = "ZONE"
"""Stands for the zone in a proposal that needs one; `backfill` refuses it until it is replaced."""

COLUMN_TO_FILL_IN: Final = "COLUMN"
"""Stands for a column that a preset needs and the file has not, likewise."""


KEYS: Final = ("event", "time", "externalId", "email", "distinctId")
"""The API's keys with one value that a command to start from fills, in the order of its flags."""


@dataclass(frozen=True, slots=True)
class Property:
    """A column as a property of the event, or of the visitor (then `key` is as `-u` takes it).

    `why_not` says why the proposal leaves it behind, if it does.
    """

    key: str
    template: str
    column: Column
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The command that takes such rows, how times are read, and properties.

    `templates` has all `KEYS`, with None where no column fills one; rows that are visitors, for `identify`,
    fill no `event`. `needs` must be settled before anything can be sent correctly; `notes` are worth a
    thought.
    """

    runs: Literal["backfill", "identify"]
    templates: Mapping[str, str | None]
    properties: tuple[Property, ...]
    needs: tuple[str, ...]
    notes: tuple[str, ...]
    zone: str | None = None
    order: str | None = None
    time_format: str | None = None


def propose(
    roles: Roles, columns: Sequence[Column], flags: Mapping[str, Flag], rows: int, stem: str, place: str
) -> Proposal:
    """Combine the roles; `stem` is the file's name without suffix, for an event that no column names.

    `place` is what the rows are numbered by: lines, or rows.
    """
    draft = _Draft(roles, columns, flags, rows, place)
    return _of_visitors(draft) if is_of_visitors(roles) else _of_events(draft, stem)


def _of_visitors(draft: _Draft) -> Proposal:
    draft.notes.append(
        "no column tells when something happened: the rows are taken for people, and identify sets their"
        " properties"
    )
    external_id, email = draft.person()
    templates = {**dict.fromkeys(KEYS), "externalId": external_id, "email": email}
    properties = draft.visitor_properties()
    return Proposal("identify", templates, properties, tuple(draft.needs), tuple(draft.notes))


def _of_events(draft: _Draft, stem: str) -> Proposal:
    time, zone, order = draft.time()
    external_id, email = draft.person()
    event, distinct_id = draft.event(stem), draft.event_id(stem)
    return Proposal(
        "backfill",
        dict(zip(KEYS, (event, time, external_id, email, distinct_id), strict=True)),
        draft.properties(),
        tuple(draft.needs),
        tuple(draft.notes),
        zone=zone,
        order=order,
        time_format=draft.time_format,
    )


@dataclass
class _Draft:
    roles: Roles
    columns: Sequence[Column]
    flags: Mapping[str, Flag]
    rows: int
    place: str
    used: set[str] = field(default_factory=set)
    needs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def event(self, stem: str) -> str:
        column = self.roles.event
        if column is not None:
            return self._use(column)
        name = " ".join(word.title() for word in words_of(stem) if word.isalpha()) or "Row"
        self.notes.append(f"no column names the event: {name!r} is made of the file's name, choose your own")
        return name

    def time(self) -> tuple[str | None, str | None, str | None]:
        """The template of the time, the zone, and the order of day and month."""
        column, clock = self.roles.time, self.roles.clock
        if column is None:
            unflagged = [column for column in self.columns if column.name not in self.flags]
            self.needs.append(no_times(unflagged, self.roles.unread))
            return None, None, None
        template = self._use(column)
        if clock is None:
            self.notes += hours_left(column, self.columns)
        else:
            template += " " + self._use(clock)
            self._note_gaps(
                clock, column.filled, "rejected (missing_time); |default:00:00 behind it would say midnight"
            )
        self._note_gaps(column, self.rows, "rejected (missing_time)")
        self.needs += doubts_about(column)
        self.notes += unread_times(column, self.place)
        order, need = order_of(column)
        zone = self._zone(column, clock)
        self.needs += [need] if need else []
        return template, zone, order

    @property
    def time_format(self) -> str | None:
        """None where times are read in any form."""
        column = self.roles.time
        return "excel" if column is not None and column.looks_like_excel_days else None

    def _zone(self, column: Column, clock: Column | None) -> str | None:
        """None where each time states its zone."""
        if column.moments.unknown_zones:
            self.needs.append(
                f"--tz: {_times(column.moments.unknown_zones, column, 'bear')} letters of no zone,"
                f" or of several, such as IST; put the zone's name in place of {ZONE_TO_FILL_IN}"
            )
            return ZONE_TO_FILL_IN
        zoneless = column.moments.serial_days if column.looks_like_excel_days else column.moments.naive
        if not zoneless:
            return None
        words = {*words_of(column.name), *words_of(clock.name if clock else "")}
        if words & {"utc", "gmt"}:
            return "UTC"
        zone = self.roles.zone
        if zone is not None:
            self._note_gaps(zone, column.filled, "read as UTC")
            return self._use(zone)
        said = zone_in_header(column.name) or (zone_in_header(clock.name) if clock else None)
        hint = f"; its name speaks of {said}: if that is meant, --tz {shlex.quote(said)}" if said else ""
        self.needs.append(
            f"--tz: {_times(zoneless, column, 'state')} no zone; put its name in place of"
            f" {ZONE_TO_FILL_IN}, such as America/New_York, or UTC{hint}{zones_of_people(self.columns)}"
        )
        return ZONE_TO_FILL_IN

    def _note_context(self) -> None:
        """Name the flags that take an IP address and a user agent, of which the API wants both or neither."""
        both = [
            next((column.reference for column in self.columns if self._flagged(column) == what), None)
            for what in (IP_ADDRESS, USER_AGENT)
        ]
        if None not in both:
            self.notes.append(
                "--ip {!r} --user-agent {!r} would add both as the end user's identityContext; an IP address"
                " tells who somebody is".format(*both)
            )

    def person(self) -> tuple[str | None, str | None]:
        """The templates of externalId and email."""
        self._note_context()
        roles = self.roles
        for column in filter(None, (roles.person, roles.email if roles.person is None else None)):
            self._note_doubts(column)
        if roles.person is not None:
            self._note_gaps(roles.person, self.rows, "rejected (missing_identifier)")
            self._note_insurance(roles.person)
            if roles.email is not None:
                self.notes.append(f"--email {roles.email.reference!r} would add the e-mail address")
            return self._use(roles.person), None
        if roles.email is not None:
            self._note_gaps(
                roles.email,
                self.rows,
                "rejected (missing_identifier), unless another field names the person",
            )
            return None, self._use(roles.email)
        if roles.record_number is not None:
            number = roles.record_number
            self.needs.append(
                f"--hmac-key-file: {number.name!r} is a health identifier, so a keyed hash of it is sent"
            )
            return self._use(number)[:-1] + "|hmac}", None
        self.needs.append("--external-id or --email: no column says whom the rows are about")
        return None, None

    def event_id(self, stem: str) -> str | None:
        """The template of distinctId, which the API counts once, whatever table it comes from."""
        column = self.roles.event_id
        if column is None:
            return None
        # The dry run takes 0001 for a serial number, too.
        if column.share("integer") + column.share("digits") < 0.9 or column.longest > SERIAL_DIGITS:
            return self._use(column)
        table = "-".join(word for word in words_of(stem) if word.isalpha()) or "row"
        self.notes.append(
            f"{column.name!r} holds short numbers, which other tables have too, and the API counts a"
            f" distinctId once, whatever file it comes from: {table}- keeps them apart;"
            " write the same each time"
        )
        return f"{table}-{self._use(column)}"

    def _note_gaps(self, column: Column, of: int, fate: str) -> None:
        """Say what becomes of the rows in which this column is empty, if there are any."""
        if gaps := of - column.filled:
            rows = "1 row, which will be" if gaps == 1 else f"{gaps:,} rows, which will be"
            self.notes.append(f"{column.name!r} is empty in {rows} {fate}")

    def _note_insurance(self, person: Column) -> None:
        if self._flagged(person) == INSURANCE:
            self.notes.append(
                f"{person.name!r} may be a number of a health plan: {person.reference[:-1]}|hmac}} with"
                " --hmac-key-file sends a keyed hash in its place"
            )

    def _note_doubts(self, column: Column) -> None:
        """Say where ids are words for nothing, or cut by a spreadsheet (see `ids.doubtful_ids`)."""
        for number, what in (
            (column.kinds["none"], "words for nothing, such as NULL"),
            (column.kinds["scientific"], "numbers cut to 1.2E+11"),
        ):
            if number:
                rows = counted(number, "row", "rows")
                self.notes.append(f"{column.name!r} holds {what}, in {rows}: to the API that is one visitor")

    def _flagged(self, column: Column) -> str:
        return self.flags[column.name].what if column.name in self.flags else ""

    def _use(self, column: Column) -> str:
        self.used.add(column.name)
        return column.reference

    def properties(self) -> tuple[Property, ...]:
        """What is left, as properties of the event: no more than the API takes."""
        found = [
            Property(key, self._typed(column, why_not := self._why_not(column)), column, why_not)
            for key, column in self._named(_keys)
        ]
        sendable = [at for at, entry in enumerate(found) if not entry.why_not]
        for at in sendable[PROPERTIES_MAX:]:
            found[at] = replace(found[at], why_not=f"beyond the {PROPERTIES_MAX} properties of an event")
        if len(sendable) > PROPERTIES_MAX:
            self.notes.append(
                f"{len(sendable):,} columns could be sent, and an event has at most {PROPERTIES_MAX}"
                " properties: those that come last are left behind, choose which"
            )
        return tuple(found)

    def visitor_properties(self) -> tuple[Property, ...]:
        """What is left, as properties of the visitor; those that the API names are texts to it."""
        found: list[Property] = []
        for key, column in self._named(lambda column: visitor_keys(column.path[-1], _keys(column))):
            why_not = self._why_not_visitor(key, column)
            template = column.reference if key in USER_PROPERTIES else self._typed(column, why_not)
            found.append(Property(key, template, column, why_not))
        return tuple(found)

    def _named(self, keys_for: Callable[[Column], Iterator[str]]) -> Iterator[tuple[str, Column]]:
        """The columns that no field uses, each with a key that no other has."""
        keys: set[str] = set()
        for column in self.columns:
            if column.name in self.used or not column.filled:
                continue
            key = next(key for key in keys_for(column) if key not in keys)
            keys.add(key)
            yield key, column

    def _typed(self, column: Column, why_not: str) -> str:
        name_filter, doubt = filter_of(column, self._decimal_style, self.place)
        if doubt and not why_not:
            self.notes.append(f"{column.name!r} {doubt}")
        return column.reference[:-1] + (f"|{name_filter}}}" if name_filter else "}")

    def _why_not_visitor(self, key: str, column: Column) -> str:
        why_not = self._why_not(column)
        return "" if why_not == NAME and key in PERSONS_NAMES else why_not

    def _why_not(self, column: Column) -> str:
        if what := self._flagged(column):
            return what
        if column.kinds["object"] + column.kinds["list"] > 0.5 * column.filled:
            return "JSON, may hold anything"
        if column.is_time:
            return "another time"
        if column.says_nothing:
            return "nothing but words for nothing, such as NULL"
        if column is self.roles.zone:
            return "zone"
        return ""

    @cached_property
    def _decimal_style(self) -> str | None:
        """The way of writing numbers that some column of the file proves."""
        proven = {style for column in self.columns if (style := only_style(column)) is not None}
        return proven.pop() if len(proven) == 1 else None


def _times(number: int, column: Column, verb: str) -> str:
    """What so many times in a column do: "1 time in 'at' states"."""
    return f"{counted(number, 'time')} in {column.name!r} {verb}{'s' if number == 1 else ''}"


def _keys(column: Column) -> Iterator[str]:
    """Keys for a column, the best first; another column may have the same words."""
    yield from (key_of(column.path[-1]), key_of(" ".join(column.path)), key_of(column.name), column.name)
    yield from (f"{key_of(column.name)}_{number}" for number in count(2))
