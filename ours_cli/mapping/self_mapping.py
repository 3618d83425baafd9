"""The map of a table that needs none: its columns have the API's own names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ours_cli.contract import EVENT_KEYS, IDENTIFY_KEYS
from ours_cli.errors import UsageError
from ours_cli.mapping.fields import CONTEXT, OBJECTS, TEXT_FIELDS, FieldMap, Value
from ours_cli.record import Table
from ours_cli.templates.reference import may_be_cells
from ours_cli.templates.template import placeholder


def self_mapping(table: Table, *, identify: bool) -> FieldMap:
    """The map of a table whose columns have the API's own names (but never a mere `user_id`).

    `eventProperties.NAME` and its like map into the objects. For JSON rows the API's keys map themselves.
    """
    known = IDENTIFY_KEYS if identify else EVENT_KEYS
    columns = known if table.names is None else table.names
    given: dict[str, Any] = {each.entries: {} for each in OBJECTS}
    scalars = {key: name for key, name in TEXT_FIELDS.items() if key in known}
    objects = {each.key: each for each in OBJECTS if each.key in known}
    for column in columns:
        reference = placeholder(column)
        head, _, rest = column.partition(".")
        if column in scalars:
            given[scalars[column]] = reference
        elif column in objects:
            given[objects[column].whole] = reference if table.columns is None else reference[:-1] + "|json}"
        elif head in objects and rest:
            given[objects[head].entries][rest] = Value(reference)
    if "identityContext" in columns or CONTEXT.keys() <= set(columns):
        # Either is a column, or else a path into the object; one without the other is of no use to the API.
        given |= {name: placeholder(path) for path, name in CONTEXT.items()}
    return FieldMap(**given)


def require_essentials(fields: FieldMap, table: Table, *, identify: bool) -> None:
    """Refuse a mapping that could not make a single event."""
    have = "; ours inspect FILE proposes a map"
    if table.names is not None and not may_be_cells(table.names):
        have += f"; the columns are {_listed(table.names)}"
    if not identify:
        _require_event(fields, table, have)
    visitor = fields.user_properties.keys() | ({"phone_number"} if fields.user_object else set())
    if not (fields.user_id or fields.external_id or fields.email or "phone_number" in visitor):
        raise UsageError(
            "nothing says whom the rows are about",
            hint=_named_so(table, "externalId", "email", "userId")
            or f"--external-id '{{customer_id}}' or --email '{{email}}'{have}",
        )


def _named_so(table: Table, *keys: str) -> str | None:
    """The hint where a column has the API's name of what is missing, but other fields have a mapping."""
    for key in keys:
        if key in (table.names or ()):
            flag = TEXT_FIELDS[key].replace("_", "-")
            return f"--{flag} '{placeholder(key)}': columns map themselves only where nothing else is mapped"
    return None


def _require_event(fields: FieldMap, table: Table, have: str) -> None:
    if fields.event is None:
        raise UsageError(
            "nothing says what the event is called",
            hint=_named_so(table, "event") or f"--event 'Order Placed'{have}",
        )
    if fields.time is None:
        raise UsageError(
            "nothing says when each event happened",
            hint=_named_so(table, "time") or f"--time '{{created_at}}' names the column{have}",
        )
    if fields.time.strip().lower() == "now":
        raise UsageError(
            "a backfill keeps the original times: --time now is for ours track",
            hint=f"--time '{{created_at}}' names the column{have}",
        )


def _listed(columns: Iterable[str]) -> str:
    """Column names for a message, the first dozen."""
    names = [name for name in columns if name.strip()]
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
