"""Rejects files on disk: what an attempt left in them, and whether somebody changed it since."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import IO, Final, NamedTuple, TextIO

from ours_cli.errors import BusyError
from ours_cli.files.file_lock import lock
from ours_cli.files.private_files import is_regular, no_lock, open_private

_CHUNK_BYTES: Final = 1 << 20
_ELSEWHERE: Final = "--rejects PATH names another place"


class Extent(NamedTuple):
    """The first bytes of a file: how many, and their digest."""

    size: int
    digest: str


class RejectFile(NamedTuple):
    """A rejects file on disk, by its absolute path. `shape` is a digest of what its rows look like."""

    path: str
    shape: str
    extent: Extent


class KnownRejects(NamedTuple):
    """A rejects file of earlier attempts: what blocks in the journal account for, and what was left.

    The last attempt may have `left` more than is `recorded`: rejects of blocks that were not settled. It is
    None where that attempt was killed while it had the file open.
    """

    path: str
    shape: str
    recorded: Extent
    left: Extent | None


class OpenFile:
    """A rejects file open for writing, and the digest of all that is in it. Made by `begin` and `reopen`."""

    def __init__(self, path: Path, shape: str, stream: TextIO, digest: hashlib.blake2b) -> None:
        self.path = path
        self.stream = stream
        self.is_regular = is_regular(stream)
        self.shape = shape
        self._digest = digest

    def write(self, text: str) -> int:
        """Write text, as a stream does; raises `OSError`."""
        self._digest.update(text.encode("utf-8", "surrogateescape"))
        return self.stream.write(text)

    def sync(self) -> None:
        """Have all of it on disk; raises `OSError`."""
        self.stream.flush()
        if self.is_regular:
            os.fsync(self.stream.fileno())

    @property
    def is_in_place(self) -> bool:
        """Whether it still is what its path names; an editor may have put another file there."""
        if not self.is_regular:
            return True
        try:
            there = self.path.stat()
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self.stream.fileno()))

    def move_to(self, path: Path) -> None:
        """Go on in a new file, which gets all that is in this one; raises `OSError`, `OursError`."""
        stream, digest, at = _open(path), hashlib.blake2b(digest_size=16), 0
        while part := os.pread(self.stream.fileno(), _CHUNK_BYTES, at):
            stream.buffer.write(part)
            digest.update(part)
            at += len(part)
        self.stream.close()
        self.path, self.stream, self._digest = path, stream, digest

    def as_it_is(self) -> RejectFile:
        """What is in it now; to be relied on after `sync`."""
        size = os.fstat(self.stream.fileno()).st_size
        return self._file(Extent(size, self._digest.hexdigest()))

    def as_read(self) -> RejectFile:
        """What is on disk, where not all could be written; raises `OSError`."""
        with self.path.open("rb") as stream:
            return self._file(_take_in(stream, sys.maxsize, hashlib.blake2b(digest_size=16)))

    def _file(self, extent: Extent) -> RejectFile:
        return RejectFile(str(self.path.absolute()), self.shape, extent)


def begin(path: Path, shape: str) -> OpenFile:
    """Open a file that is empty or does not exist; raises `OursError`, `BusyError` if another run has it."""
    return OpenFile(path, shape, _open(path), hashlib.blake2b(digest_size=16))


def reopen(known: KnownRejects) -> OpenFile | None:
    """Cut a file back to what is recorded, to be written on; None where somebody changed it, or it is gone.

    Raises `OursError` where it cannot be opened, `BusyError` if another run has it; `OSError` where it cannot
    be read.
    """
    path = Path(known.path)
    if not path.is_file():
        return None
    with ExitStack() as undo:
        # Locked before it is looked at: what another run writes to it meanwhile would be cut off.
        stream = undo.enter_context(_open(path))
        digest = hashlib.blake2b(digest_size=16)
        with open(stream.fileno(), "rb", closefd=False) as reader:
            reader.seek(0)
            if _take_in(reader, known.recorded.size, digest) != known.recorded:
                return None
            whole = _take_in(reader, sys.maxsize, digest.copy(), known.recorded.size)
        if known.left is not None and whole != known.left:
            return None
        stream.truncate(known.recorded.size)
        undo.pop_all()
    return OpenFile(path, known.shape, stream, digest)


def keep_aside(path: Path) -> Path | None:
    """Rename what is at this path, if it is a file with anything in it; returns its new path.

    Raises `OursError`, `BusyError` if a run writes it right now; `OSError` where it cannot be renamed.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    with _open(path):
        names = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in count(1))
        return path.rename(next(name for name in names if not name.exists()))


def _open(path: Path) -> TextIO:
    stream = open_private(path, append=True)
    if is_regular(stream):
        try:
            lock(stream)
        except BlockingIOError:
            stream.close()
            raise BusyError(f"another run writes its rejects to {path} right now", hint=_ELSEWHERE) from None
        except OSError as error:
            stream.close()
            raise no_lock(error, path, _ELSEWHERE) from None
    return stream


def _take_in(stream: IO[bytes], most: int, digest: hashlib.blake2b, before: int = 0) -> Extent:
    """Digest `most` more bytes, or as many as there are, behind those `before`."""
    taken = 0
    while taken < most and (part := stream.read(min(most - taken, _CHUNK_BYTES))):
        digest.update(part)
        taken += len(part)
    return Extent(before + taken, digest.hexdigest())
