"""What the sandbox remembers, as values."""

from __future__ import annotations

from typing import Any, NamedTuple


class StoredEvent(NamedTuple):
    """One event that was accepted. Times are milliseconds since the Unix epoch.

    `id` grows in order of arrival. `path` is "/track", "/identify" or "/batch". `body` is the row as stored:
    trimmed, without the token, arrays cut, wide integers as text. `times_received` counts repeats of the same
    distinctId, this one included; `request_id` is the request that brought it first.
    """

    id: int
    path: str
    distinct_id: str
    event: str
    user_id: str | None
    external_id: str | None
    email: str | None
    time: float | None
    body: dict[str, Any]
    request_id: int
    times_received: int
    arrived_ms: int


class LoggedRequest(NamedTuple):
    """One POST that was read to its end (or reset by a fault), without its body.

    `status` is None when a fault left it without an answer, `fault` the kind of the fault that fired on it.
    `distinct_ids` are those of its rows, in order, None where a row has none. `bytes` is the body's size.
    """

    id: int
    path: str
    status: int | None
    fault: str | None
    rows: int
    bytes: int
    distinct_ids: list[str | None]
    arrived_ms: int


class Totals(NamedTuple):
    """`rows` counts every row of every request; `events` those stored, each distinctId once."""

    requests: int
    rows: int
    events: int
