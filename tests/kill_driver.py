"""Runs `ours` as a process that dies, or goes wrong, exactly where a test wants it.

    python kill_driver.py '{"die_at": "rejects synced", "nth": 2}' batch rows.ndjson

The product has no hooks for this: everything is patched from outside, by name. Pauses between tries
are hundredths of a second.

die_at     SIGKILL when this point is passed for the `nth` time (see `POINTS`)
power_cut  before it dies, rejects files lose what was not fsynced, and so does what took the name of another;
           files come back that were deleted without a sync of their folder
mutation   break the program on purpose (see `MUTATIONS`)
bug_at     "module:Class.name" fails at its `nth` call with an exception that holds `secret`
forks      instead: run the command so many times, each killed after a random time up to `longest` seconds
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import stat
import sys
import time
import uuid
from collections.abc import Callable
from copy import copy
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

POINTS = (
    "answer arrived",
    "rejects written",
    "rejects synced",
    "before the journal",
    "within the journal's transaction",
    "journal committed",
    "before the end is noted",
)


BEFORE_THE_SEAL = "before the seal"
"""A point at the very end: the journal is closed, and not yet sealed again."""


class Death:
    """Waits for its point; knows what a power cut would leave of the files."""

    def __init__(self, point: str | None, nth: int, power_cut: bool) -> None:
        self._point = point
        self._left = nth
        self._power_cut = power_cut
        self._synced = {path.stat().st_ino: path.stat().st_size for path in _rejects_files()}
        self._deleted: dict[Path, bytes] = {}
        self._renamed: dict[Path, int] = {}
        self._fsync, self._unlink, self._replace = os.fsync, os.unlink, os.replace
        os.fsync = self._note_sync  # type: ignore[assignment]
        os.unlink = self._note_unlink
        os.replace = self._note_replace  # type: ignore[assignment]

    def at(self, point: str) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left:
            return
        if self._power_cut:
            for path in _rejects_files():
                os.truncate(path, min(path.stat().st_size, self._synced.get(path.stat().st_ino, 0)))
            for path, size in self._renamed.items():
                os.truncate(path, size)
            for path, content in self._deleted.items():
                path.write_bytes(content)
        os.kill(os.getpid(), signal.SIGKILL)

    def _note_sync(self, descriptor: int) -> None:
        self._fsync(descriptor)
        status = os.fstat(descriptor)
        self._synced[status.st_ino] = status.st_size
        if stat.S_ISDIR(status.st_mode):
            kept = self._deleted.items()
            self._deleted = {path: old for path, old in kept if path.parent.stat().st_ino != status.st_ino}

    def _note_unlink(self, path: Any, **named: Any) -> None:
        old = Path(path).read_bytes() if Path(path).is_file() else None
        self._unlink(path, **named)
        if old is not None:
            self._deleted[Path(path)] = old

    def _note_replace(self, old: Any, new: Any, **named: Any) -> None:
        status = os.stat(old)
        self._replace(old, new, **named)
        self._deleted.pop(Path(new), None)
        self._renamed[Path(new)] = min(status.st_size, self._synced.get(status.st_ino, 0))


def _rejects_files() -> list[Path]:
    return list((Path(os.environ["XDG_STATE_HOME"]) / "ours" / "runs").glob("*/rejects*"))


def place_points(death: Death) -> None:
    """Report each point that is passed to `death`."""
    from ours_cli.rejects.rejects import Rejects
    from ours_cli.runs import journal, recorder
    from ours_cli.runs.attempt import JournaledAttempt
    from ours_cli.runs.journal import Journal
    from ours_cli.sending.settlement import Settlement

    # Each block by itself, so that they can be counted.
    vars(recorder).update(PAUSE_FACTOR=0, PAUSE_FACTOR_WITHOUT_IDS=0)
    _around(Settlement, "apply", before=lambda *_: death.at("answer arrived"))
    _around(
        JournaledAttempt,
        "commit",
        before=lambda *_: death.at("before the journal"),
        after=lambda *_: death.at("journal committed"),
    )
    _around(JournaledAttempt, "end", before=lambda *_: death.at("before the end is noted"))
    _around(journal, "seal", before=lambda *_: death.at(BEFORE_THE_SEAL))

    class Connection:
        def __init__(self, real: Any) -> None:
            self._real = real

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def execute(self, statement: str, *values: Any) -> Any:
            if statement == "COMMIT":
                death.at("within the journal's transaction")
            return self._real.execute(statement, *values)

    def wrap(journal: Any, *_: Any) -> None:
        journal._connection = Connection(journal._connection)

    _around(Journal, "__init__", after=wrap)
    sync = Rejects.sync

    def synced(rejects: Any) -> None:
        dirty = rejects._is_dirty
        if dirty:
            death.at("rejects written")
        sync(rejects)
        if dirty:
            death.at("rejects synced")

    Rejects.sync = synced  # type: ignore[assignment,method-assign]


def _around(
    owner: type | ModuleType,
    name: str,
    before: Callable[..., None] = lambda *_: None,
    after: Callable[..., None] = lambda *_: None,
) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def patched(*args: Any, **named: Any) -> Any:
        before(*args)
        value = original(*args, **named)
        after(*args)
        return value

    setattr(owner, name, patched)


def plant_bug(where: str, nth: int, secret: str) -> None:
    module_name, _, path = where.partition(":")
    *classes, name = path.split(".")
    owner: Any = import_module(module_name)
    for each in classes:
        owner = getattr(owner, each)
    original = getattr(owner, name)
    calls = itertools.count(1)

    @wraps(original)
    def failing(*args: Any, **named: Any) -> Any:
        if next(calls) == nth:
            raise ValueError(secret)
        return original(*args, **named)

    setattr(owner, name, failing)


def journal_before_the_answer() -> None:
    from ours_cli.runs.blocks import BlockTracker

    def cut(tracker: Any) -> None:
        block, tracker._current = tracker._current, None
        if block is not None:
            block.digest = tracker._digest.value()
            early = copy(block)
            early.accepted = block.rows - block.rejected
            tracker._open.append(block)
            tracker._settled(early)

    BlockTracker.cut = cut  # type: ignore[assignment,method-assign]
    BlockTracker._close = lambda *_: None  # type: ignore[method-assign]


def results_ignored() -> None:
    from ours_cli.sending import retry

    judge = retry.judge_batch

    def blind(answer: retry.Answer, count: int) -> retry.Verdict:
        return (
            retry.Judged(list(range(count)), [], []) if answer.status in (200, 207) else judge(answer, count)
        )

    retry.judge_batch = blind


def failures_taken_for_success() -> None:
    from ours_cli.sending import retry

    judge = retry.judge_batch

    def hopeful(answer: retry.Answer, count: int) -> retry.Verdict:
        return retry.Judged(list(range(count)), [], []) if answer.status == 503 else judge(answer, count)

    retry.judge_batch = hopeful


def dedupe_forgotten() -> None:
    from ours_cli.ids.identity import ID_BYTES, DistinctIds

    DistinctIds.derive = lambda *_, **__: uuid.uuid4().hex  # type: ignore[method-assign]
    DistinctIds.repeated = lambda _, digests, *__: [  # type: ignore[method-assign]
        (at, uuid.uuid4().hex) for at in range(len(digests) // ID_BYTES)
    ]


def replay_unverified() -> None:
    from ours_cli.runs.replay import Replay

    def verify(replay: Any, origin: Any) -> Any:
        block = replay._block
        if origin.seq + 1 < block.end:
            return None
        replay._block = next(replay._blocks, None)
        return block

    Replay.verify = verify  # type: ignore[assignment,method-assign]


def rejects_unsynced() -> None:
    from ours_cli.rejects.rejects import Rejects

    def sync(rejects: Any) -> None:
        for _, file in rejects._sinks.values():
            file.stream.flush()
        rejects._is_dirty = False

    Rejects.sync = sync  # type: ignore[assignment,method-assign]


def rejects_after_the_journal() -> None:
    from ours_cli import pipeline

    def record(run: Any, blocks: Any) -> None:
        run._attempt.commit(blocks, run._rejects.files)
        run._write_rejects(blocks)
        run._rejects.sync()

    pipeline._Run._record = record  # type: ignore[assignment,method-assign]


MUTATIONS: dict[str, Callable[[], None]] = {
    "journal before the answer": journal_before_the_answer,
    "results ignored": results_ignored,
    "failures taken for success": failures_taken_for_success,
    "dedupe forgotten": dedupe_forgotten,
    "replay unverified": replay_unverified,
    "rejects unsynced": rejects_unsynced,
    "rejects after the journal": rejects_after_the_journal,
}


def kill_forks(count: int, longest: float, words: list[str]) -> int:
    """Run the command in forks of this warm process and kill each; returns how many were killed."""
    import ours_cli.commands.batch
    import ours_cli.pipeline  # noqa: F401 - warm
    from ours_cli.boundary import run

    chance = random.Random(11)
    killed = 0
    for _ in range(count):
        child = os.fork()
        if child == 0:
            os._exit(run(words))
        time.sleep(chance.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
    return killed


def main(spec: dict[str, Any], words: list[str]) -> int:
    from ours_cli.sending import retry

    retry.BACKOFF_BASE_S = 0.01
    if "mutation" in spec:
        MUTATIONS[spec["mutation"]]()
    if "bug_at" in spec:
        plant_bug(spec["bug_at"], spec["nth"], spec["secret"])
    if "forks" in spec:
        print(kill_forks(spec["forks"], spec["longest"], words), flush=True)  # noqa: T201 - its result
        return 0
    place_points(Death(spec.get("die_at"), spec.get("nth", 1), spec.get("power_cut", False)))
    from ours_cli.boundary import run

    sys.argv[1:] = words
    return run(words)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
