"""The command that sends a rejects file once it is mended: the one that was typed, for other files."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path
from typing import Final

from ours_cli.cli.typed_words import typed, with_flags
from ours_cli.source import ReadOptions

_DROPPED: Final = {
    *("--skip-lines", "--header-row", "--encoding", "--rejects", "--report", "--limit", "--expect"),
    *("--canary", "--resume", "--restart"),
    "--max-rejects",  # it is about a whole export: of a few bad rows, 1% is none
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
    command, *rest = words
    names, dropped = set(files), _misfits(read, codes)
    kept = [
        word
        for own in typed(rest)
        if own.flag not in dropped and (own.flag or own.value not in names)
        for word in own.words
    ]
    if any(own.flag in ("--map", "--preset") for own in typed(rest)):
        more = ["--skip-lines", "0"] if read.lines_above else []
        more += ["--encoding", "utf-8"] if read.encoding else []
        more += ["--quote", '"'] if not read.quote_character else []
        more += ["--format", "ndjson"] if read.format == "json" else []
        kept = with_flags(kept, more)
    return [command, *map(str, rejects), *kept]


def _misfits(read: ReadOptions, codes: Container[str]) -> set[str]:
    """The flags that do not fit the rejects."""
    dropped = _DROPPED | ({"--format"} if read.format == "json" else set())
    dropped |= {"--quote"} if not read.quote_character else set()
    return dropped | ({"--epoch-unit"} if "mixed_epoch_units" in codes else set())
