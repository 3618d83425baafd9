"""Fault matrix: 413 over N events or bytes, with and without `limit`; one single row that is too large."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from faults_kit import (
    CONTACT_FLAGS,
    QUICK,
    contacts_file,
    fault,
    ids,
    reject_lines,
    request_count,
    rows_file,
    settled,
    status,
    stored,
)

from ours_cli.sandbox import Sandbox, When

pytestmark = pytest.mark.usefixtures("quick_backoff")


def refusals(box: Sandbox) -> list[int]:
    """The numbers of the requests answered 413, from 1."""
    return [number for number, request in enumerate(box.requests(), 1) if request.status == 413]


@pytest.mark.parametrize("limits", [{"max_events": 7}, {"max_bytes": 2500}], ids=["events", "bytes"])
def test_413_with_limit_costs_one_request(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, limits: dict[str, Any]
) -> None:
    box = sandbox(**limits)
    settled(ours("batch", rows_file(tmp_path, 200), "--batch-size", 50, *QUICK), 0, accepted=200)
    assert refusals(box) == [1]
    assert stored(box) == ids(200)


@pytest.mark.parametrize("limits", [{"max_events": 7}, {"max_bytes": 2500}], ids=["events", "bytes"])
@pytest.mark.parametrize("concurrency", [1, 8])
def test_413_without_limit_is_remembered(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, limits: dict[str, Any], concurrency: int
) -> None:
    box = sandbox(**limits, limit_in_413=False)
    command = ("batch", rows_file(tmp_path, 400), "--batch-size", 50, "--concurrency", concurrency, *QUICK)
    settled(ours(*command), 0, accepted=400)
    assert stored(box) == ids(400)
    refused = refusals(box)
    assert len(refused) <= 6
    assert max(refused) < request_count(box) / 2, "the second half of the run knows the size"
    assert request_count(box) <= 400 / 3 + len(refused), "batches are no smaller than they must be"


@pytest.mark.parametrize("with_limit", [True, False])
def test_413_over_both_events_and_bytes(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, with_limit: bool
) -> None:
    box = sandbox(max_events=20, max_bytes=1500, limit_in_413=with_limit)
    settled(ours("batch", rows_file(tmp_path, 300), "--batch-size", 100, *QUICK), 0, accepted=300)
    assert stored(box) == ids(300)
    assert len(refusals(box)) <= 8


@pytest.mark.parametrize("limit", [0, -5, 10**9, True, "7", 7.5, None])
def test_413_with_a_limit_that_cannot_be(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, limit: object
) -> None:
    body = {"success": False, "error": "too large", "limit": limit}
    box = sandbox(fault(When(nth=(1, 2)), status(413, body=body)))
    settled(ours("batch", rows_file(tmp_path, 40), "--batch-size", 20, *QUICK), 0, accepted=40)
    assert stored(box) == ids(40)


@pytest.mark.parametrize("with_limit", [True, False])
@pytest.mark.parametrize("place", [0, 3, 9])
def test_413_on_one_single_row(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, place: int, with_limit: bool
) -> None:
    box = sandbox(max_bytes=4000, limit_in_413=with_limit)
    file = _with_giant(rows_file(tmp_path, 10), place, 8000)
    report = settled(ours("batch", file, "--batch-size", 5, *QUICK), 3, accepted=9, rejected=1)
    assert report["reject_codes"] == {"too_large": 1}
    assert [row["_line"] for row in reject_lines(report)] == [place + 1]
    assert stored(box) == [name for name in ids(10) if name != ids(10)[place]]


def test_413_on_one_giant_does_not_make_all_others_travel_alone(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(max_bytes=9000, limit_in_413=False)
    file = _with_giant(rows_file(tmp_path, 200), 1, 20000)
    # The giant meets one small row in its batch, so that halving leaves single rows only.
    command = ("batch", file, "--batch-bytes", 20500, "--batch-size", 20, *QUICK)
    settled(ours(*command), 3, accepted=199, rejected=1)
    assert request_count(box) < 30


def test_413_for_every_row_ends(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(max_bytes=1)
    settled(ours("batch", rows_file(tmp_path, 9), "--batch-size", 4, *QUICK), 3, rejected=9)


def test_413_for_identify_file(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(fault(When(nth=(2,)), status(413)))
    command = ("identify", contacts_file(tmp_path, 3), *CONTACT_FLAGS, *QUICK)
    report = settled(ours(*command), 3, accepted=2, rejected=1)
    assert report["reject_codes"] == {"too_large": 1}


def _with_giant(file: Path, place: int, size: int) -> Path:
    lines = file.read_text("utf-8").splitlines()
    row = json.loads(lines[place])
    row["eventProperties"]["pad"] = "x" * size
    lines[place] = json.dumps(row)
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file
