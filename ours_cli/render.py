"""Report and preview as text for people. Pure: it returns lines and prints nothing."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ours_cli.assemble import Tally
from ours_cli.counted import counted
from ours_cli.escape import json_text, printable
from ours_cli.preview import Preview
from ours_cli.report import Books, Report

_BAR_WIDTH = 40
_BARS_MAX = 14
_NAMES_SHOWN = 10
_EXAMPLE_WIDTH = 48
_KEY = re.compile(r'( +)("(?:[^"\\]|\\.)*"): ')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def report_text(report: Report, destination: str, receipt: str | None) -> str:
    """The report of a run on one screen; `receipt` is what a sandbox says it received."""
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
    if books.codes:
        lines.append(
            f"  rejects   {', '.join(f'{code} {count:,}' for code, count in books.codes.most_common())}"
        )
    if report.rejects_file:
        lines.append(f"  see       {report.rejects_file}")
    if report.mend:
        lines.append(f"  mend the file, then: {report.mend}")
    if report.resume:
        lines.append(f"  go on with: {report.resume}")
    return printable("\n".join(lines))


def _books(books: Books) -> list[str]:
    rows = [("read", books.read), ("accepted", books.accepted), ("rejected", books.rejected)]
    rows += [("filtered", books.filtered)] if books.filtered else []
    rows += [("others", books.elsewhere)] if books.elsewhere else []
    rows += [("unsent", books.unsent)] if books.unsent else []
    return [f"  {name:<9} {count:>10,}" for name, count in rows]


def preview_text(
    command: str, preview: Preview, books: Books, tally: Tally, templates: Mapping[str, str] | None = None
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
        lines.append(f"    {code} {count:,} (line {_lines(preview.reject_lines[code], count)})")
        lines.append(f"      {preview.reject_messages[code]}")
    lines += [f"  event     {count:>10,}   {name}" for name, count in preview.names.most_common(_NAMES_SHOWN)]
    lines += _times(preview)
    lines += _columns("columns sent", tally.columns_sent)
    lines += _columns("left behind", tally.columns_left)
    for example in preview.examples:
        lines += _example(example, templates or {})
    return printable("\n".join(lines))


def _example(example: dict[str, Any], templates: Mapping[str, str]) -> list[str]:
    """An event as pretty JSON, and behind each field the template that made it."""
    lines = json_text(example, indent=2).splitlines()
    path: list[str] = []
    made: dict[int, str] = {}
    for number, line in enumerate(lines):
        if found := _KEY.match(line):
            del path[len(found[1]) // 2 - 1 :]
            path.append(json.loads(found[2]))
            if text := templates.get(".".join(path)):
                made[number] = text
    width = min(max((len(lines[number]) for number in made), default=0), _EXAMPLE_WIDTH)
    return [
        f"{line:<{width}}  <- {made[number]}" if number in made else line for number, line in enumerate(lines)
    ]


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
    window = f"from {instant(preview.window_begin)}" if preview.window_begin is not None else "any past time"
    lines.append(f"  window    {window}" + (" to now" if preview.window_begin is not None else ""))
    outside = preview.outside
    both = preview.days + outside
    bars = histogram(both)
    kept_back = {label: count for label, _, count in histogram(outside, within=both)} if outside else {}
    for label, bar, count in bars:
        late = kept_back.get(label, 0)
        dashes = len(bar) * late // count if count else 0
        tail = f"{count:,}" + (f", {late:,} of them outside" if late else "")
        lines.append(f"    {label} {'-' * dashes}{bar[dashes:]} {tail}")
    return lines


def histogram(
    days: Counter[int], bars: int = _BARS_MAX, within: Iterable[int] | None = None
) -> list[tuple[str, str, int]]:
    """At most `bars` bars by UTC day, or by spans of days where there are many; `within` sets the spans."""
    spanned = list(within or days)
    first, last = min(spanned), max(spanned)
    span = -(-(last - first + 1) // bars)
    counts: Counter[int] = Counter()
    for day, count in days.items():
        counts[(day - first) // span] += count
    most = max(counts.values())
    return [
        (_day(first + index * span), "#" * -(-counts[index] * _BAR_WIDTH // most), counts[index])
        for index in range((last - first) // span + 1)
    ]


def _day(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def instant(time_ms: int) -> str:
    """Milliseconds since the epoch as ISO 8601 in UTC."""
    return (
        (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def size(count: int) -> str:
    """Bytes as people write them."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1024
    return f"{value:,.1f} GiB"
