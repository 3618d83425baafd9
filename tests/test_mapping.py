"""Record → event or reject, one table at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import ago

from ours_cli.assembly.event_assembler import EventAssembler
from ours_cli.assembly.field_mapping import FieldMapping
from ours_cli.assembly.visitor_assembler import VisitorAssembler
from ours_cli.errors import UsageError
from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.ids.identity import DistinctIds
from ours_cli.mapping.body_builder import TimeMapping
from ours_cli.mapping.fields import FieldMap, Value
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.validate import Window
from ours_cli.record import Malformed, Record, Table
from ours_cli.timestamps import TimeReader, TimeRules

BASE: dict[str, Any] = {"event": "E", "time": "{t}", "external_id": "{id}"}


def mapping(tally: Tally | None = None, *, identify: bool = False, **fields: Any) -> FieldMapping:
    tally = tally or Tally()
    ids, everything = DistinctIds(b"run"), Selection()
    events = EventAssembler(Window(None), ids, tally, everything)
    assemble = VisitorAssembler(tally, everything) if identify else events
    times = TimeMapping(TimeReader(TimeRules()), None)
    return FieldMapping(FieldMap(**fields), assemble, times, tally, None, None)


def csv_table(*columns: str) -> Table:
    return Table("t.csv", "csv", columns)


JSON_TABLE = Table("t.ndjson", "ndjson", None)


def body(found: Event | Reject | Filtered) -> dict[str, Any]:
    assert isinstance(found, Event), found
    value: dict[str, Any] = json.loads(found.body)
    assert value.pop("distinctId", found.distinct_id) == found.distinct_id
    return value


def mapped(table: Table, row: Any, **fields: Any) -> dict[str, Any]:
    return body(mapping(**fields).bind(table)(Origin(0, Record(2, row))))


def test_cells_in_columns() -> None:
    found = mapped(
        csv_table("t", "id", "a"), [str(ago(1)), " c ", "x"], **BASE, properties={"p": Value("{a}")}
    )
    assert found == {"event": "E", "time": ago(1), "externalId": "c", "eventProperties": {"p": "x"}}


def test_empty_text_fields_are_absent() -> None:
    found = mapped(csv_table("t", "id", "m"), [str(ago(1)), "c", "  "], **BASE, email="{m}")
    assert "email" not in found


def test_identity_context_is_whole_or_absent() -> None:
    fields = {**BASE, "ip": "{ip}", "user_agent": "{ua}"}
    table = csv_table("t", "id", "ip", "ua")
    assert mapped(table, [str(ago(1)), "c", "1.2.3.4", "UA"], **fields)["identityContext"] == {
        "ip": "1.2.3.4",
        "userAgent": "UA",
    }
    assert "identityContext" not in mapped(table, [str(ago(1)), "c", "1.2.3.4", ""], **fields)


def test_whole_objects_lose_nulls_and_blanks_and_single_names_override() -> None:
    row = {"t": ago(1), "id": "c", "p": {"a": 1, "b": None, "c": "", "d": " ", "e": False, "f": 0}}
    found = mapped(JSON_TABLE, row, **BASE, event_object="{p}", properties={"a": Value("{id}")})
    assert found["eventProperties"] == {"a": "c", "e": False, "f": 0}


NESTED = {"consent": {"marketing": None, "x": True, "y": {"z": None}}, "city": None, "zip": "8"}
BARE = {"consent": {"x": True, "y": {}}, "zip": "8"}


def test_objects_lose_nulls_at_any_depth_also_within_lists_which_keep_theirs() -> None:
    properties = {"a": [None, {"b": None}, [{"e": None}]], "c": {"d": None}}
    row = {"t": ago(1), "id": "c", "u": NESTED, "p": properties}
    fields: dict[str, Any] = {"user_object": "{u}", "clear": ("gender",)}
    fields["properties"] = {"a": Value("{p.a}"), "c": Value("{p.c}")}
    found = mapped(JSON_TABLE, row, **BASE, **fields)
    assert found["userProperties"] == {**BARE, "gender": None}
    assert found["eventProperties"] == {"a": [None, {}, [{}]], "c": {}}
    assert row["u"] == {"consent": {"marketing": None, "x": True, "y": {"z": None}}, "city": None, "zip": "8"}
    cells = [str(ago(1)), "c", json.dumps(NESTED)]
    found = mapped(csv_table("t", "id", "u"), cells, **BASE, user_properties={"consent": Value("{u|json}")})
    assert found["userProperties"] == {"consent": BARE}


@pytest.mark.parametrize("value", ["text", 1, [1]])
def test_a_whole_object_must_be_one(value: object) -> None:
    row = {"t": ago(1), "id": "c", "p": value}
    found = mapping(**BASE, event_object="{p}").bind(JSON_TABLE)(Origin(0, Record(2, row)))
    assert isinstance(found, Reject)
    assert found.code == "bad_type"


def test_one_own_property_in_what_is_no_object_is_a_reject() -> None:
    row = {"t": ago(1), "id": "c", "u": {"custom_properties": "text"}}
    fields = {**BASE, "user_object": "{u}", "user_properties": {"custom_properties.a": Value("x")}}
    found = mapping(**fields).bind(JSON_TABLE)(Origin(0, Record(2, row)))
    assert isinstance(found, Reject)
    assert found.code == "bad_type"


def test_own_properties_join_those_of_the_whole_object_without_touching_the_row() -> None:
    row = {"t": ago(1), "id": "c", "u": {"custom_properties": {"b": 2}}}
    fields = {**BASE, "user_object": "{u}", "user_properties": {"custom_properties.a": Value("x")}}
    assert mapped(JSON_TABLE, row, **fields)["userProperties"] == {"custom_properties": {"a": "x", "b": 2}}
    assert row["u"] == {"custom_properties": {"b": 2}}


def test_malformed_rows_are_rejects() -> None:
    found = mapping(**BASE).bind(csv_table("t", "id"))(Origin(0, Malformed(7, "raw", "bad_csv", "why")))
    assert found == Reject(Origin(0, Malformed(7, "raw", "bad_csv", "why")), "", "bad_csv", "why")


def test_the_id_of_a_rejects_file_is_honoured_unless_mapped() -> None:
    row = Record(2, [str(ago(1)), "c"], "from-rejects")
    table = csv_table("t", "id")
    found = mapping(**BASE).bind(table)(Origin(0, row))
    assert isinstance(found, Event)
    assert found.distinct_id == "from-rejects"
    found = mapping(**BASE, distinct_id="x-{id}").bind(table)(Origin(0, row))
    assert isinstance(found, Event)
    assert found.distinct_id == "x-c"


def test_duplicate_and_empty_header_names_matter_only_where_used() -> None:
    table = csv_table("t", "id", "a", "a", "")
    row = [str(ago(1)), "c", "1", "2", "3"]
    assert mapped(table, row, **BASE)["externalId"] == "c"
    with pytest.raises(UsageError, match="2 columns are named 'a'"):
        mapping(**BASE, properties={"p": Value("{a}")}).bind(table)
    with pytest.raises(UsageError, match="2 columns are named 'a'"):
        mapping(**BASE, star=True).bind(table)
    assert "eventProperties" not in mapped(table, row, **BASE, star=True, exclude=("a",))


def test_columns_with_odd_names_map_under_star() -> None:
    names = ("t", "id", " spaced ", "a|b", "{x}", 'q"q', "a.b")
    found = mapped(csv_table(*names), [str(ago(1)), "c", "1", "2", "3", "4", "5"], **BASE, star=True)
    assert found["eventProperties"] == {"spaced": "1", "a|b": "2", "{x}": "3", 'q"q': "4", "a.b": "5"}


NAMES = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


@given(st.lists(NAMES, unique_by=lambda name: name.strip(), min_size=1, max_size=5))
def test_star_sends_any_column_under_its_own_name(names: list[str]) -> None:
    columns = [name for name in names if name.strip() not in ("t", "id")]
    found = mapped(
        csv_table("t", "id", *columns), [str(ago(1)), "c", *("v" for _ in columns)], **BASE, star=True
    )
    assert found.get("eventProperties", {}) == {name.strip(): "v" for name in columns}


def test_self_mapping_of_a_whole_object_column() -> None:
    table = csv_table("event", "time", "email", "eventProperties", "eventProperties.b")
    found = mapped(table, ["E", str(ago(1)), "a@b.c", '{"a": 1, "b": 2}', "3"])
    assert found["eventProperties"] == {"a": 1, "b": "3"}


CONTEXT = {"ip": "1.2.3.4", "userAgent": "Firefox"}


@pytest.mark.parametrize(
    ("columns", "cells", "expected"),
    [
        (("identityContext.ip", "identityContext.userAgent"), ["1.2.3.4", "Firefox"], CONTEXT),
        (("identityContext.ip", "identityContext.userAgent"), ["1.2.3.4", ""], None),
        (("identityContext.ip", "agent"), ["1.2.3.4", "Firefox"], None),
        (("identityContext",), ['{"ip": "1.2.3.4", "userAgent": "Firefox"}'], CONTEXT),
        (None, {"identityContext": CONTEXT}, CONTEXT),
        (None, {"identityContext": {"ip": "1.2.3.4"}}, None),
        (None, {}, None),
    ],
)
def test_self_mapping_of_the_context(columns: Any, cells: Any, expected: object) -> None:
    if columns is None:
        table = Table("rows", "ndjson", None)
        found = mapped(table, {"event": "E", "time": ago(1), "externalId": "c", **cells})
    else:
        table = csv_table("event", "time", "externalId", *columns)
        found = mapped(table, ["E", "2026-11-20", "c", *cells])
    assert found.get("identityContext") == expected


def test_self_mapping_never_takes_a_mere_user_id() -> None:
    with pytest.raises(UsageError, match="whom the rows are about"):
        mapping().bind(csv_table("event", "time", "user_id"))


def test_an_empty_file_misses_no_column() -> None:
    mapping(**BASE).bind(csv_table())


@pytest.mark.parametrize(
    ("fields", "columns", "message"),
    [
        ({**BASE, "event": None}, ("t", "id"), "what the event is called"),
        ({**BASE, "time": None}, ("t", "id"), "when each event happened"),
        ({**BASE, "time": "NOW "}, ("t", "id"), "original times"),
        ({**BASE, "external_id": None}, ("t", "id"), "whom the rows are about"),
        ({**BASE, "external_id": "id"}, ("t", "id"), "would give every row the same text"),
        ({**BASE, "distinct_id": " id "}, ("t", "id"), "would give every row the same text"),
        (BASE, ("t", "Id2"), "no column 'id'"),
    ],
)
def test_maps_that_do_not_fit(fields: dict[str, Any], columns: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        mapping(**fields).bind(csv_table(*columns))


def test_an_event_may_be_called_like_a_column() -> None:
    assert mapped(csv_table("t", "id", "Visit"), [str(ago(1)), "c", "x"], **{**BASE, "event": "Visit"})


def test_columns_sent_and_left_over_several_tables() -> None:
    tally = Tally()
    bound = mapping(tally, **BASE, properties={"p": Value("{a.b}{n}")})
    bound.bind(csv_table("t", "id", "a", "n", "x", ""))
    assert list(tally.columns_sent) == ["t", "id", "a.b", "n"]
    assert list(tally.columns_left) == ["a (all else in it)", "x", "column 6 (no name)"]
    assert not tally.columns_missing


def test_a_column_that_is_sent_whole_leaves_nothing_behind() -> None:
    tally = Tally()
    mapping(tally, **BASE, properties={"p": Value("{a.b}"), "q": Value("{a.c}"), "r": Value("{x.y}")}).bind(
        csv_table("t", "id", "a", "x.y")
    )
    assert list(tally.columns_sent) == ["t", "id", "a.b", "a.c", "x.y"]
    assert list(tally.columns_left) == ["a (all else in it)"]
    tally = Tally()
    mapping(tally, **BASE, properties={"p": Value("{a.b}"), "q": Value("{a}")}).bind(
        csv_table("t", "id", "a")
    )
    assert list(tally.columns_sent) == ["t", "id", "a"]
    assert not tally.columns_left


def test_json_keys_are_noted_as_they_come() -> None:
    tally = Tally()
    map_row = mapping(tally, **BASE, properties={"p": Value("{a.b}"), "q": Value("{z}")}).bind(JSON_TABLE)
    assert set(tally.columns_missing) == {"t", "id", "a.b", "z"}
    map_row(Origin(0, Record(1, {"t": ago(1), "id": "c", "a": {"b": 1}, "x": 1})))
    assert set(tally.columns_missing) == {"z"}
    assert set(tally.columns_left) == {"x"}
    assert set(tally.columns_sent) == {"t", "id", "a.b"}


def test_visitors() -> None:
    fields: dict[str, Any] = {"external_id": "{id}", "user_properties": {"city": Value("{c}")}}
    found = mapping(identify=True, **fields).bind(csv_table("id", "c"))(Origin(0, Record(2, ["1", "Ulm"])))
    assert isinstance(found, Event)
    assert json.loads(found.body) == {"externalId": "1", "userProperties": {"city": "Ulm"}}
