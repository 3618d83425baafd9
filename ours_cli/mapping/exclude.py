"""`--exclude NAME`: what it means in one table, and what it is left out of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import chain

from ours_cli.errors import UsageError
from ours_cli.exact_json import JsonProblem, read_json
from ours_cli.mapping.fields import OBJECTS, FieldMap
from ours_cli.mapping.where import Test
from ours_cli.record import Fields, Table
from ours_cli.templates.field_value import FilterProblem
from ours_cli.templates.filter_functions import HmacKey
from ours_cli.templates.filters import EXCLUDE, FilterCall
from ours_cli.templates.reference import QUOTED_NAME, Cell, Getter, Reference, Steps, key_path, locate
from ours_cli.templates.template import Placeholder, Template, bind, parse
from ours_cli.templates.without import Paths, paths_below, paths_to, without


class Exclusion:
    """What the names of a field map leave out of one table's rows.

    `of_rows` are paths into a row (by position in a CSV table), `of_objects` paths into whole objects: a name
    means what a reference of that name would read, and also the property of that name in a whole object.
    Raises `UsageError` for a name that no row of the table can have.
    """

    def __init__(self, fields: FieldMap, table: Table, hmac_key: HmacKey | None) -> None:
        self._columns = table.columns
        self._hmac_key = hmac_key
        self._names = fields.exclude
        self._wholes = whole_objects(fields)
        in_objects = {name: _by_key(name) if self._wholes else [] for name in self._names}
        in_rows = {name: _in_rows(name, table, is_required=not in_objects[name]) for name in self._names}
        self.of_rows = paths_to(chain.from_iterable(in_rows.values()))
        self.of_objects = paths_to(chain.from_iterable(in_objects.values()))
        self._told_by_rows = {
            name: (paths_to(steps), paths_to(in_objects[name]))
            for name, steps in in_rows.items()
            if self._columns is None or all(len(own) > 1 for own in steps)
        }
        if self._names:
            _refuse_other_letters(fields, table)

    def applied(self, template: Template) -> Template:
        """The template without what is left out of the values that it sends; raises as `locate`."""
        if not self.of_rows:
            return template
        return Template(template.text, tuple(map(self._part, template.parts)))

    def _part(self, part: str | Placeholder) -> str | Placeholder:
        if isinstance(part, str):
            return part
        below = paths_below(self.of_rows, self._steps_of(part.reference))
        return part._replace(filters=(FilterCall(EXCLUDE, below), *part.filters)) if below else part

    def _steps_of(self, reference: Reference) -> Steps:
        if self._columns is None:
            return _path_of(reference)
        cell = locate(reference, self._columns)
        return (cell.position, *cell.steps)

    def leaves_out(self, key: str | int) -> bool:
        """Whether this key of a row (position in a CSV table) is left out whole."""
        return paths_below(self.of_rows, (key,)) is None

    def has_other_letters(self, key: str) -> bool:
        """Whether this key, which is not left out, is one that is, but for its letters."""
        return key.strip().casefold() in map(str.casefold, names_left_out(self._names))

    @cached_property
    def tests(self) -> dict[str, Test]:
        """By name, whether a row has it, where only the rows show that; raises as `bind`."""
        wholes = [bind(parse(text), self._columns, self._hmac_key) for text in self._wholes]
        return {name: _has(*found, wholes) for name, found in self._told_by_rows.items()}


def leaving_out(paths: Paths, get: Getter) -> Getter:
    """The getter of an object, without what these paths lead to."""
    if not paths:
        return get

    def rest(fields: Fields) -> object:
        value = get(fields)
        try:
            return without(value, paths) if isinstance(value, dict) else value
        except FilterProblem as problem:
            raise FilterProblem(problem.code, f"--exclude: a text {problem.message}") from None

    return rest


def whole_objects(fields: FieldMap) -> list[str]:
    """The templates that give whole objects."""
    return [text for each in OBJECTS if (text := getattr(fields, each.whole))]


def refuse_idle_exclude(fields: FieldMap, preset: str | None, *, maps_itself: bool = False) -> None:
    """Raise `UsageError` for a name that is sent all the same: the mapping names it, or something in it.

    Beside `-p '*'` and whole objects that is meant, unless it is such an object itself, or the table
    `maps_itself`. What no template names, stays behind on purpose.
    """
    if not fields.exclude:
        return
    wholes = whole_objects(fields)
    texts = wholes if not maps_itself and (fields.star or wholes) else fields.templates().values()
    named = _named_in(texts)
    for name in fields.exclude:
        path = _path_of(_reference(name))
        if any(_is_within(path, each) for each in named):
            advice = "take it out of the flags or the map"
            if maps_itself:
                advice = "its name maps itself; name the other columns, as in --event '{event}'"
            elif preset is not None:
                advice = f"ours inspect FILE proposes a map to use in place of --preset {preset}"
            raise UsageError(
                f"--exclude {name} does not undo what the mapping itself names",
                hint=f"only what is mapped is sent: {advice}",
            )


def _reference(name: str) -> Reference:
    """What a template with this name between its braces reads."""
    quoted = re.fullmatch(QUOTED_NAME, name)
    return Reference.from_quoted(quoted[1]) if quoted else Reference(name)


def names_left_out(names: Iterable[str]) -> frozenset[str]:
    """What these names call a column: as they stand, and as templates read them."""
    return frozenset(read.strip() for name in names for read in (name, _reference(name).name))


def _path_of(reference: Reference) -> Steps:
    root, below = key_path(reference)
    return (root, *below)


def _named_in(texts: Iterable[str]) -> list[Steps]:
    """Where the placeholders of these templates lead."""
    return [_path_of(part.reference) for text in texts for part in parse(text).placeholders]


def _is_within(outer: Steps, path: Steps) -> bool:
    """Whether a path leads to where the outer one does, or further down."""
    return path[: len(outer)] == outer


def _by_key(name: str) -> list[Steps]:
    """What a reference of this name may read of an object: the key, or a path."""
    return [*dict.fromkeys([(name,), (name.strip(),), _path_of(_reference(name))])]


def _in_rows(name: str, table: Table, *, is_required: bool) -> list[Steps]:
    names = table.names
    if names is None or name in table.unreadable:
        return _by_key(name)
    found = [Cell(at, ()) for at, column in enumerate(names) if column == name]
    found = found or [Cell(at, ()) for at, column in enumerate(names) if column.strip() == name.strip()]
    if not found:
        try:
            found = [locate(_reference(name), names)]
        except UsageError as error:
            if is_required:
                raise UsageError(f"--exclude: {error.message}", hint=error.hint) from None
    are_keys = table.columns is None
    return [(names[at] if are_keys else at, *below) for at, below in found]


def _refuse_other_letters(fields: FieldMap, table: Table) -> None:
    """Refuse a name that the first rows, or whole objects in them, have in other letters, which are sent too.

    What a template names is meant. That the rest was sent would be told too late.
    """
    objects = [(), *_named_in(whole_objects(fields))]
    meant = {
        name: [(*path, *steps) for path in objects for steps in _by_key(name)] for name in fields.exclude
    }
    left_out = paths_to(chain.from_iterable(meant.values()))
    named = _named_in(fields.templates().values())
    rows = table.first_rows() or [dict.fromkeys(map(str.strip, table.names or ()))]
    for name, paths in meant.items():
        for found in (found for row in rows for steps in paths for found in _in_other_letters(row, steps)):
            if paths_below(left_out, found) is not None and _is_sent_along(found, named, star=fields.star):
                other = ".".join(found)
                raise UsageError(
                    f"--exclude {name} does not leave out {other!r}, which the rows have",
                    hint=f"names are case-sensitive: leave {other!r} out too, or name it in a template",
                )


def _is_sent_along(path: Steps, named: list[Steps], *, star: bool) -> bool:
    """Whether a path is sent though none that is `named` is it, or in it: with another, or by `-p '*'`."""
    if any(_is_within(path, each) for each in named):
        return False
    return any(_is_within(each, path) for each in named) or (
        star and all(each[0] != path[0] for each in named)
    )


def _in_other_letters(value: object, steps: Steps) -> Iterator[tuple[str, ...]]:
    """The paths in a value that these steps are, but for their letters; JSON as text is looked into, too."""
    if isinstance(value, str):
        with suppress(JsonProblem):
            value = read_json(value)
    if isinstance(value, list):
        yield from (path for entry in value for path in _in_other_letters(entry, steps))
    if not isinstance(value, dict):
        return
    name, *below = steps
    letters = str(name).strip().casefold()
    for key in sorted(key for key in value if key.strip().casefold() == letters):
        inner = _in_other_letters(value[key], (*below,)) if below else [()]
        yield from ((key, *path) for path in inner)


def _has(of_row: Paths, of_object: Paths, wholes: list[Getter]) -> Test:
    def has(fields: Fields) -> bool:
        try:
            objects = [value for get in wholes if isinstance(value := get(fields), dict)]
            return without(fields, of_row) != fields or any(
                without(value, of_object) != value for value in objects
            )
        except FilterProblem:
            return False

    return has
