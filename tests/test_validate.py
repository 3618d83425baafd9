"""The contract's limits, each at its edge; the sandbox is the referee."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ours_cli.contract import (
    DEFAULT_PROPERTIES,
    DEPTH_MAX,
    EVENT_NAME_MAX,
    ID_MAX,
    PROPERTIES_MAX,
    PROPERTIES_UTF16_MAX,
    USER_PROPERTIES,
)
from ours_cli.exact_json import WrittenNumber
from ours_cli.mapping.nulls import drop_nulls
from ours_cli.mapping.validate import check_event, check_size, check_visitor, has_long_array

EVENT: dict[str, Any] = {"event": "E", "externalId": "c"}

SAMPLES: dict[str, Any] = {"string": "x", "number": 1.5, "boolean": True, "object": {"a": 1}, "any": "x"}


def code(**body: Any) -> str | None:
    fault = check_event({**EVENT, **body})
    return fault.code if fault else None


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"leaf": 1}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(("key", "longest"), ID_MAX.items())
def test_identifiers(key: str, longest: int) -> None:
    assert code(**{key: "x" * longest}) is None
    assert code(**{key: "x" * (longest + 1)}) == "id_too_long"
    assert code(**{key: 7}) == "bad_type"
    assert code(externalId=None, **({key: None} if key != "externalId" else {})) == "missing_identifier"
    assert code(**{"externalId": "", key: ""}) == "missing_identifier"
    assert check_event({"event": "E", key: "x"}) is None


def test_a_phone_number_identifies() -> None:
    body = {"event": "E", "userProperties": {"phone_number": "+49"}}
    assert check_event(body) is None
    assert check_visitor({"userProperties": {"phone_number": ""}}) is not None


def test_event_names() -> None:
    assert code(event="x" * EVENT_NAME_MAX) is None
    assert code(event="x" * (EVENT_NAME_MAX + 1)) == "event_too_long"
    assert code(event="") == "missing_event"
    assert code(event=None) == "missing_event"
    assert code(event=["x"]) == "bad_type"


@pytest.mark.parametrize("where", ["userProperties", "defaultProperties"])
def test_known_properties_and_their_types(where: str) -> None:
    known = USER_PROPERTIES if where == "userProperties" else DEFAULT_PROPERTIES
    for name, kind in known.items():
        assert code(**{where: {name: SAMPLES[kind]}}) is None
        assert code(**{where: {name: None}}) is None
        for other, sample in SAMPLES.items():
            if kind != "any" and other not in (kind, "any"):
                assert code(**{where: {name: sample}}) == "bad_type", (name, other)
    assert code(**{where: {"nope": 1}}) == "unknown_property"
    assert code(**{where: []}) == "bad_type"
    assert code(**{where: None}) == "bad_type"


def test_booleans_are_no_numbers() -> None:
    assert code(defaultProperties={"duration": True}) == "bad_type"
    assert code(defaultProperties={"iframe": 1}) == "bad_type"


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"ip": "1.2.3.4", "userAgent": "x"}, None),
        ({"ip": "1.2.3.4"}, "bad_context"),
        ({"ip": "1.2.3.4", "userAgent": ""}, "bad_context"),
        ({"ip": "1.2.3.4", "userAgent": None}, "bad_context"),
        ({"ip": "1.2.3.4", "userAgent": "x", "more": 1}, "bad_context"),
        ("1.2.3.4", "bad_context"),
    ],
)
def test_context(context: object, expected: str | None) -> None:
    assert code(identityContext=context) == expected


def test_property_count_leaves_empty_ones_out() -> None:
    full: dict[str, Any] = {str(number): number for number in range(PROPERTIES_MAX)}
    assert code(eventProperties=full) is None
    assert code(eventProperties={**full, "empty": "", "null": None}) is None
    assert code(eventProperties={**full, "zero": 0}) == "too_many_properties"
    assert code(eventProperties={**full, "false": False}) == "too_many_properties"


def test_depth_counts_objects_and_not_arrays() -> None:
    assert code(eventProperties=nested(DEPTH_MAX)) is None
    assert code(eventProperties=nested(DEPTH_MAX + 1)) == "too_deep"
    assert code(eventProperties={"a": [[[[[[[nested(DEPTH_MAX - 1)]]]]]]]}) is None
    assert code(eventProperties={"a": [1, [nested(DEPTH_MAX)]]}) == "too_deep"


def test_absurd_nesting_does_not_recurse() -> None:
    value: Any = 1
    for _ in range(50_000):
        value = [value]
    assert code(eventProperties={"a": value}) is None
    assert not has_long_array({"a": value})


@pytest.mark.parametrize("char", ["x", "é", "€", "😀"])
def test_size_in_utf16_code_units(char: str) -> None:
    units = len(char.encode("utf-16-le")) // 2
    room = PROPERTIES_UTF16_MAX - len('{"a":""}')
    for extra, fits in ((-units, True), (units, False)):
        properties = {"a": char * (room // units) if extra < 0 else char * (room // units + 1)}
        body = {**EVENT, "eventProperties": properties}
        size = len(json.dumps(body, ensure_ascii=False).encode())
        count = (
            len(json.dumps(properties, separators=(",", ":"), ensure_ascii=False).encode("utf-16-le")) // 2
        )
        fault = check_size(body, size)
        assert (fault is None) == (count < PROPERTIES_UTF16_MAX), (count, fits)


def test_size_with_an_integer_beyond_64_bits() -> None:
    body = {**EVENT, "eventProperties": {"a": "x" * PROPERTIES_UTF16_MAX, "n": 2**70}}
    fault = check_size(body, PROPERTIES_UTF16_MAX + 100)
    assert fault is not None
    assert fault.code == "too_large"


def test_long_arrays() -> None:
    assert not has_long_array({"a": [0] * 250})
    assert has_long_array({"a": [0] * 251})
    assert has_long_array({"a": [{"b": [[0] * 251]}]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
BODIES = st.dictionaries(
    st.sampled_from([*EVENT, "userProperties", "eventProperties", "defaultProperties", "time"]), JSON
)


@given(BODIES)
def test_without_nulls_drops_what_would_clear_and_nothing_else(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    given = dict(body)
    dropped = drop_nulls(body)
    assert given == before, "what is within stays as it was: the row may be a reject yet"
    assert None not in body.values()
    found: list[Any] = [
        value for key, value in body.items() if key.endswith("Properties") and isinstance(value, dict)
    ]
    for value in found:
        assert not isinstance(value, dict) or None not in value.values()
        inner = value.values() if isinstance(value, dict) else value
        found += [entry for entry in inner if isinstance(entry, dict | list)]
    again = copy.deepcopy(body)
    assert drop_nulls(again) == 0
    assert again == body
    if dropped == 0:
        assert body == before


@given(BODIES)
def test_any_body_gets_a_verdict_without_values(body: dict[str, Any]) -> None:
    for fault in (check_event(body), check_visitor(body)):
        assert fault is None or (fault.code and fault.message)


@given(st.text("0123456789#", min_size=12))
def test_messages_hold_no_values(text: str) -> None:
    bodies: list[dict[str, Any]] = [
        {**EVENT, "externalId": [text]},
        {**EVENT, "userProperties": {text: text}},
        {**EVENT, "defaultProperties": {"duration": text}},
        {**EVENT, "identityContext": {text: text}},
        {**EVENT, "eventProperties": [text]},
    ]
    for body in bodies:
        fault = check_event(body)
        assert fault is not None
        assert text not in fault.message


def test_size_is_that_of_the_numbers_that_are_sent() -> None:
    numbers = [WrittenNumber("1." + "0" * 60)] * (PROPERTIES_UTF16_MAX // 60)
    assert check_size({**EVENT, "eventProperties": {"a": numbers}}, PROPERTIES_UTF16_MAX) is None
