"""Waiting for what another process or thread does, and no longer than it can take."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_for(
    condition: Callable[[], object], what: str = "it never came to that", *, within_s: float = 60
) -> None:
    """Return once it holds; an `AssertionError` with `what` if it does not come to that."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
