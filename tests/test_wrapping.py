"""Folding for a terminal: nothing is lost, words stay whole, and a shell reads a folded command alike."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ours_cli.wording.escape import printable, shell_join
from ours_cli.wording.wrapping import folded, folded_command, folded_path, says_a_command

WORDS = st.lists(st.text("abc,-.", min_size=1, max_size=12), min_size=1, max_size=30)


def test_without_a_terminal_a_line_stays_whole() -> None:
    assert folded("a " * 500, None) == ["a " * 500]
    assert folded_command("run:", "ours" + " a" * 500, None) == ["run: ours" + " a" * 500]


@given(WORDS, st.integers(0, 6), st.integers(20, 90))
def test_words_stay_whole_and_lines_fit(words: list[str], indent: int, width: int) -> None:
    lines = folded(" " * indent + " ".join(words), width)
    assert " ".join(lines).split() == words
    assert all(len(line) <= width for line in lines)
    assert lines[0].startswith(" " * indent)
    assert all(line.startswith(" " * (indent + 2)) for line in lines[1:])


def test_a_word_that_is_longer_by_itself() -> None:
    path = "/home/someone/" + "x" * 60
    assert folded(f"see {path} there", 40) == ["see", f"  {path}", "  there"]


def test_what_is_kept_is_one_word() -> None:
    path = "/home/Ann Lee/my orders.csv"
    assert folded(f"what was in {path} before is elsewhere", 30, kept=[path]) == [
        "what was in",
        f"  {path}",
        "  before is elsewhere",
    ]


def test_a_path_that_is_too_long_is_whole_on_a_line_of_its_own() -> None:
    path = "/home/Ann Lee/" + "x" * 60
    assert (
        folded_path("  see      ", path, None)
        == folded_path("  see      ", path, 90)
        == [f"  see       {path}"]
    )
    assert folded_path("  see      ", path, 60) == ["  see", f"    {path}"]


@given(st.lists(st.text("ab '{}|$\\", max_size=20), min_size=1, max_size=12), st.integers(40, 90))
def test_a_folded_command_is_the_same_to_a_shell(words: list[str], width: int) -> None:
    command = shlex.join(["ours", *words])
    label, *lines = folded_command("  then:", command, width)
    shown = "\n".join(lines) if lines else label.removeprefix("  then: ")
    shown = shown.replace(" \\\n", " ")  # what a shell does first, and shlex does not
    assert shlex.split(shown) == ["ours", *words]
    longest = max(map(len, map(shlex.quote, words)))
    assert all(len(line) <= max(width, longest + 8) for line in lines)


def test_commands_are_told_from_prose() -> None:
    assert says_a_command("hint: ours runs list shows them")
    assert says_a_command("hint: pipe the same input into: ours batch -")
    assert says_a_command("hint: did you mean 'ours backfill'?")
    assert not says_a_command("hint: a newer ours may know")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("width", [None, 40])
def test_bash_reads_a_command_with_odd_characters_from_the_screen(width: int | None) -> None:
    odd = [
        "a\x0b\x0c\rb",
        "tab\there",
        "two\nlines",
        "it's\x1b[0m\\",
        "\x85é\u202eß\U000e0001",
        "\udcff",
        "{a b}",
        "",
    ]
    lines = folded_command("then:", shlex.join(odd), width)
    shown = "\n".join(lines).removeprefix("then:")
    assert "\t" not in shown
    assert all(printable(line) == line for line in lines)
    done = subprocess.run(
        ["bash", "--norc", "-c", f"printf '%s\\0' {shown.strip()}"],
        capture_output=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(word) for word in odd]
    assert shell_join(["ours", "a b"]) == "ours 'a b'"
