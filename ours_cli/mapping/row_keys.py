"""What decides which rows belong together, for `--shard`: cheap to map, and equal for rows that become equal.

A key is the distinctId that a row is given, else what the API gets of event, person and time. None: the
row cannot be read that far, and does not become an event.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, TypeAlias

import orjson

from ours_cli.contract import TEXT_KEYS
from ours_cli.mapping.field_body import Body
from ours_cli.record import Record
from ours_cli.templates.field_value import FilterProblem, as_text
from ours_cli.timestamps import TimeProblem, TimeReader
from ours_cli.trimming import trimmed

RowKey: TypeAlias = Callable[[Record], "bytes | None"]


def field_key(body: Body, *, keeps_ids: bool) -> RowKey:
    """The keys of one table's rows under a field map; `keeps_ids`: those of a rejects file are honoured.

    Every row's time is read here, with a reader of its own. The run's reader, which sees only the rows
    of its shard, follows it, so that all rows decide the unit of epoch numbers.
    """
    reduced = replace(body.apart(), objects={}, context=None)

    def key_of(row: Record) -> bytes | None:
        if body.time is not None and reduced.time is not None:
            body.time.reader.follow(reduced.time.reader)
        try:
            known = reduced.read(row.fields)
        except (FilterProblem, TimeProblem):
            return None
        return _key(known, row.distinct_id if keeps_ids else "")

    return key_of


def batch_key(reader: TimeReader) -> RowKey:
    """The keys of rows shaped like /track."""
    leader = copy(reader)

    def key_of(row: Record) -> bytes | None:
        fields = row.fields
        assert isinstance(fields, dict)
        reader.follow(leader)
        known: dict[str, Any] = {}
        for name in TEXT_KEYS:
            if fields.get(name) is not None:
                known[name] = fields[name]
                if not settle_text(known, name):
                    return None
        try:
            if fields.get("time") is not None:
                known["time"] = leader(fields["time"])
        except TimeProblem:
            return None
        return _key(known, row.distinct_id)

    return key_of


def settle_text(body: dict[str, Any], key: str) -> bool:
    """Trim a text field as the server would; a number becomes its digits, an empty text an absent field."""
    value = body[key]
    if value is None and key not in ("event", "distinctId"):
        return True
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = as_text(value)
    if not isinstance(value, str):
        return False
    body[key] = trimmed(value)
    if not body[key]:
        del body[key]
    return True


def _key(known: dict[str, Any], distinct_id: str) -> bytes | None:
    if given := known.get("distinctId") or distinct_id:
        return str(given).encode("utf-8", "surrogatepass")
    try:
        return orjson.dumps(known, option=orjson.OPT_SORT_KEYS) if known else None
    except TypeError:
        return None  # invalid Unicode: rejected in any case
