"""What the sampled rows hold, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import Any, Final, cast

from ours_cli.inspect.column import Column
from ours_cli.inspect.moments import Moments
from ours_cli.inspect.words import is_named_time, path_of
from ours_cli.record import Record
from ours_cli.templates.template import placeholder

COLUMNS_MAX: Final = 400
"""Keys of JSON rows beyond this many are counted, not looked into."""

_LEVELS: Final = 3
_ROWS_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class Profile:
    """All columns in their order, and the number of rows they were seen in.

    `short` of the rows end before a column that has a name, the first of them on line `first_short`, or 0
    where lines are not known.
    """

    window: tuple[int, int]
    rows: int = 0
    short: int = 0
    first_short: int = 0
    columns: dict[str, Column] = field(default_factory=dict)
    keys_left_out: int = 0

    def declare(self, names: tuple[str, ...]) -> None:
        """Make the columns of a header; a column without a name, or with a repeated one, stays out."""
        for name in names:
            if name.strip() and names.count(name) == 1:
                self._column(name, placeholder(name), 0)

    def add(self, record: Record) -> None:
        """Enter one row of JSON."""
        assert isinstance(record.fields, dict)
        self.rows += 1
        self._walk(record.fields, record.line, "", 0)

    def add_all(self, records: list[Record], header: tuple[str, ...]) -> None:
        """Enter rows of cells, column by column."""
        self.rows += len(records)
        rows = [cast("list[str]", record.fields) for record in records]
        named = max((at for at, name in enumerate(header, 1) if name.strip()), default=0)
        short = [record.line for record, row in zip(records, rows, strict=True) if len(row) < named]
        if short:
            self.short += len(short)
            self.first_short = self.first_short or short[0]
        holds_objects = set()
        for index, (name, cells) in enumerate(zip(header, zip_longest(*rows, fillvalue=""), strict=False)):
            if (column := self.columns.get(name)) is not None:
                at = [at for at, cell in enumerate(cells) if cell and not cell.isspace()]
                filled = [cells[row] for row in at]
                column.add_all(filled, [records[row].line for row in at])
                if any(cell[0] == "{" for cell in filled):
                    holds_objects.add(index)
        for record, row in zip(records, rows, strict=True) if holds_objects else ():
            for index, (name, cell) in enumerate(zip(header, row, strict=False)):
                if index in holds_objects and cell[:1] == "{" and (inner := _object(cell)) is not None:
                    self._walk(inner, record.line, f"{name}.", 1)

    def _walk(self, fields: dict[str, Any], line: int, path: str, level: int) -> None:
        for key, value in fields.items():
            name = path + key
            if value is None or value == "" or (level and (not _is_plain(key) or _is_null(key, value))):
                continue
            if isinstance(value, dict) and level < _LEVELS:
                self._walk(value, line, f"{name}.", level + 1)
            elif isinstance(value, str | int | float | list) and not (
                isinstance(value, str) and value.isspace()
            ):
                reference = "{" + name + "}" if level else placeholder(name)
                if (column := self._column(name, reference, level)) is not None:
                    column.add(value, line)
                    if isinstance(value, str) and value[0] == "{" and level < _LEVELS:
                        self._walk(_object(value) or {}, line, f"{name}.", level + 1)

    def _column(self, name: str, reference: str, level: int) -> Column | None:
        column = self.columns.get(name)
        if column is None:
            if len(self.columns) >= COLUMNS_MAX and level:
                self.keys_left_out += 1
                return None
            key = path_of(name, level)[-1].rpartition(".")[2]
            is_named = is_named_time(key) or (level > 0 and ".$date" in name)
            moments = Moments(self.window, is_named_time=is_named)
            column = self.columns[name] = Column(name, reference, level, moments)
        return column


def _is_plain(key: str) -> bool:
    """Whether a key can be used in a path unchanged."""
    return bool(key) and key == key.strip() and not any(character in key for character in '.[]{}|"')


def _is_null(key: str, value: object) -> bool:
    """Whether it is DynamoDB's way to say that there is no value."""
    return key == "NULL" and value is True


def _object(text: str) -> dict[str, Any] | None:
    import orjson

    try:
        value = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
    return value if isinstance(value, dict) else None


def rows_into(profile: Profile, rows: Iterator[Record], header: tuple[str, ...] | None) -> None:
    """Enter all rows."""
    if header is None:
        for record in rows:
            profile.add(record)
        return
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        profile.add_all(some, header)
