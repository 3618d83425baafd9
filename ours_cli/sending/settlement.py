"""A verdict about a chunk → outcomes of its rows, and the parts of it that must still be sent.

Nothing is called accepted unless the answer for that row says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ours_cli.errors import ContractError, UnavailableError
from ours_cli.events.chunk import Chunk, chunk_of
from ours_cli.events.event import Event, Origin, Reject
from ours_cli.events.outcome import Outcome
from ours_cli.events.packed_events import Events
from ours_cli.events.request_size import RequestSize
from ours_cli.sending.gate import Gate, now
from ours_cli.sending.lone_refusals import LoneRefusals, Refusal
from ours_cli.sending.retry import (
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
from ours_cli.sending.route import without_token
from ours_cli.sending.stops import Patience, fatal, may_be_the_rows


class Listener(NamedTuple):
    """Who is told, in the event loop, how sending goes.

    `emit` receives every outcome as soon as it is verified. `on_wait(reason, seconds)` hears of pauses that a
    person would wonder about, `on_trouble(text)` once where they last and once when they end,
    `on_clock(seconds)`, at the first answer, of how far the server's clock is ahead. `where(first, last)`
    names the rows from one to another.
    """

    emit: Callable[[Outcome], None]
    on_wait: Callable[[str, float], None]
    where: Callable[[Origin, Origin], str]
    on_clock: Callable[[float], None]
    on_trouble: Callable[[str], None]


class Settlement:
    """What the verdicts of one run come to, in its event loop.

    `may_repeat` says whether a row that was accepted may be sent again: the server counts it once.
    """

    def __init__(
        self,
        token: str,
        gate: Gate,
        request_size: RequestSize,
        patience: Patience,
        listener: Listener,
        *,
        may_repeat: bool,
    ) -> None:
        self._token = token
        self._gate = gate
        self._request_size = request_size
        self._patience = patience
        self._emit = listener.emit
        self._on_wait = listener.on_wait
        self._where = listener.where
        self._may_repeat = may_repeat
        self._lone = LoneRefusals(listener.where)
        self._question: Chunk | None = None

    def finish(self) -> None:
        """Settle what is in doubt, as nothing more can tell; raises the error where it is not the rows."""
        if self._lone:
            self._emit(Outcome(rejected=self._lone.blamed()))

    def resolve(self) -> list[Chunk]:
        """Find out about rows refused alone, no acceptance being in sight; returns what to send for it."""
        if not self._lone or self._question is not None:
            return []
        question = self._lone.question() if self._may_repeat else None
        if question is not None:
            self._question = question
            return [question]
        if self._lone.are_many:
            self.finish()
        return []

    def apply(self, verdict: Verdict | Failure, chunk: Chunk, started: float) -> list[Chunk]:
        """Act on one verdict; returns the parts of the chunk that must still be sent.

        Raises the `OursError` that stops the run when there is no use in going on.
        """
        count = len(chunk.events)
        is_trial = self._request_size.is_trial(count)
        match verdict:
            case Failure("timeout" | "cut") | Unauthorized(403) | Broken() if is_trial:
                return self._step_back(verdict, chunk)
            case Judged(accepted=[], rejected=[]):
                self._request_size.failed(count)
                # Nothing but rows that failed in the queue is no progress: such a run must end some day too.
                again = Again("the server could not queue a single row", verdict.floor_s)
                self._hold_off(again, chunk, started)
                return [chunk]
            case Judged(rejected=[]) if chunk is self._question:
                self._patience.progress(now())
                self._answered(verdict, started)
                return []
            case Judged() | TooLarge() | Refused() if chunk is self._question:
                self._question = None
                if self._lone:  # else another row was accepted meanwhile, which tells as much
                    raise self._lone.error()
                return []
            case Judged():
                self._request_size.taken(count, chunk.size)
                self._patience.progress(now())
                return self._take(verdict, chunk, started)
            case Failure() | Again() | Nonsense():
                self._request_size.failed(count)
                self._hold_off(verdict, chunk, started)
                return [chunk]
            case TooLarge(limit):
                self._patience.progress(now())
                return self._shrink(chunk, limit)
            case Refused():
                self._request_size.failed(count)
                self._patience.progress(now())
                return self._isolate(chunk, verdict)
            case Unauthorized() | Broken():
                raise fatal(verdict)

    def _take(self, judged: Judged, chunk: Chunk, started: float) -> list[Chunk]:
        events = chunk.events
        rejected = [self._reject(events[index], code, message) for index, code, message in judged.rejected]
        accepted = Events([_at(events, judged.accepted)]) if rejected or judged.again else events
        self._prove(judged)
        if accepted and (to_blame := self._lone.accepted(accepted, started)):
            self._emit(Outcome(rejected=to_blame))
        self._emit(Outcome(accepted, rejected))
        return [chunk_of(Events([_at(events, judged.again)]))] if judged.again else []

    def _prove(self, judged: Judged) -> None:
        self._gate.prove()
        self._gate.hold(judged.floor_s or 0.0)

    def _answered(self, judged: Judged, started: float) -> None:
        """The row that was accepted before is so again: the server is well, and its outcome long known."""
        self._prove(judged)
        self._question = None
        self._emit(Outcome(rejected=self._lone.cleared(started)))

    def _reject(self, event: Event, code: str, message: str) -> Reject:
        code, message = (without_token(words, self._token) for words in (code, message))
        return Reject(event.origin, event.distinct_id, code, message)

    def _hold_off(self, verdict: Failure | Again | Nonsense, chunk: Chunk, started: float) -> None:
        """Pause everyone, or give up when there is no use in waiting."""
        try:
            pause = self._patience.after(verdict, started, now())
        except (ContractError, UnavailableError) as error:
            if not may_be_the_rows(verdict):
                raise
            rows = self._where(chunk.events[0].origin, chunk.events[-1].origin)
            raise type(error)(f"{error.message} (tried last: {rows})", hint=error.hint) from None
        self._gate.doubt(pause)
        self._on_wait(verdict.reason, pause)

    def _step_back(self, verdict: Failure | Unauthorized | Broken, chunk: Chunk) -> list[Chunk]:
        """A proxy or firewall may fail so on large requests alone: that is neither an end nor a delay."""
        self._request_size.failed(len(chunk.events))
        if isinstance(verdict, Failure):
            pause = backoff(1)
            self._gate.doubt(pause)
            self._on_wait(verdict.reason, pause)
        return list(chunk.halves())

    def _shrink(self, chunk: Chunk, limit: int | None) -> list[Chunk]:
        if len(chunk.events) > 1:
            self._request_size.refused(len(chunk.events), chunk.size, limit)
            return list(chunk.halves())
        words = "the server refuses this row alone as too large (413)"
        reject = self._reject(chunk.events[0], "too_large", words)
        return self._refuse(Refusal(reject, 413, limit, chunk.size, now()))

    def _isolate(self, chunk: Chunk, refused: Refused) -> list[Chunk]:
        """400 says that something in the request is malformed: halve until the row stands alone."""
        if len(chunk.events) > 1:
            return list(chunk.halves())
        words = refused.message or "the server refuses this row (400)"
        reject = self._reject(chunk.events[0], "refused", words)
        return self._refuse(Refusal(reject, 400, None, chunk.size, now(), refused.is_foreign))

    def _refuse(self, refusal: Refusal) -> list[Chunk]:
        self._lone.add(refusal)
        return self.resolve() if self._lone.are_many else []


def _at(events: Events, places: Sequence[int]) -> list[Event]:
    found = list(events)
    return [found[place] for place in places]
