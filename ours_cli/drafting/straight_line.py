"""A field map compiled for one CSV table to straight-line code: a Python function from cells to a body.

What `field_body` decides anew for every row (which keys there are, which cell holds what, what must be
checked) is settled once and written down as source code, as a person would write it for this very file. The
function handles what is plainly right; any other row raises `UnusualRow` (or a filter's problem) before
anything was counted, and goes to `field_body`, which knows what is wrong with it. Keys are set in the order
of canonical JSON, so that nothing need be sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from ours_cli.contract import ID_MAX, KNOWN_PROPERTIES, PROPERTIES_MAX, TEXT_MAX
from ours_cli.drafting.cell_table import CellTable
from ours_cli.drafting.column_line import ColumnLine, compile_columns
from ours_cli.drafting.drafts import Bodies, bodies_of
from ours_cli.mapping.field_body import Body, BodyObject, Slot
from ours_cli.templates.field_value import ABSENT, FilterProblem
from ours_cli.templates.reference import locate
from ours_cli.templates.template import Placeholder, used_columns
from ours_cli.timestamps import TimeProblem

CellReader: TypeAlias = "Callable[[list[str]], dict[str, Any]]"


class UnusualRow(Exception):  # noqa: N818 - no failure: another mapper reads it
    """A row that straight-line code leaves to the general mapping."""


class StraightLine(NamedTuple):
    """`read` makes a row's body.

    `is_plain`: what it makes obeys the contract (sizes, time and distinctId apart), holds no list and no
    object within an object, and has its keys in canonical order.
    """

    read: CellReader
    is_plain: bool
    read_columns: ColumnLine | None = None

    def read_all(self, rows: Sequence[list[str]], are_plain: bool) -> Bodies:
        """The bodies of many rows, except unusual ones; see `drafts.RowsReader`.

        Their times may be read in any order.
        """
        read = None if self.read_columns is None else self.read_columns(rows, are_plain, self._read_one)
        return bodies_of(list(map(self._read_one, rows)), are_sorted=True) if read is None else read

    def _read_one(self, cells: list[str]) -> dict[str, Any] | None:
        try:
            return self.read(cells)
        except (UnusualRow, FilterProblem, TimeProblem):
            return None


def compile_body(body: Body, columns: tuple[str, ...]) -> StraightLine | None:
    """Compile for rows of exactly these columns; None for what is seldom mapped (whole objects)."""
    writer = _Writer(columns)
    if not writer.write(body):
        return None
    source = "\n    ".join(["def read(cells):", *writer.lines]) + "\n"
    names = writer.names | {"ABSENT": ABSENT, "UnusualRow": UnusualRow}
    # The source is made of numbered names and of literals by repr: no text of a user is ever code.
    exec(compile(source, "<straight-line mapping>", "exec"), names)  # noqa: S102
    return StraightLine(names["read"], writer.is_plain, compile_columns(body, columns))


_MAY_HOLD_MORE: Final = frozenset({"json", "split"})
"""Filters whose result may be a list or an object."""


class _Writer:
    """Writes the lines of one function, and collects what they name: tables, getters, the time reader."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self.is_plain = True
        self._columns = columns
        self._used: set[int] = set()

    def write(self, body: Body) -> bool:
        """Write the whole function; False where that cannot be done."""
        objects = {key: mapped for key, mapped in body.objects.items() if _is_used(mapped)}
        if any(mapped.whole is not None or _overlaps(mapped) for mapped in objects.values()):
            return False
        for key, mapped in objects.items():
            self._object(key, mapped)
        for key, slot in body.top:
            self._text(key, slot)
        if body.context is not None:
            self._context(*body.context)
        self._require([key for key, _ in body.top], objects)
        self._body(body, objects)
        cells = [f"c{position} = cells[{position}]" for position in sorted(self._used)]
        self.lines[:0] = [f"if len(cells) != {len(self._columns)}: raise UnusualRow", *cells]
        return True

    def _object(self, key: str, mapped: BodyObject) -> None:
        """`userProperties = {...}`, each key where there is a value."""
        within: dict[str, list[tuple[str, Slot]]] = {}
        for outer, inner, slot in mapped.nested:
            within.setdefault(outer, []).append((inner, slot))
        self.lines.append(f"{key} = {{}}")
        slots = dict(mapped.entries)
        for name in sorted({*slots, *within, *mapped.constants}):
            if name in mapped.constants:
                self.lines.append(f"{key}[{name!r}] = None")
            elif name in within:
                self.lines.append("inner = {}")
                for inner, slot in sorted(within[name]):
                    self._set("inner", inner, slot)
                self.lines.append(f"if inner: {key}[{name!r}] = inner")
            else:
                self._set(key, name, slots[name])
                self._note_kind(key, name, slots[name])
        if len(slots) > PROPERTIES_MAX:
            self.is_plain = False

    def _set(self, target: str, name: str, slot: Slot) -> None:
        value, condition = self._value(slot)
        self.lines.append(f"if {condition}: {target}[{name!r}] = {value}")
        if not self._is_scalar(slot):
            self.is_plain = False

    def _text(self, key: str, slot: Slot) -> None:
        """`email = ...`, trimmed, empty where there is none; nothing longer than the contract allows."""
        value, condition = self._value(slot)
        bare = self._bare_cell(slot)
        self.lines.append(
            f"{key} = {bare}.strip()" if bare else f"{key} = {value}.strip() if {condition} else ''"
        )
        if key in TEXT_MAX:
            self.lines.append(f"if len({key}) > {TEXT_MAX[key]}: raise UnusualRow")

    def _context(self, ip: Slot, agent: Slot) -> None:
        for name, slot in (("ip", ip), ("userAgent", agent)):
            value, condition = self._value(slot)
            self.lines.append(f"{name} = {value} if {condition} else ''")
        self.lines.append(
            "identityContext = {'ip': ip, 'userAgent': userAgent} if ip and userAgent else None"
        )

    def _require(self, top: list[str], objects: dict[str, BodyObject]) -> None:
        """An event needs a name and a visitor (contract: one event)."""
        if "event" in top:
            self.lines.append("if not event: raise UnusualRow")
        whom = [key for key in ID_MAX if key in top]
        if "userProperties" in objects:
            whom.append("userProperties.get('phone_number')")
        self.lines.append(f"if not ({' or '.join(whom) or None}): raise UnusualRow")

    def _body(self, body: Body, objects: dict[str, BodyObject]) -> None:
        """The body, in canonical order. The time is read after all that may be unusual: reading it counts."""
        self.lines.append("body = {}")
        moment = self._moment(body)
        keys = {*objects, *(key for key, _ in body.top)} - {"distinctId"}
        keys |= {"identityContext"} if body.context is not None else set()
        for key in sorted(keys | ({"time"} if moment else set())):
            if key == "time":
                self.lines.append(f"body['time'] = {moment}")
            elif key == "event":
                self.lines.append("body['event'] = event")
            else:
                self.lines.append(f"if {key}: body[{key!r}] = {key}")
        if any(key == "distinctId" for key, _ in body.top):
            self.lines.append("if distinctId: body['distinctId'] = distinctId")
        self.lines.append("return body")

    def _moment(self, body: Body) -> str | None:
        if body.time is None:
            return None
        self.names["time_of"] = body.reader
        value, condition = self._value(body.time)
        self.lines.append(f"moment = {value} if {condition} else ABSENT")
        self.lines.append("if moment is ABSENT: raise UnusualRow")
        if body.zone is None:
            return "time_of(moment)"
        zone, condition = self._value(body.zone)
        self.lines.append(f"zone = str({zone}) if {condition} else None")
        return "time_of(moment, zone)"

    def _value(self, slot: Slot) -> tuple[str, str]:
        """An expression for the slot's value, and the condition that there is one, to be evaluated first."""
        if bare := self._bare_cell(slot):
            return bare, f"{bare} and not {bare}.isspace()"
        number = len(self.names)
        used = used_columns(slot.template, self._columns)
        self._used |= used
        if not used and slot.gives != "json":
            return repr(slot.get([])), "True"
        if len(used) == 1:
            (position,) = used
            self.names[f"table{number}"] = CellTable(slot.get, position, len(self._columns))
            given = f"table{number}[c{position}]"
        else:
            self.names[f"get{number}"] = slot.get
            given = f"get{number}(cells)"
        return "value", f"(value := {given}) is not ABSENT"

    def _bare_cell(self, slot: Slot) -> str | None:
        """`c3` for a template that gives a cell's text unchanged."""
        reference = _only_reference(slot)
        if reference is None or reference.filters or slot.gives == "json":
            return None
        cell = locate(reference.reference, self._columns)
        if cell.steps:
            return None
        self._used.add(cell.position)
        return f"c{cell.position}"

    def _is_scalar(self, slot: Slot) -> bool:
        if slot.gives == "json":
            return False
        only = _only_reference(slot)
        if only is None:
            return True
        more = any(call.name in _MAY_HOLD_MORE for call in only.filters)
        return not more and not locate(only.reference, self._columns).steps

    def _note_kind(self, key: str, name: str, slot: Slot) -> None:
        """A value that may be of another type than the contract says must be checked, row by row."""
        kind = KNOWN_PROPERTIES.get(key, {}).get(name, "any")
        if kind != "any" and not (kind == "string" and slot.gives == "text"):
            self.is_plain = False


def _is_used(mapped: BodyObject) -> bool:
    return bool(mapped.whole or mapped.entries or mapped.nested or mapped.constants)


def _overlaps(mapped: BodyObject) -> bool:
    """Whether an object is set as a whole and key by key too, or a key twice."""
    names = [name for name, _ in mapped.entries]
    outer = {outer for outer, _, _ in mapped.nested}
    return len(set(names)) < len(names) or bool(outer & {*names, *mapped.constants})


def _only_reference(slot: Slot) -> Placeholder | None:
    return slot.template.placeholders[0] if slot.template.is_single else None
