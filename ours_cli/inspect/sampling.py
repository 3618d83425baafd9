"""Which rows are looked at: all of a small file; of a large one the head, places between, and the tail."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO, Final

from ours_cli.errors import SourceError
from ours_cli.mapping.presets import recognise_headerless
from ours_cli.record import Malformed, Record, Table
from ours_cli.source import DoubtfulHeaderError, ReadOptions, open_table, rows_midway
from ours_cli.source.arguments import Location
from ours_cli.source.containers import is_gzip

WHOLE_BYTES: Final = 4 * 1024 * 1024
"""Files up to this size are read whole."""
HEAD_ROWS: Final = 5_000
PLACES: Final = 24
PLACE_ROWS: Final = 200
_AHEAD_BYTES: Final = 256 * 1024
"""By so much more than the position tells a file may have been read."""
STREAM_HEAD_ROWS: Final = 20_000
"""What cannot be entered midway (gzip, JSON arrays, pipes) is read to its end; after this many rows, only
every `STREAM_STEP`th is looked at."""
STREAM_STEP: Final = 25
TAIL_ROWS: Final = 20
"""The last rows of a file are remembered: totals and footnotes are among so many."""

_LINES_SHOWN: Final = 5
"""So many lines are kept of each code."""


@dataclass(slots=True)
class Sample:
    """A table, and its rows to look at; the fields below are complete once `rows` is exhausted.

    `doubts` says which reading options failed on the file, and why; `read` are those that worked. `tail` are
    the last rows of the file.
    """

    table: Table
    read: ReadOptions
    doubts: list[str]
    rows: Iterator[Record] = field(default_factory=lambda: iter(()))
    looked_at: int = 0
    passed_over: int = 0
    whole: bool = True
    how: str = "all rows"
    malformed: Counter[str] = field(default_factory=Counter)
    malformed_lines: dict[str, list[int]] = field(default_factory=dict)
    tail: deque[Record] = field(default_factory=lambda: deque(maxlen=TAIL_ROWS))


def take_sample(
    location: Location, read: ReadOptions, *, full: bool, limit: int | None, stdin: BinaryIO | None
) -> Sample:
    """Open a source and choose its rows. A title above the header, or no header, is detected and reported.

    Raises `SourceError` for what is not a table.
    """
    doubts: list[str] = []
    try:
        table = open_table(location, read, stdin)
    except SourceError as doubt:
        if location == "-":
            raise  # what was read from it is gone
        if (known := _known_without_header(location, read)) is not None:
            doubts.append("a known export without a header, in which nothing is quoted")
            read = known
        elif isinstance(doubt, DoubtfulHeaderError):
            doubts.append(f"{doubt.message.partition(': ')[2]}; {doubt.hint}")
            read = replace(read, **doubt.remedy)
        else:
            raise
        table = open_table(location, read, stdin)
    sample = Sample(table, read, doubts)
    if limit is not None:
        sample.how, sample.whole = f"the first {limit:,} rows (--limit)", False
        sample.rows = _limited(sample, limit)
    elif full:
        sample.rows = _counted(table.records, sample)
    elif location == "-" or table.format == "json" or not _is_plain(location):
        sample.rows = _thinned(sample)
    elif (table.size or 0) <= WHOLE_BYTES:
        sample.rows = _counted(table.records, sample)
    else:
        sample.rows = _in_places(sample, location)
    return sample


def _known_without_header(location: Path, read: ReadOptions) -> ReadOptions | None:
    """How to read a file whose first row a preset knows as data; None where no preset does."""
    if read.header_row is not None or read.no_header or read.quote is not None:
        return None
    headerless = replace(read, no_header=True, quote="none")
    try:
        table = open_table(location, headerless)
    except SourceError:
        return None
    try:
        first = next(table.records, None)
    finally:
        table.close()
    if not isinstance(first, Record) or isinstance(first.fields, dict):
        return None
    return headerless if recognise_headerless(list(first.fields)) is not None else None


def _is_plain(path: Path) -> bool:
    """Whether it is a file that can be entered midway: neither a named pipe nor compressed."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return not is_gzip(file.read(2))


def _counted(rows: Iterator[Record | Malformed], sample: Sample) -> Iterator[Record]:
    for row in rows:
        sample.looked_at += 1
        if isinstance(row, Malformed):
            _note_malformed(row, sample)
        else:
            sample.tail.append(row)
            yield row


def _note_malformed(row: Malformed, sample: Sample) -> None:
    sample.malformed[row.code] += 1
    lines = sample.malformed_lines.setdefault(row.code, [])
    if len(lines) < _LINES_SHOWN:
        lines.append(row.line)


def _limited(sample: Sample, limit: int) -> Iterator[Record]:
    yield from _counted(islice(sample.table.records, limit), sample)
    if sample.looked_at == limit:
        sample.tail.clear()  # they are hardly the file's last rows


def _thinned(sample: Sample) -> Iterator[Record]:
    rows = sample.table.records
    yield from _counted(islice(rows, STREAM_HEAD_ROWS), sample)
    for number, row in enumerate(rows):
        if isinstance(row, Malformed):
            sample.looked_at += 1
            _note_malformed(row, sample)
            continue
        sample.tail.append(row)
        if number % STREAM_STEP:
            sample.passed_over += 1
        else:
            sample.looked_at += 1
            yield row
    if sample.passed_over:
        sample.whole = False
        sample.how = (
            f"the first {STREAM_HEAD_ROWS:,} rows, then every {STREAM_STEP}th to the end of the source"
        )


def _in_places(sample: Sample, path: Path) -> Iterator[Record]:
    """The head, and places evenly spread over what comes after it: no row is looked at twice."""
    rows, size = sample.table.records, sample.table.size or 0
    yield from _counted(islice(rows, HEAD_ROWS), sample)
    begun = sample.table.position() + _AHEAD_BYTES
    if size - begun <= WHOLE_BYTES:
        yield from _counted(rows, sample)
        return
    sample.table.close()
    missed = 0
    bounds = [begun + (size - begun) * place // PLACES for place in range(PLACES + 1)]
    for start, end in pairwise(bounds):
        found = rows_midway(path, sample.table, start, end, PLACE_ROWS)
        missed += found is None
        yield from _counted(iter(found or ()), sample)
    sample.whole = False
    sample.how = (
        f"the first {HEAD_ROWS:,} rows and up to {PLACE_ROWS} in each of {PLACES - missed} places"
        " further on, the last of them the file's end"
    )
    if missed:
        sample.how += f"; in {missed} more no beginning of a row could be told"
