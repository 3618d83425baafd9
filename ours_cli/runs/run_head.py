"""A run's head: who, what and when, without a single value; `run.json` in the run's folder.

It is kept beside the journal, not in it, so that a damaged journal can still be identified by its command.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from ours_cli.errors import SourceError
from ours_cli.private_files import replace_private
from ours_cli.timestamps import Conventions

FILE_NAME: Final = "run.json"

State: TypeAlias = Literal["running", "complete", "partial", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a command the same command: mapping (a digest), endpoint, token (a fingerprint), sources.

    `sources` are absolute paths, or "-" for standard input. `shard` is K/N, empty for a run of the whole.
    """

    command: str
    mapping: str
    endpoint: str
    token: str
    sources: tuple[str, ...]
    shard: str = ""


@dataclass(frozen=True, slots=True)
class RunHead:
    """One run. Times in whole seconds since the epoch; `arguments` and `folder` repeat the command.

    `times` is how its sources wrote their times when it began: every attempt reads them the same way.
    `source` is the digest of all rows of the source, where a shard has read it to its end; `elsewhere` is how
    many of them are other shards'.
    """

    id: str
    identity: Identity
    arguments: tuple[str, ...]
    folder: str
    started_s: int
    ended_s: int | None = None
    attempts: int = 1
    state: State = "running"
    exit_code: int | None = None
    read: int | None = None
    rejects: tuple[str, ...] = ()
    times: Conventions = field(default_factory=Conventions)
    source: str | None = None
    elsewhere: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether every row read had an outcome."""
        return self.state in ("complete", "partial")


def write_head(folder: Path, head: RunHead) -> None:
    """Write a run's head whole or not at all; raises `LocalIOError`."""
    replace_private(folder / FILE_NAME, json.dumps(dataclasses.asdict(head), indent=1) + "\n")


def read_head(folder: Path) -> RunHead:
    """Read a run's head; raises `SourceError` when it is damaged."""
    try:
        fields = json.loads((folder / FILE_NAME).read_text("utf-8"))
        identity = Identity(**fields.pop("identity") | {})
        return RunHead(
            identity=dataclasses.replace(identity, sources=tuple(identity.sources)),
            arguments=tuple(fields.pop("arguments")),
            rejects=tuple(fields.pop("rejects")),
            times=Conventions(**fields.pop("times", {})),
            **fields,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise SourceError(
            f"the run in {folder} is damaged; it was not touched", hint=f"ours runs delete {folder.name}"
        ) from None


def going_on(words: Iterable[str]) -> list[str]:
    """The arguments of a command that goes on with its run: the same, but not from the start again."""
    return [word for word in words if word != "--restart"]
