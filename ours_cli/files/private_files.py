"""Files with health data or about it: private to their owner, links never followed, written whole."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, TextIO

from ours_cli.errors import LocalIOError, UsageError, reason


def make_private_folder(folder: Path, hint: str | None = None) -> None:
    """Make a folder (mode 0700) and its parents; raises `LocalIOError` with the hint."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise local_io(error, folder, hint) from None


def close_to_others(folder: Path) -> None:
    """Let nobody but its owner into a folder, if that is us and it is there; else it stays as it is."""
    with suppress(OSError):
        found = folder.stat()
        if found.st_mode & 0o077 and hasattr(os, "getuid") and found.st_uid == os.getuid():
            folder.chmod(stat.S_IMODE(found.st_mode) & 0o700)


def open_private(path: Path, *, append: bool = False, known_as: Path | None = None) -> TextIO:
    """Open a text file of mode 0600 for writing; raises `UsageError` for a link, else `LocalIOError`.

    `known_as` is the name that the person knows it by, if not `path`.
    """
    # A pipe or device may be there to be written only; what is appended to a file may be read back.
    mode = os.O_RDWR if append and (path.is_file() or not path.exists()) else os.O_WRONLY
    flags = mode | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    flags |= 0 if _is_handed_over(path) else getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        refuse_link(path)
        raise local_io(error, known_as or path) from None
    # surrogateescape writes invalid UTF-8 bytes back as they came.
    stream = os.fdopen(
        descriptor, "a" if append else "w", encoding="utf-8", errors="surrogateescape", newline=""
    )
    if hasattr(os, "fchmod") and is_regular(stream):
        os.fchmod(descriptor, 0o600)
    return stream


def _is_handed_over(path: Path) -> bool:
    """A pipe that the shell made for this process, as of `>(gzip >x)`: nobody else set it."""
    is_inherited = str(path.parent) in ("/dev/fd", "/proc/self/fd") and path.name != "1"
    return is_inherited and path.is_fifo()


def refuse_link(path: Path, *, to_stdout: str = "--rejects -") -> None:
    """Raise `UsageError` for a link: private data must not go where somebody else points.

    `to_stdout` is the flag that leads to standard output.
    """
    if path.is_symlink():
        if str(path) in _STANDARD_OUTPUT:
            raise UsageError(f"{path} is a link to standard output", hint=to_stdout)
        raise UsageError(f"{path} is a link, and what goes there is private", hint="name the file itself")


_STANDARD_OUTPUT: Final = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def is_regular(stream: IO[str]) -> bool:
    """Whether it is a file of our own, not standard output, `/dev/null` or a named pipe."""
    return stream is not sys.stdout and stat.S_ISREG(os.fstat(stream.fileno()).st_mode)


def replace_private(path: Path, text: str) -> None:
    """Write a file whole or not at all: it takes its name once it is on disk. Raises `LocalIOError`."""
    scratch = _scratch(path)
    try:
        with open_private(scratch, known_as=path) as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink()
        raise local_io(error, path) from None


def check_replaceable(path: Path) -> None:
    """Check before the work that `replace_private` can write it afterwards; raises `LocalIOError`."""
    if path.is_dir():
        raise local_io(IsADirectoryError(errno.EISDIR, ""), path)
    scratch = _scratch(path)
    try:
        open_private(scratch, known_as=path).close()
        scratch.unlink()
    except OSError as error:
        raise local_io(error, path) from None


def _scratch(path: Path) -> Path:
    """The name under which a file is written before it takes its own."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def local_io(error: OSError, path: Path, hint: str | None = None) -> LocalIOError:
    """The error for a path that cannot be written."""
    if error.errno == errno.ENOENT:
        hint = hint or f"there is no folder {path.parent}: make it first"
    return LocalIOError(f"{path} cannot be written: {reason(error)}", hint=hint)


def no_lock(error: OSError, path: Path, hint: str) -> LocalIOError:
    """The error for a file that no process can lock, as on network folders without locks."""
    return LocalIOError(f"{path} cannot be locked: {reason(error)}", hint=hint)
