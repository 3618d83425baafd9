"""Standard streams: what stands in for closed and for non-blocking ones; text for people and for programs.

The numbers of those that are closed (`ours ... >&-`) are taken here before anything else is opened: otherwise
the journal or a socket would get them, and what is meant for a person would go there.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import BinaryIO, TextIO


def for_people(stream: TextIO) -> None:
    """Show characters that the stream's own encoding lacks escaped; they must not end the command."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def for_programs(stream: TextIO) -> None:
    """Write UTF-8 whatever the locale, and invalid bytes as they came; a terminal stays for people."""
    if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def standard_input() -> BinaryIO:
    """The bytes of standard input, which must not be None; a non-blocking pipe is waited for.

    Programs that share a pipe make it so for each other, as Node and ssh do. Python would take its "nothing
    yet" for the end, and where it has no room would drop what is written.
    """
    _wait_at(0)
    return sys.stdin.buffer


def prepare_streams() -> None:
    """Let a closed stdout fail as a pipe does whose reader has left, and a closed stderr swallow everything.

    Open ones wait for their reader, so that no result, reject or error is lost.
    A closed standard input stays none (`sys.stdin` is None): an empty one would be an input without rows.
    """
    if sys.stdin is None:
        _move(os.open(os.devnull, os.O_RDONLY), 0)
    if sys.stdout is None:
        reader, writer = os.pipe()
        _move(writer, 1)
        if reader != 1:
            os.close(reader)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    else:
        _wait_at(1)
    if sys.stderr is None:
        _move(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    else:
        _wait_at(2)


def _wait_at(descriptor: int) -> None:
    # What knows nothing of waiting shows when it is used, where the error can be told.
    if sys.platform != "win32":
        with suppress(OSError):
            os.set_blocking(descriptor, True)


def _move(descriptor: int, number: int) -> None:
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)
