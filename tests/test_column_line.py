"""Many rows read column by column are those that straight-line code reads one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rows import ago, iso

from ours_cli.drafting.straight_line import StraightLine, compile_body
from ours_cli.events.kept_rows import KeptRows
from ours_cli.ids.identity import DistinctIds
from ours_cli.mapping.assemble import EventAssembler
from ours_cli.mapping.field_body import TimeMapping
from ours_cli.mapping.field_mapping import FieldMapping
from ours_cli.mapping.fields import FieldMap, Value
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.window import Window
from ours_cli.record import Table
from ours_cli.timestamps import TimeReader, TimeRules

COLUMNS = ("t", "id", "a", "b", "c", "z")
PLAIN = ["x", " x ", "0", "-0", "-0.0", "1.50", "12", "true", "-12345678.123456", "1234567890123456"]
ODD = ["", " ", "007", "1e3", "$5", "12345678901234567", "1234567890.1234567", "1\n2", "\u2003", "ä" * 401]
TIMES = [iso(1), iso(1)[:-1], str(ago(2)), str(ago(2) // 1000), "2026-02-30T00:00:00Z", "soon", ""]
TEMPLATES = [
    "{a}",
    "{b|number}",
    "{b|int}",
    "{c|bool}",
    "{a}-{b}",
    "k",
    "{a|lower}",
    "{b|auto}",
    "{b|number:de}",
]
FIELDS: dict[str, Any] = {"event": "E", "time": "{t}", "external_id": "{id}"}


def compiled(fields: dict[str, Any]) -> tuple[StraightLine, TimeReader]:
    """What a field map becomes for the table, and the reader of its times."""
    found: list[StraightLine] = []

    def compile_and_keep(*given: Any) -> StraightLine | None:
        line = compile_body(*given)
        assert line is not None
        found.append(line)
        return line

    reader, tally = TimeReader(TimeRules()), Tally()
    assemble = EventAssembler(Window(None), DistinctIds(b"run"), tally)
    mapping = FieldMapping(FieldMap(**fields), assemble, TimeMapping(reader), tally)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ours_cli.mapping.field_mapping.compile_body", compile_and_keep)
        mapping.bind(Table("t.csv", "csv", COLUMNS))
    return found[-1], reader


def read(line: StraightLine, rows: list[list[str]]) -> list[tuple[bytes, int, str] | None]:
    """Content, time and given id of each row, None for one that is left to the general mapping."""
    bodies = line.read_all(rows, KeptRows(range(len(rows)), rows).are_plain)
    given = bodies.given or [""] * len(rows)
    return [
        None if content is None else (content, time, own)
        for content, time, own in zip(bodies.contents, bodies.times, given, strict=True)
    ]


def row(cells: st.SearchStrategy[str], times: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.tuples(times, cells, cells, cells, cells, cells).map(list)


PLAIN_ROWS = row(st.sampled_from(PLAIN), st.sampled_from(TIMES[:2]))
ODD_ROWS = row(st.sampled_from(PLAIN + ODD) | st.text(max_size=4), st.sampled_from(TIMES))


@settings(max_examples=300)
@given(
    rows=st.lists(PLAIN_ROWS, min_size=1, max_size=6)
    | st.lists(PLAIN_ROWS | ODD_ROWS, min_size=1, max_size=6),
    short=st.booleans(),
    properties=st.dictionaries(st.sampled_from("pqöa"), st.sampled_from(TEMPLATES), min_size=1, max_size=4),
    others=st.fixed_dictionaries(
        {},
        optional={
            "event": st.sampled_from(["E", "{a}", " "]),
            "email": st.sampled_from(["{a}", "{b|lower}", "x@y.z"]),
            "external_id": st.sampled_from(["{id}", "{a}{b}", "k"]),
            "distinct_id": st.sampled_from(["{b}", "{a}-{c}"]),
            "user_properties": st.sampled_from([{"city": Value("{c}")}, {"phone_number": Value("{a}")}]),
        },
    ),
)
@example([[iso(1), "i", "a", "1", "c", "z"], [iso(1), "i", "", "1", "c", "z"]] * 3, False, {"p": "{a}"}, {})
def test_columns_are_read_as_rows_are(
    rows: list[list[str]], short: bool, properties: dict[str, str], others: dict[str, Any]
) -> None:
    fields = {**FIELDS, "properties": {name: Value(text) for name, text in properties.items()}, **others}
    if short:
        rows[0] = rows[0][:4]
    (line, reader), (plain, plain_reader) = compiled(fields), compiled(fields)
    by_rows = read(plain._replace(read_columns=None), rows)
    by_columns = read(line, rows)
    units = (reader.epoch_unit, reader.decided_unit), (plain_reader.epoch_unit, plain_reader.decided_unit)
    if units[0] != (None, None) or units[1] != (None, None):
        return  # epoch numbers tell the reader something: then rows are read one by one
    assert repr(by_columns) == repr(by_rows)
    assert reader.naive_as_utc == plain_reader.naive_as_utc


def test_a_table_whose_rows_are_whole_is_read_by_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    line, _ = compiled({**FIELDS, "properties": {"p": Value("{b|number}"), "q": Value("{a}")}})

    def one_by_one(*_: object) -> None:
        raise AssertionError("read row by row")

    monkeypatch.setattr(StraightLine, "_read_one", one_by_one)
    found = read(line, [[iso(1), "i", "a", "1.50", "c", "z"]] * 3)[0]
    assert found is not None
    assert b'"eventProperties":{"p":1.5,"q":"a"}' in found[0]
