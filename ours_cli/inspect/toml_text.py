"""Comments and values as TOML writes them."""

from __future__ import annotations

from ours_cli.wording.escape import printable


def comment(text: str) -> str:
    """A comment on one line."""
    return "# " + " ".join(printable(text).split())


def toml_value(value: str | int | bool) -> str:
    """A text, a whole number, or true and false."""
    return basic_string(value) if isinstance(value, str) else str(value).lower()


def basic_string(text: str) -> str:
    r"""A TOML basic string; control characters as `\u0007`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(letter if letter.isprintable() or letter == " " else _escaped(letter) for letter in escaped)
        + '"'
    )


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
