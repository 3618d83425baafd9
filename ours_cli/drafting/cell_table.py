"""A template that reads one column, as a table: from the cell's text to the template's value.

Values repeat within a column (states, flags, quantities), so each is worked out once and then looked up.
"""

from __future__ import annotations

from typing import Final

import orjson

from ours_cli.exact_json import SCALARS, as_sent
from ours_cli.templates.field_value import ABSENT, Absent
from ours_cli.templates.reference import Getter

ENTRIES_MAX: Final = 512
TEXT_MAX: Final = 64
"""Characters of the longest cell that is remembered: a table holds a hundred kilobytes at most."""

LASTING: Final = SCALARS | {Absent}
"""Types of the values that are remembered: what nobody can change."""


class CellTable(dict[str, object]):
    """Looks up, or works out, a template's value for the text of its only column.

    `getter` is the template bound to rows of `width` cells; it reads the one at `position`. What it raises
    passes through and is not remembered. Lists and objects are made anew each time.
    """

    def __init__(self, getter: Getter, position: int, width: int) -> None:
        super().__init__()
        self._getter = getter
        self._position = position
        self._cells = [""] * width

    def __missing__(self, text: str) -> object:
        self._cells[self._position] = text
        value = self._getter(self._cells)
        if len(self) < ENTRIES_MAX and len(text) <= TEXT_MAX and type(value) in LASTING:
            self[text] = value
        return value


class JsonTable(dict[str, str]):
    """As `CellTable`, but with the value as JSON, empty where there is none.

    Raises `TypeError` for what orjson cannot write.
    """

    def __init__(self, getter: Getter, position: int, width: int) -> None:
        super().__init__()
        self._getter = getter
        self._position = position
        self._cells = [""] * width

    def __missing__(self, text: str) -> str:
        self._cells[self._position] = text
        value = self._getter(self._cells)
        written = "" if value is ABSENT else orjson.dumps(value, as_sent).decode()
        if len(self) < ENTRIES_MAX and len(text) <= TEXT_MAX:
            self[text] = written
        return written
