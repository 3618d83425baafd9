"""What the fault tests share: rows with a planted marker, the books, the sandbox's own log, the leaks."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from conftest import TOKEN, Ended

from ours_cli.sandbox import Fault, Sandbox, Then, When

MARKER = 'Zoë "ward 7" 3b9e'
"""Stands in the values of every row: health data that may be in requests and rejects files only."""

ALWAYS = When()
FIRST = When(nth=(1,))
QUICK = ("--timeout", "5", "--give-up-after", "20", "-o", "json")
"""Flags under which a fault that heals ends well, and quickly."""


def ids(count: int) -> list[str]:
    return [f"d-{number:04}" for number in range(1, count + 1)]


def rows_file(folder: Path, count: int, *, event: str = "Purchase", pad: int = 0) -> Path:
    """An NDJSON file of `count` rows; `pad` characters make each of them larger."""
    path = folder / "rows.ndjson"
    rows = [
        {
            "event": event,
            "distinctId": name,
            "externalId": f"p-{name}",
            "eventProperties": {"note": MARKER, "line": line, "pad": "x" * pad},
        }
        for line, name in enumerate(ids(count), 1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def contacts_file(folder: Path, count: int) -> Path:
    """A CSV file for `identify FILE`; pass `CONTACT_FLAGS` with it."""
    path = folder / "contacts.csv"
    marker = MARKER.replace('"', '""')
    lines = [f'c-{number},"{marker}"' for number in range(1, count + 1)]
    path.write_text("\n".join(["id,name", *lines]) + "\n", "utf-8")
    return path


CONTACT_FLAGS = ("--external-id", "{id}", "-u", "first_name={name}")


def status(code: int, *, headers: dict[str, str] | None = None, body: Any = None) -> Then:
    return Then("status", status=code, headers=headers or {}, body=body)


def fault(when: When, then: Then | str, times: int | None = None) -> Fault:
    return Fault(when, Then(then) if isinstance(then, str) else then, times)


def settled(
    ended: Ended, code: int, *, accepted: int = 0, rejected: int = 0, unsent: int | None = 0
) -> dict[str, Any]:
    """Hold the exit code and the books of a run with `-o json`, and that nothing leaked; returns the report.

    `unsent` None is any number: how far a run had read when it stopped is not always sure.
    """
    assert_no_leak(ended)
    assert ended.code == code, ended.err
    report = ended.json
    assert report["accepted"] == accepted
    assert report["rejected"] == rejected
    assert report["unsent"] == (report["unsent"] if unsent is None else unsent)
    assert report["read"] == accepted + rejected + report["filtered"] + report["unsent"]
    assert (report["resume"] is None) == (code in (0, 3, 9))
    return report


def stored(box: Sandbox) -> list[str]:
    """The distinctIds in the sandbox's own log; the sandbox itself keeps each only once."""
    return sorted(event.distinct_id for event in box.events())


def sent_rows(box: Sandbox) -> Counter[str | None]:
    """How often each row travelled."""
    return Counter(name for request in box.requests() for name in request.distinct_ids)


def request_count(box: Sandbox) -> int:
    return box.totals().requests


def reject_lines(report: dict[str, Any]) -> list[dict[str, Any]]:
    text = Path(report["rejects_file"]).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def assert_no_leak(ended: Ended, *more: str) -> None:
    """Neither the token nor a row's value is on stdout or stderr, plain or in a disguise."""
    for secret in (TOKEN, MARKER, *more):
        for disguise in _disguises(secret):
            assert disguise not in ended.out, f"{secret!r} on stdout"
            assert disguise not in ended.err, f"{secret!r} on stderr"
    assert "Traceback" not in ended.err


def _disguises(secret: str) -> set[str]:
    raw = secret.encode()
    found = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(raw)[2:-1]}
    found |= {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    for shift in range(3):
        # Amid other text the encoding depends on the position; the middle of each of the three is fixed.
        found |= {encode(b"\0" * shift + raw).decode()[4:-4] for encode in _BASE64}
    return found


_BASE64 = (base64.b64encode, base64.urlsafe_b64encode)


class Scripted:
    """A server for what no HTTP server does: `serve` talks on each raw connection, one after another.

    `seen` gathers all bytes that arrived, whatever they were.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.seen = bytearray()
        self.connections = 0
        self._listener = listener

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    def read_request(self, connection: socket.socket) -> bytes | None:
        """Read one POST and return its body; None when there is none."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (part := self.receive(connection)):
                return None
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
        while missing > 0:
            if not (part := self.receive(connection)):
                return None
            body += part
            missing -= len(part)
        return body

    def receive(self, connection: socket.socket) -> bytes:
        part = connection.recv(65536)
        self.seen += part
        return part


@contextmanager
def scripted(serve: Any) -> Iterator[Scripted]:
    """Run `serve(server, connection)` for each connection, in threads, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Scripted(listener)

        def talk(connection: socket.socket) -> None:
            with connection:
                try:
                    serve(server, connection)
                except OSError:
                    return

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                server.connections += 1
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server
        # Closing alone would not wake the thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)


def answer_bytes(body: bytes, *, head: str = "HTTP/1.1 200 OK") -> bytes:
    lines = [head, "Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def free_port() -> int:
    """A port that nobody listens on.

    It lies below those that systems give to whoever asks for any, so that nobody gets it meanwhile.
    """
    while True:
        # Hypothesis seeds `random`: processes beside one another would all try the same.
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
