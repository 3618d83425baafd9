"""With `-o json` a script reads one object, however early the command fails; `--report` holds it too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from rows import iso, ndjson, write

from ours_cli.files.report_file import may_replace
from ours_cli.sandbox import Fault, Then, When

EARLY = [
    (("batch", "nowhere.ndjson"), 6, "nowhere.ndjson does not exist"),
    (
        ("backfill", "orders.csv", "--event", "E", "--time", "{t}", "--email", "{nobody}"),
        2,
        "there is no column 'nobody'",
    ),
    (("backfill", "orders.csv", "--event", "{a|nofilter}"), 2, None),
    (("backfill",), 2, "missing argument 'FILE...'"),
    (("batch", "orders.csv", "--batch-size", "abc"), 2, None),
    (("batch", "--zzz", "orders.csv"), 2, "no such option: --zzz"),
    (("identify", "orders.csv", "--token", "x"), 2, None),
    (("identify", "--email", "a@b.c"), 2, "there is no visitor property to set"),
    (("track", "X"), 2, "nothing says whom this is about"),
    (("track", "X", "--external-id", "c", "--token-file", "nowhere"), 4, None),
    (("batch", "rows.ndjson", "--token-file", "nowhere"), 4, None),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "orders.csv", f"a,t\n1,{iso(1)}\n")
    write(tmp_path / "rows.ndjson", ndjson([{"event": "E", "externalId": "1"}]))
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "exit_code", "said"),
    EARLY,
    ids=lambda value: " ".join(map(str, value))[:40] if isinstance(value, tuple) else None,
)
@pytest.mark.parametrize("form", [("-o", "json"), ("-ojson",), ("--output=json",)], ids=" ".join)
def test_an_early_failure_is_an_object_too(
    ours: Ours, typed: tuple[str, ...], exit_code: int, said: str | None, form: tuple[str, ...]
) -> None:
    silent, ended = ours(*typed), ours(*typed, *form)
    assert silent.out == ""
    assert ended.err == silent.err
    assert ended.code == silent.code == exit_code
    assert ended.json.keys() == {"command", "status", "error", "exit"}
    assert ended.json["command"] == typed[0]
    assert ended.json["status"] == "failed"
    assert ended.json["exit"] == exit_code
    assert f"error: {ended.json['error']}\n" in ended.err
    assert said in (None, ended.json["error"])


def test_no_link_is_replaced_by_the_report_of_a_refused_command(tmp_path: Path) -> None:
    earlier = write(tmp_path / "r.json", '{"command": "batch", "status": "complete", "exit": 0}')
    for name, target in (("link", earlier), ("dangling", tmp_path / "nowhere")):
        (tmp_path / name).symlink_to(target)
    found = [may_replace(str(tmp_path / name)) for name in ("r.json", "new.json", "link", "dangling")]
    assert found == [True, True, False, False]


@pytest.mark.parametrize(
    "typed", [("runs", "show", "x"), ("inspect", "nowhere.csv"), ("track", "X", "-o", "jsn")]
)
def test_other_commands_and_another_output_print_none(ours: Ours, typed: tuple[str, ...]) -> None:
    more = () if "-o" in typed else ("-o", "json")
    assert ours(*typed, *more).out == ""


def test_what_has_its_object_gets_no_second(ours: Ours, sandbox: StartSandbox, ours_process: Ours) -> None:
    sandbox(Fault(When(), Then("status", status=401)))
    assert ours("track", "X", "--external-id", "c", "-o", "json").json["status"] == "failed"
    assert ours("batch", "rows.ndjson", "-o", "json").json["status"] == "failed"
    lines = ours_process(
        "track", "-", "-o", "json", stdin=ndjson([{"event": "E", "externalId": "1"}] * 2).encode()
    )
    assert [json.loads(line)["line"] for line in lines.out.splitlines()] == [1]


class TestReport:
    def test_it_is_written_with_either_output(self, ours: Ours, folder: Path) -> None:
        for more in ((), ("-o", "json")):
            report = folder / f"r{len(more)}.json"
            assert ours("batch", "nowhere.ndjson", "--report", report, *more).code == 6
            assert json.loads(report.read_text()) == {
                "command": "batch",
                "status": "failed",
                "error": "nowhere.ndjson does not exist",
                "exit": 6,
            }

    def test_it_takes_the_place_of_an_earlier_one(self, ours: Ours, folder: Path) -> None:
        """A script that looks at yesterday's "complete" would take the failure for a success."""
        report = folder / "report.json"
        assert ours("batch", "rows.ndjson", "--sandbox", "--report", report).code == 0
        assert json.loads(report.read_text())["status"] == "complete"
        assert ours("batch", "nowhere.ndjson", "--sandbox", "--report", report).code == 6
        assert json.loads(report.read_text())["status"] == "failed"

    def test_merge_tells_it_from_something_else(self, ours: Ours, folder: Path) -> None:
        report = folder / "report-0.json"
        assert ours("batch", "nowhere.ndjson", "--shard", "0/2", "--report", report).code == 6
        ended = ours("runs", "merge", report)
        assert ended.code == 6
        assert f"{report} is of a command that failed before it sent a row\nhint: its `error`" in ended.err

    @pytest.mark.parametrize("source", ["orders.csv", "rows.ndjson"])
    @pytest.mark.parametrize("flags", [(), ("--zzz",), ("--max-rejects", "many")], ids=" ".join)
    def test_never_in_place_of_rows(
        self, ours: Ours, folder: Path, source: str, flags: tuple[str, ...]
    ) -> None:
        rows = (folder / source).read_bytes()
        ended = ours("backfill", source, "--event", "E", *flags, "--report", source, "-o", "json")
        assert ended.json["exit"] == ended.code == 2
        assert (folder / source).read_bytes() == rows

    def test_a_minus_is_no_file(self, ours: Ours, folder: Path) -> None:
        """Other programs mean stdout by it; a file of that name was written."""
        ended = ours("batch", "rows.ndjson", "--sandbox", "--report", "-")
        assert ended.code == 2
        assert ended.err == "error: --report - names no file\nhint: -o json prints the result to stdout\n"
        assert not (folder / "-").exists()

    def test_one_that_cannot_be_written_changes_nothing(self, ours: Ours, folder: Path) -> None:
        ended = ours("batch", "nowhere.ndjson", "--report", folder / "no" / "folder.json", "-o", "json")
        assert (ended.code, ended.json["exit"]) == (6, 6)
        assert ended.err == ours("batch", "nowhere.ndjson").err


def test_beside_rejects_on_stdout_it_goes_to_stderr(ours: Ours) -> None:
    ended = ours("batch", "nowhere.ndjson", "--rejects", "-", "-o", "json")
    assert ended.out == ""
    assert json.loads(ended.err.splitlines()[0])["exit"] == 6


@pytest.mark.parametrize("full", [False, True])
def test_a_stdout_that_takes_nothing_changes_nothing(full: bool) -> None:
    reader, closed = os.pipe()
    os.close(reader)
    out = os.open("/dev/full", os.O_WRONLY) if full else closed
    done = subprocess.run(
        [sys.executable, "-m", "ours_cli", "batch", "nowhere", "-o", "json"],
        stdout=out,
        stderr=subprocess.PIPE,
    )
    os.close(out)
    assert (done.returncode, done.stderr) == (6, b"error: nowhere does not exist\n")
