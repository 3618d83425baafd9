"""The one file that knows httpx: a body in, an answer or a named failure out.

It is imported only by what sends (never at start-up). Nothing here retries, judges or logs, and no exception
with a body, URL or credentials in it leaves this file.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple, TypeGuard
from urllib.parse import urlsplit

import httpx

from ours_cli import __version__
from ours_cli.contract import DEFAULT_BASE_URL
from ours_cli.errors import UsageError
from ours_cli.sending.authorities import refusal, trusting, unreadable
from ours_cli.sending.proxy import Proxy, port_of, proxy_for, unusable
from ours_cli.sending.retry import Answer, Failure
from ours_cli.settings import Endpoint

CONNECT_TIMEOUT_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 1 << 20
"""An answer may have this and `ANSWER_RATIO` times its request; what is larger is not read (to its end)."""

ANSWER_RATIO: Final = 8
"""The smallest row has 47 bytes: that leaves 376 for its result, of which a message may take 300."""

DOCUMENT_BYTES_MAX: Final = 16 << 20
"""A document that is asked for, such as the OpenAPI, may be as large as this."""

_HEADERS: Final = {
    "content-type": "application/json",
    "accept": "application/json",
    "accept-encoding": "identity",
    "user-agent": f"ours-cli/{__version__}",
}
_ENDLESS: Final = "more than the API ever says"
_GARBLED: Final = "something compressed that cannot be read"
_CONNECTION: Final = attrgetter("_httpcore_stream._stream._connection")


class _Body(httpx.ByteStream):
    """A body that tells when it goes out: without a connection none does."""

    def __init__(self, body: bytes, on_sent: Callable[[int], None]) -> None:
        super().__init__(body)
        self._size = len(body)
        self._on_sent = on_sent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._on_sent(self._size)
        async for part in super().__aiter__():
            yield part


async def _is_followed_by_another(stream: object) -> bool:
    """Whether another answer came behind one: then either may be the late one to an earlier request.

    Whatever came behind it, its connection is closed: httpcore would take that for the answer to the next
    request, since it looks for such bytes at the socket, and not among those that it has read already.
    """
    connection = _CONNECTION(stream)
    behind, _ = connection._h11_state.trailing_data
    if not behind:
        return False
    await connection.aclose()
    answer = behind.strip()
    return bool(answer) and b"HTTP/".startswith(answer[:5])


class _Incoming:
    """An answer as it arrives, up to `bytes_max` bytes.

    Some middleboxes compress what was asked for plain: only then is it decoded, since that takes time.
    """

    def __init__(self, response: httpx.Response, bytes_max: int) -> None:
        self._status = response.status_code
        self._headers = dict(response.headers)
        self._bytes_max = bytes_max
        self._received = bytearray()
        self.is_encoded = "content-encoding" in self._headers
        # A float, since a length may have more digits than Python makes an integer of.
        self.is_too_large = float(self._headers.get("content-length", 0)) > bytes_max

    def has_enough(self, part: bytes) -> bool:
        """Take the next part; returns whether that makes it too large."""
        self._received += part
        self.is_too_large = len(self._received) > self._bytes_max
        return self.is_too_large

    def whole(self) -> Answer:
        """The answer; without its body where that is too large."""
        if self.is_too_large:
            return Answer(self._status, self._headers, b"", _ENDLESS)
        return Answer(self._status, self._headers, bytes(self._received))

    def garbled(self) -> Answer:
        """The answer without its body."""
        return Answer(self._status, self._headers, b"", _GARBLED)


def _bytes_max(body: bytes | None) -> int:
    return DOCUMENT_BYTES_MAX if body is None else ANSWER_BYTES_MAX + ANSWER_RATIO * len(body)


class _Way(NamedTuple):
    """The way to a server (host and port), and the seconds that an exchange may take: what failures name.

    Neither a request nor a proxy's credentials are in them.
    """

    server: str
    proxy: Proxy | None
    timeout: float

    def failure(self, error: httpx.HTTPError) -> Failure:
        causes, proxy = _causes(error), self.proxy
        if proxy is not None and isinstance(error, httpx.ProxyError):
            if str(error).startswith("407"):
                reason = f"the proxy {proxy.address} refuses its credentials (407)"
                return Failure("proxy_refused", reason, f"check {proxy.origin}")
            return Failure(
                "proxy", f"the proxy {proxy.address} does not pass the request on", f"check {proxy.origin}"
            )
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return self.unknown_name()
        if (refused := next(filter(_is_tls_refusal, causes), None)) is not None:
            return Failure("tls", *refusal(refused))
        if isinstance(error, httpx.ConnectTimeout):
            seconds = min(self.timeout, CONNECT_TIMEOUT_S)
            return self._via(Failure("timeout", f"no connection to {self.server} within {seconds:g} s"))
        if isinstance(error, httpx.TimeoutException):
            return self.late()
        if isinstance(error, httpx.ConnectError):
            # A handshake that is cut or reset is the server's doing, or the network's behind the proxy.
            if proxy is not None and not any(
                isinstance(cause, (ssl.SSLError, ConnectionResetError)) for cause in causes
            ):
                reason = f"the connection to the proxy {proxy.address} is refused or fails"
                return Failure("connect", reason, f"check {proxy.origin}")
            return self._via(Failure("connect", f"the connection to {self.server} is refused or fails"))
        return self._via(Failure("cut", f"the connection to {self.server} broke before the answer was whole"))

    def late(self) -> Failure:
        return self._via(Failure("timeout", f"no whole answer from {self.server} within {self.timeout:g} s"))

    def answered_twice(self) -> Failure:
        return self._via(Failure("cut", f"{self.server} sent more than one answer to a request"))

    def unknown_name(self) -> Failure:
        if self.proxy is None:
            return Failure("name", f"the name of {self.server} cannot be resolved")
        # The proxy has to find the server: what is looked up here is the proxy alone.
        reason = f"the name of the proxy {self.proxy.address} cannot be resolved"
        return Failure("name", reason, f"check {self.proxy.origin} and the network")

    def _via(self, failure: Failure) -> Failure:
        """The same failure, which may be the proxy's doing as well, where there is one."""
        if self.proxy is None:
            return failure
        reason = f"{failure.reason} (through the proxy {self.proxy.address})"
        return Failure(failure.kind, reason, f"check {self.proxy.origin}, and the server behind it")


def _way(endpoint: Endpoint, timeout: float) -> _Way:
    """The proxy is settled here, not by httpx, so that what fails can be named; raises as `proxy_for`."""
    parts = urlsplit(endpoint.base_url)
    server = parts.netloc if parts.port else f"{parts.netloc}:{port_of(parts)}"
    return _Way(server, None if endpoint.is_loopback else proxy_for(endpoint.base_url), timeout)


class AsyncPoster:
    """Posts JSON bodies to one endpoint over kept-alive connections; one per run, inside its event loop.

    `on_sent` is told of the bytes of each body that begins to leave.

    Each connection is a transport of its own: httpcore's pool looks at every connection that it has for each
    request, which with dozens of them takes longer than all else that is done for one. Nor is there a client
    around them: the API needs none of its cookies, redirects and authentication.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout: float,
        ca_file: Path | None,
        on_sent: Callable[[int], None],
    ) -> None:
        _note_absence_of_sniffio()
        self._on_sent = on_sent
        self._endpoint = endpoint
        self._tls = tls_context(endpoint, ca_file)
        self._way = _way(endpoint, timeout)
        self._urls: dict[str, httpx.URL] = {}
        self._headers = httpx.Headers(_HEADERS)
        self._extensions = {"timeout": httpx.Timeout(None, connect=CONNECT_TIMEOUT_S).as_dict()}
        self._connections: list[httpx.AsyncHTTPTransport] = []
        # An unusable endpoint shows before a row is read. The connection used last is used next.
        self._idle = [self._new_connection()]

    def _new_connection(self) -> httpx.AsyncHTTPTransport:
        proxy = self._way.proxy
        with _usable_addresses(self._endpoint, proxy):
            connection = httpx.AsyncHTTPTransport(
                verify=self._tls,
                trust_env=False,
                proxy=proxy and proxy.url,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            )
        self._connections.append(connection)
        return connection

    async def post(self, path: str, body: bytes) -> Answer | Failure:
        """Send one request; the whole exchange, a dripping answer included, must end within the timeout."""
        import asyncio  # sending one event needs none of it: it takes as long to load as ten modules of ours

        connection = self._idle.pop() if self._idle else self._new_connection()
        try:
            async with asyncio.timeout(self._way.timeout):
                answer = await self._exchange(connection, path, body)
        except TimeoutError:
            answer = self._way.late()
        except httpx.HTTPError as error:
            answer = self._way.failure(error)
        if isinstance(answer, Failure):
            # Whatever is still to come on it must not be taken for the next answer.
            self._connections.remove(connection)
            await connection.aclose()
        else:
            self._idle.append(connection)
        return answer

    async def _exchange(
        self, connection: httpx.AsyncHTTPTransport, path: str, body: bytes
    ) -> Answer | Failure:
        request = httpx.Request(
            "POST", self._url(path), headers=self._headers, content=body, extensions=self._extensions
        )
        request.stream = _Body(body, self._on_sent)
        response = await connection.handle_async_request(request)
        try:
            answer = _Incoming(response, _bytes_max(body))
            if not answer.is_too_large:
                async for part in response.aiter_bytes() if answer.is_encoded else response.aiter_raw():
                    if answer.has_enough(part):
                        break
        except httpx.DecodingError:
            return answer.garbled()
        finally:
            await response.aclose()
        if await _is_followed_by_another(response.stream):
            return self._way.answered_twice()
        return answer.whole()

    def _url(self, path: str) -> httpx.URL:
        """Parsed once: that takes longer than the rest of building a request."""
        if path not in self._urls:
            self._urls[path] = httpx.URL(f"{self._endpoint.base_url}/{path}")
        return self._urls[path]

    async def aclose(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            await connection.aclose()


def _note_absence_of_sniffio() -> None:
    """Let Python remember that sniffio is not installed, where it is not: httpcore then assumes asyncio.

    httpcore tries to import it at several points of each request, which searches all of `sys.path`.
    """
    if "sniffio" not in sys.modules and find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # Python's word for "not to be imported"


def ask_once(
    endpoint: Endpoint, path: str, body: bytes | None = None, *, timeout: float, ca_file: Path | None = None
) -> Answer | Failure:
    """Send one request without an event loop: a body, or None to read a document, without a token then.

    The exchange runs in a daemon thread, so that a server that drips its answer, or its headers, cannot hold
    the command beyond `timeout` seconds.
    """
    results: list[Answer | Failure | BaseException] = []

    def exchange() -> None:
        try:
            results.append(_exchange_once(endpoint, path, body, timeout, ca_file))
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=exchange, daemon=True)
    thread.start()
    thread.join(timeout)
    if not results:
        return _way(endpoint, timeout).late()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def _exchange_once(
    endpoint: Endpoint, path: str, body: bytes | None, timeout: float, ca_file: Path | None
) -> Answer | Failure:
    method = "GET" if body is None else "POST"
    way = _way(endpoint, timeout)
    with _usable_addresses(endpoint, way.proxy):
        connection = httpx.HTTPTransport(
            verify=tls_context(endpoint, ca_file), trust_env=False, proxy=way.proxy and way.proxy.url
        )
    limits = httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT_S))
    url, extensions = f"{endpoint.base_url}/{path}", {"timeout": limits.as_dict()}
    request = httpx.Request(method, url, headers=_HEADERS, content=body, extensions=extensions)
    try:
        with connection, closing(connection.handle_request(request)) as response:
            answer = _Incoming(response, _bytes_max(body))
            if not answer.is_too_large:
                for part in response.iter_bytes() if answer.is_encoded else response.iter_raw():
                    if answer.has_enough(part):
                        break
            return answer.whole()
    except httpx.DecodingError:
        return answer.garbled()
    except UnicodeError:
        # The socket module's word for a label that no name server could know.
        return way.unknown_name()
    except httpx.HTTPError as error:
        return way.failure(error)


@contextmanager
def _usable_addresses(endpoint: Endpoint, proxy: Proxy | None) -> Iterator[None]:
    """Raise `UsageError` for a base URL or a proxy that httpx cannot take; neither is shown."""
    try:
        httpx.Request("POST", endpoint.base_url)  # which also decodes the name of the host
    except (httpx.InvalidURL, ValueError):
        raise UsageError(
            "the base URL is not an http(s) address", hint=f"it looks like this: {DEFAULT_BASE_URL}"
        ) from None
    try:
        yield
    except (httpx.InvalidURL, ValueError, ImportError):
        if proxy is None:
            raise
        # The exception's text holds the proxy's address, and with it perhaps a password.
        raise unusable(proxy.origin, "cannot be used") from None


def tls_context(endpoint: Endpoint, ca_file: Path | None) -> ssl.SSLContext:
    """How the server's certificate is judged; raises `UsageError` for a CA bundle that cannot be read."""
    if endpoint.base_url.startswith("http://") and ca_file is None:
        # Loading a CA bundle costs 20 ms that plain HTTP on loopback need not pay.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Python would write the session keys there, and whoever has them can read health records.
    os.environ.pop("SSLKEYLOGFILE", None)
    if ca_file is not None:
        return trusting(ca_file)
    try:
        return httpx.create_ssl_context()
    except OSError:  # ssl.SSLError is one
        raise unreadable("in SSL_CERT_FILE") from None


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def _is_tls_refusal(error: BaseException) -> TypeGuard[ssl.SSLError]:
    # An EOF in mid-handshake is a network fault like any other cut; all else in TLS is a refusal.
    return isinstance(error, ssl.SSLError) and not isinstance(
        error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)
    )
