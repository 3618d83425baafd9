"""What the person maps to what: flags, a map file and known column names become one frozen `FieldMap`.

Texts here are still templates (`backfill`) or plain text (`track`); nothing is compiled or sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ours_cli.contract import DEFAULT_PROPERTIES, KNOWN_PROPERTIES, MISNAMED_KEYS, USER_PROPERTIES
from ours_cli.errors import UsageError
from ours_cli.exact_json import is_json
from ours_cli.wording.suggest import nearest

STAR: Final = "*"
NESTING: Final = ("custom_properties", "consent")
"""Visitor properties that are objects: `custom_properties.NAME` sets one of their keys."""

_SEPARATORS: Final = (":=@", "=@", ":=", "=")


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


def parse_assignments(flag: str, texts: Iterable[str], *, are_templates: bool = False) -> dict[str, Value]:
    r"""Read httpie's `NAME=TEXT`, `NAME:=JSON`, `NAME=@FILE`, `NAME:=@FILE`; a backslash escapes a separator.

    `NAME=\@TEXT` is a text that begins with @; other backslashes of a value stand for themselves.
    Among templates, a file of JSON stands for itself, since hardly one has its braces doubled.

    Raises `UsageError` on a missing separator, an empty or repeated name, or a file that cannot be read.
    """
    values: dict[str, Value] = {}
    for text in texts:
        name, separator, right = _split_assignment(flag, text)
        if name in values:
            raise UsageError(f"{flag} {name} is given twice", hint="keep one of the two")
        if separator.endswith("@"):
            right = _read_value_file(flag, name, right)
        elif right.startswith("\\@"):
            right = right[1:]
        if separator == ":=@" and are_templates and is_json(right):
            values[name] = Value.literal(right)
        else:
            values[name] = Value(right, "json" if separator.startswith(":") else "text")
    return values


def _split_assignment(flag: str, text: str) -> tuple[str, str, str]:
    name: list[str] = []
    position = 0
    while position < len(text):
        if text[position] == "\\" and position + 1 < len(text) and text[position + 1] in "=:@\\":
            name.append(text[position + 1])
            position += 2
            continue
        for separator in _SEPARATORS:
            if text.startswith(separator, position):
                if not "".join(name).strip():
                    raise UsageError(
                        f"{flag} needs a name before {separator!r}", hint=f"{flag} {_EXAMPLES[flag][0]}"
                    )
                return "".join(name).strip(), separator, text[position + len(separator) :]
        name.append(text[position])
        position += 1
    # The text may be a value typed in the wrong place, so it is not repeated here.
    raise UsageError(
        f"{flag} wants NAME=TEXT or NAME:=JSON, and one of its arguments has no '='",
        hint=", or ".join(f"{flag} {example}" for example in _EXAMPLES[flag]),
    )


_EXAMPLES: Final = {
    "-p": ("plan=Premium", "amount:=99.99"),
    "-u": ("city=Boise", "is_bot:=false"),
    "-d": ("browser_language=en", "screen_width:=1280"),
}
"""By flag, a text and some JSON, under names that the API takes there."""


def _read_value_file(flag: str, name: str, path: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(
            f"{flag} {name}: the file {path} is not UTF-8", hint="iconv writes it anew"
        ) from None
    except (OSError, RuntimeError) as error:
        # No file by that name may mean that it is a text, which may be a row's.
        raise UsageError(
            f"{flag} {name}: the file that its @ names cannot be read ({type(error).__name__})",
            hint=f"to send a text that begins with @, write {flag} '{name}=\\@...'",
        ) from None


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


def odd_signs(templates: Mapping[str, str]) -> Iterator[str]:
    """Warnings about signs that are sent as they stand but seldom meant; `templates` as of a `FieldMap`."""
    for path, text in templates.items():
        name = path.partition(".")[2]
        if any(whole[:1] in _OPENING and whole[-1:] in _CLOSING for whole in (text, name + text)):
            yield f"{path} is sent with the curly quotes around it: a shell wants straight ones"
        elif text.startswith("="):
            yield f"{path} is sent with the = it begins with; NAME:=JSON sends a number"


_OPENING: Final = ("\u201c", "\u201d", "\u201e", "\u2018")
_CLOSING: Final = ("\u201c", "\u201d", "\u2019")
"""Quotation marks of word processors around a text, also those that a German one puts."""


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
