"""Scripted faults: when the sandbox fails, and how (README, "Faults")."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple

PATHS = ("/track", "/identify", "/batch")


class Stage(Enum):
    """Where in the life of a request a kind of fault acts."""

    UPLOAD = auto()
    WAIT = auto()
    REPLACE = auto()
    RESULTS = auto()
    WIRE = auto()
    ROWS = auto()
    CLOCK = auto()


@dataclass(frozen=True, slots=True)
class _Kind:
    stage: Stage
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


KINDS: Mapping[str, _Kind] = {
    "reset": _Kind(Stage.UPLOAD),
    "hang": _Kind(Stage.WAIT, takes=("seconds",)),
    "status": _Kind(Stage.REPLACE, needs=("status",), takes=("headers", "body")),
    "html": _Kind(Stage.REPLACE),
    "empty": _Kind(Stage.REPLACE, takes=("status",)),
    "redirect": _Kind(Stage.REPLACE, needs=("url",), takes=("status",)),
    "results_missing": _Kind(Stage.RESULTS),
    "results_repeat": _Kind(Stage.RESULTS),
    "results_shuffle": _Kind(Stage.RESULTS),
    "accepted_short": _Kind(Stage.RESULTS),
    "accept_then_cut": _Kind(Stage.WIRE),
    "drip": _Kind(Stage.WIRE, takes=("seconds",)),
    "truncate": _Kind(Stage.WIRE),
    "stale_keepalive": _Kind(Stage.WIRE),
    "queue_failed": _Kind(Stage.ROWS, takes=("message", "status")),
    "invalid_event": _Kind(Stage.ROWS, takes=("message",)),
    "clock_offset": _Kind(Stage.CLOCK, needs=("seconds",)),
}


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a fault; all that are given must hold (the names are those of the file)."""

    path: str | None = None
    nth: tuple[int, ...] = ()
    every: int | None = None
    first: int | None = None
    after: int | None = None
    distinct_id: tuple[str, ...] = ()
    event: tuple[str, ...] = ()
    event_properties: Mapping[str, Any] = field(default_factory=dict)
    every_row: int | None = None

    @property
    def asks_for_rows(self) -> bool:
        """True when only certain rows are meant."""
        return bool(self.distinct_id or self.event or self.event_properties or self.every_row)

    def meets_request(self, turn: Turn) -> bool:
        """True when the request's path and number fit."""
        if self.path is not None and self.path != turn.path:
            return False
        number = turn.number if self.path is None else turn.number_of_path
        return (
            (not self.nth or number in self.nth)
            and (self.every is None or number % self.every == 0)
            and (self.first is None or number <= self.first)
            and (self.after is None or number > self.after)
        )

    def meets_row(self, position: int, row: object) -> bool:
        """True when the row, the `position`-th (from 1) of its request, fits; only objects do."""
        if not isinstance(row, dict):
            return False
        return (
            (not self.distinct_id or row.get("distinctId") in self.distinct_id)
            and (not self.event or row.get("event") in self.event)
            and (self.every_row is None or position % self.every_row == 0)
            and _holds(row.get("eventProperties"), self.event_properties)
        )


@dataclass(frozen=True, slots=True)
class Then:
    """What happens: `do` is one of `KINDS`, the rest as that kind takes it."""

    do: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float | None = None
    message: str | None = None
    url: str | None = None

    @property
    def stage(self) -> Stage:
        """Where this kind acts."""
        return KINDS[self.do].stage


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the script. `times` limits how often it fires (row faults: on each distinctId)."""

    when: When
    then: Then
    times: int | None = None


class Turn(NamedTuple):
    """A POST request's number among all, and among those to its path; both from 1."""

    path: str
    number: int
    number_of_path: int


class FaultScript:
    """The faults at work: numbers the requests and counts what fired. Safe to share between threads."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = tuple(faults)
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._fired: Counter[tuple[int, object]] = Counter()

    def next_turn(self, path: str) -> Turn:
        """Number the next request to `path`."""
        with self._lock:
            self._requests[path] += 1
            return Turn(path, self._requests.total(), self._requests[path])

    def on_upload(self, turn: Turn) -> Then | None:
        """The fault that strikes while the body is being sent, if any."""
        return self._first_firing(turn, (), Stage.UPLOAD)

    def on_request(self, turn: Turn, rows: Sequence[object]) -> Then | None:
        """The fault that decides over the whole request, if any."""
        return self._first_firing(turn, rows, Stage.WAIT, Stage.REPLACE, Stage.RESULTS, Stage.WIRE)

    def clock_offset(self, turn: Turn, rows: Sequence[object]) -> float:
        """Seconds by which the answer's Date is off."""
        shift = self._first_firing(turn, rows, Stage.CLOCK)
        return shift.seconds or 0.0 if shift else 0.0

    @property
    def constant_clock_offset(self) -> float:
        """Seconds by which the Date is off in answers to requests that have no number, too."""
        offsets = (
            fault.then.seconds or 0.0
            for fault in self._faults
            if fault == Fault(When(), fault.then) and fault.then.stage is Stage.CLOCK
        )
        return next(offsets, 0.0)

    def on_rows(self, turn: Turn, rows: Sequence[object]) -> dict[int, Then]:
        """The faults of single rows, by index (from 0)."""
        struck: dict[int, Then] = {}
        with self._lock:
            for place, fault in enumerate(self._faults):
                if fault.then.stage is not Stage.ROWS or not fault.when.meets_request(turn):
                    continue
                for index, row in enumerate(rows):
                    meets = index not in struck and fault.when.meets_row(index + 1, row)
                    if meets and self._fire(place, fault, _key_of(row)):
                        struck[index] = fault.then
        return struck

    def _first_firing(self, turn: Turn, rows: Sequence[object], *stages: Stage) -> Then | None:
        with self._lock:
            for place, fault in enumerate(self._faults):
                if (
                    fault.then.stage in stages
                    and fault.when.meets_request(turn)
                    and _meets_some_row(fault.when, rows)
                    and self._fire(place, fault, None)
                ):
                    return fault.then
        return None

    def _fire(self, place: int, fault: Fault, key: object) -> bool:
        if fault.times is None:
            return True
        self._fired[place, key] += 1
        return self._fired[place, key] <= fault.times


def _meets_some_row(when: When, rows: Sequence[object]) -> bool:
    return not when.asks_for_rows or any(when.meets_row(number, row) for number, row in enumerate(rows, 1))


def _key_of(row: object) -> str:
    return str(row.get("distinctId")) if isinstance(row, dict) else ""


def _holds(properties: object, wanted: Mapping[str, Any]) -> bool:
    if not wanted:
        return True
    return isinstance(properties, dict) and all(
        key in properties and properties[key] == value for key, value in wanted.items()
    )
