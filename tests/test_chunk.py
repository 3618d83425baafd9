"""Events → chunks: nothing dropped, nothing reordered, no limit exceeded but by one event alone."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ours_cli.chunk import Chunk, Chunker, chunk_of
from ours_cli.event import Event, Origin
from ours_cli.record import Record

SIZES = st.lists(st.integers(2, 60), max_size=60)


def events_of(sizes: list[int]) -> list[Event]:
    return [
        Event(Origin(0, Record(line, {})), f"d-{line}", b"x" * size, "Purchase", None)
        for line, size in enumerate(sizes, 1)
    ]


def chunks_of(events: list[Event], max_events: int, max_bytes: int) -> list[Chunk]:
    chunker = Chunker(max_events, max_bytes)
    found = [chunk for event in events if (chunk := chunker.add(event)) is not None]
    last = chunker.flush()
    assert chunker.flush() is None
    return found + ([last] if last is not None else [])


@given(SIZES, st.integers(1, 12), st.integers(1, 150))
def test_every_event_once_in_order_within_the_limits(
    sizes: list[int], max_events: int, max_bytes: int
) -> None:
    events = events_of(sizes)
    chunks = chunks_of(events, max_events, max_bytes)
    assert [event for chunk in chunks for event in chunk.events] == events
    for chunk in chunks:
        assert chunk.size == len(b",".join(event.body for event in chunk.events))
        assert 1 <= len(chunk.events) <= max_events
        assert chunk.size <= max_bytes or len(chunk.events) == 1


@given(SIZES, st.integers(1, 12), st.integers(1, 150))
def test_chunks_are_as_full_as_may_be(sizes: list[int], max_events: int, max_bytes: int) -> None:
    chunks = chunks_of(events_of(sizes), max_events, max_bytes)
    for chunk, following in pairwise(chunks):
        one_more = chunk.size + 1 + len(following.events[0].body)
        assert len(chunk.events) == max_events or one_more > max_bytes


@given(st.lists(SIZES, max_size=6), st.integers(1, 12), st.integers(1, 150))
def test_many_at_once_make_the_chunks_that_they_make_one_by_one(
    stretches: list[list[int]], max_events: int, max_bytes: int
) -> None:
    events = events_of([size for sizes in stretches for size in sizes])
    chunker = Chunker(max_events, max_bytes)
    chunks, taken, start = [], [], 0
    for sizes in stretches:
        for went_in, chunk in chunker.add_all(events[start : start + len(sizes)]):
            taken += went_in
            if chunk is not None:
                chunks.append(chunk)
                assert chunk.events[-1] is taken[-1], "a chunk ends with what went in last"
        start += len(sizes)
    last = chunker.flush()
    assert chunks + ([last] if last else []) == chunks_of(events, max_events, max_bytes)
    assert taken == events


@given(st.lists(st.integers(2, 60), min_size=2, max_size=60))
def test_halves_are_the_whole(sizes: list[int]) -> None:
    chunk = chunk_of(events_of(sizes))
    first, second = chunk.halves()
    assert first.events + second.events == chunk.events
    assert first.size + 1 + second.size == chunk.size
    assert abs(len(first.events) - len(second.events)) <= 1
