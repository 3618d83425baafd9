"""Which keys JSON rows have, known only as rows come: those sent, and those left behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, cast

from ours_cli.mapping.fields import FieldMap
from ours_cli.mapping.tally import Tally
from ours_cli.record import Fields


class KeyWatch:
    """Notes the keys of one table's rows, in their order.

    `references` are those of the map, each with the keys that it may read. `recognise` says for the first row
    with keys whether a preset knows it.
    """

    def __init__(
        self,
        references: Mapping[str, Iterable[str]],
        fields: FieldMap,
        tally: Tally,
        recognise: Callable[[dict[str, Any]], str | None] | None,
    ) -> None:
        self._used: dict[str, list[str]] = {}
        for name, keys in references.items():
            for key in keys:
                self._used.setdefault(key, []).append(name)
        self._fields = fields
        self._tally = tally
        self._recognise = recognise
        self._known: set[str] = set()

    def __call__(self, row: Fields) -> None:
        """The next row."""
        assert isinstance(row, dict)
        known = self._known
        if row.keys() <= known:
            return
        if self._recognise is not None and not known:
            self._tally.known_as = self._recognise(row) or self._tally.known_as
        for key in [key for key in row if key not in known]:
            known.add(key)
            if key in self._used:
                self._tally.sent(self._used[key])
            elif self._fields.star and key not in self._fields.exclude:
                self._tally.sent([key])
            else:
                self._tally.columns_left[key] = None

    def knows_all(self, keys: Collection[str]) -> bool:
        """Whether a row with no other keys than these would tell nothing new."""
        return self._known.issuperset(keys)


def keys_of(rows: Sequence[Fields]) -> tuple[str, ...]:
    """The keys of all these rows, which are objects."""
    objects = cast("Sequence[dict[str, Any]]", rows)
    first = objects[0]
    every = set[str]().union(*objects)
    return tuple(first if len(first) == len(every) else dict.fromkeys(chain.from_iterable(objects)))
