"""Days as bars, and instants as text, for previews and pages. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from ours_cli.wording.durations import DAY_MS

_BAR_WIDTH: Final = 40
_BARS_MAX: Final = 14

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_LAST_MS: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


class HistogramBar(NamedTuple):
    """One bar of a histogram: the first day of its span, marks, and how many there are."""

    label: str
    marks: str
    total: int


def histogram(
    days: Counter[int], bars: int = _BARS_MAX, within: Iterable[int] | None = None
) -> list[HistogramBar]:
    """At most `bars` bars by UTC day, or by spans of days where there are many; `within` sets the spans."""
    spanned = list(within or days)
    first, last = min(spanned), max(spanned)
    span = -(-(last - first + 1) // bars)
    counts: Counter[int] = Counter()
    for day, count in days.items():
        counts[(day - first) // span] += count
    most = max(counts.values())
    return [
        HistogramBar(
            date_of(first + index * span), "#" * -(-counts[index] * _BAR_WIDTH // most), counts[index]
        )
        for index in range((last - first) // span + 1)
    ]


def bar_lines(bars: Sequence[HistogramBar], outside: Mapping[str, int] | None = None) -> list[str]:
    """The bars as lines, empty ones folded into one; `outside` says by label how many get dashes."""
    lines = []
    for is_empty, group in groupby(bars, lambda bar: not bar.total):
        these = list(group)
        if is_empty and len(these) > 1:
            lines.append(f"{'...':<10} {len(these)} empty spans")
            continue
        for label, marks, count in these:
            late = (outside or {}).get(label, 0)
            dashes = len(marks) * late // count if count else 0
            tail = f", {'all' if late == count else format(late, ',')} outside" if late else ""
            lines.append(f"{label} {'-' * dashes}{marks[dashes:]} {count:,}{tail}")
    return lines


def instant(time_ms: int) -> str:
    """Milliseconds since the epoch as ISO 8601 in UTC, limited to the years 1 to 9999."""
    within = min(max(time_ms, _FIRST_MS), _LAST_MS)
    moment = _EPOCH + timedelta(milliseconds=within)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def date_of(day: int) -> str:
    """A day since the epoch as ISO date, limited to the years 1 to 9999."""
    return instant(day * DAY_MS)[: len("YYYY-MM-DD")]
