"""The proposal as a map file (TOML) with comments, for `ours backfill --map`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ours_cli.escape import printable
from ours_cli.inspect.findings import Findings
from ours_cli.inspect.proposal import Property

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def map_text(found: Findings) -> str:
    """The whole file. No value of any row is in it."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Findings) -> Iterator[str]:
    proposal = found.proposal
    yield _comment(f"A mapping to start from, made by `ours inspect` from {found.sample.looked_at:,} rows.")
    yield _comment("Try it with: ours backfill FILE --map THIS --dry-run")
    yield _comment("A column that no template names is never sent.")
    if (preset := found.preset) is not None:
        yield _comment(f"The preset {preset.name} fits this export better: ours {preset.command} FILE")
        yield _comment(f"--preset {preset.name}. It leaves behind what may stand here: {preset.leaves}.")
    for need in proposal.needs:
        yield _comment(f"TO SETTLE: {need}")
    for note in proposal.notes:
        yield _comment(f"Note: {note}")
    yield ""
    yield f"event = {_string(proposal.event)}"
    yield _entry("time", proposal.time)
    yield _entry("externalId", proposal.external_id)
    yield _entry("email", proposal.email)
    yield _entry("distinctId", proposal.distinct_id)
    yield ""
    yield from _source(found)
    yield "[eventProperties]"
    for entry in proposal.properties:
        yield _property(entry)


def _source(found: Findings) -> Iterator[str]:
    told, proposal = found.sample.read, found.proposal
    yield "[source]"
    for key in ("format", "delimiter", "quote", "encoding"):
        if (value := getattr(told, key)) is not None:
            yield f"{key} = {_string(value)}"
    if told.header_row is not None:
        yield f"header_row = {told.header_row}"
    if told.skip_lines:
        yield f"skip_lines = {told.skip_lines}"
    if told.no_header:
        yield "no_header = true"
    if proposal.zone:
        yield f"timezone = {_string(proposal.zone)}"
    if proposal.order:
        yield f"date_order = {_string(proposal.order)}"
    elif any(need.startswith("--day-first") for need in proposal.needs):
        yield '# date_order = "day"    # or "month": see above'
    yield ""


def _entry(key: str, template: str | None) -> str:
    return f'# {key} = "{{column}}"' if template is None else f"{key} = {_string(template)}"


def _property(entry: Property) -> str:
    key = entry.key if _BARE_KEY.fullmatch(entry.key) else _string(entry.key)
    line = f"{key} = {_string(entry.template)}"
    return f"# {line}  # {entry.why_not}" if entry.why_not else line


def _comment(text: str) -> str:
    return "# " + " ".join(printable(text).split())


def _string(text: str) -> str:
    r"""A TOML basic string; control characters as `\u0007`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(letter if letter.isprintable() or letter == " " else _escaped(letter) for letter in escaped)
        + '"'
    )


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
