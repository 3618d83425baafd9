"""The order of the steps: sample, profile, flags, roles, proposal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from ours_cli.contract import WINDOW_MS
from ours_cli.errors import SourceError
from ours_cli.inspect.findings import Findings
from ours_cli.inspect.profile import Profile, rows_into
from ours_cli.inspect.proposal import propose
from ours_cli.inspect.roles import Roles, choose_roles
from ours_cli.inspect.sampling import TAIL_ROWS, Sample, take_sample
from ours_cli.inspect.sensitive import Flag, flags_of
from ours_cli.inspect.start import proposed, with_preset
from ours_cli.inspect.totals import Footer, footers, suspects
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
        flags, roles, found = _profiled(profile, chain(first, sample.rows), sample)
    finally:
        table.close()
    _refuse_no_table(table.name, profile, sum(sample.malformed.values()))
    columns = list(profile.columns.values())
    stem = "" if location == "-" else Path(location).name.split(".")[0]
    proposal = propose(roles, columns, flags, profile.rows, stem, table.place)
    preset = _preset_of(first[0], sample.read, profile)
    return Findings(
        name=table.name,
        sample=sample,
        profile=profile,
        flags=flags,
        roles=roles,
        footers=found,
        proposal=proposal,
        start=(
            with_preset(argument, sample.read, preset, profile.columns, table.columns)
            if preset is not None
            else proposed(argument, sample.read, proposal, roles)
        ),
        preset=preset,
    )


def _profiled(
    profile: Profile, rows: Iterator[Record], sample: Sample
) -> tuple[dict[str, Flag], Roles, list[Footer]]:
    """Enter all rows but those at the end that turn out to be no records: a total makes a text of any id.

    Which rows these are depends on the column of times, and which column that is on the other rows.
    """
    header = sample.table.columns
    last: deque[Record] = deque()
    rows_into(profile, _without_last(rows, last), header)
    suspected = {id(row) for row in suspects(sample.tail, header)}
    rows_into(profile, (row for row in last if id(row) not in suspected), header)
    flags, roles = _judged(profile)
    found = footers(sample.tail, header, roles.time, _usual_cells(profile))
    left_out = {id(footer.record) for footer in found}
    honest = [row for row in last if id(row) in suspected - left_out]
    if honest:
        rows_into(profile, iter(honest), header)
        flags, roles = _judged(profile)
        found = found or footers(sample.tail, header, roles.time, _usual_cells(profile))
    return flags, roles, found


def _without_last(rows: Iterator[Record], last: deque[Record]) -> Iterator[Record]:
    """All but the last rows, which are kept in `last`."""
    for row in rows:
        last.append(row)
        if len(last) > TAIL_ROWS:
            yield last.popleft()


def _judged(profile: Profile) -> tuple[dict[str, Flag], Roles]:
    columns = list(profile.columns.values())
    flags = flags_of(columns)
    return flags, choose_roles(columns, flags, profile.rows)


def _usual_cells(profile: Profile) -> float:
    """Cells that are filled in a usual row."""
    filled = sum(column.filled for column in profile.columns.values() if not column.level)
    return filled / profile.rows if profile.rows else 0


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
