"""Worker processes that draft rows (`--workers`), as their parent sees them: started and ended.

Everything else stays with the parent: files, ids, sending. What only it needs, such as asyncio, loads after
the fork, while the workers already have something to do.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from ours_cli.assembly.field_mapping import RowMapping
from ours_cli.errors import LocalIOError, OursError, reason
from ours_cli.process.memory import collect_as_usual
from ours_cli.workers.messages import new_line
from ours_cli.workers.worker import NO_MEMORY, work

_BUG: Final = 1
"""The exit code of a worker that an error of the program ended."""


class Worker:
    """A process, and the parent's end of the line to it."""

    def __init__(self, process: int, line: socket.socket) -> None:
        self.process = process
        self.line = line
        self._status: int | None = None

    def end(self) -> None:
        """Have it end now, even if it is frozen (SIGSTOP): it holds nothing that could be lost."""
        self.line.close()
        if self._status is None:
            os.kill(self.process, signal.SIGKILL)
        self._wait()

    def why_it_ended(self) -> OursError:
        """Why it hung up; only where it did."""
        status = self._wait()
        if status == NO_MEMORY or status < 0:
            # Whoever kills a single worker does so for the memory it takes, as a rule.
            what = f"was killed (signal {-status})" if status < 0 else "ran out of memory"
            return LocalIOError(
                f"a worker process {what}",
                hint="run the same command again: nothing counts twice; --workers 1 takes less memory",
            )
        return OursError(
            "a bug in a worker process",
            hint="please report it; --workers 1 does without, nothing counts twice",
        )

    def _wait(self) -> int:
        """Its exit code, or less than 0 the signal that killed it."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        return self._status


class Workers:
    """Processes that draft rows by this mapping for this process; a context manager.

    Raises `LocalIOError` where the system has no room for so many.
    """

    def __init__(self, count: int, mapping: RowMapping) -> None:
        # Memory is shared until it is written to, and a collection of garbage writes to all of it.
        collect_as_usual()
        self._workers: list[Worker] = []
        try:
            for _ in range(count):
                self._workers.append(_fork(mapping))
        except OSError as error:
            self._end()
            raise LocalIOError(
                f"a worker process cannot be started: {reason(error)}", hint="--workers 1"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers)

    def _end(self) -> None:
        for worker in self._workers:
            worker.end()


def _fork(mapping: RowMapping) -> Worker:
    """Start one worker; returns it with the parent's end of the line."""
    ours, theirs = new_line()
    try:
        process = _fork_undisturbed()
    except OSError:
        ours.close()
        theirs.close()
        raise
    if process:
        theirs.close()
        return Worker(process, ours)
    status = _BUG
    try:
        status = work(theirs, mapping)
    finally:
        # Neither a traceback nor anything that this process has buffered may come out of there.
        os._exit(status)


def _fork_undisturbed() -> int:
    """As `os.fork`, with Ctrl-C and SIGTERM held back: in the parent until it is over, in the child for good.

    Python swallows what a handler raises within a fork; and the child would take it for the parent's.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    process = None
    try:
        process = os.fork()
    finally:
        if process != 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process
