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
        "ours_cli.mapping",
    } <= MODULES.keys()
    assert "ours_cli.source" in own("ours_cli.rows.row_sources")
    assert any(found.deferred for found in imports("ours_cli.rows.row_run"))


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("rich", {"ours_cli.console"}),
        ("httpx", {"ours_cli.sending.http_client"}),
        ("http.server", {"ours_cli.sandbox.server", "ours_cli.sandbox.answers"}),
        ("requests", set()),
        ("click", set()),
        ("pydantic", set()),
    ],
)
def test_who_may_import(package: str, allowed: set[str]) -> None:
    assert importers(package) <= allowed


def test_typer_is_for_the_command_line() -> None:
    assert importers("typer") <= {"ours_cli.app", "ours_cli.options", "ours_cli.completion"} | stage(
        "commands"
    )


def test_the_sandbox_shares_no_rules_with_the_client() -> None:
    light = {"ours_cli", "ours_cli.errors"} | stage("sandbox")
    for module in stage("sandbox"):
        assert own(module) <= light, module


def test_only_the_destination_and_its_command_know_the_sandbox() -> None:
    outside = importers("ours_cli.sandbox") - stage("sandbox")
    assert outside <= {"ours_cli.destination", "ours_cli.commands.sandbox"}


EARLIER_NEVER_KNOW_LATER = [
    ("record", "source mapping event chunk sending reports console"),
    ("source", "event mapping templates.template timestamps assemble chunk sending reports"),
    ("timestamps", "source mapping templates.template event sending settings"),
    ("templates.template", "mapping event sending source assemble settings contract"),
    ("templates.filters", "mapping event sending source templates.template"),
    ("validate", "event assemble mapping sending settings source"),
    ("ids.identity", "assemble mapping sending source settings"),
    ("assemble", "mapping chunk sending outcome reports source settings"),
    ("mapping", "chunk sending outcome reports settings pipeline"),
    ("batch_rows", "chunk sending outcome reports settings"),
    ("chunk", "sending outcome reports settings mapping source"),
    ("sending.retry", "sending.delivery settings event chunk sending.http_client mapping"),
    ("sending.stops", "sending.delivery settings sending.http_client mapping reports"),
    ("sending.http_client", "sending.delivery mapping source reports console event chunk"),
    ("sending.delivery", "mapping source reports console pipeline"),
    ("outcome", "sending reports settings"),
    ("reports.report", "sending reports.report_text console pipeline settings reports.rejects"),
    ("reports.report_text", "console pipeline sending reports.rejects settings rows.row_run reports.preview"),
    ("reports.preview_text", "console pipeline sending reports.rejects settings rows.row_run rows.dry_run"),
    ("reports.histogram", "reports.preview reports.report reports.report_text inspect"),
    ("reports.rejects", "sending pipeline console reports.report settings source.opening.open_table"),
    ("pipeline", "commands console rows.row_run options app"),
    ("console", "commands sending.delivery rows.row_run mapping reports.report reports.rejects"),
    ("settings", "options commands console sending mapping"),
    ("doctor", "commands console rows.row_run pipeline sending.delivery mapping"),
    ("doctor.judgement", "sending.http_client destination"),
    ("doctor.drift", "sending.http_client destination settings sending.retry"),
    ("errors", "record settings console"),
    ("contract", "errors validate mapping settings"),
]


@pytest.mark.parametrize(("earlier", "later"), EARLIER_NEVER_KNOW_LATER, ids=lambda value: str(value)[:20])
def test_one_direction(earlier: str, later: str) -> None:
    forbidden = set().union(*map(stage, later.split()))
    for module in stage(earlier):
        found = {name for name in reaches(module) if name in forbidden}
        assert not found, f"{module} reaches {sorted(found)}"


def test_commands_do_not_know_one_another() -> None:
    shared = {"ours_cli.commands", "ours_cli.commands.one", "ours_cli.commands.field_flags"}
    for module in stage("commands") - shared:
        assert own(module) & stage("commands") <= shared, module


def test_nothing_imports_the_app() -> None:
    # `runs resume` runs a whole command line again, and `help COMMAND` is `COMMAND --help`.
    allowed = {
        *("ours_cli.__main__", "ours_cli.completion"),
        *("ours_cli.commands.runs", "ours_cli.commands.help"),
    }
    assert importers("ours_cli.app") <= allowed


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
