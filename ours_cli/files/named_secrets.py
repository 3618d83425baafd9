"""Files that a person names for a secret; somebody may have typed the secret itself in place of the path."""

from __future__ import annotations

import os

from ours_cli.errors import reason


def why_missing(path: str) -> str | None:
    """What to say of a file that is not there, without its path, which may be the secret; else None."""
    try:
        os.lstat(os.path.expanduser(path))  # noqa: PTH111 - never raises, where ~ has no home
    except PermissionError as error:
        return f"cannot be reached: {reason(error)}"
    except (OSError, ValueError):
        return "does not exist"
    return None
