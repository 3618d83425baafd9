"""Items of a run, one by one → the chunks to send, and the blocks for the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from ours_cli.events.chunk import Chunk, Chunker
from ours_cli.events.event import Event, Filtered, Reject
from ours_cli.events.mapped_rows import Finished, MappedRows
from ours_cli.record import TRUNCATED_ROW
from ours_cli.runs.blocks import Block, BlockTracker
from ours_cli.safeguards import Canary

Item: TypeAlias = Event | Reject | Filtered | Block
"""A row, or a block of rows that an earlier attempt has settled."""

Mapped: TypeAlias = Item | MappedRows
"""An item, or consecutive rows together."""


class Intake:
    """Takes items in the order of the source; `enter` sees them once their chunk is known."""

    def __init__(
        self,
        chunker: Chunker,
        tracker: BlockTracker,
        enter: Callable[[Finished], None],
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
        chunk: Chunk | None = None
        match item:
            case Event():
                chunk = self._chunker.add(item)
                if chunk is None:
                    self._admit(item)
                elif chunk.events[-1] is item:
                    self._admit(item)
                    self._tracker.cut()
                else:
                    self._tracker.cut()
                    self._admit(item)
            case Reject() if item.code == TRUNCATED_ROW:
                chunk = self.flush()
                self._admit(item)
                self._tracker.cut()  # alone in its block, which counts no more once the row is whole
                return chunk
            case Reject():
                self._admit(item)
            case Filtered():
                self._admit(item)
                return None
            case Block():
                chunk = self.flush()
                self._replayed(item)
                return chunk
        if chunk is None and self._canary is not None and self._canary.is_full:
            return self.flush()
        return chunk

    def take_each(self, item: Mapped) -> Iterator[Chunk]:
        """Take an item, or many rows together; yields the chunks that `take` returns for each, or would."""
        if isinstance(item, MappedRows):
            yield from self._take_rows(item)
        elif (chunk := self.take(item)) is not None:
            yield chunk

    def _take_rows(self, rows: MappedRows) -> Iterator[Chunk]:
        alone = 0
        if self._canary is not None and self._canary.room:
            for item in rows:
                alone += 1
                if (chunk := self.take(item)) is not None:
                    yield chunk
                if not self._canary.room:
                    break
        yield from self._take_together(rows.part(alone, len(rows)))

    def _take_together(self, rows: MappedRows) -> Iterator[Chunk]:
        """As `take` for each, with the same blocks; the canary is complete."""
        at = taken = 0
        for events, chunk in self._chunker.add_all(rows.events):
            taken += len(events)
            is_full = chunk is not None and chunk.is_full
            # Behind a full chunk rows left out are of the next block, before an event without room of this.
            end = rows.place(taken - 1) + 1 if is_full else rows.place(taken)
            if at < end:
                self._admit_all(rows.part(at, end, events))
                at = end
            if chunk is not None:
                self._tracker.cut()
                yield chunk
        if at < len(rows):
            self._admit_all(rows.part(at, len(rows)))

    def _admit_all(self, rows: MappedRows) -> None:
        self._enter(rows)
        self._tracker.enter_all(rows)
        if self._canary is not None:
            self._canary.enter_behind(len(rows.events))

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
