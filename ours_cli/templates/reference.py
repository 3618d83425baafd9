"""A column reference found in a table: which cell it means, and the path into JSON that may follow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self, TypeAlias

from ours_cli.errors import UsageError
from ours_cli.exact_json import JsonProblem, read_json
from ours_cli.record import Fields
from ours_cli.templates.field_value import ABSENT, FilterProblem, ShortRow, present
from ours_cli.wording.suggest import nearest

Getter: TypeAlias = "Callable[[Fields], object]"
"""From a row's fields to a value or ABSENT; raises FilterProblem. Objects are the row's own, not copies."""

Steps: TypeAlias = "tuple[str | int, ...]"


QUOTED_NAME: Final = r'\s*"((?:[^"]|"")+)"\s*'
"""The pattern of a name in double quotes; between them two stand for one."""


class Reference(NamedTuple):
    """A column as a template names it. A `quoted` name is taken literally: no trimming, no path."""

    name: str
    quoted: bool = False

    @classmethod
    def from_quoted(cls, inside: str) -> Self:
        """The column whose name is written so between double quotes."""
        return cls(inside.replace('""', '"'), quoted=True)


class Cell(NamedTuple):
    """Where a reference leads in a CSV table: the column's position and the steps into its JSON."""

    position: int
    steps: Steps


def locate(reference: Reference, columns: tuple[str, ...]) -> Cell:
    """Find the column that a reference means: the exact name, then the trimmed one, then a path into JSON.

    Raises UsageError when there is none, when several columns have that name, or when the name is empty.
    """
    if not reference.name.strip():
        raise UsageError(
            "a column without a name cannot be used", hint="give the column a name in the header"
        )
    index = _position(reference, columns)
    if index is not None:
        return Cell(index, ())
    for prefix, steps in _paths(reference):
        index = _position(Reference(prefix), columns)
        if index is not None:
            return Cell(index, steps)
    raise _unknown(reference.name.strip(), columns)


def cell_getter(reference: Reference, columns: tuple[str, ...]) -> Getter:
    """Compile the reference for CSV rows, whose cells are in the order of `columns`."""
    position, steps = locate(reference, columns)
    column = columns[position]

    def cell(fields: Any) -> object:
        try:
            text: str = fields[position]
        except IndexError:
            raise ShortRow(column) from None
        return text if text and not text.isspace() else ABSENT

    return _inside(cell, steps, reference.name.strip()) if steps else cell


def key_getter(reference: Reference) -> Getter:
    """Compile the reference for JSON rows: the exact key, else the trimmed one, else a path."""
    exact, trimmed = reference.name, reference.name.strip()
    root, steps = key_path(reference)

    def key(fields: Any) -> object:
        if exact in fields:
            return present(fields[exact])
        if trimmed in fields and not reference.quoted:
            return present(fields[trimmed])
        return present(_walk(fields.get(root), steps, trimmed)) if steps else ABSENT

    return key


def key_path(reference: Reference) -> tuple[str, Steps]:
    """Where a reference leads in JSON rows without any other key of `roots`: a key, and steps below it."""
    whole = reference.name if reference.quoted else reference.name.strip()
    return [(whole, ()), *_paths(reference)][-1]


def roots(reference: Reference) -> tuple[str, ...]:
    """Return the top-level keys that the reference may read in a JSON row."""
    paths = list(_paths(reference))
    names = (reference.name, reference.name.strip(), *(root for root, _ in paths[-1:]))
    return tuple(dict.fromkeys(names[:1] if reference.quoted else names))


def _position(reference: Reference, columns: tuple[str, ...]) -> int | None:
    exact = [index for index, column in enumerate(columns) if column == reference.name]
    if exact or reference.quoted:
        return _only(exact, reference.name)
    name = reference.name.strip()
    return _only([index for index, column in enumerate(columns) if column.strip() == name], name)


def _only(found: list[int], name: str) -> int | None:
    if len(found) > 1:
        numbers = ", ".join(str(index + 1) for index in found)
        raise UsageError(
            f"{len(found)} columns are named {name!r} (numbers {numbers})",
            hint="rename them in the header; a name that stands twice means no one column",
        )
    return found[0] if found else None


def _unknown(name: str, columns: tuple[str, ...]) -> UsageError:
    if _JSON_MEMBER.match(name):
        return UsageError(
            f"there is no column {name!r}",
            hint=f"if {{{name}}} is JSON, its braces are doubled: {{{{{name}}}}}",
        )
    near = nearest(name, columns)
    if near is not None:
        return UsageError(f"there is no column {name!r}", hint=f"did you mean {near!r}?")
    if may_be_cells(columns, name):
        # A row's values are not shown.
        hint = "ours inspect FILE shows the columns; if they are a first row of cells: --no-header, {1}, {2}"
    else:
        shown = ", ".join(repr(column) for column in columns[:_SHOWN])
        more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
        several = "; is it several? --delimiter says what separates them" if len(columns) == 1 else ""
        hint = f"columns: {shown or 'none'}{more}{several}"
    return UsageError(f"there is no column {name!r}", hint=hint)


def may_be_cells(columns: tuple[str, ...], name: str = "") -> bool:
    """Whether the columns may be the cells of a first row, as where somebody means one by its number."""
    are_numbered = columns == tuple(str(number) for number in range(1, len(columns) + 1))
    return not are_numbered and (name.isdecimal() or any(map(_LIKE_A_VALUE.match, columns)))


_SHOWN = 20
# Headers begin with a letter, nearly always; numbers, dates and amounts do not, and an email has an @.
_LIKE_A_VALUE = re.compile(r"\s*[-+$€£]?[0-9]|[^@\s]+@[^@\s]+\.")
_JSON_MEMBER = re.compile(r'"[^"]*"\s*:')
_ROOT = re.compile(r"[^.\[\]]+")
_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]{1,9})\]")


def _paths(reference: Reference) -> Iterator[tuple[str, Steps]]:
    """Yield the ways to read `a.b[0].c` as a column and steps into it, the longest column first."""
    name = reference.name.strip()
    root = None if reference.quoted else _ROOT.match(name)
    if root is None:
        return
    found, position = [], root.end()
    while position < len(name):
        step = _STEP.match(name, position)
        if step is None:
            return
        found.append(step)
        position = step.end()
    steps = tuple(step[1] if step[1] is not None else int(step[2]) for step in found)
    for count in reversed(range(len(found))):
        yield name[: found[count].start()], steps[count:]


def _inside(cell: Getter, steps: Steps, name: str) -> Getter:
    def reach(fields: Fields) -> object:
        text = cell(fields)
        return text if text is ABSENT else present(_walk(text, steps, name))

    return reach


def _walk(value: object, steps: Steps, name: str) -> object:
    """Follow the steps; a text on the way is read as JSON. What leads nowhere is None."""
    for count, step in enumerate(steps):
        if isinstance(value, str):
            return _inside_text(value, steps[count:], name)
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
    return value


def _inside_text(text: str, steps: Steps, name: str) -> object:
    if not text or text.isspace():
        return None
    try:
        found = _walk(_remembered_json(text), steps, name)
        # What is remembered is never handed out where it could be changed: other rows may hold the same text.
        return _walk(read_json(text), steps, name) if isinstance(found, dict | list) else found
    except JsonProblem as problem:
        if text.strip().lower() in _NO_JSON:
            return None
        raise FilterProblem("bad_json", f"column {name!r} is not JSON: {problem.reason}") from None


# Databases and pandas write these where a column of JSON holds nothing.
_NO_JSON = frozenset({"null", r"\n", "none", "nan"})
# Several references into one cell parse it once.
_remembered_json = lru_cache(maxsize=8)(read_json)
