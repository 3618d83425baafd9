"""What bash is to insert at a TAB: it takes a word as it stands, where other shells quote it themselves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any, Final

_UNQUOTED: Final = re.compile(r"[^\w./:=@%+{}-]|(?<=\.)\.")
_DOUBLE_QUOTED: Final = re.compile(r'["$`\\]')


class _Word(str):
    """What bash inserts as it stands; Typer compares what was typed with the text that bash makes of it."""

    plain: str
    __slots__ = ("plain",)

    def startswith(self, prefix: str | tuple[str, ...], *bounds: Any) -> bool:
        return self.plain.startswith(prefix, *bounds)


def join_flag_values() -> None:
    """Put each `--flag=VALUE`, which bash cuts in three, in order for Typer: as `--flag VALUE`."""
    words, at = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
    for cut in range(len(words) - 2, 1, -1):
        if words[cut] == "=" and words[cut - 1].startswith("--") and cut < at:
            del words[cut]
            at -= 1
    os.environ.update(COMP_WORDS="\n".join(words), COMP_CWORD=str(at))


def bash_words(offered: Iterable[str]) -> list[str]:
    """The texts as they are to be typed where the word stands: bash inserts what it is given, and no more."""
    # One word a line, each as it was typed; only this tells whether a quote is open.
    words, at = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
    quote = _open_quote(words[at] if at < len(words) else "")
    found: list[str] = []
    for text in offered:
        if quote == '"' and "!" in text:
            continue  # within double quotes nothing keeps bash from taking it for history
        word = _Word(_quoted(text, quote))
        word.plain = text
        found.append(word)
    return found


def _quoted(text: str, quote: str) -> str:
    if quote == "'":
        return text.replace("'", r"'\''")
    return (_DOUBLE_QUOTED if quote else _UNQUOTED).sub(r"\\\g<0>", text)


def _open_quote(word: str) -> str:
    """The quote that is open at the end of a word that is being typed, if one is."""
    quote, characters = "", iter(word)
    for character in characters:
        if character == "\\" and quote != "'":
            next(characters, None)
        elif character == quote:
            quote = ""
        elif character in "'\"" and not quote:
            quote = character
    return quote
