"""What the person should know of the rows of a run: what was sent or left, and deserves a look."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from datetime import timedelta

from ours_cli.ids.doubtful_ids import CUT, KEYS_OF_NOBODY, UNFILLED
from ours_cli.mapping.assignments import odd_signs
from ours_cli.mapping.tally import NO_NAME, REST_OF_CELL, Tally
from ours_cli.mapping.where import only_column, where_not
from ours_cli.rows.run_context import RunContext
from ours_cli.templates.template import placeholder
from ours_cli.timestamps import parse_zone
from ours_cli.wording.counted import counted


def run_warnings(context: RunContext, templates: Mapping[str, str]) -> list[str]:
    """What was sent or left, and deserves a look; without values. `templates` makes the fields."""
    tally, ids, reader = context.tally, context.ids, context.times.reader
    naive = reader.naive_as_utc
    untimed = counted(tally.untimed, "row")
    zoneless = counted(naive, "time had no zone and was", "times had no zone and were")
    nulls = counted(tally.nulls_dropped, "null was", "nulls were")
    repeats = counted(ids.repeats, "row repeats", "rows repeat")
    alike = counted(ids.of_other_files, "row is", "rows are")
    long = counted(tally.long_arrays, "row holds", "rows hold")
    odd = counted(reader.contradictions, "date contradicts", "dates contradict")
    unsettled = counted(reader.open_dates, "date has", "dates have")
    missing = {**tally.columns_missing, **tally.keys_never_seen}
    found = [
        (reader.contradictions, f"{odd} the order that the first rows told: was it right?"),
        (
            reader.open_dates,
            f"{unsettled} an order that nothing tells: mend them with --day-first or --month-first,"
            " or with --time-format '%y-%m-%d' where a two-digit year stands first",
        ),
        (naive, f"{zoneless} read as UTC; {_zone_advice(tally)}"),
        (tally.untimed, f"{untimed} had no time: the server stamps them on arrival"),
        *((1, text) for text in _doubtful_ids(tally, templates)),
        (tally.nulls_dropped, f"{nulls} left out; --send-nulls sends them"),
        (ids.repeats, f"{repeats} a distinctId: the API counts them once"),
        (
            ids.of_other_files,
            f"{alike} wholly like rows of an earlier file, and counted again; if the files overlap, give"
            " --distinct-id, which is counted once",
        ),
        (tally.long_arrays, f"{long} arrays over 250 entries: the API cuts them"),
        *(
            (1, f"{name!r} is sent as it stands in every row; the column is written {placeholder(name)}")
            for name in tally.bare_columns
        ),
        *((1, text) for text in odd_signs(templates)),
        (tally.preset_advice, tally.preset_advice),
        (
            tally.in_other_letters,
            f"not left out, for --exclude names other letters: {', '.join(tally.in_other_letters)}",
        ),
        (missing, f"never found in any row: {', '.join(missing)}"),
    ]
    return [text for count, text in found if count]


def left_behind(tally: Tally, on_purpose: str) -> list[str]:
    """The columns that no template uses, as a warning: they are never sent. `on_purpose` silences it."""
    meant = tally.left_on_purpose
    columns = tally.columns_left
    left = [name for name in columns if name.strip() not in meant]
    if not left:
        return []
    can_be_meant = not all(name.endswith((REST_OF_CELL, NO_NAME)) for name in left)
    advice = f"; {on_purpose} says it is meant" if can_be_meant else ""
    return [f"columns not sent: {', '.join(left)}{advice}"]


def _doubtful_ids(tally: Tally, templates: Mapping[str, str]) -> Iterator[str]:
    found = tally.doubtful_ids
    for key in dict.fromkeys(key for key, _ in found):
        words = sorted(
            word
            for (of, word), number in found.items()
            if of == key and word not in (CUT, UNFILLED) and (number > 1 or word not in KEYS_OF_NOBODY)
        )
        if words:
            rows = counted(sum(found[key, word] for word in words), "row has", "rows have")
            # Where nothing is mapped, the column bears the name of the key.
            column = (only_column(templates, [key]) or "COLUMN") if templates else key
            yield (
                f"{rows} a word for nothing as {key} ({', '.join(words)}), and the API takes it for a"
                f" visitor; leave them out by " + where_not(column, words[0])
            )
        if cut := found[key, CUT]:
            rows = counted(cut, "row has", "rows have")
            yield (
                f"{rows} a number in {CUT} as {key}: a spreadsheet cut its digits, and several visitors"
                " may be one; export that column as text"
            )
        if unfilled := found[key, UNFILLED]:
            rows = counted(unfilled, "row has", "rows have")
            yield (
                f"{rows} a template that nothing filled in as {key} ({UNFILLED}), and the API takes it"
                " for a visitor: look at what wrote these rows"
            )


def _zone_advice(tally: Tally) -> str:
    for column, zone in tally.header_zones.items():
        if parse_zone(zone).utcoffset(None) != timedelta(0):
            return f"the column {column!r} speaks of {zone}: if it is meant, --tz {shlex.quote(zone)}"
    return "--tz ZONE says otherwise"
