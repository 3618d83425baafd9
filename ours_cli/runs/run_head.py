"""A run's head: who, what and when, without a single value; `run.json` in the run's folder.

It is a file beside the journal, so that the run of a damaged journal is still known by its command. The
journal repeats the identity, so that the run of a damaged head is, too. It ends with a checksum: one digit of
the identity that is another would make it another command's run, and the same rows would be sent anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ours_cli.errors import SourceError
from ours_cli.files.private_files import replace_private
from ours_cli.timestamps import Conventions

FILE_NAME: Final = "run.json"

_VERSION: Final = 2

State: TypeAlias = Literal["running", "complete", "partial", "interrupted", "failed"]
_FINISHED: Final = ("complete", "partial")


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


class OtherVersionError(SourceError):
    """A run that another version of the program wrote: whole, but not to be read by this one."""


@dataclass(frozen=True, slots=True)
class RunHead:
    """One run. Times in whole seconds since the epoch; `arguments` and `folder` repeat the command.

    `times` is how its sources wrote their times when it began: every attempt reads them the same way.
    `source` is the digest of all rows of the source, where a shard has read it to its end; `elsewhere` is how
    many of them are other shards'; `failed_canary` says that `--canary` stopped it; `at_rest`, that it was
    stopped while standard input was silent and nothing was open: the next pipe is another one.
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
    failed_canary: bool = False
    at_rest: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether every row read had an outcome."""
        return self.state in _FINISHED


def write_head(folder: Path, head: RunHead) -> None:
    """Write a run's head whole or not at all; raises `LocalIOError`."""
    replace_private(folder / FILE_NAME, _text({"version": _VERSION, **dataclasses.asdict(head)}))


def _text(fields: dict[str, Any]) -> str:
    """All that is in the file, down to the last space; the checksum is its last field."""
    checksum = hashlib.blake2b(json.dumps(fields).encode(), digest_size=16).hexdigest()
    return json.dumps({**fields, "checksum": checksum}, indent=1) + "\n"


def read_head(folder: Path) -> RunHead:
    """Read a run's head; raises `SourceError` when it is damaged, `OtherVersionError`."""
    try:
        fields, is_whole = _fields(folder)
        if (version := fields.pop("version")) != _VERSION:
            raise OtherVersionError(
                f"the run in {folder} was written by another version of ours ({version!r})",
                hint="that version can go on with it, or show it",
            )
        if not is_whole:
            raise ValueError("not as it was written")
        return RunHead(
            identity=read_identity(fields.pop("identity")),
            arguments=tuple(fields.pop("arguments")),
            rejects=tuple(fields.pop("rejects")),
            times=Conventions(**fields.pop("times", {})),
            **fields,
        )
    except _DAMAGE:
        raise SourceError(
            f"the run in {folder} is damaged; it was not touched", hint=f"ours runs delete {folder.name}"
        ) from None


class Outline(NamedTuple):
    """What every version says of a run in the same words, whatever else it says."""

    command: str
    sources: tuple[str, ...]
    is_finished: bool


def read_outline(folder: Path) -> Outline | None:
    """What is known of a run whose head is of any version; None when it is damaged."""
    try:
        fields, is_whole = _fields(folder)
        identity = fields["identity"]
        outline = Outline(identity["command"], tuple(identity["sources"]), fields["state"] in _FINISHED)
    except _DAMAGE:
        return None
    return outline if is_whole else None


def _fields(folder: Path) -> tuple[dict[str, Any], bool]:
    """The fields of a head, and whether they are as they were written."""
    content = (folder / FILE_NAME).read_bytes()
    fields = json.loads(content)
    fields.pop("checksum")
    return fields, content == _text(fields).encode()


_DAMAGE: Final = (OSError, ValueError, TypeError, KeyError, AttributeError)
"""What reading a damaged head may raise."""


def read_identity(fields: dict[str, Any]) -> Identity:
    """An identity as it was written; raises `TypeError` for what is none."""
    identity = Identity(**fields)
    return dataclasses.replace(identity, sources=tuple(identity.sources))
