"""A seal on a journal that was closed in order: a digest of all its bytes, in a file beside it.

SQLite passes over bytes that it does not use, such as the rest of a page or what somebody appends. Where
there is a seal, not one of them may be another. It comes off before anything is written, so a run that was
killed has none: then the checksums of the rows must do.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from ours_cli.errors import LocalIOError
from ours_cli.files.private_files import local_io, replace_private


def seal(file: Path) -> None:
    """Seal a file that is closed. A disk that is full by now leaves it without: it is no less whole."""
    with suppress(OSError, LocalIOError):
        replace_private(_beside(file), _digest(file))


def unseal(file: Path) -> None:
    """Take the seal off a file that is about to be written; raises `LocalIOError`."""
    try:
        _beside(file).unlink()
        if os.name == "posix":
            _sync_folder(file.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise local_io(error, file) from None


def is_broken(file: Path) -> bool:
    """Whether a file is not what was sealed; raises `OSError`."""
    try:
        sealed = _beside(file).read_bytes()
    except FileNotFoundError:
        return False
    return sealed != _digest(file).encode()


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}-seal")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest() + "\n"


def _sync_folder(folder: Path) -> None:
    """A power cut must not bring the seal back beside a file that was written since."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
