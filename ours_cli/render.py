"""Report and preview as text for people. Pure: it returns lines and prints nothing."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from ours_cli.counted import counted
from ours_cli.escape import json_text, printable
from ours_cli.preview import Preview, date_of
from ours_cli.reject_hints import HINTS
from ours_cli.report import Books, Report
from ours_cli.tally import Tally
from ours_cli.wrapping import folded, folded_all, folded_command, folded_path

_BAR_WIDTH = 40
_BARS_MAX = 14
_NAMES_SHOWN = 10
_EXAMPLE_WIDTH = 48
_TEMPLATE_MIN = 24
"""Columns that a template has beside its field; with fewer it stands below."""

_VALUES_AT = 12
"""The column in which the values of report and preview begin."""

_KEY = re.compile(r'( +)("(?:[^"\\]|\\.)*"): ')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


def report_text(report: Report, destination: str, receipt: str | None, width: int | None = None) -> str:
    """The report of a run on one screen; `receipt` is what a sandbox says it received.

    Here and below, `width` is that of the terminal, None where there is none.
    """
    books, traffic = report.books, report.traffic
    speed = f", {traffic.accepted / report.duration_s:,.0f} events/s" if report.duration_s >= 0.5 else ""
    part = f"shard {report.part.shard}, " if report.part else ""
    lines = [
        f"{report.command}: {report.status}, {part}to {destination}",
        *_books(books),
        f"  requests  {traffic.requests:>10,}   {traffic.retries:,} again, {size(traffic.bytes)} sent",
        f"  took      {report.duration_s:>10,.1f} s{speed}",
    ]
    if report.part and report.part.rate:
        whole, own = report.part.rate
        lines.append(f"  rate      {own:>10,g}   events/s at most, of {whole:,g} for all shards")
    if receipt:
        lines.append(f"  sandbox   {receipt}")
    for number, (code, count) in enumerate(books.codes.most_common()):
        label = "" if number else "rejects"
        hint = f": {HINTS[code]}" if code in HINTS else ""
        lines.append(f"  {label:<9} {code} {count:,}{hint}")
    lines = [part for line in lines for part in folded(printable(line), width, _VALUES_AT)]
    if report.rejects_file:
        lines += folded_path("  see      ", printable(report.rejects_file), width)
    if report.mend:
        lines += folded_command("  mend the file, then:", printable(report.mend), width)
    if report.resume and report.again_helps:
        lines += folded_command("  go on with:", printable(report.resume), width)
    return "\n".join(lines)


def _books(books: Books) -> list[str]:
    rows = [("read", books.read), ("accepted", books.accepted), ("rejected", books.rejected)]
    rows += [("filtered", books.filtered)] if books.filtered else []
    rows += [("others", books.elsewhere)] if books.elsewhere else []
    rows += [("unsent", books.unsent)] if books.unsent else []
    return [f"  {name:<9} {count:>10,}" for name, count in rows]


def preview_text(
    command: str,
    preview: Preview,
    books: Books,
    tally: Tally,
    templates: Mapping[str, str] | None = None,
    width: int | None = None,
) -> str:
    """What a run would do, for someone who looks before they dare; `templates` is what makes each field."""
    requests = f"{counted(preview.requests, 'request')}, {size(preview.bytes)}"
    lines = [
        f"{command}: dry run, nothing was sent",
        f"  read      {books.read:>10,}",
        f"  to send   {preview.events:>10,}   in {requests}",
        f"  rejects   {books.rejected:>10,}",
    ]
    if books.elsewhere:
        lines.insert(2, f"  others    {books.elsewhere:>10,}   rows of other shards")
    if books.filtered:
        reasons = ", ".join(f"--{reason} {count:,}" for reason, count in preview.filtered.most_common())
        lines.insert(2, f"  filtered  {books.filtered:>10,}   {reasons}")
    for code, count in books.codes.most_common():
        lines.append(f"    {code} {count:,} ({preview.place} {_lines(preview.reject_lines[code], count)})")
        lines.append(f"      {preview.reject_messages[code]}")
        lines += [f"      hint: {HINTS[code]}"] if code in HINTS else []
    lines += [f"  event     {count:>10,}   {name}" for name, count in preview.names.most_common(_NAMES_SHOWN)]
    lines += _times(preview)
    lines += _columns("columns sent", tally.columns_sent)
    lines += _columns("left behind", tally.columns_left)
    lines = folded_all(map(printable, lines), width)
    for example in preview.examples:
        lines += _example(example, templates or {}, width)
    return "\n".join(lines)


def _example(example: dict[str, Any], templates: Mapping[str, str], width: int | None) -> list[str]:
    """An event as pretty JSON, and behind each field the template that made it."""
    lines = json_text(example, indent=2).splitlines()
    path: list[str] = []
    made: dict[int, str] = {}
    for number, line in enumerate(lines):
        if found := _KEY.match(line):
            del path[len(found[1]) // 2 - 1 :]
            path.append(json.loads(found[2]))
            if text := templates.get(".".join(path)):
                made[number] = printable(text)
    column = min(max((len(lines[number]) for number in made), default=0), _EXAMPLE_WIDTH)
    return [
        part
        for number, line in enumerate(lines)
        for part in (_beside(line, made[number], column, width) if number in made else [line])
    ]


def _beside(line: str, template: str, column: int, width: int | None) -> list[str]:
    """A line of the example with its template in `column`, or below where too little room is left."""
    at = max(len(line), column) + len("  <- ")
    if width is None or at + len(template) <= width:
        return [f"{line:<{column}}  <- {template}"]
    below = width - at < _TEMPLATE_MIN
    if below:
        at = min(column, width // 3) + len("  <- ")
    first, *more = textwrap.wrap(template, max(8, width - at), break_on_hyphens=False)
    head = [line, f"{'':<{at - 3}}<- {first}"] if below else [f"{line:<{column}}  <- {first}"]
    return [*head, *(" " * at + part for part in more)]


def _columns(label: str, names: Iterable[str]) -> list[str]:
    listed = ", ".join(names)
    return [f"  {label}: {listed}"] if listed else []


def _lines(lines: list[int], count: int) -> str:
    return ", ".join(str(line) for line in lines) + (", ..." if count > len(lines) else "")


def _times(preview: Preview) -> list[str]:
    lines = []
    if preview.earliest is not None and preview.latest is not None:
        lines.append(f"  times     from {instant(preview.earliest)} to {instant(preview.latest)}")
    elif not preview.outside:
        return []
    if preview.window_begin is None:
        lines.append("  window    any past time")
    else:
        legend = "; - is outside" if preview.outside else ""
        lines.append(f"  window    from {instant(preview.window_begin)} to now{legend}")
    outside = preview.outside
    both = preview.days + outside
    kept_back = {bar.label: bar.total for bar in histogram(outside, within=both)} if outside else {}
    return [*lines, *(f"    {line}" for line in bar_lines(histogram(both), kept_back))]


class Bar(NamedTuple):
    """One bar of a histogram: the first day of its span, marks, and how many there are."""

    label: str
    marks: str
    total: int


def histogram(days: Counter[int], bars: int = _BARS_MAX, within: Iterable[int] | None = None) -> list[Bar]:
    """At most `bars` bars by UTC day, or by spans of days where there are many; `within` sets the spans."""
    spanned = list(within or days)
    first, last = min(spanned), max(spanned)
    span = -(-(last - first + 1) // bars)
    counts: Counter[int] = Counter()
    for day, count in days.items():
        counts[(day - first) // span] += count
    most = max(counts.values())
    return [
        Bar(date_of(first + index * span), "#" * -(-counts[index] * _BAR_WIDTH // most), counts[index])
        for index in range((last - first) // span + 1)
    ]


def bar_lines(bars: Sequence[Bar], outside: Mapping[str, int] | None = None) -> list[str]:
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
    """Milliseconds since the epoch as ISO 8601 in UTC; one beyond the years 1 to 9999 as their end."""
    within = min(max(time_ms, _FIRST_MS), _LAST_MS)
    moment = _EPOCH + timedelta(milliseconds=within)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def size(count: int) -> str:
    """Bytes as people write them."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1024
    return f"{value:,.1f} GiB"
