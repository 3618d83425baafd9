"""How words of column names are written down as data: as sets, and as signs of what a column holds."""

from __future__ import annotations

from typing import NamedTuple


class Sign(NamedTuple):
    """What a column holds, by its name: by one of its `words`, by its `last` word, by a phrase, or `alone`.

    `of_values` says that the name means a value only: `password_changed_at` is a time and `has_password` an
    answer, so neither is a secret. `coded` says that the value is often written as a code, with a name that
    tells so at its end (`SEX_C`, `race_concept_id`): `alone` and `last` are looked for without that, too.
    """

    what: str
    words: frozenset[str]
    phrases: tuple[str, ...] = ()
    last: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    of_values: bool = False
    coded: bool = False


def words(*texts: str) -> frozenset[str]:
    """Each word of the texts."""
    return frozenset(" ".join(texts).split())


def names(*whole: str) -> frozenset[str]:
    """Whole names, which may be of several words."""
    return frozenset(whole)
