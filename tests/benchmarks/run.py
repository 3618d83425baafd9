"""Measures `ours` against what people use today, in alternation, and prints ratios beside their goals.

    python tests/benchmarks/run.py [--quick] [--rounds N] [--rows N] [--late-rows N]

Only ratios within one run mean anything: machines differ, and the speed of a shared one swings twofold.
Needs the dev extra; jq and curl are measured where they are installed.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from candidates import (
    Candidate,
    cold_starts,
    hard_coded_sender,
    has_workers,
    jq_curl,
    no_send_limit,
    ours_csv,
    ours_ndjson,
    sdk,
)
from measure import Measured, measure
from orders import TOKEN, Files, write_orders
from sink import Sink

Show = Callable[[str], None]


class Sizes(NamedTuple):
    """How much is measured."""

    rounds: int
    rows: int
    late_rows: int
    starts: int


class Goal(NamedTuple):
    """One line of the table: a ratio or figure, and the bound it should keep."""

    what: str
    value: float
    bound: float
    at_most: bool = False

    def __str__(self) -> str:
        met = self.value <= self.bound if self.at_most else self.value >= self.bound
        sign = "≤" if self.at_most else "≥"
        return f"| {self.what} | {self.value:,.2f} | {sign} {self.bound:g} | {'yes' if met else 'no'} |"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--quick", action="store_true", help="fewer rows and rounds")
    options.add_argument("--rounds", type=int)
    options.add_argument("--rows", type=int)
    options.add_argument("--late-rows", type=int, help="rows of the file sent with and without latency")
    given = options.parse_args()
    usual = Sizes(2, 50_000, 200_000, 10) if given.quick else Sizes(5, 300_000, 3_000_000, 30)
    sizes = Sizes(
        given.rounds or usual.rounds,
        given.rows or usual.rows,
        given.late_rows or usual.late_rows,
        usual.starts,
    )
    with tempfile.TemporaryDirectory() as name:
        _measure_all(Path(name), sizes, lambda text: print(text, flush=True))  # noqa: T201


def _measure_all(folder: Path, sizes: Sizes, show: Show) -> None:
    files = write_orders(folder, sizes.rows)
    show(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    show(f"{files.rows:,} rows, {files.table.stat().st_size / files.rows:.0f} bytes a row; medians\n")
    with Sink(folder) as sink:
        show(f"sink: {'C' if sink.is_native else 'Python (no C compiler: figures are lower bounds)'}\n")
        environment = _environment(folder, sink)
        throughput = _throughput(files, sink, environment, sizes.rounds, show)
        starts = _starts(sink, environment, sizes.starts, show)
    late = _late(folder, sizes, show)
    show("| goal | measured | bound | met |\n|---|---|---|---|")
    for goal in (*_throughput_goals(throughput), *_start_goals(starts), *late):
        show(str(goal))


def _environment(folder: Path, sink: Sink) -> dict[str, str]:
    """A home of its own, and everything pointed at the sink; modules stay compiled, as when installed."""
    return {
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "OURS_PRIVACY_TOKEN": TOKEN,
        "OURS_PRIVACY_BASE_URL": sink.base_url,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PYTHONDONTWRITEBYTECODE": "",
    }


def _throughput(
    files: Files, sink: Sink, environment: Mapping[str, str], rounds: int, show: Show
) -> dict[str, Measured]:
    """Everybody in turn, round after round; medians as seconds (wall and CPU) per million events."""
    taking_part = [
        ours_csv(files),
        ours_ndjson(files),
        *([ours_csv(files, "--workers", "2", name="ours --workers 2 (CSV)")] if has_workers() else []),
        no_send_limit(files),
        hard_coded_sender(files, sink.base_url),
        sdk(files, sink.base_url, "snake", 5_000),
        sdk(files, sink.base_url, "camel", 50_000),
        *jq_curl(files, sink.base_url),
    ]
    seen: dict[str, list[Measured]] = defaultdict(list)
    for _ in range(rounds):
        for candidate in taking_part:
            seen[candidate.name].append(_once(candidate, sink, environment))
    show("| who | events/s | CPU s per 1M | peak MB | rows |\n|---|---|---|---|---|")
    medians = {name: _median(measured) for name, measured in seen.items()}
    for candidate in taking_part:
        one = medians[candidate.name]
        note = "" if candidate.rows == files.rows else ", extrapolated"
        show(
            f"| {candidate.name} | {1e6 / one.wall_s:,.0f} | {one.cpu_s:,.1f} | {one.peak_mb:.0f} "
            f"| {candidate.rows:,}{note} |"
        )
    show("")
    return medians


def _once(candidate: Candidate, sink: Sink, environment: Mapping[str, str]) -> Measured:
    """One measurement, per million events; raises `RuntimeError` when not all events arrived."""
    sink.taken()
    one = measure(candidate.command, environment)
    arrived = sink.taken()
    if candidate.is_sender and arrived != candidate.rows:
        raise RuntimeError(f"{candidate.name}: {arrived:,} of {candidate.rows:,} events arrived")
    scale = 1e6 / candidate.rows
    return Measured(one.wall_s * scale, one.cpu_s * scale, one.peak_mb)


def _median(measured: list[Measured]) -> Measured:
    return Measured(*(median(values) for values in zip(*measured, strict=True)))


def _starts(sink: Sink, environment: Mapping[str, str], times: int, show: Show) -> dict[str, float]:
    """Milliseconds of one cold start each."""
    seen: dict[str, list[float]] = defaultdict(list)
    for command in cold_starts(sink.base_url).values():
        measure(command, environment, watch=False)
    for _ in range(times):
        for name, command in cold_starts(sink.base_url).items():
            seen[name].append(measure(command, environment, watch=False).wall_s * 1000)
    medians = {name: median(values) for name, values in seen.items()}
    show("| cold start | ms |\n|---|---|")
    for name, milliseconds in medians.items():
        show(f"| {name} | {milliseconds:.0f} |")
    show("")
    return medians


def _late(folder: Path, sizes: Sizes, show: Show) -> list[Goal]:
    """The same file without latency and with 100 ms for each answer; memory at this size and at 20,000."""
    files = write_orders(folder, sizes.late_rows)
    small = write_orders(folder, 20_000)
    with Sink(folder) as sink:
        prompt = _once(ours_csv(files), sink, _environment(folder, sink))
        little = _once(ours_csv(small), sink, _environment(folder, sink))
    with Sink(folder, latency_ms=100) as sink:
        late = _once(ours_csv(files), sink, _environment(folder, sink))
    show(f"| ours, {files.rows:,} rows | events/s | peak MB |\n|---|---|---|")
    show(f"| no latency | {1e6 / prompt.wall_s:,.0f} | {prompt.peak_mb:.0f} |")
    show(f"| 100 ms a request | {1e6 / late.wall_s:,.0f} | {late.peak_mb:.0f} |")
    show(f"| no latency, {small.rows:,} rows | {1e6 / little.wall_s:,.0f} | {little.peak_mb:.0f} |\n")
    peak = max(prompt.peak_mb, late.peak_mb)
    return [
        Goal("100 ms of latency against none", prompt.wall_s / late.wall_s, 0.9),
        Goal("peak MB", peak, 120, at_most=True),
        Goal(
            f"memory, {files.rows:,} against {small.rows:,} rows", prompt.peak_mb / little.peak_mb, 1.15, True
        ),
    ]


def _throughput_goals(of: Mapping[str, Measured]) -> list[Goal]:
    limit = of["no-send limit, one core"].wall_s
    sdk_loop, camel = of["SDK loop as documented"].wall_s, of["SDK, camelCase + fromisoformat"].wall_s
    shell = min((one.wall_s for name, one in of.items() if name.startswith("jq")), default=None)
    goals = []
    for name, how, share in (
        ("ours backfill (CSV)", "one process", 0.6),
        ("ours --workers 2 (CSV)", "--workers 2", 1),
    ):
        if name in of:
            ours = of[name].wall_s
            goals += [
                Goal(f"against the SDK loop, {how}", sdk_loop / ours, 100),
                Goal(f"against the SDK, camelCase, {how}", camel / ours, 10),
                *([Goal(f"against jq + curl, the fastest, {how}", shell / ours, 4)] if shell else []),
                Goal(f"against the no-send limit, {how}", limit / ours, share),
            ]
    alone = of["ours backfill (CSV)"]
    return [
        *goals,
        Goal("CPU s per million events", alone.cpu_s, 12, at_most=True),
        Goal("NDJSON against CSV", alone.wall_s / of["ours batch (NDJSON)"].wall_s, 1),
    ]


def _start_goals(of: Mapping[str, float]) -> list[Goal]:
    return [
        Goal("ours track against httpx.post", of["ours track"] / of["httpx.post"], 1.15, at_most=True),
        Goal("ours --help against python -c pass", of["ours --help"] / of["python -c pass"], 6, at_most=True),
    ]


if __name__ == "__main__":
    main()
