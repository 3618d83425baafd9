"""Delivery against a scripted poster: no sockets, every interleaving on purpose."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from events_kit import SMALLEST, events_of, run_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from leaping_clock import run_leaping

from ours_cli.contract import BATCH_BYTES, BATCH_EVENTS, BATCH_EVENTS_MAX
from ours_cli.errors import AuthError, ContractError, LocalIOError, OursError, SourceError, UnavailableError
from ours_cli.events.chunk import Chunk, Chunker, chunk_of
from ours_cli.events.event import Event
from ours_cli.events.outcome import Outcome
from ours_cli.events.packed_events import Events
from ours_cli.events.request_size import RequestSize
from ours_cli.sending import http_client
from ours_cli.sending.concurrency import CONCURRENCY_MAX
from ours_cli.sending.delivery import GIVE_UP_AFTER_S, Delivery, DeliveryOptions
from ours_cli.sending.gate import now
from ours_cli.sending.retry import Answer, Failure
from ours_cli.sending.route import BATCH
from ours_cli.sending.settlement import Listener
from ours_cli.settings import Endpoint

pytestmark = pytest.mark.usefixtures("quick_backoff")

Reply = Callable[[list[str]], Awaitable["Answer | Failure"]]
"""distinctIds of one request → what comes back."""


def good(names: list[str]) -> Answer:
    results = [{"index": index, "success": True} for index, _ in enumerate(names)]
    body = {"success": True, "accepted": len(names), "failed": 0, "results": results}
    return Answer(200, {}, json.dumps(body).encode())


def plain(status: int, **body: Any) -> Answer:
    return Answer(status, {}, json.dumps({"success": False, **body}).encode())


def failing(names: list[str], failed: dict[str, str]) -> Answer:
    """207: the rows named in `failed` fail with that code."""
    results: list[dict[str, Any]] = [
        {"index": index, "success": False, "code": failed[name], "message": "no"}
        if name in failed
        else {"index": index, "success": True}
        for index, name in enumerate(names)
    ]
    bad = sum(name in failed for name in names)
    body = {"success": not bad, "accepted": len(names) - bad, "failed": bad, "results": results}
    return Answer(207 if bad else 200, {}, json.dumps(body).encode())


def sending(**options: Any) -> DeliveryOptions:
    """As the command sends without flags, except for these options."""
    usual = DeliveryOptions(
        BATCH_EVENTS, BATCH_EVENTS_MAX, BATCH_BYTES, None, None, 30.0, GIVE_UP_AFTER_S, None
    )
    return usual._replace(**options)


def ignored(*_told: object) -> None:
    """A listener that does nothing."""


@dataclass
class Run:
    """One delivery with its outcomes; `reply` plays the server."""

    reply: Reply
    options: DeliveryOptions = field(default_factory=sending)
    accepted: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    requests: list[list[str]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    error: BaseException | None = None
    delivery: Delivery | None = None
    took_s: float = 0

    def emit(self, outcome: Outcome) -> None:
        self.accepted.update(event.distinct_id for event in outcome.accepted)
        self.rejected.update(reject.distinct_id for reject in outcome.rejected)
        self.codes.update(reject.code for reject in outcome.rejected)

    async def post(self, _path: str, body: bytes) -> Answer | Failure:
        names = [row["distinctId"] for row in json.loads(body)["events"]]
        self.requests.append(names)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self.reply(names)
        finally:
            self.in_flight -= 1

    async def aclose(self) -> None:
        assert self.in_flight == 0, "closed under a request in flight"

    async def deliver(self, chunks: AsyncIterator[Chunk]) -> None:
        self.delivery = Delivery(
            BATCH,
            Endpoint("http://127.0.0.1", "token"),
            self.options,
            Listener(self.emit, ignored, lambda *_: "line 1", ignored, ignored),
        )
        began = now()
        try:
            self.delivery.prepare()
            await self.delivery.deliver(chunks)
        except Exception as error:
            self.error = error
        self.took_s = now() - began
        assert self.in_flight == 0
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1, "nothing is left behind"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Deliver chunks of events; returns once the delivery has ended, however it did."""

    def go(
        reply: Reply,
        chunks: Callable[[Run], AsyncIterator[Chunk]] | list[Chunk],
        **options: Any,
    ) -> Run:
        made = Run(reply, sending(**options))
        monkeypatch.setattr(http_client, "AsyncPoster", lambda *_, **__: made)

        async def body() -> None:
            async with asyncio.timeout(15):
                await made.deliver(each(chunks) if isinstance(chunks, list) else chunks(made))

        run_leaping(body())
        return made

    return go


async def each(chunks: list[Chunk]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


def named_events(pads: list[int]) -> list[Event]:
    """One event each, whose body names it (d-1, d-2, ...) and is padded by so many bytes."""
    events = []
    for number, (event, pad) in enumerate(zip(events_of([SMALLEST] * len(pads)), pads, strict=True), 1):
        body = {"distinctId": f"d-{number}", "event": "E", "pad": "x" * pad}
        events.append(event._replace(distinct_id=f"d-{number}", body=json.dumps(body).encode()))
    return events


def chunks_of(count: int, size: int) -> list[Chunk]:
    """Some rows of each chunk were mapped together, the others one by one."""
    events, chunks = named_events([0] * count), []
    for start in range(0, count, size):
        own = events[start : start + size]
        some = len(own) // 3
        parts = [own[:some], run_of(own[some:])] if some else [run_of(own)]
        chunks.append(chunk_of(Events(parts)))
    return chunks


def names_of(chunks: list[Chunk]) -> set[str]:
    return {event.distinct_id for chunk in chunks for event in chunk.events}


async def accept(names: list[str]) -> Answer:
    await asyncio.sleep(0)
    return good(names)


RunIt = Callable[..., Run]


def test_everything_accepted_once(run: RunIt) -> None:
    chunks = chunks_of(100, 7)
    done = run(accept, chunks, concurrency=4)
    assert done.error is None
    assert done.accepted == Counter(names_of(chunks))


def test_requests_are_in_flight_together_once_something_was_accepted(run: RunIt) -> None:
    assert run(slowly, chunks_of(40, 2), concurrency=5).most_in_flight == 5


def test_401_at_once_is_one_request(run: RunIt) -> None:
    async def reply(_names: list[str]) -> Answer:
        await asyncio.sleep(0.01)
        return plain(401)

    done = run(reply, chunks_of(50, 1), concurrency=16)
    assert isinstance(done.error, AuthError)
    assert len(done.requests) == 1


def test_401_in_mid_run_lets_what_is_in_flight_end(run: RunIt) -> None:
    async def reply(names: list[str]) -> Answer:
        if names == ["d-5"]:
            return plain(401)
        await asyncio.sleep(0.05)
        return good(names)

    done = run(reply, chunks_of(50, 1), concurrency=4)
    assert isinstance(done.error, AuthError)
    assert set(done.accepted) == {name for (name,) in done.requests} - {"d-5"}


@pytest.mark.parametrize("concurrency", [None, 16])
def test_a_server_that_is_down_is_asked_by_one_at_a_time(
    run: RunIt, monkeypatch: pytest.MonkeyPatch, concurrency: int | None
) -> None:
    monkeypatch.setattr("ours_cli.sending.retry.BACKOFF_CAP_S", 0.002)
    begun = under_way = 0
    has_failed = False
    together: list[int] = []

    async def reply(names: list[str]) -> Answer:
        nonlocal begun, under_way, has_failed
        begun += 1
        number, under_way = begun, under_way + 1
        if has_failed and number < 100:
            together.append(under_way)
        await asyncio.sleep(0.002)
        under_way -= 1
        if not 60 <= number < 100:
            return good(names)
        has_failed = True
        return plain(503)

    done = run(reply, chunks_of(200, 1), concurrency=concurrency)
    assert done.error is None
    assert len(done.accepted) == 200
    # What was in flight with the first failure ends beside the first prober at most.
    assert len(together) > 10
    assert set(together[16:] or together[-5:]) == {1}


def test_auto_goes_up_from_two_and_never_beyond_what_it_holds(run: RunIt) -> None:
    done = run(slowly, chunks_of(1000, 2))
    assert len(done.accepted) == 1000
    assert 4 <= done.most_in_flight <= CONCURRENCY_MAX
    assert done.delivery is not None
    assert done.delivery.traffic.concurrency > 2


def test_a_queue_that_takes_nothing_is_a_refusal_to_auto(run: RunIt) -> None:
    most = 0

    async def source(made: Run) -> AsyncIterator[Chunk]:
        nonlocal most
        assert made.delivery is not None
        for chunk in chunks_of(400, 2):
            most = max(most, made.delivery.traffic.concurrency)
            yield chunk

    async def reply(names: list[str]) -> Answer:
        await asyncio.sleep(0.005)
        return good(names) if most < 8 else failing(names, dict.fromkeys(names, "queue_failed"))

    done = run(reply, source, give_up_after=0.3)
    assert isinstance(done.error, UnavailableError)
    assert done.delivery is not None
    assert most >= 8
    assert done.delivery.traffic.concurrency <= most // 2


def test_auto_bounds_the_bytes_in_flight(run: RunIt, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = chunks_of(1000, 2)
    monkeypatch.setattr("ours_cli.sending.concurrency.AdaptiveConcurrency.bytes_max", chunks[-1].size * 5)
    done = run(slowly, chunks)
    assert len(done.accepted) == 1000
    assert 2 <= done.most_in_flight <= 6


def test_a_chunk_larger_than_all_that_may_be_in_flight_travels_alone(
    run: RunIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ours_cli.sending.concurrency.AdaptiveConcurrency.bytes_max", 1)
    done = run(slowly, chunks_of(12, 2))
    assert len(done.accepted) == 12
    assert done.most_in_flight == 1


async def slowly(names: list[str]) -> Answer:
    await asyncio.sleep(0.05)
    return good(names)


async def _breaks(error: Exception) -> AsyncIterator[Chunk]:
    """Three chunks, then the error, while the second and the third are in flight."""
    first, *others = chunks_of(6, 2)
    yield first
    await asyncio.sleep(0.1)
    for chunk in others:
        yield chunk
    await asyncio.sleep(0.01)
    raise error


def test_an_error_of_the_source_lets_what_is_in_flight_end(run: RunIt) -> None:
    done = run(slowly, lambda _run: _breaks(SourceError("the gzip data ends early")))
    assert isinstance(done.error, SourceError)
    assert len(done.accepted) == 6


def test_a_bug_of_the_source_lets_what_is_in_flight_end_and_shows_itself(run: RunIt) -> None:
    done = run(slowly, lambda _run: _breaks(ZeroDivisionError()))
    assert isinstance(done.error, ZeroDivisionError)
    assert len(done.accepted) == 6


def test_a_reject_that_cannot_be_written_stops_the_run(run: RunIt, monkeypatch: pytest.MonkeyPatch) -> None:
    def emit(self: Run, outcome: Outcome) -> None:
        if outcome.rejected:
            raise LocalIOError("disk full")
        self.accepted.update(event.distinct_id for event in outcome.accepted)

    monkeypatch.setattr(Run, "emit", emit)

    async def reply(names: list[str]) -> Answer:
        return failing(names, {"d-4": "invalid_event"})

    done = run(reply, chunks_of(200, 2), concurrency=1)
    assert isinstance(done.error, LocalIOError)
    assert set(done.accepted) == {"d-1", "d-2"}
    assert len(done.requests) == 2


def test_a_bug_in_a_sender_stops_the_run(run: RunIt) -> None:
    async def reply(names: list[str]) -> Answer:
        if "d-9" in names:
            raise ZeroDivisionError
        return good(names)

    done = run(reply, chunks_of(400, 2), concurrency=2)
    assert isinstance(done.error, OursError)
    assert "ZeroDivisionError" in str(done.error)
    assert len(done.requests) < 20


async def _silent(run: Run) -> AsyncIterator[Chunk]:
    yield chunks_of(2, 2)[0]
    while len(run.accepted) < 2:
        await asyncio.sleep(0.001)
    assert run.delivery is not None
    asyncio.get_running_loop().call_later(0.05, run.delivery.stop, OursError("interrupted"))
    await asyncio.sleep(60)


def test_the_stop_reaches_a_source_that_is_silent(run: RunIt) -> None:
    done = run(accept, _silent)
    assert str(done.error) == "interrupted"
    assert done.took_s < 0.1
    assert len(done.accepted) == 2


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_stop_reaches_a_full_house_of_senders(
    run: RunIt, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    monkeypatch.setattr("ours_cli.sending.delivery.DRAIN_S", 0.2)

    async def reply(names: list[str]) -> Answer:
        if names == ["d-1"]:
            return good(names)
        await asyncio.sleep(60)
        raise AssertionError

    async def source(run: Run) -> AsyncIterator[Chunk]:
        assert run.delivery is not None
        asyncio.get_running_loop().call_later(0.1, run.delivery.stop, OursError("interrupted"))
        for chunk in chunks_of(30, 1):
            yield chunk

    done = run(reply, source, concurrency=concurrency)
    assert str(done.error) == "interrupted"
    assert done.took_s == pytest.approx(0.3)
    assert set(done.accepted) == {"d-1"}


def test_what_is_answered_while_draining_counts_and_nothing_more_starts(run: RunIt) -> None:
    async def reply(names: list[str]) -> Answer:
        if names == ["d-1"]:
            return good(names)
        await asyncio.sleep(0.3)
        return failing(names, {"d-3": "queue_failed"})

    async def source(run: Run) -> AsyncIterator[Chunk]:
        assert run.delivery is not None
        asyncio.get_running_loop().call_later(0.1, run.delivery.stop, OursError("interrupted"))
        for chunk in chunks_of(30, 1):
            yield chunk

    done = run(reply, source, concurrency=3)
    assert set(done.accepted) == {"d-1", "d-2", "d-4"}
    assert len(done.requests) == 4


def test_the_stop_ends_a_backoff(run: RunIt) -> None:
    async def reply(_names: list[str]) -> Answer:
        return Answer(503, {"retry-after": "30"}, b"")

    async def source(run: Run) -> AsyncIterator[Chunk]:
        assert run.delivery is not None
        asyncio.get_running_loop().call_later(0.1, run.delivery.stop, OursError("interrupted"))
        for chunk in chunks_of(30, 1):
            yield chunk

    done = run(reply, source)
    assert str(done.error) == "interrupted"
    assert done.took_s == pytest.approx(0.1)


def test_one_blip_of_many_senders_is_one_failure(run: RunIt) -> None:
    """Eight senders meet the same nonsense at the same time: that is one try, not the end of the run."""
    calls = 0

    async def reply(names: list[str]) -> Answer:
        nonlocal calls
        calls += 1
        number = calls
        await asyncio.sleep(0.02)
        return Answer(200, {}, b"<html>") if 2 <= number <= 9 else good(names)

    chunks = chunks_of(60, 1)
    done = run(reply, chunks, concurrency=8)
    assert done.error is None
    assert done.accepted == Counter(names_of(chunks))


def test_rows_that_never_get_into_the_queue_end_the_run(run: RunIt) -> None:
    async def reply(names: list[str]) -> Answer:
        await asyncio.sleep(0)
        return failing(names, {"d-2": "queue_failed", "d-7": "queue_failed"})

    done = run(reply, chunks_of(10, 5), give_up_after=0.4)
    assert isinstance(done.error, UnavailableError)
    assert len(done.accepted) == 8
    assert not done.rejected


@pytest.mark.parametrize("failed", [{}, {"d-1": "queue_failed"}], ids=["200", "207"])
def test_an_answer_that_accepts_rows_may_ask_for_a_pause(failed: dict[str, str], run: RunIt) -> None:
    seen: set[str] = set()

    async def reply(names: list[str]) -> Answer:
        answer = good(names) if seen else failing(names, failed)
        seen.update(names)
        return Answer(answer.status, {"retry-after": "2"} if len(seen) == 2 else {}, answer.body)

    done = run(reply, chunks_of(4, 2))
    assert done.error is None
    assert len(done.accepted) == 4
    assert 2 <= done.took_s < 4


def test_progress_renews_the_time_to_give_up(run: RunIt) -> None:
    """Every other request fails, for longer in all than `give_up_after`: yet each row gets through."""
    failed: set[str] = set()

    async def reply(names: list[str]) -> Answer:
        if failed.issuperset(names):
            return good(names)
        failed.update(names)
        return Answer(503, {"retry-after": "0.5"}, b"")

    done = run(reply, chunks_of(12, 1), give_up_after=0.8)
    assert done.error is None
    assert len(done.accepted) == 12
    assert done.took_s > 0.8


def test_lone_refusals_are_rejects_once_another_row_was_accepted(run: RunIt) -> None:
    bad = {"d-1", "d-2", "d-3"}

    async def reply(names: list[str]) -> Answer:
        return plain(400, error="no") if bad & set(names) else good(names)

    chunks = chunks_of(9, 3)
    done = run(reply, chunks)
    assert done.error is None
    assert done.rejected == Counter(bad)
    assert done.accepted == Counter(names_of(chunks) - bad)


def test_lone_refusals_stay_unsent_when_the_run_stops_before_any_was_accepted(run: RunIt) -> None:
    async def reply(names: list[str]) -> Answer:
        return plain(401) if "d-5" in names else plain(400)

    done = run(reply, chunks_of(9, 3), concurrency=1)
    assert isinstance(done.error, AuthError)
    assert not done.rejected


def test_a_question_that_is_refused_when_nothing_is_in_doubt_any_more(run: RunIt) -> None:
    """While a row that was accepted is sent again, one sent later is accepted: that tells as much."""
    asked = asyncio.Event()

    async def reply(names: list[str]) -> Answer:
        if names == ["d-1"] and asked.is_set():
            await asyncio.sleep(0.2)
            return plain(400)
        if names == ["d-1"]:
            asked.set()
        return good(names) if names in (["d-1"], ["d-18"]) else plain(400)

    done = run(reply, chunks_of(18, 1), concurrency=2)
    assert done.error is None
    assert done.accepted == Counter(["d-1", "d-18"])
    assert done.rejected == Counter(f"d-{number}" for number in range(2, 18))


def test_rows_refused_by_207_prove_nothing_about_lone_refusals(run: RunIt) -> None:
    """An `invalid_event` is a reject by the server's own word; a 400 may still mean the whole request."""

    async def reply(names: list[str]) -> Answer:
        return failing(names, {"d-1": "invalid_event"}) if names == ["d-1"] else plain(400)

    done = run(reply, chunks_of(5, 1))
    assert isinstance(done.error, ContractError)
    assert done.rejected == Counter(["d-1"])


def test_a_question_that_is_rejected_clears_no_row(run: RunIt) -> None:
    """The row that was accepted before is refused too, by the server's own word: it is no witness."""
    asked: list[str] = []

    async def reply(names: list[str]) -> Answer:
        if names != ["d-1"]:
            return plain(400)
        asked.extend(names)
        return good(names) if len(asked) == 1 else failing(names, {"d-1": "invalid_event"})

    done = run(reply, chunks_of(30, 1), concurrency=1)
    assert isinstance(done.error, ContractError)
    assert (len(asked), done.accepted) == (2, Counter(["d-1"]))
    assert not done.rejected


class SizeServer:
    """Answers 413 beyond its limits, in the manner asked for."""

    def __init__(self, most_events: int, most_bytes: int, tell: str) -> None:
        self.refusals = 0
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._tell = tell

    async def reply(self, body: bytes) -> Answer:
        names = [row["distinctId"] for row in json.loads(body)["events"]]
        await asyncio.sleep(0)
        if len(names) <= self._most_events and len(body) <= self._most_bytes:
            return good(names)
        self.refusals += 1
        limit = self._most_events if len(names) > self._most_events else self._most_bytes
        return plain(413, **({"limit": limit} if self._tell == "limit" else {}))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pads=st.lists(st.integers(0, 300) | st.sampled_from([2000, 5000]), min_size=1, max_size=80),
    most_events=st.integers(1, 40),
    most_bytes=st.integers(200, 3000),
    tell=st.sampled_from(["limit", "nothing"]),
    batch=st.integers(1, 60),
    concurrency=st.integers(1, 4),
)
def test_learning_the_size_always_ends_with_each_row_once(
    monkeypatch: pytest.MonkeyPatch,
    pads: list[int],
    most_events: int,
    most_bytes: int,
    tell: str,
    batch: int,
    concurrency: int,
) -> None:
    """The first row is small: of one that was never accepted nobody could say what else would have been."""
    server = SizeServer(most_events, most_bytes, tell)
    events = named_events([0, *pads])
    chunker = Chunker(RequestSize(batch), 1 << 20)
    chunks = [chunk for event in events if (chunk := chunker.add(event))]
    chunks += [last] if (last := chunker.flush()) else []
    made = Run(accept, sending(concurrency=concurrency))

    async def post(_path: str, body: bytes) -> Answer:
        return await server.reply(body)

    monkeypatch.setattr(made, "post", post)
    monkeypatch.setattr(http_client, "AsyncPoster", lambda *_, **__: made)

    async def body() -> None:
        async with asyncio.timeout(10):
            await made.deliver(each(chunks))

    run_leaping(body())
    assert made.error is None
    envelope = len(b'{"token":"token","events":[]}')
    giants = {event.distinct_id for event in events if len(event.body) + envelope > most_bytes}
    assert made.rejected == Counter(giants)
    assert set(made.codes) <= {"too_large"}
    assert made.accepted == Counter({event.distinct_id for event in events} - giants)
    assert server.refusals <= 4 * len(events)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), concurrency=st.integers(1, 5), size=st.integers(1, 9))
def test_whatever_the_server_answers_no_row_has_two_fates(
    monkeypatch: pytest.MonkeyPatch, seed: int, concurrency: int, size: int
) -> None:
    """The server's own record is the oracle: what is called accepted is there, and all are at the end."""
    held: set[str] = set()
    chance = random.Random(seed)

    async def reply(names: list[str]) -> Answer | Failure:
        await asyncio.sleep(chance.choice([0, 0, 0.001]))
        kind = chance.randrange(10)
        if kind == 0:
            return Failure("cut", "cut")
        if kind == 1:
            held.update(names)
            return Failure("timeout", "slow")
        if kind == 2:
            return plain(chance.choice([500, 503, 429]))
        if kind == 3:
            held.update(names)
            return Answer(200, {}, good(names).body[:-3])
        if kind == 4:
            failed = {name: "queue_failed" for name in names if chance.random() < 0.5}
            held.update(set(names) - set(failed))
            return failing(names, failed)
        if kind == 5 and len(names) > 1:
            return plain(413)
        held.update(names)
        return good(names)

    chunks = chunks_of(30, size)
    made = Run(reply, sending(concurrency=concurrency))
    monkeypatch.setattr(http_client, "AsyncPoster", lambda *_, **__: made)
    monkeypatch.setattr("ours_cli.sending.retry.BACKOFF_CAP_S", 0.001)
    monkeypatch.setattr("ours_cli.sending.stops.NONSENSE_MAX", 10**6)

    async def body() -> None:
        async with asyncio.timeout(10):
            await made.deliver(each(chunks))

    run_leaping(body())
    assert made.error is None
    assert made.accepted == Counter(names_of(chunks))
    assert set(made.accepted) <= held
    assert not made.rejected


def test_rate_holds_over_all_senders(run: RunIt) -> None:
    done = run(accept, chunks_of(50, 5), concurrency=8, rate=100)
    assert done.took_s == pytest.approx(0.45)
    assert len(done.accepted) == 50


def test_a_stop_before_the_first_row_is_taken_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The HTTP client takes a while to load, and Ctrl-C may come meanwhile."""
    asked: list[None] = []

    async def chunks() -> AsyncIterator[Chunk]:
        asked.append(None)
        yield chunks_of(1, 1)[0]

    made = Run(accept)

    def load(*_: object, **__: object) -> Run:
        assert made.delivery is not None
        asyncio.get_running_loop().call_soon(made.delivery.stop, UnavailableError("stopped"))
        return made

    monkeypatch.setattr(http_client, "AsyncPoster", load)
    asyncio.run(made.deliver(chunks()))
    assert isinstance(made.error, UnavailableError)
    assert not asked
