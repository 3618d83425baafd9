"""A verdict about a chunk → outcomes of its rows, and the parts of it that must still be sent.

Nothing is called accepted unless the answer for that row says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ours_cli.chunk import Chunk, chunk_of
from ours_cli.errors import ContractError, OursError
from ours_cli.event import Event, Reject
from ours_cli.event_run import Events
from ours_cli.outcome import Outcome
from ours_cli.sending.gate import Gate, now
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
)
from ours_cli.sending.size_limit import SizeLimit
from ours_cli.sending.stops import Patience, fatal

LONE_REFUSALS_MAX: Final = 16
"""Lone rows answered 400 with nothing accepted yet: then the rows are not the cause (exit 8)."""


class Settlement:
    """What the verdicts of one run come to, in its event loop; `emit` and `on_wait` as in `Delivery`."""

    def __init__(
        self,
        token: str,
        gate: Gate,
        limit: SizeLimit,
        patience: Patience,
        emit: Callable[[Outcome], None],
        on_wait: Callable[[str, float], None],
    ) -> None:
        self._token = token
        self._gate = gate
        self._limit = limit
        self._patience = patience
        self._emit = emit
        self._on_wait = on_wait
        self._accepted_any = False
        self._suspects: list[Reject] = []

    def refused(self) -> OursError | None:
        """The error at the end of a run in which rows were refused and none was ever accepted."""
        return _refuses_everything(len(self._suspects)) if self._suspects else None

    def apply(self, verdict: Verdict | Failure, chunk: Chunk, started: float) -> list[Chunk]:
        """Act on one verdict; returns the parts of the chunk that must still be sent.

        Raises the `OursError` that stops the run when there is no use in going on.
        """
        match verdict:
            case Judged(accepted=[], rejected=[]):
                # Nothing but rows that failed in the queue is no progress: such a run must end some day too.
                self._hold_off(Again("the server could not queue a single row", verdict.floor_s), started)
                return [chunk]
            case Judged():
                self._patience.progress(now())
                return self._take(verdict, chunk)
            case Failure() | Again() | Nonsense():
                self._hold_off(verdict, started)
                return [chunk]
            case TooLarge(limit):
                self._patience.progress(now())
                return self._shrink(chunk, limit)
            case Refused(message):
                self._patience.progress(now())
                return self._isolate(chunk, message)
            case Unauthorized() | Broken():
                error = fatal(verdict, 0, 0)
                assert error is not None
                raise error

    def _take(self, judged: Judged, chunk: Chunk) -> list[Chunk]:
        events = chunk.events
        rejected = [self._reject(events[index], code, message) for index, code, message in judged.rejected]
        accepted = Events([_at(events, judged.accepted)]) if rejected or judged.again else events
        self._gate.prove()
        self._gate.hold(judged.floor_s or 0.0)
        if accepted and not self._accepted_any:
            self._accepted_any = True
            if self._suspects:
                self._emit(Outcome(rejected=self._suspects))
                self._suspects = []
        self._emit(Outcome(accepted, rejected))
        return [chunk_of(Events([_at(events, judged.again)]))] if judged.again else []

    def _reject(self, event: Event, code: str, message: str) -> Reject:
        # The request held the token, and a server may echo what it was sent.
        return Reject(event.origin, event.distinct_id, code, message.replace(self._token, "***"))

    def _hold_off(self, verdict: Failure | Again | Nonsense, started: float) -> None:
        """Pause everyone, or give up when there is no use in waiting."""
        pause = self._patience.after(verdict, started, now())
        self._gate.doubt(pause)
        self._on_wait(verdict.reason, pause)

    def _shrink(self, chunk: Chunk, limit: int | None) -> list[Chunk]:
        if len(chunk.events) == 1:
            reject = self._reject(
                chunk.events[0], "too_large", "the server refuses this row alone as too large (413)"
            )
            self._emit(Outcome(rejected=[reject]))
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
        reject = self._reject(chunk.events[0], "refused", message or "the server refuses this row (400)")
        if self._accepted_any:
            self._emit(Outcome(rejected=[reject]))
            return []
        self._suspects.append(reject)
        if len(self._suspects) >= LONE_REFUSALS_MAX:
            raise _refuses_everything(len(self._suspects))
        return []


def _at(events: Events, places: Sequence[int]) -> list[Event]:
    found = list(events)
    return [found[place] for place in places]


def _refuses_everything(count: int) -> OursError:
    return ContractError(
        f"the server refuses every row (400): {count} sent alone, none accepted",
        hint="check the event names allowed in the dashboard, and --dry-run to see what is sent",
    )
