"""Starting and stopping a sandbox, and looking at what it received."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ours_cli.sandbox.options import SandboxOptions
from ours_cli.sandbox.stored import LoggedRequest, StoredEvent, Totals

if TYPE_CHECKING:
    from ours_cli.sandbox.server import SandboxServer
    from ours_cli.sandbox.store import Store


class Sandbox:
    """A local Ingest API on 127.0.0.1; a context manager.

    `on_event` is called for each event stored for the first time, before its request is answered, on the
    thread that serves the request. What was received can be read while the sandbox runs, not after `stop`.
    """

    def __init__(
        self,
        options: SandboxOptions | None = None,
        *,
        on_event: Callable[[StoredEvent], None] | None = None,
    ) -> None:
        self._options = options or SandboxOptions()
        self._on_event = on_event
        self._store: Store | None = None
        self._server: SandboxServer | None = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Open the database and serve. Raises `LocalIOError` (database) or `UsageError` (port in use)."""
        from ours_cli.sandbox.server import SandboxServer
        from ours_cli.sandbox.store import Store

        store = Store(self._options.db)
        try:
            server = SandboxServer(self._options, store, on_event=self._on_event)
        except BaseException:
            store.close()
            raise
        server.serve_in_background()
        self._store, self._server = store, server

    def stop(self) -> None:
        """Cut every connection and close the database immediately; stopping twice is harmless."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def base_url(self) -> str:
        """The URL to point a client at, without a slash at its end."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running")
        return f"http://127.0.0.1:{self._server.port}/api/v1"

    def events(self, after: int = 0) -> Iterator[StoredEvent]:
        """Walk the stored events with an id above `after`, oldest first."""
        return self._running_store().events(after)

    def requests(self, after: int = 0) -> Iterator[LoggedRequest]:
        """Walk the logged requests with an id above `after`, oldest first."""
        return self._running_store().requests(after)

    def totals(self) -> Totals:
        """Requests, rows received and distinct events stored, over everything in the database."""
        return self._running_store().totals()

    def _running_store(self) -> Store:
        if self._store is None:
            raise RuntimeError("the sandbox is not running")
        return self._store
