"""The result of a command over rows: printed, and written where --report says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ours_cli.console import Console
from ours_cli.errors import ExitCode, OursError
from ours_cli.files.report_file import write_report
from ours_cli.options import Output
from ours_cli.process.signals import interruptible
from ours_cli.rows.row_command import RowRun
from ours_cli.wording.escape import json_text


def publish(
    run: RowRun,
    result: dict[str, Any],
    text: Callable[[int | None], str],
    errors: Iterable[OursError | None],
    console: Console,
) -> int:
    """Print the result, then the errors, and why it could not be written, if so; returns the exit code.

    `text` gives the result for people, from the width of the terminal.
    """
    with interruptible(in_result=True):
        as_json = json_text(result)
        with interruptible():  # until something is printed, that can be
            unwritten = write_report(run.flags.batching.report, as_json)
        aside = run.flags.batching.rejects == "-" and not run.flags.target.dry_run
        if run.flags.showing.output is Output.json:
            console.data(as_json, aside=aside)
        elif aside:
            console.aside(text(console.aside_width))
        else:
            console.result(text(console.width))
        found = [error for error in (*errors, unwritten) if error is not None]
        for error in found:
            console.error(error)
    if found:
        return int(found[0].exit_code)
    return int(ExitCode.REJECTED if result["rejected"] else ExitCode.OK)
