"""What an unset shell variable leaves: the next flag where a value should be, or nothing.

Typer would take either as the value, and send: for a person called "--dry-run", or to the default account.
Kept small: it is loaded for every command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ours_cli.errors import UsageError
from ours_cli.trimming import trimmed

_FIELDS: Final = (
    *("--event", "--time", "--external-id", "--email", "--user-id"),
    *("--ip", "--user-agent"),
)
"""An empty field is judged with its body; with another id in place of an empty one, events count again."""

_BLANKS: Final = frozenset({"--delimiter", "--quote"})
"""A tab or a space is a value of these."""


def refuse_unset_values(options: Iterable[Any], arguments: Sequence[str]) -> None:
    """Raise `UsageError` if one of a command's `options` has the next one, or an empty text, for its value.

    `--external-id=--dry-run` shows that it is meant.
    """
    takes_value = {
        name: not option.is_flag for option in options for name in (*option.opts, *option.secondary_opts)
    }
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return
        name, equals, value = argument.partition("=")
        if not takes_value.get(name):
            continue
        if not equals:
            value = next(rest, "-")
            if (flag := value.partition("=")[0]) in takes_value:
                raise UsageError(
                    f"{name} has no value: what follows it is the flag {flag}",
                    hint=f'is a variable unset? With quotes, {name} "$name", no flag is taken for its value',
                )
        is_empty = not (value if name in _BLANKS else trimmed(value))
        if is_empty and name.startswith("--") and name not in _FIELDS:
            raise UsageError(
                f"{name} is empty", hint="is a variable unset? Give it a value, or leave the flag out"
            )
