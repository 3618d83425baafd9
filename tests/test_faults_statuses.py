"""Fault matrix: statuses, `Retry-After`, 401, 400, 415, and rows that fail one by one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from faults_kit import (
    ALWAYS,
    CONTACT_FLAGS,
    FIRST,
    MARKER,
    QUICK,
    contacts_file,
    fault,
    ids,
    reject_lines,
    request_count,
    rows_file,
    sent_rows,
    settled,
    status,
    stored,
)
from visitors import visitors

from ours_cli.sandbox import Sandbox, Then, When

pytestmark = pytest.mark.usefixtures("quick_backoff")


@pytest.mark.parametrize(
    "codes", [(500, 500), (502, 503, 504), (408, 409, 425, 429), (599, 520)], ids=lambda codes: str(codes)
)
def test_transient_statuses_then_200(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, codes: tuple[int, ...]
) -> None:
    box = sandbox(*(fault(When(nth=(number,)), status(code)) for number, code in enumerate(codes, 1)))
    report = settled(ours("batch", rows_file(tmp_path, 3), *QUICK), 0, accepted=3)
    assert report["retries"] == len(codes)
    assert [request.distinct_ids for request in box.requests()] == [ids(3)] * (len(codes) + 1)
    assert stored(box) == ids(3)


def test_transient_statuses_in_mid_run_with_many_workers(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(fault(When(every=3), status(503)), latency=0.005)
    settled(
        ours("batch", rows_file(tmp_path, 60), "--batch-size", 2, "--concurrency", 8, *QUICK), 0, accepted=60
    )
    assert stored(box) == ids(60)


def test_500_for_ever(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(ALWAYS, status(500)))
    command = ("batch", rows_file(tmp_path, 30), "--batch-size", 5, "-o", "json", "--give-up-after", 0.6)
    began = time.monotonic()
    report = settled(ours(*command), 5, unsent=None)
    assert 0.5 < time.monotonic() - began < 15
    assert "500" in report["error"]
    assert report["rejects_file"] is None
    assert stored(box) == []


def test_500_for_ever_after_some_were_accepted(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(When(after=2), status(500)))
    command = ("batch", rows_file(tmp_path, 20), "--batch-size", 5, "--concurrency", 1)
    settled(ours(*command, "-o", "json", "--give-up-after", 1), 5, accepted=10, unsent=None)
    assert stored(box) == ids(10)


@pytest.mark.parametrize(
    ("then", "code"), [(status(500), 5), (Then("empty"), 8), (Then("accept_then_cut"), 5)]
)
def test_rows_over_which_the_server_stumbles_are_named(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, then: Then, code: int
) -> None:
    """Else such a row could never be found: it ends every run, and is in no rejects file."""
    sandbox(fault(When(distinct_id=("d-0007",)), then))
    command = ("batch", rows_file(tmp_path, 20), "--concurrency", 1, "-o", "json", "--give-up-after", 1)
    report = settled(ours(*command, "--batch-size", 5), code, accepted=5, unsent=None)
    assert f"(tried last: lines 6 to 10 of {tmp_path / 'rows.ndjson'})" in report["error"]
    report = settled(ours(*command, "--batch-size", 1), code, accepted=6, unsent=None)
    assert f"(tried last: line 7 of {tmp_path / 'rows.ndjson'})" in report["error"]


def test_500_with_results_part_accepted(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    failing = When(distinct_id=("d-0002", "d-0004"))
    box = sandbox(fault(failing, Then("queue_failed", status=500), times=1))
    settled(ours("batch", rows_file(tmp_path, 5), *QUICK), 0, accepted=5)
    assert [request.status for request in box.requests()] == [500, 200]
    assert [request.distinct_ids for request in box.requests()] == [ids(5), ["d-0002", "d-0004"]]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "2"}, 2.0), ({"retry-after-ms": "700", "Retry-After": "60"}, 0.7)],
    ids=["seconds", "milliseconds"],
)
def test_429_with_retry_after_pauses_all_workers(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, headers: dict[str, str], seconds: float
) -> None:
    box = sandbox(fault(When(nth=(6,)), status(429, headers=headers)), latency=0.01)
    command = ("batch", rows_file(tmp_path, 40), "--batch-size", 1, "--concurrency", 8, *QUICK)
    settled(ours(*command), 0, accepted=40)
    _assert_quiet_after(box, 429, seconds)
    assert stored(box) == ids(40)


def test_retry_after_as_http_date_on_a_server_whose_clock_is_off(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    an_hour_ahead = fault(ALWAYS, Then("clock_offset", seconds=3600))
    box = sandbox(fault(FIRST, status(429, headers={"Retry-After": "@+1"})), an_hour_ahead)
    report = settled(ours("batch", rows_file(tmp_path, 3), *QUICK), 0, accepted=3)
    assert 0.9 <= report["duration_s"] < 15
    _assert_quiet_after(box, 429, 1)


@pytest.mark.parametrize("headers", [{"Retry-After": "30"}, {"Retry-After": "@+30"}], ids=["seconds", "date"])
def test_retry_after_longer_than_what_is_left_to_give_up(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, headers: dict[str, str]
) -> None:
    box = sandbox(fault(ALWAYS, status(429, headers=headers)))
    report = settled(
        ours("batch", rows_file(tmp_path, 3), "-o", "json", "--give-up-after", "10s"), 5, unsent=3
    )
    assert "asks to wait 30 s" in report["error"]
    assert request_count(box) == 1
    assert report["duration_s"] < 10


@pytest.mark.parametrize(
    "headers",
    [
        *({"Retry-After": value} for value in ("NaN", "-5", "1e9", "junk", "", "99999999999", "1,5", "0x10")),
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"retry-after-ms": "inf"},
    ],
    ids=lambda headers: next(iter(headers.values())) or "empty",
)
def test_absurd_retry_after_is_ignored(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, headers: dict[str, str]
) -> None:
    box = sandbox(fault(FIRST, status(429, headers=headers)))
    report = settled(ours("batch", rows_file(tmp_path, 2), *QUICK), 0, accepted=2)
    assert report["duration_s"] < 10
    assert request_count(box) == 2


@pytest.mark.parametrize("code", [401, 403])
def test_401_at_once_costs_one_request(ours: Ours, sandbox: StartSandbox, tmp_path: Path, code: int) -> None:
    box = sandbox(fault(ALWAYS, status(code)), latency=0.02)
    command = ("batch", rows_file(tmp_path, 50), "--batch-size", 1, "--concurrency", 16, *QUICK)
    report = settled(ours(*command), 4, unsent=None)
    assert request_count(box) == 1
    assert str(code) in report["error"]


def test_401_for_identify_file_costs_one_request(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(ALWAYS, status(401)), latency=0.02)
    settled(ours("identify", contacts_file(tmp_path, 20), *CONTACT_FLAGS, *QUICK), 4, unsent=None)
    assert request_count(box) == 1


def test_401_in_mid_run_keeps_what_was_accepted_and_goes_on_with_a_new_token(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = sandbox(fault(When(nth=(3,)), status(401)))
    command = ("batch", rows_file(tmp_path, 20), "--batch-size", 5, "--concurrency", 1, *QUICK)
    report = settled(ours(*command), 4, accepted=10, unsent=None)
    assert stored(box) == ids(10)
    assert report["resume"].startswith("ours batch ")
    monkeypatch.setenv("OURS_PRIVACY_TOKEN", "another-token")
    assert ours(*command).code == 0
    assert stored(box) == ids(20)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("bad", [(1,), (7,), (20,), (1, 2, 19)], ids=str)
def test_400_because_of_one_row_isolates_it(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, bad: tuple[int, ...], concurrency: int
) -> None:
    names = tuple(ids(20)[number - 1] for number in bad)
    words = {"success": False, "error": f"this is wrong: {MARKER}"}
    box = sandbox(fault(When(distinct_id=names), status(400, body=words)))
    command = ("batch", rows_file(tmp_path, 20), "--batch-size", 10, "--concurrency", concurrency, *QUICK)
    report = settled(ours(*command), 3, accepted=20 - len(bad), rejected=len(bad))
    assert report["reject_codes"] == {"refused": len(bad)}
    assert stored(box) == [name for name in ids(20) if name not in names]
    rejects = sorted(reject_lines(report), key=lambda row: row["_line"])
    assert [(row["_line"], row["_distinctId"], row["_message"]) for row in rejects] == [
        (number, name, words["error"]) for number, name in zip(bad, names, strict=True)
    ]


@pytest.mark.parametrize(("rows", "size"), [(100, 100), (40, 1), (16, 3)])
def test_400_for_every_row_rejects_nothing(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, rows: int, size: int
) -> None:
    box = sandbox(fault(ALWAYS, status(400)), latency=0.002)
    report = settled(ours("batch", rows_file(tmp_path, rows), "--batch-size", size, *QUICK), 8, unsent=None)
    assert sum(request.rows == 1 for request in box.requests()) == 16
    assert report["rejects_file"] is None


def test_400_for_every_row_of_a_small_file(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(fault(ALWAYS, status(400)))
    report = settled(ours("batch", rows_file(tmp_path, 3), *QUICK), 8, unsent=3)
    assert report["rejects_file"] is None


def test_400_that_is_not_the_apis_asks_who_answers(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """As nginx says of `http://` to a port for TLS."""
    page = "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>"
    sandbox(fault(ALWAYS, status(400, body=page)))
    ended = ours("batch", rows_file(tmp_path, 3), *QUICK)
    settled(ended, 8, unsent=3)
    assert "hint: is OURS_PRIVACY_BASE_URL the API itself" in ended.err
    refused = ours("track", "E", "--external-id", "c")
    assert refused.code == 3
    assert "hint: is OURS_PRIVACY_BASE_URL the API itself" in refused.err
    sandbox(fault(ALWAYS, status(400)))
    assert "hint: check the event names" in ours("batch", rows_file(tmp_path, 3), *QUICK).err


def test_400_for_every_row_of_identify_file(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(ALWAYS, status(400)))
    settled(ours("identify", contacts_file(tmp_path, 30), *CONTACT_FLAGS, *QUICK), 8, unsent=None)
    assert request_count(box) == 16


def test_400_for_one_row_of_identify_file(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(FIRST, status(400)))
    command = ("identify", contacts_file(tmp_path, 5), *CONTACT_FLAGS, *QUICK)
    settled(ours(*command), 3, accepted=4, rejected=1)
    assert len(visitors(box.events())) == 4


@pytest.mark.parametrize("code", [415, 404, 405, 410, 422])
def test_415_and_what_the_api_never_answers_cost_one_request(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, code: int
) -> None:
    box = sandbox(fault(ALWAYS, status(code)), latency=0.02)
    report = settled(ours("batch", rows_file(tmp_path, 20), "--batch-size", 1, *QUICK), 8, unsent=None)
    assert request_count(box) == 1
    assert str(code) in report["error"]


def test_207_with_queue_failed_sends_only_those_rows_again(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    failing = ("d-0003", "d-0008")
    box = sandbox(fault(When(distinct_id=failing), "queue_failed", times=2))
    settled(ours("batch", rows_file(tmp_path, 10), *QUICK), 0, accepted=10)
    assert sent_rows(box) == {name: 3 if name in failing else 1 for name in ids(10)}
    assert stored(box) == ids(10)


@pytest.mark.parametrize("rows", [1, 6], ids=["alone", "among others"])
def test_207_with_queue_failed_for_ever(ours: Ours, sandbox: StartSandbox, tmp_path: Path, rows: int) -> None:
    box = sandbox(fault(When(distinct_id=("d-0001",)), "queue_failed"))
    command = ("batch", rows_file(tmp_path, rows), "-o", "json", "--give-up-after", 0.5)
    settled(ours(*command), 5, accepted=rows - 1, unsent=1)
    assert stored(box) == ids(rows)[1:]


def test_207_with_invalid_event_names_line_code_and_message(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(fault(When(every_row=4), Then("invalid_event", message=f"not allowed: {MARKER}")))
    report = settled(ours("batch", rows_file(tmp_path, 9), *QUICK), 3, accepted=7, rejected=2)
    assert [(row["_line"], row["_code"], row["_message"]) for row in reject_lines(report)] == [
        (4, "invalid_event", f"not allowed: {MARKER}"),
        (8, "invalid_event", f"not allowed: {MARKER}"),
    ]
    assert report["reject_codes"] == {"invalid_event": 2}
    assert Path(report["rejects_file"]).stat().st_mode & 0o777 == 0o600
    assert request_count(box) == 1


def _assert_quiet_after(box: Sandbox, code: int, seconds: float) -> None:
    """No new request for so long after the one answered with `code`; those in flight with it may end.

    Each of the seven others may have been answered before that answer is read, and have begun one more.
    """
    requests = list(box.requests())
    (at,) = (request.arrived_ms for request in requests if request.status == code)
    passed = sorted((request.arrived_ms - at) / 1000 for request in requests)
    assert sum(0 < after <= seconds / 2 for after in passed) <= 14
    assert not [after for after in passed if seconds / 2 < after < seconds - 0.1]


@pytest.mark.parametrize(("offset", "warned"), [(-3600, True), (120, True), (20, False)])
def test_a_server_whose_clock_is_off(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, offset: int, warned: bool
) -> None:
    sandbox(fault(ALWAYS, Then("clock_offset", seconds=offset)))
    ended = ours("batch", rows_file(tmp_path, 3), *QUICK)
    settled(ended, 0, accepted=3)
    assert any("the server's clock is" in warning for warning in ended.json["warnings"]) is warned
    assert ended.err.count("warning: the server's clock is") == warned


def test_a_clock_that_is_off_is_told_of_at_the_first_answer(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox(fault(FIRST, Then("clock_offset", seconds=500)), fault(When(after=1), status(401)))
    ended = ours("batch", rows_file(tmp_path, 3), "--batch-size", 1, *QUICK)
    assert ended.code == 4
    assert 0 < ended.err.index(" s ahead of this machine's") < ended.err.index("warning: 3 rows had no time")
