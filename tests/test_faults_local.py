"""Fault matrix: stdout closed or full, rejects that cannot be written."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

import pytest
from conftest import Ended, Ours, StartSandbox
from faults_kit import (
    ALWAYS,
    QUICK,
    assert_no_leak,
    fault,
    ids,
    request_count,
    rows_file,
    sent_rows,
    status,
    stored,
)
from waiting import wait_for

from ours_cli.files.private_files import local_io
from ours_cli.runs.run_head import RunHead, write_head
from ours_cli.sandbox import When

SINGLE = ("track", "Purchase", "--external-id", "c1")
IDENTIFY = ("identify", "--external-id", "c1", "-u", "first_name=Ada")


def run_into(
    stdout: int | IO[bytes],
    *arguments: object,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.PIPE,
    file_bytes_max: int | None = None,
) -> Ended:
    """Run `ours ARGS` with these streams, and with files that may not grow beyond so many bytes."""

    def limit() -> None:
        if file_bytes_max is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))

    done = subprocess.run(
        [sys.executable, "-m", "ours_cli", *map(str, arguments)],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        preexec_fn=limit,
        timeout=100,
        check=False,
    )
    return Ended(done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode())


def run_into_closed_pipe(*arguments: object, stdin: int | IO[bytes] = subprocess.DEVNULL) -> Ended:
    """As `| head -1` once head has left."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return run_into(writer, *arguments, stdin=stdin)
    finally:
        os.close(writer)


@pytest.mark.parametrize("command", ["batch", "track", "dry run"])
def test_stdout_closed(sandbox: StartSandbox, tmp_path: Path, command: str) -> None:
    box = sandbox()
    rows = ("batch", rows_file(tmp_path, 3))
    ended = run_into_closed_pipe(*{"batch": rows, "track": SINGLE, "dry run": (*rows, "--dry-run")}[command])
    assert ended.code == 141
    assert_no_leak(ended)
    assert len(stored(box)) == {"batch": 3, "track": 1, "dry run": 0}[command]


def run_without(stream: int, *arguments: object, stdin: int | IO[bytes] = subprocess.DEVNULL) -> Ended:
    """As `ours ARGS <&-` for 0, `>&-` for 1 and `2>&-` for 2."""
    done = subprocess.run(
        [sys.executable, "-m", "ours_cli", *map(str, arguments)],
        stdin=None if stream == 0 else stdin,
        stdout=None if stream == 1 else subprocess.PIPE,
        stderr=None if stream == 2 else subprocess.PIPE,
        preexec_fn=lambda: os.close(stream),
        timeout=100,
        check=False,
    )
    return Ended(done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode())


@pytest.mark.parametrize("command", ["batch", "track", "rejects"])
def test_no_stdout_at_all(sandbox: StartSandbox, tmp_path: Path, command: str) -> None:
    box = sandbox()
    rows = ("batch", rows_file(tmp_path, 3))
    ended = run_without(1, *{"batch": rows, "track": SINGLE, "rejects": (*rows, "--rejects", "-")}[command])
    assert ended.code == {"batch": 141, "track": 141, "rejects": 0}[command], ended.err
    assert len(stored(box)) == {"batch": 3, "track": 1, "rejects": 3}[command]


def test_no_stderr_at_all(sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox()
    ended = run_without(2, "batch", rows_file(tmp_path, 3), "--workers", 2)
    assert ended.code == 0
    assert "accepted" in ended.out
    assert len(stored(box)) == 3
    assert run_without(2, "track", "Purchase").code == 2


def test_no_stdin_at_all(sandbox: StartSandbox) -> None:
    box = sandbox()
    assert run_without(0, *SINGLE).code == 0
    ended = run_without(0, *SINGLE, "--data", "@-")
    assert ended.code == 2
    assert "there is no standard input" in ended.err
    assert len(stored(box)) == 1
    ended = run_without(0, "batch", "-")
    assert (ended.code, ended.out) == (6, "")
    assert ended.err == "error: there is no standard input\nhint: pipe rows into it, or name a file\n"


def test_stdout_closed_by_head_while_rejects_stream(sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(fault(When(), "invalid_event"))
    ended = run_into_closed_pipe("batch", rows_file(tmp_path, 400), "--batch-size", 20, "--rejects", "-")
    assert ended.code == 141
    assert_no_leak(ended)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "command",
    [("batch",), ("backfill", "--help"), ("--version",), ("backfill", "--list-presets")],
    ids=["batch", "help", "version", "presets"],
)
def test_full_disk_on_stdout(sandbox: StartSandbox, tmp_path: Path, command: tuple[str, ...]) -> None:
    sandbox()
    rest = (rows_file(tmp_path, 3),) if command == ("batch",) else ()
    with Path("/dev/full").open("wb") as full:
        ended = run_into(full, *command, *rest)
    assert ended.code == 7
    assert "error: the result cannot be written: No space left" in ended.err
    assert_no_leak(ended)


@pytest.fixture(params=["full", "closed pipe", "closed"])
def into_nowhere(request: pytest.FixtureRequest) -> Callable[..., Ended]:
    """Run `ours ARGS` where standard output takes nothing; says how it ended."""
    if request.param == "closed":
        return partial(run_without, 1)
    if request.param == "closed pipe":
        return run_into_closed_pipe
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    def into_full(*arguments: object, stdin: int | IO[bytes] = subprocess.DEVNULL) -> Ended:
        with Path("/dev/full").open("wb") as full:
            return run_into(full, *arguments, stdin=stdin)

    return into_full


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("command", [SINGLE, (*SINGLE, "--distinct-id", "e1"), IDENTIFY], ids=len)
def test_what_was_accepted_is_said_to_be_where_the_result_is_lost(
    sandbox: StartSandbox, into_nowhere: Callable[..., Ended], command: tuple[str, ...], output: str
) -> None:
    """Else it looks like a failure, and is sent again under another id."""
    box = sandbox()
    ended = into_nowhere(*command, "-o", output)
    (row,) = sent_rows(box) if command[0] == "track" else [None]
    what = f"the event was accepted under the distinctId {row}" if row else "the properties were accepted"
    full = "the result cannot be written: No space left on device"
    assert ended.code in (7, 141)
    why = full if ended.code == 7 else "standard output was closed"
    assert ended.err.startswith(f"error: {what}, but {why}\nhint: ")
    assert ended.err.count("\n") == 2
    assert "do not send it again" in ended.err
    assert request_count(box) == 1


def test_a_line_that_was_accepted_is_said_to_be_where_the_result_is_lost(
    sandbox: StartSandbox, into_nowhere: Callable[..., Ended], tmp_path: Path
) -> None:
    box = sandbox()
    lines = tmp_path / "lines.ndjson"
    lines.write_text('\n{"event": "E", "externalId": "p"}\n' * 2)
    with lines.open("rb") as stdin:
        ended = into_nowhere("track", "-", stdin=stdin)
    (row,) = sent_rows(box)
    assert ended.code in (7, 141)
    assert ended.err.startswith(f"error: line 2: the event was accepted under the distinctId {row}, but ")
    assert "hint: go on with line 3" in ended.err


def test_what_may_have_arrived_is_said_to_be_where_the_result_is_lost(
    sandbox: StartSandbox, into_nowhere: Callable[..., Ended]
) -> None:
    box = sandbox(fault(ALWAYS, status(503, headers={"Retry-After": "86400"})))
    ended = into_nowhere(*SINGLE, "-o", "json")
    (row,) = sent_rows(box)
    assert ended.code in (7, 141)
    assert ended.err.startswith("error: gave up: the server asks to wait 86400 s, ")
    assert ended.err.endswith(f"--distinct-id {row}\n")


@pytest.fixture(params=["full disk", "closed pipe"])
def lost_stderr(request: pytest.FixtureRequest) -> Iterator[IO[bytes]]:
    """A stderr that takes nothing."""
    if request.param == "full disk":
        if not Path("/dev/full").exists():
            pytest.skip("no /dev/full here")
        with Path("/dev/full").open("wb") as full:
            yield full
        return
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stream:
        yield stream


def test_stderr_that_takes_nothing(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, lost_stderr: IO[bytes]
) -> None:
    """Notes are lost, and nothing else: the rows are sent, the result is there, the run has ended."""
    box = sandbox()
    rows = tmp_path / "rows.ndjson"
    rows.write_text('{"event": "E", "externalId": "p"}\n')  # without a time, which is worth a warning
    ended = run_into(subprocess.PIPE, "batch", rows, "-o", "json", stderr=lost_stderr)
    assert (ended.code, ended.json["status"], ended.json["accepted"]) == (0, "complete", 1)
    assert "no time" in ended.json["warnings"][0]
    assert box.totals().events == 1
    assert [run["state"] for run in json.loads(ours("runs", "-o", "json").out)] == ["complete"]
    sent = run_into(subprocess.PIPE, *SINGLE, "-p", "amount=12", "-v", stderr=lost_stderr)
    assert (sent.code, sent.out[:9]) == (0, "accepted:")
    assert run_into(subprocess.PIPE, "batch", tmp_path / "none", stderr=lost_stderr).code == 6
    assert run_into(subprocess.PIPE, "track", "--nonsense", stderr=lost_stderr).code == 2
    assert run_into(subprocess.PIPE, stderr=lost_stderr).code == 2
    aside = run_into(subprocess.PIPE, "batch", rows, "--rejects", "-", "--restart", stderr=lost_stderr)
    assert (aside.code, box.totals().events) == (0, 3)


def test_a_name_that_no_file_can_have(ours: Ours) -> None:
    """It is not the result that cannot be written."""
    name = "r" * 300
    ended = ours("runs", "merge", name)
    assert ended.code == 7
    assert f"error: {name} cannot be used: File name too long" in "".join(ended.err.splitlines())


def test_a_system_that_refuses_something_else(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ours_cli.commands.track.build_body", fail)
    ended = ours(*SINGLE)
    assert ended.code == 7
    assert "result" not in ended.err


def test_rejects_path_is_a_symlink(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(When(), "invalid_event"))
    target, link = tmp_path / "target", tmp_path / "link.ndjson"
    target.write_text("precious")
    link.symlink_to(target)
    ended = ours("batch", rows_file(tmp_path, 3), "--rejects", link)
    assert ended.code == 2
    assert_no_leak(ended)
    assert target.read_text() == "precious"
    assert request_count(box) == 0


def test_rejects_path_is_a_dangling_symlink(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox()
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert ours("batch", rows_file(tmp_path, 3), "--rejects", tmp_path / "link").code == 2
    assert request_count(box) == 0
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("place", ["rows.ndjson/rejects.ndjson", "nowhere/rejects.ndjson", ""])
def test_rejects_path_cannot_be_written(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, place: str
) -> None:
    """Known before anything is sent."""
    box = sandbox()
    ended = ours("batch", rows_file(tmp_path, 3), "--rejects", tmp_path / place)
    assert ended.code == 7
    assert_no_leak(ended)
    assert request_count(box) == 0


def test_state_folder_cannot_be_written(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox(fault(When(every_row=2), "invalid_event"))
    file = rows_file(tmp_path, 4)
    monkeypatch.setenv("XDG_STATE_HOME", str(file))
    ended = ours("batch", file, *QUICK)
    assert ended.code == 7
    assert_no_leak(ended)


@pytest.mark.parametrize("named", [True, False], ids=["named by --rejects", "in the state folder"])
def test_disk_full_under_rejects(sandbox: StartSandbox, tmp_path: Path, named: bool) -> None:
    """What could not be written down must not count as rejected, nor its chunk as done."""
    box = sandbox(fault(When(every_row=2), "invalid_event"))
    file = rows_file(tmp_path, 2000, pad=500)
    flags = ("--rejects", tmp_path / "rejects.ndjson") if named else ()
    # Slow enough for many commits: those of a short run wait for each other.
    command = ("batch", file, "--batch-size", 20, "--concurrency", 2, "--rate", 1000, *flags, *QUICK)
    ended = run_into(subprocess.PIPE, *command, file_bytes_max=40_000)
    assert ended.code == 7
    assert "cannot be written" in ended.err
    assert_no_leak(ended)
    assert set(stored(box)) <= set(ids(2000))
    assert len(stored(box)) < 1000, "the run went on without its rejects"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("count", [3, 2000])
def test_rejects_that_cannot_be_written_are_told_by_their_path(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, count: int
) -> None:
    sandbox(fault(When(), "invalid_event"))
    ended = ours("batch", rows_file(tmp_path, count), "--rejects", "/dev/full")
    assert ended.code == 7
    assert "error: /dev/full cannot be written: No space left on device\nhint: --rejects PATH" in ended.err
    with Path("/dev/full").open("wb") as full:
        into = run_into(full, "batch", rows_file(tmp_path, count), "--rejects", "-", "--restart")
    assert into.code == 7
    assert "error: standard output cannot be written: No space left on device" in into.err


@pytest.mark.parametrize("count", [3, 2000])
@pytest.mark.parametrize("kind", ["full disk", "closed pipe"])
def test_rejects_that_standard_output_did_not_take_are_unsent(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, count: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has them, so the run is not done with their rows, and the next attempt writes them all."""
    if kind == "full disk" and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    sandbox(fault(When(), "invalid_event"))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    report = tmp_path / "report.json"
    command = ("batch", rows_file(tmp_path, count), "--rejects", "-", "--report", report)
    if kind == "full disk":
        with Path("/dev/full").open("wb") as full:
            ended = run_into(full, *command)
    else:
        ended = run_into_closed_pipe(*command)
    assert ended.code == (7 if kind == "full disk" else 141)
    books = json.loads(report.read_text())
    assert (books["rejected"], books["unsent"]) == (0, books["read"])
    assert len(ours(*command).out.splitlines()) == count


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["sent", "dry run"])
def test_a_report_that_cannot_be_written_is_printed_all_the_same(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, more: tuple[str, ...]
) -> None:
    box = sandbox()
    ended = ours("batch", rows_file(tmp_path, 3), "--report", "/dev/full", "-o", "json", *more)
    assert ended.code == 7
    assert ended.json["read"] == 3
    assert "error: /dev/full cannot be written: No space left on device" in ended.err
    assert len(stored(box)) == (0 if more else 3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_rejects_that_were_not_written_are_not_in_the_books(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox(fault(When(every_row=2), "invalid_event"))
    ended = ours("batch", rows_file(tmp_path, 6), "--rejects", "/dev/full", "-o", "json")
    assert ended.code == 7
    assert (ended.json["rejected"], ended.json["unsent"]) == (0, 3)
    assert "error: /dev/full cannot be written: No space left on device" in ended.err


def test_a_disk_full_at_the_very_end_costs_no_report(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All was sent and is in the journal: only that the run has ended cannot be noted."""
    box = sandbox()
    file = rows_file(tmp_path, 3)

    def write(folder: Path, head: RunHead) -> None:
        if head.ended_s is not None:
            raise local_io(OSError(errno.ENOSPC, ""), folder)
        write_head(folder, head)

    with monkeypatch.context() as patched:
        patched.setattr("ours_cli.runs.attempt.write_head", write)
        ended = ours("batch", file, "-o", "json")
    assert ended.code == 7
    assert (ended.json["status"], ended.json["accepted"]) == ("failed", 3)
    assert "No space left" in ended.json["error"]
    assert ours("batch", file, "-o", "json").json["accepted"] == 3
    assert request_count(box) == 1


def test_rejects_moved_away_while_they_are_written(sandbox: StartSandbox, tmp_path: Path) -> None:
    """It is the person's file: who moves it has it, and the run goes on."""
    pace = threading.Semaphore(10)
    box = sandbox(fault(When(every_row=2), "invalid_event"), on_event=lambda _: pace.acquire(timeout=60))
    file, rejects = rows_file(tmp_path, 60), tmp_path / "rejects.ndjson"
    flags = ("--batch-size", "10", "--concurrency", "1", "--rejects", str(rejects), "-o", "json")
    command = [sys.executable, "-m", "ours_cli", "batch", str(file), *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: request_count(box) > 2 and rejects.stat().st_size)
    rejects.rename(tmp_path / "mine.ndjson")
    pace.release(10)
    all_of_them = tmp_path / "rejects-2.ndjson"
    wait_for(all_of_them.exists)
    pace.release(10)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert json.loads(out)["rejected"] == 30
    assert 0 < len((tmp_path / "mine.ndjson").read_text().splitlines()) < 30
    assert len(all_of_them.read_text().splitlines()) == 30
    assert json.loads(out)["rejects_file"] == str(all_of_them)
    (warning,) = [text for text in json.loads(out)["warnings"] if "rejects" in text]
    assert warning == f"{rejects} was replaced or moved while it was written: all are in {all_of_them}, too"


def test_few_files_may_be_open(sandbox: StartSandbox, tmp_path: Path) -> None:
    """Whatever it is that cannot be opened, a module of Python's own among them."""
    sandbox()
    said = ""
    for most in range(5, 13):
        shell = f'ulimit -n {most}; exec "$0" -m ours_cli batch "$1"'
        words = ["sh", "-c", shell, sys.executable, str(rows_file(tmp_path, 3))]
        ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert ended.returncode in (0, 1, 7), ended.stderr
        assert "Traceback" not in ended.stderr
        assert "name another path" not in ended.stderr
        assert "is the disk full" not in ended.stderr
        said += ended.stderr
    assert "error: too many files are open\nhint: ulimit -n " in said


@pytest.mark.parametrize("flags", [("--workers", "1"), ("--workers", "2"), ("--dry-run",)])
def test_more_files_are_read_than_may_be_open(
    flags: tuple[str, ...], sandbox: StartSandbox, tmp_path: Path
) -> None:
    """macOS lets a process have 256 open, and a folder of nightly exports has more."""
    sandbox()
    for number in range(300):
        (tmp_path / f"{number}.csv").write_text(f"who,at\nc{number},{time.time()}\n")
    shell = 'ulimit -n 64; exec "$0" -m ours_cli backfill "$@"'
    mapping = ("--event", "Visit", "--time", "{at}", "--external-id", "{who}", "-o", "json")
    words = ["sh", "-c", shell, sys.executable, str(tmp_path), *mapping, *flags]
    ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (ended.returncode, json.loads(ended.stdout).get("read")) == (0, 300), ended.stderr


class TestFileSystemWithoutLocks:
    """As many network folders are: that nobody holds the lock must not be told as somebody's run."""

    @pytest.fixture(params=("flock", "lockf"))
    def no_locks(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        monkeypatch.setattr(fcntl, request.param, refuse)

    @pytest.mark.usefixtures("no_locks")
    def test_nothing_is_sent(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        ended = ours("batch", rows_file(tmp_path, 10))
        assert ended.code == 7
        assert "cannot be locked: No locks available" in ended.err
        assert "hint: XDG_STATE_HOME names another place" in ended.err
        assert not place.totals().requests

    def test_rejects(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox()
        rejects, flock = tmp_path / "rejects.ndjson", fcntl.flock

        def refuse_there(stream: IO[bytes], how: int) -> None:
            if rejects.exists() and os.path.samestat(os.fstat(stream.fileno()), rejects.stat()):
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
            flock(stream, how)

        monkeypatch.setattr(fcntl, "flock", refuse_there)
        file = rows_file(tmp_path, 10)
        with file.open("a") as stream:
            stream.write("no row\n")
        ended = ours("batch", file, "--rejects", rejects)
        assert ended.code == 7
        assert f"{rejects} cannot be locked: No locks available" in ended.err
        assert "hint: --rejects PATH names another place" in ended.err
        monkeypatch.setattr(fcntl, "flock", flock)
        assert ours("batch", file, "--rejects", rejects).code == 3
        assert json.loads(rejects.read_text())["_line"] == 11
