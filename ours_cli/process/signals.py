"""Ctrl-C and SIGTERM: the first drains what is in flight, the second ends immediately. Ctrl-Z and Ctrl-\\."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any, Final, TypeAlias

from ours_cli.errors import ExitCode, OursError

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_LATER_S: Final = 0.01
"""By then Python has closed what it was closing."""

_Handler: TypeAlias = "Callable[[int, FrameType | None], Any] | int"


class Interrupted(OursError):  # noqa: N818 - not an error of the program
    """A signal stopped the command; `exit_code` is 130 for SIGINT and 143 for SIGTERM."""

    def __init__(self, number: int, hint: str | None = None) -> None:
        super().__init__("interrupted" if number == signal.SIGINT else "terminated", hint=hint)
        self.exit_code = ExitCode.SIGINT if number == signal.SIGINT else ExitCode.SIGTERM

    def amid(self, trouble: str | None) -> None:
        """Say what went wrong when the command last tried, if it was waiting to try again."""
        if trouble is not None:
            self.message += f"; the last try failed: {trouble}"


def with_exit_codes(command: Callable[[], int]) -> int:
    """Run a command that SIGINT and SIGTERM end by exit code, after its cleanup; returns its exit code.

    Before it and after it they kill the process at once and without a word: there is nothing to clean up, and
    Python would print where it was. Where one is ignored, it stays ignored.
    """
    try:
        sys.unraisablehook = _send_again
        _handle_unless_ignored(signal.SIGTERM, _exit)
        _handle_unless_ignored(signal.SIGINT, signal.default_int_handler)
        return command()
    except KeyboardInterrupt:  # before the command could take note of it, or after
        return int(ExitCode.SIGINT)
    finally:
        _handle_unless_ignored(signal.SIGINT, signal.SIG_DFL)
        _handle_unless_ignored(signal.SIGTERM, signal.SIG_DFL)


def letting_signals_kill() -> AbstractContextManager[None]:
    """While inside, SIGINT and SIGTERM kill the process at once, unless they are ignored.

    For imports: orjson crashes where a signal raises an exception while it loads.
    """
    return _handled_by(signal.SIG_DFL)


@contextmanager
def holding_signals() -> Iterator[None]:
    """While inside, SIGINT and SIGTERM wait: for imports of a command that has begun, and reports them.

    There Python may forget an exception: compiling what `dataclasses` writes, it takes it for one of its own.
    """
    held: list[int] = []
    with _handled_by(lambda number, _: held.append(number)):
        yield
    if held:
        signal.raise_signal(held[0])


@contextmanager
def _handled_by(handler: _Handler, numbers: Iterable[int] = _ENDING) -> Iterator[None]:
    """While inside, these signals are handled so, unless they are ignored."""
    before = {
        number: signal.signal(number, handler)
        for number in numbers
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _send_again(ignored: sys.UnraisableHookArgs) -> None:
    """Send a signal once more that came while Python closed something: there, exceptions are ignored."""
    number = {KeyboardInterrupt: signal.SIGINT, SystemExit: signal.SIGTERM}.get(ignored.exc_type)
    if number is None:
        sys.__unraisablehook__(ignored)
        return
    import threading

    threading.Timer(_LATER_S, os.kill, (os.getpid(), number)).start()


def _exit(_: int, __: FrameType | None) -> None:
    sys.exit(int(ExitCode.SIGTERM))


def _handle_unless_ignored(number: int, handler: _Handler) -> None:
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, handler)


@contextmanager
def interruptible(*, in_result: bool = False) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM raise `Interrupted`, for commands that report what was interrupted.

    `in_result` says that a result is being printed: there must be no other one.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        number = signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM
        interrupted = Interrupted(number)
        interrupted.in_result = in_result
        raise interrupted from None


@contextmanager
def stopping(stop: Callable[[Interrupted], object], cut_off: Callable[[Interrupted], None]) -> Iterator[None]:
    """While inside, the first signal calls `stop`, the second `cut_off`, and ends the process immediately.

    A signal that whoever started the command has ignored stays so: a script's `ours ... &` goes on at Ctrl-C.
    Both are called between two bytecodes of the main thread: `stop` must only hand the error over, and
    `cut_off` wait for nothing.
    """
    seen = False

    def on_signal(number: int, _: FrameType | None) -> None:
        nonlocal seen
        error = Interrupted(number, hint="run the same command again: it goes on from there")
        if not seen:
            seen = True
            stop(error)
            return
        try:
            cut_off(error)
        finally:
            os._exit(int(error.exit_code))

    with _handled_by(on_signal):
        yield


@contextmanager
def leaving_terminal(away: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """While inside, `away` is entered before Ctrl-Z stops the process, and left once it goes on.

    It is entered before Ctrl-\\ kills it, too. Nothing of the kind is done where they are ignored.
    """

    def on_signal(number: int, _: FrameType | None) -> None:
        with away():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        signal.signal(number, on_signal)

    if sys.platform == "win32":
        yield
        return
    with _handled_by(on_signal, (signal.SIGTSTP, signal.SIGQUIT)):
        yield
