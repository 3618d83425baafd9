"""The last step from a mapped `/identify` body to what is sent: validation and serialization."""

from __future__ import annotations

from typing import Any

import orjson

from ours_cli.contract import ID_MAX
from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.serialize import canonical_json
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.validate import Violation, check_visitor
from ours_cli.record import Table


class VisitorAssembler:
    """Turns mapped `/identify` bodies into events without distinctId: that endpoint has no dedupe key."""

    def __init__(self, tally: Tally, selection: Selection) -> None:
        self.selection = selection
        self._tally = tally

    def begin(self, table: Table) -> None:
        """The bodies of this table's rows come next: none of their messages names a line."""

    def __call__(self, origin: Origin, body: dict[str, Any]) -> Event | Reject | Filtered:
        """Judge and serialize one body (contract: /identify)."""
        fault = check_visitor(body)
        if fault is None and not body.get("userProperties"):
            fault = Violation("missing_properties", "the row sets no visitor property")
        if fault is not None:
            return Reject(origin, "", fault.code, fault.message)
        content = canonical_json(body)
        if isinstance(content, Violation):
            return Reject(origin, "", content.code, content.message)
        if self.selection.sample is not None and not self.selection.takes(_visitor(body) or content):
            return Filtered(origin, "sample")
        self._tally.note_ids(body)
        return Event(origin, "", content, "$identify", None)


def _visitor(body: dict[str, Any]) -> bytes:
    """Whom a body is about, so that a sample takes all rows of a person or none; empty without an id."""
    found = [body[key] for key in ID_MAX if body.get(key)]
    return orjson.dumps(found) if found else b""
