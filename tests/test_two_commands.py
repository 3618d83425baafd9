"""The same command started twice at once, and runs that cannot begin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from rows import ndjson, write

from ours_cli.errors import LocalIOError
from ours_cli.runs import attempt, journal
from ours_cli.runs.run_lock import choosing
from ours_cli.runs.run_registry import survey

COMMAND = (sys.executable, "-m", "ours_cli")


def _untimed(path: Path, rows: int) -> Path:
    return write(path, ndjson({"event": "E", "externalId": f"c{number}"} for number in range(rows)))


@pytest.mark.parametrize("flags", [("batch",), ("identify", "--external-id", "{externalId}", "-u", "city=U")])
def test_one_of_four_runs(tmp_path: Path, sandbox: StartSandbox, flags: tuple[str, ...]) -> None:
    """Rows without a time count once more with each sending: the server cannot tell."""
    place = sandbox()
    path = _untimed(tmp_path / "rows.ndjson", 200)
    command = (*COMMAND, flags[0], str(path), *flags[1:], "-o", "json", "-q")
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    ended = [
        (json.loads(out) if out else None, one.returncode)
        for one in running
        for out, _ in [one.communicate()]
    ]
    codes = sorted(code for _, code in ended)
    # Whoever comes when all is done says so, with 0; nobody else sends.
    assert set(codes) <= {0, 11}
    assert 0 in codes
    assert place.totals().rows == 200


def test_the_files_of_a_finished_run_are_replaced_and_sent_twice_at_once(
    tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    place = sandbox()
    path = _untimed(tmp_path / "rows.ndjson", 100)
    assert ours("batch", path).code == 0
    write(path, path.read_text().replace('"c', '"new-'))
    command = (*COMMAND, "batch", str(path), "-q")
    running = [
        subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for _ in range(4)
    ]
    assert {one.wait() for one in running} <= {0, 11}
    assert place.totals().rows == 200


def test_two_pipes_are_two_runs(tmp_path: Path, sandbox: StartSandbox) -> None:
    place = sandbox(latency=0.3)
    running = [
        subprocess.Popen((*COMMAND, "batch", "-q"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    for number, one in enumerate(running):
        one.communicate(ndjson([{"event": "E", "externalId": f"pipe {number}"}]).encode())
    assert [one.returncode for one in running] == [0, 0]
    assert place.totals().rows == 2


def test_the_choice_is_of_the_same_command_alone(tmp_path: Path) -> None:
    with choosing(tmp_path, "a"), choosing(tmp_path, "b"):
        held = f"""
from pathlib import Path
from ours_cli.errors import BusyError
from ours_cli.runs.run_lock import choosing
for what in "abc":
    try:
        with choosing(Path({str(tmp_path)!r}), what):
            print(what)
    except BusyError:
        pass
"""
        seen = subprocess.run((sys.executable, "-c", held), capture_output=True, text=True, check=True)
    assert seen.stdout == "c\n"


@pytest.mark.parametrize("broken", ["identity", "head"])
def test_a_run_that_cannot_begin_leaves_nothing(
    tmp_path: Path, ours: Ours, home: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """A full disk, every five minutes, for a night: each folder would have to be deleted by name."""

    def full(*_: object) -> None:
        raise LocalIOError("the disk is full", hint="make room")

    if broken == "identity":
        monkeypatch.setattr(journal.Journal, "note_identity", full)
    else:
        monkeypatch.setattr(attempt, "write_head", full)
    monkeypatch.setenv("OURS_PRIVACY_BASE_URL", "http://127.0.0.1:9/api/v1")
    ended = ours("batch", _untimed(tmp_path / "rows.ndjson", 3))
    assert (ended.code, "the disk is full" in ended.err) == (7, True)
    assert list(survey(home / "state" / "ours" / "runs")) == []
    assert ours("runs").err.startswith("there are no runs")


def test_the_current_folder_is_gone(
    tmp_path: Path, ours: Ours, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    path = _untimed(tmp_path / "rows.ndjson", 3)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    here.rmdir()
    ended = ours("batch", path, "--base-url", "http://127.0.0.1:9/api/v1")
    assert (ended.code, ended.err.splitlines()[-2:]) == (
        7,
        ["error: the current folder is gone", "hint: cd to one that is there"],
    )
    assert not list((home / "state").rglob("run*/*"))


def test_runs_that_cannot_be_listed_are_not_taken_for_none(
    ours: Ours, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = home / "state" / "ours" / "runs"
    runs.mkdir(parents=True)

    def forbidden(path: Path) -> None:
        raise PermissionError(13, os.strerror(13), str(path))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    ended = ours("runs")
    assert (ended.code, ended.out) == (7, "")
    assert f"{runs} cannot be listed: Permission denied" in ended.err
