"""The contract, rule by rule: which rows the sandbox takes, and what it stores of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from visitors import merge_properties

from ours_cli.sandbox import rules
from ours_cli.sandbox.openapi import openapi_document

NOW = 1_790_000_000_000
DAY = 86_400_000


def row(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"event": "Purchase", "distinctId": "d-1", "externalId": "p-1"}
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def judge(fields: object, path: str = "/batch", window_ms: int | None = 7 * DAY) -> rules.Event:
    return rules.read_event(fields, path, now_ms=NOW, window_ms=window_ms)


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"leaf": 1}
    for _ in range(levels - 1):
        inner = {"in": inner}
    return inner


GOOD = {
    "the least": row(),
    "event of 1000": row(event="e" * 1000),
    "event trimmed to 1000": row(event="  " + "e" * 1000 + "\ufeff\n"),
    "userId of 400": row(userId="u" * 400),
    "email alone": row(externalId=..., email="a@example.com"),
    "phone alone": row(externalId=..., userProperties={"phone_number": "+1 555 0100"}),
    "phone as a number": row(externalId=..., userProperties={"phone_number": 15550100}),
    "null ids": row(userId=None, email=None),
    "blank ids are ignored": row(userId="", email="  "),
    "time just now": row(time=NOW),
    "time a week ago": row(time=NOW - 7 * DAY),
    "time with a fraction": row(time=NOW - 0.5),
    "200 keys": row(eventProperties={f"k{n}": n for n in range(200)}),
    "200 keys and an empty one": row(eventProperties={"": 0, **{f"k{n}": n for n in range(200)}}),
    "200 keys, a null and a blank": row(
        eventProperties={"n": None, "b": "", **{f"k{n}": n for n in range(200)}}
    ),
    "5 levels": row(eventProperties=nested(5)),
    "arrays don't count": row(eventProperties={"list": [[[[[[nested(5)]]]]]]}),
    "properties just small enough": row(eventProperties={"k": "x" * (1_048_575 - len('{"k":""}'))}),
    "UTF-16 units, not bytes": row(eventProperties={"k": "é" * 600_000}),
    "null clears a property": row(userProperties={"gclid": None, "consent": None}),
    "blank property of any type": row(userProperties={"consent": "", "zip": ""}),
    "zip of any type": row(userProperties={"zip": 12345}),
    "default properties by type": row(defaultProperties={"screen_width": 1.5, "fv": True, "title": "x"}),
    "identity context": row(identityContext={"ip": "192.0.2.1", "userAgent": "curl"}),
    "unknown top-level keys": row(properties={"a": 1}),
}

BAD = {
    "not an object": ["event"],
    "no event": row(event=...),
    "null event": row(event=None),
    "blank event": row(event=" \t"),
    "event too long": row(event="e" * 1001),
    "event not a string": row(event=7),
    "no distinctId": row(distinctId=...),
    "blank distinctId": row(distinctId=" "),
    "distinctId not a string": row(distinctId=7),
    "userId too long": row(userId="u" * 401),
    "externalId too long": row(externalId="u" * 401),
    "externalId a number": row(externalId=12),
    "email too long": row(email="u" * 1001),
    "no identifier": row(externalId=...),
    "blank identifiers": row(externalId=" ", email="", userProperties={"phone_number": ""}),
    "time text": row(time="2026-01-01"),
    "time bool": row(time=True),
    "time in the future": row(time=NOW + 1),
    "time too old": row(time=NOW - 7 * DAY - 1),
    "time beyond all calendars": row(time=-(10**30)),
    "eventProperties a list": row(eventProperties=[]),
    "201 keys": row(eventProperties={f"k{n}": n for n in range(201)}),
    "6 levels": row(eventProperties=nested(6)),
    "properties too large": row(eventProperties={"k": "x" * (1_048_576 - len('{"k":""}'))}),
    "pairs count two units": row(eventProperties={"k": "\U0001f600" * 524_288}),
    "unknown user property": row(userProperties={"firstName": "x"}),
    "user property of a wrong type": row(userProperties={"city": 7}),
    "consent not an object": row(userProperties={"consent": "yes"}),
    "userProperties a list": row(userProperties=[]),
    "unknown default property": row(defaultProperties={"utm": "x"}),
    "default property of a wrong type": row(defaultProperties={"screen_width": "7"}),
    "bool is no number": row(defaultProperties={"screen_width": True}),
    "identityContext without userAgent": row(identityContext={"ip": "192.0.2.1"}),
    "identityContext with a blank ip": row(identityContext={"ip": " ", "userAgent": "x"}),
    "identityContext a text": row(identityContext="x"),
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD)
def test_good_rows(fields: dict[str, Any]) -> None:
    assert judge(fields).distinct_id == "d-1"


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_bad_rows(fields: object) -> None:
    with pytest.raises(rules.InvalidEventError):
        judge(fields)


def test_no_window_takes_any_past_time_but_no_future() -> None:
    assert judge(row(time=0), window_ms=None).time == 0
    with pytest.raises(rules.InvalidEventError, match="past"):
        judge(row(time=NOW + 1), window_ms=None)
    with pytest.raises(rules.InvalidEventError, match="milliseconds"):
        judge(row(time=-(10**30)), window_ms=None)


def test_strings_are_trimmed_but_event_properties_stay() -> None:
    event = judge(
        row(event=" Buy ", userProperties={"city": "\u00a0Bern "}, eventProperties={"note": " as it is "})
    )
    assert event.event == "Buy"
    assert event.fields["userProperties"] == {"city": "Bern"}
    assert event.fields["eventProperties"] == {"note": " as it is "}


def test_event_properties_are_normalized() -> None:
    wide = {"safe": 2**53 - 1, "wide": 2**53, "deep": [{"x": -(2**60)}], "list": list(range(300)), "": 1}
    stored = json.loads(judge(row(eventProperties=wide)).body)["eventProperties"]
    assert stored == {
        "safe": 2**53 - 1,
        "wide": str(2**53),
        "deep": [{"x": str(-(2**60))}],
        "list": list(range(250)),
    }


def test_digits_beyond_64_bits_survive() -> None:
    properties = b'{"n":123456789012345678901234567890}'
    raw = b'{"event":"e","distinctId":"d","externalId":"x","eventProperties":' + properties + b"}"
    assert judge(rules.parse_json(raw)).fields["eventProperties"] == {"n": "123456789012345678901234567890"}


@pytest.mark.parametrize("levels", [300, 900])
def test_deep_nesting_is_no_crash(levels: int) -> None:
    deep: Any = 1
    for _ in range(levels):
        deep = [deep]
    try:
        judge(row(eventProperties={"k": deep}, other=deep))
    except rules.InvalidEventError as error:
        assert "nested" in str(error)


def test_the_token_is_not_stored() -> None:
    assert b"secret" not in judge({**row(), "token": "secret"}, "/track").body


def test_track_makes_a_distinct_id() -> None:
    first, second = (judge(row(distinctId=given), "/track") for given in (..., None))
    assert first.distinct_id != second.distinct_id
    assert judge(row(), "/track").distinct_id == "d-1"


def test_identify() -> None:
    event = judge({"externalId": "p-1", "userProperties": {"city": "Bern"}}, "/identify")
    assert (event.event, event.time) == ("$identify", None)
    for bad in ({"externalId": "p-1"}, {"userProperties": {"city": "Bern"}}):
        with pytest.raises(rules.InvalidEventError):
            judge(bad, "/identify")


@pytest.mark.parametrize(
    ("token", "good"),
    [
        ("t", True),
        (" t ", True),
        ("t" * 250, True),
        ("t" * 251, False),
        ("", False),
        (" ", False),
        (7, False),
    ],
)
def test_tokens(token: object, good: bool) -> None:
    assert rules.token_is_good(token) is good


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"gclid": None}, {"custom_properties": {"a": 1}}),
        ({"custom_properties": None}, {"gclid": "g", "custom_properties": {"a": 1}}),
        ({"gclid": ""}, {"gclid": "g", "custom_properties": {"a": 1}}),
        ({"city": "Bern"}, {"gclid": "g", "city": "Bern", "custom_properties": {"a": 1}}),
        (
            {"custom_properties": {"a": None, "b": "", "c": 0}},
            {"gclid": "g", "custom_properties": {"a": 1, "c": 0}},
        ),
    ],
)
def test_empty_and_null(sent: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merge_properties({"gclid": "g", "custom_properties": {"a": 1}}, sent) == expected


def test_known_properties_are_those_of_the_contract(contract_properties: dict[str, dict[str, str]]) -> None:
    assert contract_properties == rules.KNOWN_PROPERTIES


@pytest.fixture
def contract_properties() -> dict[str, dict[str, str]]:
    from pathlib import Path

    source = Path(__file__).resolve().parents[2] / "shared" / "ingest-api" / "property-fields.json"
    if not source.exists():
        pytest.skip("the contract's field list is not beside the project")
    return json.loads(source.read_text("utf-8"))  # type: ignore[no-any-return]


def test_openapi_names_the_limits() -> None:
    paths = openapi_document(max_events=9, max_bytes=1000, window_ms=DAY)["paths"]
    assert set(paths) == {"/track", "/identify", "/batch", "/openapi"}
    batch = paths["/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    events = batch["properties"]["events"]
    assert events["maxItems"] == 9
    assert events["items"]["required"] == ["event", "distinctId"]
    assert set(events["items"]["properties"]) == {
        *("event", "distinctId", "userId", "externalId", "email", "time"),
        *("eventProperties", "userProperties", "defaultProperties", "identityContext"),
    }
    assert events["items"]["properties"]["externalId"]["maxLength"] == 400
    assert batch["properties"]["token"]["maxLength"] == 250
    assert "last 1 days" in events["items"]["properties"]["time"]["description"]
    assert paths["/identify"]["post"]["requestBody"]["content"]["application/json"]["schema"]["required"] == [
        "token",
        "userProperties",
    ]
