"""Pure: how many requests may be in flight, learned from how the server answers.

The model is Vector's Adaptive Request Concurrency: additive increase and multiplicative decrease over rounds
of answers, by a moving mean of latency and its deviation. Two things are added. Slow start (RFC 5681) finds
the order of magnitude in a few rounds. And the latency without a queue is kept beside the moving mean (BBR's
RTprop): the mean follows a slowly growing queue without noticing it, be it the server's or this process's.

Times are seconds of any steady clock, given by the caller.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Final, NamedTuple

START: Final = 2
"""Requests in flight at first; latency never lowers it further: one travels while the next is made."""

CONCURRENCY_MAX: Final = 64
"""The most that `auto` allows; `--concurrency N` may exceed it."""

IN_FLIGHT_BYTES_MAX: Final = 32 << 20
"""The most bytes of events in flight that `auto` allows: memory must not grow with latency."""

ROUND_MIN: Final = 4
"""The fewest answers that make a round; else as many as may be in flight."""

MEAN_ALPHA: Final = 0.4
"""Weight of the newest round in the moving mean (Vector: ewma_alpha)."""

DEVIATIONS: Final = 2.5
"""Deviations above the moving mean that count as a jump (Vector: rtt_deviation_scale)."""

SLOWER_RATIO: Final = 0.9
"""What a jump in latency, or a queue, leaves of the limit (Vector: decrease_ratio)."""

REFUSED_RATIO: Final = 0.5
"""What a refusal leaves of the limit (RFC 5681: half)."""

TOLERANCE: Final = 1.5
"""Up to this multiple of the latency without a queue, all is well (Netflix Gradient2: rttTolerance)."""

QUEUE: Final = 2.0
"""From this multiple on, half of what is in flight only waits its turn."""

LARGER: Final = 1.5
"""A request larger by this than all before says nothing about how quick those were."""

CONFIRMS: Final = 1.1
"""Up to this multiple of the latency without a queue, a round confirms it."""

BASE_AGE_S: Final = 30.0
"""Seconds after which a latency without a queue that no round confirmed is measured again (BBR: 10 s)."""


class Flight(NamedTuple):
    """One request under way. `size` in bytes, `crowd` how many were in flight with it, itself included."""

    started: float
    size: int
    crowd: int
    opens_connection: bool


class Concurrency:
    """How many requests may be in flight: `--concurrency N`, which the person knows, so nothing is learned.

    `limit` is the number in force; it may shrink while more are in flight. `bytes_max` are the bytes of
    events that may be in flight; a single chunk always may.
    """

    bytes_max = inf

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def sent(self, size: int, now: float) -> Flight:
        """A request of `size` bytes starts."""
        return Flight(now, size, 1, False)

    def answered(self, flight: Flight, now: float) -> None:
        """The server took it."""

    def refused(self, flight: Flight, now: float) -> None:
        """The server is overloaded: 429, 503 and their like, no answer in time, a queue that takes no row."""

    def ended(self) -> None:
        """A request is over, whatever came of it."""


class AdaptiveConcurrency(Concurrency):
    """`--concurrency auto`."""

    bytes_max = float(IN_FLIGHT_BYTES_MAX)

    def __init__(self) -> None:
        super().__init__(START)
        self._in_flight = self._most_in_flight = 0
        self._is_slow_start = True
        self._changed_at = self._refused_at = -inf
        self._largest = self._small = 0
        self._base: float | None = None
        self._base_at = -inf
        self._limit_before_probe: int | None = None
        self._usual = _MovingMean()
        self._begin_round(-inf)

    def sent(self, size: int, now: float) -> Flight:
        """A request of `size` bytes starts."""
        self._in_flight += 1
        opens_connection = self._in_flight > self._most_in_flight
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        # The limit is raised only where it is what holds the run back, not its source or its rate.
        self._was_reached |= self._in_flight >= self.limit
        return Flight(now, size, self._in_flight, opens_connection)

    def ended(self) -> None:
        """A request is over, whatever came of it."""
        self._in_flight -= 1

    def answered(self, flight: Flight, now: float) -> None:
        """The server took it: its latency counts towards the round."""
        if flight.started < self._changed_at or flight.opens_connection:
            return  # it reflects another limit, or TCP and TLS
        if flight.size * 2 < self._largest:
            # A small request is quick, and would make the others look slow; unless all are small by now.
            self._small += 1
            if self._small < self._round:
                return
            self._largest = 0
        self._small = 0
        if flight.size > self._largest * LARGER:
            self._forget_latency()
        self._largest = max(self._largest, flight.size)
        self._sum += now - flight.started
        self._count += 1
        if self._count >= self._round:
            self._judge(self._sum / self._count, now)

    def refused(self, flight: Flight, now: float) -> None:
        """The server is overloaded: halve the limit, once for all that were in flight together."""
        if flight.started < self._refused_at:
            return
        if max(flight.crowd, self._in_flight) < 2:
            return  # a lone request that is refused says nothing about how many the server can take
        self._refused_at = now
        self._is_slow_start = False
        self._set(int((self._limit_before_probe or self.limit) * REFUSED_RATIO), now)

    @property
    def _round(self) -> int:
        """How many answers make one."""
        return max(self.limit, ROUND_MIN)

    def _judge(self, latency: float, now: float) -> None:
        """The end of a round: raise the limit, lower it, or leave it."""
        base = self._unqueued(latency, now)
        if self._limit_before_probe is not None:
            self._set(self._limit_before_probe, now)
            return
        is_jump = self._usual.is_jump(latency)
        self._usual.add(latency)
        if latency <= base * TOLERANCE:
            if self._was_reached and self.limit < CONCURRENCY_MAX:
                self._set(self.limit * 2 if self._is_slow_start else self.limit + 1, now)
            else:
                self._begin_round(self._changed_at)
            return
        self._is_slow_start = False
        if self.limit > START and now - self._base_at > BASE_AGE_S:
            self._probe(now)
        elif self.limit > START and (is_jump or latency >= base * QUEUE):
            self._set(max(START, int(self.limit * SLOWER_RATIO)), now)
        else:
            self._begin_round(self._changed_at)

    def _unqueued(self, latency: float, now: float) -> float:
        """The latency of a request that waits for no other, as far as known after this round."""
        is_old = now - self._base_at > BASE_AGE_S
        has_no_queue = self._limit_before_probe is not None or (is_old and self.limit <= START)
        if self._base is None or has_no_queue:
            self._base, self._base_at = latency, now
        elif latency <= self._base * CONFIRMS:
            self._base, self._base_at = min(latency, self._base), now
        return self._base

    def _probe(self, now: float) -> None:
        """One round with few in flight: is this slowness a queue, or the server's new pace?"""
        before = self.limit
        self._set(START, now)
        self._limit_before_probe = before

    def _set(self, limit: int, now: float) -> None:
        self.limit = min(max(limit, 1), CONCURRENCY_MAX)
        self._limit_before_probe = None
        self._begin_round(now)

    def _begin_round(self, changed_at: float) -> None:
        self._changed_at = changed_at
        self._sum, self._count = 0.0, 0
        self._was_reached = False

    def _forget_latency(self) -> None:
        self._base = None
        self._usual = _MovingMean()
        self._begin_round(self._changed_at)
        self._was_reached = self._in_flight >= self.limit


class _MovingMean:
    """Exponentially weighted mean and deviation (Vector: EwmaVar)."""

    def __init__(self) -> None:
        self._mean: float | None = None
        self._variance = 0.0

    def is_jump(self, value: float) -> bool:
        return self._mean is not None and value > self._mean + DEVIATIONS * sqrt(self._variance)

    def add(self, value: float) -> None:
        if self._mean is None:
            self._mean = value
            return
        difference = value - self._mean
        step = MEAN_ALPHA * difference
        self._mean += step
        self._variance = (1 - MEAN_ALPHA) * (self._variance + difference * step)
