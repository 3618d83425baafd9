"""Fault matrix: redirects are never followed, and no byte of a body goes to a server that is not trusted."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import Ended, Ours, StartSandbox
from faults_kit import (
    ALWAYS,
    CONTACT_FLAGS,
    QUICK,
    Scripted,
    answer_bytes,
    assert_no_leak,
    contacts_file,
    fault,
    request_count,
    rows_file,
    scripted,
    settled,
)

from ours_cli.sandbox import Then

pytestmark = pytest.mark.usefixtures("quick_backoff")


@pytest.mark.parametrize("code", [300, 301, 302, 303, 304, 307, 308])
def test_redirect_to_another_host(ours: Ours, sandbox: StartSandbox, tmp_path: Path, code: int) -> None:
    other = sandbox()
    box = sandbox(fault(ALWAYS, Then("redirect", url=f"{other.base_url}/batch", status=code)))
    command = ("batch", rows_file(tmp_path, 20), "--batch-size", 2, *QUICK)
    report = settled(ours(*command), 8, unsent=None)
    assert str(code) in report["error"]
    assert request_count(box) == 1
    assert request_count(other) == 0


@pytest.mark.parametrize("command", ["track", "identify"])
@pytest.mark.parametrize("code", [301, 307])
def test_redirect_of_a_single_event(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, command: str, code: int
) -> None:
    other = sandbox()
    box = sandbox(fault(ALWAYS, Then("redirect", url=f"{other.base_url}/{command}", status=code)))
    rest = ("Purchase",) if command == "track" else ("-u", "first_name=Ada")
    ended = ours(command, *rest, "--external-id", "c1", *QUICK)
    assert ended.code == 8
    assert_no_leak(ended)
    assert (request_count(box), request_count(other)) == (1, 0)


class Certificate(NamedTuple):
    pem: Path
    key: Path


_ELSEWHERE = "api.example.com"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates, and there is none")
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Certificate:
    made = Certificate(folder / "ca.pem", folder / "ca.key")
    _openssl(
        "req",
        "-x509",
        *_NEW_KEY,
        "-keyout",
        made.key,
        "-out",
        made.pem,
        "-days",
        2,
        "-subj",
        "/CN=Test CA",
        "-addext",
        "keyUsage=critical,keyCertSign",
    )
    return made


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def _issue(
    folder: Path, authority: Certificate, name: str, *, host: str = "IP:127.0.0.1", expired: bool = False
) -> Certificate:
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    # Python 3.13 verifies strictly: without these identifiers even a good one is refused.
    identifiers = "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    extensions.write_text(f"subjectAltName={host}\n{identifiers}")
    _openssl("req", *_NEW_KEY, "-keyout", made.key, "-out", request, "-subj", "/CN=localhost")
    (folder / "index.txt").write_text("")
    config = folder / "ca.conf"
    config.write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=any\nrand_serial=yes\n[any]\ncommonName=supplied\n"
    )
    end = "20200102000000Z" if expired else "20400101000000Z"
    _openssl(
        *("ca", "-batch", "-notext", "-config", config, "-cert", authority.pem, "-keyfile", authority.key),
        *("-startdate", "20200101000000Z", "-enddate", end, "-extfile", extensions),
        *("-in", request, "-out", made.pem),
    )
    return made


@pytest.fixture(scope="module")
def certificates(folder: Path, authority: Certificate) -> dict[str, Certificate]:
    alone = Certificate(folder / "alone.pem", folder / "alone.key")
    _openssl(
        *("req", "-x509", *_NEW_KEY, "-keyout", alone.key, "-out", alone.pem, "-days", 2),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
    )
    return {
        "good": _issue(folder, authority, "good"),
        "self-signed": alone,
        "expired": _issue(folder, authority, "expired", expired=True),
        "wrong host": _issue(folder, authority, "wrong", host=f"DNS:{_ELSEWHERE}"),
    }


@contextmanager
def tls_server(certificate: Certificate) -> Iterator[Scripted]:
    """Answers well over TLS; `seen` has only what came through the encryption."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.pem, certificate.key)

    def serve(server: Scripted, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            while (body := server.read_request(secure)) is not None:
                rows = json.loads(body).get("events", [])
                results = [{"index": index, "success": True} for index, _ in enumerate(rows)]
                good = {"success": True, "accepted": len(rows), "failed": 0, "results": results}
                secure.sendall(answer_bytes(json.dumps(good).encode()))

    with scripted(serve) as server:
        yield server


def _send(
    ours: Ours, tmp_path: Path, command: str, server: Scripted, *flags: str | Path, origin: str | None = None
) -> Ended:
    rest = {
        "batch": (rows_file(tmp_path, 20), "--batch-size", "2"),
        "track": ("Purchase", "--external-id", "c1"),
        "identify": (contacts_file(tmp_path, 3), *CONTACT_FLAGS),
    }[command]
    origin = origin or f"https://127.0.0.1:{server.port}"
    return ours(command, *rest, "--base-url", f"{origin}/api/v1", *flags, *QUICK)


@pytest.mark.parametrize("command", ["batch", "track", "identify"])
def test_good_certificate_of_a_company_ca(
    ours: Ours, tmp_path: Path, certificates: dict[str, Certificate], authority: Certificate, command: str
) -> None:
    with tls_server(certificates["good"]) as server:
        ended = _send(ours, tmp_path, command, server, "--ca-file", authority.pem)
        assert ended.code == 0, ended.err
        assert b"POST /api/v1/" in server.seen


@pytest.mark.parametrize("command", ["batch", "track", "identify"])
def test_through_a_proxy(
    ours: Ours,
    tmp_path: Path,
    certificates: dict[str, Certificate],
    authority: Certificate,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    """The proxy sees the server's name, and not a byte of what goes through it."""
    with tls_server(certificates["wrong host"]) as server:

        def serve(proxy: Scripted, connection: socket.socket) -> None:
            proxy.read_request(connection)
            with socket.create_connection(("127.0.0.1", server.port)) as onward:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pump, args=(onward, connection), daemon=True)
                back.start()
                while part := proxy.receive(connection):
                    onward.sendall(part)

        with scripted(serve) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            ended = _send(
                ours, tmp_path, command, server, "--ca-file", authority.pem, origin=f"https://{_ELSEWHERE}"
            )
            assert ended.code == 0, ended.err
            assert bytes(proxy.seen).startswith(f"CONNECT {_ELSEWHERE}:443 HTTP/1.1\r\n".encode())
            assert b"POST" not in proxy.seen
            assert b"POST /api/v1/" in server.seen


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)


@pytest.mark.parametrize(
    ("kind", "why", "advice"),
    [
        ("self-signed", "self-signed certificate", "--ca-file names a company's own CA"),
        ("expired", "certificate has expired", "the server's must be renewed"),
        ("wrong host", "ddress mismatch", "--base-url must name the host as its certificate does"),
        ("good", "unable to get local issuer certificate", "--ca-file names a company's own CA"),
    ],
)
@pytest.mark.parametrize("command", ["batch", "track", "identify"])
def test_certificate_that_is_not_to_be_trusted(
    ours: Ours,
    tmp_path: Path,
    certificates: dict[str, Certificate],
    authority: Certificate,
    kind: str,
    why: str,
    advice: str,
    command: str,
) -> None:
    # The good one is issued by an authority that nobody trusts unless told so.
    flags = () if kind in ("good", "self-signed") else ("--ca-file", authority.pem)
    with tls_server(certificates[kind]) as server:
        ended = _send(ours, tmp_path, command, server, *flags)
        assert ended.code == 8, ended.err
        assert_no_leak(ended)
        assert "the server's certificate is not to be trusted: " in ended.err
        assert why in ended.err
        assert f"hint: nothing was sent; {advice}" in ended.err
        assert bytes(server.seen) == b""
        assert server.connections == 1
        if command != "track":
            assert settled(ended, 8, unsent=None)["bytes"] == 0, "nothing was sent"


@pytest.mark.parametrize("command", ["batch", "track"])
def test_https_to_a_server_that_speaks_no_tls(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, command: str
) -> None:
    box = sandbox()
    address = box.base_url.replace("http://", "https://")
    rest = (rows_file(tmp_path, 2),) if command == "batch" else ("Purchase", "--external-id", "c1")
    ended = ours(command, *rest, "--base-url", address, *QUICK)
    assert ended.code == 8
    assert "error: no TLS with the server: " in ended.err
    assert "hint: nothing was sent; does it speak HTTPS at this port?" in ended.err
    assert_no_leak(ended)
    assert request_count(box) == 0


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["", "dry run"])
@pytest.mark.parametrize("command", ["batch", "track"])
def test_ca_file_that_holds_no_certificate(
    ours: Ours, tmp_path: Path, command: str, dry: tuple[str, ...]
) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    rest = (rows_file(tmp_path, 2),) if command == "batch" else ("Purchase", "--external-id", "c1")
    ended = ours(
        *(command, *rest, "--base-url", "https://127.0.0.1:9/api/v1", "--ca-file", tmp_path / "ca.pem"),
        *(*QUICK, *dry),
    )
    assert ended.code == 2
    assert "cannot be read as certificates" in ended.err
    assert "may have arrived" not in ended.err
    assert_no_leak(ended)


def test_no_session_keys_are_written(
    ours: Ours,
    tmp_path: Path,
    certificates: dict[str, Certificate],
    authority: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With SSLKEYLOGFILE Python would write down what decrypts the health records on the wire."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with tls_server(certificates["good"]) as server:
        assert _send(ours, tmp_path, "batch", server, "--ca-file", authority.pem).code == 0
        monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
        assert _send(ours, tmp_path, "track", server, "--ca-file", authority.pem).code == 0
    assert not (tmp_path / "keys").exists()
