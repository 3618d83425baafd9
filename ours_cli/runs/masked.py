"""The arguments of a run without the values that they may say of people: names of columns stay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

_MASK: Final = "***"

_CONDITION: Final = re.compile(r'(\s*"(?:[^"]|"")*"\s*(?:!=|[=~])|.*?(?:!=|[=~]))(.+)', re.DOTALL)
_ASSIGNMENT: Final = re.compile(r"((?:\\[=:@\\]|.)*?:?=)(?!@)(.+)", re.DOTALL)
_WHOLE: Final = re.compile(r"()(.+)", re.DOTALL)
_SHORT: Final = re.compile(r"(-[qv]*[pud])(.*)", re.DOTALL)

_WRITTEN: Final = {
    "--where": _CONDITION,
    **dict.fromkeys(
        ("--external-id", "--user-id", "--email", "--distinct-id", "--ip", "--user-agent"), _WHOLE
    ),
    **dict.fromkeys(("--property", "--user-property", "--default-property"), _ASSIGNMENT),
}
"""How the flags that may hold a value are written: what is before it, and the value."""


def masked(words: Sequence[str]) -> list[str]:
    """The words of a command line; values of conditions, and texts without a placeholder, are masked."""
    return list(_masked(iter(words)))


def _masked(rest: Iterator[str]) -> Iterator[str]:
    for word in rest:
        flag, equals, value = word.partition("=")
        if word == "--":
            yield word
            yield from rest
        elif flag in _WRITTEN and equals:
            yield flag + equals + _without_value(flag, value)
        elif flag in _WRITTEN:
            yield word
            yield from (_without_value(flag, value) for value in _next(rest))
        elif (short := _SHORT.fullmatch(word)) is not None:
            yield short[1] + _without_value("--property", short[2])
            if not short[2]:
                yield from (_without_value("--property", value) for value in _next(rest))
        else:
            yield word


def _next(rest: Iterator[str]) -> Iterator[str]:
    yield next(rest, "")


def _without_value(flag: str, text: str) -> str:
    found = _WRITTEN[flag].fullmatch(text)
    is_template = flag != "--where" and "{" in text.replace("{{", "")
    return text if found is None or is_template else found[1] + _MASK
