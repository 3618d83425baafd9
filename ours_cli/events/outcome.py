"""What became of a chunk: accepted, rejected or left unsent, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field

from ours_cli.events.event import Reject
from ours_cli.events.packed_events import Events


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verified fate of some events of one chunk. Every event delivered appears in exactly one outcome."""

    accepted: Events = field(default_factory=lambda: Events([]))
    rejected: list[Reject] = field(default_factory=list)


@dataclass(slots=True)
class Traffic:
    """What this attempt did: requests sent (with retries), bytes of bodies, events accepted.

    `clock_skew_s` is how far the server's clock was ahead of this machine's at its first answer,
    `concurrency` how many requests may be in flight now.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    accepted: int = 0
    concurrency: int = 0
    clock_skew_s: float | None = None
