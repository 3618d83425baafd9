"""Which rows a run leaves out, decided in bulk while they are drafted, as `selection` does for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ours_cli.mapping.selection import Selection
from ours_cli.mapping.where import NeverSeenKeys, Test, bind_where
from ours_cli.record import Fields
from ours_cli.templates.field_value import FilterProblem


class Sieve:
    """For rows of a table with these columns (None: JSON). `sought` is the run's: sifting never touches it.

    `excluded` says by name whether a row has what is to be left out of it.
    Derived ids are sampled later, since they depend on the rows before.
    """

    def __init__(
        self,
        selection: Selection,
        columns: tuple[str, ...] | None,
        sought: NeverSeenKeys,
        excluded: Mapping[str, Test] | None = None,
    ) -> None:
        self._selection = selection
        self._sought = sought
        self._excluded = excluded or {}
        self._apart = NeverSeenKeys()
        self._keeps = bind_where(selection.where, columns, self._apart)

    def kept(self, rows: Sequence[Fields]) -> list[bool | None] | None:
        """Whether `--where` keeps each row, None for one that it cannot judge; None where it keeps all."""
        keeps = self._keeps
        self._apart.clear()
        for name, has in self._excluded.items():
            self._apart.note_excluded(name, is_found=any(map(has, rows)))
        if keeps is None:
            return None
        kept: list[bool | None]
        try:
            kept = list(map(keeps, rows))
        except FilterProblem:
            kept = [_judged(keeps, row) for row in rows]
        return None if all(kept) else kept

    def sought(self) -> tuple[list[str], list[str]]:
        """What to pass to `note` for the rows judged last, once they count."""
        return [*self._apart.found], [*self._apart.never_found]

    def note(self, sought: tuple[list[str], list[str]]) -> None:
        """The rows for which `sought` returned this count now."""
        self._sought.take(*sought)

    def reasons(
        self, kept: Sequence[bool | None] | None, times: Sequence[int], given: Sequence[str] | None
    ) -> list[str | None] | None:
        """Why each row is left out, None for one that is kept; None altogether where all are kept.

        `times` are in ms since the epoch, `given` the rows' own distinctIds, if any.
        """
        selection = self._selection
        reasons: list[str | None] = [None] * len(times)
        if selection.has_period and (selection.outside(min(times)) or selection.outside(max(times))):
            reasons = list(map(selection.outside, times))
        if selection.sample is not None and given is not None:
            reasons = [
                reason if reason or not own or selection.takes_id(own) else "sample"
                for reason, own in zip(reasons, given, strict=True)
            ]
        if kept is not None:
            reasons = [
                "where" if is_kept is False else reason for reason, is_kept in zip(reasons, kept, strict=True)
            ]
        return reasons if any(reasons) else None


def _judged(keeps: Test, row: Fields) -> bool | None:
    try:
        return keeps(row)
    except FilterProblem:
        return None
