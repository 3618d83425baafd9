"""What the person maps to what: flags, a map file and known column names become one frozen `FieldMap`.

Texts here are still templates (`backfill`) or plain text (`track`); nothing is compiled or sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

STAR: Final = "*"
NESTING: Final = ("custom_properties", "consent")
"""Visitor properties that are objects: `custom_properties.NAME` sets one of their keys."""


class Value(NamedTuple):
    """The right side of an assignment: `text` is taken as text, or read as JSON (`:=`).

    An `optional` one is left out where the table has no such column; only presets say so.
    """

    text: str
    kind: Literal["text", "json"] = "text"
    optional: bool = False

    @classmethod
    def literal(cls, written: str) -> Value:
        """A template that gives this JSON: its braces are doubled."""
        return cls(written.replace("{", "{{").replace("}", "}}"), "json")


class FieldMap(NamedTuple):
    """Every field of an event, as the person gave it; None or empty where nothing was given.

    `event_object` (and its like) fill the whole object from one template; single names override its keys.
    """

    event: str | None = None
    distinct_id: str | None = None
    user_id: str | None = None
    external_id: str | None = None
    email: str | None = None
    time: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    properties: Mapping[str, Value] = {}
    user_properties: Mapping[str, Value] = {}
    default_properties: Mapping[str, Value] = {}
    event_object: str | None = None
    user_object: str | None = None
    default_object: str | None = None
    clear: tuple[str, ...] = ()
    star: bool = False
    exclude: tuple[str, ...] = ()

    def over(self, base: FieldMap) -> FieldMap:
        """This map laid over another: what is given here wins, what is not is taken from `base`."""
        return self._replace(
            **{name: getattr(self, name) or getattr(base, name) for name in _PATHS.values()},
            properties={**base.properties, **self.properties},
            user_properties={
                name: value
                for name, value in {**base.user_properties, **self.user_properties}.items()
                if name not in self.clear
            },
            default_properties={**base.default_properties, **self.default_properties},
            clear=tuple(
                dict.fromkeys(
                    [*(name for name in base.clear if name not in self.user_properties), *self.clear]
                )
            ),
            exclude=tuple(dict.fromkeys(base.exclude + self.exclude)),
            star=self.star or base.star,
        )

    def templates(self) -> dict[str, str]:
        """The template of each field, by its path in the body (`eventProperties.amount`), as it was given."""
        found: dict[str, str | None] = {
            **{path: getattr(self, name) for path, name in _PATHS.items()},
            **{
                f"{each.key}.{name}": value.text
                for each in OBJECTS
                for name, value in getattr(self, each.entries).items()
            },
        }
        return {path: text for path, text in found.items() if text}

    def is_empty(self) -> bool:
        """Whether nothing at all is mapped; what is left out does not count."""
        return self._replace(exclude=()) == FieldMap()


TEXT_FIELDS: Final = {
    "event": "event",
    "distinctId": "distinct_id",
    "userId": "user_id",
    "externalId": "external_id",
    "email": "email",
    "time": "time",
}
"""The API's keys that hold one value, and the names of their templates in a `FieldMap`."""

CONTEXT: Final = {"identityContext.ip": "ip", "identityContext.userAgent": "user_agent"}
"""The paths into the API's `identityContext`, and the names of their templates in a `FieldMap`."""


class ObjectField(NamedTuple):
    """One of the API's objects: the names of its single keys and of the whole in a `FieldMap`, its flag."""

    key: str
    entries: str
    whole: str
    flag: str


OBJECTS: Final = (
    ObjectField("eventProperties", "properties", "event_object", "-p"),
    ObjectField("userProperties", "user_properties", "user_object", "-u"),
    ObjectField("defaultProperties", "default_properties", "default_object", "-d"),
)

_PATHS: Final = {**TEXT_FIELDS, **CONTEXT, **{each.key: each.whole for each in OBJECTS}}
