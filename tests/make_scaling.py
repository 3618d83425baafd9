"""Writes the topic `scaling` from measured figures: `python tests/make_scaling.py`.

All figures stand in `MEASURED`, and nowhere else; every table of the topic is computed from them here.
Measure anew with `tests/benchmarks/run.py` (the first three), and with `--shard 0/5000` on a large file of
orders (the last: rows a second, nearly all of them other shards').
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import Final, NamedTuple

from ours_cli.contract import BATCH_EVENTS_MAX
from ours_cli.sending.concurrency import CONCURRENCY_MAX, IN_FLIGHT_BYTES_MAX

TOPIC: Final = Path(__file__).resolve().parents[1] / "ours_cli" / "topics" / "scaling.md"


class Measured(NamedTuple):
    """What one process did on the reference machine (2 cores, Intel Xeon; `ours backfill`, orders)."""

    events_per_s: float
    cpu_s_per_million: float
    bytes_per_event: float
    other_rows_per_s: float


MEASURED: Final = Measured(
    events_per_s=162_000, cpu_s_per_million=6.1, bytes_per_event=338, other_rows_per_s=189_000
)

HISTORIES: Final = (("10 million", 10**7), ("1 billion", 10**9), ("100 billion", 10**11))
LATENCIES_S: Final = (0.1, 1, 5)
LIMITS: Final = (1_000, 10_000, 50_000, 100_000)
SHARDS: Final = (1, 2, 4, 8, 16)

_ROUNDING: Final = 1e-9


def rate_of(shards: int, measured: Measured = MEASURED) -> float:
    """Events per second of so many shards together: each reads the whole source, and sends its part."""
    own, other = 1 / measured.events_per_s, 1 / measured.other_rows_per_s
    return 1 / (own / shards + other * (1 - 1 / shards))


def behind_latency(latency_s: float, measured: Measured = MEASURED) -> float:
    """Events per second of one process where each answer takes so long."""
    under_way = min(CONCURRENCY_MAX * BATCH_EVENTS_MAX, IN_FLIGHT_BYTES_MAX / measured.bytes_per_event)
    return min(measured.events_per_s, under_way / latency_s)


def shards_for(limit: float, measured: Measured = MEASURED) -> int | None:
    """The smallest number of shards of one source that reaches the limit; None where none does."""
    if limit <= measured.events_per_s:
        return 1
    left = 1 / limit - 1 / measured.other_rows_per_s
    if left <= 0:
        return None
    shards = ceil((1 / measured.events_per_s - 1 / measured.other_rows_per_s) / left)
    # At a limit that so many reach exactly, the division may come out a hair above the whole number.
    return shards - 1 if rate_of(shards - 1, measured) >= limit * (1 - _ROUNDING) else shards


def span(seconds: float) -> str:
    """A duration in the largest unit of which there are two."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{rounded(seconds / size)} {unit}"
    return f"{rounded(seconds)} s"


def rounded(number: float) -> str:
    """Two digits that mean something, or a whole number where it has more."""
    return f"{number:,.1f}" if number < 9.95 else f"{number:,.0f}"


def volume(size: float) -> str:
    """Bytes in decimal units, as they are billed."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{rounded(size / factor)} {unit}"
    return f"{size:,.0f} bytes"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Columns of text, indented as code; all but the first stand to the right."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    ]
    return "\n".join(f"    {line}".rstrip() for line in lines)


def _latencies() -> str:
    rows = [
        (name, *(span(events / behind_latency(latency)) for latency in LATENCIES_S))
        for name, events in HISTORIES
    ]
    return table(("events", *(f"{latency:g} s" for latency in LATENCIES_S)), rows)


def _limits() -> str:
    rows = [(name, *(span(events / limit) for limit in LIMITS)) for name, events in HISTORIES]
    needed = tuple("divide it" if shards_for(limit) is None else str(shards_for(limit)) for limit in LIMITS)
    return table(
        ("events", *(f"{limit:,}/s" for limit in LIMITS)), [*rows, ("shards of one source", *needed)]
    )


def _shards() -> str:
    rows = [
        (
            str(shards),
            f"{rounded(rate_of(shards) / 1000)},000/s",
            f"{rounded(MEASURED.cpu_s_per_million + (shards - 1) * 1e6 / MEASURED.other_rows_per_s)} s",
        )
        for shards in SHARDS
    ]
    return table(("shards", "together", "cores' time per million events"), rows)


def _costs() -> str:
    rows = [
        (
            name,
            span(events / 1e6 * MEASURED.cpu_s_per_million),
            f"{ceil(events / BATCH_EVENTS_MAX):,}",
            volume(events * MEASURED.bytes_per_event),
        )
        for name, events in HISTORIES
    ]
    return table(("events", "of one core", "requests", "sent"), rows)


def scaling() -> str:
    """The topic in Markdown."""
    measured, mebibytes = MEASURED, IN_FLIGHT_BYTES_MAX >> 20
    return f"""\
# Large histories

One process sends about {measured.events_per_s:,.0f} events a second. Few APIs take more from one
account, so most histories need no second process. Find out first what the API
takes, then choose N.

## What one process does

It has at most {CONCURRENCY_MAX} requests of {BATCH_EVENTS_MAX:,} events in flight, and {mebibytes} MiB, so a
slow server is a limit too. The time, by how long an answer takes:

{_latencies()}

## What the API takes

Its limits are not documented. `ours backfill FILE --limit 200000 -v` shows how
far `--concurrency auto` gets, and whether there are 429s. If you know the
limit, it alone determines the time, however many processes there are:

{_limits()}

`--rate` is the rate of all shards together: give each the same flags, and each
takes its part. Without it, every shard finds by itself what the server takes.

## Shards

    ours backfill orders.csv --map orders.toml --shard 0/4 --report r-0.json
    ours runs merge r-0.json r-1.json r-2.json r-3.json

Run the same command, with K from 0 to N-1, on as many processes or machines.
Each reads the whole source and skips the rows of the others, about
{measured.other_rows_per_s:,.0f} a second. So more shards of one source gain less and less:

{_shards()}

If that is not enough, divide the source first, by the day or month in which
the events happened, and run each part by itself. Identical events have the
same time, so they are in the same part. (Rows with the same given distinctId
must be in one part too.) You can divide a part into shards again.

On one machine, use no more shards than cores. On several, each needs the
files, the token, and a report file of its own. At the end, `ours runs merge`
checks that each shard is there, finished, and of the same source.

## What it costs

{_costs()}

Each further shard reads the source again. Requests are not compressed. If
egress costs money, run next to the data.

## What is measured, what is computed

Measured on 2 cores of an Intel Xeon, with orders of 12 columns and a server
that answers at once:

- one process: {measured.events_per_s:,.0f} events a second;
- {measured.cpu_s_per_million:g} s of a core for a million events;
- {measured.bytes_per_event:,.0f} bytes per event in the body of a request;
- {measured.other_rows_per_s:,.0f} rows of other shards skipped per second.

Computed from these: every table here. Histories of a billion events were not
run. Wider rows, many filters or a slower disk give other figures: measure with
`--limit`, and divide.
"""


if __name__ == "__main__":
    TOPIC.write_text(scaling(), "utf-8")
