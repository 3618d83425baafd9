"""FILE arguments: what they name, and what is said when they name nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ours_cli.errors import ExitCode, SourceError
from ours_cli.source import expand


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "b.csv",
        "a.CSV.gz",
        "sub/c.ndjson",
        "sub/notes.txt",
        ".hidden/d.csv",
        "sub/.e.json",
        "x[1].csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("a\n1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str) -> list[str]:
    return [str(location) for location in expand(arguments)]


def test_files_keep_their_order_and_come_once(folder: Path) -> None:
    assert names("b.csv", "-", "a.CSV.gz", "./b.csv", "-") == ["b.csv", "-", "a.CSV.gz"]


def test_a_directory_is_its_data_files(folder: Path) -> None:
    assert names(str(folder)) == [
        str(folder / name) for name in ("a.CSV.gz", "b.csv", "sub/c.ndjson", "x[1].csv")
    ]


def test_globs_are_expanded_where_the_shell_did_not(folder: Path) -> None:
    assert names("*.csv") == ["b.csv", "x[1].csv"]
    assert names("**/*.ndjson") == ["sub/c.ndjson"]
    assert names("s*") == ["sub/c.ndjson"]


def test_a_name_that_exists_is_never_a_glob(folder: Path) -> None:
    assert names("x[1].csv") == ["x[1].csv"]


def test_any_suffix_will_do_for_a_file_that_is_named(folder: Path) -> None:
    os.mkfifo("pipe")
    assert names("sub/notes.txt", "pipe") == ["sub/notes.txt", "pipe"]


def test_a_pattern_that_matches_nothing_says_what_to_do(folder: Path) -> None:
    with pytest.raises(SourceError) as missing:
        expand([str(folder / "*.xyz")])
    assert missing.value.exit_code == ExitCode.SOURCE
    assert missing.value.hint == "quote the pattern, or name the files"


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        ("bb.csv", "b.csv"),
        ("sub/c.ndjsn", "sub/c.ndjson"),
        ("nowhere/at/all.csv", None),
        ("", None),
    ],
)
def test_what_is_missing_is_an_error_that_names_the_nearest(
    folder: Path, argument: str, hint: str | None
) -> None:
    with pytest.raises(SourceError) as missing:
        expand([argument])
    assert missing.value.exit_code == ExitCode.SOURCE
    assert (
        (missing.value.hint and missing.value.hint.endswith(f" {hint}?")) if hint else not missing.value.hint
    )


def test_a_directory_without_data_files_is_an_error(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(SourceError, match="no data files"):
        expand(["empty"])
