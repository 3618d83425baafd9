"""The proposal as a map file (TOML) with comments, for `--map`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ours_cli.inspect.command_line import reading_keys
from ours_cli.inspect.findings import Findings
from ours_cli.inspect.preset_map import preset_map_text
from ours_cli.inspect.proposal import Property
from ours_cli.inspect.toml_text import basic_string, comment, toml_value
from ours_cli.inspect.visitors import OF_THEIR_OWN

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def map_text(found: Findings) -> str:
    """The whole file, a preset's where one knows the export. It holds no row's value."""
    if found.preset is not None:
        return preset_map_text(found, found.preset)
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Findings) -> Iterator[str]:
    proposal = found.proposal
    yield comment(f"A mapping to start from, made by `ours inspect` from {found.sample.looked_at:,} rows.")
    yield comment(f"Try it with: ours {proposal.runs} FILE --map THIS --dry-run")
    yield comment("A column that no template names is never sent.")
    for need in proposal.needs:
        yield comment(f"TO SETTLE: {need}")
    for note in proposal.notes:
        yield comment(f"Note: {note}")
    yield ""
    if proposal.runs == "identify":
        yield from _visitor(found)
        return
    yield _entry("event", proposal.event)
    yield _entry("time", proposal.time)
    yield _entry("externalId", proposal.external_id)
    yield _entry("email", proposal.email)
    yield _entry("distinctId", proposal.distinct_id)
    yield ""
    yield from _source(found)
    yield "[eventProperties]"
    for entry in proposal.properties:
        yield _property(entry.key, entry)


def _visitor(found: Findings) -> Iterator[str]:
    proposal = found.proposal
    yield _entry("externalId", proposal.external_id)
    yield _entry("email", proposal.email)
    yield ""
    yield from _source(found)
    own = [entry for entry in proposal.properties if entry.key.startswith(OF_THEIR_OWN)]
    yield "[userProperties]"
    for entry in proposal.properties:
        if entry not in own:
            yield _property(entry.key, entry)
    yield ""
    yield f"[userProperties.{OF_THEIR_OWN[:-1]}]"
    for entry in own:
        yield _property(entry.key.removeprefix(OF_THEIR_OWN), entry)


def _source(found: Findings) -> Iterator[str]:
    proposal = found.proposal
    yield "[source]"
    for key, value in reading_keys(found.sample.read).items():
        yield f"{key} = {toml_value(value)}"
    if proposal.time_format:
        yield f"time_format = {basic_string(proposal.time_format)}"
    if proposal.zone:
        yield f"timezone = {basic_string(proposal.zone)}"
    if proposal.order:
        yield f"date_order = {basic_string(proposal.order)}"
    elif any(need.startswith("--day-first") for need in proposal.needs):
        yield '# date_order = "day"    # or "month": see above'
    yield ""


def _entry(key: str, template: str | None) -> str:
    return f'# {key} = "{{column}}"' if template is None else f"{key} = {basic_string(template)}"


def _property(name: str, entry: Property) -> str:
    key = name if _BARE_KEY.fullmatch(name) else basic_string(name)
    line = f"{key} = {basic_string(entry.template)}"
    return f"# {line}  # {entry.why_not}" if entry.why_not else line
