"""Standard streams that whoever started the command left closed (`ours ... >&-`).

Their numbers are taken here before anything else is opened: otherwise the journal or a socket would get them,
and what is meant for a person would go there.
"""

from __future__ import annotations

import os
import sys


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
