"""What to do about rejects, by code (README, "Reject codes"): a few words for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ours_cli.source.row_problems import DOUBLE_QUOTES

MEND: Final = "mend the cell"
_SHORTEN: Final = "shorten it; the limits are the API's"


HINTS: Final[dict[str, str]] = {
    "missing_event": "give --event, or fill the column",
    "event_too_long": "is --event the right column?",
    "missing_identifier": "leave them out by --where 'COLUMN!=', or map another id",
    "id_too_long": _SHORTEN,
    "missing_properties": "leave them out by --where 'COLUMN!='",
    "missing_time": "fill it, or leave them out by --where 'COLUMN!='",
    "bad_time": "--time-format says how it is written",
    "ambiguous_time": "--day-first or --month-first",
    "mixed_epoch_units": "--epoch-unit, and a run for each unit",
    "unknown_zone": "--tz ZONE",
    "dst_gap": "--dst earlier or --dst later",
    "dst_repeat": "--dst earlier or --dst later",
    "outside_window": "--max-age, where your account takes more than 7 days",
    "duplicate_id": "a --distinct-id that names one row",
    "bad_number": "{column|number:de} and the like for other styles; else mend the cell",
    "bad_int": "{column|number}, where fractions are meant; else mend the cell",
    "bad_bool": "{column|map:a=true,b=false}; else mend the cell",
    "bad_date": "{column|date:FORMAT}; else mend the cell",
    "bad_json": "mend the row; where := read a value as JSON, = sends it as a text",
    "unmapped_value": "name it in map:, or *=X for all others",
    "bad_type": MEND,
    "bad_text": MEND,
    "unknown_key": "the message names the right key; ours backfill maps other names",
    "unknown_property": "ours help properties lists those it knows; your own go under custom_properties",
    "bad_context": "give both, or none",
    "too_many_properties": "send fewer: 200 at most",
    "too_deep": "send it flatter",
    "too_large": "send less of it",
    "ragged_row": "mend the row: it has another number of cells than the header",
    "truncated_row": "export it again",
    "repeated_header": "nothing is lost; delete these lines, or send the joined files one by one",
    "unclosed_quote": "mend the quote, or --quote none",
    "bad_csv": "mend the quote, or --quote none",
    "escaped_quote": DOUBLE_QUOTES,
    "nul_byte": "is --encoding right?",
    "bad_encoding": "is --encoding right?",
    "duplicate_key": "give the key once",
    "not_an_object": "a row is one JSON object",
    "refused": "the message is the server's",
    "invalid_event": "the message is the server's; is the event's name allowed in the dashboard?",
}

_OF_BATCH: Final = {
    "missing_event": "give each row its event",
    "event_too_long": _SHORTEN,
    "missing_identifier": "leave them out by --where 'COLUMN!=', or give each row an id",
    "duplicate_id": "a distinctId that names one row",
    "bad_json": "mend the row",
}
"""Its rows are sent as they stand: it has no flags for what is in them."""

ANY_COLUMN: Final = "--where 'COLUMN!='"
"""In place of the flag that leaves rows out, where it is not known which column that is of."""


def reject_hint(code: str, command: str, fitting: Mapping[str, str] | None = None) -> str | None:
    """What to do about rejects of this code in a run of this command, if anything is known.

    `fitting` has by code the hints that fit this run better.
    """
    own = {**(_OF_BATCH if command == "batch" else {}), **(fitting or {})}
    return own.get(code, HINTS.get(code))
