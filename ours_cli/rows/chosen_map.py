"""`--map` or `--preset`: the map that a command's flags are laid over."""

from __future__ import annotations

from pathlib import Path

from ours_cli.errors import UsageError
from ours_cli.mapping.fields import FieldMap
from ours_cli.mapping.mapfile import MapFile, load_map
from ours_cli.options import MappingFlags


def chosen_map(flags: MappingFlags, command: str, *, zone_is_told: bool = True) -> MapFile:
    """The map of the flags, an empty one without them; raises `UsageError` for one that is not for `command`.

    `zone_is_told` says whether other flags settle which zone the times are in.
    """
    if flags.preset is None:
        return load_map(Path(flags.map)) if flags.map else MapFile(FieldMap())
    if flags.map is not None:
        raise UsageError(
            "--map and --preset are two ways to say the same", hint="keep one; flags override either"
        )
    from ours_cli.mapping.presets import load_preset  # most runs need none

    preset = load_preset(flags.preset)
    if preset.command != command:
        raise UsageError(
            f"the preset {preset.name} is for ours {preset.command}",
            hint=f"ours {preset.command} FILE --preset {preset.name}",
        )
    if preset.demands_zone and not zone_is_told:
        raise UsageError(
            f"the export of preset {preset.name} does not say in which zone its times are",
            hint="--tz names the zone of the account that exported it: --tz America/New_York",
        )
    return preset.map
