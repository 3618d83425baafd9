"""`completions/` is what the program gives, and completing works: the protocol, and in bash itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ended, Ours
from make_completions import FOLDER, SHELLS, script_for

BIN = Path(sys.executable).parent


@pytest.mark.parametrize("name", SHELLS)
def test_the_files_are_what_the_program_gives(name: str) -> None:
    written = (FOLDER / name).read_text("utf-8")
    assert written == script_for(SHELLS[name]), "run: python tests/make_completions.py"


def test_nothing_else_lies_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*SHELLS, "ours.1"}


def complete(ours_process: Ours, line: str) -> Ended:
    words = line.split(" ")
    return ours_process(
        env={
            "_OURS_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ours ba", ["batch", "backfill"]),
        ("ours tr", ["track"]),
        ("ours backfill --day", ["--day-first"]),
        ("ours sandbox --wi", ["--window-days"]),
        ("ours track --tok", ["--token-file"]),
        ("ours --vers", ["--version"]),
        ("ours nothing-like-it", []),
        ("ours batch --output = j", ["json"]),  # bash cuts words at =
        ("ours batch --output =", ["text", "json"]),
        ("ours backfill --epoch-unit ", ["s", "ms", "us", "ns"]),
        ("ours backfill --dst = e", ["earlier"]),
        ("ours inspect --format nd", ["ndjson"]),
        ("ours batch --workers ", ["auto"]),
        ("ours backfill --max-rejects ", []),
    ],
)
def test_a_tab_completes(ours_process: Ours, line: str, expected: list[str]) -> None:
    ended = complete(ours_process, line)
    assert ended.out.split() == expected
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ours backfill o.csv --time '{cre", ["{created_at}"]),
        ("ours backfill o.csv --external-id '{", ["{order_id}", "{created_at}", "{First Name}", "{total}"]),
        ("ours backfill o.csv -p amount='{to", ["amount={total}"]),
        ("ours backfill o.csv -p amount = '{to", ["{total}"]),  # bash cuts words at =
        ("ours backfill o.csv -p 'n={total|nu", ["n={total|number}"]),
        ("ours backfill o.csv -p 'n={order_id}-{to", ["n={order_id}-{total}"]),
        ("ours identify o.csv -u first_name='{F", ["first_name={First Name}"]),
        ("ours backfill o.csv --exclude to", ["total"]),
        ("ours backfill o.csv --where to", ["total="]),
        ("ours backfill r.ndjson --event '{k", ["{kind}"]),
        ("ours backfill t.tsv --no-header --time '{", ["{1}", "{2}"]),
        ("ours backfill titled.csv --header-row 2 --time '{", ["{when}", "{who}"]),
        ("ours track A -u first", ["first_name="]),
        ("ours track A -u cust", ["custom_properties."]),
        ("ours track A -d utm_s", ["utm_source="]),
        ("ours track A --clear gcl", ["gclid"]),
        ("ours track A --profile cl", ["clinic"]),
        ("ours backfill o.csv --resume 2026", ["20261120-abc"]),
        ("ours runs show 2026", ["20261120-abc"]),
        ("ours help te", ["templates"]),
        ("ours backfill nothing.csv --time '{", []),
        ("ours backfill broken.csv --time '{", []),
        ("ours track A --time '{", []),
    ],
)
def test_a_tab_knows_things(
    ours_process: Ours,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    expected: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("o.csv").write_text("order_id,created_at,First Name,total\n1,2026-11-20,Ada,3\n")
    Path("r.ndjson").write_text('{"kind": "A", "when": 1}\n')
    Path("t.tsv").write_text("1\t2026-11-20\n")
    Path("titled.csv").write_text("Report,of,today\nwhen,who\n2026-11-20,a\n")
    Path("broken.csv").write_bytes(b"\x00\x01PK\x03")
    (home / "state" / "ours" / "runs" / "20261120-abc").mkdir(parents=True)
    config = home / "config" / "ours" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[profiles.clinic]\ntoken = "x"\n')
    config.chmod(0o600)
    ended = complete(ours_process, line)
    assert [name for name in ended.out.splitlines() if name] == expected
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("line", "expected", "unused"),
    [
        ("ours backfill o.csv --time '{", ["{a}", "{b}"], "ours_cli.assembly.field_mapping"),
        ("ours b", ["batch", "backfill"], "ours_cli.options"),
        ("ours backfill --preset str", ["stripe"], "ours_cli.source"),
    ],
)
def test_a_tab_loads_little(tmp_path: Path, line: str, expected: list[str], unused: str) -> None:
    (tmp_path / "o.csv").write_text("a,b\n1,2\n")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ours_cli"],
        cwd=tmp_path,
        env={
            **os.environ,
            "_OURS_COMPLETE": "complete_bash",
            "COMP_WORDS": line.replace(" ", "\n"),
            "COMP_CWORD": str(line.count(" ")),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == expected
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint(
        {"rich", "httpx", "dateutil", "asyncio", "sqlite3", "http.server", "ssl", unused}
    )


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_with_the_script() -> None:
    done = subprocess.run(
        [
            "bash",
            "--norc",
            "-c",
            'source "$1"; COMP_WORDS=(ours ba); COMP_CWORD=1; _ours_completion ours; '
            'printf "%s\\n" "${COMPREPLY[@]}"; complete -p ours',
            "bash",
            FOLDER / "ours.bash",
        ],
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["batch", "backfill"]
    assert "-F _ours_completion ours" in done.stdout
    assert done.stderr == ""


ODD = ("Amount (USD)", "Patient's $id", 'a "b"', "net; gross", "x,y", "1..3", "why!", "Größe", "back\\slash")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("before", "word"),
    [("a =", "{"), ("a =", r"{Amount\ \("), ("", "'a={"), ("", '"a={'), ("", "'{Amo"), ("", '"{Amount (')],
    ids=["unquoted", "escaped", "single", "double", "single-begun", "double-begun"],
)
def test_bash_reads_what_it_inserts_as_the_column(
    before: str, word: str, ours_process: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    header = ",".join('"' + name.replace('"', '""') + '"' for name in ODD)
    Path("o.csv").write_text(f"{header}\n" + ",".join("1" for _ in ODD) + "\n")
    words = ["ours", "backfill", "o.csv", "-p", *before.split(), word]
    environment = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    ended = ours_process(env={"_OURS_COMPLETE": "complete_bash", **environment})
    quote = word[0] if word[0] in "'\"" else ""
    prefix = word.strip("'\"").partition("{")[0]
    wanted = [f"{prefix}{{{name}}}" for name in ODD if not (quote == '"' and "!" in name)]
    begun = word.replace("\\", "").partition("{")[2]
    wanted = [text for text in wanted if text.startswith(f"{prefix}{{{begun}")]
    read = []
    for reply in ended.out.splitlines():
        typed = before.replace(" ", "") + quote + reply + quote
        done = subprocess.run(
            ["bash", "--norc", "-c", f"printf '%s\\n' {typed}"], capture_output=True, text=True, check=True
        )
        read += [line.removeprefix(before.replace(" ", "")) for line in done.stdout.splitlines()]
    assert read == wanted
    assert wanted
