"""The values between mapping and delivery: an event ready to send, or a row that will not be sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ours_cli.record import Malformed, Record


class Origin(NamedTuple):
    """Where an event comes from: the index of its table in the run, the row itself, and the row's number.

    The row is kept until its outcome is known, so that a reject can be written with its original fields.
    `seq` counts every row read in the run, over all its tables, from 0.
    """

    table: int
    row: Record | Malformed
    seq: int = 0


class Event(NamedTuple):
    """One event ready to send: `body` is its JSON as the API wants it, the token apart."""

    origin: Origin
    distinct_id: str
    body: bytes
    name: str
    time_ms: int | None


class Filtered(NamedTuple):
    """A row that the run leaves out: `reason` is the flag that did so, without its dashes."""

    origin: Origin
    reason: str


class Reject(NamedTuple):
    """A row that is not, or no longer, sent: `code` for programs, `message` for people, neither with values.

    A message that came from the server may quote a row, so it goes to the rejects file only. `time_ms` is
    set where nothing but the time is wrong with the event.
    """

    origin: Origin
    distinct_id: str
    code: str
    message: str
    time_ms: int | None = None


Mapper: TypeAlias = "Callable[[Origin], Event | Reject | Filtered]"
"""From a row to what becomes of it."""
