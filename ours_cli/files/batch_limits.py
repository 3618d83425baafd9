"""The batch limit that each API states, as `ours doctor` found it: kept for the commands that send.

One small file in the state folder, written whole or not at all, readable by its owner only. An entry that is
unreadable or too old is not used: the server's own 413 still teaches the size.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from ours_cli.files.private_files import make_private_folder, replace_private

FILE: Final = "batch-limits.json"

KEPT_S: Final = 30 * 86_400
"""Seconds for which a limit is believed."""

_FILE_MAX: Final = 1 << 20
_ENDPOINTS_MAX: Final = 50


class KnownLimit(NamedTuple):
    """An API's batch limit in events; None where none is kept, or the kept one is damaged or stale."""

    events: int | None = None
    is_damaged: bool = False
    is_stale: bool = False


def known_limit(state: Path, base_url: str, now_s: float) -> KnownLimit:
    """The limit kept for this API; never raises. `now_s` is in seconds since the epoch."""
    try:
        entries = _read(state / FILE)
    except FileNotFoundError:
        return KnownLimit()
    except (OSError, ValueError, RecursionError):
        return KnownLimit(is_damaged=True)
    if base_url not in entries:
        return KnownLimit()
    events, seen_s = entries[base_url]
    is_fresh = 0 <= now_s - seen_s <= KEPT_S
    return KnownLimit(events) if is_fresh else KnownLimit(is_stale=True)


def keep_limit(state: Path, base_url: str, events: int | None, now_s: float) -> None:
    """Keep this API's limit, or forget it where the API states none; raises `LocalIOError`.

    Nothing is written where there is nothing to keep or forget.
    """
    path = state / FILE
    try:
        entries = _read(path)
    except (OSError, ValueError, RecursionError):
        entries = {}
    if events is None and base_url not in entries:
        return
    entries.pop(base_url, None)
    if events is not None:
        entries[base_url] = (events, int(now_s))
    kept = dict(list(entries.items())[-_ENDPOINTS_MAX:])
    text = json.dumps({url: {"events": most, "seen_s": seen} for url, (most, seen) in kept.items()}, indent=2)
    make_private_folder(state)
    replace_private(path, text + "\n")


def _read(path: Path) -> dict[str, tuple[int, int]]:
    """The entries of a file; raises `ValueError` where it is damaged."""
    with path.open("rb") as stream:
        content = stream.read(_FILE_MAX + 1)
    entries: Any = json.loads(content) if len(content) <= _FILE_MAX else None
    if not isinstance(entries, dict):
        raise ValueError("no object")
    return {url: (_positive(entry, "events"), _positive(entry, "seen_s")) for url, entry in entries.items()}


def _positive(entry: Any, key: str) -> int:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(key)
    return value
