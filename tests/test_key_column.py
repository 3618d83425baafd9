"""What a template gives for many JSON rows at once is what it gives for each."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ours_cli.drafting.key_column import ODD, key_column
from ours_cli.mapping.field_body import Slot
from ours_cli.templates.field_value import FilterProblem
from ours_cli.templates.template import bind, bind_json, bind_text, parse

TEMPLATES = [
    *(
        "{a}",
        "{ a }",
        '{" a "}',
        "{a.b}",
        '{"a.b"}',
        "{a.b.c}",
        "{a.b[0]}",
        "{a|number}",
        "{a|lower}",
        "{a.b|lower}",
    ),
    *(
        "{a|default:none}",
        "{a.b|number}",
        "{a.b|default:none}",
        "{a|json}",
        "{a|split:;}",
        "{a}-{b}",
        "k",
        "[{a}]",
    ),
]
SCALARS = st.sampled_from(
    [
        "x",
        "X",
        " y ",
        "",
        " ",
        "1",
        "01",
        "-0",
        "1.50",
        "1;2",
        '{"b": "in"}',
        0,
        1,
        1.0,
        -0.0,
        True,
        False,
        None,
    ]
)
ANY = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["b", "c"]), inner, max_size=2)
    ),
    max_leaves=4,
)
WITHIN = st.fixed_dictionaries({"b": SCALARS})
ROWS = st.dictionaries(st.sampled_from(["a", " a ", "a.b", "b"]), ANY, max_size=3)
KINDS = {"text": bind_text, "value": bind, "json": bind_json}


@settings(max_examples=400)
@given(
    st.sampled_from(TEMPLATES),
    st.sampled_from(["text", "value", "json"]),
    st.lists(ROWS, min_size=1, max_size=5)
    | st.lists(st.fixed_dictionaries({"a": SCALARS}), min_size=1, max_size=5)
    | st.lists(st.fixed_dictionaries({"a": WITHIN}, optional={"a.b": SCALARS}), min_size=1, max_size=5),
)
@example("{a|lower}", "value", [{"a": 1}, {"a": True}, {"a": 1.0}])
@example("{a.b}", "value", [{"a": {"b": 1}}, {"a": {"b": 1}, "a.b": 2}])
@example("{a}", "value", [{"a": ""}, {"a": 1}])
def test_as_for_each(text: str, kind: Any, rows: list[dict[str, Any]]) -> None:
    template = parse(text)
    if kind == "json" and template.is_literal:
        return
    get = KINDS[kind](template, None)
    column = key_column(Slot(template, get, kind))

    def one(row: dict[str, Any]) -> object:
        try:
            return get(row)
        except FilterProblem:
            return ODD

    for _ in range(2):  # what is remembered comes out as it was worked out
        assert repr(column(rows)) == repr(list(map(one, rows)))
