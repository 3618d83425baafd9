"""Rejects files on disk: what an attempt left in them, and whether somebody changed it since."""

from __future__ import annotations

import hashlib
import os
import sys
from itertools import count
from pathlib import Path
from typing import IO, Final, NamedTuple

from ours_cli.private_files import open_private

_CHUNK_BYTES: Final = 1 << 20


class Extent(NamedTuple):
    """The first bytes of a file: how many, and their digest."""

    size: int
    digest: str


NOTHING: Final = Extent(0, hashlib.blake2b(digest_size=16).hexdigest())


class RejectFile(NamedTuple):
    """A rejects file on disk, by its absolute path. `shape` is a digest of what its rows look like."""

    path: str
    shape: str
    extent: Extent


class KnownRejects(NamedTuple):
    """A rejects file of earlier attempts: what blocks in the journal account for, and what was left.

    The last attempt may have `left` more than is `recorded`: rejects of blocks that were not settled.
    """

    path: str
    shape: str
    recorded: Extent
    left: Extent


class OpenFile:
    """A rejects file open for writing, and the digest of all that is in it."""

    def __init__(
        self, path: Path, shape: str, stream: IO[str], digest: hashlib.blake2b | None = None
    ) -> None:
        self.path = path
        self.stream = stream
        self._shape = shape
        self._digest = hashlib.blake2b(digest_size=16) if digest is None else digest

    def write(self, text: str) -> int:
        """Write text, as a stream does; raises `OSError`."""
        self._digest.update(text.encode("utf-8", "surrogateescape"))
        return self.stream.write(text)

    def as_it_is(self) -> RejectFile:
        """What is in it now; to be relied on after the stream was flushed."""
        size = os.fstat(self.stream.fileno()).st_size
        return self._file(Extent(size, self._digest.hexdigest()))

    def as_read(self) -> RejectFile:
        """What is on disk, where not all could be written; raises `OSError`."""
        with self.path.open("rb") as stream:
            return self._file(_take_in(stream, sys.maxsize, hashlib.blake2b(digest_size=16)))

    def _file(self, extent: Extent) -> RejectFile:
        return RejectFile(str(self.path.absolute()), self._shape, extent)


def reopen(known: KnownRejects, *, was_killed: bool) -> OpenFile | None:
    """Cut a file back to what is recorded, to be written on; None where somebody changed it, or it is gone.

    An attempt that was killed could not note what it left: only what is recorded must be as it was then.
    """
    path = Path(known.path)
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        digest = hashlib.blake2b(digest_size=16)
        if _take_in(stream, known.recorded.size, digest) != known.recorded:
            return None
        whole = digest.copy()
        if not was_killed and _take_in(stream, sys.maxsize, whole, known.recorded.size) != known.left:
            return None
    appended = open_private(path, append=True)
    appended.truncate(known.recorded.size)
    return OpenFile(path, known.shape, appended, digest)


def _take_in(stream: IO[bytes], most: int, digest: hashlib.blake2b, before: int = 0) -> Extent:
    """Digest `most` more bytes, or as many as there are, behind those `before`."""
    taken = 0
    while taken < most and (part := stream.read(min(most - taken, _CHUNK_BYTES))):
        digest.update(part)
        taken += len(part)
    return Extent(before + taken, digest.hexdigest())


def keep_aside(path: Path) -> Path | None:
    """Rename what is at this path, if it is a file with anything in it; returns its new path.

    Raises `OSError`.
    """
    if path.is_symlink() or not path.is_file() or not path.stat().st_size:
        return None
    names = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in count(1))
    aside = next(name for name in names if not name.exists())
    return path.rename(aside)
