"""Pure: measurements of the network and the server's answer → findings."""

from __future__ import annotations

from typing import Final

from ours_cli.doctor.finding import Finding, Level, of_error
from ours_cli.doctor.probe import Measured
from ours_cli.errors import ExitCode, UnavailableError
from ours_cli.sending.retry import Again, Answer, Broken, Failure, judge_single, server_clock
from ours_cli.sending.stops import fatal_failure

SLOW_S: Final = 1.0
"""A step that takes longer than this is worth mentioning."""

SKEW_S: Final = 2.0
"""`Date` has whole seconds; a difference up to this says nothing."""

CERTIFICATE_DAYS: Final = 14
"""A certificate that ends sooner than this is worth mentioning."""

_DAY_S: Final = 86_400
_NAMES: Final = {"dns": "resolved to", "connect": "connected to", "tls": "agreed on"}
_NO_ANSWER: Final = "check the network, and HTTPS_PROXY where a proxy stands in between"
_HINTS: Final = {
    "dns": "check --base-url and the network",
    "connect": "a firewall, or a proxy that HTTPS_PROXY must name?",
    "tls": "does the server speak HTTPS at this port?",
}


def judge_step(measured: Measured, now_s: float) -> Finding:
    """One step of connecting to the server."""
    step, took = measured.step, f"{measured.seconds * 1000:.0f} ms"
    if measured.trouble is not None:
        code = ExitCode.CONTRACT if step == "tls" else ExitCode.UNAVAILABLE
        return Finding(step, Level.failed, measured.trouble, measured.hint or _HINTS[step], code)
    text = f"{_NAMES[step]} {measured.detail}, {took}"
    if measured.ends_s is not None:
        days = int((measured.ends_s - now_s) // _DAY_S)
        text += f"; the certificate is good for {days} days"
        if days < CERTIFICATE_DAYS:
            return Finding(step, Level.warning, text, "it must be renewed soon, or sending will stop (8)")
    if measured.seconds > SLOW_S:
        return Finding(step, Level.warning, f"{text}, which is slow")
    return Finding(step, Level.ok, text)


def judge_answer(answer: Answer | Failure, seconds: float) -> Finding:
    """The answer to `GET /openapi`: is it there, and is it the API that answers?"""
    if isinstance(answer, Failure):
        hint = answer.hint or (_HINTS["dns"] if answer.kind == "name" else _NO_ANSWER)
        error = fatal_failure(answer) or UnavailableError(answer.reason, hint=hint)
        return of_error("answer", error)
    took = f"GET /openapi: {answer.status} in {seconds * 1000:.0f} ms"
    if answer.status == 200:
        return Finding("answer", Level.warning if seconds > SLOW_S else Level.ok, took)
    if 300 <= answer.status < 400:
        judged = judge_single(answer, 1)
        assert isinstance(judged, Broken)
        return Finding("answer", Level.failed, judged.reason, judged.hint, ExitCode.CONTRACT)
    if isinstance(judge_single(answer, 1), Again):
        return Finding("answer", Level.failed, took, "try again later", ExitCode.UNAVAILABLE)
    return Finding(
        "answer", Level.warning, f"{took}: no document to compare with", "is --base-url the API itself?"
    )


def judge_clock(answer: Answer, asked_s: float, answered_s: float) -> Finding:
    """This machine's clock against the server's `Date`; both times in seconds since the epoch."""
    theirs = server_clock(answer.headers)
    if theirs is None:
        return Finding("clock", Level.warning, "the answer has no Date to compare this clock with")
    # Date is cut to whole seconds: half a second is the best guess for the rest.
    ahead = (asked_s + answered_s) / 2 - (theirs + 0.5)
    if abs(ahead) <= SKEW_S + (answered_s - asked_s) / 2:
        return Finding("clock", Level.ok, f"agrees with the server's within {SKEW_S:g} s")
    side = "ahead of" if ahead > 0 else "behind"
    consequence = (
        "events of just now may lie in the server's future, and be refused"
        if ahead > 0
        else "the window of the last 7 days ends that much too early here"
    )
    return Finding(
        "clock", Level.warning, f"{abs(ahead):.0f} s {side} the server's: {consequence}", "set it by NTP"
    )
