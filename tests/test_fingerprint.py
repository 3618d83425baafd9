"""The digest of a mapping: it changes with what is set, and with nothing else."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from ours_cli.errors import UsageError
from ours_cli.mapping.assignments import parse_assignments
from ours_cli.mapping.fields import FieldMap
from ours_cli.options import RowFilters, TimeFlags
from ours_cli.rows.fingerprint import key_digest, mapping_digest

parse = partial(parse_assignments, "-p", are_templates=False)


@given(st.permutations(["a={x}", "b={y|number}", "c:={z}", "d=", "e=1"]))
def test_the_order_of_properties_does_not_matter(assignments: list[str]) -> None:
    fields = FieldMap(event="E", properties=parse(assignments))
    ordered = FieldMap(event="E", properties=parse(sorted(assignments)))
    assert mapping_digest({"fields": fields}) == mapping_digest({"fields": ordered})


def test_all_that_is_set_matters() -> None:
    mappings: list[dict[str, object]] = [
        {},
        {"fields": FieldMap(event="E")},
        {"fields": FieldMap(event="F")},
        {"fields": FieldMap(external_id="E")},
        {"fields": FieldMap(properties=parse(["a=1"]))},
        {"fields": FieldMap(properties=parse(["a:=1"]))},
        {"fields": FieldMap(properties=parse(["a="]))},
        {"fields": FieldMap(user_properties=parse(["a=1"]))},
        {"times": TimeFlags(tz="UTC")},
        {"times": TimeFlags(day_first=True)},
        {"filters": RowFilters(where=["a=b"])},
        {"source": {"where": ["a=b"]}},
        {"send_nulls": True},
    ]
    assert len({mapping_digest(mapping) for mapping in mappings}) == len(mappings)


def test_what_is_unset_leaves_no_trace() -> None:
    unset: dict[str, object] = {
        "fields": FieldMap(),
        "times": TimeFlags(),
        "filters": RowFilters(),
        "source": {},
        "key": None,
    }
    assert mapping_digest(unset) == mapping_digest({})


def test_the_key_matters_where_it_is_used() -> None:
    def no_key() -> bytes:
        raise UsageError("asked for")

    hashed = FieldMap(external_id="p-{id|lower|hmac}")
    assert key_digest(FieldMap(external_id="{hmac}"), no_key) is None
    assert key_digest(hashed, lambda: b"1") != key_digest(hashed, lambda: b"2")
