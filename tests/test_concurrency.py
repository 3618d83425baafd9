"""How many requests may be in flight: a simulated server on a simulated clock."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ours_cli.sending.concurrency import (
    BASE_AGE_S,
    CONCURRENCY_MAX,
    START,
    AdaptiveConcurrency,
    Concurrency,
    Flight,
)

Latency = Callable[[int, float], "float | None"]
"""Requests in flight and the time → seconds until the answer, or None for a refusal."""


@dataclass
class Simulation:
    """A run whose source never waits, against a server of this latency; keeps every limit in force."""

    latency: Latency
    concurrency: AdaptiveConcurrency = field(default_factory=AdaptiveConcurrency)
    size: int = 1000
    now: float = 0.0
    limits: list[tuple[float, int]] = field(default_factory=list)
    done: int = 0
    _events: list[tuple[float, int, Flight, bool]] = field(default_factory=list)
    _count: int = 0

    def run(self, until: float) -> Simulation:
        while self.now < until:
            while len(self._events) < self.concurrency.limit:
                self._send()
            at, _, flight, is_refused = heapq.heappop(self._events)
            self.now = at
            if is_refused:
                self.concurrency.refused(flight, self.now)
            else:
                self.concurrency.answered(flight, self.now)
                self.done += 1
            self.concurrency.ended()
            self.limits.append((self.now, self.concurrency.limit))
        return self

    def _send(self) -> None:
        flight = self.concurrency.sent(self.size, self.now)
        seconds = self.latency(len(self._events) + 1, self.now)
        self._count += 1
        entry = (self.now + (seconds or 0.01), self._count, flight, seconds is None)
        heapq.heappush(self._events, entry)

    def since(self, second: float) -> list[int]:
        return [limit for at, limit in self.limits if at >= second]


def capacity(slots: int, latency: float, jitter: float = 0.0, seed: int = 1) -> Latency:
    """A server that works on `slots` requests at a time, each for `latency` seconds; the others wait."""
    chance = random.Random(seed)

    def seconds(in_flight: int, _now: float) -> float:
        return latency * max(1.0, in_flight / slots) * (1 + jitter * chance.random())

    return seconds


def flights(concurrency: AdaptiveConcurrency, count: int, now: float = 0.0) -> list[Flight]:
    return [concurrency.sent(1000, now) for _ in range(count)]


@pytest.mark.parametrize("jitter", [0.0, 0.2])
@pytest.mark.parametrize("latency", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("slots", [3, 8, 20, 40])
def test_it_settles_near_the_capacity_of_the_server(slots: int, latency: float, jitter: float) -> None:
    settled = Simulation(capacity(slots, latency, jitter)).run(400 * latency).since(200 * latency)
    assert slots * 0.75 <= sum(settled) / len(settled) <= slots * 2


def test_a_distant_server_with_room_gets_all_that_is_allowed_within_seconds() -> None:
    simulation = Simulation(lambda _in_flight, _now: 0.1).run(3)
    assert simulation.concurrency.limit == CONCURRENCY_MAX
    assert max(limit for _, limit in simulation.limits) == CONCURRENCY_MAX


@pytest.mark.parametrize("seed", range(5))
def test_without_latency_it_stays_small_and_does_not_thrash(seed: int) -> None:
    # All the time is this process's own: twice in flight is twice as slow.
    simulation = Simulation(capacity(1, 0.003, jitter=0.4, seed=seed)).run(120)
    settled = simulation.since(1)
    assert max(settled) <= 6
    assert min(settled) >= START
    assert sum(before != after for before, after in pairwise(settled)) < len(settled) / 10


def test_the_start_is_slow_and_doubles() -> None:
    simulation = Simulation(lambda _in_flight, _now: 0.1).run(3)
    limits = list(dict.fromkeys(limit for _, limit in simulation.limits))
    assert limits == [2, 4, 8, 16, 32, 64]


def test_after_the_first_congestion_it_grows_one_by_one() -> None:
    refused_once = iter([True])

    def latency(in_flight: int, _now: float) -> float | None:
        return None if in_flight > 15 and next(refused_once, False) else 0.1

    simulation = Simulation(latency).run(1.5)
    limits = [limit for _, limit in simulation.limits]
    after = limits[limits.index(16) + 1 :]
    lowest = after.index(8)
    assert all(
        later - earlier in (0, 1) for earlier, later in zip(after[lowest:], after[lowest + 1 :], strict=False)
    )
    assert after[-1] > 8


def test_a_server_that_refuses_more_than_so_many_is_given_fewer_most_of_the_time() -> None:
    simulation = Simulation(lambda in_flight, _now: None if in_flight > 12 else 0.1).run(60)
    settled = simulation.since(20)
    assert max(settled) <= 13
    assert sum(settled) / len(settled) >= 6


def test_a_burst_of_refusals_counts_once() -> None:
    concurrency = AdaptiveConcurrency()
    concurrency.limit = 32
    for flight in flights(concurrency, 32):
        concurrency.refused(flight, 1.0)
        concurrency.ended()
    assert concurrency.limit == 16
    for flight in flights(concurrency, 16, now=2.0):
        concurrency.refused(flight, 3.0)
        concurrency.ended()
    assert concurrency.limit == 8


def test_a_lone_refusal_says_nothing_of_how_many() -> None:
    concurrency = AdaptiveConcurrency()
    concurrency.limit = 8
    for second in range(20):
        (flight,) = flights(concurrency, 1, now=second)
        concurrency.refused(flight, second + 0.5)
        concurrency.ended()
    assert concurrency.limit == 8


def test_refusals_bring_it_down_to_one_at_a_time() -> None:
    simulation = Simulation(lambda in_flight, _now: None if in_flight > 1 else 0.1).run(30)
    assert min(limit for _, limit in simulation.limits) == 1


def test_a_jump_in_latency_lowers_it_and_it_comes_back() -> None:
    simulation = Simulation(lambda in_flight, now: 0.3 if 10 < now < 12 else 0.1).run(30)
    assert min(simulation.since(10)) < CONCURRENCY_MAX * 0.9
    assert simulation.concurrency.limit == CONCURRENCY_MAX


def test_a_server_that_is_slower_for_good_is_known_anew() -> None:
    slower = capacity(30, 0.4)
    simulation = Simulation(lambda in_flight, now: 0.1 if now < 5 else slower(in_flight, now))
    settled = simulation.run(5 + BASE_AGE_S * 6).since(5 + BASE_AGE_S * 4)
    assert 20 <= sum(settled) / len(settled) <= 60


def test_a_source_that_is_slow_raises_nothing() -> None:
    concurrency = AdaptiveConcurrency()
    for second in range(100):
        (flight,) = flights(concurrency, 1, now=second)
        concurrency.answered(flight, second + 0.1)
        concurrency.ended()
    assert concurrency.limit == START


def test_connections_that_open_do_not_look_like_congestion() -> None:
    seen = 0

    def latency(in_flight: int, _now: float) -> float:
        nonlocal seen
        opens, seen = in_flight > seen, max(seen, in_flight)
        return 0.4 if opens else 0.1

    assert Simulation(latency).run(6).concurrency.limit == CONCURRENCY_MAX


def test_it_learns_on_where_all_requests_are_smaller_by_now() -> None:
    """A failed large request brings the size of all others down, for good."""
    run = Simulation(capacity(40, 0.3), size=4000).run(10)
    before = run.concurrency.limit
    assert before > 20
    for _ in range(4):
        run.concurrency.refused(Flight(run.now, 4000, 2, opens_connection=False), run.now)
    assert run.concurrency.limit < before / 1.5
    run.size = 1000
    assert max(run.run(60).since(50)) > 20


def test_a_small_first_request_does_not_make_the_others_look_slow() -> None:
    concurrency = AdaptiveConcurrency()
    now = 0.0
    for number in range(400):
        size, seconds = (50, 0.01) if number < 40 else (50_000, 0.1)
        group = [concurrency.sent(size, now) for _ in range(concurrency.limit)]
        now += seconds
        for flight in group:
            concurrency.answered(flight, now)
            concurrency.ended()
    assert concurrency.limit == CONCURRENCY_MAX


@given(
    st.lists(st.tuples(st.sampled_from(["answer", "refuse", "lose"]), st.floats(0, 60)), max_size=300),
    st.integers(START, CONCURRENCY_MAX),
)
def test_whatever_happens_the_limit_stays_within_its_bounds(
    ends: list[tuple[str, float]], ceiling: int
) -> None:
    concurrency = AdaptiveConcurrency()
    under_way: list[Flight] = []
    now = 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ours_cli.sending.concurrency.CONCURRENCY_MAX", ceiling)
        for end, seconds in ends:
            under_way += [concurrency.sent(100, now) for _ in range(concurrency.limit - len(under_way))]
            now += seconds
            flight = under_way.pop(0)
            if end == "answer":
                concurrency.answered(flight, now)
            elif end == "refuse":
                concurrency.refused(flight, now)
            concurrency.ended()
            assert 1 <= concurrency.limit <= ceiling


def test_a_fixed_number_is_fixed() -> None:
    concurrency = Concurrency(7)
    for _ in range(20):
        concurrency.refused(concurrency.sent(1, 0), 1)
        concurrency.ended()
    assert concurrency.limit == 7
