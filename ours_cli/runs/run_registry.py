"""The runs on this machine: found again by what they are, named, listed and deleted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ours_cli.errors import BusyError, ExitCode, LocalIOError, OursError, SourceError, UsageError, reason
from ours_cli.runs import journal, run_head
from ours_cli.runs.blocks import Block
from ours_cli.runs.journal import read_blocks
from ours_cli.runs.replay import SourceChangedError
from ours_cli.runs.run_head import Identity, OtherVersionError, RunHead, read_head
from ours_cli.runs.run_lock import LOCK_NAME, hold, is_running
from ours_cli.timestamps import Conventions
from ours_cli.wording.suggest import did_you_mean

_PIPE_ROWS_MAX: Final = 10_000
"""Rows of a pipe that are compared with those of a run before it is known to go on with that."""


class KnownRun(NamedTuple):
    """One run on disk."""

    folder: Path
    head: RunHead

    def settled_times(self) -> Conventions | None:
        """How its rows were read. None while no row has an outcome: its files may hold other rows by now.

        Raises `SourceError` when its journal is damaged.
        """
        return self.head.times if read_blocks(self.folder) else None


class Headless(NamedTuple):
    """A folder among the runs without a head that can be read.

    A rehearsal is what `--sandbox` rejected, and nothing else of a run; what is unbegun was killed in its
    first moments, and has sent nothing.
    """

    folder: Path
    kind: Literal["damaged", "other version", "rehearsal", "unbegun"]


class NoRunError(UsageError):
    """No run has this name (exit 2)."""


def survey(runs_dir: Path) -> Iterator[KnownRun | Headless]:
    """Everything in the folder of runs, newest first; raises `LocalIOError` for what cannot be looked at."""
    for folder in _folders(runs_dir):
        try:
            yield KnownRun(folder, read_head(folder))
        except SourceError as error:
            if _is_rehearsal(folder):
                yield Headless(folder, "rehearsal")
            elif _is_unbegun(folder):
                yield Headless(folder, "unbegun")
            # A run that begins right now has its folder and its lock before its head.
            elif not is_running(folder):
                yield Headless(folder, "other version" if isinstance(error, OtherVersionError) else "damaged")


def _folders(runs_dir: Path) -> list[Path]:
    """The newest first; raises `LocalIOError` rather than take what cannot be listed for nothing."""
    try:
        return sorted((path for path in runs_dir.iterdir() if path.is_dir()), reverse=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise LocalIOError(f"{runs_dir} cannot be listed: {reason(error)}", hint="mend its mode") from None


def _is_rehearsal(folder: Path) -> bool:
    return next(folder.glob("rejects*"), None) is not None and not any(
        (folder / name).exists() for name in (run_head.FILE_NAME, journal.FILE_NAME)
    )


def _is_unbegun(folder: Path) -> bool:
    """Whether it holds no more than a beginning: anything else may matter to somebody."""
    first = (LOCK_NAME, journal.FILE_NAME, f".{run_head.FILE_NAME}.")
    try:
        if not all(path.name.startswith(first) for path in folder.iterdir()):
            return False
        return not is_running(folder) and _has_nothing(folder)
    except (OSError, OursError):
        return False


def _has_nothing(folder: Path) -> bool:
    """Whether its journal has no row; raises `SourceError` when that is damaged."""
    return journal.never_began(folder) or not read_blocks(folder)


def named_folder(runs_dir: Path, run_id: str) -> Path:
    """The folder of the run of this id, or of an unambiguous beginning of it; raises `UsageError`."""
    ids = sorted(folder.name for folder in _folders(runs_dir))
    matches = [run_id] if run_id in ids else [name for name in ids if run_id and name.startswith(run_id)]
    if len(matches) == 1:
        return runs_dir / matches[0]
    if matches:
        raise UsageError(f"several runs begin with {run_id!r}", hint="ours runs list shows them")
    raise NoRunError(
        f"there is no run {run_id!r}",
        hint=did_you_mean(run_id, ids, "ours runs list shows them", form="{}"),
    )


def named_run(runs_dir: Path, run_id: str) -> KnownRun:
    """The run of this id, or of a beginning of it; raises `UsageError`, or `SourceError` when damaged."""
    folder = named_folder(runs_dir, run_id)
    if _is_unbegun(folder):
        raise SourceError(
            f"run {folder.name} was killed before it began, and has sent nothing",
            hint=f"ours runs delete {folder.name} removes it",
        )
    return KnownRun(folder, read_head(folder))


def find_run(
    runs_dir: Path,
    identity: Identity,
    begins_like: Callable[[KnownRun, Sequence[Block]], bool],
    pass_over: Callable[[KnownRun, SourceError], None],
) -> KnownRun | None:
    """The run that this command goes on with, if there is one.

    An unfinished run of the same files matches, whatever they hold now (the replay finds out). An unfinished
    run of other files matches when these begin like its first block (a file was renamed), one of standard
    input when that begins like all that is done, or much of it: a pipe may begin like another by chance. A
    finished run of the same files is returned too, for the caller to compare.

    Raises `SourceError` for an unfinished run whose journal is damaged, or of another version, and for any
    whose head is, where this command may be the one that goes on with it. Where it surely is not, `pass_over`
    is told of the run. Raises `SourceChangedError` for an unfinished run of some of these files, if its rows
    are not the first.
    """
    for folder in _folders(runs_dir):
        try:
            run = KnownRun(folder, read_head(folder))
        except SourceError as error:
            _refuse_its_own(folder, identity, error)
            continue
        if not _same_command(run.head, identity):
            continue
        if run.head.identity.sources == identity.sources and "-" not in identity.sources:
            return run
        is_open = not (run.head.is_finished or run.head.at_rest)
        if is_open and _has_these_rows(run, identity, begins_like, pass_over):
            return run
    return None


def _has_these_rows(
    run: KnownRun,
    identity: Identity,
    begins_like: Callable[[KnownRun, Sequence[Block]], bool],
    pass_over: Callable[[KnownRun, SourceError], None],
) -> bool:
    """Whether an unfinished run of other files, or of standard input, began with the rows of this source."""
    try:
        blocks = read_blocks(run.folder)
    except SourceError as error:
        if not _reads_other_files(run.head.identity.sources, identity.sources):
            raise
        pass_over(run, error)
        return False
    if not blocks:
        return False
    known_by = _beginning(blocks, is_pipe="-" in run.head.identity.sources)
    if known_by and begins_like(run, known_by):
        return True
    if _shared_files(run.head.identity.sources, identity.sources):
        raise SourceChangedError(
            f"the files of the unfinished run {run.head.id} are others by now, or in another order:"
            " they do not begin with the rows that are done",
            hint="put the files back as they were; --restart sends all of them as a new run",
        )
    return False


def _beginning(blocks: Sequence[Block], *, is_pipe: bool) -> list[Block]:
    """The blocks by which a source is known again, from row 0 on without a gap; none where row 0 is not done.

    Of files the first is enough: were a later row another, they would be refused rather than sent again. A
    pipe cannot be refused, since nobody can send it once more.
    """
    found: list[Block] = []
    end = 0
    for block in blocks:
        if block.start != end:
            break
        # A half row may be whole by now.
        if found and (not is_pipe or block.end > _PIPE_ROWS_MAX or block.is_half_row):
            break
        found.append(block)
        end = block.end
    return found


def _refuse_its_own(folder: Path, identity: Identity, error: SourceError) -> None:
    """Raise `SourceError` if the run of a head that cannot be read may be the one to go on with."""
    # It was written whole, and before the first request: where there is one, rows may have been sent.
    has_head = (folder / run_head.FILE_NAME).exists()
    try:
        if is_running(folder) or (not has_head and _has_nothing(folder)):
            return
    except (OSError, OursError):
        pass
    if not _is_another(folder, identity):
        kind = OtherVersionError if isinstance(error, OtherVersionError) else SourceError
        raise kind(
            f"{error.message}, and this command may be the one that goes on with it",
            hint="--restart begins a new run, whatever this one did;"
            f" ours runs delete {folder.name} removes it",
        )


def _is_another(folder: Path, identity: Identity) -> bool:
    """Whether the run of a head that cannot be read is surely not the one that a command goes on with."""
    try:
        noted = journal.noted_identity(folder)
    except (OSError, OursError):
        noted = None
    if noted is not None:
        return not _same_mapping(noted, identity) or _reads_other_files(noted.sources, identity.sources)
    outline = run_head.read_outline(folder)
    if outline is None:
        return False
    if outline.command != identity.command:
        return True
    if outline.is_finished:
        return outline.sources != identity.sources or "-" in identity.sources
    return _reads_other_files(outline.sources, identity.sources)


def _reads_other_files(theirs: tuple[str, ...], ours: tuple[str, ...]) -> bool:
    """Whether a run surely had no row of these sources: a pipe may be replayed, and a file that is gone may
    be here under another name."""
    if "-" in theirs and "-" in ours:
        return False
    return not _shared_files(theirs, ours) and all(name == "-" or Path(name).exists() for name in theirs)


def _shared_files(theirs: tuple[str, ...], ours: tuple[str, ...]) -> set[str]:
    return set(theirs) & set(ours) - {"-"}


def _same_command(head: RunHead, identity: Identity) -> bool:
    theirs = head.identity
    # A run that stopped because its token was refused goes on with another one.
    same_token = theirs.token == identity.token or head.exit_code == ExitCode.AUTH
    return same_token and _same_mapping(theirs, identity)


def _same_mapping(theirs: Identity, ours: Identity) -> bool:
    return replace(theirs, token="", sources=()) == replace(ours, token="", sources=())


def sent_before(runs_dir: Path, identity: Identity, but: str) -> str | None:
    """The newest finished run of this command, `but` one, that read any of these files.

    Raises `LocalIOError` for what cannot be looked at.
    """
    for run in survey(runs_dir):
        if isinstance(run, KnownRun) and run.head.id != but and run.head.is_finished:
            theirs = run.head.identity.sources
            if _same_command(run.head, identity) and _shared_files(theirs, identity.sources):
                return run.head.id
    return None


def refuse_running(folder: Path) -> None:
    """Raise `BusyError` while some process runs this run."""
    if is_running(folder):
        raise BusyError(f"{folder.name} is running right now", hint="stop it first")


def delete_run(folder: Path) -> list[Path]:
    """Remove a run's journal and rejects for good, damaged or not; raises `BusyError` while it runs.

    Returns the rejects files that lie elsewhere: they are their owner's to delete.
    """
    # Held until all of it is gone: none may begin with what is half deleted.
    with hold(folder):
        try:
            rejects = [Path(path) for path in read_head(folder).rejects]
        except SourceError:
            rejects = []
        shutil.rmtree(folder)
    return [path for path in rejects if path.exists()]
