"""An event loop without waiting: when nothing is left to do, its clock leaps to the next timer.

For what neither sockets nor threads take part in. However busy the machine is, timers go off in their order,
and nothing goes late; a sleep takes no time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


def run_leaping(body: Coroutine[Any, Any, None]) -> None:
    """As `asyncio.run`; fails where nothing could ever wake the loop again."""
    with asyncio.Runner(loop_factory=_LeapingLoop) as runner:
        runner.run(body)


class _LeapingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for somebody else"
            self.now_s += max(timeout, 0)
        return ready


class _LeapingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaping = _LeapingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now_s
