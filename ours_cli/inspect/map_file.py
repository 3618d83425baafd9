"""The map file (TOML) to start from, for `--map`: the proposal with comments, or the preset that fits.

Of a preset the text is copied rather than made anew, so that its comments come along. Its `[preset]` table,
which only the program's own maps have, is left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ours_cli.contract import EVENT_KEYS, IDENTIFY_KEYS
from ours_cli.inspect.command_line import map_command, reading_keys
from ours_cli.inspect.findings import Findings
from ours_cli.inspect.proposal import ZONE_TO_FILL_IN, Property
from ours_cli.inspect.start import to_fill_in
from ours_cli.inspect.visitors import OF_THEIR_OWN
from ours_cli.mapping.fields import TEXT_FIELDS
from ours_cli.mapping.presets import Preset, preset_text
from ours_cli.templates.template import parse
from ours_cli.wording.counted import counted
from ours_cli.wording.escape import printable, shell_join

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_TABLE: Final = re.compile(r"\[(\w+(?:\.\w+)*)\]")
_ENTRY: Final = re.compile(r'\w+ = "')


def map_text(found: Findings) -> str:
    """The whole file, a preset's where one knows the export. It holds no row's value."""
    lines = _of_proposal(found) if found.preset is None else _of_preset(found, found.preset)
    return "\n".join(lines) + "\n"


def written(found: Findings, argument: str, map_file: str) -> str:
    """What to say once the map is written: the command to type next for the file named `argument`."""
    runs = found.proposal.runs if found.preset is None else found.preset.command
    needs = len(found.start.needs)
    first = f"settle what is TO SETTLE in it ({counted(needs, 'line')}), then: " if needs else ""
    command = shell_join(map_command(runs, argument, map_file))
    return f"wrote {map_file}, a mapping to look through and change\nnext: {first}{command}"


def _prologue(found: Findings, made: str, command: str, *more: str) -> Iterator[str]:
    yield _comment(made)
    yield _comment(f"Try it with: ours {command} FILE --map THIS --dry-run")
    yield _comment("A column that no template names is never sent.")
    yield from map(_comment, more)
    for need in found.start.needs:
        yield _comment(f"TO SETTLE: {need}")
    for note in found.start.notes:
        yield _comment(f"Note: {note}")
    yield ""


def _of_proposal(found: Findings) -> Iterator[str]:
    proposal = found.proposal
    made = f"A mapping to start from, made by `ours inspect` from {found.sample.looked_at:,} rows."
    yield from _prologue(found, made, proposal.runs)
    known = IDENTIFY_KEYS if proposal.runs == "identify" else EVENT_KEYS
    for key, template in proposal.templates.items():
        if key in known:
            yield f'# {key} = "{{column}}"' if template is None else _line(key, template)
    yield ""
    settled = {"time_format": proposal.time_format, "timezone": proposal.zone, "date_order": proposal.order}
    yield from _source(
        (), reading_keys(found.sample.read) | {key: text for key, text in settled.items() if text}
    )
    if not proposal.order and any(need.startswith("--day-first") for need in proposal.needs):
        yield '# date_order = "day"    # or "month": see above'
    yield ""
    if proposal.runs == "backfill":
        yield "[eventProperties]"
        yield from _properties(proposal.properties)
        return
    own = [entry for entry in proposal.properties if entry.key.startswith(OF_THEIR_OWN)]
    yield "[userProperties]"
    yield from _properties(entry for entry in proposal.properties if entry not in own)
    yield ""
    yield f"[userProperties.{OF_THEIR_OWN[:-1]}]"
    yield from _properties(replace(entry, key=entry.key.removeprefix(OF_THEIR_OWN)) for entry in own)


def _properties(entries: Iterable[Property]) -> Iterator[str]:
    for entry in entries:
        key = entry.key if _BARE_KEY.fullmatch(entry.key) else _toml(entry.key)
        line = _line(key, entry.template)
        yield f"# {line}  # {entry.why_not}" if entry.why_not else line


def _of_preset(found: Findings, preset: Preset) -> Iterator[str]:
    made = f"A copy of the preset {preset.name}, which knows this export, made by `ours inspect`."
    yield from _prologue(found, made, preset.command, f"It leaves behind {preset.leaves}.")
    body, source = _parts(preset)
    yield from (_lacking(line, found) for line in body)
    settled = dict(_settled(found, preset))
    if source or settled:
        yield from _source(source, settled)


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
    have = {name.strip() for name in names}
    lacking = [name for name in parse(text).columns if name.strip() not in have]
    if key not in TEXT_FIELDS and lacking:
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


def _source(written: Iterable[str], settled: Mapping[str, str | int | bool]) -> Iterator[str]:
    """The table of how the file is read: lines as they are `written`, then what is `settled`."""
    yield "[source]"
    yield from written
    yield from (_line(key, value) for key, value in settled.items())


def _comment(text: str) -> str:
    return "# " + " ".join(printable(text).split())


def _line(key: str, value: str | int | bool) -> str:
    return f"{key} = {_toml(value)}"


def _toml(value: str | int | bool) -> str:
    r"""A basic string, its control characters as `\u0007`; a whole number; `true` or `false`."""
    if not isinstance(value, str):
        return str(value).lower()
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    letters = (letter if letter.isprintable() or letter == " " else _escaped(letter) for letter in escaped)
    return f'"{"".join(letters)}"'


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
