"""What belongs to the texts of a column, as a table.

Values repeat within a column (states, flags, quantities), so each is worked out once and then looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ours_cli.exact_json import SCALARS
from ours_cli.templates.field_value import Absent

_ENTRIES_MAX: Final = 512
_TEXT_MAX: Final = 64
"""Characters of the longest text that is remembered: a table holds a hundred kilobytes at most."""

_LASTING: Final = SCALARS | {Absent, type(None)}
"""Types of the values that are remembered: what nobody can change."""


class TextTable(dict[str, Any]):
    """Looks up, or works out, what belongs to a text.

    What `work_out` raises passes through and is not remembered. Lists and objects are made anew each time.
    """

    def __init__(self, work_out: Callable[[str], object]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, text: str) -> object:
        value = self._work_out(text)
        if len(self) < _ENTRIES_MAX and len(text) <= _TEXT_MAX and type(value) in _LASTING:
            self[text] = value
        return value
