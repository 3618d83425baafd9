"""Chunks → requests → verdicts: many under way together, each sent until it is settled, or the run stops.

What a verdict comes to is for `settlement`. Rows that no answer mentions stay unsent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ours_cli.errors import OursError
from ours_cli.events.chunk import Chunk
from ours_cli.events.outcome import Traffic
from ours_cli.events.request_size import RequestSize
from ours_cli.sending.concurrency import AdaptiveConcurrency, Concurrency, Flight
from ours_cli.sending.gate import Gate, now
from ours_cli.sending.retry import (
    Again,
    Failure,
    Judged,
    Nonsense,
    Verdict,
    backoff,
    server_clock,
)
from ours_cli.sending.route import IDENTIFY, Route
from ours_cli.sending.settlement import Listener, Settlement
from ours_cli.sending.stops import Patience
from ours_cli.sending.visitor_order import VisitorOrder
from ours_cli.settings import Endpoint

if TYPE_CHECKING:
    from ours_cli.sending.http_client import AsyncPoster

GIVE_UP_AFTER_S = 900.0
"""Seconds without progress after which a run stops unless --give-up-after says otherwise."""

DRAIN_S = 8.0
"""Seconds that requests in flight have to end once the run stops; within 10 s all is over, the report too."""


class DeliveryOptions(NamedTuple):
    """How to send. Times in seconds; `rate` in events per second; `concurrency` None learns it.

    Requests hold `batch_events` to begin with, and up to `batch_events_max` once the server takes them.
    """

    batch_events: int
    batch_events_max: int
    batch_bytes: int
    concurrency: int | None
    rate: float | None
    timeout: float
    give_up_after: float
    ca_file: Path | None


class Delivery:
    """One run's sending; `request_size` is for whoever cuts the chunks."""

    def __init__(
        self, route: Route, endpoint: Endpoint, options: DeliveryOptions, listener: Listener
    ) -> None:
        self.traffic = Traffic()
        self._route = route
        self._endpoint = endpoint
        self._options = options
        self._on_clock = listener.on_clock
        self._poster: AsyncPoster | None = None
        fixed = options.concurrency
        self._concurrency = AdaptiveConcurrency() if fixed is None else Concurrency(fixed)
        self.traffic.concurrency = self._concurrency.limit
        self._gate = Gate(options.rate, lambda: self._concurrency.limit)
        self._held_bytes = 0
        self._room = asyncio.Event()
        self.request_size = RequestSize(
            options.batch_events, options.batch_events_max, options.batch_bytes, route.envelope(endpoint)
        )
        self._visitors = VisitorOrder() if route is IDENTIFY else None
        # /identify has no ids: a call that was made and not answered is made again.
        again = "it goes on from there" if route is IDENTIFY else "nothing counts twice"
        self._patience = Patience(
            options.give_up_after, hint=f"run the same command again: {again}", say=listener.on_trouble
        )
        self._settlement = Settlement(
            endpoint.token,
            self._gate,
            self.request_size,
            self._patience,
            listener,
            may_repeat=route is not IDENTIFY,
        )
        self._under_way = 0

    @property
    def trouble(self) -> str | None:
        """What went wrong last; None where something went well since."""
        return self._patience.trouble

    def stop(self, error: OursError) -> None:
        """Start nothing more; what is in flight may end. `deliver` then raises `error`."""
        self._gate.stop(error)

    def prepare(self) -> None:
        """Make the HTTP client, once; raises `UsageError` where it cannot connect to this endpoint at all.

        It takes longer to load than the reading and mapping code together, so the caller chooses the moment,
        before the first chunk.
        """
        if self._poster is None:
            from ours_cli.sending.http_client import AsyncPoster

            options = self._options
            self._poster = AsyncPoster(
                self._endpoint,
                timeout=options.timeout,
                ca_file=options.ca_file,
                on_sent=self._count_bytes,
            )

    def _count_bytes(self, size: int) -> None:
        self.traffic.bytes += size

    async def deliver(self, chunks: AsyncIterator[Chunk]) -> None:
        """Send all chunks. Raises the `OursError` that stopped the run, once what is in flight has ended."""
        try:
            await self._send_all(chunks)
        finally:
            if self._poster is not None:
                await self._poster.aclose()
        if self._gate.error is not None:
            raise self._gate.error
        self._settlement.finish()

    async def idle(self) -> None:
        """Return once each row sent so far has its outcome; raises the error where all are refused."""
        while self._under_way:
            await self._more_room()
        self._settlement.finish()

    async def _send_all(self, chunks: AsyncIterator[Chunk]) -> None:
        senders: set[asyncio.Task[None]] = set()
        feeding = asyncio.create_task(self._start_all(chunks, senders))
        stopped = asyncio.create_task(self._gate.stopped())
        # The stop must interrupt a silent source, and senders that all wait for answers.
        await asyncio.wait({feeding, stopped}, return_when=asyncio.FIRST_COMPLETED)
        feeding.cancel()
        (failure,) = await asyncio.gather(feeding, return_exceptions=True)
        if isinstance(failure, Exception):
            # The source broke, or a reject could not be written: what is in flight still gets its answer.
            self._gate.stop(_as_stop(failure))
        while senders and not stopped.done():
            await asyncio.wait({*senders, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        await _drain(senders)
        if isinstance(failure, Exception) and not isinstance(failure, OursError):
            raise failure

    async def _start_all(self, chunks: AsyncIterator[Chunk], senders: set[asyncio.Task[None]]) -> None:
        if self._gate.error is not None:
            return  # stopped while the HTTP client was loading: no row is to be taken
        async for chunk in chunks:
            # Except the first, which must be able to travel whatever its size.
            while senders and self._held_bytes + chunk.size > self._concurrency.bytes_max:
                await self._more_room()
            self._held_bytes += chunk.size
            sender = asyncio.create_task(self._settle_in_turn(chunk))
            senders.add(sender)
            sender.add_done_callback(senders.discard)
            sender.add_done_callback(partial(self._make_room, chunk.size))
            # A sender that failed must stop the run now, not be found at the end of it.
            sender.add_done_callback(self._stop_on_error)
            # A source that never waits would fill every slot before the first request leaves.
            await asyncio.sleep(0)
            while len(senders) >= self._concurrency.limit:
                await self._more_room()

    async def _more_room(self) -> None:
        """Wait until a chunk is settled or the limit may have been raised."""
        self._room.clear()
        await self._room.wait()

    def _make_room(self, size: int, _settled: object) -> None:
        self._held_bytes -= size
        self._room.set()

    def _stop_on_error(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._gate.stop(_as_stop(error))

    async def _settle_in_turn(self, chunk: Chunk) -> None:
        self._under_way += 1
        try:
            async with nullcontext() if self._visitors is None else self._visitors.turn(chunk.events[0].body):
                await self._settle([chunk])
            # Whoever else is under way may still be accepted, which tells about rows refused alone.
            while self._under_way == 1 and (question := self._settlement.resolve()):
                await self._settle(question)
        finally:
            self._under_way -= 1

    async def _settle(self, parts: list[Chunk]) -> None:
        """Send chunks, whole or in parts, until each of their rows has an outcome, or the run stops."""
        resend = False
        while parts:
            part = parts.pop()
            if not self.request_size.allows(len(part.events), part.size):
                parts.extend(reversed(part.halves()))
                continue
            async with self._gate.turn(len(part.events)):
                if not self.request_size.allows(len(part.events), part.size):
                    parts.append(part)  # another request got a 413 while this one waited
                    continue
                started = now()
                verdict = await self._fly(part, resend)
                left = self._settlement.apply(verdict, part, started)
            if isinstance(verdict, Judged) and left:
                await self._gate.rest(backoff(1))
            parts.extend(reversed(left))
            resend = bool(left) and isinstance(verdict, (Judged, Failure, Again, Nonsense))

    async def _fly(self, chunk: Chunk, resend: bool) -> Verdict | Failure:
        """Ask, and let the concurrency learn from the result."""
        flight = self._concurrency.sent(chunk.size, now())
        try:
            verdict = await self._ask(chunk, resend)
            self._learn(flight, verdict)
        finally:
            self._concurrency.ended()
        return verdict

    def _learn(self, flight: Flight, verdict: Verdict | Failure) -> None:
        match verdict:
            case Again() | Failure(kind="timeout") | Judged(accepted=[], rejected=[]):
                self._concurrency.refused(flight, now())
            case Judged():
                self._concurrency.answered(flight, now())
        self.traffic.concurrency = self._concurrency.limit
        self._room.set()

    async def _ask(self, chunk: Chunk, resend: bool) -> Verdict | Failure:
        assert self._poster is not None
        body = self._route.compose(self._endpoint, chunk)
        self.traffic.requests += 1
        self.traffic.retries += resend
        answer = await self._poster.post(self._route.path, body)
        if isinstance(answer, Failure):
            return answer
        if self.traffic.clock_skew_s is None and (theirs := server_clock(answer.headers)) is not None:
            self.traffic.clock_skew_s = theirs - time.time()
            self._on_clock(self.traffic.clock_skew_s)
        return self._route.judge(answer, len(chunk.events))


async def _drain(senders: set[asyncio.Task[None]]) -> None:
    """Let what is in flight end, for `DRAIN_S` seconds at most."""
    if senders:
        _, late = await asyncio.wait(senders, timeout=DRAIN_S)
        for sender in late:
            sender.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _as_stop(error: BaseException) -> OursError:
    if isinstance(error, OursError):
        return error
    return OursError(
        f"a bug while sending ({type(error).__name__})", hint="please report it; nothing counts twice"
    )
