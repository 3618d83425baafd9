"""Rows mapped in stretches give the same result as rows mapped one by one, in every respect."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ours_cli.assembly.batch_rows import BatchMapping
from ours_cli.assembly.event_assembler import EventAssembler
from ours_cli.assembly.field_mapping import FieldMapping, RowMapping
from ours_cli.events.event import Event
from ours_cli.events.mapped_rows import MappedRows
from ours_cli.ids.identity import DistinctIds
from ours_cli.intake import Item
from ours_cli.mapping.body_builder import TimeMapping
from ours_cli.mapping.fields import FieldMap, Value
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.validate import Window
from ours_cli.mapping.where import read_condition
from ours_cli.record import Fields, Malformed, Record, Rows, RowStream, Stretch, Table
from ours_cli.row_mapping import map_rows
from ours_cli.runs.replay import Replay
from ours_cli.templates.template import Template, parse
from ours_cli.timestamps import TimeReader, TimeRules

EVERYTHING = Selection()

NOW_MS = time.time_ns() // 1_000_000
HOUR_MS = 3_600_000
WINDOW = Window(7 * 24 * HOUR_MS, lambda: NOW_MS)

Part = Stretch | Malformed


def iso(age_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((NOW_MS - age_ms) / 1000))


TIMES = st.sampled_from(
    [
        iso(HOUR_MS) + "Z",
        iso(2 * HOUR_MS),
        iso(30 * 24 * HOUR_MS) + "Z",
        "03/04/2026",
        "soon",
        "",
        str(NOW_MS - HOUR_MS),
        str((NOW_MS - HOUR_MS) // 1000),
    ]
)
CELLS = st.tuples(
    TIMES,
    st.sampled_from(["p1", "p2", " ", "x" * 300, "\ufeffp1", "\ufeff"]),
    st.sampled_from(["1", "1.50", "many", ""]),
).map(list)


def stretches_of(rows: list[Fields], cuts: list[int], damaged: list[int]) -> list[Part]:
    """Rows cut into stretches; before some of them stands a row that cannot be read."""
    parts: list[Part] = []
    line = 2
    bounds = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for number, (start, end) in enumerate(pairwise(bounds)):
        if number in damaged:
            parts.append(Malformed(line, "raw", "bad_csv", "why"))
            line += 1
        parts.append(Stretch(range(line, line + end - start), cast("list[list[str]]", rows[start:end])))
        line += end - start
    return parts


def singly(parts: list[Part]) -> Iterator[Record | Malformed]:
    for part in parts:
        if isinstance(part, Stretch):
            yield from map(Record, part.lines, part.fields)
        else:
            yield part


class Run:
    """One mapping run over one table, and everything that it leaves behind."""

    def __init__(
        self,
        kind: str,
        given_ids: bool,
        parts: list[Part],
        together: bool,
        selection: Selection = EVERYTHING,
        fields: FieldMap | None = None,
        zone: Template | None = None,
        columns: tuple[str, ...] = ("t", "who", "n"),
    ) -> None:
        self.reader = TimeReader(TimeRules())
        self.tally = Tally()
        self.ids = DistinctIds(b"salt")
        assemble = EventAssembler(WINDOW, self.ids, self.tally, selection)
        is_csv = kind == "csv"
        rows: Iterable[Rows] = parts if together else singly(parts)
        table = Table("t", "csv" if is_csv else "ndjson", columns if is_csv else None, RowStream(rows))
        mapping: RowMapping
        if is_csv:
            fields = fields or FieldMap(
                event="E",
                time="{t}",
                external_id="{who}",
                distinct_id="{n}" if given_ids else None,
                properties={"n": Value("{n|number}")},
            )
            mapping = FieldMapping(fields, assemble, TimeMapping(self.reader, zone), self.tally, None, None)
        elif fields is not None:
            mapping = FieldMapping(fields, assemble, TimeMapping(self.reader, zone), self.tally, None, None)
        else:
            mapping = BatchMapping(assemble, self.reader, self.tally, send_nulls=False)
        self.drafted = 0
        self.items: list[Item] = []
        for item in map_rows([table], mapping, None, lambda *_: None, Replay([])):
            if isinstance(item, MappedRows):
                self.drafted += len(item)
                self.items += item
            else:
                self.items.append(item)

    def left(self) -> tuple[object, ...]:
        reader = self.reader
        counts = reader.naive_as_utc, reader.contradictions, reader.open_dates
        known = self.tally, self.ids.repeats, reader.epoch_unit, reader.decided_unit, counts
        return self.items, known


def selections(*conditions: str) -> st.SearchStrategy[Selection]:
    """Filters of every kind, most often some; `conditions` are those that rows may be asked."""
    middle_ms = NOW_MS - HOUR_MS * 3 // 2
    return st.builds(
        Selection,
        where=st.lists(st.sampled_from([*map(read_condition, conditions)]), max_size=2).map(tuple),
        since_ms=st.sampled_from([None, None, middle_ms, NOW_MS - 90 * HOUR_MS]),
        until_ms=st.sampled_from([None, None, middle_ms, NOW_MS]),
        sample=st.sampled_from([None, 1 << 62, 1 << 63, 3 << 62]),
    )


@given(
    st.lists(CELLS, max_size=40),
    st.lists(st.integers(1, 39), max_size=4),
    st.lists(st.integers(0, 4), max_size=2),
    st.booleans(),
    selections("n=1", "n!=1", "who~p", "n.x="),
)
def test_cells(
    rows: list[Fields], cuts: list[int], damaged: list[int], given_ids: bool, selection: Selection
) -> None:
    parts = stretches_of(rows, cuts, damaged)
    together = Run("csv", given_ids, parts, True, selection)
    assert together.left() == Run("csv", given_ids, parts, False, selection).left()


LEFT_OUT = st.sampled_from(["n", "n.x", "n.x.y", "x", "n[0]", "who.x", "nowhere"])
JSON_CELLS = st.sampled_from(
    [
        *("1", "", "many", '{"x": {"y": 1}, "z": 2}', '{"x": 1}', "[1, 2]", "{", '"{', '"{\\"x\\": 1}"'),
        *("[null]", '{"x": {"y": null, "a": 1}, "z": null}'),
    ]
)


@given(
    st.lists(st.tuples(CELLS, JSON_CELLS).map(lambda both: [*both[0][:2], both[1]]), max_size=20),
    st.lists(st.integers(1, 19), max_size=4),
    st.lists(LEFT_OUT, min_size=1, max_size=3, unique=True).map(tuple),
    st.sampled_from(["star", "whole", "part"]),
    selections("n=1", "n.z="),
)
def test_cells_left_out(
    rows: list[Fields], cuts: list[int], excluded: tuple[str, ...], way: str, selection: Selection
) -> None:
    fields = FieldMap(event="E", time="{t}", external_id="{who}")
    fields = {
        "star": fields._replace(star=True, exclude=tuple({"n.x", *excluded} - {"x", "nowhere"})),
        "whole": fields._replace(event_object="{n|json}", exclude=tuple({"n.x", *excluded} - {"n"})),
        "part": fields._replace(
            properties={"n": Value("{n|auto}"), "m": Value("{n}-{who}")}, exclude=("n.x", "who.x")
        ),
    }[way]
    parts = stretches_of(rows, cuts, [1])
    one, other = (Run("csv", False, parts, together, selection, fields).left() for together in (True, False))
    assert one == other


COLUMNS = ("t", "id", "a", "b", "c", "d", "zone")
CELL = st.one_of(
    st.sampled_from(["", " ", "x", " x ", "0", "-0", "-0.0", "007", "1.50", "1e3", "$5", "true", "no"]),
    st.sampled_from(["12345678901234567", "1234567890.12345", "99999999999999999999", '{"a":[1]}', "[1]"]),
    st.sampled_from(["a,b", "ä" * 401, "\ud800", "{", '"', "\\", "null", "NULL", "x \ufeff"]),
    st.decimals(-(10**9), 10**9, places=2).map(str),
    st.text(max_size=6),
)
PLAIN_CELL = st.sampled_from(["", "x", "1", "2.50", "true", "y z"])
CELL_TEMPLATES = st.sampled_from(
    [
        *("{a}", "{b|number}", "{b|int}", "{c|bool}", "{a}-{b}", "k", "{d|json}", "{d|split:,}", "{a|lower}"),
        *("{b|auto}", "{b|number:de}", "{a|default:none}", "{d.a}", "a{b}"),
    ]
).map(Value)


def cell_map(with_context: bool = False, **entries: Any) -> FieldMap:
    fields = FieldMap(time="{t}", **entries)
    return fields._replace(ip="{a}", user_agent="{b}") if with_context else fields


CELL_MAPS = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["E", "{a}", "{b|lower}"]),
        "external_id": st.sampled_from(["{id}", None, "{a}{b}"]),
    },
    optional={
        "properties": st.dictionaries(st.sampled_from(["p", "q", "ö", "a", "{"]), CELL_TEMPLATES, max_size=4),
        "email": st.sampled_from(["{a}", "{b|lower}", "x@y.z"]),
        "distinct_id": st.sampled_from(["{b}", "{a}-{c}"]),
        "user_properties": st.sampled_from(
            [
                {"city": Value("{c}"), "state": Value("{a}")},
                {"phone_number": Value("{a}")},
                {"custom_properties.n": Value("{b|number}")},
            ]
        ),
        "default_properties": st.sampled_from(
            [{"activeDuration": Value("{b|number}")}, {"title": Value("{c}"), "ip": Value("{d}")}]
        ),
        "clear": st.sampled_from([(), ("zip",)]),
        "with_context": st.booleans(),
    },
).map(lambda entries: cell_map(**cast("dict[str, Any]", entries)))


def cell_rows(times: st.SearchStrategy[str], cells: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    ids = st.sampled_from(["p1", "p2", "p3", ""])
    zones = st.sampled_from(["Europe/Berlin", "+02:00", ""])
    return st.tuples(times, ids, cells, cells, cells, cells, zones).map(list)


USUAL_ROWS = cell_rows(st.sampled_from([iso(HOUR_MS) + "Z", iso(2 * HOUR_MS)]), PLAIN_CELL)
ANY_ROWS = cell_rows(TIMES, CELL)


@settings(max_examples=400)
@given(
    CELL_MAPS.filter(lambda fields: fields.external_id or fields.email),
    st.lists(USUAL_ROWS, max_size=14),
    st.lists(USUAL_ROWS | ANY_ROWS, min_size=1, max_size=14),
    st.lists(st.integers(1, 27), max_size=3),
    st.booleans(),
    st.booleans(),
    selections("a=x", "b!=1", "c~r"),
)
def test_mapped_cells(
    fields: FieldMap,
    usual: list[list[str]],
    others: list[list[str]],
    cuts: list[int],
    short: bool,
    zoned: bool,
    selection: Selection,
) -> None:
    if short:
        others[0] = others[0][:5]
    parts = stretches_of([*usual, *others], cuts, [1])
    zone = parse("{zone}") if zoned else None
    one, other = (
        Run("csv", False, parts, together, selection, fields, zone, COLUMNS).left()
        for together in (True, False)
    )
    assert one == other


def test_cells_left_out_come_together() -> None:
    fields = FieldMap(event="E", time="{t}", external_id="{who}", star=True, exclude=("n.x", "n.y"))
    rows: list[Fields] = [[iso(HOUR_MS) + "Z", f"p{n}", '{"x":1,"z":2}'] for n in range(5)]
    run = Run("csv", False, stretches_of(rows, [], []), True, fields=fields)
    bodies = [item.body for item in run.items if isinstance(item, Event)]
    assert run.drafted == len([body for body in bodies if b'"n":"{\\"z\\":2}"' in body]) == 5
    assert list(run.tally.keys_never_seen) == ["--exclude n.y"]


def body_of(cells: Sequence[Any]) -> dict[str, Any]:
    when, who, number = cells
    return {"event": "E", "time": when, "externalId": who, "eventProperties": {"n": number}}


OWN_IDS = st.sampled_from(["1", "2", "", '"', ",", '","', "\\", "\u00e4", "\ud800", "\ufeff1", "\ufeff"])
BODIES = st.one_of(
    CELLS.map(body_of),
    st.builds(lambda cells, own: {**body_of(cells), "distinctId": own}, CELLS, OWN_IDS),
    CELLS.map(lambda cells: {**body_of(cells), "eventProperties": {"n": 2**70}}),
    CELLS.map(lambda cells: {**body_of(cells), "eventProperties": {"n": None}}),
    st.just({"event": "E", "externalId": "p", "time": NOW_MS - HOUR_MS}),
    st.just({"event": "E", "externalId": "p", "time": NOW_MS // 1000 - 3600}),
    st.just({"event": "E", "externalId": "p"}),
    st.just({"event": "E", "misnamed": 1}),
)


@given(
    st.lists(BODIES, max_size=40),
    st.lists(st.integers(1, 39), max_size=4),
    st.lists(st.integers(0, 4), max_size=2),
    selections("distinctId=1", "distinctId!=1", "eventProperties.n~1", "time!=", "misnamed=2"),
)
def test_objects(rows: list[Fields], cuts: list[int], damaged: list[int], selection: Selection) -> None:
    parts = stretches_of(rows, cuts, damaged)
    together = Run("json", False, parts, True, selection)
    assert together.left() == Run("json", False, parts, False, selection).left()


VALUES: list[Any] = [
    *(
        "a",
        "b",
        " c ",
        "",
        "\t",
        "12",
        "1.50",
        "many",
        "true",
        "\ud800",
        "x" * 500,
        "x" * 1001,
        '"\n',
        '{"b": {"c": 1}}',
    ),
    *(1, 0, -3, 2.5, 7.0, 1e300, True, False, None),
    *(
        [],
        ["a", 1],
        list(range(251)),
        {},
        {"b": "x"},
        {"b": {"c": 1}},
        {"b": None, "d": ""},
        {"b": [[2]]},
    ),
    {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}},
]
ANY = st.sampled_from(VALUES)
WHEN = st.one_of(
    TIMES,
    TIMES,
    st.sampled_from([NOW_MS - HOUR_MS, (NOW_MS - HOUR_MS) // 1000, (NOW_MS - HOUR_MS) / 1000, 1]),
    ANY,
)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "t": WHEN,
        "who": st.sampled_from(["p1", "p2", " ", "x" * 401, 17, None, "p1\ufeff", "\ufeff"]),
        "a": ANY,
        "b": ANY,
        "n": st.sampled_from(["1", "1.50", "many", "", 3, 3.5, 1, True]),
        "a.b": ANY,
        "id": st.sampled_from(["1", "2", " 3 ", "", 4, False]),
        "eventProperties": ANY,
        "zone": st.sampled_from(["UTC", "Europe/Berlin", "Nowhere", "", 3]),
        "extra": ANY,
    },
)
FULL: dict[str, Any] = {
    "t": iso(HOUR_MS) + "Z",
    "who": "p1",
    "a": "x",
    "b": "y",
    "n": "2",
    "a.b": "z",
    "id": "i",
}
UNWRITABLE = st.tuples(
    st.sampled_from(["a", "n", "t", "id", "extra"]), st.sampled_from(["\ud800", 2**63, 2**70])
)
MAPPED = st.one_of(
    *(ROWS, ROWS.map(lambda row: {**FULL, **row}), ROWS.map(lambda row: {**row, **FULL}), st.just(FULL)),
    UNWRITABLE.map(lambda entry: {**FULL, entry[0]: entry[1]}),
)
MAPS = {
    "few": FieldMap(event="E", time="{t}", external_id="{who}"),
    "many": FieldMap(
        event="E",
        time="{t}",
        external_id="{who}",
        email="{b}",
        properties={"n": Value("{n|number}"), "a": Value("{a}"), "c": Value("{a.b}")},
        user_properties={"city": Value("{a}"), "zip": Value("{n}")},
        default_properties={"duration": Value("{n|number}"), "iframe": Value("{extra}")},
    ),
    "wide": FieldMap(
        event="{a}",
        time="{t}",
        external_id="{who}",
        email="{b}",
        properties={"a": Value("{a}"), "b": Value("{b|json}"), "id": Value("{id}"), "c": Value("{c.d}")},
        user_properties={"zip": Value("{n}"), "state": Value("{zone}")},
        default_properties={"title": Value("{id}"), "is_bot": Value("{a.b}"), "page_hash": Value("{extra}")},
    ),
    "given": FieldMap(
        event="{a}", time="{t}", user_id="{who}", distinct_id="{id}", properties={"n": Value("{n}")}
    ),
    "star": FieldMap(event="E", time="{t}", external_id="{who}", star=True, exclude=("extra",)),
    "cut": FieldMap(
        event="E",
        time="{t}",
        external_id="{who}",
        properties={"n": Value("{n}"), "c": Value("{c}")},
        star=True,
        exclude=("extra", "b.b.c", "c.b", "a[0]", "nowhere"),
    ),
    "part": FieldMap(
        event="E",
        time="{t}",
        external_id="{who}",
        properties={
            "a": Value("{a}"),
            "j": Value("{b|json}"),
            "m": Value("{a}-{b}"),
            "q": Value("{a}", "json"),
        },
        user_properties={"city": Value("{n}")},
        exclude=("a.b", "b.b", "n.x"),
    ),
    "less": FieldMap(
        event="E", time="{t}", external_id="{who}", event_object="{a}", exclude=("b", "a.b.c", "d")
    ),
    "whole": FieldMap(
        event="E", time="{t}", external_id="{who}", event_object="{a}", properties={"n": Value("{n}")}
    ),
    "nested": FieldMap(
        event="E",
        time="{t}",
        external_id="{who}",
        user_properties={"custom_properties.n": Value("{n}"), "phone_number": Value("{b}")},
        clear=("city",),
    ),
    "context": FieldMap(event="E", time="{t}", email="{who}", ip="{a}", user_agent="{b}"),
    "itself": FieldMap(),
}
SELVES = {"t": "time", "who": "externalId", "a": "event", "id": "distinctId"}


TEMPLATES = st.sampled_from(
    [
        *("{a}", "{b}", "{a}", "{b}", "{n}", "{ a }", '{"a.b"}', "{a.b}", "{b.b}", "{a.b.c}", "{extra}"),
        *("{n|number}", "{n|int}", "{a|bool}", "{a|lower}", "{a.b|default:none}", "{b|default:none}"),
        *("{a|json}", "{a|auto}", "{n|number:de}", "{a}-{n}", "{{{a}", "k", ""),
    ]
)
ASSIGNED = TEMPLATES.map(Value) | st.sampled_from(
    [Value("{a}", "json"), Value("{n}", "json"), Value('{{"in":1}}', "json"), Value("{a.b}", "json")]
)
DRAWN = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["E", "{a}", "{n|number}", " E ", "{extra|default:E}"]),
        "time": st.sampled_from(["{t}", "{t}", "{t}", "{a}", "{t|date:%Y-%m-%dT%H:%M:%SZ}"]),
        "external_id": st.sampled_from(["{who}", "{who}", "{who|lower}", None]),
        "email": st.sampled_from([None, None, "{b}", "{a}@{b}"]),
        "user_id": st.sampled_from([None, None, "{id}", "someone"]),
        "distinct_id": st.sampled_from([None, None, "{id}"]),
        "properties": st.dictionaries(st.sampled_from(["p", "q", "{", "a.b", "'"]), ASSIGNED, max_size=3),
        "user_properties": st.dictionaries(
            st.sampled_from(["city", "zip", "phone_number"]), ASSIGNED, max_size=2
        ),
        "default_properties": st.dictionaries(
            st.sampled_from(["duration", "iframe", "title", "is_bot"]), ASSIGNED, max_size=1
        ),
        "clear": st.sampled_from([(), (), ("state",)]),
    }
).map(lambda entries: FieldMap(**cast("dict[str, Any]", entries)))


def check_mapped(
    fields: FieldMap,
    rows: list[dict[str, Any]],
    cuts: list[int],
    zoned: bool,
    selection: Selection = EVERYTHING,
) -> None:
    parts = stretches_of([*rows], cuts, [1])
    zone = parse("{zone}") if zoned else None
    one, other = (
        Run("json", False, parts, together, selection, fields, zone).left() for together in (True, False)
    )
    assert one == other


@settings(max_examples=400)
@given(
    DRAWN.filter(lambda fields: fields.external_id or fields.email or fields.user_id),
    st.lists(MAPPED, min_size=1, max_size=12),
    st.lists(st.integers(1, 11), max_size=4),
    st.booleans(),
    selections("who=p1", "a=x", "a.b~z", "n!=2", "extra="),
)
def test_mapped_objects(
    fields: FieldMap, rows: list[dict[str, Any]], cuts: list[int], zoned: bool, selection: Selection
) -> None:
    check_mapped(fields, rows, cuts, zoned, selection)


@pytest.mark.parametrize("name", MAPS)
@given(st.lists(MAPPED, min_size=1, max_size=12), st.lists(st.integers(1, 11), max_size=4), st.booleans())
def test_maps_of_every_kind(name: str, rows: list[dict[str, Any]], cuts: list[int], zoned: bool) -> None:
    if name == "itself":
        rows = [{SELVES.get(key, key): value for key, value in row.items()} for row in rows]
    check_mapped(MAPS[name], rows, cuts, zoned)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("zoned", [False, True])
def test_one_odd_value(name: str, zoned: bool) -> None:
    keys = (*FULL, "zone", "extra", "c", "eventProperties")
    odd = [{**FULL, key: value} for key in keys for value in [*VALUES, *({"d": value} for value in VALUES)]]
    lacking = [{other: value for other, value in FULL.items() if other != key} for key in FULL]
    naive = [{**FULL, "t": iso(HOUR_MS), "zone": zone} for zone in ("Asia/Tokyo", "Nowhere", "")]
    rows = [row for one in (*odd, *lacking, *naive) for row in (FULL, one, FULL)]
    if name == "itself":
        rows = [{SELVES.get(key, key): value for key, value in row.items()} for row in rows]
    for size in (3, 7):
        check_mapped(MAPS[name], rows, [*range(size, len(rows), size)], zoned)


@pytest.mark.parametrize("name", ["few", "many", "given", "star", "cut", "part", "itself", "context"])
def test_mapped_objects_come_together(name: str) -> None:
    usual = {**FULL, "a": "1", "b": "true"}
    row = {SELVES.get(key, key): value for key, value in usual.items()} if name == "itself" else usual
    run = Run("json", False, stretches_of([{**row} for _ in range(5)], [], []), True, fields=MAPS[name])
    assert run.drafted == 5, run.items


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_plain_rows_come_together(kind: str) -> None:
    cells = [iso(HOUR_MS) + "Z", "p1", "1"]
    rows: list[Fields] = [[*cells] if kind == "csv" else body_of(cells) for _ in range(5)]
    run = Run(kind, False, stretches_of(rows, [], []), True)
    assert run.drafted == 5
    assert len({item.distinct_id for item in run.items if isinstance(item, Event)}) == 5


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize("by", ["where", "since", "sample"])
def test_rows_that_are_left_out_come_with_the_others(kind: str, by: str) -> None:
    selection = {
        "where": Selection(where=(read_condition("n=1" if kind == "csv" else "eventProperties.n=1"),)),
        "since": Selection(since_ms=NOW_MS - HOUR_MS * 3 // 2),
        "sample": Selection(sample=1 << 63),
    }[by]
    cells = [[iso(HOUR_MS * (1 + n % 2)) + "Z", f"p{n}", str(n % 3)] for n in range(60)]
    rows: list[Fields] = [[*row] if kind == "csv" else body_of(row) for row in cells]
    run = Run(kind, False, stretches_of(rows, [], []), True, selection)
    assert run.drafted == 60
    assert 10 < sum(isinstance(item, Event) for item in run.items) < 50


def test_keys_that_drafted_rows_lack_are_told_until_one_has_them() -> None:
    rows = [body_of([iso(HOUR_MS) + "Z", "p1", "1"]) for _ in range(6)]
    sought = Selection(where=(read_condition("nowhere!=x"), read_condition("userId!=x")))
    run = Run("json", False, stretches_of([*rows], [3], []), True, sought)
    assert (run.drafted, list(run.tally.keys_never_seen)) == (6, ["nowhere", "userId"])
    rows[2]["userId"] = "u"
    run = Run("json", False, stretches_of([*rows], [3], []), True, sought)
    assert (run.drafted, list(run.tally.keys_never_seen)) == (6, ["nowhere"])


def test_times_of_rows_left_out_are_read_by_what_the_others_have_told() -> None:
    """Rows that come to the same event, of which some are left out, have one unit of times, or none."""
    hour_ago = [str((NOW_MS - HOUR_MS) // 1000), str(NOW_MS - HOUR_MS)]
    seconds, milliseconds = [[when, "p1", "1.5"] for when in hour_ago]
    rows: list[Fields] = [seconds, seconds, milliseconds]
    rows += [[hour_ago[1], "p1", "1.50"]] * 3
    parts = stretches_of([*rows, milliseconds, seconds, rows[-1]], [6], [])
    selection = Selection(where=(read_condition("n!=1.5"),))
    together = Run("csv", False, parts, True, selection)
    assert together.drafted == 2
    assert together.left() == Run("csv", False, parts, False, selection).left()
    assert sum(isinstance(item, Event) for item in together.items) == 4


def test_a_sample_goes_by_the_ids_that_rows_bear() -> None:
    rows = [{**body_of([iso(HOUR_MS) + "Z", "p1", "1"]), "distinctId": f"order {n}"} for n in range(60)]
    parts = stretches_of([*rows], [], [])
    together, singly_mapped = (
        Run("json", True, parts, way, Selection(sample=1 << 63)) for way in (True, False)
    )
    assert together.drafted == 60
    assert together.left() == singly_mapped.left()
    assert 10 < sum(isinstance(item, Event) for item in together.items) < 50
