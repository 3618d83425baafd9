"""Text that holds a table among lines of another kind: the SQL of a dump, comments above the header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from ours_cli.errors import SourceError
from ours_cli.source.delimited import Row
from ours_cli.source.header import DoubtfulHeaderError

_COPY: Final = re.compile(r"COPY \S.* FROM stdin;\s*", re.IGNORECASE)
_SQL: Final = re.compile(rf"--(?: .*)?\s*|{_COPY.pattern}", re.IGNORECASE)
_COMMENT: Final = "#"
# A single one may be the header: `#,Name,Date`.
_COMMENTS_MIN: Final = 2


def refuse_sql(lines: Sequence[str], first_line: int, name: str) -> None:
    """Raise `SourceError` where the first line is SQL: a comment, or the COPY that begins a table's rows."""
    first = next(filter(str.strip, lines), "")
    if not _SQL.fullmatch(first):
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
    """Raise `DoubtfulHeaderError` where `rows` begin with lines of comment; none of `rows` is blank."""
    comments = list(takewhile(lambda row: row.cells[0].startswith(_COMMENT), rows))
    if not _COMMENTS_MIN <= len(comments) < len(rows):
        return
    header, last = rows[len(comments)], comments[-1]
    if len(last.cells) == len(header.cells) > 1:
        header = last  # `#id,name` below comments, and above its data
    above = header.line - 1
    raise DoubtfulHeaderError(
        f"{name}: lines {rows[0].line} to {above} look like comments above the table",
        hint=f"the header seems to be on line {header.line}: --skip-lines {above}",
        remedy={"skip_lines": above},
    )
