"""Text that holds a table among lines of another kind: the SQL of a dump, comments above the header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from ours_cli.errors import SourceError
from ours_cli.source.cell_kinds import usual
from ours_cli.source.delimited import Row
from ours_cli.source.header import DoubtfulHeaderError

_COPY: Final = re.compile(r"COPY \S.* FROM stdin;\s*", re.IGNORECASE)
_TABLE: Final = r"CREATE TABLE .*\(|INSERT .*\bVALUES *\(|(?:INSERT|REPLACE) INTO [^,;\t(]+(?:\(|$)"
_BEGIN: Final = re.compile(
    rf"(?:--(?: .*)?|/\*.*|(?:BEGIN|CREATE|DROP|PRAGMA|SET|USE)\b.*;|(?:{_TABLE}).*)\s*|{_COPY.pattern}",
    re.IGNORECASE,
)
_STATEMENT: Final = re.compile(rf"{_COPY.pattern}|{_TABLE}|SET (?:NAMES |\S+ ?=)", re.IGNORECASE)
_COMMENT: Final = "#"
# A single one may be the header: `#,Name,Date`.
_COMMENTS_MIN: Final = 2


def refuse_sql(lines: Sequence[str], first_line: int, name: str) -> None:
    """Raise `SourceError` where the first line may be SQL (a comment, say), and it or another surely is."""
    first = next(filter(str.strip, lines), "")
    if not (_BEGIN.fullmatch(first) and any(map(_STATEMENT.match, lines))):
        return
    copy = next((number for number, line in enumerate(lines, first_line) if _COPY.fullmatch(line)), None)
    if copy is None:
        raise SourceError(
            f"{name} looks like the SQL of a database dump, which is no table",
            hint=r"export the table as CSV; psql: \copy TABLE to 'FILE.csv' csv header",
        )
    raise SourceError(
        f"{name} looks like a dump of PostgreSQL: its rows begin below line {copy}, and have no header",
        hint=r"export the table as CSV (psql: \copy TABLE to 'FILE.csv' csv header), or read its rows with "
        rf"--skip-lines {copy} --no-header --delimiter tab --quote none --where '1!=\.'; "
        "the columns are then {1}, {2}, ...",
    )


def refuse_comments(rows: Sequence[Row], name: str) -> None:
    """Raise `DoubtfulHeaderError` where `rows` begin with lines of comment; none of `rows` is blank.

    A first row with the cells of the table below it is its header, as in `#tag,count` above `#a,1`.
    """
    comments = list(takewhile(lambda row: row.cells[0].startswith(_COMMENT), rows))
    if not _COMMENTS_MIN <= len(comments) < len(rows):
        return
    below = rows[len(comments) :]
    width = usual(len(row.cells) for row in below)
    if len(rows[0].cells) == width > 1:
        return
    like_table = takewhile(lambda row: len(row.cells) == width > 1, reversed(comments))
    header = [below[0], *like_table][-1]  # `#id,name` below comments, and above its data
    above = header.line - 1
    raise DoubtfulHeaderError(
        f"{name}: lines {rows[0].line} to {above} look like comments above the table",
        hint=f"the header seems to be on line {header.line}: --skip-lines {above}; "
        f"if line {rows[0].line} is the header: --header-row {rows[0].line}",
        remedy={"skip_lines": above},
    )
