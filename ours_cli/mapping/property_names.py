"""The names that the API takes, and which of them was meant by another one."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ours_cli.contract import DEFAULT_PROPERTIES, KNOWN_PROPERTIES, MISNAMED_KEYS, USER_PROPERTIES
from ours_cli.errors import UsageError
from ours_cli.mapping.fields import NESTING, FieldMap
from ours_cli.wording.suggest import nearest

_ALSO_CALLED: Final = {
    **dict.fromkeys(("name", "fullname"), "first_name"),
    **dict.fromkeys(("surname", "familyname"), "last_name"),
    **dict.fromkeys(("mobile", "cell"), "phone_number"),
    **dict.fromkeys(("postalcode", "postcode"), "zip"),
    **dict.fromkeys(("region", "province"), "state"),
    **dict.fromkeys(("dob", "birthday", "birthdate"), "date_of_birth"),
    "sex": "gender",
}
"""Other tools' names of visitor properties that are spelled nothing like the API's."""


@lru_cache(maxsize=128)  # a wrong key is wrong in every row
def key_meant(key: str, known: tuple[str, ...]) -> str | None:
    """The API's key that is meant by another one at the top level, if any is likely."""
    close = MISNAMED_KEYS.get(key) or nearest(key, (*known, *MISNAMED_KEYS))
    right = MISNAMED_KEYS.get(close, close) if close is not None else None
    return right if right in known else None


@lru_cache(maxsize=128)
def property_meant(where: str, name: str) -> str | None:
    """The key of `userProperties` or `defaultProperties` that is meant by another one, if any is likely."""
    also = _ALSO_CALLED.get(name.casefold().replace("_", "")) if where == "userProperties" else None
    return also or nearest(name, KNOWN_PROPERTIES[where])


def check_user_property(name: str, own: str) -> None:
    """Raise `UsageError` unless the API knows this visitor property; `own` is advice about one's own.

    Contract: known keys only.
    """
    head, _, rest = name.partition(".")
    if name in USER_PROPERTIES or (head in NESTING and rest):
        return
    if rest and (outer := nearest(head, NESTING)) is not None:
        hint = f"did you mean '{outer}.{rest}'?"
    elif (close := property_meant("userProperties", name)) is not None:
        hint = f"did you mean {close!r}? Else {own}"
    else:
        hint = f"{own}; ours help properties lists the others"
    raise UsageError(f"the API knows no visitor property {name!r}", hint=hint)


def check_default_property(name: str, own: str) -> None:
    """Raise `UsageError` unless the API knows this default property; `own` is as for visitor properties."""
    if name in DEFAULT_PROPERTIES:
        return
    close = property_meant("defaultProperties", name)
    hint = f"did you mean {close!r}? Else {own}" if close else own
    raise UsageError(f"the API knows no default property {name!r}", hint=hint)


def _check_clear(name: str) -> None:
    """Raise `UsageError` unless a null clears it (contract: custom_properties cannot be cleared)."""
    head, dot, key = name.partition(".")
    if head == "consent" and dot:
        raise UsageError(
            f"{name!r} cannot be cleared: what the API makes of a null in consent is not documented",
            hint=f"--clear consent clears all of it; -u consent.{key or 'NAME'}:=false sets one key",
        )
    if head == "custom_properties":
        raise UsageError(
            f"{name!r} cannot be cleared: the API merges custom_properties and ignores nulls there",
            hint="overwrite it with a value of your own that means 'none'",
        )
    check_user_property(name, "one of your own cannot be cleared, only overwritten")


def refuse_event_fields(fields: FieldMap) -> None:
    """Raise `UsageError` where the map says something about an event (contract: /identify takes none)."""
    given = (
        ("event", fields.event),
        ("distinctId", fields.distinct_id),
        ("time", fields.time),
        ("eventProperties", fields.properties or fields.event_object or fields.star),
    )
    found = [name for name, value in given if value]
    if found:
        raise UsageError(
            f"identify takes no {', '.join(found)}: it sets properties of visitors, it sends no events",
            hint="give identify a map of its own",
        )


def check_names(fields: FieldMap) -> None:
    """Check every property name against the contract before anything is sent; raises `UsageError`."""
    for name in fields.user_properties:
        check_user_property(name, f"for a property of your own write -u custom_properties.{name}=...")
    for name in fields.default_properties:
        check_default_property(name, f"a property of your own goes into the event: -p {name}=...")
    for name in fields.clear:
        _check_clear(name)
        for given in fields.user_properties:
            if name in (given, given.partition(".")[0]):
                raise UsageError(f"--clear {name} and -u {given} contradict each other", hint="keep one")
    if (fields.ip is None) != (fields.user_agent is None):
        raise UsageError(
            "--ip and --user-agent go together (identityContext needs both)", hint="give both or neither"
        )
