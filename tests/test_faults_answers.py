"""Fault matrix: a 2xx that does not add up is never success; what was lost on the way is asked again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

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
    request_count,
    rows_file,
    settled,
    status,
    stored,
)

from ours_cli.sandbox import Then, When
from ours_cli.sending.stops import NONSENSE_MAX

pytestmark = pytest.mark.usefixtures("quick_backoff")

TAMPERED = ["results_missing", "results_repeat", "results_shuffle", "accepted_short"]
NOT_THE_API = [
    Then("html"),
    Then("empty"),
    Then("empty", status=204),
    Then("empty", status=202),
    Then("empty", status=207),
    status(201, body={"success": True}),
    status(200, body={"success": True}),
    status(200, body={"success": True, "accepted": 3, "failed": 0}),
    status(200, body=[]),
    status(200, body=f'{{"success": true, "{MARKER}'),
]


def results(*successes: object, **more: Any) -> dict[str, Any]:
    rows = [{"index": index, "success": success} for index, success in enumerate(successes)]
    return {"success": True, "accepted": 3, "failed": 0, "results": rows} | more


CONTRADICTIONS = [
    status(200, body=results(True, True, "true")),
    status(200, body=results(True, True, None)),
    status(200, body=results(True, True, True, success=False)),
    status(200, body=results(True, True, True, accepted=2, failed=1)),
    status(200, body=results(True, True, True, failed=1)),
    status(200, body=results(True, True, True, accepted="3")),
    status(200, body=results(True, True, True, True, accepted=4)),
    status(200, body=results(True, True, True, results={"0": True})),
    status(200, body=results(True, True, False)),
    status(207, body=results(True, True, True, results=[True, True, True])),
]


def _name(then: Then | str) -> str:
    if isinstance(then, str):
        return then
    return f"{then.do}-{then.status or ''}-{json.dumps(then.body)[-40:]}"


@pytest.mark.parametrize("then", [*TAMPERED, *NOT_THE_API, *CONTRADICTIONS], ids=_name)
def test_an_answer_that_does_not_add_up_is_asked_again(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, then: Then | str
) -> None:
    box = sandbox(fault(When(first=2), then))
    report = settled(ours("batch", rows_file(tmp_path, 3), *QUICK), 0, accepted=3)
    assert [request.distinct_ids for request in box.requests()] == [ids(3)] * 3
    assert report["retries"] == 2
    assert stored(box) == ids(3)


@pytest.mark.parametrize("then", [*TAMPERED, *NOT_THE_API[:4], *CONTRADICTIONS[:2]], ids=_name)
def test_an_answer_that_never_adds_up_stops_with_8(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, then: Then | str
) -> None:
    box = sandbox(fault(ALWAYS, then))
    report = settled(ours("batch", rows_file(tmp_path, 3), *QUICK), 8, unsent=3)
    assert request_count(box) == NONSENSE_MAX
    assert report["rejects_file"] is None


@pytest.mark.parametrize("then", ["html", "results_missing", "accepted_short"])
def test_nonsense_in_mid_run_with_many_workers(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, then: str
) -> None:
    """Eight senders that meet a captive portal at the same time have asked once, not eight times."""
    box = sandbox(fault(When(nth=tuple(range(5, 13))), then), latency=0.02)
    command = ("batch", rows_file(tmp_path, 120), "--batch-size", 2, "--concurrency", 8, *QUICK)
    settled(ours(*command), 0, accepted=120)
    assert stored(box) == ids(120)


@pytest.mark.parametrize("then", ["html", "empty", status(200, body={"success": "yes"})], ids=_name)
def test_nonsense_for_identify_file(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, then: Then | str
) -> None:
    box = sandbox(fault(ALWAYS, then))
    command = ("identify", contacts_file(tmp_path, 3), *CONTACT_FLAGS, *QUICK)
    settled(ours(*command), 8, unsent=3)
    assert request_count(box) == NONSENSE_MAX


@pytest.mark.parametrize("rows", [3, 60])
def test_accepted_by_the_server_and_cut_before_the_answer(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, rows: int
) -> None:
    box = sandbox(fault(When(every=3), "accept_then_cut"), fault(FIRST, "accept_then_cut"))
    settled(ours("batch", rows_file(tmp_path, rows), "--batch-size", 4, *QUICK), 0, accepted=rows)
    assert stored(box) == ids(rows)
    assert max(event.times_received for event in box.events()) >= 2


@pytest.mark.parametrize("kind", ["truncate", "reset", "stale_keepalive"])
@pytest.mark.parametrize(
    "when", [FIRST, When(every=2), When(nth=(3, 4, 5))], ids=["first", "every 2nd", "three"]
)
def test_truncated_answer_reset_in_mid_upload_and_stale_keep_alive(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, kind: str, when: When
) -> None:
    box = sandbox(fault(when, kind))
    settled(ours("batch", rows_file(tmp_path, 24, pad=3000), "--batch-size", 4, *QUICK), 0, accepted=24)
    assert stored(box) == ids(24)


@pytest.mark.parametrize("then", [Then("hang", seconds=60), Then("drip", seconds=0.1)], ids=_name)
def test_hanging_server_and_answer_that_drips_from_its_headers_on(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, then: Then
) -> None:
    box = sandbox(fault(When(nth=(2,)), then))
    began = time.monotonic()
    command = ("batch", rows_file(tmp_path, 12), "--batch-size", 4, "--timeout", 0.4, "-o", "json")
    settled(ours(*command), 0, accepted=12)
    assert 0.4 <= time.monotonic() - began < 15
    assert stored(box) == ids(12)


def test_hanging_for_ever(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(ALWAYS, Then("hang", seconds=60)))
    command = ("batch", rows_file(tmp_path, 12), "--batch-size", 4, "--timeout", 0.2, "--give-up-after", 0.5)
    report = settled(ours(*command, "-o", "json"), 5, unsent=12)
    assert "within 0.2 s" in report["error"]
    assert stored(box) == []


def test_hanging_longer_than_it_takes_to_give_up(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """It was waited for until --timeout, and the message then gave two different times."""
    sandbox(fault(ALWAYS, Then("hang", seconds=60)))
    began = time.monotonic()
    ended = ours("batch", rows_file(tmp_path, 4), "--give-up-after", 0.7, "-o", "json")
    report = settled(ended, 5, unsent=4)
    assert 0.7 <= time.monotonic() - began < 10
    assert " within 0.7 s (tried last" in report["error"]


def test_a_hanging_request_does_not_hide_the_progress_of_the_others(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """A request that ran as long as --give-up-after is no reason to give up while others succeed."""
    box = sandbox(fault(When(nth=(2,)), Then("hang", seconds=60)), latency=0.05)
    command = ("batch", rows_file(tmp_path, 40), "--batch-size", 1, "--concurrency", 2, "-o", "json")
    settled(ours(*command, "--timeout", 1.2, "--give-up-after", 0.6), 0, accepted=40)
    assert stored(box) == ids(40)
