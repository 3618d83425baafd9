"""The command that sends a rejects file once it is mended: the one that was typed, for other files."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path
from typing import Final

from ours_cli.source import ReadOptions

WITHOUT_VALUE: Final = {
    *("--no-header", "--send-nulls", "--day-first", "--month-first", "--list-presets"),
    *("--test", "--sandbox", "--dry-run", "--curl", "--restart"),
    *("-q", "--quiet", "-v", "--verbose", "--progress", "--no-progress", "-h", "--help"),
}
"""The flags of a command over rows that take no value."""

_DROPPED: Final = {
    *("--skip-lines", "--header-row", "--encoding", "--rejects", "--report", "--limit", "--expect"),
    *("--canary", "--resume", "--restart"),
    *("--sample", "--shard"),  # to these, a mended row is a different one
}


def mend_command(
    words: Sequence[str],
    files: Sequence[str],
    rejects: Sequence[Path],
    read: ReadOptions,
    codes: Container[str] = (),
) -> list[str]:
    """The command `words` again, on its rejects (of these `codes`) instead of its `files`.

    Rejects begin with their header, are UTF-8 and quoted as usual, and those of JSON are NDJSON: flags that
    say otherwise are dropped, and where a map file or a preset says so, a flag overrides it. Rejects in
    another unit than the other times would be rejected again under the flag that says that one.
    """
    kept = _without(words, files, _misfits(read, codes))
    if any(word.partition("=")[0] in ("--map", "--preset") for word in words):
        kept += ["--skip-lines", "0"] if read.lines_above else []
        kept += ["--encoding", "utf-8"] if read.encoding else []
        kept += ["--quote", '"'] if not read.quote_character else []
        kept += ["--format", "ndjson"] if read.format == "json" else []
    return [kept[0], *map(str, rejects), *kept[1:]]


def _misfits(read: ReadOptions, codes: Container[str]) -> set[str]:
    """The flags that do not fit the rejects."""
    dropped = _DROPPED | ({"--format"} if read.format == "json" else set())
    dropped |= {"--quote"} if not read.quote_character else set()
    return dropped | ({"--epoch-unit"} if "mixed_epoch_units" in codes else set())


def _without(words: Sequence[str], files: Sequence[str], dropped: set[str]) -> list[str]:
    names, kept = set(files), list(words[:1])
    rest = iter(words[1:])
    for word in rest:
        own = [word, next(rest, "")] if _takes_next(word) else [word]
        if word not in names and word.partition("=")[0] not in dropped:
            kept += own
    return kept


def _takes_next(word: str) -> bool:
    """Whether this word of a command line is a flag whose value is the next word."""
    if word.startswith("--"):
        return word != "--" and "=" not in word and word not in WITHOUT_VALUE
    return len(word) == 2 and word.startswith("-") and word not in WITHOUT_VALUE
