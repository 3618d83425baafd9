"""Start-up is a feature: what a command of every shell loop may import, and how it is started."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main
from conftest import Ours

from ours_cli import __version__
from ours_cli.app import COMMANDS, app

HEAVY = (
    *("rich", "httpx", "httpcore", "h11", "anyio", "dateutil", "asyncio", "sqlite3", "pydantic", "click"),
    *("http.server", "ssl", "pygments"),
)

SCRIPT = """
import json, sys
from ours_cli.boundary import run
code = run(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def modules_after(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("backfill", "--help"),
        ("track", "E", "--external-id", "c", "-p", "n:=1", "-u", "city=Ulm", "--dry-run"),
        ("identify", "--external-id", "c", "-u", "city=Ulm", "--dry-run"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_light(arguments: tuple[str, ...]) -> None:
    assert modules_after(*arguments) & {*HEAVY, "ctypes"} == set()


def ours_modules(*names: str) -> set[str]:
    """Modules of ours by their names, which must be right: what is not there is never loaded."""
    modules = {f"ours_cli.{name}" for name in names}
    assert all(map(find_spec, modules))
    return modules


@pytest.mark.parametrize("command", [("track", "E"), ("identify", "-u", "city=Ulm")], ids=" ".join)
def test_what_rows_need_waits_for_rows(command: tuple[str, ...]) -> None:
    loaded = modules_after(*command, "--external-id", "c", "--dry-run")
    rows = ("timestamps", "source", "mapping.selection", "assembly", "ids.identity", "events.chunk")
    assert loaded & ours_modules(*rows, "rejects.rejects", "pipeline") == set()


def test_what_few_runs_need_waits_for_them(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"id,at,total\nc1,{int(time.time()) - 60},12.5\n")
    mapping = ("--event", "E", "--external-id", "{id}", "--time", "{at}", "-p", "total={total|number}")
    loaded = modules_after("backfill", str(table), *mapping, "--sandbox", "--no-progress", "-q")
    few = ours_modules(
        "mapping.presets",
        "rows.dry_run",
        "workers.parallel_mapping",
        "workers.worker_pool",
        "timestamps.any_order",
        "source.json_elements",
        "source.parquet",
    )
    assert loaded & {"rich", "tomllib", *few} == set()


LOOKS = """
import gc, sys
usual = gc.get_threshold()
from ours_cli.__main__ import main
looks = []
gc.callbacks.append(lambda phase, _: looks.append(phase))
try:
    main()
except SystemExit as ended:
    print(len(looks), gc.get_threshold() == usual, ended.code, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("command", "looks", "is_usual"),
    [
        (("--help",), "0", "False"),
        (("track", "E", "--external-id", "c", "--dry-run"), "0", "False"),
        (("track", "-", "--dry-run"), None, "True"),
        (("batch", "-", "--dry-run"), None, "True"),
    ],
)
def test_garbage_is_looked_for_only_by_what_runs_on(
    command: tuple[str, ...], looks: str | None, is_usual: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOKS, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    seen, *rest = done.stderr.split()[-3:]
    assert rest == [is_usual, "0"], done.stderr
    assert looks in (None, seen)


def test_a_dry_run_of_rows_draws_nothing_and_serves_nothing() -> None:
    assert modules_after("batch", "--dry-run") & {"rich", "sqlite3", "http.server"} == set()


def test_python_m_and_the_version() -> None:
    done = subprocess.run([sys.executable, "-m", "ours_cli", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"ours {__version__}\n")


@pytest.mark.parametrize("words", [("--version", "-v"), ("-v", "--version"), ("--verbose", "--version")])
def test_the_version_with_all_that_it_stands_on(ours: Ours, words: tuple[str, ...]) -> None:
    ended = ours(*words)
    assert (ended.code, ended.err) == (0, "")
    first, python, *rest = ended.out.splitlines()
    assert first == f"ours {__version__}"
    assert python.startswith(f"Python {platform.python_version()} on ")
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [re.split("[<>=]", text)[0] for text in project["dependencies"]]
    assert rest == [f"{name} {version(name)}" for name in wanted]


def test_v_before_a_command_says_where_it_belongs(ours: Ours) -> None:
    ended = ours("-v", "runs")
    assert ended.code == 2
    assert ended.err == "error: -v before a command goes with --version only\nhint: ours COMMAND -v\n"


def test_help_lists_the_commands() -> None:
    done = subprocess.run([sys.executable, "-m", "ours_cli"], capture_output=True, text=True)
    assert all(command in done.stdout + done.stderr for command in COMMANDS)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ours_cli", command, "-h"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 0
    assert f"Usage: ours {command}" in done.stdout
    assert "--token " not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_bug_is_one_line_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ours_cli import boundary

    def broken(**_: object) -> None:
        raise ValueError("a row's value")

    monkeypatch.setattr(boundary, "app", broken)
    assert boundary.run([]) == 1
    err = capsys.readouterr().err
    assert "a bug in ours: ValueError" in err
    assert "a row's value" not in err
    assert "Traceback" not in err


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    group = typer.main.get_command(app)
    for name, summary in COMMANDS.items():
        command: Any = group.get_command(None, name)  # type: ignore[attr-defined]
        assert command.help.partition("\n")[0] == summary


LOOKED_FOR = """
import sys
from importlib.machinery import PathFinder
from ours_cli.boundary import run
class WithoutSniffio(PathFinder):
    looks = 0
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "sniffio":
            cls.looks += 1
            return None
        return super().find_spec(name, path, target)
sys.meta_path = [WithoutSniffio if finder is PathFinder else finder for finder in sys.meta_path]
code = run(sys.argv[1:])
print(code, WithoutSniffio.looks, file=sys.stderr)
"""


def test_a_library_that_is_not_there_is_not_looked_for_at_each_request() -> None:
    rows = "".join(f'{{"event": "E", "externalId": "c{row}"}}\n' for row in range(20))
    words = ["batch", "-", "--sandbox", "--batch-size", "1", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", LOOKED_FOR, *words], capture_output=True, text=True, input=rows
    )
    code, looks = done.stderr.split()[-2:]
    assert (code, looks) == ("0", "1"), done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows writes no core dumps")
def test_no_core_dump_is_left() -> None:
    script = (
        "import resource; from ours_cli.process.core_dumps import limit_cores; limit_cores();"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="prctl")
@pytest.mark.parametrize("command", [("track", "E", "--external-id", "c"), ("batch",)], ids=" ".join)
def test_what_sends_cannot_be_dumped_or_traced(command: tuple[str, ...]) -> None:
    script = (
        "import ctypes, sys; from ours_cli.boundary import run; run(sys.argv[1:]);"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    words = [sys.executable, "-c", script, *command, "--sandbox", "--quiet"]
    done = subprocess.run(words, capture_output=True, text=True, input="")
    assert done.stdout.splitlines()[-1] == "0", done.stderr
