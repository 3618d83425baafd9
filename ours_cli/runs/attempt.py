"""One attempt at a run: the run found again or begun, locked, journaled as it goes, and its end noted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from ours_cli.errors import ExitCode, LocalIOError
from ours_cli.files.private_files import make_private_folder
from ours_cli.rejects.reject_files import KnownRejects, RejectFile
from ours_cli.rejects.rejects import Rejects
from ours_cli.reports.report import Report
from ours_cli.runs.blocks import Block
from ours_cli.runs.journal import Journal
from ours_cli.runs.replay import Replay
from ours_cli.runs.run_head import Identity, RunHead, write_head
from ours_cli.runs.run_registry import KnownRun
from ours_cli.timestamps import Conventions


class Attempt:
    """What the pipeline and the report need of a run's past; a context manager.

    `run_id` names the run, `identity` says what makes it this run, `replay` has what is done, `done_rows` how
    many rows that is, `has_first_row` whether the first is done by now, `known_rejects` the rejects files,
    `was_finished` whether every row had an outcome, `may_repeat` whether the last attempt may have had
    answers that it could not write down (it was killed, or found the disk full), `times` how the sources
    write their times.

    Made as it is, it is a rehearsal (`--sandbox`): it never resumes, and leaves nothing but its rejects.
    """

    def __init__(
        self,
        folder: Path,
        head: RunHead,
        blocks: Sequence[Block] = (),
        known_rejects: Sequence[KnownRejects] = (),
    ) -> None:
        self.run_id = head.id
        self.identity = head.identity
        self.folder = folder
        self.replay = Replay(blocks)
        self._blocks = blocks
        self.known_rejects = known_rejects
        self.done_rows = sum(block.rows for block in blocks)
        self.has_first_row = _have_first_row(blocks)
        self.was_finished = head.is_finished
        had_no_end = bool(head.attempts) and head.state == "running"
        self.may_repeat = had_no_end or head.exit_code == ExitCode.LOCAL_IO
        self.times = head.times

    @classmethod
    def rehearse(cls, runs_dir: Path, run_id: str, identity: Identity, times: Conventions) -> Attempt:
        """The attempt of a run that is none."""
        return Attempt(runs_dir / run_id, _new_head(run_id, identity, (), "", times))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing is open."""

    def look_ahead(self) -> Replay:
        """A second replay, for a look at the source before the run reads it."""
        return Replay(self._blocks)

    def pin(self, times: Conventions) -> None:
        """Note how the sources write their times, if only their rows show it (a pipe).

        Raises `LocalIOError`.
        """

    def commit(self, blocks: Sequence[Block], rejects: Callable[[], Sequence[RejectFile]]) -> None:
        """Record settled blocks; `rejects` gives the files as they are on disk. Raises `LocalIOError`."""

    def begin_rejects(self, file: RejectFile) -> None:
        """Note a rejects file that is about to be written; raises `LocalIOError`."""

    def end(
        self, report: Report, exit_code: int, rejects: Rejects, *, failed_canary: bool, at_rest: bool
    ) -> None:
        """Note how the attempt ended, unless it found nothing to do; raises `LocalIOError`."""


class JournaledAttempt(Attempt):
    """An attempt that can be gone on with: locked, journaled as it goes, and its end noted.

    `identity` is what the command says now; the journal and the head have that of earlier attempts.
    """

    def __init__(self, folder: Path, head: RunHead, journal: Journal, identity: Identity) -> None:
        super().__init__(folder, head, journal.done, journal.rejects)
        self.identity = identity
        self._head = head
        self._journal = journal
        self._is_marked = False
        if not self.was_finished:
            self._mark_running()

    @classmethod
    def begin(
        cls, runs_dir: Path, run_id: str, identity: Identity, arguments: tuple[str, ...], times: Conventions
    ) -> JournaledAttempt:
        """Begin a run; raises `LocalIOError`, and leaves nothing then."""
        folder, here = runs_dir / run_id, _current_folder()
        with ExitStack() as undo:
            make_private_folder(folder, hint="XDG_STATE_HOME names another place")
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            journal = undo.enter_context(Journal(folder, begin=True))
            attempt = cls(folder, _new_head(run_id, identity, arguments, here, times), journal, identity)
            undo.pop_all()
        return attempt

    @classmethod
    def go_on(cls, run: KnownRun, identity: Identity, times: Conventions) -> JournaledAttempt:
        """Go on with a run; raises `BusyError`, `SourceError` (a damaged journal) or `LocalIOError`."""
        return cls(run.folder, replace(run.head, times=times), Journal(run.folder, begin=False), identity)

    def __exit__(self, *_error: object) -> None:
        self._journal.close()

    def pin(self, times: Conventions) -> None:
        """As `Attempt` has it."""
        if times != self._head.times:
            self._head = replace(self._head, times=times)
            write_head(self.folder, self._head)

    def commit(self, blocks: Sequence[Block], rejects: Callable[[], Sequence[RejectFile]]) -> None:
        """As `Attempt` has it."""
        self._mark_running()
        self._take_over()
        files = rejects() if any(block.rejected for block in blocks) else ()
        self._journal.commit(blocks, files, self.replay.superseded)
        self.has_first_row |= _have_first_row(blocks)
        self.replay.superseded.clear()

    def begin_rejects(self, file: RejectFile) -> None:
        """As `Attempt` has it."""
        self._journal.begin_rejects(file)

    def end(
        self, report: Report, exit_code: int, rejects: Rejects, *, failed_canary: bool, at_rest: bool
    ) -> None:
        """As `Attempt` has it."""
        self._journal.leave(rejects.files())
        if not self._is_marked:
            return
        if not report.books.read and not rejects.paths and not self._blocks:
            # A file without rows is nothing to go on with, and nothing to prove.
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        if exit_code in (ExitCode.OK, ExitCode.REJECTED):
            self._take_over()
        self._head = replace(
            self._head,
            ended_s=int(time.time()),
            state=report.status,
            exit_code=exit_code,
            read=max(report.books.read, self.done_rows),
            rejects=tuple(str(path.absolute()) for path in rejects.paths),
            source=report.part.source if report.part else None,
            elsewhere=report.books.elsewhere,
            failed_canary=failed_canary,
            at_rest=at_rest,
        )
        write_head(self.folder, self._head)

    def _mark_running(self) -> None:
        # A finished run counts as running again only once there is more to it: were this process killed while
        # it merely compares, a file that was replaced must still be a new run, not a changed one.
        if self._is_marked:
            return
        self._is_marked = True
        attempts = self._head.attempts + 1
        # The token now, the rest with the first block: if there is none, the next attempt is known by it.
        self._head = replace(
            self._head,
            identity=replace(self._head.identity, token=self.identity.token),
            state="running",
            attempts=attempts,
            ended_s=None,
            failed_canary=False,
            at_rest=False,
        )
        self._journal.note_identity(self._head.identity)
        write_head(self.folder, self._head)

    def _take_over(self) -> None:
        # Only now: files of other rows are refused, and must not have given it their names.
        if self._head.identity != self.identity:
            self._head = replace(self._head, identity=self.identity)
            self._journal.note_identity(self.identity)
            write_head(self.folder, self._head)


def _new_head(
    run_id: str, identity: Identity, arguments: tuple[str, ...], folder: str, times: Conventions
) -> RunHead:
    return RunHead(run_id, identity, arguments, folder, int(time.time()), attempts=0, times=times)


def _have_first_row(blocks: Sequence[Block]) -> bool:
    return any(block.start == 0 for block in blocks)


def _current_folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        raise LocalIOError("the current folder is gone", hint="cd to one that is there") from None
