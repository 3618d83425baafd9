"""`-p NAME=TEXT` and its kin: the arguments of a flag, read as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from ours_cli.errors import UsageError
from ours_cli.exact_json import is_json, is_object
from ours_cli.mapping.fields import Value

_SEPARATORS: Final = (":=@", "=@", ":=", "=")


def parse_assignments(flag: str, texts: Iterable[str], *, are_templates: bool) -> dict[str, Value]:
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
    if is_object(text):  # in which an = may stand, too
        raise UsageError(
            f"{flag} wants NAME=TEXT or NAME:=JSON, and one of its arguments is a JSON object",
            hint=f"{flag} {_EXAMPLES[flag][0]}; track and identify take a whole body by --data",
        )
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
