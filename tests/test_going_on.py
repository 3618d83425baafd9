"""Killed, stopped, changed: the same command goes on, and the server holds the exact set."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Ended, Ours, StartSandbox
from faults_kit import MARKER, fault, status
from rows import ago, iso, write
from waiting import wait_for

from ours_cli.runs import run_head
from ours_cli.runs.journal import read_blocks
from ours_cli.runs.run_lock import hold, is_running
from ours_cli.sandbox import Sandbox, Then, When

SILENT: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
LONG = {"Retry-After": "9999"}
ROW = {"event": "Purchase", "externalId": "p", "eventProperties": {"note": MARKER}}


def write_rows(path: Path, count: int, *, start: int = 0) -> Path:
    lines = [json.dumps({**ROW, "distinctId": f"d{n}"}) + "\n" for n in range(start, start + count)]
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(lines)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.ndjson", 1000)


def log_lines(count: int) -> list[str]:
    """Rows of one person each, without ids: sent again, they would count again."""
    return [json.dumps({**ROW, "externalId": f"p{n}"}) + "\n" for n in range(count)]


def assert_persons_once(place: Sandbox, count: int) -> None:
    assert sorted(str(event.external_id) for event in place.events()) == sorted(f"p{n}" for n in range(count))


def stored(place: Sandbox) -> set[str]:
    return {event.distinct_id for event in place.events()}


def ids(count: int) -> set[str]:
    return {f"d{n}" for n in range(count)}


def balanced(ended: Ended) -> None:
    books = ended.json
    assert books["read"] == books["accepted"] + books["rejected"] + books["filtered"] + books["unsent"]


def send(ours: Ours, file: Path, *more: object) -> Ended:
    ended = ours("batch", file, "--batch-size", 100, "--concurrency", 1, "-o", "json", *more)
    if "read" in ended.json:
        balanced(ended)
    return ended


@pytest.fixture
def stopped(ours: Ours, sandbox: StartSandbox, file: Path) -> Sandbox:
    """A run of `file` that ended after 400 of its 1,000 rows: the fifth request was answered 401."""
    place = sandbox(fault(When(nth=(5,)), status(401)))
    ended = send(ours, file)
    assert (ended.code, ended.json["accepted"]) == (4, 400)
    return place


def runs(home: Path) -> list[Path]:
    return sorted((home / "state" / "ours" / "runs").iterdir())


class TestUnfinished:
    def test_the_same_command_goes_on(self, ours: Ours, stopped: Sandbox, file: Path, home: Path) -> None:
        ended = send(ours, file)
        assert (ended.code, ended.json["read"], ended.json["accepted"]) == (0, 1000, 1000)
        assert "400 rows are done" in ended.err
        assert stored(stopped) == ids(1000)
        # A hundred travelled in vain: those that were answered 401.
        assert stopped.totals().rows == 1100
        assert ended.json["requests"] == 6
        assert len(runs(home)) == 1

    def test_another_token_is_good_after_a_401(
        self, ours: Ours, stopped: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OURS_PRIVACY_TOKEN", "another")
        ended = send(ours, file)
        assert (ended.code, ended.json["accepted"], ended.json["requests"]) == (0, 1000, 6)
        assert stored(stopped) == ids(1000)

    def test_the_new_token_stays_good_though_the_server_fails_first(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
    ) -> None:
        busy = fault(When(nth=(4,)), status(429, headers=LONG))
        place = sandbox(fault(When(nth=(3,)), status(401)), busy)
        (file := tmp_path / "log.ndjson").write_text("".join(log_lines(400)))
        assert send(ours, file).code == 4
        monkeypatch.setenv("OURS_PRIVACY_TOKEN", "another")
        assert send(ours, file).code == 5
        ended = send(ours, file)
        assert (ended.code, ended.json["accepted"]) == (0, 400)
        assert_persons_once(place, 400)
        assert len(runs(home)) == 1

    @pytest.mark.usefixtures("quick_backoff")
    def test_rows_on_both_sides_of_those_that_are_done(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        """They travel apart, and are recorded: nothing is sent a third time."""
        box = sandbox(fault(When(nth=(1,)), status(503)), fault(When(nth=(3,)), status(401)))
        path = write_rows(tmp_path / "rows.ndjson", 6)
        ended = ours("batch", path, "--batch-size", 3, "-o", "json")
        assert (ended.code, ended.json["unsent"], stored(box)) == (4, 3, {"d3", "d4", "d5"})
        write_rows(path, 3, start=6)
        for requests in (5, 5):
            ended = ours("batch", path, "-o", "json")
            assert (ended.code, ended.json["accepted"], box.totals().requests) == (0, 9, requests)

    def test_other_sizes_are_no_other_run(self, ours: Ours, stopped: Sandbox, file: Path) -> None:
        ended = ours("batch", file, "--batch-size", 37, "--concurrency", 4, "-o", "json")
        assert (ended.code, ended.json["accepted"]) == (0, 1000)
        assert stored(stopped) == ids(1000)
        assert stopped.totals().rows == 1100

    def test_an_edited_row(self, ours: Ours, stopped: Sandbox, file: Path) -> None:
        before = stopped.totals().requests
        file.write_text(file.read_text().replace('"distinctId": "d250"', '"distinctId": "secret-250"'))
        ended = send(ours, file)
        assert ended.code == 6
        assert "lines 201 to 300" in ended.err
        assert "--restart" in ended.err
        assert "secret-250" not in ended.err + ended.out
        assert stopped.totals().requests == before
        assert send(ours, file, "--restart").code == 0
        assert "secret-250" in stored(stopped)

    @pytest.mark.parametrize(
        ("number", "where"),
        [(220, "{1}: lines 51 to 150 are"), (120, "the rows from line 101 of {0} to line 50 of {1} are")],
    )
    def test_an_edited_row_of_several_files(
        self, number: int, where: str, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox(fault(When(nth=(4,)), status(401)))
        files = [write_rows(tmp_path / f"{n}.ndjson", 150 + 100 * n, start=150 * n) for n in (0, 1)]
        command = ("batch", *files, "--batch-size", 100, "--concurrency", 1, "-o", "json")
        assert ours(*command).json["accepted"] == 300
        for file in files:
            file.write_text(file.read_text().replace(f'"d{number}"', '"other"'))
        ended = ours(*command)
        assert ended.code == 6
        assert f"the source changed: {where.format(*files)} not what they were" in ended.err

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_an_earlier_file_of_several_grew(
        self, workers: str, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(fault(When(nth=(4,)), status(401)))
        files = [write_rows(tmp_path / f"{n}.ndjson", 150, start=150 * n) for n in (0, 1, 2)]
        flags = ("--batch-size", 100, "--concurrency", 1, "--workers", workers, "-o", "json")
        assert ours("batch", *files, *flags).json["accepted"] == 300
        whole = files[0].read_text()
        write_rows(files[0], 1, start=900)
        ended = ours("batch", *files, *flags)
        assert (ended.code, place.totals().requests) == (6, 4)
        between = f"from line 101 of {files[0]} to line 49 of {files[1]}"
        assert f"the rows {between} are not what they were, or {files[0]} has grown" in ended.err
        assert "only the file in which a run stopped may grow, or one behind it" in ended.err
        files[0].write_text(whole)
        write_rows(files[2], 1, start=900)
        assert ours("batch", *files, *flags).json["accepted"] == 451

    def test_a_limit_just_before_a_row_that_cannot_be_read(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        row = '{"event":"E","externalId":"a"}\n'
        path = tmp_path / "o.ndjson"
        path.write_text(f"{row}no JSON\n{row}")
        assert ours("batch", path).code == 3
        ended = ours("batch", path, "--limit", 1)
        assert ended.code == 2
        assert "error: --limit ends before the last row that this run has done" in ended.err

    @pytest.mark.parametrize("workers", ["1", "2"])
    @pytest.mark.parametrize("limit", [1, 50, 250, 399])
    def test_a_limit_within_what_is_done(
        self, limit: int, workers: str, ours: Ours, stopped: Sandbox, file: Path
    ) -> None:
        before = stopped.totals().requests
        ended = send(ours, file, "--limit", limit, "--workers", workers)
        assert (ended.code, "read" in ended.json) == (2, False)
        assert "error: --limit ends before the last row that this run has done" in ended.err
        assert stopped.totals().requests == before
        runs: Any = ours("runs", "list", "-o", "json").json
        assert [(run["read"], run["accepted"]) for run in runs] == [(400, 400)]
        behind = send(ours, file, "--limit", 450)
        assert (behind.code, behind.json["read"], "--limit" in behind.err) == (0, 450, False)
        assert send(ours, file).json["accepted"] == 1000
        assert stored(stopped) == ids(1000)

    def test_a_file_that_was_cut(self, ours: Ours, stopped: Sandbox, file: Path) -> None:
        before = stopped.totals().requests
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:250]))
        ended = send(ours, file)
        assert ended.code == 6
        assert "250 rows" in ended.err
        assert stopped.totals().requests == before

    def test_a_file_that_grew(self, ours: Ours, stopped: Sandbox, file: Path) -> None:
        write_rows(file, 200, start=1000)
        ended = send(ours, file)
        assert (ended.code, ended.json["accepted"], ended.json["requests"]) == (0, 1200, 8)
        assert stored(stopped) == ids(1200)

    def test_a_file_that_was_renamed(self, ours: Ours, stopped: Sandbox, file: Path, tmp_path: Path) -> None:
        renamed = file.rename(tmp_path / "other.ndjson")
        ended = send(ours, renamed)
        assert (ended.code, ended.json["accepted"], ended.json["requests"]) == (0, 1000, 6)
        assert stored(stopped) == ids(1000)

    def test_another_file_is_another_run(
        self, ours: Ours, stopped: Sandbox, tmp_path: Path, home: Path
    ) -> None:
        other = write_rows(tmp_path / "other.ndjson", 50, start=5000)
        ended = send(ours, other)
        assert (ended.code, ended.json["read"]) == (0, 50)
        assert len(runs(home)) == 2
        assert len(stored(stopped)) == 450

    def test_restart(self, ours: Ours, stopped: Sandbox, file: Path, home: Path) -> None:
        ended = send(ours, file, "--restart")
        assert (ended.code, ended.json["requests"]) == (0, 10)
        assert stored(stopped) == ids(1000)
        assert len(runs(home)) == 2

    def test_resume_by_name(self, ours: Ours, stopped: Sandbox, file: Path, home: Path) -> None:
        (run,) = runs(home)
        ended = send(ours, file, "--resume", run.name)
        assert (ended.code, ended.json["run"], ended.json["requests"]) == (0, run.name, 6)
        assert stored(stopped) == ids(1000)
        assert send(ours, file, "--resume", "2020").code == 2

    def test_a_file_that_was_renamed_when_all_was_sent(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        file = write_rows(tmp_path / "a.ndjson", 50)
        assert send(ours, file, "--expect", 51).code == 6
        renamed = file.rename(tmp_path / "b.ndjson")
        assert send(ours, renamed).code == 0
        again = send(ours, renamed)
        assert (again.code, again.json["accepted"], place.totals().requests) == (0, 50, 1)

    def test_a_file_that_was_renamed_when_all_had_an_outcome(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        file = tmp_path / "a.ndjson"
        file.write_text("".join(log_lines(5)) + '{"nick":1}\n')
        assert send(ours, file, "--expect", 7).code == 6
        renamed = file.rename(tmp_path / "b.ndjson")
        assert send(ours, renamed).code == 3
        again = send(ours, renamed)
        assert (again.code, again.json["accepted"], place.totals().requests) == (3, 5, 1)

    def test_what_was_rejected_as_a_whole_was_not_sent(self, ours: Ours, tmp_path: Path) -> None:
        file = tmp_path / "a.ndjson"
        file.write_text('{"nick":1}\n')
        assert send(ours, file).code == 3
        again = send(ours, file)
        assert (again.code, "had accepted nothing of it" in again.err) == (3, True)

    def test_a_file_of_other_rows_that_was_named_by_mistake_is_free(
        self, ours: Ours, stopped: Sandbox, file: Path, tmp_path: Path, home: Path
    ) -> None:
        (run,) = runs(home)
        other = write_rows(tmp_path / "other.ndjson", 500, start=5000)
        assert send(ours, other, "--resume", run.name).code == 6
        assert send(ours, other).json["accepted"] == 500
        assert send(ours, file).json["run"] == run.name
        assert stored(stopped) == ids(1000) | {f"d{n}" for n in range(5000, 5500)}

    def test_rows_that_are_done_are_not_judged_again(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(fault(When(nth=(2,)), status(401)))
        now = time.time()
        rows = [{"event": "E", "externalId": "same", "time": int((now - 1) * 1000)} for _ in range(4)]
        file = tmp_path / "equal.ndjson"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        flags = ("--batch-size", 2, "--concurrency", 1, "-o", "json")
        assert ours("batch", file, "--max-age", "60", *flags).code == 4
        # The first two have left this window; their occurrence numbers must count all the same.
        ended = ours("batch", file, "--max-age", "0.5", *flags)
        assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, 2, 2)
        ended = ours("batch", ended.json["rejects_file"], "--max-age", "60", *flags)
        assert ended.code == 0
        assert place.totals().events == 4

    @pytest.mark.parametrize("damage", [b"", b"garbage " * 100, None], ids=["cut", "garbled", "gone"])
    def test_a_damaged_journal(
        self, ours: Ours, stopped: Sandbox, file: Path, home: Path, damage: bytes | None
    ) -> None:
        before = stopped.totals().requests
        (run,) = runs(home)
        journal = run / "journal.db"
        if damage is None:
            journal.unlink()
        else:
            journal.write_bytes(damage)
        for leftover in run.glob("journal.db-*"):
            leftover.unlink()
        ended = send(ours, file)
        assert ended.code == 6
        assert "--restart" in ended.err
        assert stopped.totals().requests == before
        assert damage is None or journal.read_bytes() == damage
        assert send(ours, file, "--restart").code == 0
        assert stored(stopped) == ids(1000)


class TestADamagedJournal:
    """An unfinished run's journal is damaged: only a command that may be its own has to stop."""

    @pytest.fixture
    def damaged(self, stopped: Sandbox, home: Path) -> str:
        (run,) = runs(home)
        for leftover in run.glob("journal.db*"):
            leftover.unlink()
        (run / "journal.db").write_bytes(b"garbage " * 100)
        return run.name

    def test_other_files_go_on(self, ours: Ours, damaged: str, tmp_path: Path) -> None:
        other = write_rows(tmp_path / "other.ndjson", 50, start=5000)
        ended = send(ours, other)
        assert (ended.code, ended.json["accepted"]) == (0, 50)
        assert any(f"ours runs delete {damaged}" in warning for warning in ended.json["warnings"])
        assert send(ours, other).json["requests"] == 0

    def test_a_pipe_goes_on(self, ours_process: Ours, damaged: str, tmp_path: Path) -> None:
        ended = ours_process("batch", "-", stdin=write_rows(tmp_path / "other.ndjson", 5).read_bytes())
        assert ended.code == 0
        assert damaged in ended.err

    def test_its_files_under_another_name_may_be_these(
        self, ours: Ours, damaged: str, stopped: Sandbox, file: Path, tmp_path: Path
    ) -> None:
        before = stopped.totals().requests
        assert send(ours, file.rename(tmp_path / "renamed.ndjson")).code == 6
        assert stopped.totals().requests == before

    def test_one_file_of_two(self, ours: Ours, damaged: str, file: Path, tmp_path: Path) -> None:
        assert send(ours, file, write_rows(tmp_path / "other.ndjson", 5)).code == 6

    def test_two_pipes_cannot_be_told_apart(
        self, ours_process: Ours, sandbox: StartSandbox, file: Path, home: Path
    ) -> None:
        place = sandbox(fault(When(), status(401)))
        assert ours_process("batch", "-", stdin=file.read_bytes()).code == 4
        (run,) = runs(home)
        (run / "journal.db").write_bytes(b"garbage " * 100)
        assert ours_process("batch", "-", stdin=b"{}\n").code == 6
        assert place.totals().requests == 1


class TestADamagedHead:
    """Nothing says whose run it is but the journal: what may be this command's is not begun anew."""

    @pytest.fixture(params=["", "{", None, "[]", '{"id": 1}'], ids=str)
    def damaged(self, request: pytest.FixtureRequest, stopped: Sandbox, home: Path) -> Path:
        (run,) = runs(home)
        if request.param is None:
            (run / "run.json").unlink()
        else:
            (run / "run.json").write_text(request.param)
        return run

    def test_its_own_command_stops(self, ours: Ours, stopped: Sandbox, damaged: Path, file: Path) -> None:
        before = stopped.totals().requests
        ended = send(ours, file)
        assert ended.code == 6
        assert f"the run in {damaged} is damaged" in ended.err
        assert "this command may be the one that goes on with it" in ended.err
        assert stopped.totals().requests == before
        assert send(ours, file, "--restart").code == 0
        assert stored(stopped) == ids(1000)

    def test_others_go_on(self, ours: Ours, damaged: Path, file: Path, tmp_path: Path) -> None:
        assert send(ours, write_rows(tmp_path / "other.ndjson", 50, start=5000)).json["accepted"] == 50
        assert send(ours, file, "--send-nulls").json["accepted"] == 1000

    def test_with_a_damaged_journal_it_may_be_anybodys(
        self, ours: Ours, damaged: Path, tmp_path: Path
    ) -> None:
        (damaged / "journal.db").write_bytes(b"garbage " * 100)
        other = write_rows(tmp_path / "other.ndjson", 50, start=5000)
        assert send(ours, other).code == 6
        assert ours("runs", "delete", damaged.name).code == 0
        assert send(ours, other).code == 0

    @pytest.mark.parametrize("begun", ["nothing", "a file", "a database"])
    def test_without_its_journal_it_began_only_if_there_is_one(
        self, ours: Ours, damaged: Path, file: Path, begun: str
    ) -> None:
        """Killed before it could say whose it is, it has sent nothing; its head is written after that."""
        for part in damaged.glob("journal*"):
            part.unlink()
        if begun != "nothing":
            (damaged / "journal.db").touch()
        if begun == "a database":
            with closing(sqlite3.connect(damaged / "journal.db")) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
        assert send(ours, file).code == (6 if (damaged / "run.json").exists() else 0)


def test_a_head_of_another_version(ours: Ours, stopped: Sandbox, home: Path, file: Path) -> None:
    (run,) = runs(home)
    head = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**head, "version": 99, "more": True}))
    ended = send(ours, file)
    assert ended.code == 6
    assert "was written by another version of ours (99)" in ended.err
    listed = ours("runs").err
    assert f"run {run.name} was written by another version of ours, which can show it" in listed
    assert "damaged" not in ended.err + listed


class TestARunOfAnotherVersion:
    """Of its head only what every version writes is known, and of its journal nothing."""

    @pytest.fixture(params=["unfinished", "finished"])
    def foreign(
        self, request: pytest.FixtureRequest, ours: Ours, stopped: Sandbox, home: Path, file: Path
    ) -> Path:
        if request.param == "finished":
            assert send(ours, file).code == 0
        (run,) = runs(home)
        fields = json.loads((run / "run.json").read_text())
        del fields["checksum"]
        fields["identity"]["more"] = True
        (run / "run.json").write_text(run_head._text({**fields, "version": 99, "more": True}))
        with closing(sqlite3.connect(run / "journal.db")) as connection:
            connection.execute("PRAGMA user_version = 99")
        return run

    def test_its_own_command_stops_and_is_told_how_to_go_on(
        self, ours: Ours, stopped: Sandbox, foreign: Path, file: Path
    ) -> None:
        before = stopped.totals().requests
        ended = send(ours, file)
        assert (ended.code, stopped.totals().requests) == (6, before)
        assert "was written by another version of ours (99)" in ended.err
        assert f"ours runs delete {foreign.name} removes it" in ended.err
        assert ours("runs", "delete", foreign.name).code == 0
        assert send(ours, file).code == 0
        assert stored(stopped) == ids(1000)

    def test_other_files_and_commands_go_on(
        self, ours: Ours, foreign: Path, file: Path, tmp_path: Path
    ) -> None:
        assert send(ours, write_rows(tmp_path / "other.ndjson", 50, start=5000)).code == 0
        assert ours("backfill", file, "--limit", 5).code == 3, "its rows have no time"

    def test_a_file_that_may_be_the_same_under_another_name_goes_on_only_if_it_was_finished(
        self, request: pytest.FixtureRequest, ours: Ours, foreign: Path, file: Path, tmp_path: Path
    ) -> None:
        file.rename(tmp_path / "renamed.ndjson")
        is_finished = request.node.callspec.params["foreign"] == "finished"
        ended = send(ours, tmp_path / "renamed.ndjson")
        assert ended.code == (0 if is_finished else 6)

    def test_a_head_that_is_damaged_as_well_may_be_anybodys(
        self, ours: Ours, foreign: Path, file: Path, tmp_path: Path
    ) -> None:
        head = foreign / "run.json"
        head.write_text(head.read_text().replace("rows.ndjson", "rows.ndjsom"))
        assert send(ours, write_rows(tmp_path / "other.ndjson", 50, start=5000)).code == 6


def test_looking_at_runs_does_not_hinder_one_that_begins(home: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            is_running(tmp_path / "run")

    watchers = [threading.Thread(target=look) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(300):
            hold(tmp_path / "run").close()
    finally:
        over.set()
        for watcher in watchers:
            watcher.join()


class TestAJournalOfAnotherVersion:
    @pytest.fixture
    def foreign(self, stopped: Sandbox, home: Path) -> str:
        (run,) = runs(home)
        with closing(sqlite3.connect(run / "journal.db")) as connection:
            connection.execute("PRAGMA user_version = 99")
        return run.name

    def test_its_own_command_stops(self, ours: Ours, foreign: str, file: Path) -> None:
        ended = send(ours, file)
        assert ended.code == 6
        assert "written by another version of ours" in ended.err
        assert "that version can go on with it; --restart begins a new run" in ended.err
        assert foreign in ended.err

    def test_other_files_go_on_and_it_is_not_called_damaged(
        self, ours: Ours, foreign: str, tmp_path: Path
    ) -> None:
        ended = send(ours, write_rows(tmp_path / "other.ndjson", 50, start=5000))
        assert ended.code == 0
        (warning,) = [text for text in ended.json["warnings"] if foreign in text]
        assert "was written by another version of ours; that version can go on with it" in warning
        assert "damaged" not in warning
        assert "other version" in {run["state"] for run in ours("runs", "-o", "json").json}  # type: ignore[index]

    def test_its_counts_are_unknown_not_zero(self, ours: Ours, foreign: str) -> None:
        (entry,) = json.loads(ours("runs", "-o", "json").out)
        assert [entry[key] for key in ("accepted", "done", "reject_codes")] == [None] * 3
        line = ours("runs").out.splitlines()[1].split()
        assert line[1:] == ["batch", "other", "version", "-", "-", "rows.ndjson"]
        shown = ours("runs", "show", foreign).out
        assert "accepted      -\n" in shown
        assert "digest        -\n" in shown


class TestFinished:
    def test_again_it_says_so(self, ours: Ours, sandbox: StartSandbox, file: Path) -> None:
        place = sandbox()
        assert send(ours, file).code == 0
        ended = send(ours, file)
        assert (ended.code, ended.json["accepted"], ended.json["requests"]) == (0, 1000, 0)
        assert "had sent all of it before" in ended.err
        assert place.totals().rows == 1000

    def test_under_another_name_it_is_a_new_run(
        self, ours: Ours, sandbox: StartSandbox, file: Path, home: Path
    ) -> None:
        """Tomorrow's export may well begin with the rows of today's."""
        sandbox()
        assert send(ours, file).code == 0
        ended = send(ours, write_rows(file.rename(file.with_name("next.ndjson")), 100, start=1000))
        assert (ended.code, ended.json["accepted"], ended.json["requests"]) == (0, 1100, 11)
        assert len(runs(home)) == 2

    def test_replaced_it_is_a_new_run(
        self, ours: Ours, sandbox: StartSandbox, file: Path, home: Path
    ) -> None:
        place = sandbox()
        assert send(ours, file).code == 0
        file.unlink()
        write_rows(file, 300, start=2000)
        ended = send(ours, file)
        assert (ended.code, ended.json["read"], ended.json["accepted"]) == (0, 300, 300)
        assert "done" not in ended.err
        assert len(runs(home)) == 2
        assert place.totals().events == 1300

    @pytest.mark.parametrize("how", ["by hand", "runs resume"])
    def test_replaced_it_is_refused_where_it_is_named(
        self, ours: Ours, sandbox: StartSandbox, file: Path, home: Path, how: str
    ) -> None:
        """Other rows were meant than those that are there: they are not sent under another run."""
        place = sandbox()
        name = send(ours, file).json["run"]
        if how == "runs resume":
            write_rows(file.rename(file.with_name("old.ndjson")).with_name(file.name), 300, start=2000)
            ended = ours("runs", "resume", name, "-o", "json")
        else:
            other = write_rows(file.with_name("other.ndjson"), 300, start=2000)
            ended = send(ours, other, "--resume", name)
        assert (ended.code, ended.json["run"]) == (6, name)
        assert "the source changed: lines 1 to 100 are not what they were" in ended.err
        assert (place.totals().rows, len(runs(home))) == (1000, 1)
        (entry,) = json.loads(ours("runs", "-o", "json").out)
        assert (entry["state"], entry["done"]) == ("complete", 1000)

    def test_the_same_or_grown_it_goes_on_where_it_is_named(
        self, ours: Ours, sandbox: StartSandbox, file: Path
    ) -> None:
        sandbox()
        name = send(ours, file).json["run"]
        ended = send(ours, file, "--resume", name)
        assert (ended.code, ended.json["run"], ended.json["requests"]) == (0, name, 0)
        write_rows(file, 50, start=1000)
        ended = send(ours, file, "--resume", name)
        assert (ended.code, ended.json["run"], ended.json["requests"]) == (0, name, 1)

    def test_grown_only_new_rows_go(self, ours: Ours, sandbox: StartSandbox, file: Path) -> None:
        place = sandbox()
        assert send(ours, file).code == 0
        write_rows(file, 50, start=1000)
        ended = send(ours, file)
        assert (ended.code, ended.json["read"], ended.json["requests"]) == (0, 1050, 1)
        assert "went on with run " in ended.err
        assert ": 1,000 rows were done before" in ended.err
        assert place.totals().rows == 1050

    @pytest.mark.parametrize("more", [(), ("--workers", "2"), ("--batch-size", "7")], ids=str)
    def test_grown_from_the_middle_of_a_line(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path, more: tuple[str, ...]
    ) -> None:
        """A log that is read while its writer is in mid-line. Its rows have no ids of their own."""
        place = sandbox()
        log = tmp_path / "app.ndjson"
        lines = log_lines(60)
        for cut, code in (("".join(lines[:50])[:-20], 3), ("".join(lines[:50])[:-9], 3), ("".join(lines), 0)):
            log.write_text(cut)
            for _ in range(2):
                ended = ours("batch", log, "-o", "json", *more)
                assert ended.code == code
                balanced(ended)
        assert (ended.json["read"], ended.json["accepted"]) == (60, 60)
        assert (ended.json["rejects_file"], ended.json["mend"]) == (None, None)
        assert_persons_once(place, 60)
        assert place.totals().rows == 60
        assert len(runs(home)) == 1

    def test_grown_behind_rows_that_were_not_sent(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        """The half row is recorded before the rows that come before it."""
        place = sandbox(fault(When(nth=(1,)), status(401)))
        log = tmp_path / "app.ndjson"
        lines = log_lines(30)
        log.write_text("".join(lines[:11])[:-20])
        assert ours("batch", log, "-o", "json").code == 4
        for count in (20, 20, 25, 25, 30):
            log.write_text("".join(lines[:count]))
            ended = ours("batch", log, "-o", "json")
            assert (ended.code, ended.json["read"], ended.json["accepted"]) == (0, count, count)
        assert_persons_once(place, 30)
        (run,) = json.loads(ours("runs", "-o", "json").out)
        assert (run["done"], run["rejected"]) == (30, 0)

    def test_grown_twice_while_nothing_is_sent(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        """A second half row is recorded while the rows from the first on have no answer yet."""
        place = sandbox(fault(When(nth=(2,)), status(401)))
        log = tmp_path / "app.ndjson"
        lines = log_lines(30)
        for count, half, code in ((11, 20, 3), (21, 20, 4), (30, 0, 0)):
            log.write_text("".join(lines[:count])[: -half or None])
            ended = ours("batch", log, "-o", "json")
            assert ended.code == code
        assert (ended.json["read"], ended.json["accepted"]) == (30, 30)
        assert_persons_once(place, 30)
        assert len(runs(home)) == 1

    def test_a_half_row_before_other_files(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        """Where a file in the middle grows, all rows behind it have moved: as if it had been replaced."""
        place = sandbox()
        one, two = tmp_path / "a.csv", tmp_path / "b.csv"
        one.write_text("id,name\n" + "".join(f"a{n},A\n" for n in range(3)) + "a4")
        two.write_text("id,name\n" + "".join(f"b{n},B\n" for n in range(3)))
        command = ("identify", one, two, "--external-id", "{id}", "-u", "first_name={name}", "-o", "json")
        assert ours(*command).code == 3
        with one.open("a") as stream:
            stream.write(",A\na5,A\n")
        ended = ours(*command)
        assert (ended.code, ended.json["accepted"]) == (0, 8)
        assert {event.external_id for event in place.events()} == {
            *("a0", "a1", "a2", "a4", "a5"),
            *("b0", "b1", "b2"),
        }

    @pytest.mark.parametrize(
        ("name", "half", "rest"),
        [
            ("r.ndjson", b'{"event":"E","externalId":"M\xc3', b'\xbc"}\n'),
            ("r.json", b'[{"event":"E","externalId":"a"}', b"]\n"),
            ("r.json", b'[{"event":"E","externalId":"a"},', b'{"event":"E","externalId":"b"}]\n'),
            ("r.json", b'[{"event":"E","externalId":"a"},{"event":"E', b'","externalId":"b"}]\n'),
        ],
    )
    def test_other_halves(
        self,
        ours: Ours,
        sandbox: StartSandbox,
        tmp_path: Path,
        home: Path,
        name: str,
        half: bytes,
        rest: bytes,
    ) -> None:
        place = sandbox()
        path = tmp_path / name
        path.write_bytes(half)
        assert ours("batch", path).code == 3
        path.write_bytes(half + rest)
        assert ours("batch", path).code == 0
        assert len(runs(home)) == 1
        assert place.totals().rows == (half + rest).count(b"externalId")

    @pytest.mark.parametrize("cut", [b'"B', b'"B\xc3', b"B\xc3"])
    def test_other_halves_of_a_table(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path, cut: bytes
    ) -> None:
        place = sandbox()
        path = tmp_path / "rows.csv"
        flags = ("--event", "E", "--time", "{at}", "--external-id", "{who}")
        begin = f"at,who,x\n{iso(1)},p1,a\n{iso(1)},p2,".encode()
        path.write_bytes(begin + cut)
        assert ours("backfill", path, *flags).code == 3
        path.write_bytes(begin + (b'"B\xc3\xbc"\n' if cut.startswith(b'"') else b"B\xc3\xbc\n"))
        assert ours("backfill", path, *flags).code == 0
        assert (len(runs(home)), place.totals().rows) == (1, 2)

    def test_grown_from_the_middle_of_a_row(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = tmp_path / "rows.csv"
        rows = "".join(f"{iso(1)},p{n},a,b\n" for n in range(30))
        command = ("backfill", path, "--event", "E", "--time", "{at}", "--external-id", "{who}", "-o", "json")
        path.write_text("at,who,x,y\n" + rows[:-4])
        assert ours(*command).json["reject_codes"] == {"truncated_row": 1}
        path.write_text("at,who,x,y\n" + rows)
        ended = ours(*command)
        assert (ended.code, ended.json["accepted"]) == (0, 30)
        assert place.totals().rows == 30

    def test_rejects_keep_their_exit_code(self, ours: Ours, sandbox: StartSandbox, file: Path) -> None:
        sandbox(fault(When(distinct_id=("d7",)), "invalid_event"))
        first = send(ours, file)
        again = send(ours, file)
        assert (first.code, again.code) == (3, 3)
        assert again.json["rejects_file"] == first.json["rejects_file"]
        assert Path(again.json["rejects_file"]).read_text().count('"d7"') == 2  # its own key, and the mark

    @pytest.mark.parametrize("rehearsal", ["--sandbox", "--dry-run"])
    @pytest.mark.parametrize("is_known", [False, True])
    def test_a_rehearsal_goes_on_with_none(
        self, ours: Ours, sandbox: StartSandbox, file: Path, rehearsal: str, is_known: bool
    ) -> None:
        sandbox()
        name = send(ours, file).json["run"] if is_known else "zzz"
        ended = ours("batch", file, rehearsal, "--resume", name)
        assert (ended.code, ended.out) == (2, "")
        assert f"error: {rehearsal} begins with the first row, and --resume goes on with a run" in ended.err

    @pytest.mark.parametrize("more", [(), ("--sandbox",), ("--restart",)], ids=str)
    def test_the_state_folder_is_closed_to_others(
        self, ours: Ours, sandbox: StartSandbox, file: Path, home: Path, more: tuple[str, ...]
    ) -> None:
        sandbox()
        folder = home / "state" / "ours"
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        folder.parent.chmod(0o755)
        ended = ours("batch", file, *more)
        assert (ended.code, "0700" in ended.err) == (0, False)
        assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o755]

    def test_a_rehearsal_leaves_no_journal(self, ours: Ours, file: Path, home: Path) -> None:
        assert ours("batch", file, "--sandbox").code == 0
        assert not list((home / "state").rglob("*"))


def test_a_file_cut_while_it_is_read(sandbox: StartSandbox, ours: Ours, tmp_path: Path) -> None:
    held = threading.Event()
    place = sandbox(on_event=lambda _: held.wait(60))
    path = write_rows(tmp_path / "rows.ndjson", 20_000)
    whole = path.read_bytes()
    command = [sys.executable, "-m", "ours_cli", "batch", str(path), "--concurrency", "1", "-o", "json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: place.totals().requests)
    os.truncate(path, whole.index(b"\n", len(whole) // 2) + 1)
    held.set()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["status"]) == (6, "failed")
    assert "rows.ndjson was cut while it was read" in err
    path.write_bytes(whole)
    assert ours("batch", path, "-o", "json").json["accepted"] == 20_000
    assert (place.totals().events, stored(place)) == (20_000, ids(20_000))


def test_a_run_that_stops_early_has_its_own_books(ours: Ours, stopped: Sandbox, file: Path) -> None:
    """What is done is done, whether or not this attempt came to it."""
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[1], lines[0], *lines[2:]]))
    ended = send(ours, file)
    assert (ended.code, ended.json["accepted"]) == (6, 400)
    assert (ended.json["read"], ended.json["unsent"]) == (400, 0)


def test_the_same_file_by_another_way(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = sandbox()
    (tmp_path / "x").mkdir()
    write_rows(tmp_path / "u.ndjson", 5)
    monkeypatch.chdir(tmp_path)
    assert ours("batch", "u.ndjson").code == 0
    monkeypatch.chdir(tmp_path / "x")
    assert "had sent all of it before" in ours("batch", "../u.ndjson").err
    assert box.totals().rows == 5


def test_a_limit_within_what_is_done_of_another_file(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """The block that the limit cuts cannot be compared: nothing may be called complete."""
    box = sandbox()
    file = write_rows(tmp_path / "u.ndjson", 40)
    assert send(ours, file).code == 0
    file.unlink()
    write_rows(file, 40, start=100)
    assert send(ours, file, "--limit", "10").code == 2
    assert box.totals().rows == 40


class TestHeader:
    """The same cells under another header are other rows: names would be sent under one another's."""

    FLAGS = (
        *("--event", "E", "--time", "{when}", "--external-id", "{id}", "--concurrency", 1),
        *("-p", "first={first}", "-p", "last={last}", "--batch-size", 100, "-o", "json"),
    )
    RIGHT, WRONG = "id,when,first,last", "id,when,last,first"

    def write(self, path: Path, header: str, rows: range = range(300)) -> Path:
        lines = [f"c{n},{iso(1)},F{n},L{n}\n" for n in rows]
        path.write_text(f"{header}\n{''.join(lines)}")
        return path

    def sent(self, place: Sandbox) -> list[str]:
        return [event.body["eventProperties"]["first"][0] for event in place.events()]

    @pytest.mark.parametrize(
        "more",
        [(), ("--workers", "2"), ("--header-row", 1), ("--where", "id!=c0"), ("--shard", "0/1")],
        ids=str,
    )
    def test_of_an_unfinished_run_is_compared(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, more: tuple[object, ...]
    ) -> None:
        place = sandbox(fault(When(nth=(2,)), status(401)))
        path = self.write(tmp_path / "rows.csv", self.RIGHT)
        command = ("backfill", path, *self.FLAGS, *more)
        assert ours(*command).code == 4
        self.write(path, self.WRONG)
        before = place.totals().requests
        ended = ours(*command)
        assert (ended.code, place.totals().requests) == (6, before)
        assert "or the header above them are not what they were" in ended.err
        self.write(path, " id,when ,first,last")  # names are the same without the blanks around them
        assert ours(*command).code == 0
        assert set(self.sent(place)) == {"F"}

    def test_of_a_finished_run_makes_it_another_one(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        place = sandbox()
        path = self.write(tmp_path / "rows.csv", self.WRONG)
        command = ("backfill", path, *self.FLAGS)
        assert ours(*command).code == 0
        self.write(path, self.RIGHT)
        ended = ours(*command)
        assert (ended.code, ended.json["accepted"], len(runs(home))) == (0, 300, 2)
        assert self.sent(place) == ["L"] * 300 + ["F"] * 300

    def test_of_each_of_several_files(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        """Blocks span files with headers of their own; that of a file not yet come to may be mended."""
        place = sandbox(fault(When(nth=(3,)), status(401)))
        headers = (self.RIGHT, self.WRONG, self.RIGHT)
        files = [
            self.write(tmp_path / f"{number}.csv", header, range(150 * number, 150 * number + 150))
            for number, header in enumerate(headers)
        ]
        command = ("backfill", *files, *self.FLAGS)
        assert ours(*command).json["accepted"] == 200
        whole = files[1].read_text()
        files[1].write_text(whole.replace(self.WRONG, self.RIGHT))
        ended = ours(*command)
        assert ended.code == 6
        lines = f"from line 102 of {files[0]} to line 51 of {files[1]}"
        assert f"the rows {lines} or the header above them are not what they were" in ended.err
        files[1].write_text(whole)
        files[2].write_text(files[2].read_text().replace(self.RIGHT, self.WRONG))
        assert ours(*command).code == 0
        assert self.sent(place) == ["F"] * 150 + ["L"] * 300

    def test_of_a_pipe(self, ours_process: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path) -> None:
        place = sandbox(fault(When(nth=(2,)), status(401)))
        right = self.write(tmp_path / "rows.csv", self.RIGHT).read_bytes()
        wrong = self.write(tmp_path / "rows.csv", self.WRONG).read_bytes()
        command = ("backfill", "-", *self.FLAGS)
        name = ours_process(*command, stdin=right).json["run"]
        ended = ours_process(*command, "--resume", name, stdin=wrong)
        assert (ended.code, place.totals().requests) == (6, 2)
        assert ours_process(*command, stdin=right).json["run"] == name
        assert (set(self.sent(place)), len(runs(home))) == ({"F"}, 1)

    def test_that_is_none_may_become_wider(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        """The columns of `--no-header` are those of the first rows, which are more once a file grew."""
        sandbox()
        path = tmp_path / "rows.csv"
        flags = ("--no-header", "--event", "E", "--time", "{2}", "--external-id", "{1}", "-o", "json")
        path.write_text(f"c0,{iso(1)}\n")
        name = ours("backfill", path, *flags).json["run"]
        path.write_text(path.read_text() + f"c1,{iso(1)},x\nc2,{iso(1)},x\n")
        ended = ours("backfill", path, *flags)
        assert (ended.json["run"], ended.json["requests"], ended.json["accepted"]) == (name, 1, 3)


class TestSeveralFiles:
    """An unfinished run of a folder: what it has done must still stand at the beginning."""

    def stop(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> tuple[Sandbox, Path]:
        place = sandbox(fault(When(nth=(8,)), status(401)))
        folder = tmp_path / "in"
        folder.mkdir()
        write_rows(folder / "b.ndjson", 500)
        write_rows(folder / "c.ndjson", 500, start=500)
        assert send(ours, folder).code == 4
        return place, folder

    def test_a_file_before_the_others(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place, folder = self.stop(ours, sandbox, tmp_path)
        write_rows(folder / "a.ndjson", 100, start=2000)
        before = place.totals().requests
        ended = send(ours, folder)
        assert ended.code == 6
        assert "error: the files of the unfinished run " in ended.err
        assert "--restart" in ended.err
        assert place.totals().requests == before
        (folder / "a.ndjson").rename(folder / "d.ndjson")
        assert send(ours, folder).json["accepted"] == 1100
        assert stored(place) == ids(1000) | {f"d{n}" for n in range(2000, 2100)}

    def test_a_file_that_is_gone(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place, folder = self.stop(ours, sandbox, tmp_path)
        before = place.totals().requests
        (folder / "b.ndjson").rename(tmp_path / "b.ndjson")
        assert send(ours, folder).code == 6
        assert place.totals().requests == before
        assert send(ours, folder, "--restart").code == 0

    def test_other_files_are_another_run(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        self.stop(ours, sandbox, tmp_path)
        other = write_rows(tmp_path / "z.ndjson", 10, start=5000)
        assert send(ours, other).json["accepted"] == 10


class TestStandardInput:
    def test_replayed_it_goes_on(
        self, ours_process: Ours, sandbox: StartSandbox, file: Path, home: Path
    ) -> None:
        place = sandbox(fault(When(nth=(5,)), status(401)))
        command = ("batch", "-", "--batch-size", 100, "--concurrency", 1, "-o", "json")
        whole = file.read_bytes()
        assert ours_process(*command, stdin=whole[: len(whole) * 3 // 4]).code == 4
        ended = ours_process(*command, stdin=whole)
        assert (ended.code, ended.json["read"], ended.json["accepted"]) == (0, 1000, 1000)
        assert ended.json["requests"] == 6
        assert stored(place) == ids(1000)
        assert len(runs(home)) == 1

    def test_that_begins_otherwise_is_a_new_run(
        self, ours_process: Ours, sandbox: StartSandbox, file: Path, home: Path
    ) -> None:
        place = sandbox(fault(When(nth=(5,)), status(401)))
        command = ("batch", "-", "--batch-size", 100, "--concurrency", 1, "-o", "json")
        assert ours_process(*command, stdin=file.read_bytes()).code == 4
        lines = file.read_bytes().splitlines(keepends=True)
        ended = ours_process(*command, stdin=b"".join(reversed(lines)))
        assert (ended.code, ended.json["accepted"], ended.json["requests"]) == (0, 1000, 10)
        assert stored(place) == ids(1000)
        assert len(runs(home)) == 2

    def test_whose_first_row_has_no_outcome_goes_on_by_its_name(
        self, ours_process: Ours, sandbox: StartSandbox
    ) -> None:
        stuck = When(event=("Stuck",))
        place = sandbox(
            fault(stuck, "queue_failed", times=1), fault(stuck, status(429, headers=LONG), times=1)
        )
        lines = log_lines(100)
        lines[0] = lines[0].replace("Purchase", "Stuck")
        rows = "".join(lines).encode()
        stopped = ours_process("batch", "-", "--batch-size", 10, "-o", "json", stdin=rows)
        assert stopped.code == 5
        run = stopped.json["run"]
        assert f"run it again with --resume {run} and the same input" in stopped.err
        words = shlex.split(stopped.json["resume"])[1:]
        assert words[-2:] == ["--resume", run]
        assert ours_process(*words, stdin=rows).code == 0
        assert_persons_once(place, 100)

    def test_with_a_gap_in_what_is_done_it_goes_on(self, ours_process: Ours, sandbox: StartSandbox) -> None:
        stuck = When(event=("Stuck",))
        place = sandbox(
            fault(stuck, Then("hang", seconds=60), times=1),  # until all others are answered
            fault(stuck, status(429, headers=LONG), times=1),
        )
        lines = log_lines(100)
        lines[50] = lines[50].replace("Purchase", "Stuck")
        rows = "".join(lines).encode()
        command = ("batch", "-", "--batch-size", 10, "--concurrency", 4, "--timeout", 2, "-o", "json")
        stopped = ours_process(*command, stdin=rows)
        assert (stopped.code, stopped.json["accepted"]) == (5, 90)
        assert ours_process(*command, stdin=rows).code == 0
        assert_persons_once(place, 100)

    def test_whose_last_row_was_half_there_goes_on_with_the_whole_of_it(
        self, ours_process: Ours, sandbox: StartSandbox
    ) -> None:
        place = sandbox()
        rows = "".join(log_lines(3)).encode()
        command = ("batch", "-", "--max-rejects", 0, "--batch-size", 1, "-o", "json")
        stopped = ours_process(*command, stdin=rows[:-20])
        assert stopped.json["reject_codes"] == {"truncated_row": 1}
        assert ours_process(*command, stdin=rows).code == 0
        assert_persons_once(place, 3)


def journaled() -> int:
    """The rows that all journals here call done."""
    folders = (Path(os.environ["XDG_STATE_HOME"]) / "ours" / "runs").iterdir()
    return sum(block.rows for folder in folders for block in read_blocks(folder))


class TestALivePipe:
    """One that never ends, as below systemd: what comes after a restart are other events."""

    COMMAND = (sys.executable, "-m", "ours_cli", "batch", "--flush-every", "0.1", "-o", "json")

    def feed(self, place: Sandbox, events: str, number: int | None, *, one_by_one: bool = False) -> Ended:
        """Send an event for each word, then a signal, or else the end of the pipe."""
        rows = place.totals().rows
        process = subprocess.Popen(
            self.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin is not None
        for event in events.split():
            process.stdin.write(json.dumps({"event": event, "externalId": "s"}).encode() + b"\n")
            process.stdin.flush()
            rows += 1
            if one_by_one:
                self.wait_for_rows(place, rows)
        self.wait_for_rows(place, rows)
        wait_for(lambda: journaled() >= rows)
        if number is not None:
            process.send_signal(number)
            process.wait(60)  # with its standard input open
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out.decode(), err.decode())

    def wait_for_rows(self, place: Sandbox, rows: int) -> None:
        wait_for(lambda: place.totals().rows == rows)

    def names(self, place: Sandbox) -> list[str]:
        return sorted(event.event for event in place.events())

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_that_begins_like_the_last_one(self, sandbox: StartSandbox, number: int) -> None:
        place = sandbox()
        self.feed(place, "started a", number, one_by_one=True)
        self.feed(place, "started b", number)
        assert self.feed(place, "started c", None).code == 0
        # Killed, a run cannot have said that nothing was open: which pipe this is, its second row tells.
        assert self.names(place) == ["a", "b", "c", "started", "started", "started"]

    def test_that_says_the_same_again(self, sandbox: StartSandbox) -> None:
        place = sandbox()
        stopped = self.feed(place, "beat", signal.SIGTERM)
        assert (stopped.code, stopped.json["resume"]) == (
            143,
            shlex.join(["ours", *self.COMMAND[3:], "--resume", stopped.json["run"]]),
        )
        assert "the same command begins a new run" in stopped.err
        assert self.feed(place, "beat", None).code == 0
        assert self.names(place) == ["beat", "beat"]


@pytest.mark.parametrize("is_open", [False, True], ids=["at its end", "open"])
def test_a_pipe_that_was_read_ahead_is_not_at_rest(
    sandbox: StartSandbox, tmp_path: Path, is_open: bool
) -> None:
    """Ctrl-C in the second of six requests; the other rows are in the reading thread, and in no book."""
    held = threading.Event()
    place = sandbox(on_event=lambda event: event.id < 100 or held.wait(60))
    command = (
        sys.executable,
        "-m",
        "ours_cli",
        "batch",
        "-o",
        "json",
        "--concurrency",
        "1",
        "--batch-size",
        "50",
    )
    rows = "".join(log_lines(300)).encode()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(rows)
    process.stdin.flush()
    if not is_open:
        process.stdin.close()
        process.stdin = None
    wait_for(lambda: place.totals().rows == 100)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    held.set()
    process.wait(60)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "--resume" not in json.loads(out)["resume"]
    again = subprocess.run(command, input=rows, capture_output=True, check=False)
    assert again.returncode == 0
    assert_persons_once(place, 300)


def test_a_pipe_that_trickles_is_not_held_back_to_be_compared(
    sandbox: StartSandbox, ours_process: Ours, file: Path
) -> None:
    """An unfinished run whose first block has a hundred rows, and another pipe with one row so far."""
    place = sandbox(fault(When(nth=(5,)), status(401)))
    flags = ("batch", "-", "--batch-size", "100", "--concurrency", "1", "--flush-every", "0.1")
    assert ours_process(*flags, stdin=file.read_bytes()).code == 4
    command = [sys.executable, "-m", "ours_cli", *flags]
    process = subprocess.Popen(command, **{**SILENT, "stdin": subprocess.PIPE})
    assert process.stdin is not None
    process.stdin.write(json.dumps({**ROW, "distinctId": "another"}).encode() + b"\n")
    process.stdin.flush()
    wait_for(lambda: "another" in stored(place))
    process.stdin.close()
    assert process.wait(60) == 0


def test_two_processes_on_one_run(sandbox: StartSandbox, ours: Ours, file: Path) -> None:
    held = threading.Event()
    place = sandbox(on_event=lambda _: held.wait(60))
    command = [sys.executable, "-m", "ours_cli", "batch", str(file)]
    first = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: place.totals().requests)
        ended = ours("batch", file)
        assert ended.code == 11
        assert "another process" in ended.err
        assert place.totals().requests == 1
        assert states(ours) == ["running"]
    finally:
        held.set()
        first.kill()
        first.wait()
    assert states(ours) == ["interrupted"]


def states(ours: Ours) -> list[str]:
    listed: Any = ours("runs", "list", "-o", "json").json
    return [run["state"] for run in listed]


def test_what_a_restarted_run_goes_on_with_is_not_one_more_restart(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Rows without a time have ids of their run: begun anew, they would count twice."""
    place = sandbox(fault(When(nth=(3,)), status(401)))
    file = tmp_path / "rows.ndjson"
    file.write_text("".join(json.dumps({**ROW, "externalId": f"p{n}"}) + "\n" for n in range(500)), "utf-8")
    ended = send(ours, file, "--restart")
    assert (ended.code, ended.json["accepted"]) == (4, 200)
    command = shlex.split(ended.json["resume"])
    assert command[0] == "ours"
    again = ours(*command[1:])
    assert (again.code, again.json["accepted"]) == (0, 500)
    assert place.totals().events == 500


class TestTheSameMapping:
    """Whether a command goes on with a run is told by what its mapping means, not by how it was typed."""

    FLAGS = ("--event", "E", "--time", "{at}", "--external-id", "{who|hmac}")

    def export(self, folder: Path, rows: int) -> Path:
        path = folder / "rows.csv"
        path.write_text("at,who,a,b\n" + "".join(f"{iso(1)},p{n},a,b\n" for n in range(rows)))
        return path

    def test_properties_in_another_order(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        box = sandbox()
        command = (
            "backfill",
            self.export(tmp_path, 5),
            "--event",
            "E",
            "--time",
            "{at}",
            "--email",
            "{who}@b.c",
        )
        assert ours(*command, "-p", "x={a}", "-p", "y={b}").code == 0
        ended = ours(*command, "-p", "y={b}", "-p", "x={a}")
        assert (ended.code, "had sent all of it before" in ended.err) == (0, True)
        assert box.totals().rows == 5

    def test_another_hmac_key_is_another_mapping(
        self,
        ours: Ours,
        sandbox: StartSandbox,
        tmp_path: Path,
        home: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """One person must not have two ids in one run."""
        box = sandbox()
        monkeypatch.setenv("OURS_HMAC_KEY", "one")
        assert ours("backfill", self.export(tmp_path, 2), *self.FLAGS).code == 0
        assert ours("backfill", self.export(tmp_path, 3), *self.FLAGS).code == 0
        assert len(runs(home)) == 1
        monkeypatch.setenv("OURS_HMAC_KEY", "two")
        assert ours("backfill", self.export(tmp_path, 4), *self.FLAGS).code == 0
        assert len(runs(home)) == 2
        assert len({event.external_id for event in box.events()}) == 3 + 4
        assert "one" not in "".join(path.read_text() for path in home.rglob("run.json"))


@pytest.mark.parametrize("flags", [(), ("--shard", "0/1")])
def test_a_file_that_grew_by_rejects_only_is_gone_on_with(
    flags: tuple[str, ...], ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox()
    first = ago(1) // 1000
    file = write(tmp_path / "o.csv", f"id,t\n1,{first}\n2,{first}\n")
    words = ("backfill", file, "--event", "E", "--time", "{t}", "--external-id", "{id}", *flags)
    assert ours(*words).code == 0
    with file.open("a") as stream:
        stream.write("4,tbd\n")
    grown = ours(*words)
    assert (grown.code, "2 rows were done before" in grown.err) == (3, True)
    assert "--restart" not in grown.err
    again = ours(*words)
    assert (again.code, "had sent all of it before" in again.err) == (3, True)
