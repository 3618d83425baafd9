"""The arguments of a run without the values that they may say of people: names of columns stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ours_cli.cli.typed_words import Typed, typed

_MASK: Final = "***"

_CONDITION: Final = re.compile(r'(\s*"(?:[^"]|"")*"\s*(?:!=|[=~])|.*?(?:!=|[=~]))(.+)', re.DOTALL)
_ASSIGNMENT: Final = re.compile(r"((?:\\[=:@\\]|.)*?:?=)(?!@)(.+)", re.DOTALL)
_WHOLE: Final = re.compile(r"()(.+)", re.DOTALL)

_WRITTEN: Final = {
    "--where": _CONDITION,
    **dict.fromkeys(
        ("--external-id", "--user-id", "--email", "--distinct-id", "--ip", "--user-agent"), _WHOLE
    ),
    **dict.fromkeys(("-p", "--property", "-u", "--user-property", "-d", "--default-property"), _ASSIGNMENT),
}
"""How the flags that may hold a value are written: what is before it, and the value."""


def masked(words: Sequence[str]) -> list[str]:
    """The words of a command line; values of conditions, and texts without a placeholder, are masked."""
    return [word for own in typed(words) for word in _masked(own)]


def _masked(own: Typed) -> tuple[str, ...]:
    if own.value is None or own.flag not in _WRITTEN:
        return own.words
    *before, last = own.words
    return *before, last.removesuffix(own.value) + _without_value(own.flag, own.value)


def _without_value(flag: str, text: str) -> str:
    found = _WRITTEN[flag].fullmatch(text)
    is_template = flag != "--where" and "{" in text.replace("{{", "")
    return text if found is None or is_template else found[1] + _MASK
