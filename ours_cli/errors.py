"""The errors a person can meet, and their exit codes; `boundary.run` renders them."""

from __future__ import annotations

import os
from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """How a command ends; scripts rely on these numbers (README, "Exit codes")."""

    OK = 0
    BUG = 1
    USAGE = 2
    REJECTED = 3
    AUTH = 4
    UNAVAILABLE = 5
    SOURCE = 6
    LOCAL_IO = 7
    CONTRACT = 8
    STOPPED = 9
    BUSY = 11
    SIGINT = 130
    SIGPIPE = 141
    SIGTERM = 143


class OursError(Exception):
    """Something that stops the command: a message, an exit code and, nearly always, what to do instead.

    Neither `message` nor `hint` may hold a row's values or the token: both go to the terminal.
    """

    exit_code = ExitCode.BUG
    in_result = False
    """Whether the command itself has printed the object of `-o json` that says so."""

    may_replace_report = False
    """Whether --report was found to name no file but one that the result may replace."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def prefixed(self, text: str, *, instead_of: str) -> Self:
        """The same error with `text` before its message, in place of `instead_of` if it begins with that.

        A copy: the class may want other arguments than a message.
        """
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied.message = text + self.message.removeprefix(instead_of)
        copied.args = (copied.message,)
        return copied


class UsageError(OursError):
    """Flags, mapping or config that cannot work (exit 2). Raised before anything is sent."""

    exit_code = ExitCode.USAGE


class AuthError(OursError):
    """No token, or the server refused it (exit 4)."""

    exit_code = ExitCode.AUTH


class UnavailableError(OursError):
    """Network or server gave no answer in time (exit 5); the work can be resumed."""

    exit_code = ExitCode.UNAVAILABLE


class SourceError(OursError):
    """The source cannot be read (exit 6)."""

    exit_code = ExitCode.SOURCE


class BusyError(OursError):
    """Another process runs or begins this run, or writes its rejects (exit 11)."""

    exit_code = ExitCode.BUSY


class LocalIOError(OursError):
    """Disk full, a file that cannot be written (exit 7)."""

    exit_code = ExitCode.LOCAL_IO


class StoppedError(OursError):
    """`--max-rejects` or `--canary` stopped the run (exit 9)."""

    exit_code = ExitCode.STOPPED


class ClosedOutputError(OursError):
    """Whoever read standard output has gone (exit 141), as `head` does; the run can be resumed."""

    exit_code = ExitCode.SIGPIPE

    def __init__(self) -> None:
        super().__init__("standard output was closed")


class ContractError(OursError):
    """The server broke the contract: redirect, 415, TLS, nonsense in a 2xx (exit 8)."""

    exit_code = ExitCode.CONTRACT


def reason(error: OSError) -> str:
    """What the system says went wrong, without the path; its type's name where it says nothing."""
    return os.strerror(error.errno) if error.errno else type(error).__name__
