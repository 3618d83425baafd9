"""The report of a run as text for people. Pure: it returns text and prints nothing."""

from __future__ import annotations

from typing import Final

from ours_cli.reports.report import Books, Report
from ours_cli.wording.escape import printable
from ours_cli.wording.wrapping import folded, folded_command, folded_path

_VALUES_AT: Final = 12
"""The column in which the values begin."""


def report_text(
    report: Report,
    destination: str,
    receipt: str | None,
    width: int | None = None,
) -> str:
    """The report of a run on one screen; `receipt` is what a sandbox says it received.

    `width` is that of the terminal, None where there is none.
    """
    books, traffic = report.books, report.traffic
    speed = f", {traffic.accepted / report.duration_s:,.0f} events/s" if report.duration_s >= 0.5 else ""
    part = f"shard {report.part.shard}, " if report.part else ""
    lines = [
        f"{report.command}: {report.status}, {part}to {destination}",
        *book_lines(books, books.read),
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
        hint = report.hints.get(code)
        lines.append(f"  {label:<9} {code} {count:,}" + (f": {hint}" if hint else ""))
    lines = [part for line in lines for part in folded(printable(line), width, _VALUES_AT)]
    if report.rejects_file:
        lines += folded_path("  see      ", printable(report.rejects_file), width)
    if report.mend:
        lines += folded_command("  mend the file, then:", report.mend, width)
    if report.resume and report.again_helps:
        lines += folded_command("  go on with:", report.resume, width)
    return "\n".join(lines)


def book_lines(books: Books, read: int | None) -> list[str]:
    """The books as lines; `read` is the rows of the source, None where that is not known."""
    rows = [("accepted", books.accepted), ("rejected", books.rejected)]
    rows += [("filtered", books.filtered)] if books.filtered else []
    rows += [("others", books.elsewhere)] if books.elsewhere else []
    rows += [("unsent", books.unsent)] if books.unsent else []
    first = f"  read      {'-' if read is None else format(read, ','):>10}"
    return [first, *(f"  {name:<9} {count:>10,}" for name, count in rows)]


def size(count: int) -> str:
    """Bytes as people write them."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1024
    return f"{value:,.1f} GiB"
