"""Scripted faults: when the sandbox fails, and how.

A fault file is a JSON list. Each fault says `when` it fires, what happens `then`, and optionally how many
`times`:

    [
      {"when": {"path": "/batch", "nth": [1, 2]},
       "then": {"do": "status", "status": 429, "headers": {"Retry-After": "2"}}},
      {"when": {"every": 11},            "then": {"do": "accept_then_cut"}},
      {"when": {"event": "Refund"},      "then": {"do": "invalid_event", "message": "event is not allowed"}},
      {"when": {"distinctId": "order-7"}, "then": {"do": "queue_failed"}, "times": 2},
      {"when": {"eventProperties": {"line": 12}}, "then": {"do": "status", "status": 400}}
    ]

`when`: all that is given must hold; {} is always. POST requests are numbered from 1, among those to `path` if
one is given, else among all.
    path "/track" | "/identify" | "/batch"
    nth [1, 2]          these requests            every 11    each eleventh request
    first 5             requests 1 to 5           after 5     requests from 6 on
    distinctId, event   a text or a list of texts: rows with one of them
    eventProperties     {name: value, ...}: rows that hold all of these
    every_row 10        each tenth row of the request

`then.do`; the first fault of the file that fires on a request decides, except that row faults and
`clock_offset` join in:
    instead of the answer, nothing is stored
      status            answers `status`, with `headers` and `body` (JSON, or a text sent as it is). A header
                        "@+30" is the HTTP date 30 s after the answer's own Date
      html              200 with an HTML page, as a captive portal does
      empty             `status` (200, or e.g. 204) without a body
      redirect          `status` (307) to `url`
      reset             reads half of the body, then resets the connection (no row conditions)
    all is stored, then
      hang              waits `seconds` (3600) before anything is done, then answers as usual
      accept_then_cut   closes the connection without an answer
      drip              sends the answer a byte at a time, `seconds` (1) apart
      truncate          sends half of the answer, then closes
      stale_keepalive   answers, promises keep-alive, closes without a word
      results_missing, results_repeat, results_shuffle, accepted_short
                        /batch: leaves out the last result, gives the first index twice, reverses the order,
                        counts one row too few
    the rows of the request that meet the row conditions are not stored
      queue_failed      fail in the queue, with `message`; `status` sets the status of the answer
      invalid_event     are refused with `message`
    only the header
      clock_offset      shifts the answer's Date by `seconds`

`times` is how often the fault fires in all; for row faults, how often it fires on each distinctId.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any, NamedTuple

from ours_cli.errors import UsageError

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
    """What happens: `do` is one of `KINDS`, the rest as that kind takes it (see the module's text)."""

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
        return self._first_firing(turn, (), lambda stage: stage is Stage.UPLOAD)

    def on_request(self, turn: Turn, rows: Sequence[object]) -> Then | None:
        """The fault that decides over the whole request, if any."""
        return self._first_firing(turn, rows, _WHOLE_REQUEST.__contains__)

    def clock_offset(self, turn: Turn, rows: Sequence[object]) -> float:
        """Seconds by which the answer's Date is off."""
        shift = self._first_firing(turn, rows, lambda stage: stage is Stage.CLOCK)
        return shift.seconds or 0.0 if shift else 0.0

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

    def _first_firing(
        self, turn: Turn, rows: Sequence[object], wanted: Callable[[Stage], bool]
    ) -> Then | None:
        with self._lock:
            for place, fault in enumerate(self._faults):
                if (
                    wanted(fault.then.stage)
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


_WHOLE_REQUEST = frozenset({Stage.WAIT, Stage.REPLACE, Stage.RESULTS, Stage.WIRE})


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


def load_faults(path: Path) -> tuple[Fault, ...]:
    """Read a fault file; raises `UsageError` that names the fault and what is wrong with it."""
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read the fault file {path}: {_reason(error)}", hint=_EXAMPLE) from error
    if not isinstance(entries, list):
        raise UsageError(f"{path} must hold a JSON list of faults", hint=_EXAMPLE)
    faults = []
    for number, entry in enumerate(entries, 1):
        try:
            faults.append(_read_fault(entry))
        except ValueError as error:
            raise UsageError(f"{path}: fault {number}: {error}", hint=_EXAMPLE) from None
    return tuple(faults)


_EXAMPLE = (
    'a fault looks like {"when": {"path": "/batch", "nth": [1, 2]}, "then": {"do": "status", "status": 503}}'
)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "it cannot be opened"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON at line {error.lineno}"
    return "no JSON text in UTF-8"


def _read_fault(entry: object) -> Fault:
    fields = _read_object("a fault", entry, {"when", "then", "times"})
    when = _read_when(fields.get("when", {}))
    then = _read_then(fields.get("then"))
    if when.asks_for_rows and then.stage is Stage.UPLOAD:
        raise ValueError(f'"{then.do}" strikes before the rows are known: it takes no row conditions')
    times = _read_count("times", fields["times"]) if "times" in fields else None
    return Fault(when, then, times)


def _read_when(entry: object) -> When:
    fields = _read_object('"when"', entry, set(_WHEN_READERS))
    return When(
        **{name: reader(key, fields[key]) for key, (name, reader) in _WHEN_READERS.items() if key in fields}
    )


def _read_then(entry: object) -> Then:
    fields = _read_object('"then"', entry, {"do", *_THEN_READERS})
    do = fields.pop("do", None)
    if not isinstance(do, str) or do not in KINDS:
        raise ValueError(f'"do" must be one of {", ".join(KINDS)}')
    kind = KINDS[do]
    for key in kind.needs:
        if key not in fields:
            raise ValueError(f'"{do}" needs "{key}"')
    for key in fields:
        if key not in kind.needs + kind.takes:
            raise ValueError(f'"{do}" takes no "{key}"')
    return Then(do, **{key: _THEN_READERS[key](key, value) for key, value in fields.items()})


def _read_object(what: str, value: object, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be an object")
    for key in value:
        if key not in known:
            raise ValueError(f'{what} has no "{key}"; it knows {", ".join(sorted(known))}')
    return dict(value)


def _read_count(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f'"{key}" must be a whole number from 1')
    return value


def _read_counts(key: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f'"{key}" must be a list of whole numbers from 1')
    return tuple(_read_count(key, item) for item in value)


def _read_path(key: str, value: object) -> str:
    if value not in PATHS:
        raise ValueError(f'"{key}" must be one of {", ".join(PATHS)}')
    return str(value)


def _read_text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f'"{key}" must be a text')
    return value


def _read_texts(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list) and value:
        return tuple(_read_text(key, item) for item in value)
    return (_read_text(key, value),)


def _read_properties(key: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f'"{key}" must be an object')
    return value


def _read_headers(key: str, value: object) -> dict[str, str]:
    headers = {name: _read_text(key, text) for name, text in _read_properties(key, value).items()}
    if not all((name + text).isascii() and (name + text).isprintable() for name, text in headers.items()):
        raise ValueError(f'"{key}" must be printable ASCII')
    return headers


def _read_status(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise ValueError(f'"{key}" must be an HTTP status from 200 to 599')
    return value


def _read_seconds(key: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f'"{key}" must be a number of seconds')
    return float(value)


_WHEN_READERS: Mapping[str, tuple[str, Callable[[str, object], Any]]] = {
    "path": ("path", _read_path),
    "nth": ("nth", _read_counts),
    "every": ("every", _read_count),
    "first": ("first", _read_count),
    "after": ("after", _read_count),
    "distinctId": ("distinct_id", _read_texts),
    "event": ("event", _read_texts),
    "eventProperties": ("event_properties", _read_properties),
    "every_row": ("every_row", _read_count),
}
_THEN_READERS: Mapping[str, Callable[[str, object], Any]] = {
    "status": _read_status,
    "headers": _read_headers,
    "body": lambda _key, value: value,
    "seconds": _read_seconds,
    "message": _read_text,
    "url": _read_text,
}
