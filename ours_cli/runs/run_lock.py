"""One process at a time on a run: a locked file in its folder, and one for those that are about to begin."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from ours_cli.errors import BusyError
from ours_cli.files.file_lock import lock, lock_byte
from ours_cli.files.private_files import local_io, make_private_folder, no_lock

LOCK_NAME: Final = "lock"

_CHOICE_NAME: Final = "choosing.lock"
_DELETION_NAME: Final = "deleting.lock"

_LOCK_TRIES: Final = 10
_DELETION_TRIES: Final = 500
_LOCK_PAUSE_S: Final = 0.02


def is_running(folder: Path) -> bool:
    """Whether some process runs this run now. Looking does not hinder one that is about to (see `hold`)."""
    try:
        # Without making the file: a run that never began has none.
        with (folder / LOCK_NAME).open("r+b") as stream:
            lock(stream)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError as error:
        raise local_io(error, folder) from None
    return False


def hold(folder: Path) -> IO[bytes]:
    """Take the run's lock; the system drops it when the process dies, however it dies.

    Raises `BusyError` when another process has it for longer than `is_running` takes to look, `LocalIOError`.
    """
    return _locked(folder / LOCK_NAME, lock, f"another process runs {folder.name} right now")


@contextmanager
def choosing(folder: Path, what: str) -> Iterator[None]:
    """Let one process at a time look for the run of `what`, and go on with it or begin it.

    Between looking and beginning lies the reading of the files' heads, or of whole files: two commands
    started together would both find nothing, and both send. The lock lies in `folder`, outside of any run's.
    Raises `BusyError`, `LocalIOError`.
    """
    make_private_folder(folder, hint="XDG_STATE_HOME names another place")
    at = int.from_bytes(hashlib.blake2b(what.encode(), digest_size=3).digest(), "big")
    take = partial(lock_byte, at=at)
    with _locked(folder / _CHOICE_NAME, take, "another process begins this very run right now"):
        yield


@contextmanager
def deleting(folder: Path) -> Iterator[None]:
    """Let one process at a time delete runs; the others wait, and look again at what is left.

    The lock lies in `folder`, outside of any run's. Raises `BusyError` after ten seconds, `LocalIOError`.
    """
    make_private_folder(folder, hint="XDG_STATE_HOME names another place")
    with _locked(
        folder / _DELETION_NAME, lock, "another process deletes runs right now", tries=_DELETION_TRIES
    ):
        yield


def _locked(path: Path, take: Callable[[IO[Any]], None], busy: str, *, tries: int = _LOCK_TRIES) -> IO[bytes]:
    try:
        stream = path.open("ab")
    except OSError as error:
        raise local_io(error, path.parent) from None
    for _ in range(tries):
        try:
            take(stream)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)
        except OSError as error:
            stream.close()
            raise no_lock(error, path, hint="XDG_STATE_HOME names another place") from None
        else:
            return stream
    stream.close()
    raise BusyError(busy, hint="wait for it, or stop it; then run this again")
