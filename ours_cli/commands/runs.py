"""`ours runs`: past and unfinished runs on this machine."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ours_cli.cli.completion import run as run_ids
from ours_cli.cli.typed_words import going_on, with_flags
from ours_cli.console import Console
from ours_cli.errors import ExitCode, LocalIOError, SourceError, UsageError
from ours_cli.files.folders import runs_folder, state_dir
from ours_cli.options import Output, OutputFormat
from ours_cli.runs.journal import read_blocks
from ours_cli.runs.merge import Part, incomplete, merge, merged_text, part
from ours_cli.runs.receipt import FROM_BLOCKS, receipt
from ours_cli.runs.run_head import OtherVersionError
from ours_cli.runs.run_lock import deleting, is_running
from ours_cli.runs.run_registry import (
    Headless,
    KnownRun,
    NoRunError,
    delete_run,
    named_folder,
    named_run,
    refuse_running,
    survey,
)
from ours_cli.wording.counted import counted
from ours_cli.wording.durations import parse_duration
from ours_cli.wording.escape import on_one_line, printable, shell_join
from ours_cli.wording.wrapping import folded, folded_command, folded_path


class Action(StrEnum):
    """What to do with runs."""

    list = "list"
    show = "show"
    merge = "merge"
    resume = "resume"
    delete = "delete"


def runs(
    action: Annotated[
        Action, typer.Argument(metavar="[list|show|merge|resume|delete]", help="What to do.")
    ] = Action.list,
    run: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="A run's id, or its first characters; merge: also --report files.",
            autocompletion=run_ids,
        ),
    ] = None,
    *,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="DURATION", help="With delete: all finished runs that started longer ago."
        ),
    ] = None,
    output: OutputFormat = Output.text,
) -> int:
    """List, show, resume and delete runs, or merge the shards of one."""
    console, names = Console(), run or []
    runs_dir = runs_folder()
    if older_than is not None and action is not Action.delete:
        raise UsageError("--older-than goes with delete", hint="ours runs delete --older-than 30d")
    match action:
        case Action.list if names:
            raise UsageError("list takes no RUN: it shows every run", hint="ours runs show RUN")
        case Action.list:
            _list(runs_dir, console, output)
        case Action.show:
            _show(_one(runs_dir, names, action), console, output)
        case Action.merge:
            return _merge(runs_dir, names, console, output)
        case Action.resume:
            return _resume(_one(runs_dir, names, action), console, output)
        case Action.delete:
            with deleting(state_dir()):
                _delete(runs_dir, names, older_than, console, output)
    return 0


def _one(runs_dir: Path, names: list[str], action: Action) -> KnownRun:
    if len(names) != 1:
        raise UsageError(f"{action.value} wants one RUN", hint="ours runs list shows them")
    return named_run(runs_dir, names[0])


def _list(runs_dir: Path, console: Console, output: Output) -> None:
    receipts, rehearsals = [], []
    for found in survey(runs_dir):
        name = found.folder.name
        match found:
            case KnownRun():
                receipts.append(_receipt(found))
            case Headless(kind="other version"):
                console.warn(f"run {name} was written by another version of ours, which can show it")
            case Headless(kind="damaged"):
                console.warn(f"run {name} is damaged; ours runs delete {name} removes it")
            case Headless(kind="unbegun"):
                console.note(
                    f"run {name} was killed before it began, and has sent nothing;"
                    f" ours runs delete {name} removes it"
                )
            case Headless(kind="rehearsal"):
                rehearsals.append(found.folder)
    if rehearsals:
        console.note(
            f"{counted(len(rehearsals), 'rehearsal')} (--sandbox) left rejects, the last in {rehearsals[0]};"
            " ours runs delete --older-than 30d removes old ones, and old finished runs"
        )
    if output is Output.json:
        console.result(json.dumps(receipts))
    elif not receipts:
        console.note(f"there are no runs in {runs_dir}")
    else:
        heading = ("run", "command", "state", "accepted", "rejected", "files")
        width = max(len(entry["run"]) for entry in receipts)  # a shard's id is longer than others
        lines = [
            part
            for *cells, files in (heading, *map(_cells, receipts))
            for part in folded_path(_line(width, *cells), printable(files), console.width)
        ]
        console.result("\n".join(lines))


def _cells(entry: dict[str, Any]) -> tuple[str, str, str, str, str, str]:
    first, *others = (on_one_line(Path(source).name) for source in entry["sources"])
    files = f"{first} and {len(others)} more" if others else first
    files += f", shard {entry['shard']}" if entry["shard"] else ""
    accepted, rejected = entry["accepted"], entry["rejected"]
    counts = ("-", "-") if accepted is None else (f"{accepted:,}", f"{rejected:,}")
    return entry["run"], entry["command"], entry["state"], *counts, files


def _line(width: int, run: str, command: str, state: str, accepted: str, rejected: str) -> str:
    return f"{run:<{width}} {command:<8} {state:<11} {accepted:>10} {rejected:>8} "


def _merge(runs_dir: Path, names: list[str], console: Console, output: Output) -> int:
    merged = merge([_part(runs_dir, name) for name in names])
    console.result(printable(json.dumps(merged.to_json()) if output is Output.json else merged_text(merged)))
    if (error := incomplete(merged)) is not None:
        console.error(error)
        return int(error.exit_code)
    return int(ExitCode.REJECTED if merged.books.rejected else ExitCode.OK)


def _part(runs_dir: Path, name: str) -> Part:
    """A receipt: of a run on this machine, or on any machine where `name` is a file."""
    path = Path(name)
    if not path.is_file():
        known = _run_or_file(runs_dir, name)
        blocks = read_blocks(known.folder)
        return part(name, receipt(known.head, blocks, is_running=is_running(known.folder)))
    try:
        return part(name, json.loads(path.read_bytes()))
    except OSError as error:
        raise SourceError(f"{name} cannot be read ({type(error).__name__})") from None
    except ValueError:
        return part(name, None)


def _run_or_file(runs_dir: Path, name: str) -> KnownRun:
    try:
        return named_run(runs_dir, name)
    except NoRunError as error:
        hint = f"name a file that --report wrote, or a run: {error.hint}"
        if Path(name).is_dir():
            hint = f"name the reports in that folder: ours runs merge {shlex.quote(name.rstrip('/'))}/*.json"
        raise UsageError(f"there is neither a file nor a run {name!r}", hint=hint) from None


def _show(known: KnownRun, console: Console, output: Output) -> None:
    entry = _receipt(known)
    if output is Output.json:
        console.result(json.dumps(entry))
        return
    for key, value in entry.items():
        console.result("\n".join(_shown(f"{key:<13}", key, value, console.width)))


def _shown(label: str, key: str, value: Any, width: int | None) -> list[str]:
    """One entry of a receipt; what somebody may copy stays whole."""
    match key:
        case "arguments":
            return folded_command(label, value, width)
        case "folder":
            paths = [value]
        case "sources":
            paths = value
        case "rejects":
            paths = [file["path"] + ("" if file["exists"] else " (gone)") for file in value]
        case _:
            if isinstance(value, dict):
                value = json.dumps(value) if value else "none"
            return folded(printable(f"{label} {'-' if value is None else value}"), width, hang=14)
    first, *others = map(printable, paths or ["none"])
    if width is not None and len(label) + max(map(len, (first, *others))) >= width:
        return [label.rstrip(), *(f"  {path}" for path in (first, *others))]
    return [f"{label} {first}", *(f"{'':{len(label)}} {path}" for path in others)]


def _receipt(known: KnownRun) -> dict[str, Any]:
    running = is_running(known.folder)
    try:
        blocks = read_blocks(known.folder)
    except (SourceError, LocalIOError) as error:
        state = "damaged" if isinstance(error, SourceError) else "unreadable"
        state = "other version" if isinstance(error, OtherVersionError) else state
        unknown = dict.fromkeys(FROM_BLOCKS)
        return {**receipt(known.head, [], is_running=running), **unknown, "state": state}
    return receipt(known.head, blocks, is_running=running)


def _resume(known: KnownRun, console: Console, output: Output) -> int:
    if "-" in known.head.identity.sources:
        raise UsageError(
            f"run {known.head.id} read standard input, which only you can give again",
            hint=f"pipe the same input into: {shell_join(['ours', *_resuming(known)])}",
        )
    from ours_cli import boundary

    here = Path.cwd()
    try:
        os.chdir(known.head.folder)
    except OSError:
        raise UsageError(f"the folder {known.head.folder} is gone", hint="run the command by hand") from None
    if not here.samefile(Path.cwd()):
        console.note(f"paths are relative to {known.head.folder}, where the run was begun")
    arguments = _resuming(known)
    if output is Output.json:
        arguments = with_flags(arguments, ("-o", output.value))
    # The report builds its mend and resume commands from what was typed, which must be the run's command.
    sys.argv[1:] = arguments
    return boundary.run(arguments)


def _resuming(known: KnownRun) -> list[str]:
    """The command line that resumes this run and no other."""
    command, *words = known.head.arguments
    return [command, "--resume", known.head.id, *going_on(words)]


def _delete(runs_dir: Path, names: list[str], older: str | None, console: Console, output: Output) -> None:
    if bool(names) == (older is not None):
        raise UsageError("delete wants either RUN... or --older-than", hint="--older-than 30d")
    old = [] if older is None else _old(runs_dir, older, console)
    folders = list(dict.fromkeys([*(named_folder(runs_dir, name) for name in names), *old]))
    for folder in folders:
        # Check all of them before the first is deleted.
        refuse_running(folder)
    for folder in folders:
        for path in delete_run(folder):
            console.note(f"rejects that --rejects put elsewhere are still there: {path}")
    deleted = [folder.name for folder in folders]
    is_json = output is Output.json
    console.result(json.dumps({"deleted": deleted}) if is_json else f"{counted(len(deleted), 'run')} deleted")


def _old(runs_dir: Path, older: str, console: Console) -> list[Path]:
    """Runs, rehearsals and beginnings of runs older than this; what runs now or can go on is left alone."""
    try:
        began_before = time.time() - parse_duration(older)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}", hint="--older-than 30d") from None
    if (number := older.strip())[-1].isdigit():
        raise UsageError(
            f"--older-than wants a unit: {number} alone would be seconds", hint=f"--older-than {number}d"
        )
    old = []
    for found in survey(runs_dir):
        match found:
            case KnownRun(folder, head) if head.started_s >= began_before or _is_whole(folder):
                began_s: float = head.started_s
            case Headless(folder, "rehearsal" | "unbegun"):
                began_s = folder.stat().st_mtime
            case KnownRun(Path(name=name)) | Headless(Path(name=name)):
                # Nothing shows for sure when it began, or whether it still matters to somebody.
                console.warn(
                    f"run {name} is damaged, or of another version of ours, and was left as it is;"
                    f" ours runs delete {name} removes it"
                )
                continue
        if began_s >= began_before or is_running(folder):
            continue
        if isinstance(found, KnownRun) and not (found.head.is_finished or found.head.at_rest):
            name = folder.name
            console.warn(
                f"run {name} is unfinished, and was left as it is: ours runs resume {name} goes on with it,"
                f" ours runs delete {name} removes it"
            )
        else:
            old.append(folder)
    return old


def _is_whole(folder: Path) -> bool:
    try:
        read_blocks(folder)
    except SourceError:
        return False
    return True
