"""Answer → verdict, attempt → delay: what may be called accepted, and when another try begins."""

from __future__ import annotations

import json
import random
import time
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ours_cli.sending.retry import (
    BACKOFF_BASE_S,
    BACKOFF_CAP_S,
    RETRY_AFTER_MAX_S,
    Again,
    Answer,
    Broken,
    Judged,
    Nonsense,
    Refused,
    TooLarge,
    Unauthorized,
    Verdict,
    backoff,
    judge_batch,
    judge_single,
    retry_after,
)

ROW = st.sampled_from(["ok", "queue_failed", "invalid_event"])


def batch_answer(status: int, rows: list[str], **changes: Any) -> Answer:
    """The answer the contract gives for rows of these fates, with `changes` laid over it."""
    results: list[dict[str, Any]] = [
        {"index": index, "success": True}
        if row == "ok"
        else {"index": index, "success": False, "code": row, "message": "why"}
        for index, row in enumerate(rows)
    ]
    accepted = rows.count("ok")
    body = {
        "success": accepted == len(rows),
        "accepted": accepted,
        "failed": len(rows) - accepted,
        "results": results,
    }
    return Answer(status, {}, json.dumps(body | changes).encode())


def fates(rows: list[str], *wanted: str) -> list[int]:
    return [index for index, row in enumerate(rows) if row in wanted]


@given(st.lists(ROW, min_size=1, max_size=30))
def test_207_gives_each_row_its_own_fate(rows: list[str]) -> None:
    verdict = judge_batch(batch_answer(207, rows), len(rows))
    assert isinstance(verdict, Judged)
    assert verdict.accepted == fates(rows, "ok")
    assert verdict.again == fates(rows, "queue_failed")
    assert [row[0] for row in verdict.rejected] == fates(rows, "invalid_event")
    assert all(row[1:] == ("invalid_event", "why") for row in verdict.rejected)


@given(st.lists(ROW, min_size=1, max_size=30))
def test_500_with_results_sends_every_failed_row_again(rows: list[str]) -> None:
    verdict = judge_batch(batch_answer(500, rows), len(rows))
    again = fates(rows, "queue_failed", "invalid_event")
    # One that accepts every row contradicts itself.
    assert isinstance(verdict, Again) if not again else verdict == Judged(fates(rows, "ok"), [], again)


def test_200_accepts_every_row() -> None:
    assert judge_batch(batch_answer(200, ["ok"] * 4), 4) == Judged([0, 1, 2, 3], [], [])


@given(st.lists(ROW, min_size=1, max_size=8), st.data())
def test_results_that_miss_repeat_or_disorder_are_never_success(rows: list[str], data: st.DataObject) -> None:
    answer = batch_answer(data.draw(st.sampled_from([200, 207])), rows)
    body = json.loads(answer.body)
    results = body["results"]
    changed = data.draw(
        st.one_of(
            st.just(results[:-1]),
            st.just([*results, results[-1]]),
            st.just([*results, {**results[-1], "index": len(results)}]),
            st.permutations(results),
            st.just([results[0], *results[:-1]]),
        )
    )
    if changed == results:
        return
    body["results"] = changed
    assert isinstance(judge_batch(Answer(answer.status, {}, json.dumps(body).encode()), len(rows)), Nonsense)


NOT_TRUE: list[object] = [1, 1.0, "true", None, [True], {}]


@pytest.mark.parametrize(
    "result",
    [
        *({"index": 1, "success": success} for success in NOT_TRUE),
        *({"index": index, "success": True} for index in (0, "1", None)),
        *({"success": True}, {"index": 1}, {}, [], [1, True], "success", 1, None, True),
    ],
    ids=str,
)
def test_one_row_that_is_not_answered_by_the_letter_spoils_the_answer(result: object) -> None:
    for answer in (batch_answer(200, ["ok"] * 3), batch_answer(207, ["ok", "invalid_event", "ok"])):
        body = json.loads(answer.body)
        body["results"][1] = result
        assert isinstance(judge_batch(answer._replace(body=json.dumps(body).encode()), 3), Nonsense)


@pytest.mark.parametrize("rows", [["ok"] * 2, ["ok", "queue_failed"], ["queue_failed", "ok"]], ids=str)
@pytest.mark.parametrize("place", [0, 1])
def test_an_index_that_is_true_or_false_is_no_number(rows: list[str], place: int) -> None:
    answer = batch_answer(207, rows)
    body = json.loads(answer.body)
    body["results"][place]["index"] = bool(place)
    assert isinstance(judge_batch(Answer(207, {}, json.dumps(body).encode()), 2), Nonsense)


@pytest.mark.parametrize("sums", [{"accepted": True}, {"failed": False}], ids=str)
def test_nor_is_such_a_sum(sums: dict[str, bool]) -> None:
    assert isinstance(judge_batch(batch_answer(200, ["ok"], **sums), 1), Nonsense)


def test_nor_is_a_200_that_denies_success() -> None:
    for success in (False, None, 1):
        assert isinstance(judge_batch(batch_answer(200, ["ok"], success=success), 1), Nonsense)


def test_what_else_an_accepted_row_says_does_not_matter() -> None:
    answer = batch_answer(200, ["ok"] * 3)
    body = json.loads(answer.body)
    body["results"][1] |= {"id": "an id of the server's", "code": "queue_failed"}
    assert judge_batch(Answer(200, {}, json.dumps(body).encode()), 3) == Judged([0, 1, 2], [], [])


@given(st.lists(ROW, min_size=1, max_size=8), st.integers(0, 9), st.integers(0, 9))
def test_sums_that_do_not_agree_are_never_success(rows: list[str], accepted: int, failed: int) -> None:
    good = rows.count("ok")
    verdict = judge_batch(batch_answer(207, rows, accepted=accepted, failed=failed), len(rows))
    assert isinstance(verdict, Judged if (accepted, failed) == (good, len(rows) - good) else Nonsense)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.integers(200, 599), JSON, st.integers(1, 5))
def test_no_answer_of_another_shape_accepts_anything(status: int, body: object, count: int) -> None:
    raw = json.dumps(body).encode()
    for verdict in (
        judge_batch(Answer(status, {}, raw), count),
        judge_batch(Answer(status, {}, raw[:-1]), count),
    ):
        assert not isinstance(verdict, Judged)


@given(st.binary(max_size=40))
def test_bytes_that_are_no_json_accept_nothing(body: bytes) -> None:
    assert isinstance(judge_batch(Answer(200, {}, body), 1), Nonsense)
    assert isinstance(judge_single(Answer(200, {}, body), 1), Nonsense)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((code, Again) for code in (408, 409, 425, 429, 500, 502, 503, 504, 520, 599)),
        *((code, Unauthorized) for code in (401, 403)),
        *((code, Broken) for code in (300, 301, 302, 303, 304, 307, 308, 402, 404, 405, 410, 415, 422)),
        *((code, Nonsense) for code in (200, 201, 202, 204, 206)),
        (400, Refused),
        (413, TooLarge),
    ],
)
@pytest.mark.parametrize("judge", [judge_batch, judge_single])
def test_statuses(judge: Any, status: int, verdict: type[Verdict]) -> None:
    assert isinstance(judge(Answer(status, {}, b""), 1), verdict)


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ({"success": True}, True),
        ({"success": True, "more": 1}, True),
        ({"success": False}, False),
        ({"success": "true"}, False),
        ({"success": 1}, False),
        ({}, False),
        ([True], False),
    ],
)
def test_a_single_event_is_accepted_by_success_true_only(body: object, accepted: bool) -> None:
    verdict = judge_single(Answer(200, {}, json.dumps(body).encode()), 1)
    assert isinstance(verdict, Judged if accepted else Nonsense)


def test_a_success_may_ask_to_wait() -> None:
    verdict = judge_single(Answer(200, {"retry-after": "2"}, b'{"success": true}'), 1)
    assert verdict == Judged([0], [], [], 2.0)


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ({"limit": 100}, 100),
        ({"limit": 0}, None),
        ({"limit": -1}, None),
        ({"limit": True}, None),
        ({"limit": "100"}, None),
        ({}, None),
        ([], None),
    ],
)
def test_limit_of_413(body: object, limit: int | None) -> None:
    assert judge_batch(Answer(413, {}, json.dumps(body).encode()), 5) == TooLarge(limit)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 2 "}, 2.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": str(int(RETRY_AFTER_MAX_S) + 1)}, None),
        *(
            ({"retry-after": text}, None)
            for text in ("NaN", "inf", "-5", "1e9", "1,5", "junk", "", "٣", "1_0", "0x1")
        ),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@given(st.integers(0, 4_000_000_000), st.integers(-1000, 86_400))
def test_retry_after_as_a_date_is_relative_to_the_servers_own_clock(server_now: int, wait: int) -> None:
    headers = {
        "date": formatdate(server_now, usegmt=True),
        "retry-after": formatdate(server_now + wait, usegmt=True),
    }
    assert retry_after(headers) == max(0, wait)


@pytest.mark.parametrize("ending", ["", " -0000"])
def test_a_date_without_a_zone_is_gmt(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        headers = {
            "date": "Mon, 30 Nov 2026 12:00:00 GMT",
            "retry-after": f"Mon, 30 Nov 2026 12:00:05{ending}",
        }
        assert retry_after(headers) == 5
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.text(max_size=30), st.text(max_size=30))
@example("", "0\x1f")
def test_no_header_makes_a_bug(value: str, date: str) -> None:
    wait = retry_after({"retry-after": value, "retry-after-ms": date, "date": date})
    assert wait is None or 0 <= wait <= RETRY_AFTER_MAX_S


@given(st.integers(1, 10_000), st.randoms(use_true_random=False))
def test_backoff_stays_below_its_bound(attempt: int, jitter: random.Random) -> None:
    bound = BACKOFF_BASE_S * 2 ** (attempt - 1) if attempt < 10 else BACKOFF_CAP_S
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ours_cli.sending.retry.random.uniform", jitter.uniform)
        assert 0 <= backoff(attempt) <= min(bound, BACKOFF_CAP_S)


def test_backoff_uses_the_whole_of_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ours_cli.sending.retry.random.uniform", random.Random(7).uniform)
    waits = [backoff(3) for _ in range(500)]
    assert min(waits) < 0.1 * 4 * BACKOFF_BASE_S
    assert max(waits) > 0.9 * 4 * BACKOFF_BASE_S


@pytest.mark.parametrize("code", ["Drop Table", "tok-canary", "", 7, None, "x" * 65])
def test_a_code_that_could_be_anything_is_not_repeated(code: object) -> None:
    answer = batch_answer(207, ["invalid_event"])
    body = json.loads(answer.body)
    body["results"][0]["code"] = code
    verdict = judge_batch(Answer(207, {}, json.dumps(body).encode()), 1)
    assert verdict == Judged([], [(0, "refused", "why")], [])
