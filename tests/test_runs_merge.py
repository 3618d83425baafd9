"""`ours runs merge`: one receipt out of those of all shards, or what keeps them from being a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import TOKEN, Ended, Ours, StartSandbox
from faults_kit import MARKER, fault, status
from rows import iso, ndjson, write

from ours_cli.sandbox import Sandbox, When

Reports = list[Path]


def rows(count: int = 60, bad: int = 0) -> str:
    good = [
        {"event": "E", "externalId": f"p{n}", "time": iso(2), "eventProperties": {"n": n, "note": MARKER}}
        for n in range(count)
    ]
    return ndjson([*good, *({"event": "", "externalId": f"b{n}"} for n in range(bad))])


def send(ours: Ours, file: Path, number: int, total: int = 3, *flags: object) -> Path:
    path = file.with_name(f"report-{number}.json")
    ours("batch", file, "-q", "--shard", f"{number}/{total}", "--report", path, *flags)
    return path


@pytest.fixture
def place(sandbox: StartSandbox) -> Sandbox:
    return sandbox()


@pytest.fixture
def reports(ours: Ours, place: Sandbox, tmp_path: Path) -> Reports:
    file = write(tmp_path / "rows.ndjson", rows(bad=3))
    return [send(ours, file, number) for number in range(3)]


def edited(path: Path, **values: Any) -> Path:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")
    return path


def said(ended: Ended, *texts: str) -> None:
    assert ended.code == 6
    assert all(text in ended.err for text in texts), ended.err
    assert TOKEN not in ended.err + ended.out
    assert MARKER not in ended.err + ended.out


def test_a_whole(ours: Ours, reports: Reports) -> None:
    ended = ours("runs", "merge", *reports)
    assert (ended.code, ended.err) == (3, "")
    assert ended.out.splitlines()[0] == "batch: partial, 3 of 3 shards"
    merged = ours("runs", "merge", *reports, "-o", "json").json
    assert merged.pop("runs").keys() == {json.loads(path.read_text("utf-8"))["run"] for path in reports}
    assert merged == {
        "command": "batch",
        "status": "partial",
        "shards": 3,
        "read": 63,
        "accepted": 60,
        "rejected": 3,
        "filtered": 0,
        "unsent": 0,
        "reject_codes": {"missing_event": 3},
        "missing": [],
        "doubled": [],
        "unfinished": [],
        "problems": [],
    }


def test_nothing_rejected_is_exit_0(ours: Ours, place: Sandbox, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.ndjson", rows())
    ended = ours("runs", "merge", *(send(ours, file, number) for number in range(3)))
    assert (ended.code, ended.out.splitlines()[0]) == (0, "batch: complete, 3 of 3 shards")


def test_receipts_and_files_go_together(ours: Ours, reports: Reports) -> None:
    run = json.loads(reports[1].read_text("utf-8"))["run"]
    assert ours("runs", "merge", reports[0], run, reports[2]).code == 3


def test_a_shard_that_is_missing(ours: Ours, reports: Reports) -> None:
    ended = ours("runs", "merge", reports[0], reports[2], "-o", "json")
    said(ended, "missing: 1/3", "run the command again")
    assert (ended.json["status"], ended.json["missing"]) == ("incomplete", ["1/3"])


def test_a_shard_that_is_there_twice(ours: Ours, reports: Reports) -> None:
    ended = ours("runs", "merge", *reports, reports[1], "-o", "json")
    said(ended, "there more than once: 1/3", "once")
    assert ended.json["doubled"] == ["1/3"]


def test_a_shard_that_stopped(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """By its report, and by its journal: neither is a whole until it has gone on."""
    sandbox(fault(When(nth=(3,)), status(401)))
    file = write(tmp_path / "rows.ndjson", rows())
    reports = [send(ours, file, number, 3, "--batch-size", 10, "--concurrency", 1) for number in range(3)]
    (stopped,) = (path for path in reports if json.loads(path.read_text("utf-8"))["status"] == "failed")
    entry = json.loads(stopped.read_text("utf-8"))
    for names in (reports, [path if path != stopped else entry["run"] for path in reports]):
        ended = ours("runs", "merge", *names, "-o", "json")
        said(ended, f"unfinished: {entry['shard']}")
        assert ended.json["unfinished"] == [entry["shard"]]
        assert ended.json["unsent"] == entry["unsent"] > 0
        assert ended.json["problems"] == [f"unfinished: {entry['shard']}"]
    number = reports.index(stopped)
    assert send(ours, file, number, 3, "--batch-size", 10) == stopped
    assert ours("runs", "merge", *reports).code == 0


def test_a_shard_that_began_again_is_unfinished(ours: Ours, reports: Reports) -> None:
    """Killed while it went on with a source that had grown: its receipt still has the digest of the old."""
    receipt = ours("runs", "show", json.loads(reports[1].read_text("utf-8"))["run"], "-o", "json").json
    assert receipt["source"]
    reports[1].write_text(json.dumps(receipt | {"state": "running"}), "utf-8")
    said(ours("runs", "merge", *reports), "unfinished: 1/3")


def test_so_is_one_that_does_not_say_which_source_it_read(ours: Ours, reports: Reports) -> None:
    edited(reports[1], source=None)
    said(ours("runs", "merge", *reports), "unfinished: 1/3")


def test_shards_of_another_command(ours: Ours, reports: Reports) -> None:
    edited(reports[1], command="backfill")
    said(ours("runs", "merge", *reports), "shards are of several commands: 1/3 unlike the others")


def test_shards_of_another_source(ours: Ours, reports: Reports, tmp_path: Path) -> None:
    write(tmp_path / "rows.ndjson", rows().replace('"n": 7', '"n": 8', 1))
    send(ours, tmp_path / "rows.ndjson", 2)
    said(ours("runs", "merge", *reports), "shards read different sources: 2/3 unlike the others")
    write(tmp_path / "rows.ndjson", rows() + "{}\n")
    send(ours, tmp_path / "rows.ndjson", 2)
    assert ours("runs", "merge", *reports, "-o", "json").json["read"] is None


def test_shards_of_another_mapping(ours: Ours, reports: Reports) -> None:
    send(ours, reports[0].with_name("rows.ndjson"), 1, 3, "--send-nulls")
    said(ours("runs", "merge", *reports), "were mapped differently: 1/3")


def test_shards_of_another_division(ours: Ours, reports: Reports) -> None:
    send(ours, reports[0].with_name("rows.ndjson"), 0, 4)
    said(ours("runs", "merge", *reports), "divide the rows differently: 0/4", "missing: 1/")


def test_books_that_do_not_balance(ours: Ours, reports: Reports) -> None:
    accepted = json.loads(reports[2].read_text("utf-8"))["accepted"]
    edited(reports[2], accepted=accepted - 1)
    said(ours("runs", "merge", *reports), "the books of shard 2/3 do not balance")
    others = json.loads(reports[2].read_text("utf-8"))["other_shards"]
    edited(reports[2], other_shards=others + 1)
    said(ours("runs", "merge", *reports), "the books do not balance: 63 rows in the source, 62 in the shards")
    edited(reports[2], other_shards=others + 2, unsent=-1)
    said(ours("runs", "merge", *reports), "the books of shard 2/3 do not balance")


def test_what_is_no_receipt(ours: Ours, reports: Reports, tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '"x"', '{"shard": "0/3"}', "\x00"):
        said(ours("runs", "merge", write(tmp_path / "x.json", text)), "is no report of a run with --shard")
    for count in ("1", True):
        said(ours("runs", "merge", edited(reports[0], accepted=count)), "is no report")
    ours("batch", tmp_path / "rows.ndjson", "-q", "--report", tmp_path / "whole.json", "--restart")
    assert ours("runs", "merge", tmp_path / "whole.json").code == 6
    run = json.loads((tmp_path / "whole.json").read_text("utf-8"))["run"]
    whole = ours("runs", "merge", run)
    assert whole.code == 2
    assert "not of a shard" in whole.err


def test_which_runs(ours: Ours, tmp_path: Path) -> None:
    assert ours("runs", "merge").code == 2
    ended = ours("runs", "merge", "nope.json")
    assert ended.code == 2
    assert "there is neither a file nor a run 'nope.json'" in ended.err
    assert "hint: name a file that --report wrote, or a run: ours runs list shows them" in ended.err
    folder = ours("runs", "merge", f"{tmp_path}/")
    assert "neither a file nor a run" in folder.err
    assert f"ours runs merge {tmp_path}/*.json" in folder.err


def test_a_run_whose_journal_cannot_be_read_has_no_counts(ours: Ours, reports: Reports, home: Path) -> None:
    folders = sorted((home / "state" / "ours" / "runs").iterdir())
    (folders[0] / "journal.db").write_bytes(b"garbage " * 100)
    ended = ours("runs", "merge", *(folder.name for folder in folders))
    said(ended, f"the journal in {folders[0]} is damaged")
    assert ended.out == ""
