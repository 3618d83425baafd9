"""What zsh makes of a TAB: it inserts what a file's header says, and runs none of it."""

from __future__ import annotations

import csv
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Ours
from hypothesis import given
from hypothesis import strategies as st
from make_completions import FOLDER

from ours_cli.cli import completion

BIN = Path(sys.executable).parent
NASTY = (
    *(r"\$(touch PWNED)", "$(touch PWNED)", r"\\$(touch PWNED)", "`touch PWNED`", r"\`touch PWNED`"),
    *("a' touch PWNED '", 'a" && touch PWNED', "<(touch PWNED)", "$[1+1]", "$'a'", 'a "b"', "Patient's $id"),
    *("a:b", r"a\:b\\", "back\\slash", r"a\tb", "why!", "Größe", "x,y", "Amount (USD)", "a*b", "[x]", "~x"),
    *("#h", "=ls", "-x", "^x", "two  spaces", " edges ", "%B%F"),
)


@pytest.mark.parametrize("shell", ["zsh", "powershell", "pwsh"])
@pytest.mark.parametrize("flag", ["--external-id '{", "--exclude ", "--where "])
def test_what_is_read_as_shell_words_has_only_plain_names(
    shell: str, flag: str, ours_process: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("o.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["order_id", *NASTY], ["1"] * (len(NASTY) + 1)])
    line = {"_OURS_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": f"ours backfill o.csv {flag}"}
    word = flag.partition(" ")[2].strip("'")
    ended = ours_process(env={**line, "_TYPER_COMPLETE_WORD_TO_COMPLETE": word})
    assert "order_id" in ended.out
    assert "two  spaces" in ended.out
    assert not any(sign in ended.out for sign in ("PWNED", "$", "`", "Patient", "back", "!", "*b", "~", "#"))


@pytest.mark.parametrize("shell", ["zsh", "powershell", "pwsh"])
@given(name=st.text(st.sampled_from("a é{}|=$`\\'\"();&<>@#~*?[]!,%:^\u2019\u201d\n\t\x00")))
def test_only_plain_texts_are_given_raw(shell: str, name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_OURS_COMPLETE", f"complete_{shell}")
        offered = completion.given_to_the_shell([name])
    assert offered == ([name] if set(name) <= set("a é{}|=") else [])


@pytest.fixture
def at_a_prompt(tmp_path: Path) -> Iterator[Callable[[str, str], list[str] | None]]:
    """A zsh at a terminal: what it gives `ours` for a line that is typed, then TAB and Enter."""
    if shutil.which("zsh") is None:
        pytest.skip("needs zsh")
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "PATH": path})

    def wait_for_end(name: str) -> None:
        seen, end = b"", time.monotonic() + 60
        while not (tmp_path / name).exists():
            assert time.monotonic() < end, seen.decode(errors="replace")
            if select.select([terminal], [], [], 0.05)[0]:
                seen += os.read(terminal, 1 << 16)

    def type_in(setup: str, line: str) -> list[str] | None:
        for name in ("ready", "given", "done"):
            (tmp_path / name).unlink(missing_ok=True)
        if setup:
            given = 'ours() { print -rN -- "$@" > given; }'
            os.write(terminal, f"{setup}\n{given}\ntouch ready\n".encode())
            wait_for_end("ready")
        os.write(terminal, f"{line}\t\ntouch done\n".encode())
        wait_for_end("done")
        path = tmp_path / "given"
        return path.read_text("utf-8").split("\0")[:-1] if path.exists() else None

    yield type_in
    os.write(terminal, b"\x03\nexit\n")
    os.close(terminal)
    os.waitpid(pid, 0)


COMPINIT = "autoload -Uz compinit; compinit -u -D"
IN_FPATH = f"fpath=('{FOLDER}' $fpath); {COMPINIT}"

AtAPrompt = Callable[[str, str], "list[str] | None"]


@pytest.mark.parametrize("before", ["", "'", '"'], ids=["unquoted", "single", "double"])
def test_it_inserts_each_name_and_runs_none(before: str, at_a_prompt: AtAPrompt, tmp_path: Path) -> None:
    setup, found = IN_FPATH, []
    for name in NASTY:
        with (tmp_path / "o.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([[name], ["1"]])
        typed = at_a_prompt(setup, f"ours backfill o.csv --external-id {before}{{")
        found.append(typed)
        setup = ""
    assert found == [["backfill", "o.csv", "--external-id", f"{{{name}}}"] for name in NASTY]
    assert not (tmp_path / "PWNED").exists()


def test_the_first_tab_of_a_session(at_a_prompt: AtAPrompt) -> None:
    assert at_a_prompt(IN_FPATH, "ours bac") == ["backfill"]


def test_the_first_tab_where_the_script_is_sourced(at_a_prompt: AtAPrompt) -> None:
    assert at_a_prompt(f"{COMPINIT}; source '{FOLDER}/_ours'", "ours bac") == ["backfill"]


def test_the_first_tab_where_ours_installed_it(at_a_prompt: AtAPrompt, home: Path) -> None:
    installed = subprocess.run(
        [sys.executable, "-m", "ours_cli", "--install-completion", "zsh"],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        check=True,
    )
    assert installed.returncode == 0
    assert (home / ".zfunc" / "_ours").read_text("utf-8") + "\n" == (FOLDER / "_ours").read_text("utf-8")
    assert at_a_prompt("source ~/.zshrc", "ours bac") == ["backfill"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--external-id='{ord", ["--external-id={order_id}"]),
        ("--external-id={ord", ["--external-id={order_id}"]),
        ('-p n="x-{First ', ["-p", "n=x-{First Name}"]),
        ("-p 'n={total|nu", ["-p", "n={total|number}"]),
        ("--where tot", ["--where", "total="]),
        ("--day", ["--day-first"]),
        ("second.c", ["second.csv"]),
    ],
)
def test_it_completes(typed: str, words: list[str], at_a_prompt: AtAPrompt, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("order_id,First Name,total\n1,Ada,3\n")
    (tmp_path / "second.csv").touch()
    assert at_a_prompt(IN_FPATH, f"ours backfill o.csv {typed}") == ["backfill", "o.csv", *words]
