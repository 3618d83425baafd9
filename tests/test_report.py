"""The books, the report, and its two faces."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from events_kit import event_of, rows_of, together
from hypothesis import given
from hypothesis import strategies as st

from ours_cli.events.chunk import Chunker
from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.events.outcome import Outcome, Traffic
from ours_cli.events.request_size import RequestSize
from ours_cli.mapping.tally import Tally
from ours_cli.record import Record, Table
from ours_cli.reports.dry_run_report import DryRunReport
from ours_cli.reports.histogram import instant
from ours_cli.reports.preview import EXAMPLES, LINES_PER_CODE, NAMES_MAX, Preview
from ours_cli.reports.preview_text import preview_text
from ours_cli.reports.report import Books, Report
from ours_cli.reports.report_text import report_text, size
from ours_cli.rows.reject_hints import reject_hints

DAY_MS = 86_400_000


def event(line: int = 1, name: str = "E", time_ms: int | None = 0) -> Event:
    return Event(Origin(0, Record(line, {})), f"d{line}", b'{"event":"E"}', name, time_ms)


def reject(line: int = 1, code: str = "bad_time") -> Reject:
    return Reject(Origin(0, Record(line, {})), "", code, "why")


@given(st.lists(st.sampled_from(["reject", "accepted", "refused", "unsent"])))
def test_the_books_balance_at_every_moment(fates: list[str]) -> None:
    books = Books()
    for fate in fates:
        books.mapped(reject() if fate == "reject" else event())
        assert books.balance()
    for fate in fates:
        if fate in ("accepted", "refused"):
            books.delivered(
                Outcome(together(event()))
                if fate == "accepted"
                else Outcome(rejected=[reject(code="refused")])
            )
            assert books.balance()
    counted = Counter(fates)
    assert books.read == len(fates)
    assert books.accepted == counted["accepted"]
    assert books.rejected == counted["reject"] + counted["refused"] == sum(books.codes.values())
    assert books.unsent == counted["unsent"]


def test_a_row_with_two_outcomes_is_noticed() -> None:
    books = Books()
    books.mapped(event())
    books.delivered(Outcome(together(event())))
    books.delivered(Outcome(together(event())))
    assert not books.balance()


@pytest.mark.parametrize("field", ["read", "accepted", "rejected", "filtered", "unsent"])
def test_a_row_lost_from_any_column_is_noticed(field: str) -> None:
    books = Books()
    for item in (event(1), event(2), reject(3)):
        books.mapped(item)
    books.delivered(Outcome(together(event(1))))
    setattr(books, field, getattr(books, field) + 1)
    assert not books.balance()


def report(**more: Any) -> Report:
    books = Books(read=5, accepted=3, rejected=2, codes=Counter({"bad_time": 1, "refused": 1}))
    given: dict[str, Any] = {
        "command": "backfill",
        "run": "r1",
        "status": "partial",
        "books": books,
        "traffic": Traffic(2, 1, 2048),
        "duration_s": 1.23456,
    }
    return Report(**{**given, **more})


def test_json() -> None:
    found = report(rejects_file="r.csv", warnings=["w"], mend="ours ...").to_json()
    assert found == {
        "command": "backfill",
        "run": "r1",
        "status": "partial",
        "read": 5,
        "accepted": 3,
        "rejected": 2,
        "filtered": 0,
        "unsent": 0,
        "requests": 2,
        "retries": 1,
        "bytes": 2048,
        "duration_s": 1.235,
        "rejects_file": "r.csv",
        "reject_codes": {"bad_time": 1, "refused": 1},
        "warnings": ["w"],
        "resume": None,
        "mend": "ours ...",
    }
    assert report(error="gave up").to_json()["error"] == "gave up"
    json.dumps(found)


def test_text() -> None:
    lines = report_text(
        report(rejects_file="r.csv", mend="ours x", resume="ours y", hints=reject_hints("backfill", {}, ())),
        "there",
        "3 rows",
    ).splitlines()
    assert lines[0] == "backfill: partial, to there"
    assert [line.split()[:2] for line in lines[1:4]] == [["read", "5"], ["accepted", "3"], ["rejected", "2"]]
    assert (
        "  rejects   bad_time 1: --time-format says how it is written\n            refused 1: "
        in "\n".join(lines)
    )
    assert lines[-2:] == ["  mend the file, then: ours x", "  go on with: ours y"]
    assert "filtered" not in "\n".join(lines)
    unsent = report(books=Books(read=3, unsent=2, filtered=1))
    assert {"filtered", "unsent"} <= set(report_text(unsent, "there", None).split())


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 << 20, "5.0 MiB"),
        (3 << 30, "3.0 GiB"),
        (5000 << 30, "5,000.0 GiB"),
    ],
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


def test_instant() -> None:
    assert instant(0) == "1970-01-01T00:00:00.000Z"
    assert instant(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"


class TestPreview:
    def preview(self, *items: Event | Reject | Filtered) -> tuple[Preview, Books]:
        preview, books = Preview(Chunker(RequestSize(2), 10_000), 10), Books()
        preview.begin(Table("rows.csv", "csv", ()))
        for item in items:
            books.mapped(item)
            preview.enter(item)
        preview.close()
        return preview, books

    def test_requests_and_bytes(self) -> None:
        preview, _ = self.preview(*(event(line) for line in range(5)))
        assert preview.requests == 3
        assert preview.bytes == 5 * 13 + 2 * 1 + 3 * 10

    def test_events_together_count_as_they_do_one_by_one(self) -> None:
        events = [event_of(seq, 60 + seq)._replace(time_ms=seq * DAY_MS // 3) for seq in range(7)]
        one_by_one, _ = self.preview(*events)
        fresh = Preview(Chunker(RequestSize(2), 10_000), 10, tables=one_by_one.tables)
        fresh.enter(events[0])
        fresh.enter(rows_of(events[1:]))
        fresh.close()
        assert replace(fresh, chunker=one_by_one.chunker) == one_by_one

    @pytest.mark.parametrize("left_out", [range(0, 6, 2), range(6)], ids=["some", "all"])
    def test_rows_left_out_count_beside_them(self, left_out: range) -> None:
        items: list[Event | Filtered] = []
        for seq in range(6):
            one = event_of(seq)._replace(time_ms=seq * DAY_MS // 3)
            items.append(Filtered(one.origin, "since" if seq else "where") if seq in left_out else one)
        one_by_one, _ = self.preview(*items)
        fresh, rows = Preview(Chunker(RequestSize(2), 10_000), 10, tables=one_by_one.tables), rows_of(items)
        fresh.enter(rows)
        fresh.close()
        assert replace(fresh, chunker=one_by_one.chunker) == one_by_one

    def test_examples_and_lines_are_few(self) -> None:
        preview, _ = self.preview(*(event(line) for line in range(50)), *(reject(line) for line in range(50)))
        assert len(preview.examples) == EXAMPLES
        assert preview.reject_lines() == {"bad_time": list(range(LINES_PER_CODE))}

    def test_names_are_bounded(self) -> None:
        preview, _ = self.preview(*(event(line, f"E{line}") for line in range(NAMES_MAX + 5)))
        assert preview.names["(others)"] == 5
        assert len(preview.names) == NAMES_MAX + 1

    @pytest.mark.parametrize("span", [1, 2, 14, 15, 400])
    def test_histogram(self, span: int) -> None:
        preview, books = self.preview(*(event(day, time_ms=day * DAY_MS + 5) for day in range(span)))
        text = preview_text(DryRunReport("backfill", preview, books, Tally()))
        bars = [line for line in text.splitlines() if "#" in line]
        assert len(bars) <= 14
        assert sum(int(line.split()[-1].replace(",", "")) for line in bars) == span
        assert bars[0].split()[0] == "1970-01-01"

    def test_what_is_outside_the_window_is_in_the_histogram_apart(self) -> None:
        late = reject(3)._replace(code="outside_window", time_ms=3 * DAY_MS)
        preview, books = self.preview(
            *(event(line, time_ms=line * DAY_MS) for line in (3, 4)), late, late, late
        )
        preview.window_begin = 3 * DAY_MS
        lines = preview_text(DryRunReport("backfill", preview, books, Tally())).splitlines()
        assert "  window    from 1970-01-04T00:00:00.000Z to now; - is outside" in lines
        assert f"    1970-01-04 {'-' * 30}{'#' * 10} 4, 3 outside" in lines
        assert f"    1970-01-05 {'#' * 10} 1" in lines
        preview, books = self.preview(late)
        text = preview_text(DryRunReport("backfill", preview, books, Tally()))
        assert "  times " not in text
        assert "  window    any past time\n" in text
        assert f"{'-' * 40} 1, all outside" in text

    def test_empty_spans_are_folded(self) -> None:
        preview, books = self.preview(*(event(day, time_ms=day * DAY_MS) for day in (0, 2, 8)))
        lines = preview_text(DryRunReport("backfill", preview, books, Tally())).splitlines()
        at = lines.index(f"    1970-01-01 {'#' * 40} 1")
        assert lines[at + 1 : at + 5] == [
            "    1970-01-02  0",
            f"    1970-01-03 {'#' * 40} 1",
            "    ...        5 empty spans",
            f"    1970-01-09 {'#' * 40} 1",
        ]

    @pytest.mark.parametrize("width", [60, 80])
    def test_it_fits_a_terminal(self, width: int) -> None:
        preview, books = self.preview(event())
        preview.examples = [{"event": "E" * 20, "eventProperties": {"n": 2, "long": "x" * 30}}]
        templates = {
            "event": "{status|map:paid=Order Placed,refunded=Order Refunded}",
            "eventProperties.n": "{n|int}",
            "eventProperties.long": "{first} and {second} and {third} and {fourth} and {fifth}",
        }
        tally = Tally(columns_sent=dict.fromkeys(f"column_{number}" for number in range(20)))
        report = DryRunReport("backfill", preview, books, tally, templates)
        wide = preview_text(report)
        text = preview_text(report, width)
        assert max(map(len, text.splitlines())) <= width < max(map(len, wide.splitlines()))
        assert "".join(text.split()) == "".join(wide.split())
        assert "  columns sent: column_0, " in text
        assert "\n    column_" in text

    def test_each_field_has_its_template_behind_it(self) -> None:
        preview, books = self.preview(event())
        preview.examples = [
            {"email": "x", "eventProperties": {'a": b': 1, "list": ["email", {"deep": 1}], "n": 2}, "time": 3}
        ]
        templates = {
            "email": "{mail}",
            'eventProperties.a": b': "{odd}",
            "eventProperties.n": "{n|int}",
            "deep": "never",
            "time": "{at}",
        }
        text = preview_text(DryRunReport("backfill", preview, books, Tally(), templates))
        marked = {
            line.split("  <- ")[0].strip(): line.split("  <- ")[1]
            for line in text.splitlines()
            if "  <- " in line
        }
        assert marked == {
            '"email": "x",': "{mail}",
            '"a\\": b": 1,': "{odd}",
            '"n": 2': "{n|int}",
            '"time": 3': "{at}",
        }

    def test_nothing(self) -> None:
        report = DryRunReport("batch", *self.preview(), Tally())
        assert "to send            0   in 0 requests" in preview_text(report)
        assert report.to_json([])["earliest"] is None

    def test_events_without_time(self) -> None:
        preview, books = self.preview(event(time_ms=None))
        assert "times" not in preview_text(DryRunReport("batch", preview, books, Tally()))
