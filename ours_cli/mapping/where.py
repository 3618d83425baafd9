"""`--where 'COLUMN=VALUE'`: conditions on a row's cells, read once, compiled once per table.

Cells are compared as text without the blanks around it: a JSON number by its digits as written, `true`,
`false`; an empty, blank, missing or null cell is the empty text.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from ours_cli.errors import UsageError
from ours_cli.record import Fields
from ours_cli.templates.field_value import ABSENT, ShortRow, as_text
from ours_cli.templates.reference import Getter, Reference, cell_getter, key_getter
from ours_cli.templates.template import parse

Test: TypeAlias = "Callable[[Fields], bool]"
"""Whether a row is kept; raises FilterProblem where a path leads into a text that is not JSON."""


class NeverSeenKeys:
    """Which keys are looked for in vain: JSON rows show their keys only as they come.

    A key is in `never_found` from the first row that lacks it to the first that has it.
    """

    def __init__(self, never_found: dict[str, None] | None = None) -> None:
        self.never_found: dict[str, None] = {} if never_found is None else never_found
        self.found: set[str] = set()

    def note(self, name: str, *, is_found: bool) -> None:
        """Note whether the next row has a key, or any of the next rows."""
        if is_found:
            self.found.add(name)
            self.never_found.pop(name, None)
        elif name not in self.found:
            self.never_found[name] = None

    def take(self, found: Iterable[str], lacking: Iterable[str]) -> None:
        """As `note` for what others saw in the next rows: keys that they have, and that they lack."""
        for name in found:
            self.note(name, is_found=True)
        for name in lacking:
            self.note(name, is_found=False)

    def note_excluded(self, name: str, *, is_found: bool) -> None:
        """As `note` for what `--exclude` names."""
        self.note(f"--exclude {name}", is_found=is_found)

    def clear(self) -> None:
        """Begin anew."""
        self.found.clear()
        self.never_found.clear()


class Condition(NamedTuple):
    """One `COLUMN=VALUE`, `COLUMN!=VALUE` or `COLUMN~REGEX`."""

    reference: Reference
    operator: str
    value: str


_QUOTED: Final = re.compile(r'\s*"((?:[^"]|"")*)"\s*(!=|=|~)(.*)', re.DOTALL)
_NEEDS_QUOTES: Final = re.compile(r'[=~!"{}]')
_BARE: Final = re.compile(r"(.*?)(!=|=|~)(.*)", re.DOTALL)
_EXAMPLE: Final = "--where 'status=paid', 'status!=paid' or 'status~^pa'; 'status!=' keeps rows that have one"


def read_condition(text: str) -> Condition:
    """Read one condition. A name with `=`, `~` or `!` in it needs double quotes. Raises `UsageError`."""
    quoted = _QUOTED.fullmatch(text)
    found = quoted or _BARE.fullmatch(text)
    if found is None:
        raise UsageError("--where wants COLUMN=VALUE, COLUMN!=VALUE or COLUMN~REGEX", hint=_EXAMPLE)
    name, operator, value = found[1], found[2], found[3].strip()
    if not name.strip():
        raise UsageError(f"--where has no column before its {operator!r}", hint=_EXAMPLE)
    if name.strip().startswith("{") and name.strip().endswith("}") and not quoted:
        raise UsageError("--where names a column without braces", hint=_EXAMPLE)
    if operator != "~" and value.startswith(("=", "~")):
        raise UsageError(
            f"--where has no operator {operator + value[0]!r}",
            hint=f"{_EXAMPLE}; for a value that begins so, write 'COLUMN~^={{1}}...'",
        )
    if operator == "~" and not quoted and name.endswith("!"):
        raise UsageError(
            "--where has no operator '!~'", hint="a look-ahead leaves out what matches: 'status~^(?!test)'"
        )
    if operator == "~":
        _compile(value)
    reference = Reference.from_quoted(name) if quoted else Reference(name)
    return Condition(reference, operator, value)


def where_not(column: str, value: str) -> str:
    """The flag that leaves out rows with this value, as a shell takes it; `read_condition` reads its text."""
    name = f'"{column.replace(chr(34), chr(34) * 2)}"' if _NEEDS_QUOTES.search(column) else column
    return f"--where {shlex.quote(f'{name}!={value}')}"


def only_column(templates: Mapping[str, str], paths: Iterable[str]) -> str | None:
    """The one column that these fields are made of; None where there are several, or none."""
    texts = [templates[path] for path in paths if path in templates]
    columns = {name.strip() for text in texts for name in parse(text).columns}
    return columns.pop() if len(columns) == 1 else None


def bind_where(
    conditions: Sequence[Condition], columns: tuple[str, ...] | None, sought: NeverSeenKeys
) -> Test | None:
    """Compile the conditions, all of which must hold, for one table; None where there are none.

    Raises `UsageError` for a column that is not there. `sought` notes the keys of JSON rows.
    """
    tests = [_test(condition, _text_of(_getter(condition, columns, sought))) for condition in conditions]
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda fields: all(test(fields) for test in tests)


def _test(condition: Condition, text: Callable[[Fields], str]) -> Test:
    value = condition.value
    if condition.operator == "=":
        return lambda fields: text(fields) == value
    if condition.operator == "!=":
        return lambda fields: text(fields) != value
    search = _compile(value).search
    return lambda fields: search(text(fields)) is not None


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"--where: the regular expression cannot be read: {error}", hint="--where 'status~^(paid|sent)$'"
        ) from None


def _text_of(get: Getter) -> Callable[[Fields], str]:
    def text(fields: Fields) -> str:
        try:
            value = get(fields)
        except ShortRow:
            return ""
        if type(value) is str:
            return value.strip()
        return "" if value is ABSENT else as_text(value)

    return text


def _getter(condition: Condition, columns: tuple[str, ...] | None, sought: NeverSeenKeys) -> Getter:
    reference = condition.reference
    if columns is not None:
        try:
            return cell_getter(reference, columns)
        except UsageError as error:
            raise UsageError(f"--where: {error.message}", hint=error.hint) from None
    get = key_getter(reference)
    return get if condition.value == "" else _watched(get, reference.name.strip(), sought)


def _watched(get: Getter, name: str, sought: NeverSeenKeys) -> Getter:
    found = sought.found

    def watched(fields: Any) -> object:
        value = get(fields)
        if name not in found:
            sought.note(name, is_found=value is not ABSENT)
        return value

    return watched
