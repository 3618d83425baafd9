"""Rows that would leave the API's window while a slow run lasts, told before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from faults_kit import ALWAYS, fault, status
from rows import ago, ndjson, write

from ours_cli.assemble import Window
from ours_cli.event import Event, Origin
from ours_cli.forecast import AgeingRows, clock_warning
from ours_cli.record import Record
from ours_cli.sandbox import When

HOUR_MS = 3_600_000
FIELDS = ("--event", "E", "--time", "{when}", "--external-id", "{id}")


def ageing(rate: float, ages_h: list[float | None], max_age_h: float | None = 10) -> str | None:
    """The warning for events of these ages, in this order."""
    max_age = None if max_age_h is None else int(max_age_h * HOUR_MS)
    now_ms = 1_000 * HOUR_MS
    found = AgeingRows(rate, Window(max_age, now_ms=lambda: now_ms))
    origin = Origin(0, Record(1, {}))
    times = [None if age is None else now_ms - int(age * HOUR_MS) for age in ages_h]
    found.enter_all(Event(origin, "d", b"{}", "E", time_ms) for time_ms in times)
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
    """Sixty rows that leave the window of a day in three seconds, if one asks at once."""
    return write(tmp_path / "old.ndjson", ndjson({"when": ago(23), "id": number} for number in range(60)))


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


def test_a_run_that_goes_on_counts_only_what_is_left(ours: Ours, sandbox: StartSandbox, file: Path) -> None:
    sandbox(fault(When(after=3), status(401)), window_ms=24 * HOUR_MS)
    command = ("backfill", file, *FIELDS, "--max-age", "24h", "--batch-size", "10", "--concurrency", "1")
    assert ours(*command).code == 4
    again = ours(*command, "--rate", "0.005")
    assert again.code == 4
    assert "lasts 100.0 minutes" in again.err, "thirty rows are done"
