"""A command line over rows as it was typed: which words are flags, and which are their values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final, NamedTuple

WITHOUT_VALUE: Final = frozenset(
    (
        *("--no-header", "--send-nulls", "--day-first", "--month-first", "--list-presets"),
        *("--test", "--sandbox", "--dry-run", "--curl", "--restart"),
        *("-q", "--quiet", "-v", "--verbose", "--progress", "--no-progress", "-h", "--help", "--"),
    )
)
"""The flags of a command over rows that take no value, and `--`, which ends them."""

_PIPES_OF_SHELL: Final = ("/dev/fd/", "/proc/self/fd/")
_WITHOUT_VALUE_SHORT: Final = "".join(flag[1] for flag in WITHOUT_VALUE if len(flag) == 2)


class Typed(NamedTuple):
    """A flag and its value as they were typed; the value is the last of the `words`, or its end.

    `flag` is "-p" in `-qp`, and empty for a word that is no flag: that is a value by itself.
    """

    flag: str
    value: str | None
    words: tuple[str, ...]


def typed(words: Iterable[str]) -> Iterator[Typed]:
    """The words of a command line, each flag with its value."""
    rest = iter(words)
    for word in rest:
        flag, value = _flag(word)
        if value is None and flag not in WITHOUT_VALUE:
            value = next(rest, "")
            yield Typed(flag, value, (word, value))
        else:
            yield Typed(flag, value, (word,))
        if flag == "--":
            yield from (Typed("", after, (after,)) for after in rest)


def _flag(word: str) -> tuple[str, str | None]:
    """The flag of a word and the value that is in the same word, None where there is none."""
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
        return flag, value if equals else None
    if not word.startswith("-") or word == "-":
        return "", word
    taker = word[1:].lstrip(_WITHOUT_VALUE_SHORT)
    return (f"-{taker[0]}", taker[1:] or None) if taker else (f"-{word[-1]}", None)


def with_flags(words: Sequence[str], flags: Iterable[str]) -> list[str]:
    """The command line with more flags, which override those that it has: last, but before `--`."""
    before = [word for own in takewhile(lambda own: own.flag != "--", typed(words)) for word in own.words]
    return [*before, *flags, *words[len(before) :]]


def going_on(words: Iterable[str]) -> list[str]:
    """The command line that goes on with its run: the same, but not from the start again.

    The pipe that a shell makes of `>(gzip >x)` is gone with the command that it was made for.
    """
    return [
        word for own in typed(words) if own.flag != "--restart" and not _is_to_pipe(own) for word in own.words
    ]


def _is_to_pipe(own: Typed) -> bool:
    return own.flag in ("--rejects", "--report") and (own.value or "").startswith(_PIPES_OF_SHELL)
