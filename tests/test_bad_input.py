"""Each kind of bad input: its exit code, `error:` and `hint:` on stderr, no traceback, and no request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import TOKEN, Ended, Ours, StartSandbox
from rows import iso, write

from ours_cli.sandbox import Sandbox

FIELDS = ("--event", "E", "--time", "{when}", "--external-id", "{id}")
MARKER = "row-value-canary"
GOOD = f"when,id,note\n{iso(1)},1,{MARKER}\n"


class Case(NamedTuple):
    name: str
    code: int
    arguments: Callable[[Path], tuple[str | Path, ...]]
    words: tuple[str, ...]
    """What stderr must say."""


def backfill(*arguments: str) -> Callable[[Path], tuple[str | Path, ...]]:
    return lambda folder: ("backfill", write(folder / "o.csv", GOOD), *FIELDS, *arguments)


def file(name: str, content: bytes, *arguments: str) -> Callable[[Path], tuple[str | Path, ...]]:
    def make(folder: Path) -> tuple[str | Path, ...]:
        (folder / name).write_bytes(content)
        return ("backfill", folder / name, *FIELDS, *arguments)

    return make


def track(*arguments: str) -> Callable[[Path], tuple[str | Path, ...]]:
    return lambda _: ("track", "E", "--external-id", "c", *arguments)


def empty_folder(folder: Path) -> tuple[str | Path, ...]:
    (folder / "empty").mkdir()
    return ("backfill", folder / "empty", *FIELDS)


def missing_file(folder: Path) -> tuple[str | Path, ...]:
    write(folder / "orders.csv", GOOD)
    return ("backfill", folder / "order.csv", *FIELDS)


def unreadable_config(folder: Path) -> tuple[str | Path, ...]:
    path = folder / "home" / "config" / "ours" / "config.toml"
    path.parent.mkdir(parents=True)
    write(path, f'token = "{TOKEN}"').chmod(0o644)
    return ("track", "E", "--external-id", "c")


REFUSED = [
    Case("missing file", 6, missing_file, ("order.csv does not exist", "orders.csv")),
    Case("no match", 6, lambda folder: ("backfill", f"{folder}/*.csv", *FIELDS), ("no file matches",)),
    Case("no data files", 6, empty_folder, ("holds no data files", ".csv")),
    Case("xlsx", 6, file("o.xlsx", b"PK\x03\x04" + b"\0" * 40), ("o.xlsx",)),
    Case("parquet", 6, file("o.parquet", b"PAR1\x15" + b"\0" * 40), ("Parquet",)),
    Case("wrong format told", 2, backfill("--format", "yaml"), ("--format", "tsv, ndjson, jsonl or json")),
    Case("no header", 6, file("o.csv", f"{iso(1)},1,x\n".encode()), ("looks like data", "--no-header")),
    Case(
        "title above", 6, file("o.csv", b"Report\n\nwhen,id\n2026-01-01,1\n2026-01-02,2\n"), ("--skip-lines",)
    ),
    Case("cut-off gzip header", 6, file("o.csv.gz", b"\x1f\x8b\x08\x00"), ("o.csv.gz",)),
    Case("unknown column", 2, backfill("-p", "a={nte}"), ("'nte'", "did you mean 'note'?")),
    Case("unknown filter", 2, backfill("-p", "a={note|lowr}"), ("`lowr`", "`lower`")),
    Case("bad literal JSON", 2, backfill("-p", "a:=oops"), ("not JSON",)),
    Case("bad JSON in track", 2, track("-p", "a:=oops"), ("-p a:= is not JSON", "-p a=TEXT")),
    Case("both orders", 2, backfill("--day-first", "--month-first"), ("contradict", "keep one")),
    Case("both orders in track", 2, track("--day-first", "--month-first"), ("contradict", "keep one")),
    Case("config that others can read", 2, unreadable_config, ("others can read", "chmod 600")),
    Case("http to a far host", 2, track("--base-url", "http://api.example"), ("plain http://", "https://")),
    Case("unknown visitor property", 2, track("-u", "firstname=A"), ("'firstname'", "'first_name'")),
    Case(
        "unknown visitor property of rows",
        2,
        backfill("-u", "fav={note}"),
        ("'fav'", "custom_properties.fav"),
    ),
    Case("no event", 2, lambda _: ("track", "--external-id", "c"), ("the event has no name", "ours track")),
    Case("no identifier", 2, lambda _: ("track", "E"), ("nothing says whom", "--external-id")),
    Case("unknown flag", 2, backfill("--day-frist"), ("--day-frist", "--day-first")),
    Case("unknown command", 2, lambda _: ("backfil", "x"), ("backfil", "did you mean 'ours backfill'?")),
    Case("no file", 2, lambda _: ("backfill", *FIELDS), ("FILE", "--help")),
    Case("star in track", 2, track("-p", "*"), ("-p '*' is for backfill", "-p NAME=TEXT")),
    Case(
        "missing token file",
        4,
        track("--token-file", "/no/such"),
        ("the file that --token-file names does not exist", "source API key"),
    ),
    Case("missing map", 2, backfill("--map", "/no/such.toml"), ("/no/such.toml", "TOML")),
    Case(
        "CA file that is none",
        2,
        track("--ca-file", "/no/such", "--base-url", "https://127.0.0.1:9"),
        ("/no/such", "PEM"),
    ),
    Case("--tz that is none", 2, backfill("--tz", "Mars/Base"), ("--tz",)),
    Case("--concurrency", 2, backfill("--concurrency", "many"), ("--concurrency", "auto")),
    Case("--output", 2, backfill("-o", "xml"), ("xml",)),
    Case("--timeout", 2, backfill("--timeout", "soon"), ("--timeout", "90s")),
]


def clean(ended: Ended, place: Sandbox) -> None:
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert TOKEN not in ended.err
    assert MARKER not in ended.err
    assert list(place.requests()) == []


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused_before_anything_is_sent(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, case: Case
) -> None:
    place = sandbox()
    ended = ours(*case.arguments(tmp_path))
    assert ended.code == case.code, ended.err
    lines = ended.err.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith(("error:", "hint:"))][:1] == ["error"]
    if case.name != "no match":
        assert any(line.startswith("hint: ") for line in lines), ended.err
    for word in case.words:
        assert word in ended.err
    clean(ended, place)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("o.csv", b""),
        ("o.csv", b"\n\n"),
        ("o.csv", b"\xef\xbb\xbf"),
        ("o.csv", b"when,id\n"),
        ("o.csv", b"when,id"),
        ("o.tsv", b"when\tid\n"),
        ("o.ndjson", b""),
        ("o.ndjson", b"\n"),
        ("o.json", b""),
        ("o.json", b"[]"),
        ("o.json", b" [ ]\n"),
    ],
)
def test_nothing_to_do_is_exit_0(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, name: str, content: bytes
) -> None:
    place = sandbox()
    (tmp_path / name).write_bytes(content)
    ended = ours("backfill", tmp_path / name, *FIELDS, "-o", "json")
    assert ended.code == 0, ended.err
    assert (ended.json["status"], ended.json["read"], ended.json["requests"]) == ("complete", 0, 0)
    assert list(place.requests()) == []
    assert not list((tmp_path / "home" / "state").glob("ours/runs/*"))


def test_an_empty_pipe_is_exit_0(ours_process: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    assert ours_process("batch", stdin=b"").code == 0
    assert ours_process("batch").code == 0
    assert ours_process("backfill", "-", *FIELDS, stdin=b"").code == 0
    assert list(place.requests()) == []


def test_no_token(ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = sandbox()
    monkeypatch.delenv("OURS_PRIVACY_TOKEN")
    for arguments in (track()(tmp_path), backfill()(tmp_path)):
        ended = ours(*arguments)
        assert ended.code == 4
        assert "error: there is no token" in ended.err
        assert "hint: export OURS_PRIVACY_TOKEN" in ended.err
        clean(ended, place)


@pytest.mark.parametrize("make", [track, backfill])
def test_an_unreachable_host_is_exit_5(
    ours: Ours, tmp_path: Path, make: Callable[..., Callable[[Path], tuple[str | Path, ...]]]
) -> None:
    ended = ours(*make("--base-url", "http://127.0.0.1:9", "--give-up-after", "0.2")(tmp_path))
    assert ended.code == 5
    assert "error: gave up" in ended.err
    assert "hint: " in ended.err
    assert "Traceback" not in ended.err
    assert TOKEN not in ended.err


def test_a_closed_standard_input(sandbox: StartSandbox) -> None:
    import subprocess
    import sys

    place = sandbox()
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m ours_cli batch <&-"], capture_output=True, check=False
    )
    assert done.returncode in (2, 6)
    assert b"error: " in done.stderr
    assert b"bug" not in done.stderr
    assert list(place.requests()) == []
