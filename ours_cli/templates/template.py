"""`{column|filter}`: a field's text with columns in it, read once, bound to a table once, run for every row.

The grammar: text, `{{` and `}}` for literal braces, and placeholders `{column|filter:argument}`.
A column's name may hold anything but `{`, `}` and `|`; any name at all can be written in double quotes, a
quote inside it doubled: `{"odd|name"}`. `{a.b[0].c}` reaches into JSON where no column has that name.

A placeholder without a value (its cell is empty or missing) makes the whole field ABSENT, unless the filter
`default` supplies one; with several placeholders, any one of them does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from ours_cli.errors import UsageError
from ours_cli.exact_json import JsonProblem, read_json
from ours_cli.record import Fields
from ours_cli.templates.field_value import ABSENT, FilterProblem, as_text, present
from ours_cli.templates.filter_functions import HmacKey
from ours_cli.templates.filters import FilterCall, build, read_call
from ours_cli.templates.reference import (
    QUOTED_NAME,
    Cell,
    Getter,
    Reference,
    cell_getter,
    key_getter,
    locate,
    roots,
)


class Placeholder(NamedTuple):
    """One `{...}` of a template."""

    reference: Reference
    filters: tuple[FilterCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """A template that has been read: `text` as it was written, and its parts in order."""

    text: str
    parts: tuple[str | Placeholder, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The column references as written, paths included."""
        return tuple(part.reference.name for part in self.placeholders)

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """The parts that vary from row to row."""
        return tuple(part for part in self.parts if isinstance(part, Placeholder))

    @property
    def is_literal(self) -> bool:
        """Whether every row gets the same text."""
        return not self.placeholders

    @property
    def is_single(self) -> bool:
        """Whether it is one placeholder and nothing else, so that the value keeps its type."""
        return len(self.parts) == 1 and not self.is_literal


def parse(text: str) -> Template:
    """Read a template; raises UsageError for stray braces, empty placeholders and wrong filters."""
    parts: list[str | Placeholder] = []
    literal: list[str] = []
    position = 0
    while position < len(text):
        token = _LITERAL.match(text, position)
        if token is not None:
            literal.append(token.group() if token.lastgroup == "plain" else token.group()[0])
            position = token.end()
        elif text[position] == "{":
            parts += ["".join(literal)] if literal else []
            literal.clear()
            found, position = _read_placeholder(text, position)
            parts.append(found)
        else:
            raise _stray_brace("}", position)
    if literal:
        parts.append("".join(literal))
    return Template(text, tuple(parts))


def placeholder(column: str) -> str:
    """Write the placeholder that means exactly this column, whatever its name."""
    if any(character in column for character in '{}|"'):
        return '{"' + column.replace('"', '""') + '"}'
    return "{" + column + "}"


def used_columns(template: Template, columns: tuple[str, ...]) -> set[int]:
    """Return the positions of the columns that the template reads in CSV rows. Raises as `bind`."""
    return {cell.position for cell in used_cells(template, columns).values()}


def used_cells(template: Template, columns: tuple[str, ...]) -> dict[str, Cell]:
    """Return each reference with where it leads in CSV rows. Raises as `bind`."""
    return {part.reference.name.strip(): locate(part.reference, columns) for part in template.placeholders}


def used_keys(template: Template) -> dict[str, tuple[str, ...]]:
    """Return each reference with the top-level keys that it may read in JSON rows: `a.b`: `a.b` and `a`."""
    return {part.reference.name.strip(): roots(part.reference) for part in template.placeholders}


def bind(template: Template, columns: tuple[str, ...] | None, hmac_key: HmacKey | None = None) -> Getter:
    """Compile the template for one table: CSV rows under `columns`, JSON rows where `columns` is None.

    A single placeholder keeps its value's type; anything else is text. Raises UsageError for an unknown,
    nameless or twice-named column (in JSON rows a missing key is ABSENT), and for a missing hmac key.
    """
    if template.is_single:
        return _bind_placeholder(template.placeholders[0], columns, hmac_key)
    if template.is_literal:
        constant = _constant_text(template)
        return lambda _: constant
    return _bind_mixed(template, columns, hmac_key)


def bind_text(template: Template, columns: tuple[str, ...] | None, hmac_key: HmacKey | None = None) -> Getter:
    """Compile the template for a string field (ids, email, event): the getter yields a str or ABSENT.

    A number gives its digits as written; a boolean, list or object raises FilterProblem `bad_type`.
    """
    get = bind(template, columns, hmac_key)
    if not template.is_single:
        return get
    only = template.placeholders[0]
    name = only.reference.name.strip()

    def text(fields: Fields) -> object:
        value = get(fields)
        if type(value) is str or value is ABSENT:
            return value
        if isinstance(value, bool | list | dict):
            raise FilterProblem("bad_type", f"column {name!r} holds {_kind(value)} where text is needed")
        return as_text(value)

    return text


def bind_json(template: Template, columns: tuple[str, ...] | None, hmac_key: HmacKey | None = None) -> Getter:
    """Compile the right side of `NAME:=JSON`: rendered as text, then read as JSON, to the letter.

    What does not read raises FilterProblem `bad_json`; without placeholders, UsageError immediately.
    """
    if template.is_literal:
        return _constant_json(_constant_text(template))
    get = bind(template, columns, hmac_key)
    names = ", ".join(repr(name.strip()) for name in template.columns)

    def value(fields: Fields) -> object:
        rendered = get(fields)
        if rendered is ABSENT:
            return ABSENT
        try:
            return present(read_json(as_text(rendered)))
        except JsonProblem as problem:
            message = f"the text made of column {names} is not JSON: {problem.reason}"
            raise FilterProblem("bad_json", message) from None

    return value


# --- reading -----------------------------------------------------------------------------------------------

_LITERAL = re.compile(r"(?P<plain>[^{}]+)|\{\{|\}\}")
_QUOTED_NAME = re.compile(QUOTED_NAME + "(?=[|}])")
_BARE_NAME = re.compile(r"[^{}|]*")
_FILTER = re.compile(r"\|((?:\\.|[^\\{}|])*)", re.DOTALL)


def _read_placeholder(text: str, start: int) -> tuple[Placeholder, int]:
    """Read the placeholder whose brace is at `start`; return it and the position after it."""
    quoted = _QUOTED_NAME.match(text, start + 1)
    name = quoted or _BARE_NAME.match(text, start + 1)
    assert name is not None  # the bare form matches the empty text
    position, filters = name.end(), []
    while (written := _FILTER.match(text, position)) is not None:
        filters.append(read_call(written[1]))
        position = written.end()
    if text[position : position + 1] != "}":
        raise _stray_brace("{", start)
    if quoted:
        reference = Reference.from_quoted(quoted[1])
    elif name.group().strip():
        reference = Reference(name.group())
    else:
        raise UsageError(
            f"an empty placeholder at character {start + 1}", hint="write a column's name in it, `{column}`"
        )
    return Placeholder(reference, tuple(filters)), position + 1


def _stray_brace(brace: str, position: int) -> UsageError:
    return UsageError(
        f"unbalanced `{brace}` at character {position + 1} of the template",
        hint="a column is written {column}, a literal brace {{ or }}, a column with odd characters "
        '{"odd|name"}, a brace in a filter\'s argument \\{ or \\}',
    )


# --- binding -----------------------------------------------------------------------------------------------


def _constant_text(template: Template) -> str:
    return "".join(as_text(part) for part in template.parts)


def _constant_json(text: str) -> Getter:
    try:
        constant = present(read_json(text))
    except JsonProblem as problem:
        if problem.remedy is not None:
            raise UsageError(f"the right side of `:=`: {problem.message}", hint=problem.remedy) from None
        hint = 'text is given with NAME=TEXT; literal objects double their braces: NAME:={{"a":1}}'
        raise UsageError(f"the right side of `:=` is not JSON: {problem.reason}", hint=hint) from None
    if isinstance(constant, dict | list):
        # A fresh object for each row, so that no row can write into another's.
        return lambda _: read_json(text)
    return lambda _: constant


def _bind_placeholder(part: Placeholder, columns: tuple[str, ...] | None, hmac_key: HmacKey | None) -> Getter:
    reference = part.reference
    get = key_getter(reference) if columns is None else cell_getter(reference, columns)
    if not part.filters:
        return get
    steps = tuple((call.name, call.fills, build(call, hmac_key)) for call in part.filters)
    column = reference.name.strip()

    def filtered(fields: Fields) -> object:
        value = get(fields)
        for name, fills, apply in steps:
            if (value is ABSENT) is fills:
                try:
                    value = apply(value)
                except FilterProblem as problem:
                    message = f"{name}: column {column!r} {problem.message}"
                    raise FilterProblem(problem.code, message) from None
        return value

    return filtered


def _bind_mixed(template: Template, columns: tuple[str, ...] | None, hmac_key: HmacKey | None) -> Getter:
    literals: list[str] = [""]
    getters: list[Getter] = []
    for part in template.parts:
        if isinstance(part, Placeholder):
            getters.append(_bind_placeholder(part, columns, hmac_key))
            literals.append("")
        else:
            literals[-1] = part
    return partial(_render, literals[0], tuple(zip(getters, literals[1:], strict=True)))


def _render(head: str, tail: tuple[tuple[Callable[[Fields], object], str], ...], fields: Fields) -> object:
    text = head
    for get, literal in tail:
        value = get(fields)
        if value is ABSENT:
            return ABSENT
        text += (value if type(value) is str else as_text(value)) + literal
    return text


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "a list" if isinstance(value, list) else "an object"
