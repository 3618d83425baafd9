"""Keeps this process's memory, which holds the token and health records, out of core dumps and debuggers."""

from __future__ import annotations

import sys

_PR_SET_DUMPABLE = 4


def limit_cores() -> None:
    """No core file; does not hold where the system pipes cores to a program (core(5))."""
    try:
        import resource
    except ImportError:  # Windows writes none
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def forbid_dumps_and_debuggers() -> None:
    """On Linux: no core dump, not even into a crash reporter, and no debugger of the same user.

    Costs about 2 ms, so it is for the commands that send. Does nothing elsewhere.
    """
    if sys.platform != "linux":
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return
