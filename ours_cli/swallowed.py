"""A flag that stands where the value of the flag before it should: a shell variable was unset.

Typer would take it as the value: `track X --external-id $unset --dry-run` sent an event, and for a person
called "--dry-run". Apart from the other complaints, since every command line is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ours_cli.errors import UsageError


def refuse_swallowed_flag(options: Iterable[Any], arguments: Sequence[str]) -> None:
    """Raise `UsageError` if one of a command's `options` would take another's name as its value.

    `--external-id=--dry-run` says that it is meant.
    """
    takes_value = {
        name: not option.is_flag for option in options for name in (*option.opts, *option.secondary_opts)
    }
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return
        if not takes_value.get(argument):
            continue
        flag = next(rest, "").partition("=")[0]
        if flag in takes_value:
            raise UsageError(
                f"{argument} has no value: what follows it is the flag {flag}",
                hint=f'is a variable unset? With quotes, {argument} "$name", no flag is taken for its value',
            )
