"""Pure: when a run should not go on although nothing is broken: too many rejects, a failed canary."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf

from ours_cli.errors import SourceError, StoppedError, UsageError
from ours_cli.events.event import Event, Reject
from ours_cli.events.outcome import Outcome
from ours_cli.reports.report import Books
from ours_cli.wording.counted import counted

PERCENT_FROM = 100
"""Rows read before a percentage says anything; a shorter run is judged at its end."""


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """`--max-rejects N` or `P%`: how many rejects a run may have, any number without it."""

    limit: float = inf
    is_percent: bool = False

    def check(self, books: Books, *, at_end: bool = False) -> StoppedError | None:
        """The error to stop with, once there are more."""
        meant = books.read - books.filtered
        if self.is_percent:
            is_exceeded = (at_end or meant >= PERCENT_FROM) and books.rejected * 100 > self.limit * meant
        else:
            is_exceeded = books.rejected > self.limit
        if not is_exceeded:
            return None
        return StoppedError(
            f"stopped by --max-rejects: {books.rejected:,} of {counted(meant, 'row')} rejected",
            hint="look at the rejects, mend the mapping, then run it again with --restart",
        )


def reject_limit(text: str | None) -> RejectLimit:
    """Read `--max-rejects`; raises `UsageError` for anything but a number or a percentage."""
    if text is None:
        return RejectLimit()
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(%?)", text.strip())
    if match is None or (not match[2] and "." in match[1]) or (match[2] and float(match[1]) > 100):
        raise UsageError(
            "--max-rejects wants a number of rows or a percentage", hint="--max-rejects 100, or 1%"
        )
    return RejectLimit(float(match[1]), bool(match[2]))


class UnexpectedRowsError(SourceError):
    """`--expect N` is not met (exit 6): the same command ends the same way until its source changes."""


def check_expected(expected: int | None, books: Books) -> UnexpectedRowsError | None:
    """`--expect N`: the error when the run, at its end, has read another number of rows."""
    if expected is None or books.read == expected:
        return None
    if books.read < expected:
        why = (
            "was it cut off, or did that program stop early?"
            " Once all rows are there, the same command sends the rest"
        )
    else:
        why = f"does it hold rows twice, or of another day? If it is right, say --expect {books.read}"
    return UnexpectedRowsError(
        f"{counted(books.read, 'row was', 'rows were')} read, and --expect says {expected:,}",
        hint=f"look at the file, or at the program upstream: {why}; rows that were sent count once",
    )


class CanaryError(StoppedError):
    """A row of the canary was rejected (exit 9)."""


def failed_before() -> CanaryError:
    """The error for a run that its canary has stopped, and that is to go on with another one.

    That would be the rows behind the first, and if they are well, nothing would stop the rest.
    """
    return CanaryError(
        "--canary has stopped this run before",
        hint="look at the rejects, mend the mapping, then --restart; without --canary the rest is sent",
    )


class Canary:
    """`--canary N`: the first N rows of an attempt go alone, and all must be accepted before any other.

    Filtered rows are not among them.
    """

    def __init__(self, rows: int) -> None:
        self._wanted = rows
        self._entered = 0
        self._rejected = 0

    @property
    def is_full(self) -> bool:
        """Whether the row that just came in is the last of the canary."""
        return self._entered == self._wanted

    @property
    def is_behind(self) -> bool:
        """Whether rows after the canary have come in."""
        return self._entered > self._wanted

    @property
    def room(self) -> int:
        """How many rows of the canary are still to come."""
        return max(0, self._wanted - self._entered)

    def enter_behind(self, rows: int) -> None:
        """So many rows after the canary."""
        self._entered += rows

    def enter(self, item: Event | Reject) -> None:
        """A row of the source."""
        if self._entered < self._wanted:
            self._rejected += isinstance(item, Reject)
        self._entered += 1

    def settle(self, outcome: Outcome) -> None:
        """Outcomes; until the canary is judged, they can only be its own."""
        self._rejected += len(outcome.rejected)

    def check(self) -> CanaryError | None:
        """The error to stop with when one of its rows was rejected."""
        if not self._rejected:
            return None
        return CanaryError(
            f"stopped by --canary: {self._rejected:,} of the first {counted(self._wanted, 'row')} rejected",
            hint="look at the rejects, mend the mapping, then run it again with --restart",
        )
