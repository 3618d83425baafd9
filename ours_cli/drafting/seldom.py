"""What is mapped too seldom to be worth columns."""

from __future__ import annotations

from ours_cli.contract import PROPERTIES_MAX
from ours_cli.mapping.field_body import BodyObject, Slot


class SeldomError(Exception):
    """Something that is mapped too seldom to be worth a column: rows with it are read one by one."""


def single_slots(mapped: BodyObject) -> dict[str, Slot]:
    """The slots of an object by their keys.

    Raises `SeldomError` for a whole object, an object in it, a key that is mapped twice, and too many keys.
    """
    slots = dict(mapped.entries)
    if mapped.whole or mapped.nested or not len(mapped.entries) == len(slots) <= PROPERTIES_MAX:
        raise SeldomError
    return slots
