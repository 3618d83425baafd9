"""What a run counts in addition to its books: what is sent, but the person should know about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ours_cli.ids.doubtful_ids import doubts

REST_OF_CELL: Final = " (all else in it)"
"""Behind the name of a column of which only parts are sent."""

NO_NAME: Final = " (no name)"
"""Behind the number of a column without a name."""


@dataclass(slots=True)
class Tally:
    """What a run counts in addition to its books: things sent that the person should know about.

    `keys_never_seen` are the keys that `--where` and `--exclude` name and that no row has had yet.
    `doubtful_ids` counts rows by the key that holds such an id and what it is (see `doubtful_ids.doubts`).
    `bare_columns` are columns that the text of a field equals, without braces.
    `left_on_purpose` are the names that `--exclude` gives, as in `columns_left`.
    `in_other_letters` are keys that are sent, and that `--exclude` has in other letters.
    `preset_advice` is the advice that a preset knows these rows, where nothing else was said about them.
    """

    nulls_dropped: int = 0
    long_arrays: int = 0
    untimed: int = 0
    doubtful_ids: Counter[tuple[str, str]] = field(default_factory=Counter)
    columns_sent: dict[str, None] = field(default_factory=dict)
    columns_left: dict[str, None] = field(default_factory=dict)
    left_on_purpose: frozenset[str] = frozenset()
    in_other_letters: dict[str, None] = field(default_factory=dict)
    columns_missing: dict[str, None] = field(default_factory=dict)
    bare_columns: dict[str, None] = field(default_factory=dict)
    keys_never_seen: dict[str, None] = field(default_factory=dict)
    header_zones: dict[str, str] = field(default_factory=dict)
    preset_advice: str = ""

    def note_ids(self, body: Mapping[str, Any]) -> None:
        """Note the doubtful ids by which a body that is sent names its visitor."""
        self.doubtful_ids.update(doubts(body))

    def expect(self, names: Iterable[str]) -> None:
        """Note columns that the mapping uses, until a row of any table has them."""
        self.columns_missing.update((name, None) for name in names if name not in self.columns_sent)

    def sent(self, names: Iterable[str]) -> None:
        """Note columns that the mapping uses and the table has."""
        for name in names:
            self.columns_sent[name] = None
            self.columns_missing.pop(name, None)
