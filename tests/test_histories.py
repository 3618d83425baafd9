"""Any history of sends, faults, kills, restarts, edits and appends ends in the exact set.

The oracle is the server's own log: after every step the journals must be true to it, and after the last the
server holds each row of the file once.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from conftest import Ended
from faults_kit import fault, free_port, status
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from kill_driver import POINTS
from kills_kit import assert_journal_is_true, done_rows, drive, is_bad, row_line, run_folders, stored

from ours_cli import boundary
from ours_cli.runs.journal import never_began
from ours_cli.runs.run_head import read_head
from ours_cli.sandbox import Fault, Sandbox, SandboxOptions, When

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

FOREVER: dict[str, tuple[Fault, ...]] = {
    "sound": (),
    "503 now and then": (fault(When(every=3), status(503)),),
    "cut now and then": (fault(When(every=3), "accept_then_cut"),),
    "truncated": (fault(When(every=4), "truncate"),),
    "results missing": (fault(When(every=4), "results_missing"),),
    "queue": (fault(When(every_row=5), "queue_failed", times=1),),
    "401": (fault(When(nth=(3,)), status(401)),),
    "down": (fault(When(after=2), status(503)),),
}
REFUSED = fault(When(event=("Refused",)), "invalid_event")
ENDS = {"sound": (0, 3), "401": (0, 3, 4)}
BATCH = st.sampled_from([1, 7, 20])


class History(RuleBasedStateMachine):
    """One file, one server that keeps its log over restarts, one state folder."""

    def __init__(self) -> None:
        super().__init__()
        folder = Path(mkdtemp(dir=os.environ["HISTORIES"]))
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        self._file = folder / "rows.ndjson"
        self._db = folder / "server.db"
        self._port = free_port()
        self._rows: list[int] = []
        self._gone: set[int] = set()
        self._next = 0

    @initialize(count=st.integers(1, 60))
    def begin(self, count: int) -> None:
        self._append(count)

    @rule(count=st.integers(1, 25))
    def append(self, count: int) -> None:
        self._append(count)

    @rule(kind=st.sampled_from(sorted(FOREVER)), size=BATCH, many=st.sampled_from([1, 4]))
    def send(self, kind: str, size: int, many: int) -> None:
        with self._server(*FOREVER[kind]) as box:
            ended = self._run(size, many)
            # With faults on, a busy machine may not get anywhere for as long as `--give-up-after`.
            assert ended.code in ENDS.get(kind, (0, 3, 5)), ended.err
            self._hold(ended, box)

    @rule(
        point=st.sampled_from(POINTS),
        nth=st.integers(1, 4),
        size=BATCH,
        cut=st.booleans(),
        faults=st.booleans(),
    )
    def kill(self, point: str, nth: int, size: int, cut: bool, faults: bool) -> None:
        kinds = FOREVER["503 now and then"] + FOREVER["queue"] if faults else ()
        with self._server(*kinds) as box:
            spec = {"die_at": point, "nth": nth, "power_cut": cut}
            ended = drive(spec, *self._command(size, 4))
            assert ended.code in (-9, 0, 3, 5), ended.err
            assert_journal_is_true(box, self._rows)

    @precondition(lambda self: self._rows)
    @rule(data=st.data(), size=BATCH)
    def edit(self, data: st.DataObject, size: int) -> None:
        """A row becomes another: where a run that is not finished calls it done, the command must refuse."""
        place = data.draw(st.integers(0, len(self._rows) - 1))
        refuses = self._is_done_in_an_unfinished_run(place)
        is_all_done = refuses and set(range(place)) <= done_rows(run_folders()[-1])
        old, self._rows[place] = self._rows[place], self._new()
        self._write()
        with self._server() as box:
            before, held = box.totals().requests, set(stored(box))
            ended = self._run(size, 4, patience=5)
            if refuses:
                assert ended.code == 6, ended.err
                # Rows before it that the run had left open are read, and may be sent, before it is met.
                assert set(stored(box)) - held <= set(self._rows[:place])
                assert box.totals().requests == before or not is_all_done
                self._rows[place] = old
                self._write()
                return
            self._gone.add(old)
            assert ended.code in (0, 3), ended.err
            self._hold(ended, box)

    def teardown(self) -> None:
        if not self._rows:
            return
        with self._server() as box:
            ended = self._run(20, 4, patience=5)
            assert ended.code in (0, 3), ended.err
            self._hold(ended, box)
            good = {row for row in self._rows if not is_bad(row)}
            held = stored(box)
            assert good <= set(held) <= good | self._gone
            assert not held or max(held.values()) == 1
            report = ended.json
            assert (report["accepted"], report["unsent"]) == (len(good), 0)

    def _is_done_in_an_unfinished_run(self, place: int) -> bool:
        folders = run_folders()
        if not folders or never_began(folders[-1]) or read_head(folders[-1]).is_finished:
            return False
        return place in done_rows(folders[-1])

    def _hold(self, ended: Ended, box: Sandbox) -> None:
        report = ended.json
        assert report["read"] == report["accepted"] + report["rejected"] + report["unsent"]
        assert_journal_is_true(box, self._rows)

    def _run(self, size: int, many: int, patience: float = 0.3) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        words = [str(word) for word in self._command(size, many, patience)]
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setattr(sys, "argv", ["ours", *words])
            code = boundary.run(words)
        return Ended(code, out.getvalue(), err.getvalue())

    def _command(self, size: int, many: int, patience: float = 0.3) -> tuple[object, ...]:
        flags = ("--timeout", 5, "--give-up-after", patience, "-o", "json")
        return ("batch", self._file, "--batch-size", size, "--concurrency", many, *flags)

    def _server(self, *faults: Fault) -> Sandbox:
        os.environ["OURS_PRIVACY_BASE_URL"] = f"http://127.0.0.1:{self._port}/api/v1"
        script = (*faults, REFUSED)
        # Batches of 20 are answered 413, and learn.
        return Sandbox(SandboxOptions(port=self._port, db=self._db, faults=script, max_events=15))

    def _append(self, count: int) -> None:
        self._rows += [self._new() for _ in range(count)]
        self._write()

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def _write(self) -> None:
        self._file.write_text("".join(row_line(row) for row in self._rows))


def live(monkeypatch: pytest.MonkeyPatch, folder: Path, **options: Any) -> None:
    monkeypatch.setenv("HISTORIES", str(folder))
    monkeypatch.setenv("OURS_PRIVACY_BASE_URL", "")  # both are the machine's to set, and given back here
    monkeypatch.setenv("XDG_STATE_HOME", "")
    health = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
    chosen = settings(deadline=None, suppress_health_check=health, **options)
    run_state_machine_as_test(History, settings=chosen)


@pytest.mark.usefixtures("quick_backoff")
def test_histories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    live(monkeypatch, tmp_path, max_examples=8, stateful_step_count=6, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("quick_backoff")
def test_long_histories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    live(monkeypatch, tmp_path, max_examples=60, stateful_step_count=12)
