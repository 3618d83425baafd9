"""Events per request: 500 to begin with, more once the server has taken many, never again after a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from faults_kit import QUICK, fault, ids, rows_file, settled, status, stored

from ours_cli.contract import BATCH_EVENTS, BATCH_EVENTS_MAX
from ours_cli.events.request_size import PROOFS, RequestSize
from ours_cli.sandbox import Sandbox, Then, When

ROWS = BATCH_EVENTS * (PROOFS + 4) + 2 * BATCH_EVENTS_MAX

pytestmark = pytest.mark.usefixtures("quick_backoff")


def sizes(box: Sandbox) -> list[int]:
    """The events of each request, in the order of arrival."""
    return [request.rows for request in box.requests()]


def test_it_grows_once_the_server_has_taken_many() -> None:
    size = RequestSize(500, 2000)
    for _ in range(PROOFS - 1):
        size.taken(500, 1)
    assert size.events == 500
    size.taken(499, 1)
    assert size.events == 500, "a request that is not full proves nothing"
    size.taken(500, 1)
    assert size.events == 2000


def test_a_failure_before_it_grew_begins_the_count_anew() -> None:
    size = RequestSize(500, 2000)
    for events in [500] * (PROOFS - 1):
        size.taken(events, 1)
    size.failed(500)
    size.taken(500, 1)
    assert size.events == 500
    for _ in range(PROOFS):
        size.taken(500, 1)
    assert size.events == 2000


@pytest.mark.parametrize(("failed", "then"), [(2000, 500), (501, 500), (500, 2000), (1, 2000)])
def test_only_a_large_request_that_failed_ends_it(failed: int, then: int) -> None:
    size = RequestSize(500, 2000)
    for _ in range(PROOFS):
        size.taken(500, 1)
    size.failed(failed)
    assert size.events == then
    for _ in range(2 * PROOFS):
        size.taken(size.events, 1)
    assert size.events == then


def test_what_the_person_asked_for_never_changes() -> None:
    size = RequestSize(50)
    for _ in range(3 * PROOFS):
        size.taken(50, 1)
    assert size.events == 50


def test_a_413_without_a_limit_bounds_what_has_more_in_both() -> None:
    size = RequestSize(500)
    size.refused(400, 4000, None)
    assert size.allows(500, 2000)
    assert size.allows(200, 9000)
    assert not size.allows(201, 2001)
    assert size.allows(1, 9000)


def test_bytes_are_bounded_with_all_that_a_request_adds() -> None:
    size = RequestSize(500, size=1000, envelope=100)
    assert size.allows(2, 900)
    assert not size.allows(2, 901)


def test_a_limit_that_the_server_names_holds() -> None:
    size = RequestSize(500, 2000)
    size.refused(2000, 1, 800)
    for _ in range(PROOFS):
        size.taken(500, 1)
    assert size.events == 800
    size = RequestSize(500, 2000)
    size.refused(500, 1, 200)
    assert size.events == 200


def test_a_long_run_sends_fewer_and_larger_requests(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox()
    settled(ours("batch", rows_file(tmp_path, ROWS), *QUICK), 0, accepted=ROWS)
    found = sizes(box)
    assert set(found[:PROOFS]) == {BATCH_EVENTS}
    assert max(found) == BATCH_EVENTS_MAX
    assert stored(box) == sorted(ids(ROWS))


@pytest.mark.parametrize("flags", [("--batch-size", 500), ("--rate", 1e6)], ids=["size", "rate"])
def test_it_does_not_grow_where_the_person_said_how_to_send(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, flags: tuple[Any, ...]
) -> None:
    box = sandbox()
    settled(ours("batch", rows_file(tmp_path, ROWS), *flags, *QUICK), 0, accepted=ROWS)
    assert max(sizes(box)) == BATCH_EVENTS


@pytest.mark.parametrize("named", [True, False])
def test_413_over_a_larger_request_costs_no_row(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, named: bool
) -> None:
    box = sandbox(max_events=900, limit_in_413=named)
    settled(ours("batch", rows_file(tmp_path, ROWS), *QUICK), 0, accepted=ROWS)
    assert stored(box) == sorted(ids(ROWS))
    taken = [request.rows for request in box.requests() if request.status == 200]
    assert max(taken) <= (900 if named else BATCH_EVENTS)


@pytest.mark.parametrize(
    "answer",
    [
        *(status(code) for code in (400, 403, 404, 415, 500, 502)),
        *(status(413, body={"success": False, "error": "too large", "limit": limit}) for limit in (5, 5000)),
        "truncate",
    ],
    ids=["400", "403", "404", "415", "500", "502", "413 in MB", "413 in KB", "truncate"],
)
def test_whatever_a_server_says_to_larger_requests_smaller_ones_follow(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, answer: Any
) -> None:
    """A proxy with a limit of its own says no 413 as the API would."""
    box = sandbox(fault(When(every_row=BATCH_EVENTS + 1), answer))
    settled(ours("batch", rows_file(tmp_path, ROWS), *QUICK), 0, accepted=ROWS)
    assert stored(box) == sorted(ids(ROWS))
    refused = [number for number, size in enumerate(sizes(box)) if size > BATCH_EVENTS]
    assert 1 <= len(refused) <= 4, "each was under way before the first of them failed"
    assert len(sizes(box)) < ROWS / BATCH_EVENTS * 2, "the smaller ones are no smaller than they must be"


def test_no_patience_is_spent_on_the_size(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(When(every_row=BATCH_EVENTS + 1), Then("hang", seconds=60)))
    short = ("--timeout", "3", "--give-up-after", "3", "-o", "json")
    settled(ours("batch", rows_file(tmp_path, ROWS), *short), 0, accepted=ROWS)
    assert stored(box) == sorted(ids(ROWS))


def test_a_refused_token_is_one_at_any_size(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(fault(When(after=PROOFS + 2), status(403)))
    assert ours("batch", rows_file(tmp_path, ROWS), *QUICK).code == 4


@pytest.mark.parametrize("most", range(2000, 2100, 20))
def test_the_bytes_of_a_request_are_those_of_its_whole_body(
    most: int, ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox()
    settled(ours("batch", rows_file(tmp_path, 200), "--batch-bytes", most, *QUICK), 0, accepted=200)
    row = max(request.bytes // request.rows for request in box.requests())
    _last, *full = sorted(request.bytes for request in box.requests())
    assert most - 2 * row < full[0] <= full[-1] <= most, "none is cut in two for a few bytes too many"
