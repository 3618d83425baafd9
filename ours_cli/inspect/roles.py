"""Which column is what in an event: decided by names first, then by what the columns hold.

`choose_roles` is the one place where the header's names decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from ours_cli.inspect.column import Column
from ours_cli.inspect.id_words import numbered
from ours_cli.inspect.person_words import PEOPLE
from ours_cli.inspect.sensitive import HEALTH, INSURANCE, PATIENT, RECORD, Flag, plain_words
from ours_cli.inspect.vocabulary import words
from ours_cli.inspect.words import CLOCK_WORDS, DATE_WORDS, is_named_time, words_of
from ours_cli.timestamps import zone_in_header

_EVENT_NAMES: Final = (
    "event", "event name", "event type", "event type name", "event desc", "event description", "action",
    "activity", "transaction type", "encounterclass", "type", "reporting category", "umsatzart",
    "buchungsart", "category", "name",
)  # fmt: skip
_EVENT_NAMES_MAX: Final = 200
"""With more distinct names than this, a column hardly names events."""

_GOOD_TIMES: Final = {
    "event time": 9, "event date": 9, "event dt": 9, "timestamp": 8, "event timestamp": 9, "time": 8,
    "datetime": 8, "date time": 8, "occurred at": 9, "created at": 7, "created": 7, "created utc": 7,
    "date": 7, "start": 7, "transaction date": 7, "transaction at utc": 7, "sale date": 7, "purchase date": 7,
    "order date": 7, "timestamps": 7, "start date time": 8, "buchungstag": 7, "properties time": 9,
    "confirm time": 6, "appointment date": 8,
}  # fmt: skip
_BAD_TIME_WORDS: Final = {
    "updated", "update", "modified", "changed", "last", "synced", "upload", "uploaded", "received",
    "processed", "processing", "recorded", "available", "shipped", "paid", "end", "stop", "expires",
    "expiry", "signup", "server", "client", "due", "deleted", "canceled", "cancelled", "notification",
    "wertstellung", "answer",
}  # fmt: skip
_BEGINNING: Final = words(
    "start started begin beginning beginn inicio debut début scheduled schedule appointment appt visit event",
    "check in arrival termin rendez vous rdv cita of the de del du la day hh mm ss h local utc zone timezone",
)
"""Beside a word for hours they tell of the one at which something happened; others may mean a duration."""
_DURATIONS: Final = words(
    "wait waiting duration elapsed total handle talk hold response processing average avg session spent lead",
    "travel idle end stop",
)
"""Hours so named are none, or not that at which it began, even where a date is called alike."""

_PERSON_IDS: Final = (
    "external id", "customer id", "user id", "patient id", "client id", "contact id", "member id",
    "visitor id", "person id", "distinct id", "profile id", "subject id", "insured id", "subscriber id",
    "patient", "customer", "account id", "buyer id",
)  # fmt: skip
_DEVICE_IDS: Final = ("device id", "anonymous id", "session id")
"""They say whom only where nothing else does."""
_EVENT_IDS: Final = (
    "distinctid", "insert id", "message id", "uuid", "id", "event uuid", "event id", "balance transaction id",
    "transaction id", "purchase id", "payment id", "order id", "en number", "review id", "encounter id",
    "appointment id", "reference", "invoice id", "booking id", "ticket id", "receipt id", "visit id",
)  # fmt: skip
_IDS: Final = ("id", "uuid", "reference")
_ENVELOPES: Final = words(
    "attributes body data detail document event fields image item object payload properties record row source"
)
"""Keys around the whole of an event: an `id` in one of them is the event's own, elsewhere that of the key."""
_EMAIL_OWNERS: Final = ("invitee", "customer", "buyer", "purchase", "client", "patient", "user", "contact")
_ENOUGH: Final = 0.5
_FEW: Final = 20


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns that an event is made of; None where no column fits.

    `unread` is named for times that cannot be read, where there are no others.
    """

    event: Column | None = None
    time: Column | None = None
    unread: Column | None = None
    clock: Column | None = None
    zone: Column | None = None
    person: Column | None = None
    record_number: Column | None = None
    email: Column | None = None
    event_id: Column | None = None


def choose_roles(columns: Sequence[Column], flags: Mapping[str, Flag], rows: int) -> Roles:
    """Choose by the names of the header, each choice checked against what the column holds."""
    filled = [column for column in columns if column.filled]
    time = _time(filled, flags)
    clock = None if time is None or time.type != "date" else _clock(time, filled, flags)
    person = _person(filled, flags)
    event_id = _first(
        _EVENT_IDS,
        [
            column
            for column in filled
            if column.filled == rows and column.is_unique and column is not person and not column.is_time
            and column.kinds["decimal"] + column.kinds["amount"] + column.kinds["scientific"] == 0
        ],
    )  # fmt: skip
    return Roles(
        event=_event(filled, flags, rows),
        time=time,
        unread=None if time is not None else _unread(filled, flags),
        clock=clock,
        zone=_zone(filled),
        person=person,
        record_number=next((column for column in filled if _what(column, flags) == RECORD), None),
        email=_email(filled),
        event_id=event_id,
    )


def _name(column: Column) -> str:
    """The words of its name; the `id` in a user is a "user id", and so is a `Benutzer-Nr.`"""
    words = plain_words(column.path[-1])
    name = " ".join(words)
    if name in _IDS and column.depth:
        above = words_of(column.path[-2])
        return name if not _ENVELOPES.isdisjoint(above[-1:]) else " ".join((*above, "id"))
    return numbered(words) or name


def _what(column: Column, flags: Mapping[str, Flag]) -> str:
    return flags[column.name].what if column.name in flags else ""


def _first(names: Sequence[str], columns: Sequence[Column]) -> Column | None:
    """The column with the earliest of `names`; what lies within JSON comes after all columns."""
    fit = [column for column in columns if _name(column) in names]
    return min(fit, key=lambda column: (column.depth, names.index(_name(column))), default=None)


def _event(columns: Sequence[Column], flags: Mapping[str, Flag], rows: int) -> Column | None:
    fit = [
        column
        for column in columns
        if column.filled >= 0.9 * rows
        and column.kinds["text"] + column.kinds["none"] >= 0.9 * column.filled
        and column.distinct.count <= min(_EVENT_NAMES_MAX, max(_FEW, rows // 2))
        and column.longest <= 100
        and (not column.depth or "event" in words_of(column.name))
        and _what(column, flags) in ("", HEALTH)
    ]
    found = _first(_EVENT_NAMES, fit)
    # "Name" is seldom an event's name, except where the table also says whose event it was.
    if found is not None and _name(found) == "name" and _first(("distinct id", "user id"), columns) is None:
        return None
    return found


def _time(columns: Sequence[Column], flags: Mapping[str, Flag]) -> Column | None:
    fit = [column for column in columns if column.is_time and _what(column, flags) != "date of birth"] or [
        column for column in columns if column.may_be_time and column.name not in flags
    ]
    return max(fit, key=lambda column: _time_score(column, column.name in flags), default=None)


def _unread(columns: Sequence[Column], flags: Mapping[str, Flag]) -> Column | None:
    return next(
        (
            column
            for column in columns
            if column.type == "text" and column.name not in flags
            and is_named_time(column.path[-1]) and _BAD_TIME_WORDS.isdisjoint(words_of(column.path[-1]))
            and any(map(str.isdigit, column.example))
        ),
        None,
    )  # fmt: skip


def _time_score(column: Column, is_flagged: bool) -> float:
    named = words_of(" ".join(column.path))
    score = float(_GOOD_TIMES.get(" ".join(named), 0) or _GOOD_TIMES.get(_name(column), 3))
    score -= 4 * (not _BAD_TIME_WORDS.isdisjoint(named)) + 2 * is_flagged
    score -= 3 * (column.depth and not (column.depth == 1 and named[-1] == "time"))
    return score + ("event" in named) + is_named_time(column.path[-1]) + (column.type == "time")


def _clock(time: Column, columns: Sequence[Column], flags: Mapping[str, Flag]) -> Column | None:
    """The column of hours and minutes that goes with a column of dates.

    Its name says no more than that of the date, or only that something begins. It has the date's other words,
    or there is no other such column, nor another of dates.
    """
    wanted = set(words_of(time.name)) - DATE_WORDS
    clocks = [column for column in columns if column.is_clock]
    named = [column for column in clocks if _is_beginning(column.name, wanted)]
    same = [column for column in named if wanted.issubset(words_of(column.name))]
    dates = [column for column in columns if column.type == "date" and column.name not in flags]
    is_only = len(named) == len(clocks) == len(dates) == 1
    return next(iter(same), named[0] if is_only else None)


def _is_beginning(name: str, alike: Set[str]) -> bool:
    """Whether the name of hours says when something began; it may share the words `alike` with a date."""
    named = set(words_of(name)) - set(words_of(zone_in_header(name) or ""))
    return not CLOCK_WORDS.isdisjoint(named) and named <= CLOCK_WORDS | _BEGINNING | (alike - _DURATIONS)


def _zone(columns: Sequence[Column]) -> Column | None:
    """A column that names the zones of the rows."""
    for column in columns:
        name = _name(column)
        named = "time zone" in name or "timezone" in name or name in ("tz", "zone", "tzid")
        # A contact's zone is where the contact lives; the times are written in that of the account, or UTC.
        if named and column.names_zones and PEOPLE.isdisjoint(words_of(column.name)):
            return column
    return None


def _person(columns: Sequence[Column], flags: Mapping[str, Flag]) -> Column | None:
    most = max((column.filled for column in columns), default=0)
    fit = [
        column
        for column in columns
        if column.filled >= _ENOUGH * most
        and not column.is_time
        and _what(column, flags) in ("", PATIENT, INSURANCE, "account number", "device id")
        and column.kinds["decimal"] + column.kinds["amount"] == 0
    ]
    patients = (column for column in fit if _what(column, flags) == PATIENT)
    return _first(_PERSON_IDS, fit) or next(patients, None) or _first(_DEVICE_IDS, fit)


def _email(columns: Sequence[Column]) -> Column | None:
    fit = [column for column in columns if column.share("email") >= 0.8]

    def rank(column: Column) -> tuple[int, int]:
        owners = [at for at, owner in enumerate(_EMAIL_OWNERS) if owner in words_of(column.name)]
        return min(owners, default=len(_EMAIL_OWNERS)), column.depth

    return min(fit, key=rank, default=None)
