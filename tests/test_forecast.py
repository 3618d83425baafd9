"""Rows that would leave the API's window during a slow run, reported before it starts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from events_kit import event_of
from faults_kit import ALWAYS, fault, status
from rows import iso, ndjson, write

from ours_cli.clock_skew import clock_warning
from ours_cli.mapping.validate import Window
from ours_cli.rows.late_rows import AgeingRows
from ours_cli.sandbox import When

HOUR_MS = 3_600_000
FIELDS = ("--event", "E", "--time", "{when}", "--external-id", "{id}")


def ageing(rate: float, ages_h: list[float | None], max_age_h: float | None = 10) -> str | None:
    """The warning for events of these ages, in this order."""
    max_age = None if max_age_h is None else int(max_age_h * HOUR_MS)
    now_ms = 1_000 * HOUR_MS
    found = AgeingRows(rate, Window(max_age, now_ms=lambda: now_ms))
    for age in ages_h:
        time_ms = None if age is None else now_ms - int(age * HOUR_MS)
        found.enter(event_of(0)._replace(time_ms=time_ms))
    return found.warning()


def test_rows_whose_turn_comes_too_late_are_counted() -> None:
    an_hour_each = 1 / 3600
    warning = ageing(an_hour_each, [1, 9.5, 7.5, 7.5, 7.5, 1])
    assert warning is not None
    # In hours, at their turns: 1, 10.5, 9.5, 10.5, 11.5, 6.
    assert " 3 rows" in warning
    assert "6.0 hours" in warning


@pytest.mark.parametrize(
    ("rate", "ages", "max_age"),
    [
        (1.0, [9.99] * 30, 10),
        (1 / 3600, [9.5, 8.5, 7.5], 10),
        (1 / 3600, [None] * 50, 10),
        (1 / 3600, [1] * 50, None),
        (1.0, [], 10),
    ],
    ids=["soon over", "oldest first", "without times", "any age", "nothing"],
)
def test_nothing_to_say(rate: float, ages: list[float | None], max_age: float | None) -> None:
    assert ageing(rate, ages, max_age) is None


@pytest.mark.parametrize(("skew", "text"), [(61, "61 s ahead of"), (-3600, "3,600 s behind"), (60, None)])
def test_clocks(skew: float, text: str | None) -> None:
    warning = clock_warning(skew)
    assert (warning is None) if text is None else (text in str(warning))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Sixty rows, 23 hours old: with `--max-age 24h` they leave the window in an hour."""
    # By the clock, not by when the tests began: each 100 s between them make one row more too old.
    when = int(time.time() - 23 * 3600) * 1000
    return write(tmp_path / "old.ndjson", ndjson({"when": when, "id": number} for number in range(60)))


SLOW = ("--rate", "0.01", "--max-age", "24h")


def test_the_dry_run_tells(ours: Ours, file: Path) -> None:
    ended = ours("backfill", file, *FIELDS, *SLOW, "--dry-run", "-o", "json")
    assert ended.code == 0
    (warning,) = [text for text in ended.json["warnings"] if "--rate 0.01" in text]
    # 24 rows or so go in the hour that is left: one each 100 s, 36 of them, less what the test took.
    assert "lasts 100.0 minutes" in warning
    assert int(warning.split(" and ")[1].split()[0]) in range(23, 26)
    assert not ours("backfill", file, *FIELDS, "--max-age", "24h", "--dry-run", "-o", "json").json["warnings"]


def test_the_run_tells_before_it_starts(ours: Ours, sandbox: StartSandbox, file: Path) -> None:
    box = sandbox(fault(ALWAYS, status(401)), window_ms=24 * HOUR_MS)
    ended = ours("backfill", file, *FIELDS, *SLOW)
    assert ended.code == 4
    assert "rows will be older than 1 days" in ended.err
    assert box.totals().requests == 1


def test_rows_that_are_read_many_at_once_count_too(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(fault(ALWAYS, status(401)), window_ms=24 * HOUR_MS)
    rows = "".join(f"{iso(23)},{number}\n" for number in range(60))
    ended = ours("backfill", write(tmp_path / "old.csv", "when,id\n" + rows), *FIELDS, *SLOW)
    assert "lasts 100.0 minutes" in ended.err


def test_a_run_that_goes_on_counts_only_what_is_left(ours: Ours, sandbox: StartSandbox, file: Path) -> None:
    sandbox(fault(When(after=3), status(401)), window_ms=24 * HOUR_MS)
    command = ("backfill", file, *FIELDS, "--max-age", "24h", "--batch-size", "10", "--concurrency", "1")
    assert ours(*command).code == 4
    again = ours(*command, "--rate", "0.005")
    assert again.code == 4
    assert "lasts 100.0 minutes" in again.err, "thirty rows are done"
