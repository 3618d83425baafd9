"""`--shard K/N`: exactly one shard has each row, ids are those of a run of the whole, receipts add up."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import Ended, Ours, StartSandbox
from hypothesis import given
from hypothesis import strategies as st
from kills_kit import drive
from rows import iso, ndjson, write

from ours_cli.assembly.field_mapping import FieldMapping
from ours_cli.errors import UsageError
from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.mapping.fields import FieldMap, Value
from ours_cli.mapping.mapfile import MapFile
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.tally import Tally
from ours_cli.options import TimeFlags
from ours_cli.record import Malformed, Record, RowStream, Table
from ours_cli.rows.run_context import make_context
from ours_cli.rows.shard_rows import ShardRows
from ours_cli.runs.blocks import content_digest
from ours_cli.sandbox import Fault, Sandbox, Then, When
from ours_cli.shard import Shard, read_shard

OPEN = ("--max-age", "none")
FLAGS = ("--batch-size", 20, "--concurrency", 2, "-o", "json", "-q")
MAPPING = (
    *("--event", "{kind}", "--time", "{when}", "--external-id", "{who}"),
    *("-p", "amount={amount|number}", "-p", "note={note}"),
)


# --- the partition, without a door -------------------------------------------------------------------------

COLUMNS = ("kind", "when", "who", "amount", "given", "unmapped")
_CELLS = st.tuples(
    st.sampled_from(["Sale", "Refund", " Sale ", ""]),
    st.sampled_from(
        ["2026-03-01T08:00:00Z", "2026-03-01T09:00:00+01:00", "1772352000", "1772352000000", "no time", ""]
    ),
    st.sampled_from(["a", " a", "b", ""]),
    st.sampled_from(["1", "1.00", "2", "x", ""]),
    st.sampled_from(["", "", "", "id-1", " id-1", "id-2"]),
    st.sampled_from(["u", "v"]),
)
_ROWS = st.lists(
    st.one_of(
        _CELLS.map(list),
        st.sampled_from(["ragged", "torn"]),
        st.tuples(_CELLS, st.sampled_from(["id-1", "id-3"])),
    ),
    max_size=40,
)


def records(drawn: list[Any]) -> list[Record | Malformed]:
    rows: list[Record | Malformed] = []
    for line, row in enumerate(drawn, 2):
        if isinstance(row, str):
            rows.append(Malformed(line, row, "ragged_row", "too many cells"))
        elif isinstance(row, tuple):
            rows.append(Record(line, list(row[0]), row[1]))
        else:
            rows.append(Record(line, row))
    return rows


def mapping() -> FieldMapping:
    context = make_context("run", TimeFlags(max_age="none"), MapFile(FieldMap()))
    fields = FieldMap(
        event="{kind}",
        time="{when}",
        external_id="{who}",
        distinct_id="{given}",
        properties={"amount": Value("{amount|number}")},
    )
    return FieldMapping(fields, context.event_assembler(Selection()), context.times, Tally(), None, None)


Item = Event | Reject | Filtered


def items(rows: list[Record | Malformed], shard: Shard | None = None) -> dict[int, Item]:
    """What becomes of the rows of a shard, or of all, by their lines."""
    table, maps = Table("t", "csv", COLUMNS, RowStream(rows)), mapping()
    map_row = maps.bind(table)
    if shard is not None:
        (table,) = ShardRows(shard, maps, None).tables([table])
    return {row.line: map_row(Origin(0, row)) for row in table.records}


@given(_ROWS, st.integers(1, 5))
def test_the_shards_are_the_whole(drawn: list[Any], total: int) -> None:
    """Row by row: one shard has it, and makes of it what a run of the whole makes of it."""
    rows = records(drawn)
    shards = [items(rows, Shard(number, total)) for number in range(total)]
    assert sum(map(len, shards)) == len(rows)
    assert {line: item for shard in shards for line, item in shard.items()} == items(rows)


@given(_ROWS, st.integers(2, 5))
def test_equals_meet(drawn: list[Any], total: int) -> None:
    rows = records(drawn)
    home: dict[object, set[int]] = {}
    for number in range(total):
        for item in items(rows, Shard(number, total)).values():
            if isinstance(item, Event):
                content = item.body.partition(b",")[2] if len(item.distinct_id) == 32 else item.distinct_id
                home.setdefault(content, set()).add(number)
    assert all(len(numbers) == 1 for numbers in home.values())


@given(_ROWS, st.integers(0, 45), st.integers(1, 4))
def test_a_limit_is_of_all_rows(drawn: list[Any], limit: int, total: int) -> None:
    """Over two tables: as many rows are looked at, and the digest is that of a source of so many."""
    rows = records(drawn)
    parts = [ShardRows(Shard(number, total), mapping(), limit) for number in range(total)]
    taken = 0
    for part in parts:
        tables = (Table("t", "csv", COLUMNS, RowStream(half)) for half in (rows[:20], rows[20:]))
        taken += sum(1 for table in part.tables(tables) for _ in table.records)
    assert {part.rows for part in parts} == {min(limit, len(rows))}
    assert taken == sum(part.own for part in parts) == min(limit, len(rows))
    assert {part.source_digest() for part in parts} == {content_digest(rows[:limit], ()).hex()}


@given(st.lists(st.binary(max_size=8), max_size=50), st.integers(1, 40))
def test_a_key_has_one_shard(keys: list[bytes], total: int) -> None:
    for key in keys:
        assert sum(Shard(number, total).takes(key) for number in range(total)) == 1


def test_the_partition_never_changes() -> None:
    """Shards run by two versions of the program must fit: these were written down once."""
    taken = [next(k for k in range(16) if Shard(k, 16).takes(b"row %d" % row)) for row in range(12)]
    assert taken == PARTITION


PARTITION = [10, 15, 10, 6, 4, 10, 10, 3, 0, 2, 4, 2]


def test_shards_are_of_a_size() -> None:
    sizes = Counter(next(k for k in range(8) if Shard(k, 8).takes(b"%d" % row)) for row in range(8000))
    assert len(sizes) == 8
    assert all(850 < size < 1150 for size in sizes.values())


@pytest.mark.parametrize("text", ["4/4", "5/4", "1", "a/b", "-1/4", "1/0", "0/10001", "", "1/2/3", "0.5/2"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_shard(text)
    assert caught.value.hint


def test_what_is_one() -> None:
    assert read_shard("03/16") == Shard(3, 16)
    assert str(read_shard("0/1")) == "0/1"
    assert read_shard(None) is None


# --- through the door --------------------------------------------------------------------------------------


def history(folder: Path) -> Path:
    """Rows, some without a time: equals (some only once mapped), torn and ragged ones, and dates that only
    one row, at the end, explains.
    """
    dice = random.Random(11)
    lines = ["kind,when,who,amount,note,unmapped"]
    for number in range(560):
        day, person = dice.randrange(1, 13), dice.randrange(40)
        lines.append(f"Sale,{day:02}/03/2026 08:00,p{person},{number % 90}.50,n{number % 7},{number}")
        lines += [f"Sale,never,p{number},1,,"] if number % 16 == 0 else []
    lines += ["Visit,02/03/2026 09:30,p1,1,,a", "Visit,02/03/2026 09:30:00,p1,1.00,,b"] * 10
    lines += ["Sale,1,2,3,4,5,6,7", "Sale,never,p1,1,,", "Sale,02/03/2026 08:00,p2,much,,", ",,,,,"]
    lines += ["Sale,02/03/2026 08:00,,1,,"] * 3
    lines += ["Sale,25/03/2026 10:00,p3,1,last,"] * 2
    return write(folder / "history.csv", "\n".join(lines) + "\n")


def held(box: Sandbox) -> Counter[tuple[str, str]]:
    return Counter((event.distinct_id, json.dumps(event.body, sort_keys=True)) for event in box.events())


def shard(ours: Ours, file: Path, number: int, *more: object, total: int = 4) -> Ended:
    return ours("backfill", file, *MAPPING, *OPEN, *FLAGS, "--shard", f"{number}/{total}", *more)


def books(report: dict[str, Any]) -> tuple[int, int]:
    """Rows read, and rows that the lines of the books add up to."""
    lines = ("accepted", "rejected", "filtered", "other_shards", "unsent")
    return report["read"], sum(report[line] for line in lines)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("death", ["journal committed", "rejects synced", "answer arrived"])
def test_four_shards_one_of_them_killed(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, death: str
) -> None:
    file = history(tmp_path)
    whole = sandbox(window_ms=None)
    alone = ours("backfill", file, *MAPPING, *OPEN, *FLAGS)
    assert alone.code == 3
    expected = held(whole)

    box = sandbox(window_ms=None)
    command = ("backfill", file, *MAPPING, *OPEN, *FLAGS, "--shard", "2/4")
    killed = drive({"die_at": death, "nth": 2}, *command)
    assert killed.code == -9, killed.err
    ended = [shard(ours, file, number, "--report", tmp_path / f"{number}.json") for number in (3, 0, 2, 1)]
    assert {end.code for end in ended} == {3}, [end.err for end in ended]
    assert held(box) == expected
    assert max(expected.values()) == 1

    reports = [end.json for end in ended]
    assert all(len(set(books(report))) == 1 for report in reports)
    assert {report["read"] for report in reports} == {alone.json["read"]}
    assert len({report["source"] for report in reports}) == 1
    assert len({report["run"] for report in reports}) == 4
    merged = ours("runs", "merge", *tmp_path.glob("?.json"), "-o", "json")
    assert (merged.code, merged.err) == (3, "")
    for key in ("read", "accepted", "rejected", "filtered", "unsent"):
        assert merged.json[key] == alone.json[key], key
    assert merged.json["reject_codes"] == alone.json["reject_codes"]
    by_run = ours("runs", "merge", *(report["run"] for report in reports), "-o", "json")
    assert by_run.json == merged.json
    files = {report["rejects_file"] for report in reports}
    rejects = {line for name in files for line in Path(name).read_text("utf-8").splitlines()[1:]}
    assert len(files) == 4
    assert sum("never" in line for line in rejects) == 36


def test_rows_shaped_like_track(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """Given ids that repeat, honestly and in conflict, equals, and lines that cannot be read."""
    rows: list[dict[str, Any]] = []
    for number in range(200):
        row: dict[str, Any] = {"event": "E", "externalId": f"p{number % 20}", "time": iso(1 + number % 3)}
        if number % 4 == 0:
            row["distinctId"] = f" d{number % 24}"
        if number % 12 == 0:
            row["eventProperties"] = {"n": number % 24, "gone": None}
        rows.append(row)
    rows += [{"event": "E", "properties": {}}, {"event": 7, "externalId": 5, "time": iso(1)}]
    file = write(tmp_path / "rows.ndjson", ndjson(rows) + '{"event": "E", \nno json\n[1]\n')
    whole = sandbox()
    alone = ours("batch", file, *FLAGS)
    expected = held(whole)
    box = sandbox()
    reports = [ours("batch", file, *FLAGS, "--shard", f"{k}/3").json for k in range(3)]
    assert held(box) == expected
    codes: Counter[str] = Counter()
    for report in reports:
        codes.update(report["reject_codes"])
    assert codes == alone.json["reject_codes"]
    assert codes["duplicate_id"]
    repeats = [text for text in alone.json["warnings"] if "repeat a distinctId" in text]
    assert repeats
    told = sum(int(w.split()[0]) for r in reports for w in r["warnings"] if "a distinctId" in w)
    assert told == int(repeats[0].split()[0])


def test_filters_leave_out_what_they_leave_out_of_the_whole(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    file = history(tmp_path)
    flags = ("--where", "who!=p1", "--until", "2026-03-09", "--sample", "60%")
    whole = sandbox(window_ms=None)
    alone = ours("backfill", file, *MAPPING, *OPEN, *FLAGS, *flags).json
    box = sandbox(window_ms=None)
    reports = [shard(ours, file, number, *flags).json for number in range(4)]
    assert held(box) == held(whole)
    for key in ("accepted", "rejected", "filtered"):
        assert sum(report[key] for report in reports) == alone[key] > 0


def test_limit_and_expect_are_of_the_whole(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(window_ms=None)
    file = history(tmp_path)
    order = ("--day-first", "--limit", 100)
    first, second = (shard(ours, file, number, *order, total=2).json for number in (0, 1))
    assert first["read"] == second["read"] == 100
    assert sum(part["accepted"] + part["rejected"] for part in (first, second)) == 100
    assert shard(ours, file, 0, *order, "--expect", 100, "--restart").code == 3
    short = shard(ours, file, 0, *order, "--expect", 99, "--restart")
    assert short.code == 6
    assert short.json["source"] is None


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("stopped", [True, False], ids=["unfinished", "finished"])
def test_a_smaller_limit_is_refused(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, stopped: bool, workers: int
) -> None:
    """These rows have ids of their run: a new run, begun because fewer are there, would count them twice."""
    place = sandbox(*([Fault(When(nth=(3,)), Then("status", status=401))] if stopped else []))
    file = write(
        tmp_path / "rows.ndjson", ndjson([{"event": "E", "externalId": f"c{n}"} for n in range(400)])
    )
    flags = (*FLAGS, "--concurrency", 1, "--workers", workers, "--shard", "1/3")
    assert ours("batch", file, *flags).code == (4 if stopped else 0)
    sent = place.totals().events
    for limit in (10, 47):
        cut = ours("batch", file, *flags, "--limit", limit)
        assert cut.code == 2
        assert "--limit ends before the last row that this run has done" in cut.err
        assert "read" not in cut.json, "books that only this attempt has seen would be wrong"
        assert place.totals().events == sent
    ended = ours("batch", file, *flags).json
    assert (ended["status"], ended["read"]) == ("complete", 400)
    assert place.totals().events == ended["accepted"]


def test_a_share_of_the_rejects_is_of_the_shards_own_rows(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Two bad rows of 240: 0.8% of the whole, but in a shard of 16 rows far more, and that is what counts."""
    sandbox(window_ms=None)
    bad = "".join(f"Sale,never,p{number},1,,\n" for number in range(40))
    good = "".join(f"Sale,2026-03-01T08:00:00Z,p{number},1,,\n" for number in range(4000))
    file = write(tmp_path / "f.csv", "kind,when,who,amount,note,unmapped\n" + good + bad)
    assert [shard(ours, file, k, "--max-rejects", "5%").code for k in range(4)] == [3, 3, 3, 3]
    assert {shard(ours, file, k, "--max-rejects", "0.1%", "--restart").code for k in range(4)} == {9}


def test_the_canary_is_of_the_shards_own_rows(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(window_ms=None)
    assert shard(ours, history(tmp_path), 1, "--canary", 5).code in (0, 3, 9)
    assert len(next(iter(box.requests())).distinct_ids) <= 5


def test_a_shard_goes_on_and_ends_by_itself(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """Once finished, it is done; the other shard is not, and a run of all rows is another run again."""
    box = sandbox(window_ms=None)
    file = history(tmp_path)
    run = shard(ours, file, 0, total=2).json["run"]
    sent = box.totals().requests
    again = shard(ours, file, 0, total=2)
    assert again.json["run"] == run
    assert box.totals().requests == sent
    other = shard(ours, file, 1, total=2)
    assert other.json["run"] != run
    assert other.json["accepted"]
    assert ours("backfill", file, *MAPPING, *OPEN, *FLAGS).json["run"] not in (run, other.json["run"])
    assert shard(ours, file, 0, total=3).json["run"] not in (run, other.json["run"])
    refused = shard(ours, file, 1, "--resume", run, total=2)
    assert refused.code == 2
    assert "of shard 0/2, and this command of shard 1/2" in refused.err


def test_a_pipe_has_shards_too(ours_process: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    whole = sandbox(window_ms=None)
    content = history(tmp_path).read_bytes()
    command = ("backfill", "-", *MAPPING, *OPEN, *FLAGS)
    alone = ours_process(*command, stdin=content)
    box = sandbox(window_ms=None)
    reports = [ours_process(*command, "--shard", f"{k}/2", stdin=content).json for k in range(2)]
    assert held(box) == held(whole)
    assert reports[0]["source"] == reports[1]["source"]
    assert sum(report["rejected"] for report in reports) == alone.json["rejected"]


def test_epoch_numbers_are_told_by_all_rows(ours_process: Ours, sandbox: StartSandbox) -> None:
    """On a pipe the unit is seen as rows come: an odd number that is the first of its shard tells nothing."""
    box = sandbox(window_ms=None)
    seconds = [f'{{"event": "E", "externalId": "p{n}", "time": {1772352000 + n}}}' for n in range(30)]
    odd = '{"event": "Odd", "externalId": "p", "time": 1772352000000}'
    text = "\n".join([*seconds[:3], odd, *seconds[3:]]) + "\n"
    for number in range(8):
        ours_process("batch", "-", *OPEN, *FLAGS, "--shard", f"{number}/8", stdin=text.encode())
    assert Counter(event.body["event"] for event in box.events()) == {"E": 30}


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
@pytest.mark.parametrize("odd_at", [[0], [1], [0, 2]])
def test_an_odd_unit_on_a_pipe_is_judged_as_in_a_run_of_the_whole(
    kind: str, odd_at: list[int], tmp_path: Path, ours_process: Ours, sandbox: StartSandbox
) -> None:
    """An odd number near the beginning is accepted while nothing has shown the unit; in its shard too."""
    times = [1772352000 + n for n in range(60)]
    for position in odd_at:
        times.insert(position, 1772352000000 + position)
    if kind == "csv":
        text = "when,who\n" + "".join(f"{when},p{n}\n" for n, when in enumerate(times))
        words: list[str] = ["backfill", "-", "--event", "E", "--time", "{when}", "--external-id", "{who}"]
    else:
        rows = [{"event": "E", "time": when, "externalId": f"p{n}"} for n, when in enumerate(times)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        words = ["batch", "-"]
    whole = sandbox(window_ms=None)
    alone = ours_process(*words, *OPEN, *FLAGS, stdin=text.encode())
    assert alone.json["accepted"] == len(times)
    box = sandbox(window_ms=None)
    for number in range(3):
        ours_process(*words, *OPEN, *FLAGS, "--shard", f"{number}/3", stdin=text.encode())
    assert held(box) == held(whole)
    (tmp_path / "rows").write_text(text, "utf-8")
    redirected = sandbox(window_ms=None)
    for number in range(3):
        with (tmp_path / "rows").open("rb") as stdin:
            command = [sys.executable, "-m", "ours_cli", *words, *OPEN, *FLAGS, "--shard", f"{number}/3"]
            subprocess.run(list(map(str, command)), stdin=stdin, capture_output=True, check=True, timeout=100)
    assert held(redirected) == held(whole)


def test_people_have_shards(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox()
    text = "id,phone,name\n" + "".join(f"c{n % 9},,N{n}\n" for n in range(30)) + ",+1 555,X\n"
    file = write(tmp_path / "c.csv", text)
    flags = ("--external-id", "{id}", "-u", "first_name={name}", "-u", "phone_number={phone}")
    reports = [ours("identify", file, *flags, *FLAGS[2:], "--shard", f"{k}/3").json for k in range(3)]
    assert [report["read"] for report in reports] == [31, 31, 31]
    assert sum(report["accepted"] for report in reports) == 31
    assert box.totals().requests == 31


def test_the_rate_is_that_of_all_shards(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(window_ms=None)
    file = history(tmp_path)
    ended = shard(ours, file, 0, "--rate", 40_000, total=4000)
    assert ended.json["rate"] == {"all": 40000, "shard": 10}
    assert all(len(request.distinct_ids) <= 10 for request in box.requests())
    text = ours("backfill", file, *MAPPING, *OPEN, "--shard", "1/4000", "--rate", 40_000).out
    assert "shard 1/4000" in text
    assert "10   events/s at most, of 40,000 for all shards" in " ".join(text.split()).replace(
        "10 e", "10   e"
    )
    assert shard(ours, file, 2).json["rate"] is None


def test_a_dry_run_of_a_shard(ours: Ours, tmp_path: Path) -> None:
    file = history(tmp_path)
    shown = [shard(ours, file, number, "--dry-run").json for number in range(4)]
    assert sum(report["unsent"] for report in shown) == 582
    assert all(len(set(books(report))) == 1 for report in shown)
    assert "rows of other shards" in ours("backfill", file, *MAPPING, "--shard", "1/4", "--dry-run").out


def test_runs_show_the_shard(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(window_ms=None)
    report = shard(ours, history(tmp_path), 3).json
    assert "history.csv, shard 3/4" in ours("runs").out
    entry = ours("runs", "show", report["run"], "-o", "json").json
    for key in ("shard", "source", "mapping", "other_shards", "read", "accepted", "rejected"):
        assert entry[key] == report[key]


def test_mended_rows_are_of_no_shard(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(window_ms=None)
    reports = [shard(ours, history(tmp_path), number).json for number in range(4)]
    assert all("--shard" not in (report["mend"] or "") for report in reports)
    assert any(report["mend"] for report in reports)


@pytest.mark.parametrize("flag", ["--report", "--rejects"])
def test_shards_do_not_share_a_file(ours: Ours, tmp_path: Path, flag: str) -> None:
    file = write(tmp_path / "h.csv", "kind,when,who,amount,note\n")
    ended = shard(ours, file, 3, flag, "out/all.csv")
    assert ended.code == 2
    assert "out/all-3.csv" in ended.err
    assert shard(ours, file, 3, flag, "/dev/null", "--dry-run").code == 0


def test_the_error_says_where_shards_begin(ours: Ours, tmp_path: Path) -> None:
    ended = shard(ours, history(tmp_path), 4)
    assert ended.code == 2
    assert "shards count from 0, so the last of 4 is 3/4" in ended.err


@pytest.mark.parametrize("total", [1, 3])
def test_workers_map_the_rows_of_a_shard(
    ours_process: Ours, sandbox: StartSandbox, tmp_path: Path, total: int
) -> None:
    file = history(tmp_path)
    whole = sandbox(window_ms=None)
    ours_process("backfill", file, *MAPPING, *OPEN, *FLAGS)
    box = sandbox(window_ms=None)
    for number in range(total):
        flags = ("--shard", f"{number}/{total}", "--workers", 2)
        report = ours_process("backfill", file, *MAPPING, *OPEN, *FLAGS, *flags).json
        assert len(set(books(report))) == 1
    assert held(box) == held(whole)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_sixteen_shards_of_a_million_rows(
    ours: Ours, ours_process: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Three are killed on their way and run again: the server holds what a run of the whole gives it."""
    count, rows = 16, 1_000_000
    file = tmp_path / "orders.csv"
    with file.open("w", encoding="utf-8") as lines:
        lines.write("kind,when,who,amount,note\n")
        for number in range(rows):
            moment, equal = iso(1 + number % 97), number // 2 if number % 50 < 2 else number
            lines.write(f"Sale,{moment},p{equal % 4999},{equal % 1000}.50,order {equal // 2}\n")
            lines.write("Sale,never,,,\n" if number % 10_000 == 0 else "")
    command = ("backfill", file, *MAPPING, "-o", "json", "-q", "--max-age", "none")
    whole = sandbox(window_ms=None)
    started = time.monotonic()
    alone = ours_process(*command, timeout=1800).json
    spent = [time.monotonic() - started]
    expected = {event.distinct_id for event in whole.events()}
    assert len(expected) == alone["accepted"] == rows

    box = sandbox(window_ms=None)
    killed = 0
    for number in (2, 7, 15):
        before = box.totals().requests
        words = [
            *map(str, command),
            "--shard",
            f"{number}/{count}",
            "--batch-size",
            str(rows // count // 100),
        ]
        process = subprocess.Popen([sys.executable, "-m", "ours_cli", *words], stdout=subprocess.DEVNULL)
        while process.poll() is None and box.totals().requests < before + 20:
            time.sleep(0.01)
        process.kill()
        killed += process.wait() == -9
    assert killed == 3
    started = time.monotonic()
    reports = [tmp_path / f"report-{number}.json" for number in range(count)]
    for number, report in enumerate(reports):
        flags = ("--shard", f"{number}/{count}", "--report", report)
        ended = ours_process(*command, *flags, timeout=1800)
        assert ended.code in (0, 3), ended.err
    spent.append(time.monotonic() - started)
    merged = ours("runs", "merge", *reports, "-o", "json")
    assert (merged.code, merged.err) == (3, "")
    for key in ("read", "accepted", "rejected", "filtered", "unsent", "reject_codes"):
        assert merged.json[key] == alone[key], key
    assert {event.distinct_id for event in box.events()} == expected
    sys.stdout.write(
        f"{rows:,} rows: alone {spent[0]:.1f} s, {count} shards one by one {spent[1]:.1f} s; {merged.out}"
    )
