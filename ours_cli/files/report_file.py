"""The file of `--report`: the result of a command over rows, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ours_cli.errors import LocalIOError
from ours_cli.files.private_files import check_replaceable, local_io, refuse_link, replace_private

_COMMANDS: Final = ("identify", "batch", "backfill")
_STATUSES: Final = ("complete", "partial", "interrupted", "failed")
_REPORT_BYTES_MAX: Final = 1 << 20
"""No report is larger; a larger file is not looked into."""


def check_report(name: str | None) -> None:
    """Refuse a --report that cannot be written, before rows are sent whose books it is to hold."""
    if name is not None:
        path = Path(name)
        if path.is_dir() or path.is_file() or not path.exists():
            # A link to a pipe or device, as of `>(jq .)`, is written to; one to a file would be replaced.
            refuse_link(path, to_stdout="-o json")
            check_replaceable(path)


def write_report(name: str | None, as_json: str) -> LocalIOError | None:
    """Write the result where --report says; returns why it cannot be: it is printed all the same."""
    if name is None:
        return None
    path, text = Path(name), as_json + "\n"
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, "utf-8")  # /dev/null and the like are written to, never replaced
        else:
            # Whole or not at all: a script must never read half a report.
            replace_private(path, text)
    except LocalIOError as error:
        return error
    except OSError as error:
        return local_io(error, path)
    return None


def may_replace(name: str) -> bool:
    """Whether writing here overwrites nothing but an earlier report; for a path `check_report` has not seen.

    Flags that are refused may name a source here, by mistake; a device or a pipe loses nothing.
    """
    import json

    path = Path(name)
    try:
        if not path.is_file():
            return path.exists() or not path.is_symlink()
        if path.is_symlink() or path.stat().st_size > _REPORT_BYTES_MAX:
            return False
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(found, dict) or not found.keys() & {"read", "exit"}:
        return False
    return found.get("command") in _COMMANDS and found.get("status") in _STATUSES
