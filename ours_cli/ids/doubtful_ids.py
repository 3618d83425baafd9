"""Ids that name nobody, or many: `NULL` and its like, templates that nothing filled in, and numbers whose
last digits a spreadsheet cut.

To the API they are ids like any other, so all rows with one become one visitor. They are sent, since an id
may be spelled so; but the person is warned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ours_cli.contract import ID_MAX

_BASE: Final = (
    *("null", "(null)", "<null>", "nil", "none", "nan", "n/a", "na", "undefined", r"\n", "-", "--"),
    *("[object object]", "00000000-0000-0000-0000-000000000000"),
)
KEYS_OF_NOBODY: Final = frozenset({"0", "-1", "-2", "-3"})
"""What shops put for a guest, and warehouses for people not known. In one row alone, 0 may be a person's."""

WORDS: Final = frozenset(
    spelled for word in _BASE for spelled in (word, word.upper(), word.capitalize(), word.title())
) | {"NaN", "[object Object]", *KEYS_OF_NOBODY}
"""What exports and programs write for a missing id."""

CUT: Final = "scientific notation"
"""In place of a word: the id is a number that a spreadsheet rounded, `1.23457E+11`."""

UNFILLED: Final = "{{ }}"
"""In place of a word: the id holds a template, as `{{ customer.id }}`, that was to be filled in before."""

_EXPONENT: Final = "E+"
_OPENING: Final = "{{"
_CUT: Final = re.compile(r"-?[0-9](?:[.,][0-9]+)?E\+[0-9]{2,3}")


_TEMPLATE: Final = re.compile(r"\{\{[^{}]*\}\}")


def is_unfilled(text: str) -> bool:
    """Whether there is a template in double braces in a text."""
    return _OPENING in text and _TEMPLATE.search(text) is not None


def are_sure(ids: Iterable[str]) -> bool:
    """Whether none of these is doubtful; false may also mean that each must be looked at."""
    if not WORDS.isdisjoint(ids):
        return False
    text = "".join(ids)
    return _EXPONENT not in text and _OPENING not in text


def is_sure(text: str) -> bool:
    """Whether an id is not doubtful."""
    return text not in WORDS and not is_cut(text) and not is_unfilled(text)


def is_cut(text: str) -> bool:
    """Whether it is a number that a spreadsheet rounded, as `CUT`."""
    return _EXPONENT in text and _CUT.fullmatch(text) is not None


def doubts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys with a doubtful visitor id, each with the word, `CUT` or `UNFILLED`; the contract holds."""
    for key in ID_MAX:
        text = body.get(key)
        if text and not is_sure(text):
            yield key, text if text in WORDS else CUT if is_cut(text) else UNFILLED
