"""`--workers`: the same events, books, rejects and journal with any number of processes."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import filterfalse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from faults_kit import fault
from waiting import wait_for

from ours_cli.errors import ExitCode
from ours_cli.rows import run_size
from ours_cli.runs.blocks import Block
from ours_cli.runs.journal import read_blocks
from ours_cli.runs.recorder import PAUSE_MAX_S
from ours_cli.sandbox import Sandbox, When
from ours_cli.workers import worker
from ours_cli.workers.connected import connect
from ours_cli.workers.messages import new_line, read_message, write_message

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers are forked")

MAPPING = (
    *(
        "--event",
        "{what}",
        "--time",
        "{at}",
        "--external-id",
        "{who}",
        "-p",
        "n={n|number}",
        "-p",
        "text={text}",
    ),
    *("--concurrency", "2", "--batch-size", "70", "-o", "json"),
)
_NOW_S = int(time.time())
_LATENCY_S = 0.1


LONG = "x" * 400
"""Files are longer than what is read at once, so that workers parse some of it."""


def has_oddities(number: int) -> bool:
    """Rows that come one after the other are all right for a while."""
    return number // 1600 % 2 == 0


def csv_row(number: int) -> str:
    """Rows of every fate: plain, repeated, quoted over lines, refused by us or by the server, unreadable."""
    at, who, n, text = str(_NOW_S - 3600 - number // 2), f"p{number % 50}", str(number), LONG
    match number % 97 if has_oddities(number) else number % 5:
        case 1 | 2 | 3:
            at, who, n = str(_NOW_S - 3600), "p", "1"  # equal rows: told apart by occurrence
        case 10:
            text = '"two\nlines, and a ""quote"""'
        case 20:
            at = "soon"
        case 30:
            n = "many"
        case 40:
            at = str(_NOW_S - 40 * 86_400)
        case 50:
            who = ""
        case 60:
            return f'E,{at},{who},{n},"text" behind\n'
        case 70:
            return f"E,{at}\n"
        case 80:
            return f"Refused,{at},{who},{n},{text}\n"
    return f"E,{at},{who},{n},{text}\n"


def write_csv(path: Path, rows: range) -> Path:
    path.write_text("what,at,who,n,text\n" + "".join(map(csv_row, rows)), "utf-8")
    return path


def write_json(path: Path, rows: range, row_of: Callable[[int, int], dict[str, Any]]) -> Path:
    """One row per line, now and then a broken one; `row_of` gets its number and how to spoil it."""
    with path.open("w", encoding="utf-8") as file:
        for number in rows:
            odd = number % 97 if has_oddities(number) else 0
            file.write((json.dumps(row_of(number, odd)) if odd != 60 else "{broken") + "\n")
    return path


def track_row(number: int, odd: int) -> dict[str, Any]:
    """A row of `batch`."""
    body: dict[str, Any] = {
        "event": "E" if odd != 80 else "Refused",
        "time": (_NOW_S - 3600) * 1000 if odd != 40 else 1,
        "externalId": "p" if odd != 50 else "",
        "eventProperties": {"n": number // 3, "long": LONG},
    }
    if odd == 20:
        body["unknown"] = 1
    if odd == 30:
        body["distinctId"] = "twice"
    return body


def flat_row(number: int, odd: int) -> dict[str, Any]:
    """A row to be mapped; some have keys that others lack."""
    row: dict[str, Any] = {
        "what": "E" if odd != 80 else "Refused",
        "at": _NOW_S - 3600 if odd != 40 else "soon",
        "who": f"p{number // 3 % 50}" if odd != 50 else None,
        "n": str(number // 3) if odd != 30 else "many",
        "text": LONG if odd != 20 else ["listed", {"in": 1}],
        **({f"left{number // 1000}": 1} if odd == 10 else {}),
    }
    if odd == 70:
        del row["text"]
    return row


def write_ndjson(path: Path, rows: range) -> Path:
    return write_json(path, rows, track_row)


def write_rows(path: Path, rows: range) -> Path:
    return write_json(path, rows, flat_row)


def journal(home: Path, run: str) -> Sequence[Block]:
    return read_blocks(home / "state" / "ours" / "runs" / run)


def fates(blocks: Sequence[Block]) -> list[tuple[object, ...]]:
    return [(b.start, b.end, b.digest, b.accepted, b.rejected, b.filtered, b.codes) for b in blocks]


OF_A_RUN = ("run", "duration_s", "rejects_file", "mend", "resume")


def without(result: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key not in keys}


REFUSING = fault(When(event=("Refused",)), "invalid_event")


EXCLUDED = ("-p", "*", "--exclude", "left3", "--exclude", "text[1].in", "--exclude", "nowhere")


@pytest.mark.parametrize("kind", ["csv", "ndjson", "rows", "excluded"])
def test_the_number_of_workers_changes_nothing(
    kind: str, home: Path, tmp_path: Path, ours_process: Ours, sandbox: StartSandbox
) -> None:
    if kind == "csv":
        files = [
            write_csv(tmp_path / f"{part}.csv", rows)
            for part, rows in (("a", range(4000)), ("b", range(4000, 5000)))
        ]
        words: tuple[str | Path, ...] = ("backfill", *files, *MAPPING)
    elif kind in ("rows", "excluded"):
        files = [write_rows(tmp_path / "a.ndjson", range(5000))]
        words = ("backfill", *files, *MAPPING)
        if kind == "excluded":
            words = ("backfill", *files, *MAPPING[:6], *EXCLUDED, *MAPPING[-6:])
    else:
        files = [write_ndjson(tmp_path / "a.ndjson", range(5000))]
        words = ("batch", *files, *MAPPING[-6:])
    seen = []
    for workers in ("1", "2", "3"):
        box = sandbox(REFUSING)
        rejects = tmp_path / f"rejects-{workers}"
        ended = ours_process(*words, "--workers", workers, "--rejects", rejects, "--restart")
        assert ended.code == 3, ended.err
        result = ended.json
        mend = result["mend"].replace(str(rejects), "REJECTS").replace(f"--workers {workers}", "")
        seen.append(
            (
                sorted(json.dumps(event.body, sort_keys=True) for event in box.events()),
                without(result, *OF_A_RUN),
                mend,
                rejects.read_text("utf-8"),
                fates(journal(home, result["run"])),
            )
        )
    assert seen[0][1]["rejected"] > 100
    assert seen[0] == seen[1] == seen[2]
    if kind == "excluded":
        assert "never found in any row: --exclude nowhere" in seen[0][1]["warnings"]
        assert not any('"left3"' in body or '"in"' in body for body in seen[0][0])
        assert any('"left0"' in body for body in seen[0][0])


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_what_filters_leave_out_is_the_same_with_workers(
    kind: str, home: Path, tmp_path: Path, ours_process: Ours, sandbox: StartSandbox
) -> None:
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_NOW_S - 3600 - 1900))
    filters: tuple[str, ...] = ("--since", since, "--sample", "70%")
    if kind == "csv":
        file = write_csv(tmp_path / "a.csv", range(5000))
        words: tuple[str | Path, ...] = ("backfill", file, *MAPPING, "--where", "who!=p7")
    else:
        file = write_ndjson(tmp_path / "a.ndjson", range(5000))
        words = ("batch", file, *MAPPING[-6:], "--where", "eventProperties.n!=7", "--where", "nowhere!=x")
    seen = []
    for workers in ("1", "2"):
        box = sandbox(REFUSING)
        ended = ours_process(*words, *filters, "--workers", workers, "--restart")
        assert ended.code == 3, ended.err
        result = ended.json
        received = sorted(json.dumps(event.body, sort_keys=True) for event in box.events())
        blocks = fates(journal(home, result["run"]))
        seen.append((received, without(result, *OF_A_RUN), blocks))
    assert 1000 < seen[0][1]["filtered"] < 3000
    assert seen[0] == seen[1]
    assert any("nowhere" in warning for warning in seen[0][1]["warnings"]) == (kind == "ndjson")


def start(*words: str | Path) -> subprocess.Popen[str]:
    """Start a run in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "ours_cli", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def children(parent: int) -> list[int]:
    """The processes that this one has started and that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")


@pytest.fixture
def halfway(tmp_path: Path, sandbox: StartSandbox) -> tuple[Sandbox, tuple[str | Path, ...]]:
    """A server that takes its time, and the command of a run that it holds up."""
    box = sandbox(latency=_LATENCY_S)
    file = tmp_path / "rows.ndjson"
    lines = (
        {
            "event": "E",
            "time": (_NOW_S - 3600) * 1000 + n,
            "externalId": "p",
            "eventProperties": {"n": n, "long": "x" * 900},
        }
        for n in range(6000)
    )
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return box, ("batch", file, "--concurrency", "2", "--batch-size", "100", "-o", "json")


@needs_proc
def test_workers_die_with_a_parent_that_is_killed_and_leave_its_lock(
    halfway: tuple[Sandbox, tuple[str | Path, ...]], home: Path, ours_process: Ours
) -> None:
    box, words = halfway
    process = start(*words, "--workers", "2")
    wait_for(lambda: box.totals().events > 500)
    workers = children(process.pid)
    assert len(workers) == 2
    process.kill()
    process.wait()
    again = ours_process(*words, "--workers", "3")
    assert again.code == 0, again.err
    assert again.json["read"] == again.json["accepted"] == 6000
    wait_for(lambda: all(map(is_gone, workers)))
    totals = box.totals()
    assert (totals.events, {event.body["eventProperties"]["n"] for event in box.events()}) == (
        6000,
        set(range(6000)),
    )
    unrecorded = 2 * 100 * (1 + PAUSE_MAX_S / _LATENCY_S)
    assert totals.rows <= 6000 + unrecorded, "only what was in flight or not recorded yet was sent twice"


@needs_proc
def test_a_signal_for_the_whole_group_drains_what_is_in_flight(
    halfway: tuple[Sandbox, tuple[str | Path, ...]], ours_process: Ours
) -> None:
    box, words = halfway
    process = start(*words, "--workers", "2")
    wait_for(lambda: box.totals().events > 500)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    report = json.loads(out)
    assert report["accepted"] == box.totals().events == box.totals().rows
    assert "Traceback" not in err
    again = ours_process(*words)
    assert (again.code, again.json["accepted"], box.totals().rows) == (0, 6000, 6000)


@needs_proc
def test_a_worker_that_is_frozen_holds_up_no_signal(
    halfway: tuple[Sandbox, tuple[str | Path, ...]],
) -> None:
    box, words = halfway
    process = start(*words, "--workers", "2")
    wait_for(lambda: box.totals().events > 500)
    workers = children(process.pid)
    os.kill(workers[0], signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        for worker in filterfalse(is_gone, workers):
            os.kill(worker, signal.SIGKILL)
    assert process.returncode == 130, err
    assert json.loads(out)["status"] == "interrupted"
    assert all(map(is_gone, workers))


@needs_proc
def test_a_worker_that_dies_stops_the_run_which_can_be_resumed(
    halfway: tuple[Sandbox, tuple[str | Path, ...]], ours_process: Ours
) -> None:
    box, words = halfway
    process = start(*words, "--workers", "2")
    wait_for(lambda: box.totals().events > 500)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.LOCAL_IO, err
    assert "error: a worker process was killed (signal 9)" in err
    assert "hint: run the same command again: nothing counts twice; --workers 1" in err
    report = json.loads(out)
    assert report["read"] == report["accepted"] + report["unsent"]
    again = ours_process(*words, "--workers", "2")
    assert (again.code, again.json["accepted"], box.totals().events) == (0, 6000, 6000)


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [(ValueError, ExitCode.BUG, "a bug in a worker"), (MemoryError, ExitCode.LOCAL_IO, "out of memory")],
)
def test_a_worker_that_raises(
    halfway: tuple[Sandbox, tuple[str | Path, ...]],
    ours: Ours,
    monkeypatch: pytest.MonkeyPatch,
    raised: type[Exception],
    code: int,
    said: str,
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(worker, "_drafts", fail)
    box, words = halfway
    ended = ours(*words, "--workers", "2")
    assert ended.code == code, ended.err
    assert said in ended.err
    assert ("--workers 1 takes less memory" in ended.err) == (raised is MemoryError)
    monkeypatch.undo()
    assert box.totals().events == 0


@needs_proc
def test_a_system_without_room_for_a_worker(
    halfway: tuple[Sandbox, tuple[str | Path, ...]], ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork = os.fork
    started: list[int] = []

    def full() -> int:
        if started:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        if process := fork():
            started.append(process)
        return process

    monkeypatch.setattr(os, "fork", full)
    ended = ours(*halfway[1], "--workers", "2")
    assert ended.code == ExitCode.LOCAL_IO, ended.err
    assert "error: a worker process cannot be started: Resource temporarily" in ended.err
    assert "hint: --workers 1" in ended.err
    assert not Path(f"/proc/{started[0]}").exists(), "the worker that was started is not even a zombie"


@needs_proc
def test_a_system_with_any_number_of_files(
    halfway: tuple[Sandbox, tuple[str | Path, ...]], ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sysconf", lambda _: 2**63 - 1)
    ended = ours(*halfway[1], "--workers", "2")
    assert (ended.code, ended.json["accepted"]) == (0, 6000), ended.err


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_rejects_fed_back_are_what_they_are_without_workers(
    kind: str, tmp_path: Path, ours_process: Ours, sandbox: StartSandbox
) -> None:
    file = (write_csv if kind == "csv" else write_ndjson)(tmp_path / f"a.{kind}", range(5000))
    words = ("backfill", *MAPPING) if kind == "csv" else ("batch", *MAPPING[-6:])
    seen = []
    for workers in ("1", "2"):
        box = sandbox(REFUSING)
        rejects = tmp_path / f"{workers}.{kind}"
        assert ours_process(*words, file, "--restart", "--rejects", rejects).code == 3
        again = ours_process(*words, rejects, "--workers", workers, "--rejects", tmp_path / "again")
        received = sorted(json.dumps(event.body, sort_keys=True) for event in box.events())
        seen.append((again.json["read"], again.json["reject_codes"], received))
    assert seen[0] == seen[1]
    assert seen[0][0] > 100


def test_a_shard_is_the_same_with_workers(tmp_path: Path, ours_process: Ours, sandbox: StartSandbox) -> None:
    file = write_csv(tmp_path / "a.csv", range(5000))
    seen = []
    for workers in ("1", "2"):
        box = sandbox(REFUSING)
        ended = ours_process("backfill", file, *MAPPING, "--shard", "1/3", "--workers", workers, "--restart")
        received = {event.distinct_id for event in box.events()}
        seen.append((ended.json["read"], ended.json["other_shards"], ended.json["accepted"], received))
    assert seen[0] == seen[1]
    # Some 1,300, and 1,100 more where the rows that are all alike, which go together, are of this shard.
    assert 1000 < seen[0][2] < 2700


@pytest.mark.parametrize("limit", [0, 1, 1999, 4000, 9000])
def test_the_limit_is_one_of_rows(
    limit: int, tmp_path: Path, ours_process: Ours, sandbox: StartSandbox
) -> None:
    sandbox(REFUSING)
    file = write_csv(tmp_path / "a.csv", range(5000))
    words = ("backfill", file, *MAPPING, "--limit", str(limit), "--restart")
    alone, helped = (without(ours_process(*words, "--workers", n).json, *OF_A_RUN) for n in "12")
    assert helped == alone
    assert helped["read"] == min(limit, 5000)


def test_a_file_that_changes_its_columns_midway(
    tmp_path: Path, ours_process: Ours, sandbox: StartSandbox
) -> None:
    box = sandbox()
    first = write_csv(tmp_path / "1.csv", range(11, 18))
    second = tmp_path / "2.csv"
    second.write_text(f"n,text,at,who,what\n5,x,{_NOW_S - 60},p,E\n", "utf-8")
    ended = ours_process("backfill", first, second, *MAPPING, "--workers", "2")
    assert (ended.code, ended.json["accepted"]) == (0, 8)
    assert {event.body["eventProperties"]["n"] for event in box.events()} == {5, *range(11, 18)}


@pytest.mark.parametrize("value", ["0", "65", "many", "-1", "1.5"])
def test_what_is_no_number_of_workers(value: str, tmp_path: Path, ours: Ours) -> None:
    file = write_csv(tmp_path / "a.csv", range(2))
    ended = ours("backfill", file, *MAPPING, "--workers", value)
    assert (ended.code, ended.json["exit"]) == (2, 2)
    assert "--workers must be auto, or a number from 1 to 64" in ended.err


def test_how_many_workers_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_size, "_cores", lambda: 8)
    assert [run_size.worker_count(wanted, 10) for wanted in (1, 2, 64, None)] == [0, 2, 64, 0]
    assert [run_size.worker_count(None, 1 << 30), run_size.worker_count(None, None)] == [2, 0]
    assert run_size.worker_count(3, None) == 0, "a pipe's rows are mapped as they come"
    monkeypatch.setattr(run_size, "_cores", lambda: 1)
    assert run_size.worker_count(None, 1 << 30) == 0


def test_the_worker_with_least_to_do_is_asked_and_answers_keep_the_order_of_questions() -> None:
    lines = [new_line(), new_line()]
    busy, idle = (theirs.makefile("rb") for _, theirs in lines)

    async def ask_four() -> list[Any]:
        workers: Any = [SimpleNamespace(line=ours, why_it_ended=AssertionError) for ours, _ in lines]
        pool: Any = await connect(workers)
        await pool.ask("1st")
        for question in ("2nd", "3rd", "4th"):
            await pool.ask(question)
            assert await asyncio.to_thread(read_message, idle) == question
            write_message(lines[1][1], f"{question} by the idle one")
            while pool._links[1].unanswered:
                await asyncio.sleep(0.001)
        assert await asyncio.to_thread(read_message, busy) == "1st"
        write_message(lines[0][1], "1st by the busy one")
        answers = [await pool.answer() for _ in range(4)]
        pool.close()
        return answers

    assert asyncio.run(asyncio.wait_for(ask_four(), 20)) == [
        "1st by the busy one",
        *(f"{question} by the idle one" for question in ("2nd", "3rd", "4th")),
    ]
    for _, theirs in lines:
        theirs.close()
