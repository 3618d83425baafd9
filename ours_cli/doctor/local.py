"""What this machine has for `ours`: config, place of the token, state folder. Nothing is changed for good."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from ours_cli.doctor.finding import Finding, Level, of_error
from ours_cli.errors import ExitCode, OursError, UsageError, reason
from ours_cli.files.folders import config_path, runs_folder, state_dir
from ours_cli.settings import EndpointFlags, Token, resolve_token

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_TRIED_BYTES: Final = 1 << 16


def look_at_config(profile: str | None, problem: OursError | None) -> Finding:
    """The config file; `problem` is what the settings said when they read it."""
    if problem is not None:
        return of_error("config", problem)
    try:
        path = config_path()
    except UsageError:
        return Finding("config", Level.ok, "there is no home folder to have one in, and none is needed")
    mode = _mode_of(path)
    if mode is None:
        return Finding("config", Level.ok, f"there is none at {path}, and none is needed")
    used = f", profile {profile!r}" if profile else ""
    return Finding("config", Level.ok, f"{path}, mode {mode:04o}{used}")


def look_at_token(flags: EndpointFlags) -> Finding:
    """Where the token comes from, never what it is."""
    try:
        token = resolve_token(flags)
    except OursError as error:
        finding = of_error("token", error)
        if not flags.test and (other := _test_key(flags)) is not None:
            return replace(finding, hint=f"--test: there is a Test Mode key, from {other.origin}")
        return finding
    kind = "the Test Mode key (nothing is dispatched)" if flags.test else "the live key"
    text = f"{kind}, from {token.origin}"
    mode = _mode_of(Path(token.file).expanduser()) if token.file else None
    if token.file and mode is not None and mode & _OTHERS:
        return Finding(
            "token",
            Level.warning,
            f"{text}, which others can read (mode {mode:04o})",
            f"chmod 600 {token.file}",
        )
    return Finding("token", Level.ok, text)


def _test_key(flags: EndpointFlags) -> Token | None:
    try:
        return resolve_token(flags._replace(test=True)) if flags.token_file is None else None
    except OursError:
        return None


def look_at_state() -> Finding:
    """The folder of journals and rejects: it must be ours alone, and take what is written there."""
    try:
        folder = state_dir()
    except UsageError as error:
        return of_error("state", error)
    mode = _mode_of(folder)
    for wanted in (folder, runs_folder()):
        # A link that leads nowhere is there, too: no folder can be made in its place.
        nearest = next(place for place in (wanted, *wanted.parents) if os.path.lexists(place))
        try:
            _write(nearest)
        except OSError as error:
            text = f"{wanted} cannot be used: {reason(error)}"
            hint = "XDG_STATE_HOME names another place"
            return Finding("state", Level.failed, text, hint, ExitCode.LOCAL_IO)
    if mode is None:
        text = f"{folder} is not there yet; the first run makes it (mode 0700)"
        return Finding("state", Level.ok, text)
    if mode & _OTHERS:
        text = f"others can look into {folder} (mode {mode:04o}), and rejects hold health data"
        return Finding("state", Level.warning, text, f"chmod 700 {folder}")
    return Finding("state", Level.ok, f"{folder}, mode {mode:04o}")


def _write(folder: Path) -> None:
    """Write a small file to the disk and remove it, since a full disk shows in no other way."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(_TRIED_BYTES))
        file.flush()
        os.fsync(file.fileno())


def _mode_of(path: Path) -> int | None:
    """The permission bits of a path, or None when there is nothing."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
