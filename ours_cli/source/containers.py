"""Files that hold no text: recognised by their first bytes, and refused with what to do instead."""

from __future__ import annotations

import shlex
from pathlib import Path

from ours_cli.errors import SourceError
from ours_cli.source.arguments import STANDARD_INPUT

_TAR_MAGIC = slice(257, 262)

_ZIP_MAGIC = b"PK\x03\x04"

_PARQUET_MAGIC = b"PAR1"

_ZIP_NAME = slice(30, None)
"""Where a zip archive has the name of its first file, and behind that its content."""

_OFFICE_NAMES = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/", b"mimetypeapplication/vnd.oasis.")
"""What a workbook begins with as an archive: what unzip gives of it is XML, and not its rows."""

_OFFICE_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".ods")

_CONTAINERS = (
    (_ZIP_MAGIC, "a zip archive", "`unzip -p {} | ours ... -`"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", "export its sheet as CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "`zstd -dc {} | ours ... -`"),
    (b"\xfd7zXZ\x00", "compressed with xz", "`xz -dc {} | ours ... -`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "`7z x -so {} | ours ... -`"),
    (b"SQLite format 3\x00", "an SQLite database", "`sqlite3 -csv -header {} 'SELECT ...' | ours ... -`"),
    # The byte after the word is the first of every Parquet page header; a CSV may well begin with "PAR1".
    # Files on disk that also end like Parquet are opened before this check.
    (
        _PARQUET_MAGIC + b"\x15",
        "Parquet, which is read from its end: it can come neither through a pipe nor packed nor cut off",
        "save it as a file of its own, whole and not packed, and name that file",
    ),
    (b"Obj\x01", "an Avro file", "convert it to NDJSON, for example with `avro-tools tojson`"),
    (b"%PDF-", "a PDF", "export the data as CSV"),
    *(
        (b"BZh%d1AY&SY" % level, "compressed with bzip2", "`bzip2 -dc {} | ours ... -`")
        for level in range(1, 10)
    ),
)
"""First bytes of files, what such a file is, and what to do with it."""


def is_gzip(head: bytes) -> bool:
    """Whether these first bytes are those of a gzip file."""
    return head.startswith(b"\x1f\x8b")


def is_parquet(path: Path) -> bool:
    """Whether a regular file begins and ends as Parquet does; a CSV may well begin with "PAR1"."""
    try:
        with path.open("rb") as file:
            if file.read(len(_PARQUET_MAGIC)) != _PARQUET_MAGIC:
                return False
            file.seek(-len(_PARQUET_MAGIC), 2)
            return file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except OSError:
        return False


def refuse_container(head: bytes, name: str) -> None:
    """Raise `SourceError` where `head`, the first bytes of a source, shows that it holds no plain text."""
    quoted = "FILE" if name == STANDARD_INPUT else shlex.quote(name)
    has_office_name = name.lower().endswith(_OFFICE_SUFFIXES) or head[_ZIP_NAME].startswith(_OFFICE_NAMES)
    if head.startswith(_ZIP_MAGIC) and has_office_name:
        raise SourceError(f"{name} is an Excel workbook", hint="export its sheet as CSV")
    for magic, what, remedy in _CONTAINERS:
        if head.startswith(magic):
            raise SourceError(f"{name} is {what}", hint=remedy.replace("{}", quoted))
    if head[_TAR_MAGIC] == b"ustar":
        raise SourceError(f"{name} is a tar archive", hint="unpack it and name the files in it")
