"""The order of the steps: sample, profile, flags, roles, proposal."""

from __future__ import annotations

import time
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from ours_cli.contract import WINDOW_MS
from ours_cli.errors import SourceError
from ours_cli.inspect.findings import Findings
from ours_cli.inspect.profile import Profile, rows_into
from ours_cli.inspect.proposal import propose
from ours_cli.inspect.roles import choose_roles
from ours_cli.inspect.sampling import take_sample
from ours_cli.inspect.sensitive import flag_of
from ours_cli.inspect.start import proposed, with_preset
from ours_cli.inspect.totals import footers
from ours_cli.mapping.presets import Preset, recognise, recognise_headerless
from ours_cli.record import Record
from ours_cli.source import ReadOptions
from ours_cli.source.arguments import Location


def study(
    location: Location,
    argument: str,
    read: ReadOptions,
    *,
    full: bool,
    limit: int | None,
    stdin: BinaryIO | None,
) -> Findings:
    """Look at one source; `argument` is its name as typed. Raises `SourceError` for what is not a table."""
    sample = take_sample(location, read, full=full, limit=limit, stdin=stdin)
    table = sample.table
    now = time.time_ns() // 1_000_000
    profile = Profile((now - WINDOW_MS, now))
    try:
        if table.columns is not None:
            profile.declare(table.columns)
        first = list(islice(sample.rows, 1))
        rows_into(profile, chain(first, sample.rows), table.columns)
    finally:
        table.close()
    _refuse_no_table(table.name, profile, sum(sample.malformed.values()))
    columns = list(profile.columns.values())
    flags = {column.name: flag for column in columns if (flag := flag_of(column)) is not None}
    roles = choose_roles(columns, flags, profile.rows)
    stem = "" if location == "-" else Path(location).name.split(".")[0]
    proposal = propose(roles, columns, flags, profile.rows, stem)
    preset = _preset_of(first[0], sample.read, profile)
    usual = sum(column.filled for column in columns if not column.level) / profile.rows
    return Findings(
        name=table.name,
        sample=sample,
        profile=profile,
        flags=flags,
        roles=roles,
        footers=footers(sample.tail, table.columns, roles.time, usual),
        proposal=proposal,
        start=(
            with_preset(argument, sample.read, preset, profile.columns, table.columns)
            if preset is not None
            else proposed(argument, sample.read, proposal, roles)
        ),
        preset=preset,
    )


def _preset_of(first: Record, read: ReadOptions, profile: Profile) -> Preset | None:
    if read.no_header and not isinstance(first.fields, dict):
        return recognise_headerless(list(first.fields))
    return recognise(_names(profile))


def _names(profile: Profile) -> set[str]:
    """The columns, and for JSON the keys above them too, by which a preset is recognised."""
    paths = [name.split(".") for name in profile.columns]
    return {*profile.columns, *(".".join(path[:end]) for path in paths for end in range(1, len(path)))}


def _refuse_no_table(name: str, profile: Profile, malformed: int) -> None:
    if profile.rows and malformed <= profile.rows:
        return
    if malformed:
        raise SourceError(
            f"{name} is no table: {malformed:,} of {malformed + profile.rows:,} rows cannot be read",
            hint="--format, --delimiter, --quote or --encoding may tell how it is written",
        )
    raise SourceError(f"{name} holds no rows", hint="check that the export was finished")
