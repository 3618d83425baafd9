"""One command run and measured: wall time, CPU time and memory of its whole process tree."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

SAMPLE_S = 0.05


class Measured(NamedTuple):
    """Seconds of wall and CPU time (children included), and the greatest sum of resident memory in MB.

    `peak_mb` is 0 where there is no /proc.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(command: Sequence[str] | str, environment: Mapping[str, str], *, watch: bool = True) -> Measured:
    """Run a command (a text is a shell's) to its end; raises `RuntimeError` with its stderr when it fails."""
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=errors,
            stdin=subprocess.DEVNULL,
        )
        watcher = _Watcher(process.pid) if watch and sys.platform == "linux" else None
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = watcher.stop() if watcher else 0.0
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{command} ended with {process.returncode}: {errors.read().decode()[-2000:]}")
    alone = usage.ru_maxrss / 1000 if sys.platform == "linux" else 0.0
    return Measured(wall, usage.ru_utime + usage.ru_stime, max(peak, alone))


class _Watcher:
    """Samples the resident memory of a process and its descendants."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_mb = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            self._peak_mb = max(self._peak_mb, _resident_mb(self._pid))

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._peak_mb


def _resident_mb(pid: int) -> float:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    own = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return own + sum(_resident_mb(int(child)) for child in children)
