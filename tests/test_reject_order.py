"""Rejects come in the order of the source, whatever the order of the answers, and nothing waits for ever."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from faults_kit import fault, status
from hypothesis import given
from hypothesis import strategies as st
from rows import iso, ndjson, write

from ours_cli.events.event import Origin, Reject
from ours_cli.record import Record
from ours_cli.runs import reject_order
from ours_cli.runs.blocks import Block
from ours_cli.runs.reject_order import RejectOrder
from ours_cli.sandbox import Then, When


def block_of(start: int, rejects: int) -> Block:
    """A settled block of ten rows, so many of them rejected, the last ones first."""
    block = Block(start, start + 10, accepted=10 - rejects)
    for seq in reversed(range(start, start + rejects)):
        block.reject(Reject(Origin(0, Record(seq + 2, ["x"]), seq), "", "bad_time", "why"))
    return block


@given(
    st.lists(st.integers(0, 3), max_size=12), st.randoms(use_true_random=False), st.sampled_from([0, 3, 999])
)
def test_blocks_with_rejects_are_recorded_in_order(
    counts: list[int], chance: random.Random, waiting_max: int
) -> None:
    blocks = [block_of(10 * number, rejects) for number, rejects in enumerate(counts)]
    opened = {block.start for block in blocks}
    recorded: list[Block] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reject_order, "WAITING_MAX", waiting_max)
        order = RejectOrder(recorded.append, lambda: min(opened, default=float("inf")))
        answered = blocks.copy()
        chance.shuffle(answered)
        for block in answered:
            opened.remove(block.start)
            order.settled(block)
            held_back = sum(len(one.held or ()) for one in blocks if one.start not in opened) - sum(
                len(one.held or ()) for one in recorded
            )
            assert held_back <= waiting_max
            if not block.held:
                assert block in recorded
    assert sorted(recorded, key=lambda block: block.start) == blocks
    for block in recorded:
        seqs = [reject.origin.seq for reject in block.held or ()]
        assert seqs == sorted(seqs)
    if waiting_max == 999:
        starts = [block.start for block in recorded if block.held]
        assert starts == sorted(starts)


def test_what_waits_is_handed_on_at_the_end() -> None:
    recorded: list[Block] = []
    order = RejectOrder(recorded.append, lambda: 0)
    order.settled(block_of(20, 1))
    order.settled(block_of(10, 1))
    assert recorded == []
    order.close()
    assert [block.start for block in recorded] == [10, 20]


def test_what_was_handed_on_waits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reject_order, "WAITING_MAX", 2)
    recorded: list[Block] = []
    opened = [float("inf")]
    order = RejectOrder(recorded.append, lambda: min(opened))
    for number in range(4):
        order.settled(block_of(10 * number, 1))
    opened.append(40)
    order.settled(block_of(50, 2))
    assert [block.start for block in recorded] == [0, 10, 20, 30]


def test_the_file_of_rejects_has_the_order_of_the_source(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Ours and the server's, in many requests at a time, some of which are answered late."""
    late = fault(When(nth=(2, 5, 9)), status(503, headers={"Retry-After": "0"}))
    sandbox(fault(When(event=("Refused",)), "invalid_event"), late)
    file = tmp_path / "rows.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["what", "at", "who", "n"])
        for n in range(600):
            what, at = ("Refused" if n % 7 == 3 else "E"), ("soon" if n % 11 == 5 else iso(1))
            writer.writerow([what, at, "p", n])
    rejects = tmp_path / "rejects.csv"
    fields = ("--event", "{what}", "--time", "{at}", "--external-id", "{who}", "-p", "n={n}")
    flags = ("--batch-size", 10, "--concurrency", 8, "--rejects", rejects, "-o", "json")
    ended = ours("backfill", file, *fields, *flags)
    assert ended.code == 3, ended.err
    lines = [int(row["_line"]) for row in csv.DictReader(rejects.open(newline=""))]
    assert lines == [n + 2 for n in range(600) if n % 7 == 3 or n % 11 == 5]


def test_a_run_that_stops_writes_the_rejects_that_wait(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Those behind a row without an outcome, then those beside it: the run that goes on cuts these off."""
    stuck = When(event=("Stuck",))
    sandbox(
        fault(stuck, Then("hang", seconds=60), times=1),  # until all others are answered
        fault(stuck, status(429, headers={"Retry-After": "9999"})),
    )
    rows: list[dict[str, str]] = [{"event": "E", "externalId": f"p{n}"} for n in range(100)]
    rows[50]["event"] = "Stuck"
    rows[53]["event"] = rows[65]["event"] = ""
    file = write(tmp_path / "rows.ndjson", ndjson(rows))
    ended = ours("batch", file, "--batch-size", 10, "--concurrency", 4, "--timeout", 2, "-o", "json")
    assert (ended.code, ended.json["rejected"], ended.json["accepted"]) == (5, 2, 88), ended.err
    written = Path(ended.json["rejects_file"]).read_text("utf-8").splitlines()
    assert [json.loads(line)["_line"] for line in written] == [66, 54]
