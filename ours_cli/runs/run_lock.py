"""One process at a time on a run: a locked file in its folder."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from ours_cli.errors import BusyError
from ours_cli.file_lock import lock
from ours_cli.private_files import local_io

LOCK_NAME: Final = "lock"

_LOCK_TRIES: Final = 10
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
    try:
        stream = (folder / LOCK_NAME).open("ab")
    except OSError as error:
        raise local_io(error, folder) from None
    for _ in range(_LOCK_TRIES):
        with suppress(OSError):
            lock(stream)
            return stream
        time.sleep(_LOCK_PAUSE_S)
    stream.close()
    raise BusyError(
        f"another process runs {folder.name} right now",
        hint="wait for it, or stop it; then run this again",
    )
