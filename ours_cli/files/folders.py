"""Where this program keeps things: the config of its profiles, and the state of its runs."""

from __future__ import annotations

import os
from pathlib import Path

from ours_cli.errors import UsageError


def config_path() -> Path:
    """Where the profiles live; raises `UsageError` where there is no home folder."""
    return _folder("XDG_CONFIG_HOME", ".config") / "ours" / "config.toml"


def state_dir() -> Path:
    """Where this program remembers things. The folder is made by whoever writes there, mode 0700.

    Raises `UsageError` where there is no home folder.
    """
    return _folder("XDG_STATE_HOME", ".local/state") / "ours"


def runs_folder() -> Path:
    """Where each run has a folder; otherwise as `state_dir`."""
    return state_dir() / "runs"


def _folder(variable: str, below_home: str) -> Path:
    if base := os.environ.get(variable):
        return Path(base)
    try:
        return Path.home() / below_home
    except RuntimeError:  # no HOME, and a user id without a name, as in some containers
        raise UsageError(
            f"there is no home folder, and {variable} is not set", hint=f"export {variable}=/a/private/folder"
        ) from None
