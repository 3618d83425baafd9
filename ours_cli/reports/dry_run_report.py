"""The result of a `--dry-run` of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from ours_cli.mapping.tally import Tally
from ours_cli.reports.histogram import date_of
from ours_cli.reports.preview import Preview
from ours_cli.reports.report import Books


class DryRunReport(NamedTuple):
    """What a run would do. `templates` is what makes each field; `hints` say by reject code what to do."""

    command: str
    preview: Preview
    books: Books
    tally: Tally
    templates: Mapping[str, str] = {}
    hints: Mapping[str, str] = {}

    def to_json(self, warnings: list[str]) -> dict[str, Any]:
        """The object that `--dry-run -o json` prints: nothing was sent, so events are under `unsent`."""
        preview, books, tally = self.preview, self.books, self.tally
        files = preview.reject_files()
        return {
            "command": self.command,
            "status": "partial" if books.rejected else "complete",
            "dry_run": True,
            "read": books.read,
            "accepted": 0,
            "rejected": books.rejected,
            "filtered": books.filtered,
            "filtered_by": dict(preview.filtered.most_common()),
            **({"other_shards": books.elsewhere} if books.elsewhere else {}),
            "unsent": books.unsent,
            "requests": preview.requests,
            "bytes": preview.bytes,
            "reject_codes": dict(books.codes.most_common()),
            "reject_lines": preview.reject_lines(),
            **({} if files is None else {"reject_files": files}),
            "events": dict(preview.names.most_common()),
            "earliest": preview.earliest,
            "latest": preview.latest,
            "days": _by_date(preview.days),
            "window_begin": preview.window_begin,
            "outside_window": _by_date(preview.outside),
            "templates": dict(self.templates),
            "columns_sent": list(tally.columns_sent),
            "columns_left": list(tally.columns_left),
            "examples": preview.examples,
            "warnings": warnings,
        }


def _by_date(days: Counter[int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for day, count in sorted(days.items()):
        counts[date_of(day)] += count
    return dict(counts)
