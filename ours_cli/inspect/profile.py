"""What the sampled rows hold, column by column, in memory that does not grow with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, zip_longest
from typing import Any, Final, cast

from ours_cli.inspect.distinct import DistinctCount
from ours_cli.inspect.kinds import (
    NUMBER_STYLES,
    SHAPE,
    Kind,
    currency_of,
    is_same_in_all,
    kind_of,
    masked,
    shapes_of,
    styles_of,
)
from ours_cli.inspect.moments import Moments
from ours_cli.inspect.words import is_named_time, path_of, words_of
from ours_cli.record import Record
from ours_cli.templates.field_value import as_text
from ours_cli.templates.template import placeholder
from ours_cli.timestamps import TimeProblem, parse_zone

COLUMNS_MAX: Final = 400
"""Keys of JSON rows beyond this many are counted, not looked into."""
_LEVELS: Final = 3
_ROWS_AT_ONCE: Final = 1_000
_NUMBERS: Final = ("integer", "decimal", "amount")
NEARLY_ALL: Final = 0.95
"""Of the cells that hold something, so many numbers make a column of them: the others are mistakes."""
_CLINICAL: Final = ("(procedure)", "(disorder)", "(finding)", "(situation)")


@dataclass
class Column:
    """One column, or one key within the JSON of a column (`level` above 0).

    `reference` is the placeholder that means it in a template. `example` is a value; only `masked_example`
    may be shown unasked. `styles` counts the cells that each way of writing numbers reads, words for nothing
    among them, and `first_unread` has the line of the first that it does not.
    """

    name: str
    reference: str
    level: int
    moments: Moments
    filled: int = 0
    distinct: DistinctCount = field(default_factory=DistinctCount)
    kinds: Counter[Kind] = field(default_factory=Counter)
    styles: Counter[str] = field(default_factory=Counter)
    first_unread: dict[str, int] = field(default_factory=dict)
    many_meanings: int = 0
    currencies: Counter[str] = field(default_factory=Counter)
    zones: int = 0
    typed: int = 0
    characters: int = 0
    longest: int = 0
    words_in_capitals: int = 0
    clinical: int = 0
    example: str = ""

    def add(self, value: str | int | float | bool | list[Any], line: int) -> None:
        """Enter one value that is there."""
        self._enter(as_text(value), line, is_text=isinstance(value, str))
        if not isinstance(value, bool | list):
            self.moments.add(value, line)

    def add_all(self, cells: list[str], lines: Sequence[int]) -> None:
        """Enter cells that are not blank, as `add` would one by one: each shape is looked at only once."""
        if not cells:
            return
        self.filled += len(cells)
        self.distinct.add_all(set(cells))
        self.characters += sum(map(len, cells))
        self.longest = max(self.longest, *map(len, cells))
        self.example = self.example or cells[0]
        shapes = shapes_of(cells)
        for shape, times in Counter(shapes).items():
            self._enter_shape(shape, times, is_text=True)
        self._note_unread(shapes, lines)
        if self.may_be_zone:
            for text, times in Counter(cells).items():
                self._enter_zone(text, times)
        for cell, line in zip(cells, lines, strict=True):
            if self.moments.gave_up:
                break
            self.moments.add(cell, line)

    def _enter(self, text: str, line: int, *, is_text: bool) -> None:
        self.filled += 1
        self.distinct.add_all((text,))
        self.characters += len(text)
        self.longest = max(self.longest, len(text))
        self.example = self.example or text
        self.typed += not is_text
        shape = text.translate(SHAPE)
        self._enter_shape(shape, 1, is_text=is_text)
        self._note_unread((shape,), (line,))
        if self.may_be_zone:
            self._enter_zone(text, 1)

    def _enter_zone(self, text: str, times: int) -> None:
        if kind_of(text.translate(SHAPE)) == "text" and _is_zone(text):
            self.zones += times

    def _enter_shape(self, text: str, times: int, *, is_text: bool) -> None:
        kind = kind_of(text)
        if not is_text and kind in ("scientific", "exponent"):
            kind = "decimal"  # a number of JSON, which no spreadsheet wrote
        self.kinds[kind] += times
        for style in _read_by(text) if is_text else NUMBER_STYLES:
            self.styles[style] += times
        if kind == "text":
            words = text.split()
            if 2 <= len(words) <= 4 and all(
                word[0].isupper() and word.strip(".,'-").isalpha() for word in words
            ):
                self.words_in_capitals += times
            if text.endswith(_CLINICAL):
                self.clinical += times
        elif is_text and kind in _NUMBERS:
            if not is_same_in_all(text.strip()):
                self.many_meanings += times
            if kind == "amount" and (currency := currency_of(text)):
                self.currencies[currency] += times

    def _note_unread(self, shapes: Sequence[str], lines: Sequence[int]) -> None:
        for style in NUMBER_STYLES:
            if style not in self.first_unread and self.styles[style] < self.filled:
                at = next(at for at, shape in enumerate(shapes) if style not in _read_by(shape))
                self.first_unread[style] = lines[at]

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to it; one for a column of the table itself."""
        return path_of(self.name, self.level)

    @property
    def depth(self) -> int:
        """How many keys stand above it."""
        return len(self.path) - 1

    def share(self, kind: Kind) -> float:
        """The share of the filled cells that is of this kind."""
        return self.kinds[kind] / self.filled if self.filled else 0

    @cached_property
    def may_be_zone(self) -> bool:
        """Whether the name speaks of a zone."""
        return not {"zone", "timezone", "tz", "tzid"}.isdisjoint(words_of(self.name))

    @property
    def names_zones(self) -> bool:
        """Whether it is named for zones and holds them."""
        return self.may_be_zone and self.zones >= 0.9 * self.filled > 0

    @property
    def is_clock(self) -> bool:
        """Whether it holds hours and minutes without a date."""
        return self.share("clock") >= 0.8

    @property
    def numbers(self) -> int:
        """The cells that are numbers, however each is written."""
        return sum(self.kinds[kind] for kind in _NUMBERS)

    @property
    def is_number(self) -> bool:
        """Whether nearly all cells are numbers, and none has zeros in front, as codes have."""
        cells = self.filled - self.kinds["none"]
        return self.numbers >= NEARLY_ALL * cells > 0 and not self.kinds["digits"]

    @property
    def says_nothing(self) -> bool:
        """Whether it holds nothing but words for nothing, such as NULL."""
        return 0 < self.filled == self.kinds["none"]

    @property
    def is_time(self) -> bool:
        """Whether at least four fifths of the filled cells state a time."""
        return self._are_mostly(self.moments.stated_times)

    @property
    def looks_like_excel_days(self) -> bool:
        """Whether the column is named for times and holds numbers such as 45,200, which is October 2023."""
        return self._are_mostly(self.moments.serial_days)

    @property
    def may_be_time(self) -> bool:
        """Whether at least half of it states a time, or all of it might be Excel's days."""
        return not self.moments.gave_up and (self.moments.share >= 0.5 or self.looks_like_excel_days)

    def _are_mostly(self, number: int) -> bool:
        return self.filled > 0 and not self.moments.gave_up and number >= 0.8 * self.filled

    @property
    def is_unique(self) -> bool:
        """Whether no value was seen twice (or hardly one, where only an estimate is known)."""
        needed = self.filled if self.distinct.is_exact else 0.95 * self.filled
        return self.filled > 0 and self.distinct.count >= needed

    @property
    def distinct_values(self) -> int:
        """How many values differ, as far as is known: an estimate may be more than there are."""
        return min(self.distinct.count, self.filled)

    @property
    def masked_example(self) -> str:
        """The shape of a value."""
        return masked(self.example)

    @property
    def is_boolean(self) -> bool:
        """Whether every value is true or false, in a word for it."""
        return self._are_booleans(self.filled)

    def _are_booleans(self, at_least: float) -> bool:
        answers = self.kinds["answer"]
        # A single word that is always the same is hardly an answer: NO is Norway, too.
        are_answers = not answers or self.distinct.count > 1
        return self.filled > 0 and are_answers and self.kinds["boolean"] + answers >= at_least

    def odd_cells(self, what: str, readable: int, first: int | None, place: str) -> str:
        """What to say of the few cells that do not read as `what`; the `first` may be on an unknown line (0).

        `place` is what its number counts: lines, or rows.
        """
        where = f", the first on {place} {first}" if first else ""
        odd = self.filled - readable
        return f"holds cells that do not read as {what} ({odd:,} of {self.filled:,} looked at{where})"

    @property
    def type(self) -> str:
        """The inferred type, for people."""
        if not self.filled:
            return "empty"
        if self.is_time:
            return "date" if self.moments.is_date_only else "time"
        if self.is_number:
            if self.kinds["integer"] == self.filled:
                return "integer"
            return "number" if not self.kinds["amount"] else "amount"
        if self._are_booleans(0.9 * self.filled):
            return "boolean"
        kind, count = self.kinds.most_common(1)[0]
        if kind in ("integer", "decimal", "amount", "none", "answer") or count < 0.9 * self.filled:
            only_digits = self.kinds["integer"] + self.kinds["digits"] == self.filled
            return "digits" if only_digits else "text"
        return kind


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
                filled = [cell for cell in cells if cell and not cell.isspace()]
                column.add_all(
                    filled,
                    [
                        row.line
                        for row, cell in zip(records, cells, strict=True)
                        if cell and not cell.isspace()
                    ],
                )
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


def _read_by(shape: str) -> Collection[str]:
    """The ways of writing numbers that read a cell of this shape, or that it holds no number."""
    kind = kind_of(shape)
    return styles_of(shape.strip()) if kind in _NUMBERS else NUMBER_STYLES if kind == "none" else ()


def _is_zone(text: str) -> bool:
    try:
        parse_zone(text)
    except TimeProblem:
        return False
    return True
