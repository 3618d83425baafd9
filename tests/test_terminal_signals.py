"""Keys that send signals, on a terminal of the command's own: its cursor and its screen are given back."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import StartSandbox
from faults_kit import request_count
from rows import ago, ndjson, write
from waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
CTRL_C, CTRL_D, CTRL_Z, CTRL_QUIT = b"\x03", b"\x04", b"\x1a", b"\x1c"

_JOB = """
import os, signal, sys, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
def give_terminal_to(group):
    os.tcsetpgrp(2, group)
job = os.fork()
if not job:
    os.setpgid(0, 0)
    give_terminal_to(os.getpgrp())
    # A test run in the background may have inherited these as ignored.
    for number in (signal.SIGTTOU, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    os.execv(sys.executable, [sys.executable, "-m", "ours_cli", *sys.argv[1:]])
while True:
    _, status = os.waitpid(job, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    give_terminal_to(os.getpgrp())
    print("[stopped]", flush=True)
    if sys.stdin.readline() == "fg\\n":
        give_terminal_to(job)
    else:
        print("[background]", flush=True)
    os.killpg(job, signal.SIGCONT)
give_terminal_to(os.getpgrp())
print(f"[ended {os.waitstatus_to_exitcode(status)}]", flush=True)
"""
"""As much of a shell as runs one job: in front, stopped, and then in front again or behind."""


class Terminal:
    """A terminal whose session runs one `ours` command in front, under the shell above."""

    def __init__(self, *words: str | Path) -> None:
        self.process, self._end = pty.fork()
        if not self.process:
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, "-c", _JOB, *map(str, words)])
        self._received = b""

    @property
    def seen(self) -> str:
        """All that it has received so far."""
        return self._received.decode(errors="replace")

    def press(self, keys: bytes) -> None:
        os.write(self._end, keys)

    def read(self, seconds: float = 0.1) -> str:
        """All that it has received, after so many seconds more."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                if select.select([self._end], [], [], left)[0]:
                    self._received += os.read(self._end, 65536)
            except OSError:  # the session is over
                break
        return self.seen

    def until(self, text: str, *, times: int = 1) -> None:
        wait_for(lambda: self.read().count(text) >= times, f"no {text!r} in {self.seen!r}")

    def close(self) -> None:
        os.close(self._end)  # what still runs gets a SIGHUP
        os.waitpid(self.process, 0)


class Typing(Terminal):
    """A terminal of which `ours` is the only program, and reads the keys."""

    def __init__(self, *words: str) -> None:
        self.process, self._end = pty.fork()
        if not self.process:
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, "-m", "ours_cli", *words])
        self._received = b""

    def wait(self) -> int:
        """The exit code, once it ends."""
        _, status = os.waitpid(self.process, 0)
        self.read()
        os.close(self._end)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def terminal(sandbox: StartSandbox, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start a run that lasts some 10 s, on a terminal, and wait until it is well under way."""
    opened: list[Terminal] = []

    def start(*flags: str) -> Terminal:
        box = sandbox(latency=0.5)
        rows = [{"event": "E", "time": ago(1), "externalId": number} for number in range(20)]
        file = write(tmp_path / "rows.ndjson", ndjson(rows))
        way = ("--batch-size", "1", "--concurrency", "1", *flags)
        opened.append(Terminal("batch", file, *way))
        wait_for(lambda: request_count(box) >= 3)
        opened[-1].read()
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_the_first_ctrl_c_says_what_it_waits_for(terminal: Callable[..., Terminal]) -> None:
    shown = terminal()
    shown.press(CTRL_C)
    shown.until("[ended 130]")
    assert "stopping once the answers on their way are in; Ctrl-C again stops at once" in shown.seen
    assert shown.seen.rindex(SHOW) > shown.seen.rindex(HIDE)


def test_the_second_ctrl_c_gives_the_cursor_back_and_says_how_to_go_on(
    terminal: Callable[..., Terminal],
) -> None:
    shown = terminal()
    shown.press(CTRL_C)
    shown.until("Ctrl-C again")
    shown.press(CTRL_C)
    shown.until("[ended 130]")
    assert "interrupted; run the same command again: it goes on from there\r\n" in shown.seen
    assert shown.seen.rindex(SHOW) > shown.seen.rindex(HIDE)
    assert "rejected" not in shown.seen.rpartition(SHOW)[2]


@pytest.mark.parametrize(("flag", "said"), [("--no-progress", 1), ("--quiet", 0)])
def test_without_a_bar_the_terminal_is_told_all_the_same(
    terminal: Callable[..., Terminal], flag: str, said: int
) -> None:
    shown = terminal(flag)
    shown.press(CTRL_C)
    shown.until("[ended 130]")
    assert shown.seen.count("Ctrl-C again stops at once") == said
    assert "\x1b" not in shown.seen


def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(terminal: Callable[..., Terminal]) -> None:
    shown = terminal()
    shown.press(CTRL_Z)
    shown.until("[stopped]")
    assert shown.seen.rindex(SHOW) > shown.seen.rindex(HIDE)
    at = len(shown.read(1))
    assert shown.seen.endswith("[stopped]\r\n")
    shown.press(b"fg\n")
    wait_for(lambda: "accepted" in shown.read()[at:], "the bar does not come back")
    assert HIDE in shown.seen[at:]
    shown.press(CTRL_Z)
    shown.until("[stopped]", times=2)
    assert shown.seen.rindex(SHOW) > shown.seen.rindex(HIDE)


def test_nothing_is_drawn_in_the_background(terminal: Callable[..., Terminal]) -> None:
    shown = terminal()
    shown.press(CTRL_Z)
    shown.until("[stopped]")
    shown.press(b"bg\n")
    shown.until("[background]")
    shown.until("[ended 0]")
    behind = shown.seen.rpartition("[background]")[2]
    assert "\x1b" not in behind
    assert "batch: complete" in behind


def test_ctrl_backslash_gives_the_cursor_back_and_kills(terminal: Callable[..., Terminal]) -> None:
    shown = terminal()
    shown.press(CTRL_QUIT)
    shown.until(f"[ended {-signal.SIGQUIT}]")
    assert shown.seen.rindex(SHOW) > shown.seen.rindex(HIDE)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("track", "-"), "the bodies, a JSON object a line"),
        (("track", "--data", "@-"), "the body, a JSON object"),
        (("identify", "-u", "city=Ulm", "--data", "@-"), "the body, a JSON object"),
        (("batch", "-"), "the rows"),
        (("batch", "-", "--dry-run"), "the rows"),
        (("inspect", "-"), "the rows"),
    ],
)
def test_a_terminal_is_told_what_is_to_be_typed(words: tuple[str, ...], what: str) -> None:
    shown = Typing(*words, *(() if words[0] == "inspect" or "--dry-run" in words else ("--sandbox",)))
    shown.until(f"standard input is this terminal: type {what}, then Ctrl-D")
    body = '{"externalId": "c1"}' if words[0] == "identify" else '{"event": "E", "externalId": "c1"}'
    shown.press(body.encode() + b"\n")
    shown.press(CTRL_D)
    assert shown.wait() == 0, shown.seen


@pytest.mark.parametrize("command", ["batch", "track", "doctor"])
def test_a_token_typed_at_a_terminal_is_asked_for_and_not_shown(
    sandbox: StartSandbox, tmp_path: Path, command: str
) -> None:
    sandbox()
    rows = write(tmp_path / "rows.ndjson", ndjson([{"event": "E", "externalId": "c1"}]))
    words = {"batch": (str(rows),), "track": ("E", "--external-id", "c1"), "doctor": ()}[command]
    shown = Typing(command, *words, "--token-file", "-")
    shown.until("token: ")
    shown.press(b"tok-of-a-test\n")
    assert shown.wait() == 0, shown.seen
    assert "tok-of-a-test" not in shown.seen


def test_a_terminal_that_is_to_be_quiet_is_told_nothing() -> None:
    shown = Typing("track", "-", "--sandbox", "-q")
    shown.press(b'{"event": "E", "externalId": "c1"}\n')
    shown.until("accepted: E")
    shown.press(CTRL_D)
    assert shown.wait() == 0
    assert "standard input" not in shown.seen
