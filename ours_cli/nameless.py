"""Words that exports write where they have no id: NULL, undefined, a backslash and N.

To the API they are ids as any other, so all rows that bear one become one visitor. They are sent, since an id
may be spelled so; but the person is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ours_cli.contract import ID_MAX

_BASE: Final = (
    *("null", "(null)", "<null>", "nil", "none", "nan", "n/a", "na", "undefined"),
    *(r"\n", "-", "--", "[object object]", "00000000-0000-0000-0000-000000000000"),
)

WORDS: Final = frozenset(
    spelled for word in _BASE for spelled in (word, word.upper(), word.capitalize(), word.title())
) | {"NaN", "[object Object]"}


def nameless(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys that name the visitor and hold such a word, each with the word; `body` obeys the contract."""
    for key in ID_MAX:
        word = body.get(key)
        if word in WORDS:
            yield key, word
