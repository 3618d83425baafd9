"""FILE arguments: names, globs, directories and `-`, turned into the list of sources of one run."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from ours_cli.errors import SourceError, reason
from ours_cli.wording.suggest import nearest

# What messages call `-`.
STANDARD_INPUT = "standard input"

Location: TypeAlias = "Path | Literal['-']"

DATA_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".ndjson", ".jsonl", ".json", ".parquet"})

_NO_NAME: Final = re.compile(r"""[{}"'@\r\n]|[^/]{256}""")
"""What few names of files have in them; a row that strayed among the arguments is not to be repeated."""


def data_suffix(path: Path) -> str:
    """The suffix that shows the format, lower-case: `.csv` of `Export.CSV.gz`."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def expand(arguments: Sequence[str]) -> list[Location]:
    """The sources that the arguments name, in their order, each once.

    A directory stands for the data files in it and below, sorted, without hidden ones and what is in folders
    such as `_temporary`; that of a table format, where a log says which files count, is refused. Globs are
    expanded here too, for shells that don't. Raises `SourceError` for what is not there, and for folders that
    cannot be listed: nobody would miss their rows.
    """
    found: dict[str, Location] = {}
    for argument in arguments:
        for location in _locations(argument):
            # Overlapping globs name a file twice; it is still one file.
            key = "-" if location == "-" else os.path.realpath(location)
            found.setdefault(key, location)
    return list(found.values())


def _locations(argument: str) -> Iterator[Location]:
    if argument == "-":
        yield "-"
        return
    path = Path(argument)
    # A file may really be called `export[1].csv`, so a name that exists is never a glob.
    if argument and os.path.lexists(path):
        yield from _files(path)
        return
    matches = sorted(glob.glob(argument, recursive=True)) if glob.has_magic(argument) else []  # noqa: PTH207 - Path.glob takes no absolute patterns
    for folder in _searched(argument):
        _entries(folder)
    if not matches:
        raise _missing(argument)
    for match in matches:
        yield from _files(Path(match))


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    _refuse_table_format(path)
    files = sorted(_data_files(path))
    if not files:
        raise SourceError(
            f"{path} holds no data files",
            hint=f"looked for {', '.join(sorted(DATA_SUFFIXES))}, also with .gz",
        )
    yield from files


def _refuse_table_format(folder: Path) -> None:
    for log, name in (("_delta_log", "Delta"), (".hoodie", "Hudi"), ("metadata/*.metadata.json", "Iceberg")):
        if next(folder.glob(log), None) is not None:
            raise SourceError(
                f"{folder} is a {name} table: it also holds files with rows that were removed or replaced",
                hint="export its rows as they are now, with DuckDB for example, and send that export",
            )


def _searched(pattern: str) -> Iterator[Path]:
    """The folders in which `glob` looks for names: it passes over those that it cannot list."""
    parts = Path(pattern).parts
    ends = (place + (part == "**") for place, part in enumerate(parts) if glob.has_magic(part))
    for end in dict.fromkeys(ends):
        for folder in glob.glob(f"{Path(*parts[:end])}{os.sep}", recursive=True):  # noqa: PTH207 - as above
            yield Path(folder)


def _data_files(folder: Path) -> Iterator[Path]:
    for entry in _entries(folder):
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith((".", "_")) or "=" in entry.name:
                yield from _data_files(path)
        elif not entry.name.startswith(".") and data_suffix(path) in DATA_SUFFIXES and _is_readable(path):
            yield path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise SourceError(
            f"{folder} cannot be read: {reason(error)}", hint="its rows would be missing; name the others"
        ) from None


def _is_readable(path: Path) -> bool:
    """Whether it is to be read, if only to say what is wrong, as of a link to nothing; a folder is not."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return True
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise SourceError(
            f"{path} is a pipe, a socket or a device, not a file",
            hint="move it out of the folder, or name what is to be read",
        )
    return stat.S_ISREG(mode)


def _missing(argument: str) -> SourceError:
    if _NO_NAME.search(argument):
        return SourceError("there is no such FILE, and what is named looks like a row: put rows into a file")
    if glob.has_magic(argument):
        return SourceError(f"no file matches {argument}", hint="quote the pattern, or name the files")
    path = Path(argument)
    try:
        names = os.listdir(path.parent) if argument else []  # noqa: PTH208 - names are compared, not paths
    except OSError:
        return SourceError(f"{argument} does not exist, nor can its folder be read")
    close = nearest(path.name, names)
    hint = f"did you mean {path.parent / close}?" if close else None
    return SourceError(f"{argument or 'an empty file name'} does not exist", hint=hint)
