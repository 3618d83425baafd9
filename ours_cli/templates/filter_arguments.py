r"""Arguments of filters, read and checked once, together with the template.

An argument follows the filter's name after a colon. `\` takes the meaning from `| : , = { }`, a blank and
itself; before anything else it is an ordinary character. Each function here raises `ArgumentError`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from ours_cli.templates.numerals import DEFAULT_STYLE, STYLES, Style


class ArgumentError(ValueError):
    """The argument is not what the filter wants; the message goes after the filter's name."""

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


def without_trailing_blanks(argument: str) -> str:
    """What is written after the colon, without blanks at its end that no backslash precedes."""
    kept = argument.rstrip()
    if not kept or kept.endswith(":"):
        return argument
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return argument[: len(kept) + backslashes % 2]


def no_argument(argument: str | None) -> None:
    """Refuse an argument, for filters that take none."""
    if argument is not None:
        raise ArgumentError("takes no argument", "leave out the colon and what follows")


def text_argument(example: str, argument: str | None) -> str:
    """Any text; `example` is a call that shows one."""
    if not argument:
        raise ArgumentError("needs an argument", f"such as `{example}`")
    return _unescape(argument)


def default_argument(argument: str | None) -> str:
    """A text that is not blank."""
    text = text_argument("default:unknown", argument).strip()
    if not text:
        raise ArgumentError("needs a value", "leave the filter out: an empty cell is absent by itself")
    return text


def replace_argument(argument: str | None) -> tuple[str, str]:
    """What to replace, and by what."""
    parts = _split_unescaped(argument or "", ":", most=1)
    if len(parts) != 2 or not parts[0]:
        raise ArgumentError("needs two arguments", r"such as `replace:old:new`; a colon itself is `\:`")
    return _unescape(parts[0]), _unescape(parts[1])


def number_argument(argument: str | None) -> Style:
    """A way of writing numbers, by its name."""
    if argument is None:
        return DEFAULT_STYLE
    style = STYLES.get(argument.strip().casefold())
    if style is None:
        examples = ", ".join(f"{style.name} ({style.example})" for style in dict.fromkeys(STYLES.values()))
        raise ArgumentError("does not know that way of writing numbers", f"known: {examples}")
    return style


_SAMPLE = datetime(2031, 10, 29, tzinfo=UTC)


def date_argument(argument: str | None) -> str | None:
    """A strptime format that gives a whole date, or none."""
    if argument is None:
        return None
    form = _unescape(argument).strip()
    try:
        whole = datetime.strptime(_SAMPLE.strftime(form), form).date() == _SAMPLE.date()
    except (ValueError, re.error):
        whole = False
    if not whole:
        raise ArgumentError("needs strptime directives for year, month and day", "such as `date:%d/%m/%Y`")
    return form


class TextMap(NamedTuple):
    """What texts become; `otherwise` is for all that are not among them, None where those are rejected."""

    exact: dict[str, str]
    otherwise: str | None


def map_argument(argument: str | None) -> TextMap:
    """Pairs `FROM=TO`; a FROM of `*` is any other text."""
    exact: dict[str, str] = {}
    otherwise = None
    for entry in _split_unescaped(argument or "", ","):
        source, *target = _split_unescaped(entry.strip(), "=", most=1)
        if not target or not source.strip():
            raise ArgumentError("needs FROM=TO pairs", r"such as `map:a=B,c=D`; a comma itself is `\,`")
        key, value = _unescape(source.strip()), _unescape(target[0].strip())
        if key in exact:
            raise ArgumentError("has the same FROM twice", "each text can become one other text only")
        if source.strip() == "*":
            otherwise = value
        else:
            exact[key] = value
    return TextMap(exact, otherwise)
