"""What a template can yield for one row: a value, nothing at all, or a problem that rejects the row."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ours_cli.exact_json import digits_of, write_json
from ours_cli.record import RAGGED_ROW


class Absent(Enum):
    """The type of `ABSENT` (an enum, so that `is ABSENT` narrows for the type checker)."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT
"""A field that is not there: its cell is empty or missing. Never sent, neither as `""` nor as null."""


class FilterProblem(ValueError):  # noqa: N818 - it rejects a row, it is not a failure of the program
    """One row's value cannot be used as the template says; the row becomes a reject.

    `code` is one of bad_number, bad_int, bad_bool, bad_json, bad_date, bad_text, bad_type, unmapped_value and
    ragged_row. `message` names the filter and the column, never the value: it may go to the terminal.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ShortRow(FilterProblem):
    """A CSV row ends before a column that the template uses."""

    def __init__(self, column: str) -> None:
        super().__init__(RAGGED_ROW, f"the row ends before column {column!r}")


def present(value: object) -> object:
    """Return `value`, or ABSENT where it is what an export writes for nothing: null, `""`, only blanks."""
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        return ABSENT
    return value


def as_text(value: object) -> str:
    """Render any value within text: digits as written, true/false, compact JSON for the rest."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return digits_of(value) if isinstance(value, float) else write_json(value)
