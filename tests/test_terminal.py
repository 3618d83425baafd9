"""What a person sees: stdout is only the result, and nothing foreign steers the terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from hypothesis import given
from hypothesis import strategies as st
from rows import ago, iso, ndjson, write

from ours_cli.sandbox import Fault, Then, When
from ours_cli.wording.escape import json_text, printable

FIELDS = ("--event", "E", "--time", "{when}", "--external-id", "{id}")
ESCAPE = "\x1b[31m"
CLEAR = "\x1b[2J"
BIDI = "\u202e"


def on_terminal(
    *arguments: str | Path, stdin: Path | None = None, env: dict[str, str] | None = None, columns: int = 120
) -> tuple[int, str, str]:
    """Run ours with stderr on a terminal; returns exit code, stdout, and what the terminal received."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ours_cli", *map(str, arguments)],
        stdin=subprocess.DEVNULL if stdin is None else stdin.open("rb"),
        stdout=subprocess.PIPE,
        stderr=child,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), **(env or {})},
    )
    os.close(child)
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([parent], [], [], 0.1)
        try:
            part = os.read(parent, 65536) if ready else b""
        except OSError:
            part = b""
        seen += part
        if not part and process.poll() is not None:
            break
    assert process.stdout is not None
    out = process.stdout.read()
    process.stdout.close()
    os.close(parent)
    return process.wait(60), out.decode(), seen.decode()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    rows = [{"when": ago(1), "id": number} for number in range(3000)]
    return write(tmp_path / "many.ndjson", ndjson(rows))


SLOW = Fault(When(), Then("status", status=503), times=2)


def test_a_bar_on_a_terminal(sandbox: StartSandbox, many: Path) -> None:
    sandbox(latency=0.15)
    code, out, seen = on_terminal("backfill", many, *FIELDS, "-o", "json", "--concurrency", "1")
    assert code == 0
    assert json.loads(out)["accepted"] == 3000
    assert "accepted" in seen
    assert "many.ndjson" in seen
    assert "\x1b[" in seen


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_plain_where_asked(sandbox: StartSandbox, many: Path, env: dict[str, str]) -> None:
    sandbox(latency=0.15)
    code, out, seen = on_terminal("backfill", many, *FIELDS, "-o", "json", "--concurrency", "1", env=env)
    assert code == 0
    assert json.loads(out)["accepted"] == 3000
    colours = [part for part in seen.split("\x1b[")[1:] if part.partition("m")[0].replace(";", "").isdigit()]
    assert all(part.startswith(("0m", "1m", "2m", "m")) for part in colours)
    if env.get("TERM") == "dumb":
        assert "\x1b" not in seen


def test_quiet_draws_nothing(sandbox: StartSandbox, many: Path) -> None:
    sandbox(latency=0.1)
    code, _, seen = on_terminal("backfill", many, *FIELDS, "-o", "json", "-q")
    assert (code, seen) == (0, "")


def shown_lines(seen: str) -> list[str]:
    """What the terminal received, as lines without their colours and movements."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen))


def test_no_progress_draws_nothing_but_notes_stay(sandbox: StartSandbox, many: Path, tmp_path: Path) -> None:
    sandbox(latency=0.1)
    code, _, seen = on_terminal("backfill", many, *FIELDS, "-o", "json", "--no-progress")
    assert (code, seen) == (0, "")
    other = write(tmp_path / "o.csv", f"when;id;more\n{iso(1)};1;2\n")
    seen = on_terminal("backfill", other, *FIELDS, "--no-progress")[2]
    assert "warning: columns not sent: more" in seen
    assert "\x1b" not in seen


@pytest.mark.parametrize("columns", [40, 80])
def test_several_files_and_a_pause_with_its_reason(
    sandbox: StartSandbox, many: Path, tmp_path: Path, columns: int
) -> None:
    asked_to_wait = Fault(When(nth=(4,)), Then("status", status=429, headers={"Retry-After": "1"}), times=1)
    sandbox(asked_to_wait, latency=0.1)
    second = write(tmp_path / "second.csv", f"when;id;more\n{iso(1)};1;2\n{iso(1)};;2\n")
    code, out, seen = on_terminal(
        *("backfill", many, second, *FIELDS, "-o", "json", "--concurrency", "1"), columns=columns
    )
    assert code == 3
    assert json.loads(out)["retries"] == 1
    lines = shown_lines(seen)
    assert any("many.ndj" in line and "%" in line for line in lines)
    assert any(re.search(r"next try in \d+ s: the server answered 429", line) for line in lines)
    assert any("accepted" in line for line in lines)
    # Whatever was said meanwhile has its line to itself.
    said = [line for line in lines if "second.csv:" in line]
    assert said
    assert not any("━" in line or "accepted" in line for line in said)
    drawn = [line for line in lines if "━" in line or "accepted" in line]
    assert max(map(len, drawn)) <= columns
    if columns == 80:
        assert any("many.ndjson (1 of 2)" in line for line in lines)


def test_a_pipe_has_no_whole(sandbox: StartSandbox, many: Path) -> None:
    sandbox(latency=0.2)
    code, _, seen = on_terminal(
        *("backfill", "-", *FIELDS, "-o", "json", "--concurrency", "1", "--batch-size", "1000"), stdin=many
    )
    assert code == 0
    assert "standard input" in seen
    assert "MiB so far" in seen
    assert "%" not in seen


def test_rejects_on_stdout_go_there_while_a_bar_is_drawn(sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(latency=0.1)
    path = write(tmp_path / "o.ndjson", ndjson([{"when": ago(1), "id": ""}, {"when": ago(1), "id": "a"}]))
    code, out, seen = on_terminal("backfill", path, *FIELDS, "--rejects", "-")
    assert code == 3
    assert json.loads(out)["_code"] == "missing_identifier"
    assert "_code" not in seen
    assert "rejected           1" in seen


def test_no_bar_without_a_terminal(ours_process: Ours, sandbox: StartSandbox, many: Path) -> None:
    sandbox(latency=0.1)
    ended = ours_process("backfill", many, *FIELDS, "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    assert len(ended.out.splitlines()) == 1


def test_pauses_are_told_with_verbose(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(SLOW)
    path = write(tmp_path / "o.csv", f"when,id\n{iso(1)},1\n")
    ended = ours("backfill", path, *FIELDS, "-v", "-o", "json")
    assert ended.code == 0
    assert "the server answered 503; next try in" in ended.err
    assert ended.json["retries"] == 2


class TestForeignText:
    """Escapes and bidi marks in names, headers, cells and server messages are shown escaped."""

    def safe(self, text: str) -> bool:
        return not any(mark in text for mark in (ESCAPE, CLEAR, BIDI, "\x9b", "\x07"))

    def test_file_names(self, ours: Ours, tmp_path: Path) -> None:
        ended = ours("backfill", tmp_path / f"{ESCAPE}{BIDI}.csv", *FIELDS)
        assert ended.code == 6
        assert self.safe(ended.err)
        assert r"\x1b[31m\u202e.csv" in ended.err

    def test_headers(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        path = write(tmp_path / f"{CLEAR}.csv", f"when;id;{ESCAPE}x{BIDI}\n{iso(1)};1;2\n")
        for flags in ((), ("--dry-run",), ("-o", "json"), ("--dry-run", "-o", "json"), ("-p", "a={xx}")):
            ended = ours("backfill", path, *FIELDS, *flags)
            assert self.safe(ended.err + ended.out)
        assert r"\x1b[31mx\u202e" in ours("backfill", path, *FIELDS).err

    def test_rows(self, ours: Ours, tmp_path: Path) -> None:
        path = write(tmp_path / "o.csv", f"when,id,name\n{iso(1)},{CLEAR}{BIDI}\x9b,{ESCAPE}\n")
        fields = ("--event", "{name}", *FIELDS[2:], "-p", "n={name}", "--dry-run")
        text, data = ours("backfill", path, *fields), ours("backfill", path, *fields, "-o", "json")
        assert self.safe(text.out)
        assert self.safe(data.out)
        assert data.json["examples"][0]["externalId"] == f"{CLEAR}{BIDI}\x9b"

    def test_one_event(self, ours: Ours, sandbox: StartSandbox) -> None:
        sandbox()
        for flags in ((), ("--dry-run",), ("-o", "json")):
            ended = ours("track", f"E{ESCAPE}{BIDI}\x9b", "--external-id", "c", "--distinct-id", BIDI, *flags)
            assert ended.code == 0
            assert self.safe(ended.out)
        shown = ours("track", f"E{BIDI}\x9b", "--external-id", "ü", "--dry-run")
        assert shown.json["event"] == f"E{BIDI}\x9b"

    def test_plain_text_stays_readable(self, ours: Ours) -> None:
        assert '"event": "Größe 日本"' in ours("track", "Größe 日本", "--external-id", "c", "--dry-run").out

    def test_server_messages(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox(Fault(When(), Then("invalid_event", message=f"{ESCAPE}{BIDI}no")))
        path = write(tmp_path / "o.csv", f"when,id\n{iso(1)},1\n")
        ended = ours("backfill", path, *FIELDS, "-v")
        assert ended.code == 3
        assert self.safe(ended.out + ended.err)

    @pytest.mark.parametrize("name", ["o.csv", "o.ndjson"])
    def test_rejects_that_are_shown(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, name: str
    ) -> None:
        """The source's own columns stay as they were read; what the server says of a row is not of these."""
        sandbox(Fault(When(), Then("invalid_event", message=f"{ESCAPE}{BIDI}no")))
        rows = ndjson([{"when": iso(1), "id": "1"}]) if name.endswith("json") else f"when,id\n{iso(1)},1\n"
        rejects = tmp_path / "rejects"
        assert ours("backfill", write(tmp_path / name, rows), *FIELDS, "--rejects", rejects).code == 3
        text = rejects.read_text("utf-8")
        assert self.safe(text)
        assert r"\x1b[31m\u202eno" in text.replace("\\\\", "\\")

    def test_a_name_that_is_no_utf8(self, ours_process: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        path = os.fsdecode(bytes(tmp_path) + b"/o\xff.csv")
        Path(path).write_text(f"when,id\n{iso(1)},1\nsoon,2\n")
        for flags in ((), ("-o", "json")):
            ended = ours_process("backfill", path, *FIELDS, *flags)
            assert ended.code == 3, ended.err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
class TestALocaleThatLacksTheLetters:
    """People get them escaped; what programs read is UTF-8 all the same."""

    def run(self, encoding: str, *arguments: str | Path) -> tuple[str, str]:
        """What is on stdout, which must be UTF-8, and on stderr."""
        done = subprocess.run(
            [sys.executable, "-m", "ours_cli", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )
        return done.stdout.decode(), done.stderr.decode(errors="backslashreplace")

    def test_people(self, encoding: str) -> None:
        told, _ = self.run(encoding, "track", "日本", "--external-id", "c", "--sandbox")
        assert r"\u65e5\u672c" in told

    def test_rejects_and_the_report_beside_them(self, tmp_path: Path, encoding: str) -> None:
        path = write(tmp_path / "o.csv", f"when,id,Käufe ✓😀\n{iso(1)},1,x\nsoon,ü✓,x\n")
        command = ("backfill", path, *FIELDS, "--sandbox", "--rejects", "-", "-o", "json")
        out, err = self.run(encoding, *command)
        assert json.loads(out)["id"] == "ü✓"
        report = json.loads(next(line for line in err.splitlines() if line.startswith("{")))
        assert report["warnings"][0] == "columns not sent: Käufe ✓😀; --exclude COLUMN says it is meant"
        _, err = self.run(encoding, *command, "--time", "{Käufe}")
        report = json.loads(next(line for line in err.splitlines() if line.startswith("{")))
        assert "Käufe" in report["error"]

    def test_json(self, tmp_path: Path, encoding: str) -> None:
        path = write(tmp_path / "o.csv", f"when,id,Käufe ✓\n{iso(1)},ü✓,1\n")
        fields = ("--event", "Käufe ✓😀", *FIELDS[2:])
        for command in (
            ("inspect", path),
            ("backfill", path, *fields, "--dry-run"),
            ("backfill", path, *fields, "--sandbox"),
            ("backfill", path, *fields, "--time", "{Käufe ✓", "--sandbox"),
        ):
            out, _ = self.run(encoding, *command, "-o", "json")
            assert isinstance(json.loads(out), dict), command
            assert "Käufe ✓" in out or "status" in out, command

    def test_a_body_and_the_command_that_posts_it(self, encoding: str) -> None:
        for flag in ("--dry-run", "--curl"):
            out, _ = self.run(encoding, "track", "Käufe ✓", "--external-id", "c", flag)
            assert "Käufe ✓" in out


@given(st.text())
def test_printable_text_never_steers(text: str) -> None:
    shown = printable(text)
    assert all(char in "\n\t" or char.isprintable() or char == " " or char.isspace() for char in shown)
    assert printable(shown) == shown
    assert not set(shown) & {"\x1b", "\x9b", "\u202e", "\u2066", "\u2028", "\r", "\b"}


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner), max_leaves=4))
def test_json_text_is_json_and_never_steers(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert printable(text) == text


def test_a_path_that_is_too_long_can_be_copied(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands whole on a line of its own, whatever spaces are in it, and the rest of the screen folds."""
    sandbox()
    folder = tmp_path / "Exports of the shop, all of them" / "as they came in"
    folder.mkdir(parents=True)
    file = write(folder / "o.csv", f"when,id\n{iso(1)},1\nsoon,2\n")
    monkeypatch.setattr("ours_cli.console._width", lambda _: 72)
    inspected = ours("inspect", file).out.splitlines()
    assert inspected[:2] == [str(file), "  csv, utf-8, comma between cells, header on line 1"]
    rejects = folder / "rejects.csv"
    reported = ours("backfill", file, *FIELDS, "--rejects", rejects).out.splitlines()
    at = reported.index("  see")
    assert reported[at + 1] == f"    {rejects}"
    again = ours("backfill", file, *FIELDS, "--rejects", rejects, "--restart")
    assert f"\n  {rejects}\n" in again.err
    listed = json.loads(ours("runs", "list", "-o", "json").out)
    shown = ours("runs", "show", listed[0]["run"]).out.splitlines()
    at = shown.index("sources")
    assert shown[at + 1] == f"  {file}"
    assert shown[shown.index("rejects") + 1] == f"  {rejects}"
    command = "\n".join(shown[shown.index("arguments") + 1 :])
    assert shlex.split(command.replace("\\\n", " "))[1:3] == ["backfill", str(file)]


def test_stdout_closed_early(sandbox: StartSandbox) -> None:
    sandbox()
    command = [sys.executable, "-m", "ours_cli", "track", "E", "--external-id", "c"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert b"the event was accepted under the distinctId" in err
    assert b"Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_stdout_on_a_full_disk(sandbox: StartSandbox) -> None:
    sandbox()
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ours_cli", "track", "E", "--external-id", "c"],
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 7
    assert b"error: " in done.stderr
    assert b"Traceback" not in done.stderr
