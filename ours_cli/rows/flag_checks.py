"""The flags of a command over rows, read and checked together, before anything is opened or sent."""

from __future__ import annotations

import os
from math import inf
from pathlib import Path
from typing import Final

from ours_cli.destination import refuse_shared_stdin
from ours_cli.errors import UsageError
from ours_cli.rows.row_command import Prepared, RowRun, RowSettings
from ours_cli.rows.shard_rows import ShardRows
from ours_cli.safeguards import reject_limit
from ours_cli.shard import Shard, read_shard, refuse_shared_path
from ours_cli.wording.counted import counted

CONCURRENCY_MAX: Final = 256
WORKERS_MAX: Final = 64
_RATE_MIN: Final = 1 / 86_400
"""Events per second; with fewer, a run stands still for longer than a day without a word."""


def checked(run: RowRun) -> RowRun:
    """The run with its flags read, limited to its shard; raises `UsageError` for flags that cannot work."""
    batching, resuming = run.flags.batching, run.flags.resuming
    refuse_shared_stdin(run.flags.target, is_read="-" in run.sources)
    concurrency = _number_or_auto("--concurrency", batching.concurrency, CONCURRENCY_MAX, 4)
    max_rejects = reject_limit(batching.max_rejects)
    workers = _number_or_auto("--workers", batching.workers, WORKERS_MAX, 2)
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
    target = run.flags.target
    if resuming.resume is not None and (target.sandbox or target.dry_run):
        flag = "--sandbox" if target.sandbox else "--dry-run"
        raise UsageError(
            f"{flag} begins with the first row, and --resume goes on with a run",
            hint="leave one of them out",
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


def _number_or_auto(flag: str, text: str, most: int, example: int) -> int | None:
    """The number that a flag gives, from 1 to `most`; None for `auto`. Raises `UsageError`."""
    if text == "auto":
        return None
    if text.isascii() and text.isdigit() and 1 <= int(text) <= most:
        return int(text)
    raise UsageError(f"{flag} must be auto, or a number from 1 to {most}", hint=f"{flag} {example}")


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
