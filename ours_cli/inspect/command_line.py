"""The proposal as a command line to copy, quoted for the shell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, TypeAlias

from ours_cli.inspect.proposal import Proposal
from ours_cli.mapping.fields import TEXT_FIELDS
from ours_cli.mapping.presets import Preset
from ours_cli.source import ReadOptions

PROPERTIES_SHOWN: Final = 12
"""Properties on the command line; the map file has them all."""

_SEPARATOR: Final = re.compile(r"[=:@\\]")
_ESCAPED: Final = r"\\\g<0>"

_READING: Final = ("format", "delimiter", "quote", "encoding", "header_row", "skip_lines", "no_header")


Command: TypeAlias = "tuple[tuple[str, ...], ...]"
"""The words of a command, one flag with its value per line."""


def command_line(argument: str, told: ReadOptions, proposal: Proposal) -> Command:
    """`ours backfill ...` or `ours identify ...` for this FILE, read as `told`."""
    return _command(proposal.runs, argument, _flags(told, proposal))


def preset_command(argument: str, told: ReadOptions, preset: Preset, flags: Iterable[list[str]]) -> Command:
    """`ours COMMAND FILE --preset NAME` for this FILE, with these extra flags."""
    every = [*_read_flags(told), ["--preset", preset.name], *flags, ["--dry-run"]]
    return _command(preset.command, argument, every)


def map_command(command: str, argument: str, map_file: str) -> Iterable[str]:
    """The words of `ours COMMAND FILE --map MAP --dry-run`."""
    return chain(*_command(command, argument, [["--map", map_file], ["--dry-run"]]))


def joined(command: Command, join: Callable[[Iterable[str]], str]) -> str:
    """A command as text, each of its lines made by `join`."""
    return " \\\n  ".join(map(join, command))


def _command(command: str, argument: str, flags: Iterable[list[str]]) -> Command:
    # A file called -x.csv would be taken for a flag.
    file = f"./{argument}" if argument.startswith("-") and argument != "-" else argument
    return (("ours", command, file), *map(tuple, flags))


def _flags(told: ReadOptions, proposal: Proposal) -> Iterator[list[str]]:
    yield from _read_flags(told)
    for key, template in proposal.templates.items():
        if template:
            yield [flag_of(key), template]
        if key == "time":
            yield from _time_flags(proposal)
    flag = "-p" if proposal.runs == "backfill" else "-u"
    for entry in [entry for entry in proposal.properties if not entry.why_not][:PROPERTIES_SHOWN]:
        yield [flag, f"{_SEPARATOR.sub(_ESCAPED, entry.key)}={entry.template}"]
    yield ["--dry-run"]


def flag_of(key: str) -> str:
    """The flag for one of the API's keys with one value."""
    return f"--{TEXT_FIELDS[key].replace('_', '-')}"


def _time_flags(proposal: Proposal) -> Iterator[list[str]]:
    """How times are read."""
    if proposal.time_format:
        yield ["--time-format", proposal.time_format]
    if proposal.zone:
        yield ["--tz", proposal.zone]
    if proposal.order:
        yield [f"--{proposal.order}-first"]


def _read_flags(told: ReadOptions) -> Iterator[list[str]]:
    """The reading flags that say the same as `told`."""
    for key, value in reading_keys(told).items():
        flag = f"--{key.replace('_', '-')}"
        yield [flag] if value is True else [flag, str(value)]


def reading_keys(read: ReadOptions) -> dict[str, str | int | bool]:
    """How a file was read where that is not as usual, by the keys of a map file; flags are spelled alike."""
    usual = ReadOptions()
    return {key: value for key in _READING if (value := getattr(read, key)) != getattr(usual, key)}
