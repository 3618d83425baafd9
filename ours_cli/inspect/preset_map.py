"""The map of a recognised preset as a file of one's own, for `--map`: a copy plus what else is needed.

Text is copied rather than made anew, so that the preset's comments come along. Its `[preset]` table,
which only the program's own maps have, is left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Final

from ours_cli.inspect.command_line import reading_keys
from ours_cli.inspect.findings import Findings
from ours_cli.inspect.proposal import ZONE_TO_FILL_IN
from ours_cli.inspect.start import to_fill_in
from ours_cli.inspect.toml_text import comment, toml_value
from ours_cli.mapping.fields import TEXT_FIELDS
from ours_cli.mapping.presets import Preset, preset_text
from ours_cli.templates.template import parse

_TABLE: Final = re.compile(r"\[(\w+(?:\.\w+)*)\]")
_ENTRY: Final = re.compile(r'\w+ = "')


def preset_map_text(found: Findings, preset: Preset) -> str:
    """The whole file. No value of any row is in it."""
    return "\n".join(_lines(found, preset)) + "\n"


def _lines(found: Findings, preset: Preset) -> Iterator[str]:
    yield comment(f"A copy of the preset {preset.name}, which knows this export, made by `ours inspect`.")
    yield comment(f"Try it with: ours {preset.command} FILE --map THIS --dry-run")
    yield comment("A column that no template names is never sent.")
    yield comment(f"It leaves behind {preset.leaves}.")
    for need in found.start.needs:
        yield comment(f"TO SETTLE: {need}")
    yield ""
    body, source = _parts(preset)
    yield from (_lacking(line, found) for line in body)
    settled = dict(_settled(found, preset))
    if source or settled:
        yield "[source]"
        yield from source
        yield from (f"{key} = {toml_value(value)}" for key, value in settled.items())


def _parts(preset: Preset) -> tuple[list[str], list[str]]:
    """The preset's lines before its `[source]`, and those under it."""
    parts: dict[str, list[str]] = {"": [], "source": [], "preset": []}
    current = parts[""]
    for line in preset_text(preset.name).splitlines():
        table = _TABLE.fullmatch(line)
        if table is not None and table[1] in parts:
            current = parts[table[1]]
        else:
            current.append(line)
    source = parts["source"]
    while source and not source[-1]:
        source.pop()
    return parts[""], source


def _lacking(line: str, found: Findings) -> str:
    """The line, as a comment where it maps a column that this file lacks: `--preset` leaves such ones out.

    Where the preset cannot do without, a column is to be filled in.
    """
    names = found.sample.table.names
    if names is None or not _ENTRY.match(line):
        return line
    (key, text), *_ = tomllib.loads(line).items()
    is_optional = key not in TEXT_FIELDS
    have = {name.strip() for name in names}
    lacking = [name for name in parse(text).columns if name.strip() not in have]
    if is_optional and lacking:
        return f"# {line}  # no such column here"
    return to_fill_in(line, lacking)


def _settled(found: Findings, preset: Preset) -> Iterator[tuple[str, str | int | bool]]:
    """The reading options that the preset leaves open and this file was read with or proves."""
    said = preset.map.source
    yield from ((key, value) for key, value in reading_keys(found.sample.read).items() if key not in said)
    if preset.demands_zone:
        yield "timezone", ZONE_TO_FILL_IN
    if found.start.date_order is not None:
        yield "date_order", found.start.date_order
