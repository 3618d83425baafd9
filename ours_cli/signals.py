"""Ctrl-C and SIGTERM: the first drains what is in flight, the second ends immediately."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ours_cli.errors import ExitCode, OursError


class Interrupted(OursError):  # noqa: N818 - not an error of the program
    """A signal stopped the run; `exit_code` is 130 for SIGINT and 143 for SIGTERM."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "interrupted" if number == signal.SIGINT else "terminated",
            hint="run the same command again: it goes on from there",
        )
        self.exit_code = ExitCode.SIGINT if number == signal.SIGINT else ExitCode.SIGTERM


def exit_on_sigterm() -> None:
    """Make SIGTERM end a command without a run to drain: exit 143, after its cleanup.

    By itself it would kill the process, which then has no exit code. Where it is ignored, it stays ignored.
    """

    def on_signal(_: int, __: FrameType | None) -> None:
        sys.exit(int(ExitCode.SIGTERM))

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, on_signal)


@contextmanager
def stopping(stop: Callable[[OursError], object]) -> Iterator[None]:
    """While inside, the first signal calls `stop` and the second ends the process immediately.

    `stop` is called between two bytecodes of the main thread: it must only hand the error over.
    """
    seen = False

    def on_signal(number: int, _: FrameType | None) -> None:
        nonlocal seen
        if seen:
            os._exit(int(Interrupted(number).exit_code))
        seen = True
        stop(Interrupted(number))

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
