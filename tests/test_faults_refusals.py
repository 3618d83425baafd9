"""Fault matrix: 400 and 413 for lone rows. Are they to blame, or does the server refuse whatever it gets?"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from faults_kit import (
    ALWAYS,
    CONTACT_FLAGS,
    FIRST,
    QUICK,
    contacts_file,
    fault,
    free_port,
    ids,
    request_count,
    rows_file,
    settled,
    status,
    stored,
)

from ours_cli.sandbox import Sandbox, When
from ours_cli.sending.lone_refusals import LONE_REFUSALS_MAX, SMALL_BYTES

pytestmark = pytest.mark.usefixtures("quick_backoff")


def lone_requests(box: Sandbox, code: int) -> int:
    return sum(request.rows == 1 and request.status == code for request in box.requests())


@pytest.mark.parametrize("code", [400, 413])
@pytest.mark.parametrize(("rows", "size"), [(60, 500), (60, 7), (40, 1), (9, 4)])
def test_a_server_that_refuses_everything_costs_no_row(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, code: int, rows: int, size: int
) -> None:
    box = sandbox(fault(ALWAYS, status(code)), latency=0.002)
    command = ("batch", rows_file(tmp_path, rows), "--batch-size", size, *QUICK)
    report = settled(ours(*command), 8, unsent=None)
    assert str(code) in report["error"]
    assert report["rejects_file"] is None
    assert lone_requests(box, code) == min(rows, LONE_REFUSALS_MAX)
    healed = sandbox()
    assert ours(*command, "--restart").code == 0
    assert stored(healed) == ids(rows)


@pytest.mark.parametrize(
    ("body", "hint"), [("<html>", "a captive portal or proxy"), (None, "check the event names")]
)
def test_who_refuses_everything_is_told_by_the_answer(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, body: str | None, hint: str
) -> None:
    sandbox(fault(ALWAYS, status(400, body=body)))
    ended = ours("batch", rows_file(tmp_path, 20), *QUICK[:-2])
    assert ended.code == 8
    assert hint in ended.err


@pytest.mark.parametrize("code", [400, 413])
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize(("rows", "size"), [(400, 50), (100, 1), (29, 8)])
def test_a_server_that_begins_to_refuse_everything_costs_no_row(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, code: int, concurrency: int, rows: int, size: int
) -> None:
    refusing = fault(When(after=3), status(code))
    box = sandbox(refusing, latency=0.002)
    flags = ("--batch-size", size, "--concurrency", concurrency, *QUICK)
    command = ("batch", rows_file(tmp_path, rows), *flags)
    report = settled(ours(*command), 8, accepted=len(stored(box)), unsent=None)
    assert f"({code})" in report["error"]
    assert "none accepted any more" in report["error"]
    assert lone_requests(box, code) <= 2 * LONE_REFUSALS_MAX, "the others go on while one asks"


@pytest.mark.parametrize("code", [400, 413])
def test_the_same_command_sends_what_was_refused_with_everything(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, code: int
) -> None:
    port = free_port()
    box = sandbox(fault(When(after=2), status(code)), port=port)
    command = ("batch", rows_file(tmp_path, 100), "--batch-size", 20, "--concurrency", 1, *QUICK)
    settled(ours(*command), 8, accepted=40, unsent=None)
    settled(ours(*command), 8, accepted=40, unsent=None)
    first = stored(box)
    box.stop()
    healed = sandbox(port=port)
    settled(ours(*command), 0, accepted=100)
    assert sorted(first + stored(healed)) == ids(100)


@pytest.mark.parametrize("way_out", ["mended", "another row", "--restart"])
def test_a_row_that_alone_is_left_of_a_run_and_refused_is_named_with_a_way_out(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, way_out: str
) -> None:
    """No other row of the attempt can tell whether it is to blame, or whether the server refuses all."""
    port = free_port()
    this_one = When(distinct_id=("d-0003",))
    box = sandbox(fault(this_one, status(503)), port=port)
    file = rows_file(tmp_path, 5)
    command = ("batch", file, "--batch-size", 1, "--concurrency", 3, "--timeout", 60, "-o", "json")
    settled(ours(*command, "--give-up-after", 1), 5, accepted=4, unsent=1)
    box.stop()
    sandbox(fault(this_one, status(400)), port=port)
    for _ in range(2):
        ended = ours(*command)
        report = settled(ended, 8, accepted=4, unsent=1)
        assert report["error"].endswith(f": 1 sent alone, none accepted (tried last: line 3 of {file})")
        assert "mend a row that is to blame, and the same command goes on" in ended.err
    lines = file.read_text().splitlines(keepends=True)
    match way_out:
        case "mended":
            file.write_text("".join(lines).replace("d-0003", "d-3003"))
            settled(ours(*command), 0, accepted=5)
        case "another row":
            file.write_text("".join([*lines, lines[-1].replace("d-0005", "d-0006")]))
            settled(ours(*command), 3, accepted=5, rejected=1)
        case _:
            settled(ours(*command, "--restart"), 3, accepted=4, rejected=1)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("size", [1, 20, 500])
@pytest.mark.parametrize("bad", [range(31, 91), range(1, 16), range(81, 101)], ids=str)
def test_a_long_stretch_of_rows_that_are_to_blame(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, bad: range, size: int, concurrency: int
) -> None:
    """A row that was accepted before is accepted again, so it is not the server."""
    names = tuple(ids(100)[number - 1] for number in bad)
    box = sandbox(fault(When(distinct_id=names), status(400)))
    flags = ("--batch-size", size, "--concurrency", concurrency, *QUICK)
    report = settled(
        ours("batch", rows_file(tmp_path, 100), *flags), 3, accepted=100 - len(bad), rejected=len(bad)
    )
    assert report["reject_codes"] == {"refused": len(bad)}
    assert stored(box) == [name for name in ids(100) if name not in names]


def test_a_long_stretch_of_rows_that_are_too_large(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    names = tuple(ids(60)[20:50])
    box = sandbox(fault(When(distinct_id=names), status(413)))
    command = ("batch", rows_file(tmp_path, 60), "--batch-size", 10, *QUICK)
    report = settled(ours(*command), 3, accepted=30, rejected=30)
    assert report["reject_codes"] == {"too_large": 30}
    assert stored(box) == [name for name in ids(60) if name not in names]


def test_the_question_is_asked_until_it_is_answered(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """The last row is to blame, but only the row before it, sent again, can tell."""
    box = sandbox(
        fault(When(distinct_id=("d-0005",)), status(400)), fault(When(nth=(6, 7)), status(503)), latency=0.001
    )
    command = ("batch", rows_file(tmp_path, 5), "--batch-size", 1, "--concurrency", 1, *QUICK)
    settled(ours(*command), 3, accepted=4, rejected=1)
    assert [request.distinct_ids for request in box.requests()][4:] == [["d-0005"], *[["d-0004"]] * 3]


@pytest.mark.parametrize(
    ("rows", "pad", "code"), [(1, SMALL_BYTES, 3), (1, 0, 3), (2, SMALL_BYTES, 3), (2, 0, 8)]
)
def test_few_rows_that_no_other_can_tell_of(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, rows: int, pad: int, code: int
) -> None:
    """Large ones may be refused for their size, and so may one that is alone; not several small ones."""
    sandbox(fault(ALWAYS, status(413)))
    rejected = rows if code == 3 else 0
    file = rows_file(tmp_path, rows, pad=pad)
    settled(ours("batch", file, *QUICK), code, rejected=rejected, unsent=rows - rejected)


@pytest.mark.parametrize("rows", [1, 2])
def test_no_row_is_refused_for_its_size_by_400(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, rows: int
) -> None:
    sandbox(fault(ALWAYS, status(400)))
    settled(ours("batch", rows_file(tmp_path, rows, pad=SMALL_BYTES), *QUICK), 8, unsent=rows)


def test_many_large_rows_are_not_to_blame_where_none_was_accepted(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox(fault(ALWAYS, status(413, body={"limit": 1})))
    settled(ours("batch", rows_file(tmp_path, 40, pad=SMALL_BYTES), *QUICK), 8, unsent=None)


def test_identify_stops_where_small_rows_are_too_large_from_some_time_on(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(fault(When(after=3), status(413)))
    command = ("identify", contacts_file(tmp_path, 60), *CONTACT_FLAGS, "--concurrency", 1, *QUICK)
    report = settled(ours(*command), 8, accepted=3, unsent=None)
    assert report["rejects_file"] is None
    assert request_count(box) <= 3 + LONE_REFUSALS_MAX


def test_identify_goes_on_after_many_rows_that_are_refused(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Its calls set what came last, so none is made again to ask: a 400 is the row's."""
    sandbox(fault(When(nth=tuple(range(4, 40))), status(400)))
    command = ("identify", contacts_file(tmp_path, 60), *CONTACT_FLAGS, *QUICK)
    settled(ours(*command), 3, accepted=24, rejected=36)


@pytest.mark.parametrize("code", [400, 413])
@pytest.mark.parametrize("command", ["batch", "identify"])
def test_a_canary_that_is_refused_ends(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, command: str, code: int
) -> None:
    """Nothing else is sent that could tell whether its rows are to blame: it must not wait for that."""
    box = sandbox(fault(ALWAYS, status(code)))
    rest = (rows_file(tmp_path, 9),) if command == "batch" else (contacts_file(tmp_path, 9), *CONTACT_FLAGS)
    settled(ours(command, *rest, "--canary", 2, *QUICK), 8, unsent=None)
    assert request_count(box) == (3 if command == "batch" else 2), "the two together, then each alone"


def test_a_canary_of_which_one_row_is_refused(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(fault(When(distinct_id=("d-0003",)), status(400)))
    settled(
        ours("batch", rows_file(tmp_path, 9), "--canary", 3, *QUICK), 9, accepted=2, rejected=1, unsent=None
    )
    assert stored(box) == ids(2)


def test_the_first_row_alone_is_refused_and_a_later_one_tells(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(fault(FIRST, status(413)))
    command = ("batch", rows_file(tmp_path, 3), "--batch-size", 1, "--concurrency", 1, *QUICK)
    settled(ours(*command), 3, accepted=2, rejected=1)
    assert request_count(box) == 3
