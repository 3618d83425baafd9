"""What TAB offers: columns of the FILE already typed, known properties, profiles, runs, topics.

The shell calls these functions between two keystrokes: each loads what it needs only then, and offers
nothing if anything goes wrong.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

import typer

Completer: TypeAlias = Callable[[typer.Context, list[str], str], list[str]]


def _silent(offer: Callable[[dict[str, Any], str], Iterable[str]]) -> Completer:
    def complete(ctx: typer.Context, args: list[str], incomplete: str) -> list[str]:  # noqa: ARG001
        try:
            # A flag that still lacks its value ends the parsing, and the words before it are left in `args`.
            offered = offer({"files": ctx.args} | _given(ctx.params), incomplete)
            return given_to_the_shell([text for text in offered if text.isprintable()])
        except Exception:
            return []

    return complete


_PLAIN: Final = re.compile(r"[\w .{}|=+-]*")


def given_to_the_shell(offered: list[str]) -> list[str]:
    """What the shell that asks can take: the texts may be of a file that somebody else has made.

    bash inserts a word as it stands, so that it is quoted here; fish quotes it, and so does our script for
    zsh, which asks as fish does. PowerShell, and zsh with Typer's own script, would take `$(...)` for a
    command: they get only what means nothing to a shell.
    """
    asked = os.environ.get("_OURS_COMPLETE")
    if asked == "complete_bash":
        from ours_cli.cli.bash_words import bash_words

        return list(bash_words(offered))
    return offered if asked == "complete_fish" else list(filter(_PLAIN.fullmatch, offered))


def _given(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value}


def _in_braces(typed: dict[str, Any], incomplete: str) -> Iterable[str]:
    """After an open `{`: the file's columns; after a `|` within it: filters."""
    before, brace, within = incomplete.rpartition("{")
    if not brace or "}" in within:
        return []
    if "|" in within:
        from ours_cli.templates.filters import FILTER_NAMES

        chain = within.rpartition("|")[0]
        return [f"{before}{{{chain}|{name}}}" for name in FILTER_NAMES]
    return [f"{before}{{{column}}}" for column in _columns(typed)]


def _columns(typed: dict[str, Any]) -> list[str]:
    """The columns of the first FILE that exists, read as the flags say; for JSON, the first keys."""
    from ours_cli.source import open_table
    from ours_cli.source.options import ReadOptions

    path = next(path for path in map(Path, typed.get("files") or ()) if path.is_file())
    flags = ("format", "delimiter", "quote", "encoding", "skip_lines", "header_row", "no_header")
    told = {flag: typed[flag] for flag in flags if flag in typed}
    table = open_table(path, ReadOptions(**told))
    try:
        if table.names is not None:
            names = table.names
        else:
            names = tuple(map(str, getattr(next(iter(table.records)), "fields", {})))
        return [name for name in names if name and not set(name) & set("{}|")]
    finally:
        table.close()


def _visitor_property(typed: dict[str, Any], incomplete: str) -> Iterable[str]:
    from ours_cli.contract import USER_PROPERTIES

    if "=" in incomplete:
        return _in_braces(typed, incomplete)
    plain = [f"{name}=" for name in USER_PROPERTIES if name not in ("custom_properties", "consent")]
    return [*plain, "custom_properties.", "consent."]


def _default_property(typed: dict[str, Any], incomplete: str) -> Iterable[str]:
    from ours_cli.contract import DEFAULT_PROPERTIES

    return _in_braces(typed, incomplete) if "=" in incomplete else [f"{name}=" for name in DEFAULT_PROPERTIES]


def _cleared(_typed: dict[str, Any], _incomplete: str) -> Iterable[str]:
    from ours_cli.contract import USER_PROPERTIES

    return [name for name in USER_PROPERTIES if name != "custom_properties"]


def _profile(_typed: dict[str, Any], _incomplete: str) -> Iterable[str]:
    from ours_cli.files.profiles import profile_names

    return profile_names()


def _run(_typed: dict[str, Any], _incomplete: str) -> Iterable[str]:
    from ours_cli.files.folders import runs_folder

    return sorted((path.name for path in runs_folder().iterdir() if path.is_dir()), reverse=True)


def _topic(_typed: dict[str, Any], _incomplete: str) -> Iterable[str]:
    from ours_cli.app import COMMANDS
    from ours_cli.topics import TOPICS

    return [*TOPICS, *COMMANDS]


template: Final = _silent(_in_braces)
column: Final = _silent(lambda typed, _incomplete: _columns(typed))
run: Final = _silent(_run)
topic: Final = _silent(_topic)

BY_FLAG: Final[dict[str, Completer]] = {
    **dict.fromkeys(("--user-id", "--external-id", "--email", "--ip", "--user-agent"), template),
    **dict.fromkeys(("--event", "--time", "--distinct-id", "--property", "--tz"), template),
    "--user-property": _silent(_visitor_property),
    "--default-property": _silent(_default_property),
    "--clear": _silent(_cleared),
    "--exclude": column,
    "--where": _silent(lambda typed, _incomplete: [f"{name}=" for name in _columns(typed)]),
    "--profile": _silent(_profile),
    "--resume": run,
}
"""What completes the value of a flag, by its long name."""


def fixed_words(metavar: str) -> Completer | None:
    """What completes a value that is one of these words: `s|ms`; of `N|auto`, the word in small letters."""
    words = [word for word in metavar.split("|") if word.islower()]
    return _silent(lambda _typed, _incomplete: words) if words else None
