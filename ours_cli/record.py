"""What reading yields: records with their physical line, and rows that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice, repeat
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias, cast

Fields: TypeAlias = "list[str] | dict[str, Any]"
TableFormat: TypeAlias = Literal["csv", "ndjson", "json", "parquet"]

TRUNCATED_ROW: Final = "truncated_row"
"""The reject code of a last row that the file ends within: its writer may not be through with it."""

REPEATED_HEADER: Final = "repeated_header"
"""The reject code of a row that is its table's header once more, as of files that were joined."""

DUPLICATE_ID: Final = "duplicate_id"
"""The reject code of a given distinctId that another row has: such a row needs a new id."""

RAGGED_ROW: Final = "ragged_row"
"""The reject code of a row with more cells than its header, or with fewer than its mapping needs."""


class Record(NamedTuple):
    """One row of a source.

    `line` is the physical line (1-based) on which the row starts, or the row's number where a format has no
    lines (Parquet). `fields` is a list of cells in the order of the table's columns (CSV; it may be shorter
    than the columns, never longer) or a JSON object.
    `distinct_id` is set where the row comes from a rejects file and had an id there; `refused_id` is that id
    where it was the reason for the rejection.
    """

    line: int
    fields: Fields
    distinct_id: str = ""
    refused_id: str = ""


def records(lines: Iterable[int], rows: Iterable[Fields]) -> list[Record]:
    """Records of rows in bulk, in a third of the time: a named tuple's own constructor is Python code."""
    return list(map(_new_record, zip(lines, rows, repeat(""), repeat(""), strict=False)))


_new_record: Final[Callable[[tuple[int, Fields, str, str]], Record]] = partial(tuple.__new__, Record)


class Malformed(NamedTuple):
    """A row that could not be read: `raw` is its whole text, `code` and `message` say why, without values."""

    line: int
    raw: str
    code: str
    message: str


STRETCH_MAX: Final = 500
"""Rows of one `Stretch` at most."""


class Stretch(NamedTuple):
    """Consecutive rows, read in bulk: each is what a `Record` of its line and fields would be.

    `written` is what orjson writes for each object, where reading found that out.
    """

    lines: Sequence[int]
    fields: list[list[str]] | list[dict[str, Any]]
    written: list[bytes] | None = None

    def first(self, count: int) -> Stretch:
        """The first `count` of them at most."""
        if count >= len(self.lines):
            return self
        written = None if self.written is None else self.written[:count]
        return Stretch(self.lines[:count], self.fields[:count], written)


Rows: TypeAlias = Stretch | Record | Malformed
"""Consecutive rows of a table, read in bulk, or one row."""


def one_by_one(rows: Rows) -> Sequence[Record | Malformed]:
    """Each row by itself."""
    return records(rows.lines, rows.fields) if isinstance(rows, Stretch) else (rows,)


def gather(rows: Iterable[Record | Malformed]) -> Iterator[Rows]:
    """The same rows, those together that follow one another and bear no id. It waits for rows behind them."""
    for are_plain, found in groupby(rows, _is_plain):
        if not are_plain:
            yield from found
            continue
        plain = cast("Iterator[Record]", found)
        while some := list(islice(plain, STRETCH_MAX)):
            fields: list[Any] = [row.fields for row in some]
            yield Stretch([row.line for row in some], fields)


def _is_plain(row: Record | Malformed) -> bool:
    return isinstance(row, Record) and not row.distinct_id


class Piece(NamedTuple):
    """Whole lines of a file, the first one numbered `first_line`, that are likely whole rows."""

    text: str | bytes
    first_line: int


class Pieces(Protocol):
    """Rows of a table, in order: as pieces not parsed yet, or read in the ordinary way."""

    def next(self) -> Piece | Rows | None:
        """What comes next; None at the end, and while pieces handed out must be judged first."""

    def confirm(self) -> None:
        """The oldest piece handed out was what it seemed to be."""

    def take_back(self) -> None:
        """It was not: that piece and all later ones are read again, the first in the ordinary way."""


class RowStream(Iterator[Record | Malformed]):
    """The rows of one table, each handed on once: one by one, from then on in bulk, or in `pieces` instead.

    `rows` waits for no more of its source while it has one. `pieces()`, where it is known, are the same rows
    for parsing in another process: for a stream of which no row was taken.
    """

    def __init__(self, rows: Iterable[Rows], pieces: Callable[[], Pieces] | None = None) -> None:
        self.pieces = pieces
        self._rows = iter(rows)
        self._rest: Iterator[Record | Malformed] = iter(())  # of what was read in bulk and taken one by one

    def __next__(self) -> Record | Malformed:
        while (row := next(self._rest, None)) is None:
            self._rest = iter(one_by_one(next(self._rows)))
        return row

    def in_bulk(self) -> Iterator[Rows]:
        """The rows from here on, plain ones together; after it none must be taken one by one."""
        yield from gather(self._rest)
        yield from self._rows


class Dialect(NamedTuple):
    """How a delimited file is written, so that its rejects can be written the same way."""

    delimiter: str = ","
    quote: str = '"'


@dataclass(slots=True)
class Table:
    """One readable source: a file, or standard input.

    `columns` is None where rows are JSON objects. `records` streams: memory stays bounded whatever the size.
    `notes` says what was detected, for the person. `position()` is about how many bytes of the file
    (compressed bytes for gzip) hold the rows handed on so far, or read with them in bulk; `size` is their
    total where it is known. `taken` is how many rows were taken for the run, counted by whoever takes them.
    `number` is which of several sources of a run it is, from 0; None where it is the only one, which messages
    need not name. `header_line` is the line of the header, 0 where there is none. `keys` are the keys that
    JSON rows may have, where the file declares them (Parquet); `unreadable` are other columns, with their
    types. `first_rows()` are those JSON rows that were looked at to open the table. `close()` closes the
    file, whoever reads its rows, and however far.
    """

    name: str
    format: TableFormat
    columns: tuple[str, ...] | None
    records: RowStream = field(default_factory=lambda: RowStream(()))
    dialect: Dialect = field(default_factory=Dialect)
    notes: list[str] = field(default_factory=list)
    size: int | None = None
    position: Callable[[], int] = lambda: 0
    encoding: str = "utf-8"
    header_line: int = 0
    keys: tuple[str, ...] | None = None
    unreadable: dict[str, str] = field(default_factory=dict)
    first_rows: Callable[[], list[dict[str, Any]]] = list
    close: Callable[[], None] = lambda: None
    taken: int = 0
    number: int | None = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The columns, or the keys that JSON rows may have; None where only the rows show it."""
        return self.keys if self.columns is None else self.columns

    @property
    def header(self) -> tuple[str, ...]:
        """The columns as a line of the source names them; empty where none does, as for JSON."""
        return self.columns if self.columns is not None and self.header_line else ()

    @property
    def place(self) -> str:
        """What a record's `line` counts, for messages: "line" or "row"."""
        return "row" if self.format == "parquet" else "line"

    @property
    def prefix(self) -> str:
        """What to put before a message so that it names its source; empty where there is only one."""
        return "" if self.number is None else f"{self.name}: "


def span(first: tuple[Table, int], last: tuple[Table, int]) -> str:
    """Names the rows from one to another, each given by its table and its line."""
    (table, line), (other, end) = first, last
    if table is not other:
        return f"{table.place} {line} of {table.name} to {other.place} {end} of {other.name}"
    lines = f"{table.place} {line}" if line == end else f"{table.place}s {line} to {end}"
    return f"{lines} of {table.name}"
