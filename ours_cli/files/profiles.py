"""The config file and its profiles: named pairs of an endpoint and the place of its token."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from ours_cli.errors import UsageError
from ours_cli.files.folders import config_path
from ours_cli.wording.suggest import did_you_mean

_TOKEN_KEYS: Final = ("token_command", "token_file", "token")
KEYS: Final = frozenset({"base_url", *_TOKEN_KEYS, *(f"test_{key}" for key in _TOKEN_KEYS)})
_TOP_KEYS: Final = KEYS | {"default_profile", "profiles"}


def profile_names() -> list[str]:
    """The profiles in the config; raises `UsageError`, `OSError` or `ValueError` when it cannot be read."""
    import tomllib

    profiles = tomllib.loads(_read_private(config_path())).get("profiles", {})
    return sorted(profiles) if isinstance(profiles, dict) else []


def load_profile(name: str | None) -> dict[str, Any]:
    """What the config says of this profile, or without a name: its default profile, else its top-level keys.

    Empty where there is no config and no name. Raises `UsageError` for a config that cannot be used, one that
    others can read, and a profile that does not exist.
    """
    try:
        path = config_path()
    except UsageError:
        if name is not None:
            raise
        return {}  # without a home there is no config, and none is needed
    try:
        text = _read_private(path)
    except (FileNotFoundError, NotADirectoryError):  # the latter for a HOME of /dev/null, as services have it
        if name is None:
            return {}
        raise UsageError(
            f"there is no profile {name!r}: {path} does not exist",
            hint="make the file (chmod 600) with a table [profiles." + name + "], or leave --profile out",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the config {path} cannot be read ({type(error).__name__})",
            hint="mend or remove it, or let XDG_CONFIG_HOME name another folder",
        ) from None
    import tomllib  # only commands with a config pay for it

    try:
        config = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The exception's attributes hold the document, and with it the token: only the position is named.
        raise UsageError(
            f"the config {path} is not valid TOML{_toml_position(error)}", hint="strings need quotes in TOML"
        ) from None
    return _select_profile(config, name, path)


def _toml_position(error: ValueError) -> str:
    _, _, position = str(error).rpartition("(at ")
    return f" (at {position}" if position.startswith("line ") else ""


def _select_profile(config: dict[str, Any], name: str | None, path: Path) -> dict[str, Any]:
    _check_keys(config, _TOP_KEYS, path)
    profiles = config.get("profiles", {})
    if not isinstance(profiles, dict):
        raise UsageError(f"'profiles' in {path} is not a table", hint="a profile begins with [profiles.NAME]")
    common = {key: value for key, value in config.items() if key in KEYS}
    _check_texts(config, path)
    wanted = name or config.get("default_profile")
    if wanted is None:
        return common
    if wanted not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise UsageError(
            f"there is no profile {wanted!r} in {path}",
            hint=did_you_mean(wanted, profiles, f"profiles there: {known}"),
        )
    own = profiles[wanted]
    if not isinstance(own, dict):
        raise UsageError(
            f"the profile {wanted!r} in {path} is not a table", hint=f"it begins with [profiles.{wanted}]"
        )
    _check_keys(own, KEYS, path)
    _check_texts(own, path)
    # A profile with a token of its own must never fall back on the common one: that is another account.
    if any(key in own for key in KEYS - {"base_url"}):
        common = {key: value for key, value in common.items() if key == "base_url"}
    return {**common, **own}


def _check_keys(table: dict[str, Any], known: Collection[str], path: Path) -> None:
    for key in table:
        if key not in known:
            raise UsageError(
                f"unknown key {key!r} in {path}",
                hint=did_you_mean(key, known, f"known keys: {', '.join(sorted(known))}"),
            )


def _check_texts(table: dict[str, Any], path: Path) -> None:
    for key, value in table.items():
        if key != "profiles" and not isinstance(value, str):
            raise UsageError(f"{key!r} in {path} must be a string", hint='put it in quotes: key = "value"')


def _read_private(path: Path) -> str:
    if path.is_dir():
        raise UsageError(f"the config {path} is a folder", hint="move it away: the config is a file")
    if os.name == "posix":
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(
                f"others can read the config {path} (mode {mode:04o}), and it may hold a token",
                hint=f"chmod 600 {path}",
            )
    return path.read_text("utf-8")
