"""The README says what the program does, no less and no more: both are read here, and compared."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import Ended, Ours

from ours_cli import record
from ours_cli.app import app
from ours_cli.errors import ExitCode
from ours_cli.files import profiles
from ours_cli.mapping import mapfile
from ours_cli.mapping.presets import load_preset, preset_names
from ours_cli.rows.reject_hints import reject_hints
from ours_cli.sandbox import fault_file, faults
from ours_cli.templates.filters import FILTER_NAMES
from ours_cli.templates.numerals import STYLES
from ours_cli.timestamps.zone_names import ABBREVIATIONS, AMBIGUOUS
from ours_cli.topics import TOPICS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SOURCES = sorted((ROOT / "ours_cli").rglob("*.py"))
PROGRAM: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = {name: PROGRAM.get_command(None, name) for name in PROGRAM.list_commands(None)}


# --- reading the README ------------------------------------------------------------------------------------


def section(heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    match = re.search(rf"^(#+) {re.escape(heading)}$", README, re.MULTILINE)
    assert match, f"README has no heading {heading!r}"
    end = re.search(rf"^#{{1,{len(match[1])}}} ", README[match.end() :], re.MULTILINE)
    return README[match.end() :][: end.start() if end else None]


def code(text: str) -> set[str]:
    """Everything in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def first_cells(text: str) -> str:
    """The first cells of a section's tables, a line each."""
    rows = [line for line in text.splitlines() if line.startswith("|") and "---" not in line]
    return "\n".join(re.split(r"(?<!\\)\|", row)[1] for row in rows)


def sh_blocks(text: str = README) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Line:
    """One `ours ...` of the README."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def ours_lines(text: str = README) -> Iterator[Line]:
    for block in sh_blocks(text):
        for line in re.sub(r"\\\n|(?<=&&)\n|(?<=\|)\n", " ", block).splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words = list(lexer)
            for at, word in enumerate(words):
                begins = at == 0 or words[at - 1] in ("&&", "|", ";", "do")
                if word == "ours" and begins:
                    rest = takewhile(lambda text: not re.fullmatch(r"[|&;<>()]+", text), words[at + 1 :])
                    yield Line(("ours", *rest))


LINES = list(ours_lines())


# --- reading the program -----------------------------------------------------------------------------------


def flags_of(command: Any) -> set[str]:
    own = {
        flag
        for param in command.params
        if param.param_type_name == "option" and not param.hidden
        for flag in (*param.opts, *param.secondary_opts)
    }
    return own | {"-h", "--help"}


def documented_flags(command: str) -> set[str]:
    found: set[str] = set()
    for heading in re.findall(r"^#### (Flags of .*)$", README, re.MULTILINE):
        if f"`{command}`" in heading or "every command" in heading:
            cells = first_cells(section(heading))
            found.update(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", cells))
    return found


REJECTING = re.compile(r"\w*(Violation|Problem|[Rr]eject)|_?[Mm]alformed")
CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")


def reject_codes() -> set[str]:
    """Codes given to the calls that make rejects, and the `(code, message)` pairs of the readers."""
    found = {"refused"}
    for path in SOURCES:
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and REJECTING.fullmatch(getattr(node.func, "id", "")):
                found.update(codes_among(node.args))
            elif isinstance(node, ast.Tuple) and "source" in path.parts and len(node.elts) == 2:
                if isinstance(node.elts[1], ast.JoinedStr | ast.Constant):
                    found.update(codes_among(node.elts[:1]))
            elif isinstance(node, ast.FunctionDef) and node.name == "bad_time":
                found.add("bad_time")
    return found


def codes_among(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
            yield node.value
        elif isinstance(node, ast.Name) and node.id in (
            "RAGGED_ROW",
            "TRUNCATED_ROW",
            "DUPLICATE_ID",
            "REPEATED_HEADER",
        ):
            yield str(getattr(record, node.id))


def string_constants() -> Iterator[str]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


# --- comparing them ----------------------------------------------------------------------------------------


def test_every_command_is_there() -> None:
    documented = set(re.findall(r"`ours ([a-z]+)", first_cells(section("Commands"))))
    assert documented == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_is_there_and_no_other(name: str) -> None:
    assert documented_flags(name) == flags_of(COMMANDS[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_says_what_it_does_in_the_help_and_in_the_readme(name: str, ours: Ours) -> None:
    shown = " ".join(ours(name, "--help").out.split())
    rows = {
        flag: cells[2].strip()
        for heading in re.findall(r"^#### (Flags of .*)$", README, re.MULTILINE)
        if f"`{name}`" in heading or "every command" in heading
        for cells in (
            re.split(r"(?<!\\)\|", row) for row in section(heading).splitlines() if row[:3] == "| `"
        )
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*", cells[1])
    }
    for param in COMMANDS[name].params:
        if param.param_type_name == "option" and not param.hidden:
            assert param.help, param.name
            assert param.help.endswith("."), param.help
            assert " ".join(param.help.split()) in shown
            assert all(rows[flag] for flag in (*param.opts, *param.secondary_opts) if flag[:2] == "--")


def test_the_programs_own_flags_are_there() -> None:
    assert flags_of(PROGRAM) - {"-h"} <= code(section("Commands"))


def test_every_exit_code_is_there_and_no_other() -> None:
    documented = {int(cell) for cell in re.findall(r"\d+", first_cells(section("Exit codes")))}
    assert documented == {int(exit_code) for exit_code in ExitCode}


def test_every_reject_code_is_there_and_no_other() -> None:
    documented = code(first_cells(section("Reject codes")))
    found = reject_codes()
    assert len(found) > 30, "the search for codes has gone blind"
    assert documented - {"invalid_event"} == found


def test_every_reject_code_has_a_hint_for_the_report() -> None:
    for command in ("backfill", "batch"):
        found = reject_hints(command, {}, ())
        assert set(found) == code(first_cells(section("Reject codes")))
        assert all(0 < len(hint) <= 80 for hint in found.values())
        hints = " ".join(found.values())
        assert set(re.findall(r"--[a-z][a-z-]+", hints)) <= flags_of(COMMANDS[command])
        assert (":=" in hints) == (command == "backfill"), "only a mapping has it"


def test_every_key_of_the_result_is_there(ours: Ours, tmp_path: Path) -> None:
    rows = tmp_path / "rows.ndjson"
    rows.write_text('{"event": "A", "externalId": "1"}\n')
    sent = ours("batch", rows, "--sandbox", "-o", "json", "-q").json
    shown = ours("batch", rows, "--dry-run", "-o", "json", "-q").json
    more = shutil.copy(rows, tmp_path / "more.ndjson")
    several = ours("batch", rows, more, "--dry-run", "-o", "json", "-q").json
    shard = ours("batch", rows, "--sandbox", "-o", "json", "-q", "--shard", "0/1").json
    stopped = ours("batch", rows, "--base-url", "http://127.0.0.1:9", "--give-up-after", "0.01", "-o", "json")
    early = ours("batch", "nowhere.ndjson", "-o", "json")
    documented = code(first_cells(section("The result")))
    assert stopped.code == ExitCode.UNAVAILABLE
    found = (sent, shown, several, stopped.json, shard, early.json)
    assert documented == {key for keys in found for key in keys}
    one = ours("track", "A", "--external-id", "1", "--sandbox", "-o", "json").json
    assert one.keys() <= documented | {"distinctId"}


def test_every_key_of_a_receipt_is_there(ours: Ours, tmp_path: Path) -> None:
    rows = tmp_path / "rows.ndjson"
    rows.write_text('{"event": "A", "externalId": "1"}\n')
    ours("batch", rows, "--base-url", "http://127.0.0.1:9", "--give-up-after", "0.01", "-q")
    (receipt,) = json.loads(ours("runs", "list", "-o", "json").out)
    assert code(first_cells(section("Receipts"))) == set(receipt)
    assert ours("runs", "show", receipt["run"], "-o", "json").json == receipt


def test_every_filter_and_number_style_is_there() -> None:
    cells = first_cells(section("Filters"))
    assert {word.partition(":")[0] for word in code(cells)} == set(FILTER_NAMES)
    assert set(STYLES) <= code(section("Filters"))


def test_every_map_key_is_there() -> None:
    keys = code(first_cells(section("Map files")))
    assert keys - {"[source]"} == set(mapfile._KEYS) | set(mapfile._SOURCE_KEYS)


def test_every_preset_is_there_with_what_it_says_of_itself() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section("Presets"), re.MULTILINE))
    assert set(rows) == set(preset_names())
    for name, text in rows.items():
        preset = load_preset(name)
        maps, _, leaves = text.partition(" | ")
        assert maps.startswith(f"{preset.title}: {preset.maps}")
        assert ("--tz" in maps) == preset.demands_zone
        assert ("ours identify" in maps) == (preset.command == "identify")
        assert leaves == preset.leaves


def test_every_config_key_and_variable_is_there() -> None:
    cells = code(first_cells(section("Token, profiles, environment")))
    variables = {text for text in string_constants() if re.fullmatch(r"(OURS|XDG)_[A-Z_]+", text)}
    assert len(variables) >= 6
    assert cells == profiles.KEYS | {"default_profile", "NO_COLOR"} | variables


def test_every_fault_is_there() -> None:
    cells = code(first_cells(section("Faults")))
    assert cells - {"when"} - {"do"} == set(faults.KINDS) | set(fault_file._WHEN_READERS)


def test_every_zone_abbreviation_is_there() -> None:
    words = set(re.findall(r"\b[A-Z]{1,5}\b", section("Times")))
    assert set(ABBREVIATIONS) <= words
    assert code(section("Times")) >= AMBIGUOUS


def test_every_help_topic_is_there() -> None:
    linked = re.findall(r"\]\(ours_cli/topics/(\S+)\.md\)", section("Help topics"))
    assert linked == list(TOPICS)


def test_every_link_within_leads_somewhere() -> None:
    titles = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_the_first_two_blocks_are_the_two_commands() -> None:
    first, second = sh_blocks()[:2]
    assert "ours backfill samples/orders.csv" in first
    assert all(tool in second for tool in ("ruff check", "ruff format --check", "mypy", "pytest"))


def test_the_readme_has_enough_examples() -> None:
    assert len(LINES) >= 10
    assert {line.words[1] for line in LINES} == set(COMMANDS)


def test_every_block_can_be_pasted_into_an_interactive_zsh() -> None:
    """There `#` begins no comment: what follows goes to the command."""
    assert not [line for block in sh_blocks() for line in block.splitlines() if re.search(r"(^|\s)#", line)]


@pytest.mark.parametrize("line", LINES, ids=str)
def test_the_parser_takes_every_example(line: Line) -> None:
    command = COMMANDS[line.words[1]]
    context = command.make_context(line.words[1], list(line.words[2:]))
    assert context.params


RUNNABLE = [
    line
    for line in LINES
    if {"--sandbox", "--dry-run"} & set(line.words)
    and "..." not in line.words
    and line not in set(ours_lines(section("Ten recipes")))  # tests/test_recipes.py has their files
]


def test_examples_that_need_no_account_run(
    ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the README's order, since one of them reads what the one before it wrote."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    ended: dict[str, Ended] = {str(line): ours(*line.words[1:]) for line in RUNNABLE}
    assert len(ended) >= 5
    wrong = {line: end for line, end in ended.items() if end.code != 0}
    assert not wrong


def test_the_screen_shown_is_the_screen_seen(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[0]
    ended = ours(*LINES[0].words[1:])
    stable = re.compile(r"[\d.]+ KiB sent|took .*")
    assert stable.sub("", shown) == stable.sub("", ended.err + ended.out)
