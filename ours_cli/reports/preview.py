"""`--dry-run` of rows: the pipeline up to the chunks, counted instead of sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from ours_cli.events.chunk import Chunk, Chunker
from ours_cli.events.event import Event, Filtered, Reject
from ours_cli.events.mapped_rows import Finished, MappedRows
from ours_cli.events.packed_events import PackedEvents
from ours_cli.exact_json import read_json
from ours_cli.ids.doubtful_ids import is_cut
from ours_cli.ids.identity import SERIAL_DIGITS
from ours_cli.record import Table
from ours_cli.wording.durations import DAY_MS

EXAMPLES: Final = 3
LINES_PER_CODE: Final = 5
NAMES_MAX: Final = 1000
"""Distinct event names counted one by one; beyond, a name is most likely a mistaken template."""


class SourceName(NamedTuple):
    """What messages call a source, and what the numbers of its rows count."""

    name: str
    place: str
    is_alone: bool

    def place_of(self, lines: str) -> str:
        """These lines of it."""
        return f"{self.place} {lines}" if self.is_alone else f"{self.name}, {self.place} {lines}"


@dataclass(slots=True)
class Preview:
    """What a run would do. Times in milliseconds since the epoch, `days` in whole UTC days since it.

    `days` are those of the events to send, `outside` those of the rows that only their time keeps back.
    `window_begin` is the oldest time that is taken, or None where any is. `tables` are the sources so far;
    `first_rejects` has by code which of them the first are in, and on which line.
    """

    chunker: Chunker
    envelope: int
    window_begin: int | None = None
    requests: int = 0
    bytes: int = 0
    events: int = 0
    names: Counter[str] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)
    outside: Counter[int] = field(default_factory=Counter)
    earliest: int | None = None
    latest: int | None = None
    examples: list[dict[str, Any]] = field(default_factory=list)
    first_rejects: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    reject_messages: dict[str, str] = field(default_factory=dict)
    filtered: Counter[str] = field(default_factory=Counter)
    tables: list[SourceName] = field(default_factory=list)

    def begin(self, table: Table) -> None:
        """The rows of this source come next."""
        self.tables.append(SourceName(table.name, table.place, is_alone=table.number is None))

    def places(self, code: str) -> str:
        """Where the first rejects of this code are, for people."""
        found: dict[int, list[str]] = {}
        for number, line in self.first_rejects[code]:
            found.setdefault(number, []).append(str(line))
        return "; ".join(self.tables[number].place_of(", ".join(lines)) for number, lines in found.items())

    def enter(self, item: Finished) -> None:
        """Count a row, or consecutive rows together."""
        match item:
            case Event():
                self._enter_event(item)
            case Reject():
                self._enter_reject(item)
            case Filtered():
                self.filtered[item.reason] += 1
            case MappedRows():
                self.filtered.update(filter(None, item.reasons or ()))
                if item.events:
                    self._enter_run(item.events)

    def _enter_event(self, event: Event) -> None:
        self.events += 1
        self._enter_names({event.name: 1})
        if event.time_ms is not None:
            self._enter_times([event.time_ms])
        if len(self.examples) < EXAMPLES:
            self.examples.append(read_json(event.body.decode()))
        self._count(self.chunker.add(event))

    def _enter_reject(self, reject: Reject) -> None:
        first = self.first_rejects.setdefault(reject.code, [])
        if len(first) < LINES_PER_CODE:
            first.append((reject.origin.table, reject.origin.row.line))
        self.reject_messages.setdefault(reject.code, reject.message)
        if reject.time_ms is not None:
            self.outside[reject.time_ms // DAY_MS] += 1

    def _enter_run(self, run: PackedEvents) -> None:
        """Events of consecutive rows, each with a time."""
        self.events += len(run)
        bodies = orjson.loads(b"[%b]" % run.bodies)
        self._enter_names(Counter([body["event"] for body in bodies]))
        self._enter_times(run.times)
        for at in range(min(len(run), EXAMPLES - len(self.examples))):
            self.examples.append(read_json(run.body(at).decode()))
        for _, chunk in self.chunker.add_all(run):
            self._count(chunk)

    def are_serial(self) -> bool:
        """Whether the first ids are mere serial numbers, as another table may have too."""
        ids = [str(example.get("distinctId", "")) for example in self.examples]
        return bool(ids) and all(own.isdecimal() and len(own) <= SERIAL_DIGITS for own in ids)

    def are_cut(self) -> bool:
        """Whether one of the first ids is a number whose last digits a spreadsheet cut."""
        return any(is_cut(str(example.get("distinctId", ""))) for example in self.examples)

    def close(self) -> None:
        """Count the last, unfinished request."""
        self._count(self.chunker.flush())

    def _enter_names(self, counts: Mapping[str, int]) -> None:
        for name, count in counts.items():
            is_listed = name in self.names or len(self.names) < NAMES_MAX
            self.names[name if is_listed else "(others)"] += count

    def _enter_times(self, times_ms: Sequence[int]) -> None:
        first, last = min(times_ms), max(times_ms)
        self.earliest = first if self.earliest is None else min(self.earliest, first)
        self.latest = last if self.latest is None else max(self.latest, last)
        self.days.update([time_ms // DAY_MS for time_ms in times_ms])

    def _count(self, chunk: Chunk | None) -> None:
        if chunk is not None:
            self.requests += 1
            self.bytes += chunk.size + self.envelope
            self.chunker.request_size.taken(len(chunk.events), chunk.size)

    def reject_lines(self) -> dict[str, list[int]]:
        """The lines of the first rejects, by code."""
        return {code: [line for _, line in first] for code, first in self.first_rejects.items()}

    def reject_files(self) -> dict[str, list[str]] | None:
        """The source of each of the `reject_lines`; None where there is but one."""
        if all(table.is_alone for table in self.tables):
            return None
        return {
            code: [self.tables[number].name for number, _ in first]
            for code, first in self.first_rejects.items()
        }
