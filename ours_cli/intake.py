"""Items of a run, one by one → the chunks to send, and the blocks for the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from ours_cli.chunk import Chunk, Chunker
from ours_cli.event import Event, Filtered, Reject
from ours_cli.event_run import EventRun, SiftedRows
from ours_cli.record import TRUNCATED_ROW
from ours_cli.runs.blocks import Block, BlockTracker
from ours_cli.safeguards import Canary

Item: TypeAlias = Event | Reject | Filtered | Block
"""A row, or a block of rows that an earlier attempt has settled."""

Mapped: TypeAlias = Item | EventRun | SiftedRows
"""An item, or consecutive rows together."""


class Intake:
    """Takes items in the order of the source; `enter` sees them once their chunk is known."""

    def __init__(
        self,
        chunker: Chunker,
        tracker: BlockTracker,
        enter: Callable[[Event | Reject | Filtered | EventRun | SiftedRows], None],
        replayed: Callable[[Block], None],
        canary: Canary | None = None,
    ) -> None:
        self._chunker = chunker
        self._tracker = tracker
        self._enter = enter
        self._replayed = replayed
        self._canary = canary

    @property
    def is_waiting(self) -> bool:
        """Whether an event waits for its chunk to fill."""
        return self._chunker.has_events

    def take(self, item: Item) -> Chunk | None:
        """Take one item; returns the chunk that it completes, or that had no room for it."""
        if isinstance(item, Event):
            chunk = self._chunker.add(item)
            if chunk is None:
                self._admit(item)
            elif chunk.events[-1] is item:
                self._admit(item)
                self._tracker.cut()
            else:
                self._tracker.cut()
                self._admit(item)
        elif type(item) is Reject:
            chunk = self.flush() if item.code == TRUNCATED_ROW else None
            self._admit(item)
            if item.code == TRUNCATED_ROW:
                self._tracker.cut()  # alone in its block, which counts no more once the row is whole
                return chunk
        elif type(item) is Filtered:
            self._admit(item)
            return None
        else:
            assert type(item) is Block
            chunk = self.flush()
            self._replayed(item)
            return chunk
        if chunk is None and self._canary is not None and self._canary.is_full:
            return self.flush()
        return chunk

    def take_each(self, item: Mapped) -> Iterator[Chunk]:
        """Take an item, or many rows together; yields the chunks as `take` and `take_all` do."""
        if isinstance(item, EventRun):
            yield from self.take_all(item)
        elif isinstance(item, SiftedRows):
            yield from self._take_sifted(item)
        elif (chunk := self.take(item)) is not None:
            yield chunk

    def take_all(self, run: EventRun) -> Iterator[Chunk]:
        """Take events of consecutive rows; yields each chunk that they complete, or do not fit into."""
        rest = run
        if self._canary is not None and (alone := min(self._canary.room, len(run))):
            yield from filter(None, map(self.take, run[:alone]))
            if alone == len(run):
                return
            rest = run[alone:]
        for taken, chunk in self._chunker.add_all(rest):
            if taken is not None:
                self._enter(taken)
                self._tracker.enter_all(taken)
                self._pass_canary(taken)
            if chunk is not None:
                self._tracker.cut()
                yield chunk

    def _take_sifted(self, sifted: SiftedRows) -> Iterator[Chunk]:
        """As `take` for each, with the same blocks."""
        rest = sifted
        if self._canary is not None and self._canary.room:
            alone = 0
            for item in sifted:
                alone += 1
                if (chunk := self.take(item)) is not None:
                    yield chunk
                if not self._canary.room:
                    break
            if alone == len(sifted):
                return
            rest = sifted.part(alone, len(sifted))
        yield from self._take_together(rest)

    def _take_together(self, sifted: SiftedRows) -> Iterator[Chunk]:
        at = taken = 0
        seqs = sifted.events.seqs
        for events, chunk in self._chunker.add_all(sifted.events):
            if events is not None:
                at = self._admit_sifted(sifted, at, events)
                taken += len(events)
                self._pass_canary(events)
            if chunk is not None:
                if len(chunk.events) < self._chunker.max_events:
                    # The next event did not fit: the rows left out before it are not of its block.
                    at = self._leave_out(sifted, at, seqs[taken] - sifted.seq)
                self._tracker.cut()
                yield chunk
        self._leave_out(sifted, at, len(sifted))

    def _pass_canary(self, behind: EventRun) -> None:
        if self._canary is not None:
            self._canary.enter_behind(len(behind))

    def _admit_sifted(self, sifted: SiftedRows, start: int, events: EventRun) -> int:
        """Admit the rows from `start` to the last of these events; returns the position after it."""
        first, last = events.seqs[0] - sifted.seq, events.seqs[-1] - sifted.seq
        if first - start >= self._tracker.room:
            start = self._leave_out(sifted, start, first)
        self._admit_part(sifted.part(start, last + 1, events))
        return last + 1

    def _leave_out(self, sifted: SiftedRows, start: int, end: int) -> int:
        """Admit the rows from `start` to before `end`, none of which is an event; returns `end`."""
        none = sifted.events.only(())
        while start < end:
            step = min(end, start + self._tracker.room)
            self._admit_part(sifted.part(start, step, none))
            start = step
        return end

    def _admit_part(self, sifted: SiftedRows) -> None:
        self._enter(sifted)
        self._tracker.enter_all(sifted)

    def flush(self) -> Chunk | None:
        """End the block here; returns what waits for its chunk to fill, if anything does."""
        chunk = self._chunker.flush()
        self._tracker.cut()
        return chunk

    def _admit(self, item: Event | Reject | Filtered) -> None:
        self._enter(item)
        self._tracker.enter(item)
        if self._canary is not None and not isinstance(item, Filtered):
            self._canary.enter(item)


def one_by_one(items: Iterable[Mapped]) -> Iterator[Item]:
    """The same, each row by itself."""
    for item in items:
        if isinstance(item, (EventRun, SiftedRows)):
            yield from item
        else:
            yield item
