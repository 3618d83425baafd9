"""Fault matrix: SIGKILL, at random and between any two steps; the same command goes on to the exact set."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import kills_kit
import pytest
from conftest import Ours, StartSandbox
from kill_driver import BEFORE_THE_SEAL, POINTS
from kills_kit import (
    FAULTS,
    FLAGS,
    assert_converged,
    assert_journal_is_true,
    done_rows,
    drive,
    run_folders,
    write_rows,
)

from ours_cli.sandbox import Sandbox

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(
    ("nth", "power_cut"), [(1, False), (2, False), (2, True)], ids=["kill", "later", "power cut"]
)
@pytest.mark.usefixtures("quick_backoff")
def test_killed_between_two_steps(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, point: str, nth: int, power_cut: bool
) -> None:
    box = sandbox(*FAULTS)
    file = write_rows(tmp_path / "rows.ndjson", 640)
    command = ("batch", file, "--batch-size", 40, *FLAGS)
    spec = {"die_at": point, "nth": nth, "power_cut": power_cut}
    killed = drive(spec, *command)
    if point == "before the end is noted" and nth == 2:
        assert_converged(killed, box, 640)
        return
    assert killed.code == -9, killed.err
    assert_journal_is_true(box)
    done = done_rows(run_folders()[0])
    before = box.totals()
    assert_converged(ours(*command), box, 640)
    again = (event for event in box.events() if event.body["eventProperties"]["n"] in done)
    travelled = {name for request in box.requests(before.requests) for name in request.distinct_ids}
    assert not travelled & {event.distinct_id for event in again}, "a row that was done was sent again"


@pytest.mark.usefixtures("quick_backoff")
def test_a_power_cut_brings_no_seal_back(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """The seal of the first attempt beside the journal of the second would be a damaged journal."""
    box = sandbox(*FAULTS)
    file = write_rows(tmp_path / "rows.ndjson", 320)
    command = ("batch", file, "--batch-size", 40, *FLAGS)
    assert_converged(ours(*command), box, 320)
    write_rows(file, 640)
    assert drive({"die_at": BEFORE_THE_SEAL, "power_cut": True}, *command).code == -9
    assert_converged(ours(*command), box, 640)


def run_until_killed(box: Sandbox, file: Path, *, size: int, kills: int, longest: float) -> int:
    """Run the command as processes that are killed at random; returns how many were."""
    chance = random.Random(7)
    command = [sys.executable, "-m", "ours_cli", "batch", str(file), "--batch-size", str(size), *FLAGS]
    silent = subprocess.DEVNULL
    for killed in range(kills):
        process = subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent)
        try:
            process.wait(chance.uniform(0.2, longest))
        except subprocess.TimeoutExpired:
            process.kill()
        if process.wait() != -9:
            return killed
        assert_journal_is_true(box)
    return kills


@pytest.mark.usefixtures("quick_backoff")
def test_killed_at_random_moments(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(*FAULTS, latency=0.02)
    file = write_rows(tmp_path / "rows.ndjson", 6000)
    assert run_until_killed(box, file, size=50, kills=4, longest=0.9) >= 3
    assert_converged(ours("batch", file, "--batch-size", 50, *FLAGS), box, 6000)
    assert box.totals().rows < 2 * 6000


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("good_only", [False, True], ids=["with rejects", "good rows only"])
def test_killed_25_times(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good_only: bool
) -> None:
    if good_only:
        monkeypatch.setattr(kills_kit, "_is_refused", lambda _: False)
        monkeypatch.setattr(kills_kit, "_has_nobody", lambda _: False)
    box = sandbox(*FAULTS, latency=0.05)
    file = write_rows(tmp_path / "rows.ndjson", 30_000)
    assert run_until_killed(box, file, size=100, kills=25, longest=0.9) == 25
    report = assert_converged(ours("batch", file, "--batch-size", 100, *FLAGS), box, 30_000)
    assert box.totals().rows < 2 * 30_000
    print(f"25 kills: {box.totals()}, {report['rejected']:,} rejected")  # noqa: T201 - seen with -s


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_killed_hundreds_of_times(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """The command starts in forks of a warm process: three hundred kills take half a minute."""
    box = sandbox(*FAULTS, latency=0.01)
    file = write_rows(tmp_path / "rows.ndjson", 20_000)
    command = ("batch", file, "--batch-size", 20, *FLAGS)
    killed = drive({"forks": 300, "longest": 0.2}, *command)
    count = int(killed.out.split()[-1])
    assert count >= 200, killed.err
    assert_journal_is_true(box)
    assert_converged(ours(*command), box, 20_000)
    print(f"{count} kills: {box.totals()}")  # noqa: T201 - seen with -s
