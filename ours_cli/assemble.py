"""The last step from a mapped body to an event: time window, validation, distinctId, serialization."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from ours_cli.contract import PROPERTIES_UTF16_MAX
from ours_cli.drafts import ID_AT, Draft
from ours_cli.event import Event, Filtered, Origin, Reject
from ours_cli.event_run import EventRun
from ours_cli.identity import ID_BYTES, DistinctIds, digest_of
from ours_cli.record import Record
from ours_cli.selection import EVERYTHING, Selection
from ours_cli.serialize import NOT_UNICODE, canonical_json
from ours_cli.validate import Fault, check_event, check_size, check_visitor, has_long_array


@dataclass(slots=True)
class Tally:
    """What a run counts beside its books: things that are sent, but that the person should know of.

    `known_as` is the advice that a preset knows these rows, where nothing else was said of them.
    """

    nulls_dropped: int = 0
    long_arrays: int = 0
    untimed: int = 0
    columns_sent: dict[str, None] = field(default_factory=dict)
    columns_left: dict[str, None] = field(default_factory=dict)
    columns_missing: dict[str, None] = field(default_factory=dict)
    header_zones: dict[str, str] = field(default_factory=dict)
    known_as: str = ""

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

    def begin_ms(self) -> int | None:
        """The oldest time that is taken now, or None where any is."""
        return None if self.max_age_ms is None else self.now_ms() - self.max_age_ms

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
    """Turns mapped `/track` bodies of one run into events; `line` numbers are of the row's own file.

    `place` is what they count, "line" or "row" (see `Table`).
    """

    def __init__(
        self, window: Window, ids: DistinctIds, tally: Tally, selection: Selection = EVERYTHING
    ) -> None:
        self.selection = selection
        self.place = "line"
        self._window = window
        self._ids = ids
        self._tally = tally
        self._selects = selection.has_period or selection.sample is not None

    def __call__(self, origin: Origin, body: dict[str, Any]) -> Event | Reject | Filtered:
        """Judge and serialize one body, whose `time`, if there, is already integer milliseconds.

        A given distinctId is in the body; without one it is derived from the content.
        """
        given = body.pop("distinctId", "")
        if self._selects and (left_out := self._left_out(origin, body, given)) is not None:
            return left_out
        fault = check_event(body)
        if fault is not None:
            return Reject(origin, given, fault.code, fault.message)
        content = canonical_json(body)
        if isinstance(content, Fault):
            return Reject(origin, given, content.code, content.message)
        fault = check_size(body, len(content))
        if fault is not None:
            return Reject(origin, given, fault.code, fault.message)
        item = self._seal(origin, given, content, body["event"], body.get("time"))
        if isinstance(item, Event):
            self._count(body)
        return item

    def plain(
        self, origin: Origin, body: dict[str, Any], *, is_sorted: bool = True
    ) -> Event | Reject | Filtered:
        """As a call, for a body known to obey the contract, with a time and without lists.

        `is_sorted` says that its keys stand in canonical order.
        """
        given = body.pop("distinctId", "")
        if self._selects and (left_out := self._left_out(origin, body, given)) is not None:
            return left_out
        try:
            content = orjson.dumps(body) if is_sorted else orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            content = b""  # an integer of more than 64 bits, say
        if not content or len(content) >= PROPERTIES_UTF16_MAX:
            return self(origin, {**body, "distinctId": given})
        return self._seal(origin, given, content, body["event"], body.get("time"))

    @property
    def takes_drafts(self) -> bool:
        """Whether rows may be drafted many at once: nothing is left out by its time or id."""
        return not self._selects

    def seal(self, draft: Draft, table: int, seq: int) -> Iterator[Event | Reject | EventRun]:
        """Events of drafts, the first of row number `seq`: as `plain`, many at once."""
        run = draft.run(table, seq)
        if draft.given is None:
            run = _with_ids(run, self._ids.repeated(draft.digests, draft.content))
            faults: dict[int, Fault] = {}
        else:
            run, faults = self._identified(run, draft, draft.given)
        in_time = not (self._window.check(min(run.times)) or self._window.check(max(run.times)))
        start = 0  # of those that are not yielded yet
        for at in (*faults, len(run)):
            if start < at:
                good = run.part(start, at)
                yield from (good,) if in_time else map(self._in_time, good)
            if at < len(run):
                event, fault = run[at], faults[at]
                yield Reject(event.origin, event.distinct_id, fault.code, fault.message)
            start = at + 1

    def _identified(
        self, run: EventRun, draft: Draft, given: Sequence[str]
    ) -> tuple[EventRun, dict[int, Fault]]:
        """A run with the ids that its rows bear, derived ones where they bear none, and what is wrong."""
        bearing = [at for at, own in enumerate(given) if own]
        repeated: list[tuple[int, str]] = []
        digests = draft.digests
        if len(bearing) < len(given):
            bare = [at for at, own in enumerate(given) if not own]
            found = self._ids.repeated(_of_rows(digests, bare), lambda at: draft.content(bare[at]))
            repeated = [(bare[at], derived) for at, derived in found]
            given, digests = [given[at] for at in bearing], _of_rows(digests, bearing)
        lines = [run.rows.line(at) for at in bearing]
        conflicts = self._ids.conflicts(given, digests, [run.table * _LINES_MAX + line for line in lines])
        faults = {bearing[at]: self._duplicate(run.table, lines[at], first) for at, first in conflicts}
        return _with_ids(run, repeated), faults

    def _in_time(self, event: Event) -> Event | Reject:
        assert event.time_ms is not None
        fault = self._window.check(event.time_ms)
        if fault is None:
            return event
        return Reject(event.origin, event.distinct_id, fault.code, fault.message, event.time_ms)

    def _seal(
        self, origin: Origin, given: str, content: bytes, name: str, time_ms: int | None
    ) -> Event | Reject | Filtered:
        """Give an event its id; the last that can go wrong are an id that another row bears, and the time."""
        if given:
            fault = self._clash(given, content, origin)
            if fault is not None:
                return Reject(origin, given, fault.code, fault.message)
            distinct_id, quoted = given, orjson.dumps(given)
        else:
            distinct_id = self._ids.derive(content, timed=time_ms is not None)
            if self._selects and not self._samples(distinct_id, content, time_ms):
                return Filtered(origin, "sample")
            quoted = b'"%b"' % distinct_id.encode()
        # Last, because it alone depends on the clock: a resumed run must count the same occurrences again.
        if time_ms is not None and (fault := self._window.check(time_ms)) is not None:
            return Reject(origin, distinct_id, fault.code, fault.message, time_ms)
        sealed = b'{"distinctId":' + quoted + b"," + content[1:]
        return Event(origin, distinct_id, sealed, name, time_ms)

    def pass_over(self, body: dict[str, Any]) -> None:
        """Count a body that is filtered among its equals: the others keep the ids that they have without it.

        A given id is not noted: no row that is sent can clash with one that is not.
        """
        if body.pop("distinctId", "") or check_event(body) is not None:
            return
        content = canonical_json(body)
        if not isinstance(content, Fault) and check_size(body, len(content)) is None:
            self._ids.derive(content, timed="time" in body)

    def _left_out(self, origin: Origin, body: dict[str, Any], given: str) -> Filtered | Reject | None:
        """What is known before anything else is judged: the time, and the id where it is given."""
        if self.selection.has_period:
            time_ms = body.get("time")
            if time_ms is None:
                return Reject(
                    origin, given, "missing_time", "the row has no time, which --since and --until go by"
                )
            if (reason := self.selection.outside(time_ms)) is not None:
                self.pass_over({"distinctId": given, **body})
                return Filtered(origin, reason)
        if given and not self.selection.takes(given.encode("utf-8", "surrogatepass")):
            return Filtered(origin, "sample")
        return None

    def _samples(self, distinct_id: str, content: bytes, time_ms: int | None) -> bool:
        # The id of a row without time is another in each run; its content is not.
        return self.selection.takes(distinct_id.encode() if time_ms is not None else content)

    def _clash(self, given: str, content: bytes, origin: Origin) -> Fault | None:
        if isinstance(origin.row, Record) and origin.row.refused_id == given:
            # Fed back as it was: the row that it clashes with is not in this file, but the server has it.
            return Fault(
                "duplicate_id",
                f"{self.place} {origin.row.line} still bears the distinctId of another row:"
                " the API would drop it",
            )
        return self._given_fault(given, digest_of(content), origin.table, origin.row.line)

    def _given_fault(self, given: str, content_digest: bytes, table: int, line: int) -> Fault | None:
        try:
            first = self._ids.conflict(given, content_digest, table * _LINES_MAX + line)
        except UnicodeEncodeError:
            return NOT_UNICODE
        return None if first is None else self._duplicate(table, line, first)

    def _duplicate(self, table: int, line: int, first: int) -> Fault:
        first_table, first_line = divmod(first, _LINES_MAX)
        where = f"{self.place} {first_line}" + (f" of file {first_table + 1}" if first_table != table else "")
        return Fault(
            "duplicate_id",
            f"{self.place} {line} bears the distinctId of {where} and other content: the API would drop it",
        )

    def _count(self, body: dict[str, Any]) -> None:
        if "time" not in body:
            self._tally.untimed += 1
        properties = body.get("eventProperties")
        if properties and has_long_array(properties):
            self._tally.long_arrays += 1


def _of_rows(digests: bytes, rows: Sequence[int]) -> bytes:
    return b"".join([digests[at * ID_BYTES : (at + 1) * ID_BYTES] for at in rows])


def _with_ids(run: EventRun, ids: Sequence[tuple[int, str]]) -> EventRun:
    """The run with these derived ids, by position, in place of those that it was drafted with."""
    if not ids:
        return run
    bodies = bytearray(run.bodies)
    for at, distinct_id in ids:
        start = run.start(at) + ID_AT
        bodies[start : start + len(distinct_id)] = distinct_id.encode()
    return EventRun(run.table, run.seq, run.rows, bytes(bodies), run.sizes, run.times)


class VisitorAssembler:
    """Turns mapped `/identify` bodies into events without distinctId: that endpoint has no dedupe key."""

    def __init__(self, selection: Selection = EVERYTHING) -> None:
        self.selection = selection
        self.place = "line"

    def __call__(self, origin: Origin, body: dict[str, Any]) -> Event | Reject | Filtered:
        """Judge and serialize one body (contract: /identify)."""
        fault = check_visitor(body)
        if fault is None and not body.get("userProperties"):
            fault = Fault("missing_properties", "the row sets no visitor property")
        if fault is not None:
            return Reject(origin, "", fault.code, fault.message)
        content = canonical_json(body)
        if isinstance(content, Fault):
            return Reject(origin, "", content.code, content.message)
        if self.selection.sample is not None and not self.selection.takes(_visitor(body) or content):
            return Filtered(origin, "sample")
        return Event(origin, "", content, "$identify", None)


def _visitor(body: dict[str, Any]) -> bytes:
    """Whom a body is about, so that a sample takes all rows of a person or none; empty without an id."""
    found = [body[key] for key in ("userId", "externalId", "email") if body.get(key)]
    return orjson.dumps(found) if found else b""


_LINES_MAX: Final = 1 << 40
"""More lines than a file can have: a table's index and a line make one integer for the ledger."""
