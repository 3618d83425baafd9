"""Fault matrix: SIGINT while sending, while backing off, while standard input is silent; twice; SIGTERM.

And at any moment of a start, and where whoever started the command has it ignored.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO
from unittest.mock import Mock

import pytest
from conftest import Ended, StartSandbox
from faults_kit import (
    ALWAYS,
    FIRST,
    QUICK,
    fault,
    free_port,
    ids,
    request_count,
    rows_file,
    sent_rows,
    settled,
    status,
    stored,
)
from waiting import wait_for

from ours_cli.boundary import run
from ours_cli.sandbox import Fault, Sandbox, Then, When
from ours_cli.sending.delivery import DRAIN_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `ours ARGS` and go on; what still runs at the end of the test is killed."""
    running: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str | Path, stdin: int | IO[bytes] = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "ours_cli", *map(str, arguments)],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        return running[-1]

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def end_of(
    process: subprocess.Popen[bytes],
    *numbers: int,
    within: float = 30,
    then: Callable[[], object] = lambda: None,
) -> Ended:
    """Send the signals, a second apart, and do `then`; the process must end within so many seconds."""
    for number in numbers[:-1]:
        process.send_signal(number)
        time.sleep(1)
    process.send_signal(numbers[-1])
    began = time.monotonic()
    then()
    silent = process.stdin is not None
    if silent:
        # communicate() would close standard input, and with it end the silence.
        process.wait(within + 20)
    out, err = process.communicate(timeout=within + 20)
    took = time.monotonic() - began
    assert took < within, f"took {took:.1f} s"
    return Ended(process.returncode, out.decode(), err.decode())


def until(condition: Callable[[], bool], *, settle: float = 0.3) -> None:
    """Wait for the condition, and a little longer: what it shows is seen by the server first."""
    wait_for(condition)
    time.sleep(settle)


def asked(box: Sandbox, count: int) -> Callable[[], bool]:
    return lambda: request_count(box) >= count


def test_sigint_while_every_sender_waits_for_its_answer(
    start: Start, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """The hardest case: a server that hangs, a full house of senders, rows still unread."""
    box = sandbox(fault(When(after=2), Then("hang", seconds=60)))
    command = ("batch", rows_file(tmp_path, 40), "--batch-size", 1, "--concurrency", 2, "-o", "json")
    process = start(*command)
    until(asked(box, 2))
    report = settled(end_of(process, signal.SIGINT), 130, accepted=2, unsent=None)
    assert (report["status"], report["unsent"]) == ("interrupted", report["read"] - 2)
    assert report["resume"].startswith("ours batch ")
    assert len(stored(box)) == 2  # any two: three are sent while the server answers


def test_sigint_counts_what_is_answered_while_draining(
    start: Start, sandbox: StartSandbox, tmp_path: Path
) -> None:
    held = threading.Event()
    box = sandbox(on_event=lambda event: event.id <= 2 or held.wait(60))
    process = start("batch", rows_file(tmp_path, 40), "--batch-size", 1, "--concurrency", 2, *QUICK)
    until(asked(box, 4))
    settled(end_of(process, signal.SIGINT, then=held.set), 130, accepted=4, unsent=None)
    assert stored(box) == ids(4)


def test_sigint_while_backing_off(start: Start, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(ALWAYS, status(503, headers={"Retry-After": "15"})))
    process = start("batch", rows_file(tmp_path, 40), "--batch-size", 5, *QUICK)
    until(asked(box, 1))
    report = settled(end_of(process, signal.SIGINT, within=12), 130, unsent=None)
    assert report["resume"] is not None
    assert report["error"] == "interrupted; the last try failed: the server answered 503"
    assert request_count(box) == 1


@pytest.mark.parametrize("command", ["batch", "track"])
def test_sigint_while_the_server_is_not_there_names_it(start: Start, tmp_path: Path, command: str) -> None:
    port = free_port()
    rest = (rows_file(tmp_path, 1),) if command == "batch" else ("E", "--external-id", "c1")
    process = start(command, *rest, "-v", "--base-url", f"http://127.0.0.1:{port}/api/v1")
    assert process.stderr is not None
    while b"next try" not in process.stderr.readline():
        assert process.poll() is None
    ended = end_of(process, signal.SIGINT, within=3)
    why = f"interrupted; the last try failed: the connection to 127.0.0.1:{port} is refused or fails"
    assert (ended.code, f"error: {why}\n" in ended.err) == (130, True), ended.err


def test_sigint_twice_ends_at_once(start: Start, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(When(after=1), Then("hang", seconds=60)))
    process = start("batch", rows_file(tmp_path, 10), "--batch-size", 2, *QUICK)
    until(asked(box, 1))
    ended = end_of(process, signal.SIGINT, signal.SIGINT, within=DRAIN_S - 1)
    said = {"command": "batch", "status": "interrupted", "error": "interrupted", "exit": 130}
    assert (ended.code, ended.json) == (130, said)
    assert "Traceback" not in ended.err


def test_sigint_twice_leaves_stdout_to_the_rejects(
    start: Start, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(fault(When(after=1), Then("hang", seconds=60)))
    process = start("batch", rows_file(tmp_path, 10), "--batch-size", 2, "--rejects", "-", *QUICK)
    until(asked(box, 1))
    ended = end_of(process, signal.SIGINT, signal.SIGTERM, within=1)
    assert (ended.code, ended.out) == (143, "")
    assert '"exit": 143}\n' in ended.err


def test_sigint_twice_prints_nothing_on_stdout_for_people(
    start: Start, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(fault(When(after=1), Then("hang", seconds=60)))
    process = start("batch", rows_file(tmp_path, 10), "--batch-size", 2)
    until(asked(box, 1))
    ended = end_of(process, signal.SIGINT, signal.SIGINT, within=1)
    assert (ended.code, ended.out) == (130, "")


def test_sigterm(start: Start, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(When(after=2), status(503)))
    process = start("batch", rows_file(tmp_path, 10), "--batch-size", 2, "--concurrency", 1, *QUICK)
    until(asked(box, 3))
    report = settled(end_of(process, signal.SIGTERM), 143, accepted=4, unsent=None)
    assert report["status"] == "interrupted"


@pytest.mark.parametrize("rows", [0, 3])
def test_sigint_while_standard_input_is_silent(
    start: Start, sandbox: StartSandbox, tmp_path: Path, rows: int
) -> None:
    """A thread blocks on the pipe; neither the stop nor the exit of Python may wait for it."""
    box = sandbox()
    process = start("batch", "-", "--flush-every", 0.1, *QUICK, stdin=subprocess.PIPE)
    assert process.stdin is not None
    if rows:
        process.stdin.write(rows_file(tmp_path, rows).read_bytes())
        process.stdin.flush()
        until(asked(box, 1))
    else:
        state = Path(os.environ["XDG_STATE_HOME"])
        until(lambda: any(state.rglob("journal.db")), settle=1)
    report = settled(end_of(process, signal.SIGINT), 130, accepted=rows)
    assert report["status"] == "interrupted"
    assert stored(box) == ids(rows)


def waits(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has done all it can: each thread sleeps whenever it is looked at in a second.

    The rest of a first block is waited for half as long.
    """
    for _ in range(20):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            if (thread / "stat").read_text().rpartition(")")[2].split()[0] != "S":
                return False
        time.sleep(0.05)
    return True


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at /proc")


@needs_proc
def test_sigint_before_an_event_is_sent_leaves_it_unsent(
    start: Start, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox()
    process = start("batch", "-", "--flush-every", 300, *QUICK, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(rows_file(tmp_path, 1).read_bytes())
    process.stdin.flush()
    until(lambda: waits(process), settle=0)
    ended = end_of(process, signal.SIGINT)
    settled(ended, 130, accepted=0, unsent=1)
    assert "hint: run the same command again with the same input: it goes on from there" in ended.err


def test_standard_input_that_trickles_is_sent_without_waiting_for_a_full_batch(
    start: Start, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox()
    lines = rows_file(tmp_path, 4).read_bytes().splitlines(keepends=True)
    process = start("batch", "-", "--flush-every", 0.2, *QUICK, stdin=subprocess.PIPE)
    assert process.stdin is not None
    for count, line in enumerate(lines, 1):
        process.stdin.write(line)
        process.stdin.flush()
        until(lambda count=count: len(stored(box)) == count, settle=0)  # type: ignore[misc]
    out, err = process.communicate(timeout=60)
    settled(Ended(process.returncode, out.decode(), err.decode()), 0, accepted=4)


def test_401_stops_a_run_whose_standard_input_is_silent(
    start: Start, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox(fault(ALWAYS, status(401)))
    process = start("batch", "-", "--flush-every", 0.1, *QUICK, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(rows_file(tmp_path, 3).read_bytes())
    process.stdin.flush()
    assert process.wait(60) == 4


_SILENT_NAME_SERVER = """
import socket, sys, time
from ours_cli.boundary import run
def look_up(*_, **__):
    print("asked", file=sys.stderr, flush=True)
    time.sleep(60)
socket.getaddrinfo = look_up
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("command", ["batch", "track"])
def test_sigint_while_the_name_server_is_silent(tmp_path: Path, command: str) -> None:
    """A look-up cannot be cancelled; neither the report nor the exit of Python may wait for it."""
    rest = (str(rows_file(tmp_path, 3)),) if command == "batch" else ("Purchase", "--external-id", "c1")
    where = ("--base-url", "https://ingest.example.com/api/v1", "-o", "json", "--timeout", "2")
    words = [sys.executable, "-c", _SILENT_NAME_SERVER, command, *rest, *where]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"asked\n"
        ended = end_of(process, signal.SIGINT)
    assert ended.code == 130
    if command == "batch":
        settled(ended, 130, unsent=3)


@pytest.mark.parametrize("command", ["track", "identify"])
@pytest.mark.parametrize("faults", [[], [fault(FIRST, status(503, headers={"Retry-After": "15"}))]])
def test_sigint_of_a_single_event(
    start: Start, sandbox: StartSandbox, tmp_path: Path, command: str, faults: list[Fault]
) -> None:
    """While it waits for an answer, and while it waits before it asks again."""
    box = sandbox(*faults, on_event=lambda _: time.sleep(60))
    rest = ("Purchase",) if command == "track" else ("-u", "first_name=Ada")
    process = start(command, *rest, "--external-id", "c1", "--timeout", 60, "-o", "json")
    until(asked(box, 1))
    ended = end_of(process, signal.SIGINT, within=12)
    assert ended.code == 130
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_single_event_that_is_sent_again_and_again_ends_with_the_signal_s_code(
    start: Start, sandbox: StartSandbox, number: int
) -> None:
    box = sandbox(fault(ALWAYS, status(503)))
    process = start("track", "Purchase", "--external-id", "c1", "-o", "json")
    until(lambda: request_count(box) > 0)
    ended = end_of(process, number, within=20)
    assert ended.code == 128 + number
    word = "interrupted" if number == signal.SIGINT else "terminated"
    (sent,) = sent_rows(box)
    why = f"{word}; the last try failed: the server answered 503"
    assert ended.json == {"command": "track", "status": "interrupted", "distinctId": sent, "error": why}
    assert f"error: {why}\nhint: it may have arrived: " in ended.err
    assert ended.err.endswith(f"--distinct-id {sent}\n")


def test_sigterm_of_a_command_without_a_run(start: Start) -> None:
    process = start("inspect", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"event,time\n" * 100_000)  # more than a pipe holds: it reads, so it has begun
    process.stdin.flush()
    assert end_of(process, signal.SIGTERM).code == 143


@pytest.fixture(scope="module")
def long_read(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of dates that must all be looked at: none of them shows the order of day and month."""
    path = tmp_path_factory.mktemp("long") / "dates.csv"
    path.write_text("t,id\n" + "03/04/2026 10:00,u\n" * 2_000_000)
    return path


def reads(process: subprocess.Popen[bytes], path: Path) -> Callable[[], bool]:
    opened = Path(f"/proc/{process.pid}/fd")
    return lambda: any(os.path.realpath(entry) == str(path) for entry in opened.iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="nothing shows here what a process reads")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["backfill", "dry run", "inspect"])
def test_a_signal_before_a_run_has_begun_is_told_of(
    start: Start, sandbox: StartSandbox, tmp_path: Path, long_read: Path, command: str, number: int
) -> None:
    """Also in the --report of an earlier run, which would still say that all went well."""
    sandbox()
    report = tmp_path / "report.json"
    report.write_text('{"status": "complete"}')
    mapped = ("backfill", long_read, "--event", "E", "--time", "{t}", "--external-id", "{id}")
    rows = (*mapped, "--report", report, "-o", "json")
    words = {
        "backfill": rows,
        "dry run": (*rows, "--dry-run", "--month-first", "--max-age", "none"),
        "inspect": ("inspect", long_read, "--full", "-o", "json"),
    }
    process = start(*words[command])
    until(reads(process, long_read), settle=0.2)
    ended = end_of(process, number, within=10)
    word = "interrupted" if number == signal.SIGINT else "terminated"
    assert (ended.code, ended.err) == (128 + number, f"error: {word}\n")
    if command == "inspect":
        assert ended.out == ""
        return
    object_ = {"command": "backfill", "status": "interrupted", "error": word, "exit": 128 + number}
    assert ended.json == json.loads(report.read_text()) == object_


def test_sigint_costs_no_word_about_what_ended_the_command(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most likely that was another one, and what tells of it is still loading."""
    monkeypatch.setattr("ours_cli.cli.failed_result.tell_failure", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(["batch", "orders.csv"])
    assert capfd.readouterr().err == "error: orders.csv does not exist\n"


def test_a_signal_while_the_result_is_printed_prints_no_second_one(
    start: Start, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """A reader that takes its time: the pipe is full of what comes before the result."""
    sandbox()
    report = tmp_path / "report.json"
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b" " * 4096)
    os.set_blocking(writer, True)
    words = ["batch", str(rows_file(tmp_path, 3)), "--report", str(report), "-o", "json"]
    with subprocess.Popen(
        [sys.executable, "-m", "ours_cli", *words], stdout=writer, stderr=subprocess.PIPE
    ) as process:
        os.close(writer)
        until(report.exists)
        process.send_signal(signal.SIGINT)
        with open(reader, "rb") as stream:
            out = stream.read().strip()
        assert process.stderr is not None
        assert process.stderr.read().endswith(b"\nerror: interrupted\n")
    assert process.returncode == 130
    assert out in (b"", report.read_bytes().strip())
    assert json.loads(report.read_text())["status"] == "complete"


def test_report_file_of_an_interrupted_run_is_whole(
    start: Start, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(fault(When(after=1), status(503)))
    path = tmp_path / "report.json"
    process = start("batch", rows_file(tmp_path, 6), "--batch-size", 2, "--report", path, *QUICK)
    until(asked(box, 2))
    ended = end_of(process, signal.SIGTERM)
    assert json.loads(path.read_text()) == ended.json


_AS_INSTALLED = "import re, sys\nfrom ours_cli.__main__ import main\nsys.exit(main())"
"""What pip writes into the script `ours`."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_how_a_sandbox_is_meant_to_end(start: Start, number: signal.Signals) -> None:
    process = start("sandbox", "--port", "0")
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"http://127.0.0.1:")
    assert end_of(process, number).code == 0


@pytest.mark.parametrize("start_by", [("-m", "ours_cli"), ("-c", _AS_INSTALLED)], ids=["module", "script"])
def test_sigint_at_any_moment_from_start_to_end_is_silent(start_by: tuple[str, str]) -> None:
    """A loop of `ours track` is stopped somewhere; most of its time goes into imports."""
    words = [sys.executable, *start_by, "track", "Purchase", "--external-id", "c1", "--dry-run"]
    began = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    took = time.monotonic() - began
    tries, loud, codes = 40, [], set()
    for step in range(tries):
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            time.sleep(took * 1.1 * step / tries)
            process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=60)[1].decode()
        if not err:
            codes.add(process.returncode)
        elif f"ours_cli{os.sep}" in err:
            loud.append(err)
    # Until it comes to the first line of ours, Python speaks for itself; that line takes a moment, too.
    assert len(loud) <= 1, loud[0]
    assert {-signal.SIGINT, 130} & codes
    assert -signal.SIGSEGV not in codes


_FINALIZED = """
import os, signal, sys, time
from ours_cli.process.signals import with_exit_codes

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        for _ in range(1000):
            pass

def command():
    Finalized()
    time.sleep(30)
    return 0

sys.exit(with_exit_codes(command))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_not_lost_where_python_ignores_exceptions(number: int) -> None:
    """As while a generator that nobody wants any longer is closed: reading rows has many."""
    done = subprocess.run(
        [sys.executable, "-c", _FINALIZED, str(int(number))], capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stderr) == (128 + number, "")


_HELD = """
import os, signal, sys
from ours_cli.process.signals import holding_signals, with_exit_codes

def command():
    with holding_signals():
        os.kill(os.getpid(), int(sys.argv[1]))
        print("held")
    print("not reached")
    return 0

sys.exit(with_exit_codes(command))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_modules_are_loaded(number: int) -> None:
    done = subprocess.run([sys.executable, "-c", _HELD, str(int(number))], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "held\n", "")


_WATCHED = """
import signal, sys
class Watch:
    def find_spec(self, name, path, target=None):
        if name == "orjson":
            handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
            print("same" if handlers[0] is handlers[1] else "raise")
sys.meta_path.insert(0, Watch())
from ours_cli.__main__ import main
main()
"""


@pytest.mark.parametrize("command", ["batch", "backfill", "identify", "inspect", "track", "runs"])
def test_no_signal_raises_an_exception_while_orjson_loads(command: str) -> None:
    """One that raised an exception there crashed it, or was forgotten: the command went on to its end."""
    words = [command] if command == "runs" else [command, "nowhere"]
    done = subprocess.run([sys.executable, "-c", _WATCHED, *words], capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if line in ("same", "raise")] == ["same"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_the_starter_ignores_stays_ignored(
    sandbox: StartSandbox, tmp_path: Path, number: signal.Signals
) -> None:
    """A shell script's `ours ... &` has Ctrl-C ignored: it is meant for what runs in the foreground."""
    box = sandbox(latency=0.2)
    words = ["batch", str(rows_file(tmp_path, 10)), "--batch-size", "1", "--concurrency", "1", *QUICK]
    command = shlex.join([sys.executable, "-m", "ours_cli", *map(str, words)])
    shell = ["sh", "-c", f"trap '' {number.name.removeprefix('SIG')}; exec {command}"]
    with subprocess.Popen(shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until(asked(box, 2), settle=0)
        settled(end_of(process, number), 0, accepted=10)
