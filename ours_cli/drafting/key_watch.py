"""Which keys JSON rows have, known only as rows come: those sent, and those left behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, cast

from ours_cli.mapping.exclude import Exclusion
from ours_cli.mapping.tally import REST_OF_CELL, Tally
from ours_cli.record import Fields
from ours_cli.templates.reference import Reference, Steps, key_path
from ours_cli.templates.without import Paths, paths_to


class KeyWatch:
    """Notes the keys of one table's rows, in their order.

    `references` are those of the map, each with the keys that it may read; `star` sends the other keys but
    for those of the `exclusion`. `recognise` says for the first row with keys whether a preset knows it.

    What is left behind below a key is looked up in the first row with that key, and in no other: most rows
    should cost no more than a glance at their keys.
    """

    def __init__(
        self,
        references: Mapping[str, Sequence[str]],
        star: bool,
        exclusion: Exclusion,
        tally: Tally,
        recognise: Callable[[dict[str, Any]], str | None] | None,
    ) -> None:
        self._used: dict[str, list[str]] = {}
        for name, keys in references.items():
            for key in keys:
                self._used.setdefault(key, []).append(name)
        self._used_below = paths_to(_path(name, keys) for name, keys in references.items())
        self._star = star
        self._exclusion = exclusion
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
            self._tally.preset_advice = self._recognise(row) or self._tally.preset_advice
        for key in [key for key in row if key not in known]:
            known.add(key)
            if key in self._used:
                self._tally.sent(self._used[key])
                self._leave(_left_below(key, row[key], self._used_below.get(key)))
            elif self._star and not self._exclusion.leaves_out(key):
                self._tally.sent([key])
                if self._exclusion.has_other_letters(key):
                    self._tally.in_other_letters[key] = None
            else:
                self._leave([key])
        self._leave(name.strip() for name, has in self._exclusion.tests.items() if has(row))

    def _leave(self, names: Iterable[str]) -> None:
        self._tally.columns_left.update((name, None) for name in names)

    def knows_all(self, keys: Collection[str]) -> bool:
        """Whether a row with no other keys than these would tell nothing new."""
        return self._known.issuperset(keys)


def _path(name: str, keys: Sequence[str]) -> Steps:
    """Where a reference leads that may read these keys."""
    root, steps = (name, ()) if keys[-1] == name else key_path(Reference(name))
    return (root, *steps)


def _left_below(name: str, value: object, used: Paths | None) -> Iterator[str]:
    """The keys below one that is used in part, which nothing uses; `used` is None where all of it is."""
    for step, below in (used or {}).items():
        if isinstance(value, list) and isinstance(step, int) and step < len(value):
            yield from _left_below(f"{name}[{step}]", value[step], below)
        elif isinstance(value, dict) and step in value:
            yield from _left_below(f"{name}.{step}", value[step], below)
    if used and isinstance(value, dict):
        yield from (f"{name}.{key}" for key in value if key not in used)
    elif used and isinstance(value, str):  # JSON as text: its keys are not looked up
        yield f"{name}{REST_OF_CELL}"


def keys_of(rows: Sequence[Fields]) -> tuple[str, ...]:
    """The keys of all these rows, which are objects."""
    objects = cast("Sequence[dict[str, Any]]", rows)
    first = objects[0]
    every = set[str]().union(*objects)
    return tuple(first if len(first) == len(every) else dict.fromkeys(chain.from_iterable(objects)))
