"""Waiting for what another process, thread or task does, and no longer than it can take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


def wait_for(
    condition: Callable[[], object], what: str = "it never came to that", *, within_s: float = 20
) -> None:
    """Return once it holds; an `AssertionError` with `what` if it does not come to that."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def in_loop(body: Callable[[], Awaitable[None]]) -> None:
    """Run `body` in an event loop of its own; a `TimeoutError` after 10 s."""

    async def limited() -> None:
        async with asyncio.timeout(10):
            await body()

    asyncio.run(limited())
