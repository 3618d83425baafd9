"""One body, sent until it is accepted: what `track` and `identify` share.

No event loop is started here: these commands run in shell loops, and their start-up is what people feel.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from ours_cli.errors import ExitCode, OursError, UsageError
from ours_cli.exact_json import read_json
from ours_cli.sending.retry import (
    Again,
    Answer,
    Broken,
    Failure,
    Judged,
    Nonsense,
    Refused,
    TooLarge,
    Unauthorized,
)
from ours_cli.sending.route import IDENTIFY, Route, with_token, without_token
from ours_cli.sending.stops import NOT_THE_API, Patience, fatal, refused_token
from ours_cli.settings import Endpoint
from ours_cli.wording.escape import json_text

GIVE_UP_AFTER_S = 60.0
"""Seconds that a single event is retried unless --give-up-after says otherwise: somebody is waiting."""


_SAID_MAX: Final = 500
"""Characters of the server's words that are kept: a proxy may send a page."""


class RefusedError(OursError):
    """The server refuses the one event (exit 3, as a run whose rows were rejected).

    `said` is what the server says about it, without the token. It may quote the event, and is for whoever
    typed that.
    """

    exit_code = ExitCode.REJECTED
    said = ""


class SingleOptions(NamedTuple):
    """How to send one body. Times in seconds; `on_wait(reason, seconds)` hears of pauses.

    `on_trouble(text)` hears once where they last, and once when they end.
    """

    timeout: float
    give_up_after: float
    ca_file: Path | None
    on_wait: Callable[[str, float], None]
    on_trouble: Callable[[str], None]


def masked(body: bytes, *, indent: int | None = 2) -> str:
    """The exact request as JSON, the token masked, for `--dry-run`; on one line without `indent`."""
    return json_text({"token": "***", **read_json(body.decode())}, indent=indent)


class Tries:
    """What has been tried so far, also where `send` did not return; `may_have_arrived`: without an answer.

    `trouble` is why the last try failed.
    """

    def __init__(self) -> None:
        self.count = 0
        self.trouble: str | None = None
        self.may_have_arrived = False


def send(route: Route, endpoint: Endpoint, body: bytes, options: SingleOptions, tries: Tries) -> int:
    """Send one body until it is accepted; returns the status of that answer.

    Raises the `OursError` that says why it was not accepted.
    """
    from ours_cli.sending.http_client import ask_once

    request = with_token(endpoint, body)
    patience = Patience(options.give_up_after, hint="--give-up-after 5m tries longer", say=options.on_trouble)
    while True:
        tries.count += 1
        started = time.monotonic()
        before, tries.may_have_arrived = tries.may_have_arrived, True
        try:
            answer = ask_once(endpoint, route.path, request, timeout=options.timeout, ca_file=options.ca_file)
        except UsageError:  # an address, a proxy or a CA file that cannot be used: nothing was sent
            tries.may_have_arrived = before
            raise
        tries.may_have_arrived = before or _may_have_arrived(answer)
        verdict = route.judge(answer, 1) if isinstance(answer, Answer) else answer
        match verdict:
            case Judged():
                assert isinstance(answer, Answer)
                patience.progress(time.monotonic())
                return answer.status
            case Again() | Nonsense() | Failure():
                pause = patience.after(verdict, started, time.monotonic())
                tries.trouble = verdict.reason
                options.on_wait(verdict.reason, pause)
                time.sleep(pause)
            case Unauthorized(status):
                raise refused_token(status)
            case Broken():
                raise fatal(verdict)
            case TooLarge() | Refused():
                raise _refused(verdict, route, endpoint.token)


def _may_have_arrived(answer: Answer | Failure) -> bool:
    """Whether the server may have stored what it did not say it has: the answer was lost, or a gateway's."""
    if isinstance(answer, Failure):
        return answer.kind in ("timeout", "cut")
    return answer.status < 300 or answer.status == 408 or answer.status >= 500


def _refused(verdict: TooLarge | Refused, route: Route, token: str) -> OursError:
    what = "the visitor properties" if route is IDENTIFY else "the event"
    if isinstance(verdict, TooLarge):
        return RefusedError(f"the server refuses {what} as too large (413)", hint="send less in it")
    # The server's words may quote the event, so they are no part of the message.
    allowed = "" if route is IDENTIFY else "is its name allowed in the dashboard? "
    error = RefusedError(
        f"the server refuses {what} (400)",
        hint=NOT_THE_API if verdict.is_foreign else f"{allowed}--dry-run shows what is sent",
    )
    error.said = _words(verdict.message, token)
    return error


def _words(text: str, token: str) -> str:
    """A server's words on one line, without the token."""
    return " ".join(without_token(text, token).split())[:_SAID_MAX]
