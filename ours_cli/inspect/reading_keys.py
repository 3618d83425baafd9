"""How a file was read, as a map file's `[source]` has it; flags are spelled alike."""

from __future__ import annotations

from typing import Final

from ours_cli.source import ReadOptions

_KEYS: Final = ("format", "delimiter", "quote", "encoding", "header_row", "skip_lines", "no_header")


def reading_keys(read: ReadOptions) -> dict[str, str | int | bool]:
    """The options that are not as usual, by key."""
    usual = ReadOptions()
    return {key: value for key in _KEYS if (value := getattr(read, key)) != getattr(usual, key)}
