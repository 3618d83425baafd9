"""Foreign text on a terminal: file names, headers and server codes shown so that they cannot steer it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

_KEPT = frozenset("\n\t")


def printable(text: str) -> str:
    r"""Write control characters, escapes, bidi marks and lone surrogates as `\x1b` or `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in _KEPT or _is_safe(char) else _escaped(char) for char in text)


def on_one_line(text: str) -> str:
    r"""As `printable`, with line ends and tabs written as `\x0a` and `\x09`: for a cell of a table."""
    return "".join(_escaped(char) if char in _KEPT else char for char in printable(text))


def shell_word(text: str) -> str:
    r"""Quote a word for a shell; where `printable` would escape something, as bash and zsh read: `$'\x0b'`.

    Line ends and tabs are escaped, too: a terminal into which a tab is pasted takes it for a request.
    """
    import shlex  # nothing of the kind is shown by --help

    if printable(text) == text and _KEPT.isdisjoint(text):
        return shlex.quote(text)
    return "$'" + "".join(map(_in_dollar_quotes, text)) + "'"


def shell_join(words: Iterable[str]) -> str:
    """A command line that can be shown, and copied from the screen."""
    return " ".join(map(shell_word, words))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON as people read it; in ASCII where it holds something that could steer a terminal."""
    from ours_cli.exact_json import JsonStyle, write_json  # --help never needs it

    style = JsonStyle(indent=indent, gap=" ")
    text = write_json(value, style)
    return text if printable(text) == text else write_json(value, style._replace(ascii_only=True))


def _is_safe(char: str) -> bool:
    # Cc control, Cf format (bidi marks among them), Cs surrogate, Co private, Cn unassigned, Zl/Zp separators
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _in_dollar_quotes(char: str) -> str:
    if char in "\\'":
        return f"\\{char}"
    if char not in _KEPT and _is_safe(char):
        return char
    code = ord(char)
    if 0xDC80 <= code < 0xDD00:
        return f"\\x{code - 0xDC00:02x}"  # a byte that was no UTF-8, as Python keeps it
    # Beyond ASCII, \x would be a byte and not a character.
    return _escaped(char) if code < 0x80 or code > 0xFF else f"\\u{code:04x}"


def _escaped(char: str) -> str:
    return f"\\x{ord(char):02x}" if char.isascii() else char.encode("ascii", "backslashreplace").decode()
