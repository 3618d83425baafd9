"""This process's end of the line to one worker, in an event loop."""

from __future__ import annotations

import asyncio
import pickle
from collections import deque
from collections.abc import Callable
from typing import Any

from ours_cli.errors import OursError
from ours_cli.workers.messages import LENGTH, packed


class WorkerLink(asyncio.BufferedProtocol):
    """Messages are read from where they are received. `unanswered` counts the questions still open."""

    def __init__(self, why_it_ended: Callable[[], OursError]) -> None:
        self.unanswered = 0
        self._why_it_ended = why_it_ended
        self._messages: deque[bytearray] = deque()
        self._head = bytearray(LENGTH.size)
        self._target = self._head
        self._filled = 0
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is up."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the message knows its size
        """Where to put what arrives next."""
        return memoryview(self._target)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have arrived there."""
        self._filled += nbytes
        if self._filled < len(self._target):
            return
        self._filled = 0
        if self._target is self._head:
            self._target = bytearray(*LENGTH.unpack(self._head))
        else:
            self._messages.append(self._target)
            self.unanswered -= 1
            self._target = self._head
            self._arrived.set()

    def pause_writing(self) -> None:
        """The worker is slower than this process."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason does not matter
        """The worker has ended."""
        self._is_lost = True
        self._arrived.set()
        self._writable.set()

    def send(self, message: object) -> None:
        """Send a message as soon as there is room, unless the worker has ended."""
        # Since Python 3.12, `writelines` breaks on a line that was hung up a moment ago.
        if not self._transport.is_closing():
            # Together: the length alone would wake the worker.
            self._transport.writelines(packed(message))

    async def ask(self, question: object) -> None:
        """Send a question, and wait for room; raises the `OursError` that says why the worker has died."""
        self.unanswered += 1
        self.send(question)
        await self._writable.wait()
        if self._is_lost:
            raise self._why_it_ended()

    async def receive(self) -> Any:
        """The next message; raises the `OursError` that says why the worker has died."""
        while not self._messages:
            if self._is_lost:
                raise self._why_it_ended()
            self._arrived.clear()
            await self._arrived.wait()
        return pickle.loads(self._messages.popleft())  # noqa: S301 - our own child wrote it

    def close(self) -> None:
        """Hang up: the worker ends."""
        self._transport.abort()
