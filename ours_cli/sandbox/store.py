"""SQLite behind the sandbox: what arrived, each distinctId once.

One connection under one lock; one transaction per request, so that a request is stored wholly or not at all.
"""

from __future__ import annotations

import json
import os
import sqlite3  # noqa: TID253 - this module loads only when a sandbox starts
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson

from ours_cli.errors import LocalIOError
from ours_cli.sandbox.rules import Event
from ours_cli.sandbox.stored import LoggedRequest, StoredEvent, Totals

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, status INTEGER, fault TEXT, rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL, distinct_ids TEXT NOT NULL, arrived_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, distinct_id TEXT NOT NULL UNIQUE, event TEXT NOT NULL,
    user_id TEXT, external_id TEXT, email TEXT, time NUMERIC, body TEXT NOT NULL, request_id INTEGER NOT NULL,
    times_received INTEGER NOT NULL, arrived_ms INTEGER NOT NULL
);
"""
_INSERT_EVENT = """
INSERT INTO events VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)
ON CONFLICT (distinct_id) DO UPDATE SET times_received = times_received + 1
"""
# Readers such as the sqlite3 shell can look in while the sandbox writes.
_FOR_A_FILE = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;"
# Nothing in it need survive a crash or a full disk: no journal (a fifth of the time) and no waiting.
_FOR_TEMPORARY = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384;"
_PAGE = 1000

_Numbered = TypeVar("_Numbered", StoredEvent, LoggedRequest)


class StoreClosedError(Exception):
    """The sandbox has stopped; nothing more is stored or read."""


class Received(NamedTuple):
    """A POST as the log keeps it; `rows` is everything it held, `size` the bytes of its body."""

    path: str
    status: int | None
    fault: str | None
    rows: Sequence[object]
    size: int


class Store:
    """`path` None is SQLite's own temporary file: private, unlinked while open, gone when closed."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._open = True
        self._connection = _connect(path)

    def record(self, request: Received, events: Sequence[Event], *, tell_new: bool) -> list[StoredEvent]:
        """Log a request and store its accepted events, in one transaction.

        Returns the events that were not known before when `tell_new` asks for them, else none.
        """
        arrived = time.time_ns() // 1_000_000
        with self._lock:
            self._check_open()
            with self._connection as connection:
                newest = connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]
                request_id = self._log(request, arrived)
                connection.executemany(
                    _INSERT_EVENT,
                    [_event_values(event, request.path, request_id, arrived) for event in events],
                )
            return self._events_after(newest, len(events)) if tell_new and events else []

    def events(self, after: int = 0) -> Iterator[StoredEvent]:
        """Walk the stored events with an id above `after`, oldest first."""
        return _walk(self.events_page, after)

    def events_page(self, after: int, limit: int) -> list[StoredEvent]:
        """At most `limit` stored events with an id above `after`, oldest first."""
        with self._lock:
            self._check_open()
            return self._events_after(after, limit)

    def requests(self, after: int = 0) -> Iterator[LoggedRequest]:
        """Walk the logged requests with an id above `after`, oldest first."""
        return _walk(self.requests_page, after)

    def requests_page(self, after: int, limit: int) -> list[LoggedRequest]:
        """At most `limit` logged requests with an id above `after`, oldest first."""
        with self._lock:
            self._check_open()
            rows = self._connection.execute(
                "SELECT id, path, status, fault, rows, bytes, distinct_ids, arrived_ms FROM requests"
                " WHERE id > ? ORDER BY id LIMIT ?",
                (after, limit),
            )
            return [LoggedRequest._make((*row[:6], json.loads(row[6]), row[7])) for row in rows]

    def totals(self) -> Totals:
        """Counts over everything in the database."""
        with self._lock:
            self._check_open()
            requests, rows = self._connection.execute(
                "SELECT count(*), coalesce(sum(rows), 0) FROM requests"
            ).fetchone()
            events = self._connection.execute("SELECT count(*) FROM events").fetchone()[0]
            return Totals(requests, rows, events)

    def close(self) -> None:
        """Close the database; later calls raise `StoreClosedError`."""
        with self._lock:
            if self._open:
                self._open = False
                self._connection.close()

    def _check_open(self) -> None:
        if not self._open:
            raise StoreClosedError("the sandbox has stopped")

    def _log(self, request: Received, arrived: int) -> int:
        ids = orjson.dumps([_distinct_id_of(row) for row in request.rows]).decode()
        cursor = self._connection.execute(
            "INSERT INTO requests VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
            (request.path, request.status, request.fault, len(request.rows), request.size, ids, arrived),
        )
        return cursor.lastrowid or 0

    def _events_after(self, after: int, limit: int) -> list[StoredEvent]:
        rows = self._connection.execute(
            "SELECT id, path, distinct_id, event, user_id, external_id, email, time, body, request_id,"
            " times_received, arrived_ms FROM events WHERE id > ? ORDER BY id LIMIT ?",
            (after, limit),
        )
        return [StoredEvent._make((*row[:8], json.loads(row[8]), *row[9:])) for row in rows]


def _connect(path: Path | None) -> sqlite3.Connection:
    try:
        if path is not None:
            # Health data: the file is private before SQLite writes the first byte.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path or "", check_same_thread=False)
        connection.executescript(_FOR_A_FILE if path else _FOR_TEMPORARY)
        connection.executescript(_SCHEMA)
    except (OSError, sqlite3.Error) as error:
        raise LocalIOError(
            f"the sandbox cannot use {path or 'a temporary file'} as its database: {error}",
            hint="give --db a new file in a folder you can write to",
        ) from error
    return connection


def _event_values(event: Event, path: str, request_id: int, arrived: int) -> tuple[Any, ...]:
    ids = (event.user_id, event.external_id, event.email)
    return (path, event.distinct_id, event.event, *ids, event.time, event.body.decode(), request_id, arrived)


def _distinct_id_of(row: object) -> str | None:
    found = row.get("distinctId") if isinstance(row, dict) else None
    return found if isinstance(found, str) else None


def _walk(page: Callable[[int, int], list[_Numbered]], after: int) -> Iterator[_Numbered]:
    while found := page(after, _PAGE):
        yield from found
        after = found[-1].id
