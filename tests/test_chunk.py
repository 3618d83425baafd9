"""Events → chunks: nothing dropped, nothing reordered, no limit exceeded but by one event alone."""

from __future__ import annotations

from itertools import pairwise

from events_kit import SMALLEST, events_of, run_of
from hypothesis import example, given
from hypothesis import strategies as st

from ours_cli.events.chunk import Chunk, Chunker, chunk_of
from ours_cli.events.event import Event
from ours_cli.events.packed_events import Events
from ours_cli.events.request_size import PROOFS, RequestSize

SIZES = st.lists(st.integers(SMALLEST, 2 * SMALLEST), max_size=60)
BYTES_MAX = st.integers(1, 4 * SMALLEST)


def chunks_of(events: list[Event], max_events: int, max_bytes: int) -> list[Chunk]:
    chunker = Chunker(RequestSize(max_events), max_bytes)
    found = [chunk for event in events if (chunk := chunker.add(event)) is not None]
    last = chunker.flush()
    assert chunker.flush() is None
    return found + ([last] if last is not None else [])


@given(SIZES, st.integers(1, 12), BYTES_MAX)
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


@given(SIZES, st.integers(1, 12), BYTES_MAX)
def test_chunks_are_as_full_as_may_be(sizes: list[int], max_events: int, max_bytes: int) -> None:
    chunks = chunks_of(events_of(sizes), max_events, max_bytes)
    for chunk, following in pairwise(chunks):
        one_more = chunk.size + 1 + len(following.events[0].body)
        assert len(chunk.events) == max_events or one_more > max_bytes


@given(st.lists(SIZES, max_size=6), st.integers(1, 12), BYTES_MAX, st.integers(0, 3))
@example([[SMALLEST] * 3], 12, 2 * SMALLEST + 1, 0)
def test_many_at_once_make_the_chunks_that_they_make_one_by_one(
    stretches: list[list[int]], max_events: int, max_bytes: int, singles: int
) -> None:
    """`singles` is how many of each stretch come one by one, before the others."""
    events = events_of([size for sizes in stretches for size in sizes])
    chunker = Chunker(RequestSize(max_events), max_bytes)
    chunks: list[Chunk] = []
    taken: list[Event] = []
    start = 0
    for sizes in stretches:
        end = start + len(sizes)
        for event in events[start : min(start + singles, end)]:
            taken.append(event)
            chunks += filter(None, [chunker.add(event)])
        if start + singles < end:
            for went_in, chunk in chunker.add_all(run_of(events[start + singles : end])):
                taken += went_in or ()
                if chunk is not None:
                    chunks.append(chunk)
                    assert chunk.events[-1] == taken[-1], "a chunk ends with what went in last"
        start = end
    last = chunker.flush()
    assert chunks + ([last] if last else []) == chunks_of(events, max_events, max_bytes)
    assert taken == events


def test_a_chunk_keeps_the_size_with_which_it_began() -> None:
    size = RequestSize(2, 4)
    chunker = Chunker(size, 10_000)
    events = events_of([SMALLEST] * 12)
    assert chunker.add(events[0]) is None
    for _ in range(PROOFS):
        size.taken(2, 1)
    chunks = [chunk for _, chunk in chunker.add_all(run_of(events[1:9])) if chunk]
    assert [len(chunk.events) for chunk in chunks] == [2, 4]
    size.failed(4)
    chunks += [chunk for event in events[9:] if (chunk := chunker.add(event))]
    assert [len(chunk.events) for chunk in chunks] == [2, 4, 4, 2]
    assert [event for chunk in chunks for event in chunk.events] == events


def test_a_chunk_that_bytes_end_comes_out_where_the_next_may_hold_a_single_event() -> None:
    size = RequestSize(4)
    chunker = Chunker(size, SMALLEST + 1)
    events = events_of([SMALLEST] * 2)
    assert chunker.add(events[0]) is None
    size.refused(4, 4 * SMALLEST, limit=1)
    assert chunker.add(events[1]) == chunk_of(Events([events[:1]]))
    assert chunker.flush() == Chunk(Events([events[1:]]), SMALLEST, is_full=True)


@given(st.lists(st.integers(SMALLEST, 80), min_size=2, max_size=60), st.data())
def test_halves_are_the_whole(sizes: list[int], data: st.DataObject) -> None:
    events = events_of(sizes)
    middle = data.draw(st.integers(1, len(events) - 1))
    chunk = chunk_of(Events([run_of(events[:middle]), events[middle:]]))
    first, second = chunk.halves()
    assert [*first.events, *second.events] == events
    assert first.events.bodies() + b"," + second.events.bodies() == chunk.events.bodies()
    assert first.size + 1 + second.size == chunk.size == len(chunk.events.bodies())
    assert abs(len(first.events) - len(second.events)) <= 1
    assert (first.events.first_seq, second.events.first_seq) == (0, len(first.events))
