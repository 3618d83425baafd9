"""Items of a run → chunks, asynchronously: files are read inline, pipes in a thread of their own.

A pipe may be silent for hours while answers come in, and what it delivered must not wait for a full batch.
A file never blocks for long; reading it in the event loop avoids two threads competing for the interpreter.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from math import inf
from typing import Final, TypeAlias

from ours_cli.events.chunk import Chunk
from ours_cli.events.mapped_rows import MappedRows
from ours_cli.intake import Intake, Mapped
from ours_cli.safeguards import Canary

Items: TypeAlias = Iterator[Mapped]

_BREATHE_EVERY: Final = 1000
"""Rows between two turns of the event loop while rows make no chunk (rejects, for example)."""

_BUFFER_MAX: Final = 4000
"""Rows by which a reading thread may be ahead."""


async def feed_inline(items: Items, intake: Intake) -> AsyncGenerator[Chunk, None]:
    """Chunks of a source that does not block."""
    rows = 0
    for item in items:
        for chunk in intake.take_each(item):
            yield chunk
        rows += len(item) if isinstance(item, MappedRows) else 1
        if rows >= _BREATHE_EVERY:
            # Here no row is mapped that is in no book: the run may stop now.
            await asyncio.sleep(0)
            rows = 0
    if (last := intake.flush()) is not None:
        yield last


async def feed_apart(items: AsyncGenerator[Mapped, None], intake: Intake) -> AsyncGenerator[Chunk, None]:
    """Chunks of a source whose rows are mapped by other processes."""
    async with aclosing(items):
        async for item in items:
            for chunk in intake.take_each(item):
                yield chunk
    if (last := intake.flush()) is not None:
        yield last


async def feed_threaded(items: Items, intake: Intake, flush_every: float) -> AsyncGenerator[Chunk, None]:
    """Chunks of a source that may block; an event waits `flush_every` seconds at most for its batch to fill.

    An exception of the source is raised here after the rows before it.
    """
    loop = asyncio.get_running_loop()
    box = _Box(loop)
    threading.Thread(target=box.fill, args=(items,), daemon=True).start()
    flush_at = inf
    try:
        while not box.ended:
            await box.wait(flush_at)
            for item in box.take():
                for chunk in intake.take_each(item):
                    flush_at = inf  # what did not fit into it waits from now on
                    yield chunk
                flush_at = min(flush_at, loop.time() + flush_every) if intake.is_waiting else inf
            if loop.time() >= flush_at:
                flush_at = inf
                if (waiting := intake.flush()) is not None:
                    yield waiting
        if (last := intake.flush()) is not None:
            yield last
        if box.error is not None:
            raise box.error
    finally:
        box.close()


async def behind_canary(
    chunks: AsyncGenerator[Chunk, None], intake: Intake, canary: Canary, idle: Callable[[], Awaitable[None]]
) -> AsyncGenerator[Chunk, None]:
    """The chunks of the canary, then, once each of its rows was accepted, all others.

    `idle` returns once each row sent has its outcome. Raises `StoppedError` when a row of the canary was
    rejected.
    """
    async with aclosing(chunks):
        is_passed = False
        async for chunk in chunks:
            if not is_passed and canary.is_behind:
                await idle()
                if (error := canary.check()) is not None:
                    raise error
                is_passed = True
            yield chunk
            # Its last row may have been one that no longer fitted into that chunk.
            if canary.is_full and (last := intake.flush()) is not None:
                yield last


class _Box:
    """Rows on their way from the reading thread to the event loop, a bounded number of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.error: BaseException | None = None
        self._loop = loop
        self._arrived = asyncio.Event()
        self._room = threading.Condition()
        self._items: list[Mapped] = []
        self._rows = 0
        self._done = False
        self._closed = False

    @property
    def ended(self) -> bool:
        """Whether the source is at its end and everything has been taken."""
        with self._room:
            return self._done and not self._items

    def fill(self, items: Items) -> None:
        """Run in the reading thread: read all items."""
        try:
            for item in items:
                with self._room:
                    self._items.append(item)
                    self._rows += len(item) if isinstance(item, MappedRows) else 1
                    if len(self._items) == 1:
                        self._wake()
                    while self._rows >= _BUFFER_MAX and not self._closed:
                        self._room.wait()
                    if self._closed:
                        return
        except BaseException as error:
            self.error = error
        with self._room:
            self._done = True
            self._wake()

    def _wake(self) -> None:
        # Once the run has stopped its loop may be closed, and nobody waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def wait(self, until: float) -> None:
        """Wait until something arrived, or until this time of the loop's clock."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(None if until == inf else until):
                await self._arrived.wait()
        self._arrived.clear()

    def take(self) -> list[Mapped]:
        """Take everything that arrived."""
        with self._room:
            items, self._items, self._rows = self._items, [], 0
            self._room.notify()
        return items

    def close(self) -> None:
        """Nobody takes rows any more: let the reading thread end after its current one."""
        with self._room:
            self._closed = True
            self._room.notify()
