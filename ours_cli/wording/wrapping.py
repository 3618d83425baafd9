"""Lines that fit a terminal: folded between words, with a hanging indent. Pure.

A `width` of None is no terminal: lines stay whole there, for grep.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ours_cli.wording.escape import shell_join, shell_word

_HANG = 2
_NO_BREAK = "\0"  # never in a text that may be shown


def folded(line: str, width: int | None, hang: int | None = None, *, kept: Sequence[str] = ()) -> list[str]:
    """One line as lines of at most `width`, except for words that are longer by themselves.

    Lines after the first begin in column `hang`, by default two columns after where the first one begins.
    Those of `kept` that have blanks, such as paths, are one word.
    """
    if width is None or len(line) <= width:
        return [line]
    import textwrap  # only a terminal that is too narrow pays for it

    if hang is None:
        hang = _indent(line) + _HANG
    for text in kept:
        line = line.replace(text, text.replace(" ", _NO_BREAK))
    parts = textwrap.wrap(
        line, width, subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False
    )
    return [part.replace(_NO_BREAK, " ") for part in parts]


def folded_all(lines: Iterable[str], width: int | None, kept: Sequence[str] = ()) -> list[str]:
    """Every line as `folded`."""
    return [part for line in lines for part in folded(line, width, kept=kept)]


def folded_path(label: str, path: str, width: int | None) -> list[str]:
    """A label and a path; where both are too long, the path has a line of its own.

    It stays whole there, however long it is and whatever spaces are in it, so that it can be copied.
    """
    line = f"{label} {path}"
    if width is None or len(line) <= width:
        return [line]
    return [label.rstrip(), " " * (_indent(label) + _HANG) + path]


def folded_command(label: str, command: str, width: int | None) -> list[str]:
    """A label and a command made by `shlex.join`; where both are too long, a shell still takes what is shown.

    The command then begins on a line of its own, and goes on after backslashes.
    """
    import shlex

    words = shlex.split(command)
    line = f"{label} {shell_join(words)}"
    if width is None or len(line) <= width:
        return [line]
    indent = _indent(label) + _HANG
    lines: list[str] = [label.rstrip()]
    row = ""
    for word in map(shell_word, words):
        if row and indent + len(row) + len(word) + len("  \\") > width:
            lines.append(" " * indent + row + " \\")
            row, indent = "", _indent(label) + 2 * _HANG
        row = f"{row} {word}" if row else word
    return [*lines, " " * indent + row]


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def says_a_command(text: str) -> bool:
    """Whether a message holds a command line of ours, which must stay whole so that it can be copied."""
    return any(mark in text for mark in (": ours ", "; ours ", "'ours "))
