"""The last step from a mapped body to an event: time window, validation, distinctId, serialization."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from ours_cli.contract import PROPERTIES_UTF16_MAX
from ours_cli.event import Event, Origin, Reject
from ours_cli.identity import DistinctIds
from ours_cli.serialize import NOT_UNICODE, canonical_json
from ours_cli.validate import Fault, check_event, check_size, check_visitor, has_long_array


@dataclass(slots=True)
class Tally:
    """What a run counts beside its books: things that are sent, but that the person should know of."""

    nulls_dropped: int = 0
    long_arrays: int = 0
    untimed: int = 0
    columns_sent: dict[str, None] = field(default_factory=dict)
    columns_left: dict[str, None] = field(default_factory=dict)
    columns_missing: dict[str, None] = field(default_factory=dict)

    def expect(self, names: Iterable[str]) -> None:
        """Note columns that the mapping uses, until a row of any table has them."""
        self.columns_missing.update((name, None) for name in names if name not in self.columns_sent)

    def sent(self, names: Iterable[str]) -> None:
        """Note columns that the mapping uses and the table has."""
        for name in names:
            self.columns_sent[name] = None
            self.columns_missing.pop(name, None)


class Window(NamedTuple):
    """The times the API takes: in the past, and no older than `max_age_ms` (None: any age)."""

    max_age_ms: int | None
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def check(self, time_ms: int) -> Fault | None:
        """Judge one time in milliseconds since the epoch (contract: `time`)."""
        age = self.now_ms() - time_ms
        if age < 0:
            return Fault("outside_window", "the time lies in the future")
        if self.max_age_ms is not None and age > self.max_age_ms:
            days = self.max_age_ms / 86_400_000
            return Fault("outside_window", f"the time is older than the {days:g} days that the API takes")
        return None


class EventAssembler:
    """Turns mapped `/track` bodies of one run into events; `line` numbers are of the row's own file."""

    def __init__(self, window: Window, ids: DistinctIds, tally: Tally) -> None:
        self._window = window
        self._ids = ids
        self._tally = tally

    def __call__(self, origin: Origin, body: dict[str, Any]) -> Event | Reject:
        """Judge and serialize one body, whose `time`, if there, is already integer milliseconds.

        A given distinctId is in the body; without one it is derived from the content.
        """
        given = body.pop("distinctId", "")
        fault = check_event(body)
        if fault is not None:
            return Reject(origin, given, fault.code, fault.message)
        content = canonical_json(body)
        if isinstance(content, Fault):
            return Reject(origin, given, content.code, content.message)
        fault = check_size(body, len(content))
        if fault is not None:
            return Reject(origin, given, fault.code, fault.message)
        item = self._seal(origin, given, content, body)
        if isinstance(item, Event):
            self._count(body)
        return item

    def plain(self, origin: Origin, body: dict[str, Any], *, is_sorted: bool = True) -> Event | Reject:
        """As a call, for a body known to obey the contract, with a time and without lists.

        `is_sorted` says that its keys stand in canonical order.
        """
        given = body.pop("distinctId", "")
        try:
            content = orjson.dumps(body) if is_sorted else orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            content = b""  # an integer of more than 64 bits, say
        if not content or len(content) >= PROPERTIES_UTF16_MAX:
            return self(origin, {**body, "distinctId": given})
        return self._seal(origin, given, content, body)

    def _seal(self, origin: Origin, given: str, content: bytes, body: dict[str, Any]) -> Event | Reject:
        """Give an event its id; the last that can go wrong are an id that another row bears, and the time."""
        time_ms = body.get("time")
        if given:
            fault = self._given_fault(given, content, origin)
            if fault is not None:
                return Reject(origin, given, fault.code, fault.message)
            distinct_id, quoted = given, orjson.dumps(given)
        else:
            distinct_id = self._ids.derive(content, timed=time_ms is not None)
            quoted = b'"%b"' % distinct_id.encode()
        # Last, because it alone depends on the clock: a resumed run must count the same occurrences again.
        if time_ms is not None and (fault := self._window.check(time_ms)) is not None:
            return Reject(origin, distinct_id, fault.code, fault.message)
        sealed = b'{"distinctId":' + quoted + b"," + content[1:]
        return Event(origin, distinct_id, sealed, body["event"], time_ms)

    def _given_fault(self, given: str, content: bytes, origin: Origin) -> Fault | None:
        line = origin.row.line
        try:
            first = self._ids.conflict(given, content, origin.table * _LINES_MAX + line)
        except UnicodeEncodeError:
            return NOT_UNICODE
        if first is None:
            return None
        table, first_line = divmod(first.line, _LINES_MAX)
        where = f"line {first_line}" + (f" of file {table + 1}" if table != origin.table else "")
        return Fault(
            "duplicate_id",
            f"line {line} bears the distinctId of {where} and other content: the API would drop it",
        )

    def _count(self, body: dict[str, Any]) -> None:
        if "time" not in body:
            self._tally.untimed += 1
        properties = body.get("eventProperties")
        if properties and has_long_array(properties):
            self._tally.long_arrays += 1


class VisitorAssembler:
    """Turns mapped `/identify` bodies into events without distinctId: that endpoint has no dedupe key."""

    def __call__(self, origin: Origin, body: dict[str, Any]) -> Event | Reject:
        """Judge and serialize one body (contract: /identify)."""
        fault = check_visitor(body)
        if fault is None and not body.get("userProperties"):
            fault = Fault("missing_properties", "the row sets no visitor property")
        if fault is not None:
            return Reject(origin, "", fault.code, fault.message)
        content = canonical_json(body)
        if isinstance(content, Fault):
            return Reject(origin, "", content.code, content.message)
        return Event(origin, "", content, "$identify", None)


_LINES_MAX: Final = 1 << 40
"""More lines than a file can have: a table's index and a line make one integer for the ledger."""
