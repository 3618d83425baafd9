"""The JSON result (`-o json`, `--report`) of a command that failed before it had one, or was cut off.

Kept apart from the commands: some failures come before any of a command's own lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from ours_cli.console import Console
from ours_cli.errors import LocalIOError, OursError
from ours_cli.files.report_file import may_replace, write_report
from ours_cli.process.signals import Interrupted
from ours_cli.wording.escape import json_text

SENDING: Final = ("track", "identify", "batch", "backfill")
"""The commands whose result is one object."""


def failure(command: str, status: str, error: OursError) -> str:
    """The object: that a command ended, and why."""
    found = {"command": command, "status": status, "error": error.message, "exit": int(error.exit_code)}
    return json_text(found)


def tell_failure(command: str, flags: Mapping[str, Any], error: OursError, console: Console) -> None:
    """Print and write the object as far as `flags` want it; what cannot be written costs nothing else."""
    report = flags.get("report")
    is_json = flags.get("output") == "json"
    if error.in_result or not (report or is_json):
        return
    text = failure(command, "interrupted" if isinstance(error, Interrupted) else "failed", error)
    if report and report != "-" and (error.may_replace_report or may_replace(report)):
        write_report(report, text)
    if not is_json:
        return
    # As with a report: where stdout is for rejects, a program reads it that expects nothing else there.
    with suppress(BrokenPipeError, LocalIOError):
        console.data(text, aside=flags.get("rejects") == "-")
