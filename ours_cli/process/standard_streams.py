"""Standard streams: what stands in for closed ones, and how text is encoded for people and for programs.

The numbers of those that are closed (`ours ... >&-`) are taken here before anything else is opened: otherwise
the journal or a socket would get them, and what is meant for a person would go there.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


def for_people(stream: TextIO) -> None:
    """Show characters that the stream's own encoding lacks escaped; they must not end the command."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def for_programs(stream: TextIO) -> None:
    """Write UTF-8 whatever the locale, and invalid bytes as they came; a terminal stays for people."""
    if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def replace_closed_streams() -> None:
    """Let a closed stdout fail as a pipe does whose reader has left, and a closed stderr swallow everything.

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
    if sys.stderr is None:
        _move(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _move(descriptor: int, number: int) -> None:
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)
