"""What to do about rejects, by code (README, "Reject codes"): a few words for the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ours_cli.contract import ID_MAX
from ours_cli.mapping.where import only_column, where_not
from ours_cli.source.row_problems import DOUBLE_QUOTES
from ours_cli.templates.numerals import DEFAULT_STYLE
from ours_cli.templates.template import parse, placeholder

_MEND: Final = "mend the cell"
_SHORTEN: Final = "shorten it; the limits are the API's"


_HINTS: Final = {
    "missing_event": "give --event, or fill the column",
    "event_too_long": "is --event the right column?",
    "id_too_long": _SHORTEN,
    "bad_time": "--time-format says how it is written",
    "ambiguous_time": "--day-first or --month-first",
    "mixed_epoch_units": "--epoch-unit, and a run for each unit",
    "unknown_zone": "--tz ZONE",
    "dst_gap": "--dst earlier or --dst later",
    "dst_repeat": "--dst earlier or --dst later",
    "outside_window": "--max-age 30d (30 is seconds), where your account takes more than 7 days",
    "duplicate_id": "a --distinct-id that names one row",
    "bad_number": "{column|number:de} and the like for other styles; else mend the cell",
    "bad_int": "{column|number}, where fractions are meant; else mend the cell",
    "bad_bool": "{column|map:a=true,b=false}; else mend the cell",
    "bad_date": "{column|date:FORMAT}; else mend the cell",
    "bad_json": "mend the row; where := read a value as JSON, = sends it as a text",
    "unmapped_value": "name it in map:, or *=X for all others",
    "bad_type": _MEND,
    "bad_text": _MEND,
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
    "escaped_cell": "export it anew, with quotes around such cells and no escapes",
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
    "duplicate_id": "a distinctId that names one row",
    "bad_json": "mend the row",
}
"""Its rows are sent as they stand: it has no flags for what is in them."""

_IDS: Final = (*ID_MAX, "userProperties.phone_number")


def reject_hints(command: str, templates: Mapping[str, str], columns: Iterable[str]) -> dict[str, str]:
    """By reject code, what to do about such rejects in a run of this command.

    `templates` makes the fields. Where nothing is mapped, `columns` map themselves.
    """
    made = templates or {column: placeholder(column) for column in columns}
    visitor = [path for path in made if path.partition(".")[0] == "userProperties"]
    another = "give each row an id" if command == "batch" else "map another id"
    hints = _HINTS | (_OF_BATCH if command == "batch" else {})
    hints["missing_identifier"] = f"{_leave_out(made, _IDS)}, or {another}"
    hints["missing_properties"] = _leave_out(made, visitor)
    hints["missing_time"] = f"fill it, or {_leave_out(made, ('time',))}"
    placeholders = [part for text in made.values() for part in parse(text).placeholders]
    styles = [call.argument for part in placeholders for call in part.filters if call.name == "number"]
    if styles and DEFAULT_STYLE not in styles:
        hints["bad_number"] = _MEND
    return hints


def _leave_out(templates: Mapping[str, str], paths: Iterable[str]) -> str:
    """How to leave out the rows that lack these fields: by name, where only one column can be meant."""
    column = only_column(templates, paths)
    return f"leave them out by {where_not(column or 'COLUMN', '')}"
