"""`ours help`, the topics' Markdown and the man page: what they say is what the program does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Ours
from make_manpage import PAGE, manpage

from ours_cli import topics
from ours_cli.app import COMMANDS
from ours_cli.contract import DEFAULT_PROPERTIES, USER_PROPERTIES
from ours_cli.errors import ExitCode
from ours_cli.templates.filters import FILTER_NAMES
from ours_cli.topics import TOPICS, topic

FOLDER = Path(topics.__file__).parent


def test_every_topic_has_a_file_and_every_file_is_a_topic() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(TOPICS)


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_is_shown_as_it_stands(ours: Ours, name: str) -> None:
    ended = ours("help", name)
    assert (ended.code, ended.out, ended.err) == (0, topic(name), "")
    assert topic(name).startswith("# ")
    assert max(map(len, topic(name).splitlines())) <= 79


def test_the_list(ours: Ours) -> None:
    ended = ours("help")
    assert ended.code == 0
    assert all(name in ended.out for name in (*TOPICS, *COMMANDS))
    assert max(map(len, ended.out.splitlines())) <= 80


def test_the_first_help_speaks_of_the_topics(ours: Ours) -> None:
    shown = " ".join(ours("--help").out.split())
    assert f"Help topics (ours help TOPIC): {', '.join(TOPICS)}." in shown


def test_a_commands_help(ours: Ours) -> None:
    assert ours("help", "track").out == ours("track", "--help").out
    merge = ours("help", "runs", "merge")
    assert (merge.code, merge.out) == (0, ours("runs", "--help").out)


def test_words_behind_a_topic_are_refused(ours: Ours) -> None:
    ended = ours("help", "templates", "filters")
    assert (ended.code, ended.out) == (ExitCode.USAGE, "")
    assert "there is more after 'templates'" in ended.err
    assert "there is no topic 'nothing'" in ours("help", "nothing", "more").err


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", ["80", "120"])
def test_help_fits_and_has_every_flag_once(
    ours: Ours, monkeypatch: pytest.MonkeyPatch, name: str, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = ours(name, "--help").out
    assert max(map(len, text.splitlines())) <= min(int(columns), 100)
    heads = re.findall(r"^  (?:-\w, )?(--[a-z][a-z-]*)", text, re.MULTILINE)
    assert len(heads) == len(set(heads))
    assert "--help" in heads


def test_long_help_is_in_groups_and_its_example_can_be_copied(ours: Ours) -> None:
    text = ours("backfill", "--help").out
    titles = re.findall(r"^([A-Z][^:\n]*):$", text, re.MULTILINE)
    assert titles[:3] == ["Arguments", "Options", "What happened"]
    assert {"How times are read", "Where events go, and with which key", "What is printed"} <= set(titles)
    example = text.partition("\n  ours ")[2].partition("\n\n")[0]
    assert example.splitlines()[0].endswith(" \\")


def test_a_topic_that_is_not_there(ours: Ours) -> None:
    ended = ours("help", "tiem")
    assert ended.code == 2
    assert "did you mean 'ours help time'?" in ended.err
    assert "the topics are" in ours("help", "zzzzzz").err


def test_exit_codes_are_those_of_the_program() -> None:
    told = {int(number) for number in re.findall(r"^    (\d+) ", topic("exit-codes"), re.MULTILINE)}
    assert told == {int(code) for code in ExitCode}


def test_filters_are_those_of_the_program() -> None:
    section = topic("templates").partition("## Filters")[2]
    heads = "\n".join(line[4:27] for line in section.splitlines() if line.startswith("    "))
    assert {word.partition(":")[0] for word in heads.split()} == set(FILTER_NAMES)


def test_flags_that_topics_name_exist(ours: Ours) -> None:
    flags = set(re.findall(r"--[a-z][a-z-]+", "\n".join(map(topic, TOPICS)))) - {"--token"}
    shown = "\n".join(ours(name, "--help").out for name in COMMANDS)
    assert len(flags) > 15
    assert {flag for flag in flags if flag not in shown} == set()


def test_the_man_page_is_what_the_program_gives() -> None:
    assert PAGE.read_text("utf-8") == manpage(), "run: python tests/make_manpage.py"


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_groff_takes_the_man_page() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-rLL=78n", "-P-c", PAGE],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    text = re.sub(r".\x08", "", done.stdout)
    assert "OURS BACKFILL" in text
    assert "--map FILE.toml" in text
    assert "{total|number}" in text
    assert "'{created_at}' \\" in text


def test_the_topic_of_properties_lists_those_of_the_contract() -> None:
    visitor, visit = topic("properties").split("## Of the visit:")
    for text, known in ((visitor, USER_PROPERTIES), (visit, DEFAULT_PROPERTIES)):
        blocks = re.findall(r"^    (.+)$", text, re.MULTILINE)
        listed = [re.sub(r"^-u (\w+)\..*", r"\1", word) for line in blocks for word in line.split("  ")]
        assert sorted(listed) == sorted(known)
        for kind in ("number", "boolean"):
            assert all(name in text.rpartition("Numbers:")[2] for name, own in known.items() if own == kind)
