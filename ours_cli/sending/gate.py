"""When a request may start: one prober while the server is unproven, pauses, a rate, a limit, and the stop.

One mechanism serves three needs: the first request of a run goes alone (a wrong token costs one request, not
eight), a server that is down is asked by one prober only, and `Retry-After` holds every worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ours_cli.errors import OursError


class Gate:
    """Shared by all senders of a run; lives in one event loop. Times are of the loop's clock, in seconds.

    `rate` is in events per second; `limit` gives the number of turns that may be taken at the same time now.
    `error` is why the run stops, once it does.
    """

    def __init__(self, rate: float | None, limit: Callable[[], int]) -> None:
        self.error: OursError | None = None
        self._rate = rate
        self._limit = limit
        self._inside = 0
        self._left = asyncio.Event()
        self._slot = 0.0
        self._not_before = 0.0
        self._proven = False
        self._prober = asyncio.Lock()
        self._stopped = asyncio.Event()

    @asynccontextmanager
    async def turn(self, rows: int) -> AsyncIterator[None]:
        """Wait for the right to send a request of `rows` rows; raises the stop's error when the run stops.

        An `OursError` raised inside stops the run, before anyone else gets a turn.
        """
        is_prober, has_place, has_slot = False, False, False
        try:
            while True:
                # While this one waited, others may have proven the server, or found it in trouble.
                if await self._wait():
                    has_slot = False  # all who were held would go together
                elif not (self._proven or is_prober):
                    # The current prober may be waiting for a place kept here.
                    if has_place:
                        self._leave()
                    has_place = has_slot = False
                    is_prober = await self._prober.acquire()
                elif not has_place:
                    has_place = await self._take_place()
                elif not has_slot:
                    await self._take_slot(rows)
                    has_slot = True
                else:
                    break
            if self._proven and is_prober:
                self._prober.release()
                is_prober = False
            yield
        except OursError as error:
            self.stop(error)
            raise
        finally:
            if is_prober:
                self._prober.release()
            if has_place:
                self._leave()

    def prove(self) -> None:
        """The server accepted something: all may send."""
        self._proven = True

    def doubt(self, pause: float) -> None:
        """The server failed: nobody sends for `pause` seconds, then one prober at a time."""
        self._proven = False
        self.hold(pause)

    def hold(self, pause: float) -> None:
        """Nobody sends for `pause` seconds."""
        self._not_before = max(self._not_before, now() + pause)

    def stop(self, error: OursError) -> None:
        """Let nothing more start; wakes everyone who waits. The first reason stays."""
        if self.error is None:
            self.error = error
        self._stopped.set()
        self._left.set()

    async def stopped(self) -> None:
        """Return once the run stops."""
        await self._stopped.wait()

    async def _wait(self) -> bool:
        """Wait until nothing holds the run; returns whether something did."""
        was_held = False
        while not self._stopped.is_set():
            pause = self._not_before - now()
            if pause <= 0:
                return was_held
            was_held = True
            await self.rest(pause)
        assert self.error is not None
        raise self.error

    async def _take_place(self) -> bool:
        """Become one of the few inside; returns False after a wait: the state must be checked again first."""
        if self._inside < self._limit():
            self._inside += 1
            return True
        self._left.clear()
        await self._left.wait()
        return False

    def _leave(self) -> None:
        """Give one's place back."""
        self._inside -= 1
        self._left.set()

    async def _take_slot(self, rows: int) -> None:
        if self._rate is not None:
            start = max(self._slot, now())
            self._slot = start + rows / self._rate
            await self.rest(start - now())

    async def rest(self, seconds: float) -> None:
        """Sleep, or less when the run stops meanwhile."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return


def now() -> float:
    """Seconds of the running loop's clock."""
    return asyncio.get_running_loop().time()
