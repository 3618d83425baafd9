"""The maps that ship with the program: one TOML file each in `maps/`, and how an export of one is recognised.

In addition to what any map file has, a preset's `[preset]` table says what it is (`title`), what it `maps`
and `leaves` behind, which `command` it is for, whether the export does not state its zone (`demands_zone`),
and by which column names or JSON keys it is `recognised_by`, or by how many `cells` where it has no header.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from ours_cli.errors import UsageError
from ours_cli.mapping.fields import OBJECTS, FieldMap
from ours_cli.mapping.mapfile import MapFile, parse_map
from ours_cli.uuids import UUID
from ours_cli.wording.suggest import did_you_mean

_LIST_WIDTH: Final = 80


@dataclass(frozen=True, slots=True)
class Preset:
    """One map of the program's own. `cells` is the width of a row where the export has no header, else 0."""

    name: str
    title: str
    maps: str
    leaves: str
    map: MapFile
    command: str = "backfill"
    demands_zone: bool = False
    recognised_by: tuple[str, ...] = ()
    cells: int = 0


@cache
def preset_names() -> tuple[str, ...]:
    """The short names, in alphabetical order."""
    files = (file.name for file in resources.files("ours_cli").joinpath("maps").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


@cache
def load_preset(name: str) -> Preset:
    """Read one preset; raises `UsageError` with the nearest name when there is no such preset."""
    known = preset_names()
    if name not in known:
        raise UsageError(
            f"there is no preset {name!r}",
            hint=did_you_mean(name, known, f"presets: {', '.join(known)}", form="--preset {}"),
        )
    document = tomllib.loads(preset_text(name))
    about: dict[str, Any] = document.pop("preset")
    about["recognised_by"] = tuple(about.get("recognised_by", ()))
    read = parse_map(document, f"the preset {name}")
    return Preset(name=name, map=read._replace(fields=_lenient(read.fields)), **about)


def preset_text(name: str) -> str:
    """The file of a preset, as it is written."""
    return resources.files("ours_cli").joinpath("maps", f"{name}.toml").read_text("utf-8")


def _lenient(fields: FieldMap) -> FieldMap:
    """Exports differ by version and settings: a property whose column is missing is left out and reported."""
    lenient: dict[str, Any] = {
        each.entries: {
            name: value._replace(optional=True) for name, value in getattr(fields, each.entries).items()
        }
        for each in OBJECTS
    }
    return fields._replace(**lenient)


def recognise(names: Iterable[str]) -> Preset | None:
    """The preset of an export with these column names (or keys, as `names_in` gives them), if there is one.

    All of a preset's marks must be there; of several such presets the one with the most marks wins.
    """
    found = {name.strip() for name in names}
    fitting = [preset for preset in _all() if preset.recognised_by and found.issuperset(preset.recognised_by)]
    return max(fitting, key=lambda preset: len(preset.recognised_by), default=None)


def recognise_headerless(cells: Sequence[str]) -> Preset | None:
    """The preset of an export whose first row is data: by its width and the UUID that is its event id."""
    for preset in _all():
        if preset.cells and preset.cells == len(cells):
            column = int((preset.map.fields.distinct_id or "").strip("{}"))
            if re.fullmatch(UUID, cells[column - 1].strip()):
                return preset
    return None


def names_in(row: Mapping[str, Any]) -> set[str]:
    """The names that a JSON row is recognised by: its keys, and those one level below (`properties.time`)."""
    inner = {f"{key}.{below}" for key, value in row.items() if isinstance(value, Mapping) for below in value}
    return {*row, *inner}


def preset_objects() -> list[dict[str, Any]]:
    """What `--list-presets -o json` prints, one object per preset."""
    keys = ("name", "title", "command", "maps", "leaves", "demands_zone")
    return [{key: getattr(preset, key) for key in keys} for preset in _all()]


def preset_list() -> str:
    """What `--list-presets` prints: every preset with what it maps, leaves behind and demands."""
    lines: list[str] = []
    for preset in _all():
        command = f" (ours {preset.command})" if preset.command != "backfill" else ""
        lines.append(f"{preset.name}: {preset.title}{command}")
        lines += _about("maps", preset.maps) + _about("leaves", preset.leaves)
        if preset.demands_zone:
            lines += _about("needs", "--tz, since the export does not say in which zone its times are")
    return "\n".join(lines)


def _about(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text.replace("`", ""),
        _LIST_WIDTH,
        initial_indent=f"  {label:<7}",
        subsequent_indent=" " * 9,
        break_on_hyphens=False,
    )


def _all() -> list[Preset]:
    return [load_preset(name) for name in preset_names()]
