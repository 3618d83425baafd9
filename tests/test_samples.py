"""The samples are what the README says, and the pipelines run as they stand."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import TOKEN, Ours, StartSandbox
from visitors import visitors
from waiting import wait_for

from ours_cli.errors import ExitCode
from ours_cli.sandbox import Fault, Sandbox, Then, When

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
ORDERS = SAMPLES / "orders.csv"
MAP = SAMPLES / "orders.toml"
OPEN = ("--max-age", "none")

Script = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """Start `sh samples/NAME ARGS` in a process group of its own, `ours` on its PATH, no standard input."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    running: list[subprocess.Popen[str]] = []

    def start(name: str, *arguments: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["sh", SAMPLES / name, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- the files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", sorted(path for path in SAMPLES.rglob("*") if path.is_file()), ids=lambda path: path.name
)
def test_nobody_real_is_in_the_samples(path: Path) -> None:
    text = path.read_text("utf-8")
    assert all(re.search(r"@example\.(com|org)$", address) for address in re.findall(r"\S+@[\w.]+\w", text))
    assert all(number[-7:-2] == "55 01" for number in re.findall(r"\+1 [\d ]{12}", text))


def test_orders_is_an_export_with_its_difficulties() -> None:
    rows = rows_of(ORDERS)
    assert 190 <= len(rows) <= 210
    assert 10 <= len(rows[0]) <= 12
    assert any("\n" in row["note"] for row in rows)
    assert {row["created_at"][-6:] for row in rows} >= {"-05:00", "-04:00", "-08:00"}
    assert any(row["total"].startswith("($") for row in rows)


# --- the commands ------------------------------------------------------------------------------------------


def test_orders_arrive_and_what_is_not_mapped_stays(ours: Ours, sandbox: StartSandbox) -> None:
    running = sandbox(window_ms=None)
    ended = ours("backfill", ORDERS, "--map", MAP, *OPEN, "-o", "json")
    assert ended.code == ExitCode.OK
    rows, events = rows_of(ORDERS), list(running.events())
    assert ended.json["accepted"] == len(rows) == len(events)
    assert ended.json["warnings"] == [
        "columns not sent: date_of_birth, note; --exclude COLUMN says it is meant"
    ]
    sent = json.dumps([event.body for event in events])
    assert not any(row["date_of_birth"] in sent for row in rows)
    refund = next(event for event in events if event.event == "Order Refunded")
    assert refund.body["eventProperties"]["amount"] < 0


def test_orders_sent_twice_count_once(ours: Ours, sandbox: StartSandbox) -> None:
    running = sandbox(window_ms=None)
    for again in ((), ("--restart",)):
        assert ours("backfill", ORDERS, "--map", MAP, *OPEN, *again).code == ExitCode.OK
    totals = running.totals()
    assert (totals.rows, totals.events) == (2 * len(rows_of(ORDERS)), len(rows_of(ORDERS)))


def test_without_a_window_every_order_is_too_old(ours: Ours) -> None:
    ended = ours("backfill", ORDERS, "--map", MAP, "--sandbox", "-o", "json")
    assert ended.code == ExitCode.REJECTED
    assert ended.json["reject_codes"] == {"outside_window": len(rows_of(ORDERS))}
    assert ended.json["requests"] == 0


def test_contacts_become_visitors(ours: Ours, sandbox: StartSandbox) -> None:
    running = sandbox()
    ended = ours(
        "identify",
        SAMPLES / "contacts.csv",
        *("--external-id", "{customer_id}"),
        *("--email", "{email|lower}"),
        *("-u", "first_name={First Name}"),
        *("-u", "custom_properties.newsletter={newsletter|bool}"),
        *("-o", "json"),
    )
    assert ended.code == ExitCode.OK
    assert ended.json["accepted"] == len(rows_of(SAMPLES / "contacts.csv")) == len(visitors(running.events()))


def test_events_are_shaped_like_track(ours: Ours, sandbox: StartSandbox) -> None:
    running = sandbox(window_ms=None)
    ended = ours("batch", SAMPLES / "events.ndjson", *OPEN, "-o", "json")
    assert ended.code == ExitCode.OK
    assert ended.json["accepted"] == running.totals().events == 24
    assert ended.json["warnings"] == []


# --- the pipelines -----------------------------------------------------------------------------------------


def appointments() -> set[str]:
    rows = json.loads((SAMPLES / "appointments.json").read_text("utf-8"))["data"]
    wanted = (row for row in rows if row["attributes"]["state"] != "draft")
    return {f"appointment-{row['id']}-{row['attributes']['state']}" for row in wanted}


needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")


@needs_jq
def test_jq_gives_an_export_its_shape(script: Script, sandbox: StartSandbox) -> None:
    running = sandbox(window_ms=None)
    process = script("jq.sh", SAMPLES / "appointments.json", *OPEN)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "batch: complete" in out
    assert {event.distinct_id for event in running.events()} == appointments()


@needs_jq
def test_jq_without_arguments_takes_the_sample(script: Script, sandbox: StartSandbox) -> None:
    sandbox()
    process = script("jq.sh")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.REJECTED
    assert f"outside_window {len(appointments())}" in out


@needs_jq
def test_jq_that_breaks_off_is_not_success(script: Script, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(window_ms=None)
    broken = tmp_path / "broken.json"
    broken.write_text((SAMPLES / "appointments.json").read_text("utf-8") + "{", "utf-8")
    process = script("jq.sh", broken, *OPEN)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "batch: complete" in out
    assert "jq failed" in err


def test_tail_sends_lines_as_they_are_written(script: Script, sandbox: StartSandbox, tmp_path: Path) -> None:
    running = sandbox(window_ms=None)
    log = tmp_path / "log.ndjson"
    log.write_bytes((SAMPLES / "events.ndjson").read_bytes())
    process = script("tail.sh", log, *OPEN)
    wait_for(lambda: running.totals().events == 24, "the first lines never came")
    for number in range(3):
        with log.open("a") as file:
            late = {"event": "Late", "externalId": "x", "time": f"2026-03-09T00:00:0{number}Z"}
            file.write(json.dumps(late) + "\n")
        wait_for(lambda: running.totals().events == 25 + number, "a late line never came")  # noqa: B023
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.SIGINT
    assert re.search(r"accepted +27\b", out)


def test_tail_ends_when_ours_does(script: Script, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(Fault(When(), Then("status", status=401)), window_ms=None)
    process = script("tail.sh", SAMPLES / "events.ndjson", *OPEN)
    _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.AUTH
    assert TOKEN not in err


@pytest.fixture
def nightly(tmp_path: Path) -> Path:
    """A folder as cron.sh wants it, with one file waiting."""
    folder = tmp_path / "nightly"
    (folder / "incoming").mkdir(parents=True)
    shutil.copy(ORDERS, folder / "incoming" / "monday.csv")
    return folder


def cron(script: Script, folder: Path, *flags: str) -> tuple[int, str, str]:
    process = script("cron.sh", folder, MAP, *flags)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def report(folder: Path, name: str) -> dict[str, object]:
    (path,) = (folder / "reports").glob(f"*-{name}.json")
    value: dict[str, object] = json.loads(path.read_text("utf-8"))
    return value


def test_cron_sends_the_file_and_says_nothing(script: Script, sandbox: StartSandbox, nightly: Path) -> None:
    running = sandbox(window_ms=None)
    assert cron(script, nightly, *OPEN) == (0, "", "")
    assert running.totals().events == len(rows_of(ORDERS))
    assert len(list((nightly / "done").glob("*-monday.csv"))) == 1
    assert report(nightly, "monday.csv")["status"] == "complete"
    assert not any((nightly / "rejects").iterdir())
    assert not (nightly / "lock").exists()
    assert cron(script, nightly, *OPEN) == (0, "", "")


def test_cron_keeps_the_rejects_and_tells(script: Script, sandbox: StartSandbox, nightly: Path) -> None:
    sandbox(window_ms=None)
    with (nightly / "incoming" / "monday.csv").open("a") as file:
        file.write("A-9,never,paid,C-1,,,North,Flu shot,1,$35.00,,\n")
    code, out, err = cron(script, nightly, *OPEN)
    assert (code, out) == (ExitCode.REJECTED, "")
    assert "some rows were rejected" in err
    assert [row["_code"] for row in rows_of(nightly / "rejects" / "monday.csv")] == ["bad_time"]
    assert len(list((nightly / "done").glob("*-monday.csv"))) == 1
    shutil.copy(ORDERS, nightly / "incoming" / "monday.csv")
    assert cron(script, nightly, *OPEN)[0] == ExitCode.OK
    assert len(rows_of(nightly / "rejects" / "monday.1.csv")) == 1, "nobody has mended them yet"


def test_cron_leaves_the_file_when_the_server_is_away(
    script: Script, nightly: Path, monkeypatch: pytest.MonkeyPatch, sandbox: StartSandbox
) -> None:
    monkeypatch.setenv("OURS_PRIVACY_BASE_URL", "http://127.0.0.1:9/api/v1")
    code, _, err = cron(script, nightly, *OPEN, "--give-up-after", "0.05")
    assert code == ExitCode.UNAVAILABLE
    assert "stays in incoming" in err
    assert (nightly / "incoming" / "monday.csv").exists()
    running: Sandbox = sandbox(window_ms=None)
    assert cron(script, nightly, *OPEN)[0] == ExitCode.OK
    assert running.totals().events == len(rows_of(ORDERS))


def test_cron_runs_once_at_a_time(script: Script, sandbox: StartSandbox, nightly: Path) -> None:
    sandbox(window_ms=None)
    (nightly / "lock").mkdir()
    code, _, err = cron(script, nightly, *OPEN)
    assert code == ExitCode.BUSY
    assert "another run holds" in err
    assert (nightly / "lock").exists()
    assert (nightly / "incoming" / "monday.csv").exists()


def test_shards_send_what_one_run_sends(script: Script, sandbox: StartSandbox, tmp_path: Path) -> None:
    whole = sandbox(window_ms=None)
    command = (ORDERS, "--map", MAP, *OPEN)
    process = script("parallel/shards.sh", 1, 1, tmp_path / "one", *command)
    assert process.communicate(timeout=60)[1] == ""
    parts = sandbox(window_ms=None)
    for _ in ("sends", "has nothing left to send"):
        process = script("parallel/shards.sh", 4, 2, tmp_path / "four", *command)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert "backfill: complete, 4 of 4 shards" in out
    ids = sorted(event.distinct_id for event in whole.events())
    assert sorted(event.distinct_id for event in parts.events()) == ids
    assert len(set(ids)) == len(rows_of(ORDERS))


def test_shards_hand_templates_on_as_they_stand(
    script: Script, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Tools that run many commands have replacement strings of their own, which look like our templates."""
    place = sandbox(window_ms=None)
    file = tmp_path / "a b.csv"
    file.write_text("c1,1767225600,5 {}\nc2,1767225601,6 'q'\n", "utf-8")
    fields = ("--event", "E", "--external-id", "{1}", "--time", "{2}", "-p", "n={3}", "-p", "braces=a {{}} b")
    process = script("parallel/shards.sh", 2, 2, tmp_path / "out", file, "--no-header", *fields, *OPEN)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, ""), out
    sent = {event.body["externalId"]: event.body["eventProperties"] for event in place.events()}
    assert sent == {"c1": {"n": "5 {}", "braces": "a {} b"}, "c2": {"n": "6 'q'", "braces": "a {} b"}}


def test_a_shard_that_fails_is_told(script: Script, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(Fault(When(nth=(2,)), Then("status", status=401)), window_ms=None)
    process = script("parallel/shards.sh", 3, 1, tmp_path, ORDERS, "--map", MAP, *OPEN)
    out, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.SOURCE
    assert "backfill: incomplete" in out
    assert "ended with 4" in err
    assert "unfinished: 1/3" in err


def test_the_job_has_as_many_pods_as_shards() -> None:
    """What Kubernetes runs cannot be run here: its command is read as the program would read it."""
    text = (SAMPLES / "kubernetes" / "job.yaml").read_text("utf-8")
    (total,) = re.findall(r'--shard "\$k/(\d+)"', text)
    assert re.findall(r"completions: (\d+)", text) == [total]
    command = re.search(r"(ours backfill .*?)\n *code=", text, re.DOTALL)
    assert command is not None
    known = subprocess.run(
        [sys.executable, "-m", "ours_cli", "backfill", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for flag in re.findall(r"--[a-z-]+", command[1]):
        assert flag in known
    assert "JOB_COMPLETION_INDEX" in text
    assert "completionMode: Indexed" in text


@pytest.mark.parametrize("name", ["jq.sh", "tail.sh", "cron.sh", "parallel/shards.sh"])
@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_the_scripts_are_posix(name: str, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    text = (SAMPLES / name).read_text("utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in text
    options = ["--posix"] if shell == "bash" else []
    assert subprocess.run([shell, *options, "-n", SAMPLES / name], check=False).returncode == 0
