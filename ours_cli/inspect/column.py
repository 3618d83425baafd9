"""One column of the sampled rows: what it holds, in memory that does not grow, and its kind by that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

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
from ours_cli.inspect.words import path_of, words_of
from ours_cli.templates.field_value import as_text
from ours_cli.timestamps import TimeProblem, parse_zone

NEARLY_ALL: Final = 0.95
"""Of the cells that hold something, so many numbers make a column of them: the others are mistakes."""

_NUMBERS: Final = ("integer", "decimal", "amount")
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
