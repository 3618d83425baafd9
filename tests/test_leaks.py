"""A marker in every row, a token in every place, everything fails in turn at -v: neither is found anywhere.

Searched are all output and every file that was written, in every encoding that could carry them. A row's
values may stand in rejects files, and there alone; the token nowhere.
"""

from __future__ import annotations

import base64
import html
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from conftest import TOKEN, Ended, Ours, StartSandbox
from faults_kit import free_port
from kills_kit import drive
from rows import iso

from ours_cli.sandbox import Fault, Then, When

MARKER = 'Zoë "ward 7" <3b9e>'
"""Not ASCII, quoted and bracketed, so that each encoding of it differs from the others."""


def disguises(secret: str) -> set[bytes]:
    """Every form in which a program may write a text by accident. Compared in lower case."""
    texts = {secret, html.escape(secret), quote(secret), quote(secret, safe=""), quote_plus(secret)}
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        texts |= {once, json.dumps(once, ensure_ascii=ascii_only)[1:-1]}
    texts |= {repr(secret)[1:-1], ascii(secret)[1:-1], repr(secret.encode())[2:-1]}
    found = {form for text in texts for form in _encoded(text)}
    for raw in _encoded(secret):
        found |= {raw.hex().encode(), b" ".join(b"%02x" % byte for byte in raw)}
        for shift in range(3):
            # Amid other bytes the letters depend on the position; those in the middle are sure.
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                found.add(encode(b"\0" * shift + raw)[4:-4])
    return {form.lower() for form in found}


def _encoded(text: str) -> Iterator[bytes]:
    for codec in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
        yield text.encode(codec)


FORMS = {secret: disguises(secret) for secret in (MARKER, TOKEN)}


def leaks(content: bytes, secret: str) -> bool:
    lower = content.lower()
    return any(form in lower for form in FORMS[secret])


def assert_nothing_leaked(ended: Ended, folder: Path, *given: Path) -> None:
    """Search the output, and every file below `folder` but those that were `given`."""
    for name, text in (("stdout", ended.out), ("stderr", ended.err)):
        assert "Traceback" not in text, text
        for secret in FORMS:
            assert not leaks(text.encode("utf-8", "surrogateescape"), secret), f"{secret} on {name}: {text}"
    for path in folder.rglob("*"):
        assert not leaks(str(path).encode(), MARKER), path
        if not path.is_file() or path in given:
            continue
        content = path.read_bytes()
        assert not leaks(content, TOKEN), path
        assert path.name.startswith("rejects") or not leaks(content, MARKER), path


def without_the_servers_words(ended: Ended) -> Ended:
    """Of one event, -v shows the server's words: they may quote the event, never the token."""
    lines = ended.err.splitlines(keepends=True)
    own = [line for line in lines if not line.startswith("the server says: ")]
    assert len(own) >= len(lines) - 1
    assert not leaks(ended.err.encode("utf-8", "surrogateescape"), TOKEN)
    return replace(ended, err="".join(own))


@pytest.mark.parametrize("secret", FORMS)
@pytest.mark.parametrize(
    "write",
    [
        str.encode,
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("latin-1"),
        lambda text: json.dumps({"a": text}).encode(),
        lambda text: json.dumps(json.dumps({"a": text})).encode(),
        lambda text: quote(f"a={text}&b").encode(),
        lambda text: f"a b={quote_plus(text)}".encode(),
        lambda text: base64.b64encode(f"user:{text}!".encode()),
        lambda text: base64.b64encode(f"users:{text}".encode()),
        lambda text: base64.urlsafe_b64encode(f"{text}, ".encode()),
        lambda text: f"x{text}x".encode().hex().upper().encode(),
        lambda text: repr(ValueError(f"a {text}")).encode(),
        lambda text: repr({"a": f"{text}'s".encode()}).encode(),
        lambda text: html.escape(f"<{text}>").encode(),
    ],
)
def test_the_search_finds(secret: str, write: Any) -> None:
    assert leaks(write(f"{secret}"), secret)


ECHO = {"error": f"{MARKER} {TOKEN}", "message": f"{MARKER} {TOKEN}"}
"""A server, or something on the way to it, that repeats what it was sent."""

FAILURES: dict[str, Then] = {
    **{
        f"status {code}": Then("status", status=code, body=ECHO)
        for code in (401, 403, 404, 413, 415, 429, 500, 503)
    },
    "status 400": Then("status", status=400, body={"error": MARKER}),
    "status 418 with text": Then("status", status=418, body=f"{MARKER} {TOKEN}"),
    "200 that is none": Then("status", status=200, body=ECHO),
    "header": Then("status", status=503, headers={"Retry-After": TOKEN, "X-Token": TOKEN}, body=ECHO),
    "redirect": Then("redirect", url=f"http://{TOKEN}.example/?t={TOKEN}&v={quote(MARKER)}"),
    "invalid_event": Then("invalid_event", message=MARKER),
    "queue_failed": Then("queue_failed", message=f"{MARKER} {TOKEN}"),
    **{
        kind: Then(kind)
        for kind in ("html", "empty", "reset", "accept_then_cut", "truncate", "results_missing")
    },
    "hang": Then("hang", seconds=5),
}

COMMANDS = {
    "batch": ("batch", "rows.ndjson"),
    "backfill": (
        "backfill",
        "rows.csv",
        "--event",
        "E",
        "--external-id",
        "{who}",
        "--time",
        "{time}",
        "-p",
        "*",
    ),
    "identify": ("identify", "rows.csv", "--external-id", "{who}", "-u", "first_name={note}"),
    "track": ("track", "E", "--external-id", MARKER, "-p", f"note={MARKER}"),
}
IMPATIENT = ("-v", "--timeout", "0.5", "--give-up-after", "0.2")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run, with their files; temporary files go here too."""
    folder = tmp_path / "here"
    folder.mkdir()
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    row = {"event": "E", "externalId": MARKER, "eventProperties": {"note": MARKER}}
    lines = [json.dumps(row)] * 3 + [json.dumps({"event": MARKER}), f'{{"{MARKER}', f'{{"a":"{MARKER}\x00"}}']
    (folder / "rows.ndjson").write_text("\n".join(lines) + "\n")
    cell = MARKER.replace('"', '""')
    good = f'"{cell}","{cell}",{iso(1)}\n'
    table = f'who,note,time\n{good}{good},"{cell}",{iso(1)}\n"{cell}","{cell}","{cell}"\n"{cell}\n'
    (folder / "rows.csv").write_text(table)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.usefixtures("quick_backoff")
def test_the_server_fails(
    ours: Ours, sandbox: StartSandbox, folder: Path, tmp_path: Path, failure: str, command: str
) -> None:
    sandbox(Fault(When(), FAILURES[failure]))
    ended = ours(*COMMANDS[command], *IMPATIENT)
    # What is wrong with the results of a batch means nothing to /track.
    assert ended.code in (3, 4, 5, 8) or (command, failure) == ("track", "results_missing"), ended.err
    if command == "track":
        ended = without_the_servers_words(ended)
    assert_nothing_leaked(ended, tmp_path, folder / "rows.ndjson", folder / "rows.csv")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("way", ["refused", "proxy", "name"])
@pytest.mark.usefixtures("quick_backoff")
def test_the_way_fails(
    ours: Ours, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, command: str
) -> None:
    if way == "refused":
        monkeypatch.setenv("OURS_PRIVACY_BASE_URL", f"http://127.0.0.1:{free_port()}/api/v1")
    else:
        monkeypatch.setenv("OURS_PRIVACY_BASE_URL", "https://nowhere.invalid/api/v1")
    if way == "proxy":
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:{TOKEN}@127.0.0.1:{free_port()}")
    ended = ours(*COMMANDS[command], *IMPATIENT)
    assert ended.code == 5, ended.err
    assert_nothing_leaked(ended, tmp_path, folder / "rows.ndjson", folder / "rows.csv")


BUGS = (
    "ours_cli.assembly.event_assembler:EventAssembler.__call__",
    "ours_cli.events.chunk:Chunker.add",
    "ours_cli.sending.http_client:AsyncPoster.post",
    "ours_cli.sending.http_client:AsyncPoster.aclose",
    "ours_cli.sending.settlement:Settlement.apply",
    "ours_cli.pipeline:_Run._settle",
    "ours_cli.pipeline:_Run._enter",
    "ours_cli.rejects.rejects:Rejects.write",
    "ours_cli.rejects.rejects:Rejects.sync",
    "ours_cli.runs.journal:Journal.commit",
    "ours_cli.runs.attempt:JournaledAttempt.end",
    "ours_cli.feed:_Box.take",
    "ours_cli.console:Console.result",
)


@pytest.mark.parametrize("bug", BUGS)
def test_the_program_fails(sandbox: StartSandbox, folder: Path, tmp_path: Path, bug: str) -> None:
    """A bug wherever it may be: one line, exit 1, and nothing of what the exception holds."""
    sandbox(Fault(When(every_row=2), Then("invalid_event", message=MARKER)))
    spec = {"bug_at": bug, "nth": 1, "secret": f"{MARKER} {TOKEN}"}
    source = "/dev/stdin" if bug.startswith("ours_cli.feed") else "rows.ndjson"
    ended = drive(spec, "batch", source, "-v", stdin=(folder / "rows.ndjson").read_text())
    assert ended.code == 1, ended.err
    assert "a bug" in ended.err
    assert_nothing_leaked(ended, tmp_path, folder / "rows.ndjson", folder / "rows.csv")


@pytest.mark.usefixtures("quick_backoff")
def test_the_run_fails_and_goes_on(ours: Ours, sandbox: StartSandbox, folder: Path, tmp_path: Path) -> None:
    """Stopped, edited, listed, shown, resumed: all that is said and kept on the way."""
    sandbox(Fault(When(nth=(2,)), Then("status", status=401, body=ECHO)))
    file = folder / "rows.ndjson"
    given = (file, folder / "rows.csv")
    command = ("batch", "rows.ndjson", "--batch-size", "1", "--concurrency", "1", "-v", "--report", "r.json")
    assert ours(*command).code == 4
    sound = file.read_text()
    for words, text, code in (
        (command, sound.replace('"E"', '"F"'), 6),
        (("runs", "list"), sound, 0),
        (("runs", "list", "-o", "json"), sound, 0),
        (command, sound, 3),
    ):
        file.write_text(text)
        ended = ours(*words)
        assert ended.code == code, ended.err
        assert_nothing_leaked(ended, tmp_path, *given)
    (run,) = (tmp_path / "home" / "state" / "ours" / "runs").iterdir()
    ended = ours("runs", "show", run.name)
    assert ended.code == 0
    assert_nothing_leaked(ended, tmp_path, *given)


ODD = "tök/+=~canary&7f3a"
"""A token that every encoding writes in a way of its own."""

SAYINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda token: json.dumps({"token": token}),
    "URL": lambda token: f"https://api.example/?token={quote(token)}&a=b",
    "form": lambda token: f"token={quote_plus(token).lower()}",
    "base64": lambda token: base64.b64encode(token.encode()).decode(),
    "URL-safe base64": lambda token: base64.urlsafe_b64encode(token.encode()).decode().rstrip("="),
    "user": lambda token: f"Basic {base64.b64encode(f'{token}:'.encode()).decode()}",
    "password": lambda token: f"Basic {base64.b64encode(f':{token}'.encode()).decode()}",
    "body": lambda token: base64.b64encode(
        json.dumps({"a": token, "b": 1}, ensure_ascii=False).encode()
    ).decode(),
}


@pytest.mark.parametrize("token", [TOKEN, ODD])
@pytest.mark.parametrize("how", SAYINGS)
def test_a_server_that_says_the_token_back(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, token: str
) -> None:
    """Its message goes to the rejects file, which people hand on, or to the terminal: without the token."""
    monkeypatch.setenv("OURS_PRIVACY_TOKEN", token)
    said = f"bad {SAYINGS[how](token)} here"
    sandbox(
        Fault(When(path="/batch", event=("E",)), Then("invalid_event", message=said)),
        *(
            Fault(When(path=path), Then("status", status=400, body={"error": said}))
            for path in ("/track", "/identify")
        ),
    )
    file, rejects = tmp_path / "rows.ndjson", tmp_path / "rejects.ndjson"
    row = {"event": "E", "externalId": "p", "time": iso(hours=1)}
    file.write_text(json.dumps(row) + "\n", "utf-8")
    ended = ours("batch", file, "--rejects", rejects, "-v")
    assert ended.code == 3
    track, identify = (
        ours(*command, "--external-id", "p", "-v")
        for command in (("track", "E"), ("identify", "-u", "city=Ulm"))
    )
    for text in (rejects.read_text("utf-8"), ended.out + ended.err, track.err, identify.err):
        assert not any(form in text.lower().encode() for form in disguises(token))
    for text in (rejects.read_text("utf-8"), track.err, identify.err):
        assert "bad " in text
        assert "***" in text
        assert " here" in text
        if how.endswith("base64"):
            assert re.search(r"bad \*\*\*=* here", text), "nor a letter of it"


def test_a_server_whose_code_is_the_token(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Codes are counted in the report and in the journal, which otherwise hold nothing that a server says."""
    token = "live_key_7f3a91"
    monkeypatch.setenv("OURS_PRIVACY_TOKEN", token)
    result = {"index": 0, "success": False, "code": f"no_{token}", "message": ""}
    body = {"success": False, "accepted": 0, "failed": 1, "results": [result]}
    sandbox(Fault(When(path="/batch"), Then("status", status=207, body=body)))
    file = tmp_path / "rows.ndjson"
    file.write_text(json.dumps({"event": "E", "externalId": "p", "time": iso(hours=1)}) + "\n", "utf-8")
    ended = ours("batch", file, "-v", "-o", "json")
    assert ended.code == 3
    assert ended.json["reject_codes"] == {"no_***": 1}
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for content in (*written, ended.out.encode(), ended.err.encode()):
        assert token.encode() not in content
