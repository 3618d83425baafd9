"""One command over rows as values: its flags, read and checked, before anything is opened or sent."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

from ours_cli.console import Console
from ours_cli.contract import BATCH_EVENTS, BATCH_EVENTS_MAX
from ours_cli.destination import refuse_shared_stdin
from ours_cli.errors import UsageError
from ours_cli.files.batch_limits import FILE, known_limit
from ours_cli.files.folders import state_dir
from ours_cli.mapping.field_mapping import RowMapping
from ours_cli.options import RunFlags
from ours_cli.record import Malformed, Record, Table
from ours_cli.rows.run_context import RunContext
from ours_cli.safeguards import RejectLimit, reject_limit
from ours_cli.sending.route import IDENTIFY, Route
from ours_cli.shards.shard import Shard, read_shard, refuse_shared_path
from ours_cli.shards.shard_rows import ShardRows
from ours_cli.source import ReadOptions
from ours_cli.source.arguments import Location
from ours_cli.wording.counted import counted

WORKERS_MAX: Final = 64
_RATE_MIN: Final = 1 / 86_400
"""Events per second; with fewer, a run stands still for longer than a day without a word."""

WORKERS_AUTO_MAX: Final = 2
"""The most processes that `--workers auto` starts: the one that reads and sends cannot feed more."""

WORKERS_AUTO_BYTES: Final = 16 << 20
"""Bytes from which on `--workers auto` starts any: a smaller file is sent before they are warm."""


class Prepared(NamedTuple):
    """What is made anew for each attempt: ids and tallies must not remember the one before.

    `shard` is set where the run is limited to one shard.
    """

    context: RunContext
    mapping: RowMapping
    shard: ShardRows | None = None

    def tables(self, whole: Iterator[Table]) -> Iterator[Table]:
        """The tables of the source with the rows that the run is about."""
        return self._noting_empty(whole) if self.shard is None else self.shard.tables(whole)

    def _noting_empty(self, tables: Iterator[Table]) -> Iterator[Table]:
        """The tables as they are; whoever asks for the next one has taken the rows of the one before."""
        for table in tables:
            yield table
            if not table.taken:
                self.context.empty.append(table.name)

    def rows(self, table: Table, whole: Iterator[Record | Malformed]) -> Iterator[Record | Malformed]:
        """As `tables`, for the next rows of a table that others will read again."""
        return whole if self.shard is None else self.shard.of(table, whole)


class RowSettings(NamedTuple):
    """What flags that need reading come to; None for `auto`, and for what was not told.

    `rate` is in events per second of this process: `--rate` is that of all shards together.
    """

    shard: Shard | None = None
    concurrency: int | None = None
    workers: int | None = None
    max_rejects: RejectLimit | None = None
    rate: float | None = None


class RowRun(NamedTuple):
    """One command over rows.

    `arguments` are the FILEs as typed, `sources` what they expand to, `helpers` the other files that mapping
    flags name. `prepare` makes the mapping for the run with this id; `fingerprint` is equal for equal
    mappings; `templates` has the template of each field. `progress` says whether to show it; None: where it
    can be drawn. `settings` are what `checked` makes of the flags.
    """

    command: str
    arguments: Sequence[str]
    sources: Sequence[Location]
    read: ReadOptions
    limit: int | None
    route: Route
    prepare: Callable[[str], Prepared]
    fingerprint: Mapping[str, object]
    flags: RunFlags
    progress: bool | None = None
    templates: Mapping[str, str] = {}
    helpers: Sequence[str | None] = ()
    settings: RowSettings = RowSettings()


def checked(run: RowRun) -> RowRun:
    """The run with its flags read, limited to its shard; raises `UsageError` for flags that cannot work."""
    batching, resuming = run.flags.batching, run.flags.resuming
    refuse_shared_stdin(run.flags.target, is_read="-" in run.sources)
    concurrency = _concurrency(batching.concurrency)
    max_rejects = reject_limit(batching.max_rejects)
    workers = _workers(batching.workers)
    rate = batching.rate
    if rate is not None and not 0 < rate < inf:
        raise UsageError("--rate must be a number of events per second, more than 0", hint="--rate 50")
    if rate is not None and rate < _RATE_MIN:
        raise UsageError(f"--rate {rate:g} is less than one event a day", hint="--rate 50 is 50 a second")
    if resuming.restart and resuming.resume is not None:
        raise UsageError(
            "--restart begins a new run, and --resume goes on with one",
            hint="leave --resume out to send all of it again",
        )
    if batching.report == "-":
        raise UsageError("--report - names no file", hint="-o json prints the result to stdout")
    shard = read_shard(resuming.shard)
    refuse_shared_path("--rejects", batching.rejects, shard)
    refuse_shared_path("--report", batching.report, shard)
    _check_outputs(run)
    if shard is not None:
        run = _sharded(run, shard)
        rate = None if rate is None else shard.share(rate)
    return run._replace(settings=RowSettings(shard, concurrency, workers, max_rejects, rate))


def _sharded(run: RowRun, shard: Shard) -> RowRun:
    def prepare(run_id: str) -> Prepared:
        whole = run.prepare(run_id)
        return whole._replace(shard=ShardRows(shard, whole.mapping, run.limit))

    return run._replace(prepare=prepare)


def named_again(run: RowRun) -> str | None:
    """What to say of files that stand more than once among the arguments, if there are any."""
    named = [os.path.realpath(name) for name in run.arguments if Path(name).is_file()]
    more = len(named) - len(set(named))
    return f"{counted(more, 'file is', 'files are')} named again, and read once" if more else None


def batch_events(run: RowRun, known: int | None) -> tuple[int, int]:
    """Events per request, at first and at most.

    That is no more than `--rate` allows in a second, since a request is a burst. `known` is what the API is
    known to take. Contract: /identify has no bulk form.
    """
    told = 1 if run.route is IDENTIFY else run.flags.batching.batch_size
    first = BATCH_EVENTS if told is None else told
    pace = run.settings.rate
    wanted = BATCH_EVENTS_MAX if told is None and pace is None else first
    most = min([wanted, *(max(1, int(bound)) for bound in (known, pace) if bound is not None)])
    return min(first, most), most


def stated_limit(run: RowRun, base_url: str, console: Console) -> int | None:
    """The batch limit that doctor found for this API, where it makes a difference; -v reports it."""
    if run.flags.target.sandbox or run.route is IDENTIFY:
        return None
    known = known_limit(state_dir(), base_url, time.time())
    if known.is_damaged:
        console.warn(f"{state_dir() / FILE} is damaged and not used; ours doctor writes it anew")
    elif known.is_stale:
        console.note("the batch limit that ours doctor found is too old to be used; ours doctor looks again")
    elif known.events is not None and known.events < (run.flags.batching.batch_size or BATCH_EVENTS_MAX):
        console.detail(f"batches of at most {known.events:,} events, as ours doctor found it")
        return known.events
    return None


def _concurrency(text: str) -> int | None:
    if text == "auto":
        return None
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 256:
        return int(text)
    raise UsageError("--concurrency must be auto, or a number from 1 to 256", hint="--concurrency 4")


def _workers(text: str) -> int | None:
    if text == "auto":
        return None
    if text.isascii() and text.isdigit() and 1 <= int(text) <= WORKERS_MAX:
        return int(text)
    raise UsageError(f"--workers must be auto, or a number from 1 to {WORKERS_MAX}", hint="--workers 2")


def worker_count(wanted: int | None, size: int | None) -> int:
    """How many processes map rows for this one, 0 for none, where so many (None: auto) are wanted.

    `size` is the bytes of all sources, None where one is a pipe: its rows are mapped as they come.
    """
    if size is None or sys.platform == "win32":
        return 0
    if wanted is None:
        wanted = min(_cores(), WORKERS_AUTO_MAX) if size >= WORKERS_AUTO_BYTES else 1
    return wanted if wanted > 1 else 0


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_outputs(run: RowRun) -> None:
    """Refuse to write over what is read, or one output over the other; raises `UsageError`."""
    rejects, report = (_regular(path) for path in (run.flags.batching.rejects, run.flags.batching.report))
    read = [Path(source) for source in run.sources if source != "-"]
    read += filter(
        None, map(_regular, (*run.helpers, run.flags.target.token_file, run.flags.sending.ca_file))
    )
    for flag, path in (("--rejects", rejects), ("--report", report)):
        if path is not None and any(_is_same(path, other) for other in read):
            hint = "name another; mended rows go back by name" if flag == "--rejects" else "name another"
            raise UsageError(f"{flag} names a file that is being read", hint=hint)
    if rejects is not None and report is not None and _is_same(rejects, report):
        raise UsageError("--rejects and --report name the same file", hint="give each a file of its own")


def _regular(path: str | None) -> Path | None:
    """The file that a flag names; None for a stream, a device or a pipe, where nothing is lost."""
    if path in (None, "-") or (Path(path).exists() and not Path(path).is_file()):
        return None
    return Path(path)


def _is_same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return os.path.normpath(one.absolute()) == os.path.normpath(other.absolute())
