"""What is shipped: the wheel is whole, its entry point starts, and it asks for what it imports."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from ours_cli import __version__

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
IMPORTED_AS = {"python-dateutil": "dateutil"}
"""Where a distribution's package bears another name."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built by the backend itself: no network, no new environment."""
    pytest.importorskip("hatchling", reason="hatchling is in the dev extra")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    return folder


def wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_has_the_package_whole_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(wheel_in(built)) as wheel:
        shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    sources = {
        path for path in (ROOT / "ours_cli").rglob("*") if path.suffix in (".py", ".json", ".toml", ".md")
    }
    assert {path.relative_to(ROOT).as_posix() for path in sources} <= shipped
    assert {"ours_cli/py.typed", "ours_cli/sandbox/known_properties.json"} <= shipped
    assert all(name.startswith("ours_cli/") for name in shipped)


def test_the_wheel_starts_by_itself(built: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel_in(built)) as wheel:
        wheel.extractall(tmp_path)
    (entry_points,) = tmp_path.glob("*.dist-info/entry_points.txt")
    assert re.findall(r"^(\w+) = (.*)$", entry_points.read_text("utf-8"), re.MULTILINE) == [
        ("ours", "ours_cli.__main__:main")
    ]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import ours_cli.sandbox.rules as rules; print(rules.__file__); import sys;"
            "sys.argv[1:] = ['--version']; from ours_cli.__main__ import main; main()",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{tmp_path / 'ours_cli/sandbox/rules.py'}\nours {__version__}\n"


def test_the_sdist_has_what_the_readme_speaks_of(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "samples/orders.csv",
        "completions/_ours",
        "completions/ours.1",
        ".ci/run",
    } <= names


def test_the_installed_command_starts() -> None:
    command = Path(sys.executable).with_name("ours")
    if not command.exists():
        pytest.skip("ours is not installed beside this Python")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"ours {__version__}\n"


def test_it_asks_for_everything_that_it_imports() -> None:
    asked = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["parquet"]]
    required = {re.split(r"[<>=!~ ]", text)[0] for text in asked}
    packages = {IMPORTED_AS.get(name, name) for name in required}
    imported: set[str] = set()
    for path in (ROOT / "ours_cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    assert imported - set(sys.stdlib_module_names) - {"ours_cli"} == packages


def test_ci_takes_its_command_from_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text("utf-8")
    assert "README.md" in text
    assert not re.search(r"\b(ruff|mypy|pip)\b", text), "the command stands in the README alone"
