"""Fault matrix: refused, unknown names, proxies, and answers that only a raw socket can give."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from faults_kit import (
    CONTACT_FLAGS,
    QUICK,
    Scripted,
    answer_bytes,
    assert_no_leak,
    contacts_file,
    free_port,
    ids,
    rows_file,
    scripted,
    settled,
    stored,
)

from ours_cli.doctor.finding import Finding, Level
from ours_cli.sandbox import Sandbox, SandboxOptions
from ours_cli.sending.http_client import ANSWER_BYTES_MAX

pytestmark = pytest.mark.usefixtures("quick_backoff")

PROXY_PASSWORD = "hunter2/proxy"


def test_refused_then_up(ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    box = Sandbox(SandboxOptions(port=port))

    def come_up(attempt: int) -> float:
        if attempt == 3:
            box.start()
        return 0

    monkeypatch.setattr("ours_cli.sending.stops.backoff", come_up)
    try:
        command = ("batch", rows_file(tmp_path, 5), "--base-url", f"http://127.0.0.1:{port}/api/v1", *QUICK)
        report = settled(ours(*command), 0, accepted=5)
        assert report["retries"] == 3
        assert stored(box) == ids(5)
    finally:
        box.stop()


def test_refused_for_ever(ours: Ours, tmp_path: Path) -> None:
    command = ("batch", rows_file(tmp_path, 5), "--base-url", f"http://127.0.0.1:{free_port()}/api/v1")
    report = settled(ours(*command, "-o", "json", "--give-up-after", 0.1), 5, unsent=5)
    assert "is refused" in report["error"]
    assert report["bytes"] == 0, "what had no connection was never sent"


@pytest.mark.parametrize("command", ["batch", "track"])
@pytest.mark.parametrize("flags", [(), ("-q",), ("-v",)])
def test_a_server_that_is_not_there_is_told_of_where_no_bar_is(
    ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, flags: tuple[str, ...]
) -> None:
    """Not only when --give-up-after ends, which may be hours later."""
    port = free_port()
    box = Sandbox(SandboxOptions(port=port))

    def comes_up(failures: int) -> float:
        if failures == 3:
            box.start()
        return 0.1

    monkeypatch.setattr("ours_cli.sending.stops.backoff", comes_up)
    monkeypatch.setattr("ours_cli.sending.stops.TOLD_AFTER_S", 0)
    rest = (rows_file(tmp_path, 5),) if command == "batch" else ("Purchase", "--external-id", "c1")
    try:
        ended = ours(command, *rest, "--base-url", f"http://127.0.0.1:{port}/api/v1", *QUICK, *flags)
    finally:
        box.stop()
    assert ended.code == 0
    lines = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
    trouble = f"the connection to 127.0.0.1:{port} is refused or fails"
    told = [f"{trouble}; trying on until it has lasted 20 s (--give-up-after)", "the server answers again"]
    if flags == ("-v",):
        assert lines.count(told[0]) == lines.count(told[1]) == 1
        assert any(line.startswith(f"{trouble}; next try in ") for line in lines)
    else:
        assert lines == ([] if flags else told)


@pytest.mark.parametrize("command", ["batch", "identify", "track"])
def test_name_not_found(ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    where = ("--base-url", "https://nowhere.invalid/api/v1", *QUICK)
    began = time.monotonic()
    if command == "track":
        ended = ours("track", "Purchase", "--external-id", "c1", *where)
        assert ended.code == 5
        assert_no_leak(ended)
    elif command == "identify":
        settled(ours("identify", contacts_file(tmp_path, 3), *CONTACT_FLAGS, *where), 5, unsent=3)
    else:
        assert settled(ours("batch", rows_file(tmp_path, 3), *where), 5, unsent=3)["bytes"] == 0
    assert time.monotonic() - began < 15, "three look-ups tell; nobody waits for --give-up-after"


@pytest.mark.parametrize("fault", ["name", "refused"])
@pytest.mark.parametrize("command", ["batch", "track", "doctor"])
def test_proxy_that_is_not_there(
    ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, command: str
) -> None:
    """The host of --base-url is never looked up here: what is wrong is the proxy, and what names it."""
    address = "nowhere.invalid:3128" if fault == "name" else f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("HTTPS_PROXY", f"http://proxy-user:{PROXY_PASSWORD.replace('/', '%2F')}@{address}")
    monkeypatch.setattr("ours_cli.commands.doctor.self_test", lambda: Finding("self-test", Level.ok, "."))
    rest = {
        "batch": (rows_file(tmp_path, 2), "--give-up-after", 0.1),
        "track": ("Purchase", "--external-id", "c1", "--give-up-after", 1),
        "doctor": (),
    }[command]
    if fault == "name":
        look_up = socket.getaddrinfo

        def no_such_proxy(host: Any, *rest: Any, **hints: Any) -> Any:
            if host in ("nowhere.invalid", b"nowhere.invalid"):
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return look_up(host, *rest, **hints)

        monkeypatch.setattr(socket, "getaddrinfo", no_such_proxy)
    ended = ours(command, *rest, "--base-url", "https://ingest.example.com/api/v1")
    said = ended.out + ended.err
    assert ended.code == 5, said
    where = "the name of" if fault == "name" else "the connection to"
    assert f"{where} the proxy {address} " in " ".join(said.split())
    assert "check HTTPS_PROXY" in said
    assert "check --base-url" not in said
    assert_no_leak(ended, PROXY_PASSWORD, PROXY_PASSWORD.replace("/", "%2F"))


@pytest.mark.parametrize(
    "host", ["a..b", "x" * 70 + ".example", "exa mple.invalid", "☃☃.test", "xn--zz99.test", "xn--ls8h.la"]
)
@pytest.mark.parametrize("command", ["batch", "track"])
def test_host_that_cannot_be_a_name(ours: Ours, tmp_path: Path, host: str, command: str) -> None:
    rest = (rows_file(tmp_path, 1),) if command == "batch" else ("Purchase", "--external-id", "c1")
    ended = ours(command, *rest, "--base-url", f"https://{host}/api/v1", *QUICK)
    assert ended.code in (2, 5), ended.err
    assert_no_leak(ended)


def test_body_of_the_answer_drips(ours: Ours, tmp_path: Path) -> None:
    """Headers immediately, then a byte at a time: no single read takes long, the whole half a minute."""

    def serve(server: Scripted, connection: socket.socket) -> None:
        while (body := server.read_request(connection)) is not None:
            rows = json.loads(body)["events"]
            results = [{"index": index, "success": True} for index, _ in enumerate(rows)]
            good = json.dumps({"success": True, "accepted": len(rows), "failed": 0, "results": results})
            head, separator, payload = answer_bytes(good.encode()).partition(b"\r\n\r\n")
            connection.sendall(head + separator)
            if server.connections > 1:
                connection.sendall(payload)
                continue
            for byte in payload:
                connection.sendall(bytes([byte]))
                time.sleep(0.25)

    with scripted(serve) as server:
        began = time.monotonic()
        command = ("batch", rows_file(tmp_path, 2), "--base-url", server.base_url, "--timeout", 0.4)
        settled(ours(*command, "-o", "json"), 0, accepted=2)
        assert time.monotonic() - began < 15
        assert server.connections >= 2


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/9.9 banana\r\n\r\n",
    ],
    ids=["nothing", "ssh", "cut in the body", "bad length", "bad chunks", "bad version"],
)
@pytest.mark.parametrize("command", ["batch", "track"])
def test_what_is_no_http_is_no_bug(ours: Ours, tmp_path: Path, reply: bytes, command: str) -> None:
    """Asked for ever, it is given up; asked once more, it is forgotten."""
    results = [{"index": index, "success": True} for index in range(2)]
    good = {"success": True, "accepted": 2, "failed": 0, "results": results}
    last = 0

    def serve(server: Scripted, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(reply if server.connections != last else answer_bytes(json.dumps(good).encode()))

    with scripted(serve) as server:
        rest = (rows_file(tmp_path, 2),) if command == "batch" else ("Purchase", "--external-id", "c1")
        ended = ours(command, *rest, "--base-url", server.base_url, "--give-up-after", 0.1, "-o", "json")
        assert ended.code == 5, ended.err
        assert_no_leak(ended)
        last = server.connections + 2
        assert ours(command, *rest, "--base-url", server.base_url, *QUICK).code == 0
        assert server.connections == last


@pytest.mark.parametrize("surplus", ["answer", "lines, answer", "half", "junk", "line end"])
@pytest.mark.parametrize("command", ["batch", "identify"])
def test_what_comes_behind_an_answer_is_never_the_next_ones(
    ours: Ours, tmp_path: Path, command: str, surplus: str
) -> None:
    """The second request on such a connection gets no answer: only the surplus could accept its rows.

    Where that is an answer as well, it may be the late one to an earlier request: neither is believed.
    """
    answered: set[str] = set()
    surplus_max = 3

    def serve(server: Scripted, connection: socket.socket) -> None:
        is_odd = server.connections <= surplus_max
        while (body := server.read_request(connection)) is not None:
            request = json.loads(body)
            rows = request.get("events") or [request]
            results = [{"index": index, "success": True} for index, _ in enumerate(rows)]
            good = {"success": True, "accepted": len(rows), "failed": 0, "results": results}
            answer = answer_bytes(json.dumps(good).encode())
            behind = {
                "answer": answer,
                "lines, answer": b"\r\n\r\n" + answer,
                "half": answer[: len(answer) // 2],
                "junk": b"junk\r\n\r\n",
                "line end": b"\r\n",
            }[surplus]
            connection.sendall(answer + behind if is_odd else answer)
            if surplus in ("junk", "line end") or not is_odd:
                answered.update(row["externalId"] for row in rows)
            if is_odd:
                server.read_request(connection)
                return

    with scripted(serve) as server:
        rest = {
            "batch": (rows_file(tmp_path, 20), "--batch-size", 5),
            "identify": (contacts_file(tmp_path, 20), *CONTACT_FLAGS),
        }[command]
        ended = ours(command, *rest, "--concurrency", 1, "--base-url", server.base_url, "-o", "json")
        settled(ended, 0, accepted=20)
        assert len(answered) == 20
        assert server.connections > surplus_max


@pytest.mark.parametrize("head", ["Content-Length: 200000000", "Transfer-Encoding: chunked", "Server: x"])
@pytest.mark.parametrize("command", ["batch", "track"])
def test_an_answer_without_end_is_not_the_apis(ours: Ours, tmp_path: Path, head: str, command: str) -> None:
    """Nor is it read to its end, five times over."""
    sent = [0]

    def serve(server: Scripted, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        part = b"10000\r\n" + b" " * 65536 + b"\r\n" if "chunked" in head else b" " * 65536
        for _ in range(200_000_000 // 65536):
            connection.sendall(part)
            sent[0] += len(part)

    with scripted(serve) as server:
        rest = (rows_file(tmp_path, 2),) if command == "batch" else ("Purchase", "--external-id", "c1")
        ended = ours(command, *rest, "--base-url", server.base_url, *QUICK)
        assert ended.code == 8, ended.err
        assert "the server answered 200 with more than the API ever says, 5 times in a row" in ended.err
        assert server.connections == 5
        assert sent[0] < 5 * (ANSWER_BYTES_MAX + (16 << 20)), "what the kernel's buffers hold comes on top"


def test_a_status_tells_even_where_its_body_is_too_large(ours: Ours, tmp_path: Path) -> None:
    def serve(server: Scripted, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 200000000\r\n\r\n")

    with scripted(serve) as server:
        settled(ours("batch", rows_file(tmp_path, 2), "--base-url", server.base_url, *QUICK), 4, unsent=2)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x", "broken"])
@pytest.mark.parametrize("command", ["batch", "track"])
def test_an_answer_that_was_compressed_on_its_way(
    ours: Ours, tmp_path: Path, encoding: str, command: str
) -> None:
    def serve(server: Scripted, connection: socket.socket) -> None:
        while (body := server.read_request(connection)) is not None:
            rows = json.loads(body).get("events", [])
            results = [{"index": index, "success": True} for index, _ in enumerate(rows)]
            good = {"success": True, "accepted": len(rows), "failed": 0, "results": results}
            plain = json.dumps(good).encode()
            compressed = zlib.compress(plain) if encoding == "deflate" else gzip.compress(plain)
            compressed = compressed[4:] if encoding == "broken" else compressed
            name = "gzip" if encoding == "broken" else encoding
            connection.sendall(answer_bytes(compressed, head=f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}"))

    with scripted(serve) as server:
        rest = (rows_file(tmp_path, 2),) if command == "batch" else ("Purchase", "--external-id", "c1")
        ended = ours(command, *rest, "--base-url", server.base_url, *QUICK)
    assert ended.code == (0 if encoding in ("gzip", "deflate") else 8), ended.err
    assert ("compressed" in ended.err) is (ended.code == 8)
    assert_no_leak(ended)


def test_a_bomb_in_an_answer_is_no_more_than_a_large_one(ours: Ours, tmp_path: Path) -> None:
    bomb = gzip.compress(b" " * (64 << 20))

    def serve(server: Scripted, connection: socket.socket) -> None:
        while server.read_request(connection) is not None:
            connection.sendall(answer_bytes(bomb, head="HTTP/1.1 200 OK\r\nContent-Encoding: gzip"))

    with scripted(serve) as server:
        report = settled(
            ours("batch", rows_file(tmp_path, 2), "--base-url", server.base_url, *QUICK), 8, unsent=2
        )
        assert "more than the API ever says" in report["error"]


@pytest.mark.parametrize(
    "address", ["http://api.example.com/api/v1", "http://10.0.0.7", "http://localhost.example"]
)
@pytest.mark.parametrize("command", ["batch", "track", "identify"])
def test_plain_http_to_another_machine_is_refused(
    ours: Ours, tmp_path: Path, address: str, command: str
) -> None:
    rest = {
        "batch": (rows_file(tmp_path, 1),),
        "track": ("Purchase", "--external-id", "c1"),
        "identify": (contacts_file(tmp_path, 1), *CONTACT_FLAGS),
    }[command]
    ended = ours(command, *rest, "--base-url", address)
    assert ended.code == 2
    assert "plain http" in ended.err
    assert_no_leak(ended)


def _through_proxy(port: int, scheme: str = "http") -> str:
    return f"{scheme}://proxy-user:{PROXY_PASSWORD.replace('/', '%2F')}@127.0.0.1:{port}"


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        b"",
        None,
    ],
    ids=["407", "502", "403", "cut", "refused"],
)
@pytest.mark.parametrize("command", ["batch", "track"])
def test_proxy_with_credentials_fails(
    ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: bytes | None, command: str
) -> None:
    def serve(server: Scripted, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(reply or b"")

    with scripted(serve) as server:
        port = free_port() if reply is None else server.port
        monkeypatch.setenv("HTTPS_PROXY", _through_proxy(port))
        rest = (rows_file(tmp_path, 2),) if command == "batch" else ("Purchase", "--external-id", "c1")
        where = (
            "--base-url",
            "https://ingest.example.com/api/v1",
            "--give-up-after",
            1,
            "-v",
            "-o",
            "json",
        )
        ended = ours(command, *rest, *where)
        assert ended.code == 5, ended.err
        assert_no_leak(ended, PROXY_PASSWORD, PROXY_PASSWORD.replace("/", "%2F"))
        assert command == "track" or ended.json["bytes"] == 0
        if reply is not None:
            assert bytes(server.seen).startswith(b"CONNECT ingest.example.com:443")
            assert b"events" not in server.seen
        if reply is not None and b"407" in reply:
            assert server.connections == 1


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (None, "from ingest.example.com:443 within 0.3 s (through"),
        (b"", "(through"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "(through"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "(through"),
        (b"HTTP/1.1 200 Then Reset\r\n\r\n", "(through"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "does not pass the request on"),
    ],
    ids=["silent", "cut", "rubbish", "cut behind it", "reset behind it", "502"],
)
@pytest.mark.parametrize("command", ["batch", "track", "identify"])
def test_proxy_that_does_not_do_its_work_is_named(
    ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: bytes | None, said: str, command: str
) -> None:
    def serve(server: Scripted, connection: socket.socket) -> None:
        server.read_request(connection)
        if reply is None:
            server.receive(connection)
        connection.sendall(reply or b"")
        if reply and b"Then Reset" in reply:
            server.receive(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with scripted(serve) as server:
        monkeypatch.setenv("HTTPS_PROXY", _through_proxy(server.port))
        rest = {
            "batch": (rows_file(tmp_path, 2),),
            "track": ("Purchase", "--external-id", "c1"),
            "identify": (contacts_file(tmp_path, 2), *CONTACT_FLAGS),
        }[command]
        where = ("--base-url", "https://ingest.example.com/api/v1")
        timeout = 30 if reply and b"502" in reply else 0.3
        ended = ours(command, *rest, *where, "--timeout", timeout, "--give-up-after", 0.4)
        text = " ".join(ended.err.split())
        assert ended.code == 5, text
        assert said in text
        assert f"the proxy 127.0.0.1:{server.port}" in text
        assert "check HTTPS_PROXY" in text
        assert_no_leak(ended, PROXY_PASSWORD, PROXY_PASSWORD.replace("/", "%2F"))


@pytest.mark.parametrize("scheme", ["socks5", "gopher"])
@pytest.mark.parametrize(
    "command", [("batch",), ("batch", "--workers", "2"), ("track", "Purchase", "--external-id", "c1")]
)
def test_proxy_of_a_kind_that_is_not_known(
    ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, command: tuple[str, ...]
) -> None:
    """Said before a row is read: there is nothing to report."""
    monkeypatch.setenv("HTTPS_PROXY", _through_proxy(1080, scheme))
    files = (rows_file(tmp_path, 2),) if "batch" in command else ()
    ended = ours(*command, *files, "--base-url", "https://ingest.example.com/api/v1")
    assert (ended.code, ended.out) == (2, "")
    assert "proxy" in ended.err
    assert "read" not in ended.err
    assert_no_leak(ended, PROXY_PASSWORD, PROXY_PASSWORD.replace("/", "%2F"))


@pytest.mark.parametrize(
    "address",
    [
        "http://{}@127.0.0.1:99999",
        "{}@127.0.0.1:99999",
        "http://{}@127.0.0.1:0",
        "http://{}@127.0.0.1:x",
        "http://{}@:3128",
        "http://{}@[::1",
        "http://user:12/{}@127.0.0.1:3128",
    ],
)
@pytest.mark.parametrize("variable", ["https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "command", [("batch",), ("batch", "--workers", "2"), ("track", "Purchase", "--external-id", "c1")]
)
def test_proxy_that_cannot_be_one(
    ours: Ours,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    variable: str,
    command: tuple[str, ...],
) -> None:
    """A mistake in the environment, said before a row is read, by the name of the variable."""
    monkeypatch.setenv(variable, address.format(f"proxy-user:{PROXY_PASSWORD.replace('/', '%2F')}"))
    files = (rows_file(tmp_path, 2),) if "batch" in command else ()
    ended = ours(*command, *files, "--base-url", "https://ingest.example.com/api/v1")
    assert (ended.code, ended.out) == (2, "")
    assert f"error: the proxy in {variable} " in ended.err
    assert f"hint: {variable}=http://HOST:PORT" in ended.err
    assert "arrived" not in ended.err
    assert_no_leak(ended, PROXY_PASSWORD, PROXY_PASSWORD.replace("/", "%2F"), "user:12")


def test_a_sandbox_on_this_machine_is_never_asked_through_a_proxy(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, _through_proxy(free_port()))
    box = sandbox()
    settled(ours("batch", rows_file(tmp_path, 2), *QUICK), 0, accepted=2)
    assert stored(box) == ids(2)
