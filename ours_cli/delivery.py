"""Chunks → outcomes: sends, judges each answer row by row, and sends again what the answer left open.

Nothing is called accepted unless the answer for that row says so. Rows of which no answer speaks stay unsent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from ours_cli.chunk import Chunk, chunk_of
from ours_cli.contract import BATCH_BYTES, BATCH_EVENTS
from ours_cli.errors import ContractError, OursError, UnavailableError
from ours_cli.event import Event, Reject
from ours_cli.gate import Gate
from ours_cli.http_client import AsyncPoster
from ours_cli.outcome import Outcome, Traffic
from ours_cli.retry import (
    Again,
    Broken,
    Failure,
    Judged,
    Nonsense,
    Refused,
    TooLarge,
    Unauthorized,
    Verdict,
    backoff,
)
from ours_cli.route import Route
from ours_cli.settings import Endpoint
from ours_cli.stops import fatal

LONE_REFUSALS_MAX = 16
"""Lone rows answered 400 with nothing accepted yet: then it is not the rows (exit 8)."""

DRAIN_S = 10.0
"""Seconds that requests in flight get to end once the run stops."""


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """How to send. Times in seconds; `rate` in events per second."""

    batch_events: int = BATCH_EVENTS
    batch_bytes: int = BATCH_BYTES
    concurrency: int = 8
    rate: float | None = None
    timeout: float = 30.0
    give_up_after: float = 900.0
    ca_file: Path | None = None


class Delivery:
    """One run's sending. `emit` receives every outcome as soon as it is verified, in the event loop.

    `on_wait(reason, seconds)` is told of pauses that a person would wonder about.
    """

    def __init__(
        self,
        route: Route,
        endpoint: Endpoint,
        options: DeliveryOptions,
        emit: Callable[[Outcome], None],
        on_wait: Callable[[str, float], None],
    ) -> None:
        self.traffic = Traffic()
        self._route = route
        self._endpoint = endpoint
        self._options = options
        self._emit_outcome = emit
        self._on_wait = on_wait
        self._gate = Gate(options.rate)
        self._limit = _SizeLimit(options.batch_events, options.batch_bytes, route.envelope(endpoint))
        self._accepted_any = False
        self._suspects: list[Reject] = []
        self._failures = 0
        self._nonsense = 0
        self._name_failures = 0
        self._trouble_since: float | None = None

    def stop(self, error: OursError) -> None:
        """Start nothing more; what is in flight may end. `deliver` then raises `error`."""
        self._gate.stop(error)

    async def deliver(self, chunks: AsyncIterator[Chunk]) -> None:
        """Send all chunks. Raises the `OursError` that stopped the run, once what is in flight has ended."""
        options = self._options
        self._poster = AsyncPoster(
            self._endpoint,
            timeout=options.timeout,
            connections=options.concurrency,
            ca_file=options.ca_file,
        )
        try:
            await self._send_all(chunks)
        finally:
            await self._poster.aclose()
        if self._gate.error is None and self._suspects:
            self._gate.stop(_refuses_everything(len(self._suspects)))
        if self._gate.error is not None:
            raise self._gate.error

    async def _send_all(self, chunks: AsyncIterator[Chunk]) -> None:
        tasks: set[asyncio.Task[None]] = set()
        try:
            await self._start_all(chunks, tasks)
        except OursError as error:
            # The source broke, or a reject could not be written: what is in flight still gets its answer.
            self._gate.stop(error)
        await self._drain(tasks)

    async def _start_all(self, chunks: AsyncIterator[Chunk], tasks: set[asyncio.Task[None]]) -> None:
        slots = asyncio.Semaphore(self._options.concurrency)
        source = aiter(chunks)
        while await self._free(slots):
            chunk = await self._next(source)
            if chunk is None:
                return
            task = asyncio.create_task(self._settle(chunk))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(lambda _: slots.release())
            # A task that failed must stop the run now, not be found at the end of it.
            task.add_done_callback(self._stop_on_error)

    async def _free(self, slots: asyncio.Semaphore) -> bool:
        await slots.acquire()
        return self._gate.error is None

    async def _next(self, source: AsyncIterator[Chunk]) -> Chunk | None:
        """The next chunk; None at the end, or when the run stops while the source is still silent."""
        pull: asyncio.Task[Chunk | None] = asyncio.create_task(_pull(source))
        stopped = asyncio.create_task(self._gate.stopped())
        done, _ = await asyncio.wait({pull, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if pull in done:
            return pull.result()
        pull.cancel()
        return None

    async def _drain(self, tasks: set[asyncio.Task[None]]) -> None:
        stopped = asyncio.create_task(self._gate.stopped())
        while tasks and not stopped.done():
            await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _stop_on_error(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._gate.stop(error if isinstance(error, OursError) else _bug(error))

    async def _settle(self, chunk: Chunk) -> None:
        """Send a chunk, whole or in parts, until each of its rows has an outcome, or the run stops."""
        parts = [chunk]
        resend = False
        while parts:
            part = parts.pop()
            if not self._limit.allows(part):
                parts.extend(reversed(part.halves()))
                continue
            async with self._gate.turn(len(part.events)):
                verdict = await self._ask(part, resend)
                left = self._apply(verdict, part)
            if isinstance(verdict, Judged) and left:
                self._failures += 1
                await self._gate.rest(backoff(self._failures))
            parts.extend(reversed(left))
            resend = bool(left) and isinstance(verdict, (Judged, Failure, Again, Nonsense))

    async def _ask(self, chunk: Chunk, resend: bool) -> Verdict | Failure:
        body = self._route.compose(self._endpoint, chunk)
        self.traffic.requests += 1
        self.traffic.bytes += len(body)
        self.traffic.retries += resend
        started = asyncio.get_running_loop().time()
        answer = await self._poster.post(self._route.path, body)
        verdict = answer if isinstance(answer, Failure) else self._route.judge(answer, len(chunk.events))
        if isinstance(verdict, (Failure, Again, Nonsense)):
            self._trouble_since = started if self._trouble_since is None else self._trouble_since
        elif not isinstance(verdict, Judged):
            self._trouble_since = None
        return verdict

    def _apply(self, verdict: Verdict | Failure, chunk: Chunk) -> list[Chunk]:
        """Act on one verdict; returns the parts of the chunk that must still be sent."""
        match verdict:
            case Judged():
                return self._take(verdict, chunk)
            case Failure() | Again() | Nonsense():
                self._hold_off(verdict)
                return [chunk]
            case TooLarge(limit):
                return self._shrink(chunk, limit)
            case Refused(message):
                return self._isolate(chunk, message)
            case Unauthorized() | Broken():
                error = fatal(verdict, 0, 0)
                assert error is not None
                self._gate.stop(error)
                return [chunk]

    def _take(self, judged: Judged, chunk: Chunk) -> list[Chunk]:
        events = chunk.events
        rejected = [_reject(events[index], code, message) for index, code, message in judged.rejected]
        accepted = [events[index] for index in judged.accepted] if rejected or judged.again else events
        if accepted or rejected:
            self._progress(bool(accepted))
            self._emit_outcome(Outcome(accepted, rejected))
        return [chunk_of([events[index] for index in judged.again])] if judged.again else []

    def _progress(self, accepted: bool) -> None:
        self._failures = self._nonsense = 0
        self._trouble_since = None
        self._gate.prove()
        if accepted and not self._accepted_any:
            self._accepted_any = True
            if self._suspects:
                self._emit_outcome(Outcome([], self._suspects))
                self._suspects = []

    def _hold_off(self, verdict: Failure | Again | Nonsense) -> None:
        """Pause everyone, or give up when there is no use in waiting."""
        now = asyncio.get_running_loop().time()
        self._failures += 1
        floor = (verdict.floor_s or 0.0) if isinstance(verdict, Again) else 0.0
        pause = max(floor, backoff(self._failures))
        hopeless = self._hopeless(verdict)
        if hopeless is not None:
            self._gate.stop(hopeless)
            return
        assert self._trouble_since is not None
        left = self._options.give_up_after - (now - self._trouble_since)
        if floor > left:
            self._gate.stop(_gives_up(f"the server asks to wait {floor:g} s, longer than is left to give up"))
        elif left <= 0:
            self._gate.stop(_gives_up(f"{verdict.reason}, for {self._options.give_up_after:g} s"))
        else:
            pause = min(pause, max(left, floor))
            self._gate.doubt(pause)
            self._on_wait(verdict.reason, pause)

    def _hopeless(self, verdict: Failure | Again | Nonsense) -> OursError | None:
        self._nonsense = self._nonsense + 1 if isinstance(verdict, Nonsense) else 0
        wrong_name = isinstance(verdict, Failure) and verdict.kind == "name" and not self._accepted_any
        self._name_failures = self._name_failures + 1 if wrong_name else 0
        return fatal(verdict, self._nonsense, self._name_failures)

    def _shrink(self, chunk: Chunk, limit: int | None) -> list[Chunk]:
        if len(chunk.events) == 1:
            reject = _reject(
                chunk.events[0], "too_large", "the server refuses this row alone as too large (413)"
            )
            self._emit_outcome(Outcome([], [reject]))
            return []
        self._limit.learn(chunk, limit)
        return list(chunk.halves())

    def _isolate(self, chunk: Chunk, message: str) -> list[Chunk]:
        """400 says that something in the request is malformed: halve until the row stands alone.

        A lone refusal is a reject only once some other row was accepted; until then it may be the whole
        request that the server dislikes, and rejecting row after row would be wrong.
        """
        if len(chunk.events) > 1:
            return list(chunk.halves())
        reject = _reject(chunk.events[0], "refused", message or "the server refuses this row (400)")
        if self._accepted_any:
            self._emit_outcome(Outcome([], [reject]))
            return []
        self._suspects.append(reject)
        if len(self._suspects) >= LONE_REFUSALS_MAX:
            self._gate.stop(_refuses_everything(len(self._suspects)))
        return []


class _SizeLimit:
    """The batch size in force: what the person allows, made smaller by each 413."""

    def __init__(self, events: int, size: int, envelope: int) -> None:
        self._events = events
        self._size = size - envelope
        self._envelope = envelope

    def allows(self, chunk: Chunk) -> bool:
        count = len(chunk.events)
        return count == 1 or (count <= self._events and chunk.size <= self._size)

    def learn(self, chunk: Chunk, limit: int | None) -> None:
        """A 413 for this chunk. Whether `limit` counts events or bytes is unknown (contract: 413), so it is
        taken for whichever of the two it can be; without one, both are halved."""
        count = len(chunk.events)
        if limit is not None and limit < count:
            self._events = min(self._events, limit)
        elif limit is not None and limit < chunk.size + self._envelope:
            self._size = min(self._size, limit - self._envelope)
        else:
            self._events = min(self._events, max(1, count // 2))
            self._size = min(self._size, max(1, chunk.size // 2))


async def _pull(source: AsyncIterator[Chunk]) -> Chunk | None:
    return await anext(source, None)


def _reject(event: Event, code: str, message: str) -> Reject:
    return Reject(event.origin, event.distinct_id, code, message)


def _refuses_everything(count: int) -> OursError:
    return ContractError(
        f"the server refuses every row (400): {count} sent alone, none accepted",
        hint="check the event names allowed in the dashboard, and --dry-run to see what is sent",
    )


def _gives_up(reason: str) -> OursError:
    return UnavailableError(f"gave up: {reason}", hint="run the same command again: nothing counts twice")


def _bug(error: BaseException) -> OursError:
    return OursError(
        f"a bug while sending ({type(error).__name__})", hint="please report it; nothing counts twice"
    )
