r"""The filters of `{column|filter|filter}`: checked once when the template is read, then run for every row.

An argument follows the name after a colon. `\` takes the meaning from `| : , = { }`, a blank and itself;
before anything else it is an ordinary character.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

from ours_cli.errors import UsageError
from ours_cli.exact_json import read_json
from ours_cli.field_value import ABSENT, FilterProblem, as_text, present
from ours_cli.numerals import (
    DEFAULT_STYLE,
    STYLES,
    NumeralError,
    Style,
    as_integer,
    as_number,
    is_plain_number,
    read_decimal,
)
from ours_cli.suggest import nearest

Filter: TypeAlias = "Callable[[object], object]"
HmacKey: TypeAlias = "Callable[[], bytes]"


class FilterCall(NamedTuple):
    """One filter as a template names it; `argument` is already checked, in the form that the filter wants."""

    name: str
    argument: Any

    @property
    def fills(self) -> bool:
        """Whether it runs where there is no value (`default`), rather than where there is one."""
        return self.name == "default"


class Kind(NamedTuple):
    """A filter's two halves: reading its argument once and making the function that runs per row."""

    read_argument: Callable[[str | None], Any]
    make: Callable[[Any], Filter]


def read_call(source: str) -> FilterCall:
    """Read one `name` or `name:argument`; raises UsageError for an unknown filter or a wrong argument.

    Blanks around the filter are dropped, but a blank right after a colon is an argument (`split: `).
    """
    head, colon, tail = source.partition(":")
    name = head.strip()
    kind = _KINDS.get(name)
    if kind is None:
        raise _unknown_filter(name)
    try:
        return FilterCall(name, kind.read_argument(_without_trailing_blanks(tail) if colon else None))
    except _ArgumentError as problem:
        raise UsageError(f"filter `{name}` {problem}", hint=problem.hint) from None


def build(call: FilterCall, hmac_key: HmacKey | None) -> Filter:
    """Make the function for the rows. It takes a present value and returns a value or ABSENT.

    Raises UsageError when the call is `hmac` and there is no key; the key is asked for only then.
    """
    # hmac is made of its key; no secret is ever written into a template.
    return _KINDS[call.name].make(hmac_key if call.name == "hmac" else call.argument)


def _unknown_filter(name: str) -> UsageError:
    if not name:
        return UsageError("a `|` without a filter after it", hint="write `{column|filter}`")
    near = nearest(name, _KINDS)
    hint = f"did you mean `{near}`?" if near else f"filters: {' '.join(_KINDS)}"
    return UsageError(f"there is no filter `{name}`", hint=hint)


# --- arguments ---------------------------------------------------------------------------------------------


class _ArgumentError(ValueError):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


_ESCAPE = re.compile(r"\\([\\|:,={} ])")


def _unescape(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)


def _split_unescaped(text: str, separator: str, most: int = 0) -> list[str]:
    """Split at separators that no backslash precedes (at most `most` times, unless 0); escapes stay."""
    parts: list[str] = []
    start = 0
    for token in re.finditer(rf"\\.|{re.escape(separator)}", text, re.DOTALL):
        if token.group() == separator and (not most or len(parts) < most):
            parts.append(text[start : token.start()])
            start = token.end()
    return [*parts, text[start:]]


def _without_trailing_blanks(argument: str) -> str:
    kept = argument.rstrip()
    if not kept or kept.endswith(":"):
        return argument
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return argument[: len(kept) + backslashes % 2]


def _no_argument(argument: str | None) -> None:
    if argument is not None:
        raise _ArgumentError("takes no argument", "leave out the colon and what follows")


def _text_argument(example: str, argument: str | None) -> str:
    if not argument:
        raise _ArgumentError("needs an argument", f"such as `{example}`")
    return _unescape(argument)


def _default_argument(argument: str | None) -> str:
    text = _text_argument("default:unknown", argument).strip()
    if not text:
        raise _ArgumentError("needs a value", "leave the filter out: an empty cell is absent by itself")
    return text


def _replace_argument(argument: str | None) -> tuple[str, str]:
    parts = _split_unescaped(argument or "", ":", most=1)
    if len(parts) != 2 or not parts[0]:
        raise _ArgumentError("needs two arguments", r"such as `replace:old:new`; a colon itself is `\:`")
    return _unescape(parts[0]), _unescape(parts[1])


def _number_argument(argument: str | None) -> Style:
    if argument is None:
        return DEFAULT_STYLE
    style = STYLES.get(argument.strip().casefold())
    if style is None:
        examples = ", ".join(f"{style.name} ({style.example})" for style in dict.fromkeys(STYLES.values()))
        raise _ArgumentError("does not know that way of writing numbers", f"known: {examples}")
    return style


_SAMPLE = datetime(2031, 10, 29, tzinfo=UTC)


def _date_argument(argument: str | None) -> str | None:
    if argument is None:
        return None
    form = _unescape(argument).strip()
    try:
        whole = datetime.strptime(_SAMPLE.strftime(form), form).date() == _SAMPLE.date()
    except (ValueError, re.error):
        whole = False
    if not whole:
        raise _ArgumentError("needs strptime directives for year, month and day", "such as `date:%d/%m/%Y`")
    return form


class _Mapping(NamedTuple):
    exact: dict[str, str]
    otherwise: str | None


def _map_argument(argument: str | None) -> _Mapping:
    exact: dict[str, str] = {}
    otherwise = None
    for entry in _split_unescaped(argument or "", ","):
        source, *target = _split_unescaped(entry.strip(), "=", most=1)
        if not target or not source.strip():
            raise _ArgumentError("needs FROM=TO pairs", r"such as `map:a=B,c=D`; a comma itself is `\,`")
        key, value = _unescape(source.strip()), _unescape(target[0].strip())
        if key in exact:
            raise _ArgumentError("has the same FROM twice", "each text can become one other text only")
        if source.strip() == "*":
            otherwise = value
        else:
            exact[key] = value
    return _Mapping(exact, otherwise)


# --- what runs per row -------------------------------------------------------------------------------------


def _text(value: object) -> str:
    if isinstance(value, list | dict):
        raise FilterProblem("bad_type", "holds a list or an object, not text")
    return as_text(value)


def _on_text(change: Callable[[str], str]) -> Callable[[None], Filter]:
    """Make a filter of a function from text to text that takes no argument."""
    return lambda _: lambda value: present(change(_text(value)))


def _number(style: Style) -> Filter:
    plain_point = style.point == "."

    def number(value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if plain_point and type(value) is str and is_plain_number(value):
            return float(value) if "." in value else int(value)
        try:
            exact = read_decimal(_scalar_text(value), style)
            return exact if exact is ABSENT else as_number(exact)
        except NumeralError as problem:
            raise FilterProblem("bad_number", str(problem)) from None

    return number


def _int(_: None) -> Filter:
    def integer(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if type(value) is str and is_plain_number(value) and "." not in value:
            return int(value)
        try:
            exact = read_decimal(_scalar_text(value))
            return exact if exact is ABSENT else as_integer(exact)
        except NumeralError as problem:
            raise FilterProblem("bad_int", str(problem)) from None

    return integer


def _scalar_text(value: object) -> str:
    if isinstance(value, bool | list | dict):
        raise NumeralError("is not a number")
    return as_text(value)


_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "y", "1", "t", "on"), True),
    **dict.fromkeys(("false", "no", "n", "0", "f", "off"), False),
}


def _bool(_: None) -> Filter:
    def boolean(value: object) -> bool:
        found = _BOOLEANS.get(as_text(value).strip().casefold())
        if found is None:
            raise FilterProblem("bad_bool", "is not true/false, yes/no, y/n, t/f, on/off or 1/0")
        return found

    return boolean


def _json(_: None) -> Filter:
    def parsed(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return present(read_json(value))
        except ValueError as problem:
            raise FilterProblem("bad_json", f"is not JSON: {problem}") from None

    return parsed


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER_ALONE = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")


def _date(form: str | None) -> Filter:
    return partial(_day_by_format, form) if form else _any_day()


def _day_by_format(form: str, value: object) -> str:
    try:
        return datetime.strptime(_text(value).strip(), form).date().isoformat()
    except ValueError:
        raise FilterProblem("bad_date", "is not a date in that format") from None


def _any_day() -> Filter:
    """Take the day as written (23:30 at -05:00 stays on its own day); an epoch number gives its UTC day."""
    from ours_cli.timestamps import TimeProblem, TimeReader, TimeRules
    from ours_cli.timestamps.written import clean, read_written

    to_ms = TimeReader(TimeRules())

    def day(value: object) -> str:
        text = _text(value).strip()
        try:
            if _NUMBER_ALONE.fullmatch(text):
                return (_EPOCH + timedelta(milliseconds=to_ms(text))).date().isoformat()
            return read_written(clean(text), None).moment.date().isoformat()
        except TimeProblem as problem:
            raise FilterProblem("bad_date", f"is not a date: {problem.message}") from None
        except OverflowError:
            raise FilterProblem("bad_date", "is beyond the years 1 to 9999") from None

    return day


_EXACT_INTEGERS = 2**53 - 1
_PLAIN_INTEGER = re.compile(r"-?[1-9][0-9]{0,15}|0")
_PLAIN_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,15})\.[0-9]{1,17}")


def _auto(_: None) -> Filter:
    """Type what would come back as the very same text; leave all else as it stands."""

    def typed(value: object) -> object:
        if not isinstance(value, str):
            return value
        if value in ("true", "false"):
            return value == "true"
        if _PLAIN_INTEGER.fullmatch(value):
            integer = int(value)
            return integer if abs(integer) <= _EXACT_INTEGERS else value
        if _PLAIN_DECIMAL.fullmatch(value):
            number = float(value)
            return number if repr(number) == value else value
        return value

    return typed


def _map(mapping: _Mapping) -> Filter:
    def mapped(value: object) -> object:
        found = mapping.exact.get(_text(value), mapping.otherwise)
        if found is None:
            raise FilterProblem(
                "unmapped_value", "holds a text that is not in the map (`*=X` takes the rest)"
            )
        return present(found)

    return mapped


def _default(replacement: str) -> Filter:
    return lambda _: replacement


def _prefix(prefix: str) -> Filter:
    return lambda value: prefix + _text(value)


def _replace(pair: tuple[str, str]) -> Filter:
    return lambda value: present(_text(value).replace(*pair))


def _split(separator: str) -> Filter:
    def split(value: object) -> object:
        pieces = [piece for part in _text(value).split(separator) if (piece := part.strip())]
        return pieces or ABSENT

    return split


_TYPED_VALUES: Final = ("string_value", "int_value", "double_value", "float_value")


def _param(name: str) -> Filter:
    """Find the value of one key in a list of `{key, value}`, as Google Analytics keeps parameters.

    Of its values, each of which stands under its type, the one that is there; an integer comes as text.
    """
    typed = _auto(None)

    def param(value: object) -> object:
        if not isinstance(value, list):
            raise FilterProblem("bad_type", "is not a list of {key, value}")
        for entry in value:
            if isinstance(entry, dict) and entry.get("key") == name:
                found = entry.get("value")
                if not isinstance(found, dict):
                    return present(found)
                kind = next((kind for kind in _TYPED_VALUES if found.get(kind) is not None), "")
                return present(typed(found[kind]) if kind == "int_value" else found.get(kind))
        return ABSENT

    return param


def _utf8(value: object) -> bytes:
    try:
        return _text(value).strip().encode()
    except UnicodeEncodeError:
        raise FilterProblem("bad_text", "holds a lone surrogate, which is not text") from None


def _sha256(_: None) -> Filter:
    from hashlib import sha256

    return lambda value: sha256(_utf8(value)).hexdigest()


def _hmac(key_of: HmacKey | None) -> Filter:
    from hmac import digest

    key = key_of() if key_of else b""
    if not key:
        raise UsageError(
            "filter `hmac` needs a secret key", hint="set OURS_HMAC_KEY or give --hmac-key-file FILE"
        )
    return lambda value: digest(key, _utf8(value), "sha256").hex()


_KINDS: Final[dict[str, Kind]] = {
    "trim": Kind(_no_argument, _on_text(str.strip)),
    "lower": Kind(_no_argument, _on_text(str.lower)),
    "upper": Kind(_no_argument, _on_text(str.upper)),
    "number": Kind(_number_argument, _number),
    "int": Kind(_no_argument, _int),
    "bool": Kind(_no_argument, _bool),
    "json": Kind(_no_argument, _json),
    "date": Kind(_date_argument, _date),
    "map": Kind(_map_argument, _map),
    "auto": Kind(_no_argument, _auto),
    "default": Kind(_default_argument, _default),
    "prefix": Kind(partial(_text_argument, "prefix:crm-"), _prefix),
    "replace": Kind(_replace_argument, _replace),
    "split": Kind(partial(_text_argument, "split:;"), _split),
    "param": Kind(partial(_text_argument, "param:currency"), _param),
    "sha256": Kind(_no_argument, _sha256),
    "hmac": Kind(_no_argument, _hmac),
}

FILTER_NAMES: Final = tuple(_KINDS)
