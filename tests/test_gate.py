"""The gate: one prober until something was accepted, pauses for all, the rate, the stop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from leaping_clock import run_leaping

from ours_cli.errors import OursError
from ours_cli.sending.gate import Gate, now


class Senders:
    """Tasks that each take one turn; counts how many are inside at a time, and when they came."""

    def __init__(self, gate: Gate, *, seconds: float = 0.02) -> None:
        self.inside = self.most = 0
        self.times: list[float] = []
        self._gate = gate
        self._seconds = seconds

    async def send(self, rows: int = 1, then: Callable[[], None] = lambda: None) -> None:
        async with self._gate.turn(rows):
            self.times.append(now())
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(self._seconds)
            self.inside -= 1
            then()


def gate_of(rate: float | None = None, limit: Callable[[], int] = lambda: sys.maxsize) -> Gate:
    return Gate(rate, limit)


def in_loop(body: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await body()

    run_leaping(limited())


def test_unproven_server_is_asked_by_one_at_a_time() -> None:
    async def body() -> None:
        senders = Senders(gate_of(), seconds=0.005)
        await asyncio.gather(*(senders.send() for _ in range(8)))
        assert senders.most == 1

    in_loop(body)


def test_those_who_queued_behind_the_prober_go_together_once_it_has_proven_the_server() -> None:
    async def body() -> None:
        gate = gate_of()
        senders = Senders(gate)
        await asyncio.gather(*(senders.send(then=gate.prove) for _ in range(8)))
        assert senders.most == 7

    in_loop(body)


def test_doubt_brings_the_single_prober_back_after_the_pause() -> None:
    async def body() -> None:
        gate = gate_of()
        gate.prove()
        gate.doubt(0.1)
        senders = Senders(gate, seconds=0.005)
        began = now()
        await asyncio.gather(*(senders.send() for _ in range(4)))
        assert senders.most == 1
        assert min(senders.times) - began == pytest.approx(0.1)

    in_loop(body)


@pytest.mark.parametrize("limit", [sys.maxsize, 3])
def test_a_pause_holds_those_too_who_wait_for_their_rate(limit: int) -> None:
    async def body() -> None:
        gate = gate_of(rate=100, limit=lambda: limit)
        gate.prove()
        senders = Senders(gate, seconds=0.001)
        tasks = [asyncio.create_task(senders.send(rows=5)) for _ in range(4)]
        await asyncio.sleep(0.02)
        assert len(senders.times) == 1
        gate.doubt(0.4)
        began = now()
        await asyncio.gather(*tasks)
        assert min(senders.times[1:]) - began == pytest.approx(0.4)
        assert senders.most == 1, "and then they go one at a time: the server is in doubt"

    in_loop(body)


def test_those_whom_a_pause_has_held_go_by_their_rate_again() -> None:
    async def body() -> None:
        gate = gate_of(rate=100)
        gate.prove()
        senders = Senders(gate, seconds=0)
        tasks = [asyncio.create_task(senders.send(rows=5)) for _ in range(4)]
        await asyncio.sleep(0.02)
        gate.hold(0.4)
        began = now()
        await asyncio.gather(*tasks)
        waits = [at - began for at in senders.times[1:]]
        assert waits[0] >= 0.4
        assert [later - earlier for earlier, later in pairwise(waits)] == pytest.approx([0.05, 0.05])

    in_loop(body)


def test_rate_counts_events() -> None:
    async def body() -> None:
        gate = gate_of(rate=1000)
        gate.prove()
        senders = Senders(gate, seconds=0)
        began = now()
        await asyncio.gather(*(senders.send(rows=50) for _ in range(5)))
        assert [at - began for at in senders.times] == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])

    in_loop(body)


@pytest.mark.parametrize("proven", [True, False])
def test_the_stop_wakes_everyone_and_its_first_reason_stays(proven: bool) -> None:
    async def body() -> None:
        gate = gate_of()
        if proven:
            gate.prove()
        gate.hold(60)
        senders = Senders(gate)
        tasks = [asyncio.create_task(senders.send()) for _ in range(4)]
        await asyncio.sleep(0.01)
        first = OursError("first")
        gate.stop(first)
        gate.stop(OursError("second"))
        assert await asyncio.gather(*tasks, return_exceptions=True) == [first] * 4
        assert gate.error is first
        assert senders.times == []

    in_loop(body)


def test_an_error_inside_a_turn_stops_the_run_before_the_next_turn() -> None:
    async def body() -> None:
        gate = gate_of()
        senders = Senders(gate)
        fatal = OursError("401")

        def fail() -> None:
            raise fatal

        ends = await asyncio.gather(*(senders.send(then=fail) for _ in range(5)), return_exceptions=True)
        assert ends == [fatal] * 5
        assert len(senders.times) == 1

    in_loop(body)


def test_a_cancelled_prober_leaves_its_place() -> None:
    async def body() -> None:
        senders = Senders(gate_of(), seconds=60)
        prober = asyncio.create_task(senders.send())
        await asyncio.sleep(0.01)
        next_one = asyncio.create_task(senders.send())
        await asyncio.sleep(0.01)
        prober.cancel()
        await asyncio.sleep(0.01)
        assert len(senders.times) == 2
        next_one.cancel()

    in_loop(body)


def test_a_stop_wakes_who_waits_for_a_place() -> None:
    async def body() -> None:
        gate = gate_of(limit=lambda: 1)
        gate.prove()
        first = asyncio.create_task(Senders(gate, seconds=5).send())
        second = asyncio.create_task(Senders(gate).send())
        await asyncio.sleep(0.01)
        began = now()
        gate.stop(OursError("stopped"))
        with pytest.raises(OursError, match="stopped"):
            await second
        assert now() - began < 1
        await first

    in_loop(body)
