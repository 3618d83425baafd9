"""HTTP/1.1 on loopback: reads requests, sends answers, and strikes the faults that need the socket.

Bodies and tokens are never logged.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler  # noqa: TID253 - this module loads only when a sandbox starts
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from ours_cli.errors import UsageError
from ours_cli.sandbox.api import IngestApi, Reply
from ours_cli.sandbox.faults import PATHS, FaultScript, Then, Turn
from ours_cli.sandbox.openapi import openapi_document
from ours_cli.sandbox.store import Store, StoreClosedError
from ours_cli.sandbox.stored import LoggedRequest, StoredEvent

if TYPE_CHECKING:
    from ours_cli.sandbox.options import SandboxOptions

_PREFIX = "/api/v1"
_READABLE = ("/openapi", "/events", "/requests")
# A body beyond this is refused unread, so that no client can fill the memory.
_MOST_BODY_BYTES = 256 * 1024 * 1024
_MOST_PAGE = 1000
_END_OF_HEAD = b"\r\n\r\n"
_RELATIVE_DATE = re.compile(r"@([+-]?\d{1,9})")


class SandboxServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One daemon thread per connection. Raises `UsageError` when the port is taken."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, options: SandboxOptions, store: Store, *, on_event: Callable[[StoredEvent], None] | None
    ) -> None:
        self.options = options
        self.store = store
        self.script = FaultScript(options.faults)
        self.stopping = threading.Event()
        self.api = IngestApi(options, store, self.script, on_event=on_event, stopping=self.stopping)
        self._connections: set[socket.socket] = set()
        self._resets: set[socket.socket] = set()
        self._lock = threading.Lock()
        try:
            super().__init__(("127.0.0.1", options.port), _Handler)
        except (OSError, OverflowError) as error:
            raise _port_error(options.port, error) from error

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def serve_in_background(self) -> None:
        """Accept connections on a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.05,), name="ours-sandbox", daemon=True).start()

    def stop(self) -> None:
        """Stop accepting, wake whoever hangs, cut all connections."""
        self.stopping.set()
        # Wakes the thread that accepts, where the system knows this of a socket that listens; else it looks.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                _cut(connection)

    def reset_on_close(self, connection: socket.socket) -> None:
        """Make closing this connection a TCP reset instead of an orderly end."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with self._lock:
            self._resets.add(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection while it lives."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection; a shutdown first would send the FIN that a reset must not have."""
        with self._lock:
            self._connections.discard(request)
            reset = request in self._resets
            self._resets.discard(request)
        if reset:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may leave when they like, and a stopped sandbox answers nobody."""
        if not isinstance(sys.exception(), OSError | StoreClosedError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: SandboxServer

    def do_POST(self) -> None:
        path = self._endpoint()
        turn = self.server.script.next_turn(path) if path in PATHS else None
        length = self._body_length()
        if length is None:
            return
        if turn is not None and self.server.script.on_upload(turn) is not None:
            self._reset_upload(turn, length // 2)
            return
        raw = self.rfile.read(length)
        if len(raw) < length:
            self.close_connection = True
        elif turn is None:
            self._refuse_path(path)
        else:
            self._send(self._answer(turn, raw))

    def do_GET(self) -> None:
        path = self._endpoint()
        if not self._skip_body():
            return
        if path == "/openapi":
            offset = self.server.script.constant_clock_offset
            self._send(_json(200, self._openapi())._replace(clock_offset=offset))
        elif path in _READABLE:
            self._send(self._page(path))
        else:
            self._refuse_path(path)

    def do_PUT(self) -> None:
        if self._skip_body():
            self._refuse_path(self._endpoint())

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_PUT  # noqa: N815 - the base class looks for these names

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        # The base class answers in HTML to what it cannot parse; this API speaks JSON only.
        self._refuse_and_close(code, message or HTTPStatus(code).phrase)

    def log_message(self, *_args: object) -> None:
        pass

    def _endpoint(self) -> str:
        path = urlsplit(self.path).path
        return path.removeprefix(_PREFIX) if path.startswith(_PREFIX + "/") else ""

    def _body_length(self) -> int | None:
        """The length of the body, or None after refusing one that cannot be read."""
        length = self.headers.get("Content-Length", "0").strip()
        if "Transfer-Encoding" in self.headers:
            self._refuse_and_close(411, "the body needs a Content-Length")
        elif not (length.isascii() and length.isdecimal()):
            self._refuse_and_close(400, "Content-Length is not a number")
        elif len(length) > 18 or int(length) > _MOST_BODY_BYTES:
            self._refuse_and_close(413, "the body is too large for the sandbox")
        else:
            return int(length)
        return None

    def _skip_body(self) -> bool:
        length = self._body_length()
        return length is not None and len(self.rfile.read(length)) == length

    def _refuse_path(self, path: str) -> None:
        allowed = "POST" if path in PATHS else "GET" if path in _READABLE else None
        if allowed is None:
            self._send(_json(404, {"success": False, "error": "no such endpoint"}))
        else:
            refusal = _json(405, {"success": False, "error": f"only {allowed} is allowed here"})
            self._send(refusal._replace(headers={"Allow": allowed}))

    def _refuse_and_close(self, status: int, error: str) -> None:
        self.close_connection = True
        self._send(_json(status, {"success": False, "error": error}))

    def _answer(self, turn: Turn, raw: bytes) -> Reply:
        try:
            return self.server.api.post(turn, self.headers.get("Content-Type", ""), raw)
        except StoreClosedError:
            raise
        except Exception as error:
            # A bug, or a full disk under the database. The text of the error may hold a row's values.
            return _json(500, {"success": False, "error": f"the sandbox failed: {type(error).__name__}"})

    def _openapi(self) -> dict[str, Any]:
        options = self.server.options
        return openapi_document(
            max_events=options.max_events, max_bytes=options.max_bytes, window_ms=options.window_ms
        )

    def _page(self, path: str) -> Reply:
        query = parse_qs(urlsplit(self.path).query)
        after, limit = query.get("after", ["0"])[-1], query.get("limit", ["100"])[-1]
        if not all(text.isascii() and text.isdecimal() and len(text) <= 18 for text in (after, limit)):
            return _json(400, {"success": False, "error": "after and limit must be whole numbers"})
        store, most = self.server.store, min(int(limit), _MOST_PAGE)
        found: Sequence[StoredEvent | LoggedRequest]
        found = (
            store.events_page(int(after), most)
            if path == "/events"
            else store.requests_page(int(after), most)
        )
        listed = [row._asdict() for row in found]
        return _json(200, {path[1:]: listed, "next": found[-1].id if found else int(after)})

    def _send(self, answer: Reply) -> None:
        data = self._head(answer)
        if self.command != "HEAD" and answer.status != HTTPStatus.NO_CONTENT:
            data += answer.payload
        if answer.wire is None:
            self.wfile.write(data)
        else:
            self._send_badly(answer.wire, data)

    def _send_badly(self, wire: Then, data: bytes) -> None:
        if wire.do == "drip":
            self._drip(data, 1.0 if wire.seconds is None else wire.seconds)
            return
        self.close_connection = True
        if wire.do == "truncate":
            head, _, body = data.partition(_END_OF_HEAD)
            self.wfile.write(head + _END_OF_HEAD + body[: len(body) // 2])
        elif wire.do == "stale_keepalive":
            self.wfile.write(data)

    def _drip(self, data: bytes, seconds: float) -> None:
        for position in range(len(data)):
            self.wfile.write(data[position : position + 1])
            if self.server.stopping.wait(seconds):
                self.close_connection = True
                return

    def _head(self, answer: Reply) -> bytes:
        now = time.time() + answer.clock_offset
        headers = {"Date": self.date_time_string(int(now)), "Content-Type": answer.content_type}
        if answer.status != HTTPStatus.NO_CONTENT:
            headers["Content-Length"] = str(len(answer.payload))
        if self.close_connection:
            headers["Connection"] = "close"
        headers |= {name: self._header_value(value, now) for name, value in answer.headers.items()}
        lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode("latin-1") + _END_OF_HEAD

    def _header_value(self, value: str, now: float) -> str:
        date = _RELATIVE_DATE.fullmatch(value)
        return self.date_time_string(int(now) + int(date[1])) if date else value

    def _reset_upload(self, turn: Turn, length: int) -> None:
        self.rfile.read(length)
        self.server.reset_on_close(self.connection)
        self.close_connection = True
        self.server.api.log_reset(turn, length)


def _json(status: int, body: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(body, ensure_ascii=False).encode())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _port_error(port: int, error: Exception) -> UsageError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} is already in use", hint="--port 0 takes a free one")
    return UsageError(f"the sandbox cannot listen on port {port}: {error}", hint="--port 0 takes a free one")
