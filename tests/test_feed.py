"""Items → chunks over time: what a silent pipe holds back, and how its end, its errors and its stop go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from queue import Queue

import pytest
from events_kit import SMALLEST, events_of, rows_of

from ours_cli.errors import SourceError
from ours_cli.events.chunk import Chunker
from ours_cli.events.event import Event, Filtered, Reject
from ours_cli.events.mapped_rows import Finished, MappedRows
from ours_cli.events.request_size import RequestSize
from ours_cli.feed import feed_inline, feed_threaded
from ours_cli.intake import Intake
from ours_cli.runs.blocks import BlockTracker


class Pipe:
    """A source that a test feeds: events, then perhaps an exception, then the end (None)."""

    def __init__(self) -> None:
        self.queue: Queue[Event | MappedRows | Reject | Exception | None] = Queue()
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[Event | MappedRows | Reject]:
        try:
            while (item := self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.closed.set()

    def put(self, *items: Event | MappedRows | Reject | Exception | None) -> None:
        for item in items:
            self.queue.put(item)


def in_loop(body: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await body()

    asyncio.run(limited())


def intake_of(
    chunker: Chunker, enter: Callable[[Event | Reject | Filtered], object] = lambda _: None
) -> Intake:
    def enter_item(item: Finished) -> None:
        assert not isinstance(item, MappedRows)
        enter(item)

    return Intake(chunker, BlockTracker(lambda _: None, lambda _: ()), enter_item, lambda _: None)


def with_rows(chunker: Chunker) -> Intake:
    return Intake(chunker, BlockTracker(lambda _: None, lambda _: ()), lambda _: None, lambda _: None)


def reject_of(event: Event) -> Reject:
    return Reject(event.origin, event.distinct_id, "bad_time", "no time")


def test_an_event_waits_no_longer_than_flush_every() -> None:
    async def body() -> None:
        pipe, events = Pipe(), events_of([50] * 3)
        loop = asyncio.get_running_loop()
        async with aclosing(
            feed_threaded(iter(pipe), intake_of(Chunker(RequestSize(100), 10_000)), 0.3)
        ) as chunks:
            pipe.put(*events[:2])
            began = loop.time()
            assert (await anext(chunks)).events == events[:2]
            assert loop.time() - began >= 0.29
            pipe.put(events[2])
            assert (await anext(chunks)).events == events[2:]
            pipe.put(None)

    in_loop(body)


def test_an_event_that_began_the_next_batch_is_not_forgotten() -> None:
    """It did not fit into the batch before it; then the pipe falls silent."""

    async def body() -> None:
        pipe, events = Pipe(), events_of([80, 80])
        async with aclosing(
            feed_threaded(iter(pipe), intake_of(Chunker(RequestSize(100), 100)), 0.1)
        ) as chunks:
            pipe.put(*events)
            assert (await anext(chunks)).events == events[:1]
            assert (await anext(chunks)).events == events[1:]
            pipe.put(None)

    in_loop(body)


def test_a_steady_trickle_does_not_put_off_the_flush() -> None:
    async def body() -> None:
        pipe, [event] = Pipe(), events_of([50])
        came = 0

        async def trickle() -> None:
            while came < 3:
                pipe.put(event)
                await asyncio.sleep(0.01)
            pipe.put(None)

        trickling = asyncio.create_task(trickle())
        whole = Chunker(RequestSize(10**6), 10**9)
        async for _ in feed_threaded(iter(pipe), intake_of(whole), 0.1):
            came += 1
        await trickling
        assert came >= 3, "none waits for the pipe to be silent, or at its end"

    in_loop(body)


def test_rows_that_were_mapped_together_stay_so_and_wait_as_long() -> None:
    async def body() -> None:
        pipe, events = Pipe(), events_of([50] * 25)
        loop = asyncio.get_running_loop()
        async with aclosing(
            feed_threaded(iter(pipe), with_rows(Chunker(RequestSize(10), 10_000)), 0.1)
        ) as chunks:
            pipe.put(rows_of(events))
            assert [len((await anext(chunks)).events) for _ in range(2)] == [10, 10]
            began = loop.time()
            assert (await anext(chunks)).events == events[20:], "what is left of a run waits for others"
            assert loop.time() - began >= 0.05
            pipe.put(None)

    in_loop(body)


def test_the_reading_thread_is_no_more_than_some_rows_ahead() -> None:
    async def body() -> None:
        pipe = Pipe()
        chunks = feed_threaded(iter(pipe), with_rows(Chunker(RequestSize(500), 1_000_000)), 5)
        pipe.put(*[rows_of(events_of([50] * 500)) for _ in range(50)], None)
        await anext(chunks)
        await asyncio.sleep(0.1)
        assert pipe.queue.qsize() > 30
        await chunks.aclose()

    in_loop(body)


@pytest.mark.parametrize("count", [0, 1, 7, 9001])
@pytest.mark.parametrize("threaded", [True, False])
def test_every_item_comes_through_in_order(count: int, threaded: bool) -> None:
    """9001 are more than the reading thread may be ahead."""

    async def body() -> None:
        items: list[Event | Reject] = list(events_of([50] * count))
        for place in range(3, count, 10):
            items[place] = reject_of(items[place])  # type: ignore[arg-type]
        seen: list[Event | Reject | Filtered] = []
        chunker = Chunker(RequestSize(50), 10_000)
        chunks = (
            feed_threaded(iter(items), intake_of(chunker, seen.append), 5)
            if threaded
            else feed_inline(iter(items), intake_of(chunker, seen.append))
        )
        sent = [event async for chunk in chunks for event in chunk.events]
        assert seen == items
        assert sent == [item for item in items if isinstance(item, Event)]

    in_loop(body)


def test_a_stop_leaves_no_row_that_was_mapped_and_not_taken_in() -> None:
    """What the mapping counts would else be one more than the books."""
    mapped: list[Event] = []
    taken: list[Event | Reject | Filtered] = []

    def events() -> Iterator[Event]:
        for event in events_of([SMALLEST] * 3000):
            mapped.append(event)
            yield event

    async def body() -> None:
        chunker = Chunker(RequestSize(5000), 10**9)
        feed = feed_inline(events(), intake_of(chunker, taken.append))
        feeding = asyncio.ensure_future(anext(feed))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        feeding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await feeding

    in_loop(body)
    assert 1000 <= len(mapped) == len(taken) < 3000


def test_an_error_of_the_source_comes_after_the_rows_before_it() -> None:
    async def body() -> None:
        pipe, events = Pipe(), events_of([50] * 3)
        pipe.put(*events, SourceError("damaged"))
        chunks = feed_threaded(iter(pipe), intake_of(Chunker(RequestSize(2), 10_000)), 5)
        assert (await anext(chunks)).events == events[:2]
        assert (await anext(chunks)).events == events[2:]
        with pytest.raises(SourceError, match="damaged"):
            await anext(chunks)

    in_loop(body)


def test_the_reading_thread_ends_when_nobody_takes_any_more() -> None:
    pipe, events = Pipe(), events_of([50] * 9000)
    pipe.put(*events, None)

    async def body() -> None:
        chunks = feed_threaded(iter(pipe), intake_of(Chunker(RequestSize(10), 10_000)), 5)
        await anext(chunks)
        await chunks.aclose()

    in_loop(body)
    assert pipe.closed.wait(5), "the thread is stuck, and with it the file stays open"


def test_the_feed_can_be_cancelled_while_the_pipe_is_silent() -> None:
    async def body() -> None:
        pipe = Pipe()
        chunks = feed_threaded(iter(pipe), intake_of(Chunker(RequestSize(10), 10_000)), 5)
        pull = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(0.05)
        pull.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pull
        await chunks.aclose()
        pipe.put(None)

    in_loop(body)
