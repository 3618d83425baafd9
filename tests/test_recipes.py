"""The README's recipes, and its rehearsal, run by a shell as they stand, and what the server received."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from test_docs import section, sh_blocks
from visitors import visitors
from waiting import wait_for

from ours_cli.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[1]
EXPORTS = Path(__file__).parent / "presets"
DAY = datetime.now(UTC) - timedelta(days=2)
"""The day of all events: the recipes are for what happened lately, and the samples are of one March."""


RECIPES = {
    title: sh_blocks(text)
    for title, text in re.findall(r"^### (.*)\n((?:(?!^### ).*\n)*)", section("Ten recipes"), re.MULTILINE)
}


def lately(path: Path) -> str:
    """A sample with all of its dates, and epochs in s and ms, moved to `DAY`."""
    midnight = int(DAY.replace(hour=0, minute=0, second=0).timestamp())
    text = re.sub(r"2026-03-\d\d", f"{DAY:%Y-%m-%d}", path.read_text("utf-8"))
    return re.sub(r"\b(177\d{7})(?=\d{3}\b|\b)", lambda found: str(midnight + int(found[1]) % 86_400), text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the recipes name, `ours` on the PATH, both tokens set."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("OURS_PRIVACY_TEST_TOKEN", "any")
    here = tmp_path / "here"
    (here / "nightly" / "incoming").mkdir(parents=True)
    (here / "exports").mkdir()
    (here / "samples").symlink_to(ROOT / "samples")
    orders = lately(ROOT / "samples" / "orders.csv")
    header = orders.partition("\n")[0]
    spoiled = f"A-1,{DAY:%Y-%m-%d},paid,C-1,,,North,Flu shot,1,tbd,,\n"
    for name, text in {
        "payments.csv": lately(EXPORTS / "stripe.csv"),
        "shopify.csv": lately(EXPORTS / "shopify.csv"),
        "contacts.csv": lately(EXPORTS / "hubspot.csv"),
        "mixpanel.ndjson": lately(EXPORTS / "mixpanel.ndjson"),
        "nightly/incoming/monday.csv": orders,
        "app.ndjson": lately(ROOT / "samples" / "events.ndjson"),
        "visits.json": lately(ROOT / "samples" / "appointments.json"),
        "orders.csv": orders,
        "orders-tbd.csv": orders + spoiled,
        **{
            f"exports/{number:02}.csv": f"{header}\nB-{number},{DAY:%Y-%m-%d},paid,C-1,,,North,X,1,$5.00,,\n"
            for number in range(40)
        },
    }.items():
        (here / name).write_text(text, "utf-8")
    monkeypatch.chdir(here)
    return here


def shell(block: str) -> tuple[int, str, str]:
    done = subprocess.run(
        ["sh", "-c", block],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def names(running: Sandbox) -> Counter[str]:
    return Counter(event.event for event in running.events())


def orders(running: Sandbox) -> int:
    return sum(count for name, count in names(running).items() if name.startswith("Order "))


Check = Callable[[Sandbox, str], bool]
CHECKS: dict[str, Check] = {
    "Payments of Stripe": lambda running, out: set(names(running)) == {"Payment"} and "dry run" in out,
    "Orders of Shopify": lambda running, out: all(
        "taxes" in event.body["eventProperties"] for event in running.events()
    ),
    "Contacts of a CRM": lambda running, out: len(visitors(running.events())) > 1,
    "Moving from Mixpanel": lambda running, out: "Signed up" in names(running),
    "Every night": lambda running, out: orders(running) == 202 and out == "",
    "Out of jq": lambda running, out: set(names(running)) == {"Visit"},
    "Test Mode first, then live": lambda running, out: (
        orders(running) == 202 and "(this machine, Test Mode)" in out and "(this machine)" in out
    ),
    "Mending rejects": lambda running, out: orders(running) == 203 and "bad_number 1" in out,
    "Forty files at once": lambda running, out: (
        json.loads(out) == {"read": 40, "accepted": 40, "rejected": 0} and running.totals().events == 40
    ),
}
ENDLESS = "A growing log"


def test_there_are_ten_each_in_one_block() -> None:
    assert len(RECIPES) == 10
    assert all(len(found) == 1 for found in RECIPES.values())
    assert {*CHECKS, ENDLESS} == set(RECIPES)


@pytest.mark.parametrize("title", CHECKS)
def test_a_recipe_as_it_stands(title: str, folder: Path, sandbox: StartSandbox) -> None:
    [block] = RECIPES[title]
    if re.search(r"\bjq\b", block) and shutil.which("jq") is None:
        pytest.skip("needs jq")
    running = sandbox(window_ms=None)
    code, out, err = shell(block)
    assert (code, "error:" in err) == (0, False), (out, err)
    assert running.totals().rows or visitors(running.events())
    assert CHECKS[title](running, out), (out, err)


def test_the_growing_log_until_ctrl_c(folder: Path, sandbox: StartSandbox) -> None:
    [block] = RECIPES[ENDLESS]
    running = sandbox(window_ms=None)
    command = ["sh", "-c", block]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for(lambda: running.totals().events >= 24)
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert re.search(r"accepted +24\b", out)


def test_the_rehearsal_as_it_stands(folder: Path, sandbox: StartSandbox, ours: Ours) -> None:
    running = sandbox(window_ms=None)
    second_terminal, *steps = sh_blocks(section("A rehearsal"))
    assert second_terminal == "ours sandbox --window-days none\n"
    script = "".join(steps).replace("http://127.0.0.1:8787/api/v1", running.base_url)
    assert running.base_url in script
    code, out, err = shell(script)
    assert code == 0, (out, err)
    spoiled = (folder / "spoiled.csv").read_text("utf-8").count(",tbd,")
    assert spoiled > 1
    assert out.count(f"bad_number {spoiled}: ") == 2, "the run, and the same again"
    assert orders(running) == 202 == running.totals().rows
    assert "doctor: all is well" in out
    assert len(ours("runs").out.splitlines()) == 1 + 2
