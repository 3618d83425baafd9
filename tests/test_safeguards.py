"""Runs that should not go on: `--canary`, `--max-rejects`, `--expect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from faults_kit import fault
from rows import iso, ndjson

from ours_cli.events.event import Event, Origin, Reject
from ours_cli.record import Record
from ours_cli.reports.report import Books
from ours_cli.safeguards import RejectLimit, reject_limit
from ours_cli.sandbox import When

ROWS = 400


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.ndjson"
    lines = [json.dumps({"event": "E", "externalId": f"c{n}", "distinctId": f"d{n}"}) for n in range(ROWS)]
    path.write_text("\n".join(lines) + "\n")
    return path


def row(number: int) -> dict[str, Any]:
    return {"event": "E", "distinctId": f"r{number}", "externalId": "c"}


def spoilt(file: Path, *numbers: int) -> Path:
    """Rows of these numbers lose their identifier."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for number in numbers:
        del rows[number]["externalId"]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


class TestCanary:
    def test_all_is_sent_when_it_lives(self, ours: Ours, sandbox: StartSandbox, file: Path) -> None:
        place = sandbox()
        ended = ours("batch", file, "--canary", 7, "--batch-size", 100, "-o", "json")
        assert (ended.code, ended.json["accepted"]) == (0, ROWS)
        sent = [request.rows for request in place.requests()]
        assert sent[0] == 7
        assert sum(sent) == place.totals().events == ROWS

    @pytest.mark.parametrize("kind", ["mapped", "sent"])
    def test_a_row_behind_it_may_be_rejected(
        self, ours: Ours, sandbox: StartSandbox, file: Path, kind: str
    ) -> None:
        sandbox(fault(When(distinct_id=("d7",)), "invalid_event"))
        if kind == "mapped":
            spoilt(file, 7)
        ended = ours("batch", file, "--canary", 7, "--batch-size", 100, "-o", "json")
        assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, ROWS - 1, 1)

    @pytest.mark.parametrize("size", [3, 7, 10, 100])
    def test_nothing_else_is_sent_when_the_server_rejects_one(
        self, ours: Ours, sandbox: StartSandbox, file: Path, size: int
    ) -> None:
        place = sandbox(fault(When(distinct_id=("d5",)), "invalid_event"))
        ended = ours("batch", file, "--canary", 7, "--batch-size", size, "-o", "json")
        assert ended.code == 9
        assert "--canary" in ended.err
        assert place.totals().rows == 7
        assert (ended.json["accepted"], ended.json["rejected"]) == (6, 1)
        assert ended.json["read"] == 7 + ended.json["unsent"]

    def test_nothing_else_is_sent_of_rows_that_are_mapped_together(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(fault(When(distinct_id=("r5",)), "invalid_event"))
        path = tmp_path / "rows.ndjson"
        path.write_text(ndjson({**row(n), "time": iso(1)} for n in range(ROWS)))
        ended = ours("batch", path, "--canary", 7, "-o", "json")
        assert (ended.code, place.totals().rows) == (9, 7)

    def test_nothing_else_is_sent_when_a_row_cannot_be_mapped(
        self, ours: Ours, sandbox: StartSandbox, file: Path
    ) -> None:
        place = sandbox()
        ended = ours("batch", spoilt(file, 6), "--canary", 7, "--batch-size", 100, "-o", "json")
        assert ended.code == 9
        assert place.totals().rows == 6

    def test_nobody_is_told_to_go_on_as_if_nothing_were_wrong(
        self, ours: Ours, sandbox: StartSandbox, file: Path
    ) -> None:
        """The same command would stop again: the hint says what to do instead."""
        sandbox(fault(When(distinct_id=("d5",)), "invalid_event"))
        ended = ours("batch", file, "--canary", 7)
        assert ended.code == 9
        assert "go on with" not in ended.out
        assert "--restart" in ended.err
        ended = ours("batch", file, "--canary", 7, "-o", "json")
        assert (ended.code, ended.json["status"]) == (9, "failed"), "it was stopped before"
        ended = ours("batch", file, "--canary", 7, "--restart", "-o", "json")
        assert (ended.code, ended.json["resume"]) == (9, None)
        ended = ours("batch", spoilt(file, 6), "--canary", 7, "--sandbox", "-o", "json")
        assert (ended.code, ended.json["resume"]) == (9, None), "a rehearsal begins anew each time"

    def test_the_same_command_again_is_stopped_again(
        self, ours: Ours, sandbox: StartSandbox, file: Path
    ) -> None:
        """Its canary would be the next rows, and the rest would follow."""
        box = sandbox()
        path = spoilt(file, 6)
        assert ours("batch", path, "--canary", 7, "--batch-size", 100, "-o", "json").code == 9
        before = box.totals()
        ended = ours("batch", path, "--canary", 7, "--batch-size", 100, "-o", "json")
        assert ended.code == 9
        assert "error: --canary has stopped this run before\n" in ended.err
        assert box.totals() == before
        assert ours("batch", path, "--batch-size", 100, "-o", "json").code == 3
        assert box.totals().events > before.events
        path.write_text(path.read_text() + ndjson([row(1)]))
        assert ours("batch", path, "--canary", 1).code == 3, "it went on without one, and is well since"

    def test_behind_rows_that_are_filtered(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        box = sandbox()
        rows = [{**row(n), "kind": "old"} for n in range(50)]
        rows += [{**row(n), "externalId": None} for n in range(3)]
        path = tmp_path / "rows.ndjson"
        path.write_text(ndjson([*rows, *(row(n) for n in range(100, 200))]))
        flags = ("--where", "kind!=old", "--canary", "20", "-o", "json")
        for _ in range(3):
            assert ours("batch", path, *flags).code == 9
        assert box.totals().events <= 17

    def test_of_a_file_that_grew(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        box = sandbox()
        path = tmp_path / "rows.ndjson"
        path.write_text(ndjson(row(n) for n in range(100)))
        assert ours("batch", path, "--canary", "5").code == 0
        more = [*({**row(n), "externalId": None} for n in range(3)), *(row(n) for n in range(200, 300))]
        path.write_text(path.read_text() + ndjson(more))
        for _ in range(3):
            assert ours("batch", path, "--canary", "5").code == 9
        assert box.totals().events <= 102
        assert ours("batch", path).code == 3
        assert box.totals().events == 200

    def test_bytes_may_cut_the_canary(self, ours: Ours, sandbox: StartSandbox, file: Path) -> None:
        place = sandbox()
        ended = ours("batch", file, "--canary", 7, "--batch-bytes", 250, "-o", "json")
        assert (ended.code, place.totals().events) == (0, ROWS)

    @pytest.mark.parametrize("room", [170, 225, 380])
    def test_where_bytes_cut_off_its_last_row(
        self, ours: Ours, sandbox: StartSandbox, file: Path, room: int
    ) -> None:
        """It must not wait for the rows behind it: they would go before its outcome is known."""
        place = sandbox(fault(When(distinct_id=("d6",)), "invalid_event"))
        ended = ours("batch", file, "--canary", 7, "--batch-bytes", room, "-o", "json")
        assert (ended.code, place.totals().rows) == (9, 7)


class TestMaxRejects:
    @pytest.mark.parametrize(
        ("limit", "code"), [("3", 3), ("2", 9), ("0", 9), ("1%", 3), ("0.5%", 9), ("100%", 3)]
    )
    def test_limits(self, ours: Ours, sandbox: StartSandbox, file: Path, limit: str, code: int) -> None:
        sandbox()
        ended = ours("batch", spoilt(file, 1, 250, 399), "--max-rejects", limit, "-o", "json")
        assert ended.code == code
        books = ended.json
        assert books["read"] == books["accepted"] + books["rejected"] + books["filtered"] + books["unsent"]

    def test_it_stops_early(self, ours: Ours, sandbox: StartSandbox, file: Path) -> None:
        place = sandbox()
        ended = ours("batch", spoilt(file, *range(20)), "--max-rejects", 5, "--batch-size", 10, "-o", "json")
        assert (ended.code, place.totals().rows) == (9, 0)
        assert ended.json["resume"] is None, "it would be stopped again"

    @pytest.mark.parametrize("text", ["-1", "x", "1.5", "101%", "%", ""])
    def test_nonsense(self, ours: Ours, sandbox: StartSandbox, file: Path, text: str) -> None:
        place = sandbox()
        ended = ours("batch", file, f"--max-rejects={text}")
        assert ended.code == 2
        assert "hint:" in ended.err
        assert place.totals().requests == 0

    @pytest.mark.parametrize(("limit", "code"), [("15%", 3), ("14%", 9)])
    def test_a_percentage_of_few_rows_is_judged_at_the_end(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, limit: str, code: int
    ) -> None:
        place = sandbox()
        file = tmp_path / "few.ndjson"
        file.write_text(ndjson([row(number) for number in range(20)]))
        ended = ours("batch", spoilt(file, 1, 2, 3), "--max-rejects", limit)
        assert (ended.code, place.totals().events) == (code, 17)

    def test_a_percentage_is_of_the_rows_that_are_meant(self) -> None:
        limit = RejectLimit(10, is_percent=True)
        assert limit.check(Books(read=1100, rejected=10, filtered=1000)) is None
        assert limit.check(Books(read=1100, rejected=11, filtered=1000)) is not None

    def test_a_percentage_needs_rows_to_speak_of(self) -> None:
        limit = reject_limit("10%")
        assert limit == RejectLimit(10, is_percent=True)
        books = Books()
        origin = Origin(0, Record(1, {}))
        books.mapped(Reject(origin, "", "c", "m"))
        for _ in range(5):
            books.mapped(Event(origin, "d", b"{}", "E", None))
        assert limit.check(books) is None
        assert limit.check(books, at_end=True) is not None


class TestExpect:
    @pytest.mark.parametrize(("expected", "code"), [(ROWS, 0), (ROWS - 1, 6), (ROWS + 1, 6)])
    def test_counts(self, ours: Ours, sandbox: StartSandbox, file: Path, expected: int, code: int) -> None:
        place = sandbox()
        ended = ours("batch", file, "--expect", expected, "-o", "json")
        assert (ended.code, place.totals().events) == (code, ROWS)
        assert ended.json["status"] == ("complete" if code == 0 else "failed")
        assert (ended.json["resume"] is None) == (code == 0)

    @pytest.mark.parametrize(("expected", "helps"), [(ROWS - 1, f"--expect {ROWS}"), (ROWS + 1, "cut")])
    def test_nobody_is_told_to_come_to_the_same_end_again(
        self, ours: Ours, sandbox: StartSandbox, file: Path, expected: int, helps: str
    ) -> None:
        sandbox()
        ended = ours("batch", file, "--expect", expected)
        assert ended.code == 6
        assert "go on with" not in ended.out
        assert "the program upstream" in ended.err
        assert helps in ended.err

    def test_what_the_hint_says_helps(self, ours: Ours, sandbox: StartSandbox, file: Path) -> None:
        place = sandbox()
        whole = file.read_text()
        file.write_text("".join(whole.splitlines(keepends=True)[:100]))
        assert ours("batch", file, "--expect", ROWS).code == 6
        file.write_text(whole)
        ended = ours("batch", file, "--expect", ROWS, "-o", "json")
        assert (ended.code, ended.json["accepted"]) == (0, ROWS)
        assert place.totals().rows == place.totals().events == ROWS
        assert ours("batch", file, "--expect", 7).code == 6
        assert ours("batch", file, "--expect", ROWS).code == 0
        assert place.totals().rows == ROWS


class TestNoRows:
    """A source without rows is no error, and is said: a dead upstream looks just like it."""

    FIELDS = ("--event", "E", "--time", "{when}", "--external-id", "{id}")

    @pytest.mark.parametrize("text", ["", "when,id\n"], ids=["empty", "header only"])
    def test_a_file(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, text: str) -> None:
        sandbox()
        file = tmp_path / "o.csv"
        file.write_text(text)
        said = f"{file} holds no rows; --expect N makes an error of it"
        ended = ours("backfill", file, *self.FIELDS, "-o", "json")
        assert (ended.code, said in ended.json["warnings"]) == (0, True), ended.err
        assert said in ours("backfill", file, *self.FIELDS, "--dry-run").err
        assert "holds no rows" not in ours("backfill", file, *self.FIELDS, "--expect", 0, "--restart").err
        assert ours("backfill", file, *self.FIELDS, "--expect", 1).code == 6

    @pytest.mark.parametrize("flags", [("--dry-run",), ("--workers", "2"), ("--workers", "1")], ids=" ".join)
    def test_one_of_several(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, flags: tuple[str, ...]
    ) -> None:
        sandbox()
        empty, full = tmp_path / "head.csv", tmp_path / "full.csv"
        empty.write_text("who,when\n")
        full.write_text(f"who,when\nc,{iso(1)}\n")
        mapped = ("--event", "E", "--external-id", "{who}", "--time", "{when}", "-o", "json")
        for files in ((full, empty), (empty, full)):
            assert ours("backfill", *files, *mapped, *flags).json["warnings"] == [f"{empty} holds no rows"]
        assert ours("backfill", full, full, *mapped, *flags, "--restart").json["warnings"] == []
        shard = ours("backfill", full, empty, *mapped, *flags, "--shard", "0/9")
        assert shard.json["warnings"] == [], "the rows of other shards are not looked at"

    def test_several_files_and_a_pipe(
        self, ours: Ours, ours_process: Ours, sandbox: StartSandbox, tmp_path: Path, file: Path
    ) -> None:
        sandbox()
        empty = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
        for path in empty:
            path.write_text("")
        assert "none of the 2 files holds a row" in ours("batch", *empty).err
        some = ours("batch", *empty, file, "-o", "json").json["warnings"]
        assert f"2 of the 3 files hold no rows: {empty[0]}, {empty[1]}" in some
        ended = ours_process("batch", "-", stdin=b"")
        assert ended.code == 0
        assert "warning: standard input holds no rows; --expect N makes an error of it" in ended.err
