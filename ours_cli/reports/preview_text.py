"""What `--dry-run` of rows shows a person. Pure: it returns text and prints nothing."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ours_cli.reports.dry_run_report import DryRunReport
from ours_cli.reports.histogram import bar_lines, histogram, instant
from ours_cli.reports.preview import Preview
from ours_cli.reports.report_text import size
from ours_cli.wording.counted import counted
from ours_cli.wording.escape import json_text, printable
from ours_cli.wording.wrapping import folded_all

_NAMES_SHOWN: Final = 10
_EXAMPLE_WIDTH: Final = 48
_TEMPLATE_MIN: Final = 24
"""The least room for a template beside its field, in columns; with less it goes below."""

_KEY: Final = re.compile(r'( +)("(?:[^"\\]|\\.)*"): ')


def preview_text(report: DryRunReport, width: int | None = None) -> str:
    """What a run would do, for someone who looks before they dare.

    `width` is that of the terminal, None where there is none.
    """
    preview, books, tally = report.preview, report.books, report.tally
    requests = f"{counted(preview.requests, 'request')}, {size(preview.bytes)}"
    lines = [
        f"{report.command}: dry run, nothing was sent",
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
        more = ", ..." if count > len(preview.first_rejects[code]) else ""
        lines.append(f"    {code} {count:,} ({preview.places(code)}{more})")
        lines.append(f"      {preview.reject_messages[code]}")
        hint = report.hints.get(code)
        lines += [f"      hint: {hint}"] if hint else []
    lines += [f"  event     {count:>10,}   {name}" for name, count in preview.names.most_common(_NAMES_SHOWN)]
    lines += _times(preview)
    lines += _columns("columns sent", tally.columns_sent)
    lines += _columns("left behind", tally.columns_left)
    lines = folded_all(map(printable, lines), width)
    for example in preview.examples:
        lines += _example(example, report.templates, width)
    return "\n".join(lines)


def _example(example: dict[str, Any], templates: Mapping[str, str], width: int | None) -> list[str]:
    """An event as pretty JSON, and after each field the template that made it."""
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
