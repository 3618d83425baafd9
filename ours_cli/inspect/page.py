"""Findings as text for people. Pure: it returns lines and prints nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ours_cli.inspect.column import Column
from ours_cli.inspect.command_line import PROPERTIES_SHOWN
from ours_cli.inspect.findings import Findings, zone_of
from ours_cli.reports.histogram import bar_lines, histogram, instant
from ours_cli.source.delimiter_detection import DELIMITER_NAMES
from ours_cli.wording.counted import counted
from ours_cli.wording.escape import on_one_line, printable
from ours_cli.wording.wrapping import folded, folded_all

_NAME_MAX: Final = 34
_EXAMPLE_MAX: Final = 43
_EXAMPLE_MIN: Final = 12
_BESIDE: Final = 34
"""Terminal columns that a row of the table takes in addition to the name and the example."""

_BARS: Final = 7
_ORDERS: Final = {
    "day": "day first (a number above 12 proves it)",
    "month": "month first (a number above 12 proves it)",
    "unknown": "day or month first: nothing in the column tells",
    "contradictory": "some dates are day first, some month first",
}


def page(found: Findings, *, show_values: bool, width: int | None = None) -> str:
    """The whole page; without `show_values` no row's value is on it.

    `width` is that of the terminal, None where there is none.
    """
    lines = [*_looked_at(found), "", *_columns(found, show_values=show_values, width=width)]
    for column in found.times:
        lines += ["", *_time(column, shows_range=found.shows_range(column, show_values=show_values))]
    lines += ["", *_flagged(found)] if found.flags else []
    lines += ["", *_proposal(found)]
    shown = [*_file(found, width), *folded_all(map(printable, lines), width)]
    return "\n".join([*shown, found.start.shown])


def _file(found: Findings, width: int | None) -> list[str]:
    """The file and how it is written; a path too long for that has a line of its own, to be copied whole."""
    table = found.sample.table
    how: list[str] = [table.format]
    how += [table.encoding] if table.format != "parquet" else []
    if table.columns is not None:
        how.append(
            f"{DELIMITER_NAMES.get(table.dialect.delimiter, repr(table.dialect.delimiter))} between cells"
        )
        how.append(f"header on line {table.header_line}" if table.header_line else "no header")
    name, written = printable(found.name), printable(", ".join(how))
    line = f"{name}: {written}"
    return [line] if width is None or len(line) <= width else [name, *folded(f"  {written}", width, hang=2)]


def _looked_at(found: Findings) -> Iterator[str]:
    sample, table = found.sample, found.sample.table
    for note in (*sample.doubts, *table.notes):
        yield f"  {note}"
    more = "" if sample.whole else " (--full reads all)"
    yield f"  looked at {counted(sample.looked_at, 'row')}: {sample.how}{more}"
    for code, count in sample.malformed.most_common():
        lines = ", ".join(str(line) for line in sample.malformed_lines[code] if line)
        yield f"  {counted(count, 'row')} cannot be read: {code}" + (f" (line {lines})" if lines else "")
    if short := found.profile.short:
        where = f" (the first on line {line})" if (line := found.profile.first_short) else ""
        yield (
            f"  {counted(short, 'row ends', 'rows end')} before the header does{where}:"
            " rejected if the mapping names a column that is missing there"
        )
    for footer in found.footers:
        where = f"{table.place} {footer.line}" if footer.line else "a row at the end"
        yield f"  {where} is no record ({footer.why}): it is in no column below, and will be rejected"
    if found.profile.keys_left_out:
        yield f"  more keys than are shown here: {found.profile.keys_left_out:,} values left out"


def _columns(found: Findings, *, show_values: bool, width: int | None) -> Iterator[str]:
    columns = [column for column in found.columns if column.filled]
    names = min(_NAME_MAX, max((len(on_one_line(column.name)) for column in columns), default=6))
    room = _EXAMPLE_MAX if width is None else max(_EXAMPLE_MIN, min(_EXAMPLE_MAX, width - names - _BESIDE))
    yield f"  {'column':<{names}}  filled  distinct  {'type':<10}  example"
    for column in columns:
        about = "" if column.distinct.is_exact else "~"
        name = _cut(on_one_line(column.name), _NAME_MAX)
        example = column.example if show_values else column.masked_example
        example = _cut(" ".join(example.split()), room)
        yield (
            f"  {name:<{names}}  {_percent(column.filled, found.profile.rows):>6}"
            f"  {about + format(column.distinct_values, ','):>8}  {column.type:<10}  {example}"
        )
    empty = [on_one_line(column.name) for column in found.columns if not column.filled]
    if empty:
        yield f"  empty: {', '.join(empty)}"
    if found.ids:
        yield f"  look like ids: {', '.join(on_one_line(column.name) for column in found.ids)}"


def _time(column: Column, *, shows_range: bool) -> Iterator[str]:
    moments, span = column.moments, column.moments.span
    forms = ", ".join(f"{form} ({count:,})" for form, count in moments.formats.most_common(3))
    yield f"  time {column.name!r}: {forms}"
    zone = {"stated": "stated in each", "none": "none", "mixed": f"none in {moments.naive:,}"}[
        zone_of(column)
    ]
    yield f"    zone {zone}; readable {_percent(moments.readable, column.filled)}"
    if moments.order is not None:
        yield f"    order {_ORDERS[moments.order]}"
    if not shows_range:
        yield "    the range is shown with --show-values"
    elif span.first is not None and span.last is not None:
        as_utc = " (read as UTC)" if moments.naive else ""
        yield f"    from {instant(span.first)} to {instant(span.last)}{as_utc}"
        more = "; --max-age, where an account takes more" if span.in_window < span.count else ""
        yield f"    inside the 7 days that the API takes: {_percent(span.in_window, span.count)}{more}"
        yield from (f"    {line}" for line in bar_lines(histogram(span.days, _BARS)))


def _flagged(found: Findings) -> Iterator[str]:
    yield "  sending these is your choice:"
    for name, flag in found.flags.items():
        fate = "SENT by the command below" if name in found.start.sent else "left out below"
        yield f"    {on_one_line(name)}: {flag.what} (by its {flag.by}), {fate}"


def _proposal(found: Findings) -> Iterator[str]:
    if (preset := found.preset) is not None:
        yield f"  known by the preset {preset.name}: {preset.title}"
        yield f"    it maps {preset.maps.replace('`', '')}"
        yield f"    it leaves behind {preset.leaves.replace('`', '')}"
    for need in found.start.needs:
        yield f"  to settle first: {need}"
    for note in found.start.notes:
        yield f"  note: {note}"
    more = sum(not entry.why_not for entry in found.proposal.properties) - PROPERTIES_SHOWN
    if more > 0 and preset is None:
        yield f"  note: {counted(more, 'more column')} could be sent; --write-map FILE.toml lists them all"
    yield "  start from:"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 3] + "..."


def _percent(part: int, whole: int) -> str:
    """Never 100% or 0% where that is not exact."""
    if not whole or part == whole:
        return "100%" if whole else "-"
    share = 100 * part / whole
    return f"{min(99.9, max(0.1, share)):.1f}%" if part else "0%"
