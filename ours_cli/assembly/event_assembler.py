"""The last step from a mapped body to an event: time window, validation, distinctId, serialization."""

from __future__ import annotations

from typing import Any

import orjson

from ours_cli.assembly.draft_assembler import DraftAssembler
from ours_cli.assembly.given_ids import GivenIds
from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.ids.identity import DistinctIds
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.serialize import canonical_json
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.validate import Violation, Window, check_event, check_size, has_long_array
from ours_cli.record import Table


class EventAssembler:
    """Turns mapped `/track` bodies of one run into events; `seal` does so in bulk, with drafts."""

    def __init__(self, window: Window, ids: DistinctIds, tally: Tally, selection: Selection) -> None:
        self.selection = selection
        self._window = window
        self._ids = ids
        self._given_ids = GivenIds(ids)
        self._tally = tally
        self.seal = DraftAssembler(window, ids, self._given_ids, tally, selection)
        self._selects = selection.has_period or selection.sample is not None

    def begin(self, table: Table) -> None:
        """The bodies of this table's rows come next."""
        if table.number is not None and not self._given_ids.files:
            self._ids.tell_files_apart()
        self._given_ids.begin(table)

    def __call__(self, origin: Origin, body: dict[str, Any]) -> Event | Reject | Filtered:
        """Judge and serialize one body, whose `time`, if there, is already integer milliseconds.

        A given distinctId is in the body; without one it is derived from the content.
        """
        given = body.pop("distinctId", "")
        if self._selects and (left_out := self._left_out(origin, body, given)) is not None:
            return left_out
        content = _content(body)
        if isinstance(content, Violation):
            return Reject(origin, given, content.code, content.message)
        item = self._identified(origin, given, content, body["event"], body.get("time"))
        if isinstance(item, Event):
            self._count(body)
        return item

    def _identified(
        self, origin: Origin, given: str, content: bytes, name: str, time_ms: int | None
    ) -> Event | Reject | Filtered:
        """Give an event its id; all that can still go wrong is an id that another row has, and the time."""
        if given:
            fault = self._given_ids.fault(given, content, origin)
            if fault is not None:
                return Reject(origin, given, fault.code, fault.message)
            distinct_id, quoted = given, orjson.dumps(given)
        else:
            distinct_id = self._ids.derive(content, timed=time_ms is not None, file=origin.table)
            if self._selects and not self._samples(distinct_id, content, time_ms):
                return Filtered(origin, "sample")
            quoted = b'"%b"' % distinct_id.encode()
        # Last, because it alone depends on the clock: a resumed run must count the same occurrences again.
        if time_ms is not None and (fault := self._window.check(time_ms)) is not None:
            return Reject(origin, distinct_id, fault.code, fault.message, time_ms)
        sealed = b'{"distinctId":' + quoted + b"," + content[1:]
        return Event(origin, distinct_id, sealed, name, time_ms)

    def pass_over(self, body: dict[str, Any], file: int) -> None:
        """Count a filtered body among its equals: the others keep the ids that they have without the filter.

        A given id is not noted: no row that is sent can clash with one that is not.
        """
        if not body.pop("distinctId", "") and not isinstance(content := _content(body), Violation):
            self._ids.derive(content, timed="time" in body, file=file, is_sent=False)

    def _left_out(self, origin: Origin, body: dict[str, Any], given: str) -> Filtered | Reject | None:
        """What is known before anything else is judged: the time, and the id where it is given."""
        if self.selection.has_period:
            time_ms = body.get("time")
            if time_ms is None:
                return Reject(
                    origin, given, "missing_time", "the row has no time, which --since and --until go by"
                )
            if (reason := self.selection.outside(time_ms)) is not None:
                self.pass_over({"distinctId": given, **body}, origin.table)
                return Filtered(origin, reason)
        if given and not self.selection.takes_id(given):
            return Filtered(origin, "sample")
        return None

    def _samples(self, distinct_id: str, content: bytes, time_ms: int | None) -> bool:
        # The id of a row without time differs in each run; its content does not.
        return self.selection.takes(distinct_id.encode() if time_ms is not None else content)

    def _count(self, body: dict[str, Any]) -> None:
        self._tally.note_ids(body)
        if "time" not in body:
            self._tally.untimed += 1
        properties = body.get("eventProperties")
        if properties and has_long_array(properties):
            self._tally.long_arrays += 1


def _content(body: dict[str, Any]) -> bytes | Violation:
    """The canonical JSON of a body that obeys the contract, else what is wrong with it."""
    fault = check_event(body)
    if fault is not None:
        return fault
    content = canonical_json(body)
    return content if isinstance(content, Violation) else check_size(body, len(content)) or content
