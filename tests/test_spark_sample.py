"""`samples/spark`: its wrapper alone and, where Java and pyspark are there, the whole job on two cores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import TOKEN, StartSandbox
from faults_kit import fault, status

from ours_cli.sandbox import Sandbox, When

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "spark"
NOW_S = int(time.time())
LATE_MS = (NOW_S - 40 * 86_400) * 1000
needs_spark = pytest.mark.skipif(
    find_spec("pyspark") is None or shutil.which("java") is None, reason="needs pyspark and Java 17"
)


def rows_of(count: int) -> list[str]:
    return [
        json.dumps(
            {"event": "E", "distinctId": f"d{number}", "externalId": "p", "time": (NOW_S - number) * 1000}
        )
        for number in range(count)
    ]


def ours_path(folder: Path) -> Path:
    """`ours` as a program of its own, whatever is installed."""
    path = folder / "ours"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ours_cli "$@"\n')
    path.chmod(0o700)
    return path


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


def wrapper_words(ours: Path, token_file: Path, box: Sandbox) -> list[str | Path]:
    flags = ("--token-file", token_file, "--base-url", box.base_url)
    return [sys.executable, SAMPLE / "partition.py", ours, *flags]


def through_wrapper(
    lines: list[str], ours: Path, token_file: Path, box: Sandbox
) -> tuple[int, list[dict[str, Any]], str]:
    done = subprocess.run(
        wrapper_words(ours, token_file, box),
        input="".join(line + "\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert TOKEN not in done.stdout + done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def trailer(rows: int) -> str:
    return json.dumps({"endOfPartition": rows})


class TestWrapper:
    def test_a_whole_partition_has_a_receipt_behind_its_rejects(
        self, tmp_path: Path, token_file: Path, sandbox: StartSandbox
    ) -> None:
        box = sandbox()
        late = json.dumps({"event": "E", "distinctId": "late", "externalId": "p", "time": LATE_MS})
        lines = [*rows_of(20), late, trailer(21)]
        code, answers, _ = through_wrapper(lines, ours_path(tmp_path), token_file, box)
        assert code == 0
        assert answers[0]["reject"]["distinctId"] == "late"
        assert answers[0]["reject"]["_code"] == "outside_window"
        receipt = answers[1]["receipt"]
        assert (receipt["read"], receipt["accepted"], receipt["rejected"]) == (21, 20, 1)
        assert len(answers) == 2
        assert box.totals().events == 20

    @pytest.mark.parametrize("end", [[], [trailer(19)], ["{}"], ["not JSON"]])
    def test_an_input_that_is_cut_off_has_none(
        self, end: list[str], tmp_path: Path, token_file: Path, sandbox: StartSandbox
    ) -> None:
        code, answers, err = through_wrapper([*rows_of(20), *end], ours_path(tmp_path), token_file, sandbox())
        assert (code, answers) == (75, [])
        assert err.splitlines()[-1].startswith("partition: ")

    def test_a_partition_without_rows(self, tmp_path: Path, token_file: Path, sandbox: StartSandbox) -> None:
        code, answers, _ = through_wrapper([trailer(0)], ours_path(tmp_path), token_file, sandbox())
        assert (code, answers[0]["receipt"]["read"]) == (0, 0)

    def test_what_stops_ours_fails_the_attempt(
        self, tmp_path: Path, token_file: Path, sandbox: StartSandbox
    ) -> None:
        box = sandbox(fault(When(), status(401)))
        code, answers, err = through_wrapper(
            [*rows_of(20), trailer(20)], ours_path(tmp_path), token_file, box
        )
        assert (code, answers) == (4, [])
        assert "partition: ours ended with 4" in err

    @pytest.mark.parametrize("locale", ["C", "de_DE.iso88591", "ja_JP.eucjp"])
    def test_no_reject_is_lost_in_any_locale(
        self, locale: str, tmp_path: Path, token_file: Path, sandbox: StartSandbox
    ) -> None:
        rows = [
            json.dumps(
                {"event": "Größe", "distinctId": f"d{number}", "externalId": "p", "time": LATE_MS},
                ensure_ascii=False,
            )
            for number in range(3000)
        ]
        done = subprocess.run(
            wrapper_words(ours_path(tmp_path), token_file, sandbox()),
            input="".join(line + "\n" for line in (*rows, trailer(3000))).encode(),
            capture_output=True,
            env={**os.environ, "LC_ALL": locale},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        *rejects, receipt = done.stdout.splitlines()
        assert [line.count(b'{"reject":{') for line in rejects] == [1] * 3000
        assert json.loads(receipt)["receipt"]["rejected"] == 3000

    def test_a_receipt_that_counts_other_rejects_fails_the_attempt(
        self, tmp_path: Path, token_file: Path, sandbox: StartSandbox
    ) -> None:
        ours = ours_path(tmp_path)
        ours.write_text(f'{ours.read_text().rstrip()} | sed "1d"\n'.replace("exec ", ""))
        late = [json.dumps({"event": "E", "distinctId": f"l{n}", "time": LATE_MS}) for n in range(3)]
        code, answers, err = through_wrapper([*late, trailer(3)], ours, token_file, sandbox())
        assert code == 75
        assert all("receipt" not in answer for answer in answers)
        assert err.endswith("partition: ours gave 2 rejects, and its receipt counts 3\n")

    def test_an_ours_that_ends_early_says_why(
        self, tmp_path: Path, token_file: Path, sandbox: StartSandbox
    ) -> None:
        box = sandbox(fault(When(), status(401)))
        lines = [*rows_of(20_000), trailer(20_000)]
        code, answers, err = through_wrapper(lines, ours_path(tmp_path), token_file, box)
        assert (code, answers) == (4, [])
        assert "partition: ours ended with 4" in err

    def test_it_leaves_no_state(
        self, tmp_path: Path, token_file: Path, home: Path, sandbox: StartSandbox
    ) -> None:
        through_wrapper([*rows_of(5), trailer(5)], ours_path(tmp_path), token_file, sandbox())
        assert not (home / "state").exists()


def write_orders(folder: Path, count: int) -> Path:
    """Four NDJSON files of orders; one in a thousand is older than the API takes."""
    folder.mkdir()
    for part in range(4):
        with (folder / f"part-{part}.json").open("w", encoding="utf-8") as file:
            for number in range(part, count, 4):
                age = 40 * 86_400 if number % 1000 == 7 else 3600 + number % 1000
                order = {
                    "order_id": f"o{number}",
                    "customer_id": f"c{number % 97}",
                    "email": None if number % 2 else "a@example.org",
                    "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW_S - age)),
                    "total": "12.50",
                    "quantity": "2",
                }
                file.write(json.dumps(order) + "\n")
    return folder


def dying_ours(folder: Path) -> Path:
    """An `ours` whose first run dies halfway, together with the Python worker that feeds it."""
    path, real = folder / "dying-ours", ours_path(folder)
    path.write_text(
        "#!/bin/sh\n"
        f'if mkdir "{folder}/died" 2>/dev/null; then\n'
        f'  head -c 60000 | "{real}" "$@" >/dev/null 2>&1\n'
        "  task=$(ps -o ppid= -p $PPID)\n"
        "  kill -KILL $PPID $task\n"
        "  exit 1\n"
        "fi\n"
        f'exec "{real}" "$@"\n'
    )
    path.chmod(0o700)
    return path


def job(out: Path, orders: Path, ours: Path, token_file: Path, box: Sandbox, *more: str) -> Any:
    words = ["--input", orders, "--sql", SAMPLE / "orders.sql", "--out", out, "--ours", ours]
    words += ["--token-file", token_file, "--base-url", box.base_url, "--master", "local[2,4]"]
    return subprocess.run(
        [sys.executable, str(SAMPLE / "job.py"), *map(str, words), *more],
        capture_output=True,
        text=True,
        env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable},
        timeout=300,
        check=False,
    )


def rejects_in(out: Path) -> Iterator[dict[str, Any]]:
    for path in (out / "rejects").glob("part-*"):
        yield from map(json.loads, path.read_text("utf-8").splitlines())


@needs_spark
def test_the_job_balances_though_a_task_is_killed_and_counts_once_when_run_again(
    tmp_path: Path, token_file: Path, sandbox: StartSandbox
) -> None:
    box = sandbox(fault(When(every=5), status(503)))
    orders = write_orders(tmp_path / "orders", 8000)
    ran = job(tmp_path / "out", orders, dying_ours(tmp_path), token_file, box, "--partitions", "4")
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert (tmp_path / "died").exists()
    assert ran.stdout == "8,000 read, 7,992 accepted, 8 rejected, 0 unsent\n"
    totals = box.totals()
    assert totals.events == 7992
    assert totals.rows > 7992, "the killed attempt had sent some already"
    assert {row["_code"] for row in rejects_in(tmp_path / "out")} == {"outside_window"}
    assert len(list(rejects_in(tmp_path / "out"))) == 8
    assert TOKEN not in ran.stdout + ran.stderr
    again = job(tmp_path / "again", orders, ours_path(tmp_path), token_file, box)
    assert again.stdout == ran.stdout
    assert box.totals().events == 7992


@needs_spark
def test_rows_without_an_id_of_their_own_are_not_sent(
    tmp_path: Path, token_file: Path, sandbox: StartSandbox
) -> None:
    box = sandbox()
    orders = write_orders(tmp_path / "orders", 40)
    shutil.copy(orders / "part-0.json", orders / "part-9.json")
    ran = job(tmp_path / "out", orders, ours_path(tmp_path), token_file, box)
    assert ran.returncode == 1
    assert "50 rows have 40 distinctIds" in ran.stderr
    assert box.totals().requests == 0


@needs_spark
def test_books_that_do_not_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SAMPLE)
    books = import_module("job").Books

    assert books(2, 10, 9, 1, 0, 1).fault(10, 2) is None
    assert books(1, 10, 9, 1, 0, 1).fault(10, 2) == "1 receipts for 2 partitions"
    assert "Spark counts 11" in books(2, 10, 9, 1, 0, 1).fault(11, 2)
    assert "are not 10" in books(2, 10, 8, 1, 0, 1).fault(10, 2)
    assert "are not 10" in books(2, 10, 8, 1, 1, 1).fault(10, 2)
    assert books(2, 10, 9, 1, 0, 0).fault(10, 2) == "the rejects have 0 rows, the receipts count 1"
