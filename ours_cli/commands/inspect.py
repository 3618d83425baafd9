"""`ours inspect FILE`: what is in this file, and a mapping to start from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ours_cli.console import Console
from ours_cli.errors import UsageError
from ours_cli.files.private_files import replace_private
from ours_cli.inspect.findings import to_json
from ours_cli.inspect.map_file import map_text, written
from ours_cli.inspect.page import page
from ours_cli.inspect.study import study
from ours_cli.mapping.fields import FieldMap
from ours_cli.mapping.mapfile import MapFile
from ours_cli.options import Output, OutputFormat, Reading
from ours_cli.rows.read_settings import read_options
from ours_cli.source import expand
from ours_cli.wording.escape import json_text


def inspect(
    file: Annotated[str, typer.Argument(metavar="FILE", help="An export; - is standard input.")],
    *,
    write_map: Annotated[
        str | None,
        typer.Option("--write-map", metavar="FILE.toml", help="Write the mapping to a new file for --map."),
    ] = None,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show examples as they are; they may be health data.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Read every row of a large file.")] = False,
    reading: Reading,
    output: OutputFormat = Output.text,
) -> int:
    """Show what is in a file and propose a mapping; sends nothing.

    ours inspect export.csv --write-map export.toml
    """
    locations = expand([file])
    if len(locations) != 1:
        raise UsageError(
            f"inspect looks at one file, and {file} stands for {len(locations)}", hint="name one of them"
        )
    target = None if write_map is None else Path(write_map)
    if target is not None and target.exists():
        raise UsageError(f"{target} is there already", hint="name a new file: nothing is overwritten")
    console = Console()
    if locations == ["-"]:
        console.note_typing("the rows")
    read = read_options(reading, MapFile(FieldMap()))
    stdin = sys.stdin.buffer if sys.stdin is not None and locations == ["-"] else None
    found = study(locations[0], file, read, full=full, limit=reading.limit, stdin=stdin)
    if target is not None:
        replace_private(target, map_text(found))
    if output is Output.json:
        console.data(json_text(to_json(found, show_values=show_values)))
    else:
        console.result(page(found, show_values=show_values, width=console.width))
    if target is not None:
        console.note(written(found, file, str(target)))
    return 0
