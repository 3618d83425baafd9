"""Flags → `FieldMap`, the same for every command."""

from __future__ import annotations

from functools import partial

from ours_cli.mapping.assignments import parse_assignments
from ours_cli.mapping.fields import STAR, FieldMap
from ours_cli.options import EventFields, VisitorFields


def field_map(
    visitor: VisitorFields,
    event: EventFields | None = None,
    *,
    name: str | None = None,
    exclude: list[str] | None = None,
    are_templates: bool = False,
) -> FieldMap:
    """Collect what the person mapped; raises `UsageError` for an assignment that cannot be read."""
    assigned = partial(parse_assignments, are_templates=are_templates)
    happened = event or EventFields()
    properties = list(happened.property or [])
    return FieldMap(
        event=name,
        distinct_id=happened.distinct_id,
        user_id=visitor.user_id,
        external_id=visitor.external_id,
        email=visitor.email,
        time=happened.time,
        ip=visitor.ip,
        user_agent=visitor.user_agent,
        properties=assigned("-p", [text for text in properties if text != STAR]),
        user_properties=assigned("-u", visitor.user_property or []),
        default_properties=assigned("-d", visitor.default_property or []),
        clear=tuple(visitor.clear or ()),
        star=STAR in properties,
        exclude=tuple(exclude or ()),
    )
