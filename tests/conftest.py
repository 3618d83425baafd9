"""The door: the real command against a real HTTP server on loopback."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ours_cli import boundary
from ours_cli.app import _Commands
from ours_cli.sandbox import Fault, Sandbox, SandboxOptions, StoredEvent

# A busy machine may stop for seconds; how long an example takes says nothing here.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# In the background of a script Ctrl-C is ignored, and so it would be by all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TOKEN = "tok-canary-7f3a91"
"""Planted everywhere a token goes, so that a test can look for it where it must not be."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.out)
        return value


@pytest.fixture(autouse=True, scope="session")
def _commands_are_made_once() -> Iterator[None]:
    """As in each process: thousands of command lines run in this one."""
    made = functools.cache(functools.partial(_Commands.get_command, None, None))  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Commands, "get_command", lambda _self, _context, name: made(name))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME of its own, a token, and nothing else of the tester's environment."""
    for name in list(os.environ):
        if name.startswith(("OURS_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("OURS_PRIVACY_TOKEN", TOKEN)
    monkeypatch.setenv("COLUMNS", "100")
    return folder


Ours = Callable[..., Ended]


@pytest.fixture
def ours(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ours:
    """Run `ours ARGS` in this process; what needs pipes or signals uses `ours_process`."""

    def run(*arguments: str | Path) -> Ended:
        words = [str(argument) for argument in arguments]
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["ours", *words])
        umask = os.umask(0o077)
        try:
            code = boundary.run(words)
        finally:
            os.umask(umask)
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def ours_process() -> Ours:
    """Run `ours ARGS` as a process of its own, with `stdin` (bytes, or none at all) and `env` on top."""

    def run(
        *arguments: str | Path,
        stdin: bytes | None = None,
        env: dict[str, str] | None = None,
        timeout: float = 100,
    ) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "ours_cli", *map(str, arguments)],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env={**os.environ, **(env or {})},
            timeout=timeout,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


StartSandbox = Callable[..., Sandbox]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[StartSandbox]:
    """Start sandboxes; the environment points at the last one.

    An `on_event` that waits holds up the answer to what has just been stored.
    """
    with ExitStack() as running:

        def start(
            *faults: Fault, on_event: Callable[[StoredEvent], None] | None = None, **options: Any
        ) -> Sandbox:
            chosen = SandboxOptions(faults=faults, **options)
            started = running.enter_context(Sandbox(chosen, on_event=on_event))
            monkeypatch.setenv("OURS_PRIVACY_BASE_URL", started.base_url)
            return started

        yield start


@pytest.fixture
def quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of hundredths of a second instead of seconds, for commands run in this process."""
    monkeypatch.setattr("ours_cli.sending.retry.BACKOFF_BASE_S", 0.01)
