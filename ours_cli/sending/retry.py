"""Pure: an answer → a verdict, an attempt → a delay. Knows the contract, not the network.

Contract: the table of `/batch` statuses. Where the contract is silent (an answer that does not add up),
nothing is ever taken for accepted.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import lru_cache
from itertools import starmap
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import orjson

BACKOFF_BASE_S = 0.5
BACKOFF_CAP_S = 30.0
RETRY_AFTER_MAX_S = 24 * 3600.0
"""A server that asks for more than a day means something else: the header is ignored."""

_REPEATED_BYTES_MAX: Final = 64 << 10
"""Longer answers are not kept for recognition."""

_RETRIED = frozenset({408, 409, 425, 429})
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Answer(NamedTuple):
    """An HTTP answer that arrived whole. Header names are lower case.

    `unreadable` says what came instead of a body that could be read; `body` is then empty.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    unreadable: str | None = None


FailureKind: TypeAlias = Literal["timeout", "connect", "name", "tls", "proxy", "proxy_refused", "cut"]


class Failure(NamedTuple):
    """No answer came. `reason` is for people and holds neither addresses with credentials nor bodies.

    `hint` says what to look at, where that is known better than by the kind.
    """

    kind: FailureKind
    reason: str
    hint: str | None = None


class Judged(NamedTuple):
    """The answer covers each row: indexes accepted, `(index, code, message)` rejected, to send again.

    `floor_s` is as in `Again`.
    """

    accepted: Sequence[int]
    rejected: Sequence[tuple[int, str, str]]
    again: Sequence[int]
    floor_s: float | None = None


class Again(NamedTuple):
    """Transient: the same request again, not before `floor_s` seconds from now when the server said so."""

    reason: str
    floor_s: float | None = None


class Nonsense(NamedTuple):
    """A success that does not add up: retried a few times, then the run stops (exit 8)."""

    reason: str


class TooLarge(NamedTuple):
    """413: send less at a time. `limit` is the server's number; whether events or bytes is not said."""

    limit: int | None


class Refused(NamedTuple):
    """400: something in the request is malformed; which row is found by bisection.

    `is_foreign`: the body is not the API's JSON, so that something in between may have answered.
    """

    message: str
    is_foreign: bool = False


class Unauthorized(NamedTuple):
    """401 or 403: stop the run; it can be resumed with another token."""

    status: int


class Broken(NamedTuple):
    """The server is not the API of the contract (redirect, 404, 415, ...): stop the run (exit 8)."""

    reason: str
    hint: str


Verdict: TypeAlias = Judged | Again | Nonsense | TooLarge | Refused | Unauthorized | Broken


def judge_batch(answer: Answer, count: int) -> Verdict:
    """Judge the answer to a `/batch` request of `count` rows (contract: /batch)."""
    if answer.status in (200, 207):
        judged = _judge_results(answer, count)
        return judged if judged is not None else Nonsense(_nonsense_reason(answer))
    if answer.status == 500:
        judged = _judge_results(answer, count)
        if judged is not None and len(judged.accepted) < count:
            # Contract: in a 500 with results, the failed rows are retried whatever their code says.
            again = sorted([*judged.again, *(row[0] for row in judged.rejected)])
            return judged._replace(rejected=[], again=again)
    return _judge_status(answer)


def judge_single(answer: Answer, count: int) -> Verdict:
    """Judge the answer to one `/track` or `/identify` (contract: `{"success": true}`)."""
    assert count == 1
    if answer.status == 200:
        body = _json_object(answer.body)
        if body is not None and body.get("success") is True:
            return Judged([0], [], [], retry_after(answer.headers))
        return Nonsense(_nonsense_reason(answer))
    return _judge_status(answer)


def _judge_status(answer: Answer) -> Verdict:
    status = answer.status
    if status in _RETRIED or status >= 500:
        return Again(f"the server answered {status}", retry_after(answer.headers))
    if 200 <= status < 300:
        return Nonsense(_nonsense_reason(answer))
    if status in (401, 403):
        return Unauthorized(status)
    if status == 413:
        return TooLarge(_limit(answer.body))
    if status == 400:
        body = _json_object(answer.body)
        return Refused(_message((body or {}).get("error")), is_foreign=body is None)
    if 300 <= status < 400:
        return Broken(
            f"the server redirects ({status}), and redirects are never followed",
            "check --base-url: is it the API itself, or a proxy's log-in page?",
        )
    if status == 415:
        return Broken("the server refuses JSON (415)", "this is a bug of ours, or --base-url is not the API")
    return Broken(
        f"the server answered {status}, which the API never does",
        "check --base-url: the API's own ends in /api/v1",
    )


def _judge_results(answer: Answer, count: int) -> Judged | None:
    """Read `results` row by row; None unless each row is there once, in order, and the sums agree."""
    read = _read_results if len(answer.body) > _REPEATED_BYTES_MAX else _read_again
    judged = read(answer.body, count, must_succeed=answer.status == 200)
    return None if judged is None else judged._replace(floor_s=retry_after(answer.headers))


def _read_results(text: bytes, count: int, *, must_succeed: bool) -> Judged | None:
    body = _json_object(text)
    if body is None:
        return None
    results = body.get("results")
    if not isinstance(results, list) or len(results) != count:
        return None
    accepted: list[int] = []
    rejected: list[tuple[int, str, str]] = []
    again: list[int] = []
    if _are_all_accepted(results):
        accepted.extend(range(count))
        results = []
    for expected, result in enumerate(results):
        if not isinstance(result, dict) or not _is_number(result.get("index"), expected):
            return None
        if result.get("success") is True:
            accepted.append(expected)
        elif result.get("success") is not False:
            return None
        elif result.get("code") == "queue_failed":
            again.append(expected)
        else:
            rejected.append((expected, _code(result.get("code")), _message(result.get("message"))))
    sums = (body.get("accepted"), len(accepted)), (body.get("failed"), count - len(accepted))
    sums_agree = all(starmap(_is_number, sums))
    contradicts = must_succeed and body.get("success") is not True
    return Judged(accepted, rejected, again) if sums_agree and not contradicts else None


_read_again = lru_cache(maxsize=4)(_read_results)
"""As `_read_results`: an answer that accepts a full batch is the same text for every batch."""


def _are_all_accepted(results: list[Any]) -> bool:
    """Whether all are there, in order and accepted: what the walk would find, in half the time."""
    try:
        indexes = [result["index"] for result in results if result["success"] is True]
    except (KeyError, TypeError):
        return False
    # Only the first two can be booleans.
    return indexes == list(range(len(results))) and bool not in map(type, indexes[:2])


def _is_number(value: object, number: int) -> bool:
    """Whether it is this number: to Python, true is 1 and false is 0."""
    return value == number and not isinstance(value, bool)


def _nonsense_reason(answer: Answer) -> str:
    if answer.unreadable is not None:
        return f"the server answered {answer.status} with {answer.unreadable}"
    if not answer.body:
        return f"the server answered {answer.status} without a body"
    if _json_object(answer.body) is None:
        how = "something compressed" if "content-encoding" in answer.headers else "something"
        return f"the server answered {answer.status} with {how} that is not the API's JSON"
    return f"the server answered {answer.status}, but its results do not add up"


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _code(code: object) -> str:
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "refused"


def _message(message: object) -> str:
    return message if isinstance(message, str) else ""


def _limit(body: bytes) -> int | None:
    value = _json_object(body)
    limit = value.get("limit") if value else None
    return limit if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0 else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait, or None when it does not ask or asks for something absurd.

    `retry-after-ms` wins over `Retry-After`; an HTTP date is taken relative to the server's own `Date`,
    because its clock may be off (contract: undocumented statuses, as the official SDK).
    """
    millis = _seconds(headers.get("retry-after-ms"))
    if millis is not None:
        return _sane(millis / 1000)
    value = headers.get("retry-after")
    seconds = _seconds(value)
    if seconds is None and value is not None:
        until, server_now = _http_date(value), server_clock(headers)
        if until is not None and server_now is not None:
            seconds = max(0.0, until - server_now)
    return None if seconds is None else _sane(seconds)


def server_clock(headers: Mapping[str, str]) -> float | None:
    """The server's own time, in seconds since the epoch, from its `Date`; None without a readable one."""
    return _http_date(headers.get("date"))


def _seconds(text: str | None) -> float | None:
    number = re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", text.strip()) if text is not None else None
    return float(number[0]) if number else None


def _http_date(text: str | None) -> float | None:
    if text is None:
        return None
    from email.utils import parsedate_to_datetime  # slow to load, seldom needed

    try:
        moment = parsedate_to_datetime(text)
        # Without a zone, or with the "-0000" of mail, it is GMT all the same (RFC 9110).
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _sane(seconds: float) -> float | None:
    return seconds if 0 <= seconds <= RETRY_AFTER_MAX_S else None


def backoff(attempt: int) -> float:
    """Seconds to wait before attempt number `attempt` (1 is the first retry), with full jitter.

    Full jitter, uniform between nothing and the exponential bound, spreads clients best (AWS Architecture
    Blog, "Exponential Backoff And Jitter").
    """
    bound = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2 ** min(attempt - 1, 10))
    return random.uniform(0, bound)
