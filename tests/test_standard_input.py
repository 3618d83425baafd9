"""Standard input of `track` and of the token: pipes that have nothing yet, and text that is always UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import TOKEN, Ended, Ours, StartSandbox


def through_a_nonblocking_pipe(words: Sequence[str], *pieces: bytes) -> Ended:
    """As Node and ssh leave pipes behind; each piece comes a while after the one before."""
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
