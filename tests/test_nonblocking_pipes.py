"""Pipes that others made non-blocking, as Node and ssh do; and bodies from them, which are UTF-8 always."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import TOKEN, Ended, Ours, StartSandbox
from waiting import wait_for


def through_a_nonblocking_pipe(words: Sequence[str], *pieces: bytes) -> Ended:
    """Each piece comes a while after the one before."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with subprocess.Popen(
        [sys.executable, "-m", "ours_cli", *words],
        stdin=reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(reader)
        for piece in pieces:
            threading.Event().wait(0.5)
            os.write(writer, piece)
        os.close(writer)
        out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out.decode(), err.decode())


def test_lines_that_are_not_there_yet(sandbox: StartSandbox) -> None:
    place = sandbox()
    pieces = (b'{"event": "A", "externalId": "c"}\n{"event": "B', b'", "externalId": "c"}\n')
    ended = through_a_nonblocking_pipe(["track", "-"], *pieces)
    assert (ended.code, ended.err) == (0, "")
    assert [event.event for event in place.events()] == ["A", "B"]


def test_a_body_and_a_token_that_are_not_there_yet(
    sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = sandbox()
    assert (
        through_a_nonblocking_pipe(["track", "--data", "@-"], b'{"event": "A", ', b'"email": "e"}').code == 0
    )
    monkeypatch.delenv("OURS_PRIVACY_TOKEN")
    words = ["track", "B", "--email", "e", "--token-file", "-"]
    assert through_a_nonblocking_pipe(words, TOKEN.encode(), b"\n").code == 0
    assert [event.event for event in place.events()] == ["A", "B"]


def test_rejects_wait_for_a_slow_reader(sandbox: StartSandbox, tmp_path: Path) -> None:
    """More of them than a pipe holds."""
    sandbox()
    rows = tmp_path / "rows.ndjson"
    rows.write_text('{"event": "A", "eventProperties": {"text": "' + "x" * 200 + '"}}\n' * 2000)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with subprocess.Popen(
        [sys.executable, "-m", "ours_cli", "batch", rows, "--rejects", "-", "-o", "json"],
        stdout=writer,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(writer)
        with open(reader, "rb", buffering=0) as stream:
            pieces = []
            while piece := stream.read(4096):
                threading.Event().wait(0.01)
                pieces.append(piece)
            rejects = b"".join(pieces).splitlines()
        assert process.stderr is not None
        result = json.loads(process.stderr.read())
    assert (process.returncode, result["rejected"], len(rejects)) == (3, 2000, 2000)


def test_a_result_waits_for_a_slow_reader(sandbox: StartSandbox) -> None:
    place = sandbox()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b" " * 4096)
    words = [sys.executable, "-m", "ours_cli", "track", "A", "--external-id", "c"]
    with subprocess.Popen(words, stdout=writer) as process:
        os.close(writer)
        wait_for(lambda: list(place.events()))
        threading.Event().wait(1)
        with open(reader, "rb") as stream:
            assert stream.read().strip().startswith(b"accepted: A ")
    assert process.returncode == 0


def test_an_error_waits_for_a_slow_reader() -> None:
    """Of `track -` no other record of a refused line is left, and beside `--rejects -` it is the result."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    lines = b'{"event": "A"}\n' * 2000
    with subprocess.Popen(
        [sys.executable, "-m", "ours_cli", "track", "-", "--dry-run"], stdin=subprocess.PIPE, stderr=writer
    ) as process:
        os.close(writer)
        assert process.stdin is not None
        process.stdin.write(lines)
        process.stdin.close()
        threading.Event().wait(1.5)
        with open(reader, "rb") as stream:
            assert stream.read().count(b"error: line ") == 2000
    assert process.returncode == 3


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="Linux alone has them")
def test_an_output_that_knows_nothing_of_waiting(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    output = os.open(tmp_path / "out", os.O_PATH)
    words = [sys.executable, "-m", "ours_cli", "--version"]
    ended = subprocess.run(words, stdout=output, stderr=subprocess.PIPE, text=True)
    os.close(output)
    assert ended.returncode == 7
    assert ended.stderr.startswith("error: the result cannot be written: ")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["-", "body.json"])
def test_a_body_is_utf_8_whatever_the_locale(
    name: str, mark: bytes, ours_process: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    body = mark + '{"event": "Größe", "externalId": "c"}'.encode()
    Path("body.json").write_bytes(body)
    latin = {"PYTHONIOENCODING": "latin-1"}  # as in a Latin-1 locale, which few machines have
    ended = ours_process("track", "--data", f"@{name}", "--dry-run", stdin=body, env=latin)
    assert json.loads(ended.out)["event"] == "Größe"


def test_a_body_that_is_not_utf_8(ours_process: Ours) -> None:
    ended = ours_process("track", "--data", "@-", stdin=b'{"event": "Gr\xf6\xdfe", "externalId": "c"}')
    assert ended.code == 2
    assert "error: --data: standard input is not UTF-8\n" in ended.err
