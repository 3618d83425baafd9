"""Connecting to the server, step by step and timed: name, connection, TLS. Nothing is sent."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ours_cli.sending.authorities import refusal

Step: TypeAlias = Literal["dns", "connect", "tls"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One step: how long it took in seconds, what it found, or `trouble`, with a `hint` where one is known.

    `ends_s` is when the server's certificate ends, in seconds since the epoch.
    """

    step: Step
    seconds: float
    detail: str = ""
    trouble: str | None = None
    hint: str | None = None
    ends_s: float | None = None


def probe(host: str, port: int, tls: ssl.SSLContext | None, timeout: float) -> Iterator[Measured]:
    """Connect to the server; the first step that fails is the last."""
    started = time.monotonic()
    addresses = _look_up(host, port, timeout)
    seconds = time.monotonic() - started
    if isinstance(addresses, str):
        yield Measured("dns", seconds, trouble=addresses)
        return
    yield Measured("dns", seconds, ", ".join(dict.fromkeys(addresses)))
    started = time.monotonic()
    try:
        connection = socket.create_connection((host, port), timeout)
    except OSError as error:
        trouble = f"no connection to {host} port {port}: {_reason(error)}"
        yield Measured("connect", time.monotonic() - started, trouble=trouble)
        return
    with connection:
        yield Measured("connect", time.monotonic() - started, f"{connection.getpeername()[0]} port {port}")
        if tls is not None:
            yield _shake_hands(connection, host, tls)


def _look_up(host: str, port: int, timeout: float) -> list[str] | str:
    """Addresses of the host, or why there are none. A silent name server is given `timeout` seconds."""
    found: list[list[Any] | Exception] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout)
    if not found:
        return f"no answer from the name server within {timeout:g} s"
    answer = found[0]
    if isinstance(answer, Exception):
        return f"the name {host} cannot be resolved"
    return [str(entry[4][0]) for entry in answer]


def _shake_hands(connection: socket.socket, host: str, tls: ssl.SSLContext) -> Measured:
    started = time.monotonic()
    try:
        with tls.wrap_socket(connection, server_hostname=host) as wrapped:
            certificate = wrapped.getpeercert() or {}
            ends = certificate.get("notAfter")
            return Measured(
                "tls",
                time.monotonic() - started,
                str(wrapped.version()),
                ends_s=float(ssl.cert_time_to_seconds(ends)) if isinstance(ends, str) else None,
            )
    except ssl.SSLError as error:
        trouble, hint = refusal(error)
    except (OSError, ValueError) as error:
        trouble, hint = f"no TLS with the server: {_reason(error)}", None
    return Measured("tls", time.monotonic() - started, trouble=trouble, hint=hint)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__
