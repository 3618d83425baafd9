"""The direction of the flow, read from the imports: source → record → event → chunk → delivery → report."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1] / "ours_cli"
MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}


class Import(NamedTuple):
    name: str
    deferred: bool
    """Inside a function: it loads only when that function runs."""
    typing_only: bool


@cache
def imports(module: str) -> tuple[Import, ...]:
    return tuple(_walk(ast.parse(MODULES[module].read_text("utf-8")), deferred=False, typing_only=False))


def _walk(node: ast.AST, *, deferred: bool, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        inside = deferred or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        typing = typing_only or (
            isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        )
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, inside, typing) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            for alias in child.names:
                deeper = f"{child.module}.{alias.name}"
                yield Import(deeper if deeper in MODULES else child.module, inside, typing)
        else:
            yield from _walk(child, deferred=inside, typing_only=typing)


def own(module: str) -> set[str]:
    """The modules of ours that this one needs to run."""
    return {found.name for found in imports(module) if found.name in MODULES and not found.typing_only}


def importers(package: str) -> set[str]:
    return {
        module
        for module in MODULES
        for found in imports(module)
        if found.name == package or found.name.startswith(f"{package}.")
    }


@cache
def reaches(module: str) -> frozenset[str]:
    """Everything of ours that loads with this module, functions' imports apart."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        for found in imports(waiting.pop()):
            if found.name in MODULES and not (found.deferred or found.typing_only) and found.name not in seen:
                seen.add(found.name)
                waiting.append(found.name)
    return frozenset(seen)


def stage(name: str) -> set[str]:
    return {
        module for module in MODULES if module == f"ours_cli.{name}" or module.startswith(f"ours_cli.{name}.")
    }


def test_the_net_is_cast() -> None:
    assert {
        "ours_cli.app",
        "ours_cli.sandbox",
        "ours_cli.source.opening",
        "ours_cli.assembly.field_mapping",
    } <= MODULES.keys()
    assert "ours_cli.source" in own("ours_cli.rows.row_sources")
    assert any(found.deferred for found in imports("ours_cli.rows.row_run"))


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("rich", {"ours_cli.bar"}),
        ("httpx", {"ours_cli.sending.http_client"}),
        ("http.server", {"ours_cli.sandbox.server"}),
        ("requests", set()),
        ("click", set()),
        ("pydantic", set()),
    ],
)
def test_who_may_import(package: str, allowed: set[str]) -> None:
    assert importers(package) <= allowed


def test_typer_is_for_the_command_line() -> None:
    assert importers("typer") <= {
        "ours_cli.app",
        "ours_cli.boundary",
        "ours_cli.options",
        "ours_cli.cli.completion",
    } | stage("commands")


def test_the_sandbox_shares_no_rules_with_the_client() -> None:
    light = {"ours_cli", "ours_cli.errors"} | stage("sandbox")
    for module in stage("sandbox"):
        assert own(module) <= light, module


def test_only_the_destination_and_its_command_know_the_sandbox() -> None:
    outside = importers("ours_cli.sandbox") - stage("sandbox")
    assert outside <= {"ours_cli.destination", "ours_cli.commands.sandbox"}


MAY_KNOW = {
    "record": "",
    "errors": "",
    "contract": "",
    "events": "record",
    "timestamps": "",
    "source": "record errors",
    "templates": "record errors",
    "ids": "contract errors",
    "mapping": "timestamps templates ids events record contract errors",
    "drafting": "mapping timestamps templates ids events record contract errors",
    "assembly": "drafting mapping timestamps templates ids events record contract errors",
    "settings": "contract errors",
    "sending": "settings events record contract errors",
    "rejects": "source events record errors",
    "reports": "mapping ids events record contract errors",
    "runs": "timestamps shard rejects reports events record errors",
    "shard": "errors",
    "safeguards": "reports events record errors",
    "intake": "safeguards reports runs events record errors",
    "feed": "intake safeguards reports runs events record errors",
    "row_mapping": "intake safeguards timestamps templates mapping drafting assembly ids reports runs"
    " events record contract errors",
    "bar": "reports errors",
    "console": "bar reports errors",
    "cli.failed_result": "console bar reports errors",
    "options": "cli.completion contract errors",
    "destination": "settings options cli.completion contract errors",
    "single": "destination console bar reports mapping ids sending settings options cli.completion contract"
    " errors",
    "inspect": "source timestamps templates mapping ids reports record contract errors",
    "doctor": "destination sending settings options cli.completion contract errors",
    "sandbox": "errors",
}
"""What each stage may reach of the others."""

KNOW_NEARLY_ALL = ("workers", "rows", "pipeline", "commands", "app", "boundary", "cli.completion", "__main__")
"""Where the stages are put together; a stage reaches one of these only where its row says so."""

KNOW_NO_STAGE = (
    *("cli.bash_words", "cli.option_groups", "cli.typed_words", "cli.unset_variables", "cli.usage_errors"),
    "cli.zsh_script",
    *(
        "clock_skew",
        "exact_json",
        "files",
        "process",
        "reject_marks",
        "topics",
        "trimming",
        "uuids",
        "wording",
    ),
)
"""Small modules for any stage."""

STAGES = (*MAY_KNOW, *KNOW_NEARLY_ALL)


def test_every_module_has_its_place() -> None:
    placed = [module for name in (*STAGES, *KNOW_NO_STAGE) for module in stage(name)]
    assert sorted([*placed, "ours_cli", "ours_cli.cli"]) == sorted(MODULES)


def test_no_two_stages_know_each_other() -> None:
    pairs = {
        frozenset((name, other))
        for name, known in MAY_KNOW.items()
        for other in known.split()
        if name in MAY_KNOW.get(other, "").split()
    }
    assert not pairs


@pytest.mark.parametrize("name", KNOW_NO_STAGE)
def test_small_modules_know_no_stage(name: str) -> None:
    allowed = set().union(*map(stage, (*KNOW_NO_STAGE, "errors")))
    for module in stage(name):
        found = reaches(module) - allowed - {"ours_cli"}
        assert not found, f"{module} reaches {sorted(found)}"


@pytest.mark.parametrize("name", MAY_KNOW)
def test_one_direction(name: str) -> None:
    forbidden = set().union(*map(stage, STAGES)) - set().union(*map(stage, (name, *MAY_KNOW[name].split())))
    for module in stage(name):
        found = reaches(module) & forbidden
        assert not found, f"{module} reaches {sorted(found)}"


INSIDE_NEVER_KNOW = [
    ("templates.filters", "templates.template"),
    ("mapping.validate", "assembly events.event"),
    ("assembly.event_assembler", "assembly.field_mapping"),
    ("sending.retry", "sending.delivery sending.http_client settings events"),
    ("sending.stops", "sending.delivery sending.http_client settings"),
    ("sending.settlement", "sending.delivery sending.http_client settings"),
    ("sending.http_client", "sending.delivery events"),
    ("reports.report", "reports.report_text rejects.rejects"),
    ("reports.report_text", "rejects.rejects reports.preview"),
    ("reports.preview_text", "rejects.rejects"),
    ("reports.histogram", "reports.preview reports.report"),
    ("rejects.rejects", "reports.report source.opening"),
    ("console", "reports.report rejects.rejects"),
    ("doctor.judgement", "sending.http_client destination"),
    ("doctor.drift", "sending.http_client sending.retry destination settings"),
    ("pipeline", "commands console rows options app"),
]


@pytest.mark.parametrize(("earlier", "later"), INSIDE_NEVER_KNOW, ids=lambda value: str(value)[:20])
def test_one_direction_inside(earlier: str, later: str) -> None:
    assert stage(earlier)
    assert all(map(stage, later.split())), "a name of no module forbids nothing"
    forbidden = set().union(*map(stage, later.split()))
    for module in stage(earlier):
        found = reaches(module) & forbidden
        assert not found, f"{module} reaches {sorted(found)}"


def test_commands_do_not_know_one_another() -> None:
    shared = {"ours_cli.commands", "ours_cli.commands.field_flags"}
    for module in stage("commands") - shared:
        assert own(module) & stage("commands") <= shared, module


def test_nothing_imports_the_app() -> None:
    assert importers("ours_cli.app") <= {
        *("ours_cli.boundary", "ours_cli.cli.completion", "ours_cli.commands.help"),
    }
    # `runs resume` runs a whole command line again, and `help COMMAND` is `COMMAND --help`.
    assert importers("ours_cli.boundary") <= {
        *("ours_cli.__main__", "ours_cli.commands.runs", "ours_cli.commands.help"),
    }


def test_no_circles() -> None:
    for module in MODULES:
        assert module not in reaches(module) or module == "ours_cli.sandbox", module


def test_no_drawers() -> None:
    names = {path.stem for path in MODULES.values()}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc"}


@pytest.mark.parametrize("module", MODULES)
def test_files_stay_readable(module: str) -> None:
    lines = MODULES[module].read_text("utf-8").splitlines()
    assert len(lines) <= 450
    tree = ast.parse("\n".join(lines))
    assert ast.get_docstring(tree) or module.endswith("__main__")


def test_no_machine_paths() -> None:
    for path in MODULES.values():
        text = path.read_text("utf-8")
        assert "/work/" not in text, path
        assert "/tmp/" not in text, path
