"""Texts as the server will have them: it trims them all (contract: one event), by rules nobody has told."""

from __future__ import annotations

from typing import Final

BYTE_ORDER_MARK: Final = "\ufeff"
"""White space to JavaScript, and none to Python. It stands within texts where files with one were joined."""

_BLANKS: Final = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000" + BYTE_ORDER_MARK
)
"""What Python's strip takes, and JavaScript's trim."""


def trimmed(text: str) -> str:
    """The text without what Python's strip takes from its ends, or JavaScript's trim would.

    Else two ids could become one at the server, and the second event would be lost as a repeat.
    """
    return text.strip(_BLANKS)
