"""Foreign text on a terminal: file names, headers and server codes shown so that they cannot steer it."""

from __future__ import annotations

import unicodedata
from typing import Any

_KEPT = frozenset("\n\t")


def printable(text: str) -> str:
    r"""Write control characters, escapes, bidi marks and lone surrogates as `\x1b` or `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in _KEPT or _is_safe(char) else _escaped(char) for char in text)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON as people read it; in ASCII where it holds something that could steer a terminal."""
    import json  # --help never needs it

    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text if printable(text) == text else json.dumps(value, indent=indent)


def _is_safe(char: str) -> bool:
    # Cc control, Cf format (bidi marks among them), Cs surrogate, Co private, Cn unassigned, Zl/Zp separators
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
