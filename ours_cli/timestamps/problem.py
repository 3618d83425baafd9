"""What is wrong with a time, as a value the caller can count by and show."""

from __future__ import annotations

from typing import Literal, TypeAlias

Code: TypeAlias = Literal[
    "bad_time", "ambiguous_time", "dst_gap", "dst_repeat", "mixed_epoch_units", "unknown_zone"
]

FORMAT_HINT = "tell its form with --time-format (strptime directives, or excel)"


class TimeProblem(ValueError):  # noqa: N818 (a row's fate, counted and reported like a reject)
    """A time or a zone that cannot be read without guessing.

    Neither `message` nor `hint` holds the value: both go to the terminal.
    """

    def __init__(self, code: Code, message: str, hint: str | None = None) -> None:
        super().__init__(code, message, hint)  # all of them, so that it survives pickling between processes
        self.code: Code = code
        self.message = message
        self.hint = hint

    @property
    def advice(self) -> str:
        """The message and then what to do: for a reject, which has one text only."""
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def __str__(self) -> str:
        return self.message


def bad_time(message: str, hint: str | None = FORMAT_HINT) -> TimeProblem:
    """The common case: a value that is not a time at all, or lacks a part."""
    return TimeProblem("bad_time", message, hint)
