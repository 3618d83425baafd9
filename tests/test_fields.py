"""Assignments, and field maps laid over one another."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import write

from ours_cli.contract import DEFAULT_PROPERTIES, USER_PROPERTIES
from ours_cli.errors import UsageError
from ours_cli.mapping.assignments import parse_assignments
from ours_cli.mapping.fields import FieldMap, Value
from ours_cli.mapping.property_names import check_names, refuse_event_fields

parse = partial(parse_assignments, "-p", are_templates=False)

NAMES = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda name: name.strip())


@given(NAMES, st.sampled_from(["=", ":="]), st.text())
def test_any_name_can_be_written_and_any_text_is_kept(name: str, separator: str, right: str) -> None:
    if right.startswith("\\@"):
        right = "x" + right  # that means an @
    written = "\\" + right if right.startswith("@") else right  # a bare @ there begins a file's name
    escaped = "".join("\\" + char if char in "=:@\\" else char for char in name)
    expected = Value(right, "json" if separator == ":=" else "text")
    assert parse([escaped + separator + written]) == {name.strip(): expected}


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    if "@" in text:
        return
    try:
        found = parse([text])
    except UsageError as error:
        assert error.hint
    else:
        assert all(name.strip() for name in found)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (r"\@bob", "@bob"),
        (r"\\@bob", r"\\@bob"),
        (r"\bob", r"\bob"),
        (r"a\@b", r"a\@b"),
        (r"C:\\x", r"C:\\x"),
    ],
)
def test_a_backslash_before_a_leading_at_sign(given: str, text: str) -> None:
    assert parse([f"h={given}"]) == {"h": Value(text)}
    assert parse([f"h:={given}"]) == {"h": Value(text, "json")}


def test_a_value_in_the_wrong_place_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["123-45-6789"])
    assert "6789" not in f"{caught.value.message} {caught.value.hint}"


def test_files(tmp_path: Path) -> None:
    path = write(tmp_path / "v", "[1]\n")
    assert parse([f"a=@{path}", f"b:=@{path}"]) == {
        "a": Value("[1]\n"),
        "b": Value("[1]\n", "json"),
    }
    write(path, "[1]\n", "utf-8-sig")
    assert parse([f"b:=@{path}"])["b"] == Value("[1]\n", "json"), "Windows writes a mark"
    with pytest.raises(UsageError, match="cannot be read") as caught:
        parse(["a=@/no/such"])
    assert "begins with @" in str(caught.value.hint)
    assert "no/such" not in f"{caught.value.message} {caught.value.hint}", "it may be a value: @home"
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="is not UTF-8"):
        parse([f"a=@{tmp_path / 'binary'}"])


@pytest.mark.parametrize("name", [*USER_PROPERTIES, "custom_properties.x", "consent.ads"])
def test_known_visitor_properties(name: str) -> None:
    check_names(FieldMap(user_properties={name: Value("x")}))


@pytest.mark.parametrize("name", DEFAULT_PROPERTIES)
def test_known_default_properties(name: str) -> None:
    check_names(FieldMap(default_properties={name: Value("x")}))


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"user_properties": {"firstName": Value("x")}}, "'first_name'"),
        ({"user_properties": {"First Name": Value("x")}}, "'first_name'"),
        ({"user_properties": {"shoe_size": Value("x")}}, "custom_properties.shoe_size"),
        ({"user_properties": {"custom_properties.": Value("x")}}, "custom_properties"),
        ({"user_properties": {"city.x": Value("x")}}, "'city'"),
        (
            {"user_properties": {"customproperties.plan": Value("x")}},
            "did you mean 'custom_properties.plan'?",
        ),
        ({"user_properties": {"Consents.ads": Value("x")}}, "did you mean 'consent.ads'?"),
        ({"default_properties": {"plan": Value("x")}}, "-p plan="),
        ({"clear": ("custom_properties",)}, "overwrite"),
        ({"clear": ("shoe",)}, "only overwritten"),
        ({"ip": "1.2.3.4"}, "both or neither"),
        ({"user_agent": "x"}, "both or neither"),
    ],
)
def test_wrong_names(fields: dict[str, Any], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_names(FieldMap(**fields))
    assert hint in str(caught.value.hint)


def test_flags_lie_over_the_map() -> None:
    base = FieldMap(
        event="Base",
        time="{t}",
        properties={"a": Value("1"), "b": Value("2")},
        user_properties={"city": Value("Ulm"), "gclid": Value("g")},
        clear=("fbclid", "zip"),
        exclude=("x",),
        star=True,
        user_object="{u}",
    )
    flags = FieldMap(
        event="Flag",
        properties={"b": Value("3")},
        user_properties={"zip": Value("89073")},
        clear=("gclid",),
        exclude=("y",),
    )
    assert flags.over(base) == FieldMap(
        event="Flag",
        time="{t}",
        properties={"a": Value("1"), "b": Value("3")},
        user_properties={"city": Value("Ulm"), "zip": Value("89073")},
        clear=("fbclid", "gclid"),
        exclude=("x", "y"),
        star=True,
        user_object="{u}",
    )
    check_names(flags.over(base))


def test_over_nothing() -> None:
    fields = FieldMap(event="E", properties={"a": Value("1")}, clear=("zip",))
    assert fields.over(FieldMap()) == fields
    assert FieldMap().over(fields) == fields
    assert FieldMap().is_empty()
    assert not fields.is_empty()


@pytest.mark.parametrize(
    "fields",
    [{"event": "E"}, {"time": "{t}"}, {"distinct_id": "{d}"}, {"star": True}, {"event_object": "{p}"}],
)
def test_identify_takes_no_event(fields: dict[str, Any]) -> None:
    refuse_event_fields(FieldMap(external_id="{id}", user_properties={"city": Value("Ulm")}))
    with pytest.raises(UsageError, match="identify takes no"):
        refuse_event_fields(FieldMap(**fields))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("name", "did you mean 'first_name'?"),
        ("Full_Name", "did you mean 'first_name'?"),
        ("postal_code", "did you mean 'zip'?"),
        ("dob", "did you mean 'date_of_birth'?"),
        ("phone", "did you mean 'phone_number'?"),
        ("plan", "custom_properties.plan=...; ours help properties lists the others"),
    ],
)
def test_what_a_visitor_property_is_called(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_names(FieldMap(user_properties={name: Value("x")}))
    assert caught.value.hint is not None
    assert hint in caught.value.hint
