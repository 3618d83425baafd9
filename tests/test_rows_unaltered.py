"""Whatever the cells hold: no row is altered in time, dropped silently, or given a type that loses digits."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from conftest import Ours, StartSandbox
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2025, 12, 31)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
)
NUMERALS = st.one_of(
    st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{1,20})?", fullmatch=True),
    st.from_regex(r"0[0-9]{1,8}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{0,3}[eE][0-9]{1,3}", fullmatch=True),
    st.sampled_from(["n/a", "true", "TRUE", "1,234", "0.10", "9007199254740993", "-0", "1e400"]),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.lists(st.tuples(TIMES, NUMERALS), min_size=1, max_size=12))
def test_each_row_arrives_as_it_is(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, rows: list[tuple[datetime, str]]
) -> None:
    box = sandbox(window_ms=None)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("row", "at", "cell"))
    writer.writerows((f"r{number}", moment.isoformat(), cell) for number, (moment, cell) in enumerate(rows))
    file = tmp_path / "rows.csv"
    file.write_text(out.getvalue(), "utf-8")
    ended = ours(
        *("backfill", file, "--event", "E", "--time", "{at}", "--external-id", "{row}", "--restart"),
        *("-p", "kept={cell}", "-p", "typed={cell|auto}", "--max-age", "none", "-o", "json"),
    )
    report = ended.json
    assert ended.code == 0, ended.err
    assert report["read"] == len(rows) == report["accepted"] + report["rejected"], ended.err
    held = {event.body["externalId"]: event.body for event in box.events()}
    assert len(held) == report["accepted"]
    for number, (moment, cell) in enumerate(rows):
        body = held[f"r{number}"]
        assert body["time"] == (moment - _EPOCH) // timedelta(milliseconds=1)
        properties = body["eventProperties"]
        assert properties["kept"] == cell
        typed = properties.get("typed")
        if isinstance(typed, bool) or typed is None:
            assert cell in ("true", "TRUE", "n/a")
        elif isinstance(typed, int | float):
            assert Decimal(repr(typed)) == Decimal(cell)
        else:
            assert typed == cell
