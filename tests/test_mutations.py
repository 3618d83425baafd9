"""The harness can fail: the program is broken on purpose, and what holds it together must say so.

Each mutation goes through the same trial as the sound program: killed at a moment, its journal compared with
the server's log and the rejects, a row edited that was done, the command run again to its end.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import StartSandbox
from faults_kit import fault, status
from kill_driver import MUTATIONS
from kills_kit import FAULTS, FLAGS, assert_converged, assert_journal_is_true, drive, write_rows

from ours_cli.sandbox import When

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

ROWS = 640


class Caught(NamedTuple):
    """The death that reveals a mutation, and what the harness then says."""

    death: dict[str, Any]
    complaint: str


LOST = "the journal calls accepted what the server does not hold"
REJECT_LOST = "the journal calls rejected what no rejects file holds"
ANSWERED = {"die_at": "answer arrived", "nth": 3}
COMMITTED = {"die_at": "journal committed", "nth": 1}
ENDING = {"die_at": "before the end is noted"}

CAUGHT = {
    "journal before the answer": Caught({"die_at": "answer arrived", "nth": 1}, LOST),
    "results ignored": Caught(ENDING, LOST),
    "failures taken for success": Caught(ENDING, LOST),
    "dedupe forgotten": Caught(ANSWERED, "a row is on the server twice"),
    "replay unverified": Caught(ANSWERED, "an edited row was passed over"),
    "rejects unsynced": Caught({**COMMITTED, "power_cut": True}, REJECT_LOST),
    "rejects after the journal": Caught(COMMITTED, REJECT_LOST),
}


def trial(sandbox: StartSandbox, folder: Path, death: dict[str, Any], mutation: dict[str, str]) -> None:
    # The 503 that `FAULTS` has may fall on rows that the server holds already.
    box = sandbox(fault(When(nth=(3,)), status(503)), *FAULTS)
    file = write_rows(folder / "rows.ndjson", ROWS)
    command = ("batch", file, "--batch-size", 40, *FLAGS)
    killed = drive({**death, **mutation}, *command)
    assert killed.code == -9, killed.err
    assert_journal_is_true(box)
    sound = file.read_text()
    file.write_text(sound.replace('"n": 3,', '"n": 3, "more": 1,'))
    assert drive(mutation, *command).code == 6, "an edited row was passed over"
    file.write_text(sound)
    assert_converged(drive(mutation, *command), box, ROWS)


def test_every_mutation_is_tried() -> None:
    assert set(CAUGHT) == set(MUTATIONS)


@pytest.mark.parametrize("name", CAUGHT)
def test_caught(sandbox: StartSandbox, tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError, match=CAUGHT[name].complaint):
        trial(sandbox, tmp_path, CAUGHT[name].death, {"mutation": name})


@pytest.mark.parametrize("death", [ANSWERED, COMMITTED, ENDING], ids=lambda death: death["die_at"])
def test_the_sound_program_stands(sandbox: StartSandbox, tmp_path: Path, death: dict[str, Any]) -> None:
    trial(sandbox, tmp_path, {**death, "power_cut": True}, {})
