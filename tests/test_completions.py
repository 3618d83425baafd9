"""`completions/` is what the program gives, and completing works: the protocol, and in bash itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ended, Ours
from make_completions import FOLDER, SHELLS, script_for

BIN = Path(sys.executable).parent


@pytest.mark.parametrize("name", SHELLS)
def test_the_files_are_what_the_program_gives(name: str) -> None:
    written = (FOLDER / name).read_text("utf-8")
    assert written == script_for(SHELLS[name]), "run: python tests/make_completions.py"


def test_nothing_else_lies_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*SHELLS, "ours.1"}


def complete(ours_process: Ours, line: str) -> Ended:
    words = line.split(" ")
    return ours_process(
        env={"_OURS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ours ba", ["batch", "backfill"]),
        ("ours tr", ["track"]),
        ("ours backfill --day", ["--day-first"]),
        ("ours sandbox --wi", ["--window-days"]),
        ("ours track --tok", ["--token-file"]),
        ("ours nothing-like-it", []),
    ],
)
def test_a_tab_completes(ours_process: Ours, line: str, expected: list[str]) -> None:
    ended = complete(ours_process, line)
    assert ended.out.split() == expected
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_with_the_script() -> None:
    done = subprocess.run(
        [
            "bash",
            "--norc",
            "-c",
            'source "$1"; COMP_WORDS=(ours ba); COMP_CWORD=1; _ours_completion ours; '
            'printf "%s\\n" "${COMPREPLY[@]}"; complete -p ours',
            "bash",
            FOLDER / "ours.bash",
        ],
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["batch", "backfill"]
    assert "-F _ours_completion ours" in done.stdout
    assert done.stderr == ""
