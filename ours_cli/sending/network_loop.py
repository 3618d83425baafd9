"""The event loop of a run: asyncio's, but closing it never waits for a name server."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

if sys.platform == "win32":
    _PlatformLoop = asyncio.ProactorEventLoop
else:
    _PlatformLoop = asyncio.SelectorEventLoop


class NetworkLoop(_PlatformLoop):
    """The event loop for an `AsyncPoster`: closing it never waits for a name server.

    asyncio looks names up in threads that it waits for when the loop closes, and Python once more at exit: a
    name server that is silent would hold back the report of an interrupted run for half a minute.
    """

    def __del__(self) -> None:
        # Where too many files are open a loop is never complete, and closing it would print a traceback.
        with suppress(AttributeError):
            super().__del__()

    async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> Any:
        """As `socket.getaddrinfo`, in a thread that nobody waits for."""
        found: Future[Any] = Future()
        found.set_running_or_notify_cancel()

        def look_up() -> None:
            try:
                found.set_result(socket.getaddrinfo(host, port, **hints))
            except Exception as error:
                found.set_exception(error)

        threading.Thread(target=look_up, daemon=True).start()
        return await asyncio.wrap_future(found, loop=self)
