"""Congestion through the door: `--concurrency auto`, `--rate` and backoff when the server is in trouble."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from faults_kit import QUICK, fault, ids, rows_file, settled, status, stored

from ours_cli.sandbox import Sandbox, Then, When

pytestmark = pytest.mark.usefixtures("quick_backoff")

LATENCY_S = 0.2


def most_in_flight(box: Sandbox, until: int | None = None) -> int:
    """The most requests that the sandbox worked on at a time; each takes `LATENCY_S`."""
    arrivals = [request.arrived_ms for request in box.requests()][:until]
    return max(sum(0 <= at - other < LATENCY_S * 1000 for other in arrivals) for at in arrivals)


def test_auto_starts_low_and_grows_where_there_is_latency(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(latency=LATENCY_S)
    settled(ours("batch", rows_file(tmp_path, 50), "--batch-size", 1, *QUICK), 0, accepted=50)
    assert most_in_flight(box, until=6) <= 3
    assert most_in_flight(box) >= 4
    assert stored(box) == ids(50)


@pytest.mark.parametrize(
    "then",
    [status(503), status(429, headers={"Retry-After": "0.1"}), status(429), Then("accept_then_cut")],
    ids=["503", "429 with Retry-After", "429", "cut"],
)
def test_bursts_of_refusals_under_auto_lose_nothing(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, then: Then
) -> None:
    nth = tuple(number + offset for number in (20, 60) for offset in range(8))
    box = sandbox(fault(When(nth=nth), then), latency=0.01)
    settled(ours("batch", rows_file(tmp_path, 300), "--batch-size", 2, *QUICK), 0, accepted=300)
    assert stored(box) == ids(300)


def test_slow_answers_and_timeouts_under_auto_lose_nothing(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    slow, hangs = Then("hang", seconds=0.15), Then("hang", seconds=5)
    box = sandbox(fault(When(nth=(30, 31)), hangs), fault(When(every=5), slow), latency=0.005)
    command = ("batch", rows_file(tmp_path, 200), "--batch-size", 2, "-o", "json", "--timeout", "0.5")
    settled(ours(*command), 0, accepted=200)
    assert stored(box) == ids(200)


def test_a_server_that_is_down_is_asked_as_often_as_it_takes(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ours_cli.sending.retry.BACKOFF_CAP_S", 0.01)
    box = sandbox(fault(When(nth=tuple(range(30, 90))), status(503)))
    settled(ours("batch", rows_file(tmp_path, 100), "--batch-size", 1, *QUICK), 0, accepted=100)
    assert sum(request.status == 503 for request in box.requests()) == 60
    assert stored(box) == ids(100)


def test_each_row_is_tried_by_one_layer_only(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(When(nth=(1, 2, 3)), status(503)))
    report = settled(ours("batch", rows_file(tmp_path, 1), *QUICK), 0, accepted=1)
    assert (box.totals().requests, report["requests"], report["retries"]) == (4, 4, 3)


def test_auto_goes_on_where_a_run_stopped(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(When(nth=(20,)), status(401)), latency=0.002)
    command = ("batch", rows_file(tmp_path, 200), "--batch-size", 3, "--canary", 5, "-o", "json")
    assert ours(*command).code == 4
    done, asked = box.totals().events, box.totals().requests
    assert 5 < done < 200
    settled(ours(*command), 0, accepted=200)
    assert stored(box) == ids(200)
    again = [request.rows for request in box.requests()][asked:]
    assert sum(again[:2]) == 5, "the canary of the second attempt: the first rows that it sends"
    assert sum(again) < 200


class TestRate:
    @pytest.mark.parametrize("concurrency", ["auto", "8"])
    def test_no_bursts(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, concurrency: str) -> None:
        box = sandbox()
        flags = ("--rate", 100, "--batch-size", 10, "--concurrency", concurrency)
        settled(ours("batch", rows_file(tmp_path, 100), *flags, *QUICK), 0, accepted=100)
        assert _most_within(box, 0.3) <= 100 * 0.3 + 2 * 10

    def test_none_after_a_pause_either(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        held = status(429, headers={"Retry-After": "0.6"})
        box = sandbox(fault(When(nth=(4,)), held), latency=0.1)
        flags = ("--rate", 100, "--batch-size", 5, "--concurrency", 16)
        settled(ours("batch", rows_file(tmp_path, 100), *flags, *QUICK), 0, accepted=100)
        assert _most_within(box, 0.2) <= 100 * 0.2 + 2 * 5

    def test_a_request_holds_no_more_than_a_second_gives(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        box = sandbox()
        settled(ours("batch", rows_file(tmp_path, 25), "--rate", 20, *QUICK), 0, accepted=25)
        assert [request.rows for request in box.requests()] == [20, 5]


def _most_within(box: Sandbox, seconds: float) -> int:
    """The most rows that arrived within so long."""
    arrivals = [(request.arrived_ms, request.rows) for request in box.requests()]
    spans = ([rows for other, rows in arrivals if 0 <= other - at < seconds * 1000] for at, _ in arrivals)
    return max(sum(rows) for rows in spans)
