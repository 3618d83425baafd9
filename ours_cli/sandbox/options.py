"""The options of a sandbox, set before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ours_cli.sandbox.faults import Fault

_SEVEN_DAYS_MS: Final = 604_800_000


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How a sandbox behaves.

    `port` 0 takes a free one. `db` None is a private temporary file, gone when the sandbox stops; a file
    that exists is continued. `max_events` and `max_bytes` are per batch; beyond them the answer is 413,
    which names the limit unless `limit_in_413` is off. `window_ms` is how far back an event's time may lie,
    None is any distance. `latency` delays every answer to a POST, in seconds.
    """

    port: int = 0
    db: Path | None = None
    max_events: int | None = None
    max_bytes: int | None = None
    window_ms: int | None = _SEVEN_DAYS_MS
    latency: float = 0.0
    faults: tuple[Fault, ...] = ()
    limit_in_413: bool = True
