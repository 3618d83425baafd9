"""`--shard K/N`: which of N processes a row belongs to. Pure: the row's key alone decides, on any machine."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final, NamedTuple

from ours_cli.errors import UsageError

SHARDS_MAX: Final = 10_000


class Shard(NamedTuple):
    """Shard `number` (from 0) of `total`."""

    number: int
    total: int

    def takes(self, key: bytes) -> bool:
        """Whether this shard takes the row with this key: by a hash, so that exactly one of `total` does."""
        digest = blake2b(key, digest_size=8, person=b"ours-shard").digest()
        return int.from_bytes(digest, "big") % self.total == self.number

    def share(self, whole: float) -> float:
        """This shard's part of what all shards do together: events per second, or rows."""
        return whole / self.total

    def suffix(self) -> str:
        """What makes a run's name this shard's own, where several start in the same moment."""
        return f"-{self.number}of{self.total}"

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


def read_shard(text: str | None) -> Shard | None:
    """Read `--shard K/N`; raises `UsageError`."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
    if match is None:
        raise UsageError(
            "--shard wants K/N: shard K of N, counted from 0",
            hint="the four shards of --shard K/4 are 0/4, 1/4, 2/4 and 3/4",
        )
    number, total = int(match[1]), int(match[2])
    if not 1 <= total <= SHARDS_MAX:
        raise UsageError(
            f"--shard: there can be 1 to {SHARDS_MAX:,} shards, not {total:,}", hint="--shard 0/4"
        )
    if number >= total:
        raise UsageError(
            f"--shard {number}/{total}: shards count from 0, so the last of {total} is {total - 1}/{total}",
            hint=f"run each of 0/{total} to {total - 1}/{total}",
        )
    return Shard(number, total)


def refuse_shared_path(flag: str, path: str | None, shard: Shard | None) -> None:
    """Raise `UsageError` for a file that all shards would write, each over the others' (`-` is no file)."""
    if shard is None or path in (None, "-", "/dev/null"):
        return
    assert path is not None
    if shard.number not in map(int, re.findall("[0-9]+", path)):
        stem, dot, suffix = path.rpartition(".")
        own = f"{stem or suffix}-{shard.number}{dot}{suffix if dot else ''}"
        raise UsageError(
            f"{flag} does not name the shard: each of the {shard.total} would write over the others' file",
            hint=f"put the shard's number {shard.number} into the name: {flag} {own}",
        )
