"""Pure: when another try is of no use → the error that stops the command; else how long to wait first.

Hints say --base-url, wherever the address comes from (see `Endpoint.name_in`).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from ours_cli.errors import AuthError, ContractError, OursError, UnavailableError
from ours_cli.sending.retry import Again, Broken, Failure, Nonsense, Unauthorized, Verdict, backoff

NONSENSE_MAX: Final = 5
"""Answers in a row that do not add up before the command stops."""

TOLD_AFTER_S: Final = 3.0
"""Trouble that lasts longer is told of: what one retry heals is no news."""

LONG_PAUSE_S: Final = 60.0
"""A pause of so many seconds is told of before it begins, be it the first."""

NAME_FAILURES_MAX: Final = 3
"""Failed look-ups of the host's name before any answer: then the name is wrong, and waiting does not help."""

NOT_THE_API: Final = "is --base-url the API itself, or a captive portal or proxy in between?"
"""What to look at where answers are not the API's."""


def fatal(verdict: Unauthorized | Broken) -> OursError:
    """The error to stop with after an answer that no further try can better."""
    if isinstance(verdict, Broken):
        return ContractError(verdict.reason, hint=verdict.hint)
    return refused_token(verdict.status, ". Then the same command goes on from here")


def fatal_failure(failure: Failure) -> OursError | None:
    """The error to stop with, or None where another try may be answered."""
    if failure.kind == "tls":
        return ContractError(failure.reason, hint=failure.hint)
    if failure.kind == "proxy_refused":
        return UnavailableError(failure.reason, hint=failure.hint)
    return None


def refused_token(status: int, then: str = "") -> AuthError:
    """The error for a 401 or 403; `then` ends the hint."""
    return AuthError(
        f"the server refuses the token ({status})",
        hint=f"check the token; a Test Mode key needs --test{then}",
    )


def may_be_the_rows(verdict: Verdict | Failure) -> bool:
    """Whether a server that stumbles over one row could fail like this: the row has then reached it."""
    return not isinstance(verdict, Failure) or verdict.kind in ("cut", "timeout")


class Patience:
    """What went wrong since the last progress, and whether to go on. Times are seconds of one steady clock.

    Requests that were in flight together fail together, and count as one failure: else eight senders would
    use up eight tries in the instant in which the server goes away.

    `say` is told once of trouble that lasts, and of its end. `trouble` is what went wrong last; None after
    progress.
    """

    def __init__(self, give_up_after: float, hint: str, say: Callable[[str], None] = lambda _: None) -> None:
        self.trouble: str | None = None
        self._give_up_after = give_up_after
        self._hint = hint
        self._say = say
        self._is_told = False
        self._progress_at = -inf
        self._trouble_since = inf
        self._counted_at = -inf
        self._failures = self._nonsense = self._name_failures = 0
        self._was_answered = False

    def progress(self, now: float) -> None:
        """The server dealt with a request as the contract says: what went wrong before is forgotten."""
        if self._is_told:
            self._say("the server answers again")
        self._is_told, self.trouble = False, None
        self._progress_at = now
        self._trouble_since = inf
        self._failures = self._nonsense = self._name_failures = 0
        self._was_answered = True

    def after(self, verdict: Failure | Again | Nonsense, started: float, now: float) -> float:
        """Seconds to wait after a request begun at `started`; raises the error that stops the command."""
        if started >= self._counted_at:
            self._count(verdict)
            self._counted_at = now
        if (error := self._fatal(verdict)) is not None:
            raise error
        self._trouble_since = min(self._trouble_since, max(started, self._progress_at))
        left = self._give_up_after - (now - self._trouble_since)
        floor = (verdict.floor_s or 0.0) if isinstance(verdict, Again) else 0.0
        if left <= 0:
            raise self._given_up(verdict)
        if floor > left:
            reason = f"the server asks to wait {floor:g} s, longer than is left to give up"
            raise UnavailableError(f"gave up: {reason}", hint=self._hint)
        pause = min(max(floor, backoff(self._failures)), left)
        self._tell(verdict.reason, now - self._trouble_since, pause)
        return pause

    def _given_up(self, verdict: Failure | Again | Nonsense) -> OursError:
        # A single try that took so long says so itself.
        lasts = f", for {self._give_up_after:g} s" if self._failures > 1 else ""
        message = f"gave up: {verdict.reason}{lasts}"
        if isinstance(verdict, Nonsense) and self._nonsense == self._failures:
            # There was a server all the time, and it never answered as the API does.
            return ContractError(message, hint=NOT_THE_API)
        # No answer: it may be the network, a firewall, a proxy or the server, and doctor tells which.
        more = (
            f"; {verdict.hint or 'ours doctor shows where it fails'}" if isinstance(verdict, Failure) else ""
        )
        return UnavailableError(message, hint=self._hint + more)

    def _tell(self, reason: str, lasted: float, pause: float) -> None:
        self.trouble = reason
        if not self._is_told and (lasted >= TOLD_AFTER_S or pause >= LONG_PAUSE_S):
            self._is_told = True
            until = f"until it has lasted {self._give_up_after:g} s (--give-up-after)"
            self._say(f"{reason}; trying on {until}")

    def _fatal(self, verdict: Failure | Again | Nonsense) -> OursError | None:
        match verdict:
            case Nonsense(reason) if self._nonsense >= NONSENSE_MAX:
                return ContractError(f"{reason}, {self._nonsense} times in a row", hint=NOT_THE_API)
            case Failure("name", reason, hint) if self._name_failures >= NAME_FAILURES_MAX:
                return UnavailableError(reason, hint=hint or "check --base-url and the network")
            case Failure():
                return fatal_failure(verdict)
        return None

    def _count(self, verdict: Failure | Again | Nonsense) -> None:
        self._was_answered |= not isinstance(verdict, Failure)
        self._failures += 1
        self._nonsense = self._nonsense + 1 if isinstance(verdict, Nonsense) else 0
        wrong_name = isinstance(verdict, Failure) and verdict.kind == "name" and not self._was_answered
        self._name_failures = self._name_failures + 1 if wrong_name else 0
