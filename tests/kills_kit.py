"""What the kill tests share: rows of every fate, a process that is killed, and what must hold afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conftest import TOKEN, Ended
from faults_kit import MARKER, assert_no_leak, fault, status

from ours_cli.runs import run_head
from ours_cli.runs.journal import never_began, read_blocks
from ours_cli.sandbox import Sandbox, When

DRIVER = Path(__file__).with_name("kill_driver.py")
FLAGS = ("--concurrency", "4", "--timeout", "5", "--give-up-after", "30", "-o", "json")

FAULTS = (
    fault(When(every=11), status(503)),
    fault(When(every=7), "accept_then_cut"),
    fault(When(every_row=97), "queue_failed", times=1),
    fault(When(event=("Refused",)), "invalid_event"),
)
"""Every 11th request fails, every 7th is stored and then cut off; some rows fail once, some for good."""


def is_bad(number: int) -> bool:
    """Whether a row is to end among the rejects: the server's, or the mapping's."""
    return _is_refused(number) or _has_nobody(number)


def _is_refused(number: int) -> bool:
    return number % 290 == 7


def _has_nobody(number: int) -> bool:
    return number % 310 == 5


_NOW_MS = time.time_ns() // 1_000_000


def row_line(number: int) -> str:
    """A row, recognisable by `eventProperties.n` alone: the program derives its distinctId."""
    row = {
        "event": "Refused" if _is_refused(number) else "Purchase",
        **({} if _has_nobody(number) else {"externalId": "p"}),
        "time": _NOW_MS - 3_600_000,
        "eventProperties": {"n": number, "note": MARKER},
    }
    return json.dumps(row) + "\n"


def write_rows(path: Path, count: int) -> Path:
    """A file of the rows 0 to `count`."""
    path.write_text("".join(map(row_line, range(count))), "utf-8")
    return path


def drive(spec: dict[str, Any], *words: object, stdin: str = "") -> Ended:
    """Run `ours WORDS` under the driver (see `kill_driver.py`)."""
    done = subprocess.run(
        [sys.executable, str(DRIVER), json.dumps(spec), *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def stored(box: Sandbox) -> Counter[int]:
    """How often the server holds each row."""
    return Counter(event.body["eventProperties"]["n"] for event in box.events())


def run_folders() -> list[Path]:
    return sorted((Path(os.environ["XDG_STATE_HOME"]) / "ours" / "runs").glob("*"))


def begun_folders() -> list[Path]:
    """Those of runs that were not killed while their journal was made."""
    return [folder for folder in run_folders() if not never_began(folder)]


def done_rows(folder: Path) -> set[int]:
    """The rows that a run's journal calls done."""
    return {number for block in read_blocks(folder) for number in range(block.start, block.end)}


def assert_journal_is_true(box: Sandbox, numbers: Sequence[int] | None = None) -> None:
    """At any moment, what a journal says holds on the server and in the rejects files.

    `numbers` are the rows of the file in their order, where that is not 0, 1, 2, and so on; then only the
    last run is looked at.
    """
    held = stored(box)
    for folder in begun_folders() if numbers is None else begun_folders()[-1:]:
        rejects = set(_rejects(folder))
        for block in read_blocks(folder):
            rows = range(block.start, block.end) if numbers is None else numbers[block.start : block.end]
            accepted = sum(row in held for row in rows)
            assert accepted >= block.accepted, "the journal calls accepted what the server does not hold"
            kept = sum(row in rejects for row in rows)
            assert kept >= block.rejected, "the journal calls rejected what no rejects file holds"


def _rejects(folder: Path) -> list[int]:
    found = []
    for path in folder.glob("rejects*"):
        for line in path.read_text("utf-8").splitlines():
            try:
                found.append(json.loads(line)["eventProperties"]["n"])
            except ValueError:
                continue  # a crash may leave half a row: it is cut off when the run goes on
    return found


def assert_converged(ended: Ended, box: Sandbox, rows: int) -> dict[str, Any]:
    """The run is over: each row is once on the server or in the rejects, and the books say so."""
    assert_no_leak(ended)
    bad = {number for number in range(rows) if is_bad(number)}
    assert ended.code == (3 if bad else 0), f"exit {ended.code}: {ended.err}"
    held = stored(box)
    assert max(held.values()) == 1, "a row is on the server twice"
    assert set(held) == set(range(rows)) - bad, "rows are missing on the server, or too many"
    report = ended.json
    assert (report["read"], report["unsent"], report["filtered"]) == (rows, 0, 0), "the books are wrong"
    assert (report["accepted"], report["rejected"]) == (rows - len(bad), len(bad)), "the books are wrong"
    (folder,) = [folder for folder in run_folders() if (folder / run_head.FILE_NAME).exists()]
    # Killed before its head was written, a run had not begun.
    assert not [known for known in begun_folders() if known != folder and read_blocks(known)]
    assert sorted(_rejects(folder)) == sorted(bad), "rejects are missing, or too many"
    assert_journal_is_true(box)
    assert_files_are_private()
    return report


def assert_files_are_private() -> None:
    """The owner's alone; the token nowhere, a row's values in rejects files only."""
    for path in Path(os.environ["XDG_STATE_HOME"]).rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
        if path.is_file():
            content = path.read_bytes()
            assert TOKEN.encode() not in content, path
            if not path.name.startswith("rejects"):
                for marker in (MARKER, json.dumps(MARKER)[1:-1]):
                    assert marker.encode() not in content, path
