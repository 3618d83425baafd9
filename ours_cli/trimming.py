"""Texts as the server will have them: it trims them all (contract: one event), by rules nobody has told."""

from __future__ import annotations

from typing import Final

BYTE_ORDER_MARK: Final = "\ufeff"
"""White space to JavaScript, and none to Python. It stands within texts where files with one were joined."""


def trimmed(text: str) -> str:
    """The text without what Python's strip takes from its ends, or JavaScript's trim would.

    Else two ids could become one at the server, and the second event would be lost as a repeat.
    """
    text = text.strip()
    while text.startswith(BYTE_ORDER_MARK) or text.endswith(BYTE_ORDER_MARK):
        text = text.strip(BYTE_ORDER_MARK).strip()
    return text
