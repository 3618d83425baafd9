"""Everything found in one file, as a value; and the same for scripts (`-o json`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ours_cli.inspect.column import Column
from ours_cli.inspect.profile import Profile
from ours_cli.inspect.proposal import Proposal
from ours_cli.inspect.roles import Roles
from ours_cli.inspect.sampling import Sample
from ours_cli.inspect.sensitive import Flag
from ours_cli.inspect.start import Start
from ours_cli.inspect.totals import Footer
from ours_cli.mapping.presets import Preset


@dataclass(frozen=True, slots=True)
class Findings:
    """What `inspect` knows of one source."""

    name: str
    sample: Sample
    profile: Profile
    flags: Mapping[str, Flag]
    roles: Roles
    footers: Sequence[Footer]
    proposal: Proposal
    start: Start
    preset: Preset | None

    @property
    def columns(self) -> list[Column]:
        """The columns in their order."""
        return list(self.profile.columns.values())

    @property
    def times(self) -> list[Column]:
        """The columns that hold times."""
        return [column for column in self.columns if column.is_time]

    def shows_range(self, column: Column, *, show_values: bool) -> bool:
        """Whether the first and last time may be shown: for dates of birth they are two people's values."""
        return show_values or column.name not in self.flags

    @property
    def ids(self) -> list[Column]:
        """The columns that look like identifiers: of each row (no value twice), or of people."""
        chosen = (self.roles.event_id, self.roles.person)
        return [
            column
            for column in self.columns
            if column in chosen or (column.kinds["uuid"] and column.share("uuid") >= 0.9)
        ]


def to_json(found: Findings, *, show_values: bool) -> dict[str, Any]:
    """The object of `-o json`; without `show_values` no row's value is in it."""
    sample, table, proposal = found.sample, found.sample.table, found.proposal
    return {
        "command": "inspect",
        "file": found.name,
        "format": table.format,
        "encoding": table.encoding,
        "delimiter": table.dialect.delimiter if table.columns is not None else None,
        "header_line": table.header_line or None,
        "notes": [*sample.doubts, *table.notes],
        "footers": [{"line": footer.line or None, "why": footer.why} for footer in found.footers],
        "rows": {
            "looked_at": sample.looked_at,
            "whole": sample.whole,
            "how": sample.how,
            "short": found.profile.short,
            "malformed": dict(sample.malformed),
            "malformed_lines": sorted(chain.from_iterable(sample.malformed_lines.values())),
        },
        "columns": [_column(column, found, show_values=show_values) for column in found.columns],
        "times": [
            _time(column, shows_range=found.shows_range(column, show_values=show_values))
            for column in found.times
        ],
        "preset": found.preset.name if found.preset else None,
        "ids": [column.name for column in found.ids],
        "proposal": {
            "runs": proposal.runs,
            **proposal.templates,
            "timezone": proposal.zone,
            "date_order": proposal.order,
            "time_format": proposal.time_format,
            "properties": {entry.key: entry.template for entry in proposal.properties if not entry.why_not},
            "left_behind": {
                entry.column.name: entry.why_not for entry in proposal.properties if entry.why_not
            },
            "needs": list(found.start.needs),
            "notes": list(found.start.notes),
            "command": found.start.command,
        },
    }


def _column(column: Column, found: Findings, *, show_values: bool) -> dict[str, Any]:
    flag = found.flags.get(column.name)
    return {
        "name": column.name,
        "type": column.type,
        "filled": _share(column.filled, found.profile.rows),
        "distinct": column.distinct_values,
        "distinct_is_exact": column.distinct.is_exact,
        "example": column.example if show_values else column.masked_example,
        "flag": flag.what if flag else None,
        "flagged_by": flag.by if flag else None,
    }


def _time(column: Column, *, shows_range: bool) -> dict[str, Any]:
    moments, span = column.moments, column.moments.span
    return {
        "name": column.name,
        "formats": dict(moments.formats.most_common(5)),
        "zone": zone_of(column),
        "order": moments.order,
        "first_ms": span.first if shows_range else None,
        "last_ms": span.last if shows_range else None,
        "readable": _share(moments.readable, column.filled),
        "in_window": _share(span.in_window, span.count),
    }


def zone_of(column: Column) -> str:
    """Whether the times state their zone: `stated`, `none` or `mixed`."""
    naive = column.moments.naive
    return "stated" if not naive else "none" if naive == column.moments.readable else "mixed"


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
