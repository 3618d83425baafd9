"""FILE arguments: what they name, and what is said when they name nothing."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ours

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


@pytest.mark.parametrize(
    "typed",
    [
        '{"event":"a","email":"jane.org"}',
        '{"event":"a","list":["x[1]*"]}',
        "jane@example.org",
        "Jane 'JD' Doe",
        "Jane\nDoe",
        "j" * 256,
        f"jane/{'j' * 256}",
    ],
)
@pytest.mark.parametrize("command", ["batch", "inspect", "backfill"])
def test_what_may_be_a_row_in_place_of_a_file_is_not_repeated(ours: Ours, typed: str, command: str) -> None:
    rest = ("--event", "E", "--time", "{t}", "--external-id", "{i}") if command == "backfill" else ()
    ended = ours(command, typed, *rest)
    assert ended.code == 6
    assert ended.err.startswith("error: there is no such FILE")
    assert "jane" not in ended.err.lower()
    assert "jj" not in ended.err


def test_a_mistyped_name_is_repeated(ours: Ours, folder: Path) -> None:
    assert "error: c.csv does not exist\nhint: did you mean b.csv?" in ours("inspect", "c.csv").err
    assert f"error: no file matches {folder}/*.tsv" in ours("batch", f"{folder}/*.tsv").err


def test_a_name_with_odd_letters_is_read(ours: Ours, folder: Path) -> None:
    Path("jane's {1} @.csv").write_text("a\n1\n")
    assert names("jane's {1} @.csv") == ["jane's {1} @.csv"]


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


def test_names_with_an_equals_sign_are_partitions(folder: Path) -> None:
    for name in ("_day=1/p.csv", ".day=1/q.csv", "_temporary/r.csv"):
        (folder / name).parent.mkdir()
        (folder / name).write_text("a\n1\n")
    assert [Path(name).name for name in names(".")] == [
        "q.csv",
        "p.csv",
        "a.CSV.gz",
        "b.csv",
        "c.ndjson",
        "x[1].csv",
    ]


@pytest.fixture
def closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`sub/closed`, which cannot be listed; root, who runs some tests, can list any."""
    path = folder / "sub" / "closed"
    path.mkdir()
    (path / "missed.csv").write_text("a\n1\n")
    scan = os.scandir

    def refuse(asked: str | Path) -> object:
        if os.path.realpath(asked) == str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(asked))
        return scan(asked)

    monkeypatch.setattr(os, "scandir", refuse)
    return path


@pytest.mark.parametrize(
    "argument",
    [".", "sub", "sub/closed", "**", "**/*.csv", "s*/**/*.csv", "sub/*/*.csv", "s*", "sub/closed/*"],
)
def test_a_folder_that_cannot_be_listed_is_not_passed_over(closed: Path, argument: str) -> None:
    for written in (argument, str(closed.parents[1] / argument)):
        with pytest.raises(SourceError, match=r"sub/closed cannot be read: Permission denied$"):
            expand([written])


@pytest.mark.parametrize("argument", ["*.csv", "sub/*.ndjson", "b.csv", "sub/c.ndjson"])
def test_a_folder_that_nobody_asked_for_need_not_be_listed(closed: Path, argument: str) -> None:
    assert names(argument)


def test_a_folder_without_rights_is_refused_by_the_system_too(folder: Path) -> None:
    closed = folder / "sub" / "closed"
    closed.mkdir(mode=0o000)
    command = [sys.executable, "-m", "ours_cli", "batch", str(folder), "--dry-run"]
    if os.access(closed, os.R_OK):
        if not (setpriv := shutil.which("setpriv")):
            pytest.skip("nothing is closed to root")
        rights = "-dac_override,-dac_read_search"
        command = [setpriv, f"--bounding-set={rights}", f"--inh-caps={rights}", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "sub/closed cannot be read: Permission denied" in done.stderr) == (6, True)


def test_a_link_to_nothing_is_not_passed_over(ours: Ours, tmp_path: Path) -> None:
    (tmp_path / "z.csv").symlink_to("nowhere.csv")
    for argument in (tmp_path, tmp_path / "z.csv", tmp_path / "*.csv"):
        mapping = ("--event", "E", "--external-id", "{a}", "--time", "{a}")
        ended = ours("backfill", argument, *mapping, "--dry-run")
        assert ended.code == 6, ended.err
        assert "z.csv cannot be read: No such file" in ended.err


def test_links_to_files_are_read_and_those_to_folders_are_not(folder: Path) -> None:
    (folder / "sub" / "z.csv").symlink_to(folder / "b.csv")
    (folder / "sub" / "loop.csv").symlink_to(folder)
    assert names("sub") == ["sub/c.ndjson", "sub/z.csv"]


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_no_file_is_not_passed_over(folder: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo("sub/z.csv")
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("sub/z.csv")
    with pytest.raises(SourceError, match=r"sub/z\.csv is a pipe, a socket or a device"):
        expand(["sub"])
