from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ours_cli.errors import UsageError
from ours_cli.record import Fields
from ours_cli.templates.field_value import ABSENT, FilterProblem, ShortRow
from ours_cli.templates.template import (
    bind,
    bind_json,
    bind_text,
    parse,
    placeholder,
    used_columns,
    used_keys,
)

REALDATA = Path(__file__).resolve().parents[2] / "shared" / "realdata"


def on_csv(template: str, **cells: str) -> Any:
    return bind(parse(template), tuple(cells))(list(cells.values()))


def on_json(template: str, row: dict[str, Any]) -> Any:
    return bind(parse(template), None)(row)


def usage_error(template: str, columns: tuple[str, ...] | None = ("a", "b")) -> UsageError:
    with pytest.raises(UsageError) as raised:
        bind(parse(template), columns)
    assert raised.value.hint
    return raised.value


def test_shape() -> None:
    template = parse("{Date} {Time|trim} x{{y}}")
    assert template.columns == ("Date", "Time")
    assert template.text == "{Date} {Time|trim} x{{y}}"
    assert (template.is_literal, template.is_single) == (False, False)
    assert (parse("{a|number}").is_literal, parse("{a|number}").is_single) == (False, True)
    assert (parse("a{{").is_literal, parse("a{{").is_single) == (True, False)
    assert not parse(" {a}").is_single


def test_templates_are_values_without_secrets() -> None:
    assert parse("{a|map:x=y|hmac}") == parse("{a|map:x=y|hmac}")


def test_text_around_columns() -> None:
    assert on_csv("{Date} {Time}", Date="2026-10-01", Time="10:00") == "2026-10-01 10:00"
    assert on_csv("{{{a}}}", a="x") == "{x}"
    assert on_csv("<{a}{a}>", a="x") == "<xx>"
    assert on_csv("{a}", a=" as it stands ") == " as it stands "


@pytest.mark.parametrize("empty", ["", " ", "\t\u00a0"])
def test_an_empty_cell_makes_the_field_absent(empty: str) -> None:
    assert on_csv("{a}", a=empty) is ABSENT
    assert on_csv("{b} {a}", a=empty, b="x") is ABSENT
    assert on_csv("{a|upper|number}", a=empty) is ABSENT
    assert on_csv("{a|default:none}", a=empty) == "none"
    assert on_csv("{a|trim|default:0|number}", a=empty) == 0
    assert on_csv("{b}-{a|default:none}", a=empty, b="x") == "x-none"


def test_what_a_filter_empties_is_absent_and_default_fills_it() -> None:
    assert on_csv("{a|replace:x:}", a="x") is ABSENT
    assert on_csv("{a|number|default:none}", a="N/A") == "none"
    assert on_csv("{a|default:none}", a="there") == "there"


@pytest.mark.parametrize("row", [{}, {"a": None}, {"a": ""}, {"a": "  "}])
def test_missing_null_and_empty_in_json_are_absent(row: dict[str, Any]) -> None:
    assert on_json("{a}", row) is ABSENT
    assert on_json("{a.b}", row) is ABSENT
    assert on_json("{a|default:x}", row) == "x"


@pytest.mark.parametrize("value", [0, 1.5, False, 10**30, [], {}, [1], {"b": None}, "x"])
def test_a_single_placeholder_keeps_its_type(value: object) -> None:
    found = on_json("{a}", {"a": value})
    assert found == value
    assert type(found) is type(value)


def test_mixed_text_renders_each_type() -> None:
    row = {"i": 10**20, "f": 1.5, "t": True, "l": [1, "é"], "o": {"a": None}}
    assert on_json("{i} {f} {t} {l} {o}", row) == '100000000000000000000 1.5 true [1,"é"] {"a":null}'
    assert on_csv("{a|number} EUR", a="$1,234.50") == "1234.5 EUR"


def test_paths_reach_into_json_rows() -> None:
    row = {"a": {"b": [{"c": 7}]}, "x.y": "exact", "x": {"y": "path"}, "text": '{"k": [1, {"d": 2}]}'}
    assert on_json("{a.b[0].c}", row) == 7
    assert on_json("{ a.b[0].c | prefix:n }", row) == "n7"
    assert on_json("{x.y}", row) == "exact"
    assert on_json("{text.k[1].d}", row) == 2
    for nowhere in ("{a.b[1].c}", "{a.b.c}", "{a[0]}", "{a.z}", "{z.a}", '{"a.b"}', "{a..b}"):
        assert on_json(nowhere, row) is ABSENT


def test_paths_reach_into_json_cells() -> None:
    cells = {
        "a": '{"b": [{"c": 7}], "n": null, "s": ""}',
        "x.y": "exact",
        "x": '{"y": 1}',
        "p.q": '{"r": true}',
    }
    assert on_csv("{a.b[0].c}", **cells) == 7
    assert on_csv("{a.n}", **cells) is ABSENT
    assert on_csv("{a.s}", **cells) is ABSENT
    assert on_csv("{x.y}", **cells) == "exact"
    assert on_csv("{p.q.r}", **cells) is True
    assert on_csv("{a.b}", a="") is ABSENT


@pytest.mark.parametrize("nothing", ["NULL", " null ", r"\N", "None", "nan", "NaN"])
def test_a_path_into_what_databases_write_for_no_json_leads_nowhere(nothing: str) -> None:
    assert on_csv("{a.b}", a=nothing) is ABSENT
    assert on_csv("{a.b|default:x}", a=nothing) == "x"
    assert on_csv("{a}", a=nothing) == nothing


def test_a_cell_that_is_not_json_rejects_its_row() -> None:
    with pytest.raises(FilterProblem, match=r"'a\.b'") as raised:
        on_csv("{a.b}", a='{"b": marker')
    assert raised.value.code == "bad_json"
    assert "marker" not in raised.value.message


def test_rows_with_the_same_json_cell_share_no_object() -> None:
    get = bind(parse("{a.b}"), ("a",))
    first: Any = get(['{"b": {"c": 1}}'])
    first["c"] = "written by the first row"
    assert get(['{"b": {"c": 1}}']) == {"c": 1}


def test_short_rows_are_rejected_only_when_the_column_is_used() -> None:
    columns = ("a", "b")
    assert bind(parse("{a}"), columns)(["1"]) == "1"
    with pytest.raises(ShortRow, match="'b'") as raised:
        bind(parse("{b|default:x}"), columns)(["1"])
    assert raised.value.code == "ragged_row"


def test_unknown_columns_are_named_with_the_nearest() -> None:
    error = usage_error("{Purchase_time}", ("Purchase Time", "Total"))
    assert "'Purchase_time'" in error.message
    assert "'Purchase Time'" in str(error.hint)
    assert "'a', 'b'" in str(usage_error("{zzzzz}").hint)


def test_twice_named_and_nameless_columns_fail_only_when_used() -> None:
    columns = ("a", "b", "b", "", " c", "c ")
    assert bind(parse("{a}"), columns)(["1", "2", "3", "4", "5", "6"]) == "1"
    assert "2, 3" in usage_error("{b}", columns).message
    assert "without a name" in usage_error('{" "}', columns).message
    assert bind(parse("{ c}"), columns)(["1", "2", "3", "4", "5", "6"]) == "5"
    assert "5, 6" in usage_error("{c}", columns).message


@pytest.mark.parametrize(
    "template",
    ["{a", "a}", "{a}}", "{{a}", "{a{b}}", "{", "}", "{}", "{ }", "{|trim}", "{a|}", "{a|prefix:\\}"],
)
def test_wrong_braces_are_usage_errors(template: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(template)
    assert raised.value.hint


def test_odd_headers() -> None:
    columns = (
        "Purchase Time (UTC timezone)",
        "Sale Price ($)",
        " ID",
        "odd|name",
        "{x}",
        'say "hi"',
        "Größe",
        "1",
    )
    row = [str(position) for position in range(len(columns))]
    for position, column in enumerate(columns):
        assert bind(parse(placeholder(column)), columns)(row) == str(position)
    assert bind(parse("{ID}"), columns)(row) == "2"
    assert bind(parse("{ Sale Price ($) | number }"), columns)(row) == 1
    assert bind(parse('{ "odd|name" | prefix:n }'), columns)(row) == "n3"


def test_filter_arguments_may_hold_escaped_braces_and_pipes() -> None:
    assert on_csv(r"{a|replace:x:\{\|\}}", a="x") == "{|}"
    assert on_csv(r"{a|map:x=a\}b,y=1|upper}", a="x") == "A}B"
    assert on_csv("{a|prefix:C:\\x}", a="x") == "C:\\xx"


def test_problems_name_filter_and_column_and_no_value() -> None:
    with pytest.raises(FilterProblem) as raised:
        on_csv("{Total ($)|trim|number}", **{"Total ($)": "marker"})
    assert raised.value.code == "bad_number"
    assert raised.value.message == "number: column 'Total ($)' is not a number"
    assert str(raised.value) == raised.value.message


def test_what_a_template_uses() -> None:
    columns = ("a", " b", "c.d", "e", "twice", "twice")
    assert used_columns(parse("{b}{a}{a|trim}{c.d.x} literal"), columns) == {0, 1, 2}
    with pytest.raises(UsageError):
        used_columns(parse("{nope}"), columns)
    assert used_keys(parse("{ ssn | hmac }{tags[0]}")) == {
        "ssn": (" ssn ", "ssn"),
        "tags[0]": ("tags[0]", "tags"),
    }
    assert used_keys(parse('{a.b.c}{"x.y"} literal')) == {"a.b.c": ("a.b.c", "a"), "x.y": ("x.y",)}


def test_the_hmac_key_is_asked_for_only_when_needed() -> None:
    def no_key() -> bytes:
        raise AssertionError("not needed")

    bind(parse("{a|sha256}"), ("a",), no_key)
    assert bind(parse("{a|hmac}"), ("a",), lambda: b"k")(["x"]) != bind(parse("{a|sha256}"), ("a",))(["x"])
    assert "OURS_HMAC_KEY" in str(usage_error("{a|hmac}").hint)


class TestBindText:
    def text(self, template: str, row: Fields) -> object:
        return bind_text(parse(template), None)(row)

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("x", "x"),
            (12, "12"),
            (10**25, "1" + "0" * 25),
            (12345.0, "12345.0"),
            (None, ABSENT),
            ("", ABSENT),
        ],
    )
    def test_takes_digits_as_they_stand(self, value: object, expected: object) -> None:
        assert self.text("{a}", {"a": value}) == expected

    @pytest.mark.parametrize("value", [True, [], {"k": "marker"}])
    def test_refuses_what_is_not_text(self, value: object) -> None:
        with pytest.raises(FilterProblem, match="'a'") as raised:
            self.text("{a}", {"a": value})
        assert raised.value.code == "bad_type"
        assert "marker" not in raised.value.message

    def test_literals_mixtures_and_filters(self) -> None:
        assert self.text("Purchase", {}) == "Purchase"
        assert self.text("user-{a}", {"a": 7}) == "user-7"
        assert self.text("{a|number}", {"a": "007"}) == "7"


class TestBindJson:
    def value(self, template: str, **cells: str) -> object:
        return bind_json(parse(template), tuple(cells))(list(cells.values()))

    def test_renders_then_reads(self) -> None:
        assert self.value("{a}", a="12.50") == 12.5
        assert self.value("{a}", a="123456789012345678901234567890") == 123456789012345678901234567890
        assert self.value('{{"a":{x},"b":[{y}]}}', x="1", y="true") == {"a": 1, "b": [True]}
        assert self.value('"{a}"', a="x") == "x"
        assert self.value("{a}", a="") is ABSENT
        assert self.value("[{a},{b}]", a="1", b="") is ABSENT
        assert bind_json(parse("{a}"), None)({"a": {"b": [1.5, None]}}) == {"b": [1.5, None]}

    @pytest.mark.parametrize("cell", ["abc", "NaN", "1e400", "01", '{"marker":1,"marker":2}', "[" * 100_000])
    def test_what_is_not_json_rejects_its_row(self, cell: str) -> None:
        with pytest.raises(FilterProblem, match="'a'") as raised:
            self.value("{a}", a=cell)
        assert raised.value.code == "bad_json"
        assert "marker" not in raised.value.message

    def test_a_literal_is_read_at_once(self) -> None:
        assert self.value("12") == 12
        assert self.value("null") is ABSENT
        with pytest.raises(UsageError):
            self.value("abc")

    def test_rows_share_no_literal_object(self) -> None:
        get = bind_json(parse('{{"a":[]}}'), None)
        first: Any = get({})
        first["a"].append(1)
        assert get({}) == {"a": []}


@given(st.text() | st.text("{}a|"))
def test_literal_text_with_doubled_braces_comes_back(text: str) -> None:
    template = parse(text.replace("{", "{{").replace("}", "}}"))
    assert template.is_literal
    assert bind(template, ())([]) == text


@given(st.lists(st.text(min_size=1), min_size=1, unique_by=str.strip), st.data())
def test_any_column_is_bound_by_its_exact_name(columns: list[str], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(columns) - 1))
    assume(columns[position].strip())
    row = [f"cell {index}" for index in range(len(columns))]
    for template in (placeholder(columns[position]), placeholder(columns[position])[:-1] + " | trim }"):
        assert bind(parse(template), tuple(columns))(row) == f"cell {position}"
    by_key = dict(zip(columns, row, strict=True))
    assert bind(parse(placeholder(columns[position])), None)(by_key) == f"cell {position}"


@given(st.text('{}|":\\,=ab .[]0', max_size=20) | st.text())
@example("{a.[0]}")
def test_any_text_is_a_template_or_a_usage_error(text: str) -> None:
    try:
        template = parse(text)
        getters = [bind_text(template, ("a", "b")), bind(template, None)]
    except UsageError as error:
        assert error.hint
        return
    rows: list[Fields] = [["1", '{"a": "2"}'], {"a": "1", "b": [{"a": 2}]}]
    for get, row in zip(getters, rows, strict=True):
        try:
            assert get(row) is not None
        except FilterProblem as problem:
            assert problem.code


@given(
    st.text(),
    st.sampled_from(["{a}", "{a.b[0]}", "{a|auto}", "{a|number}", "{a|json}", "x{a|split:,}", "{a|bool}"]),
)
def test_any_cell_gives_a_value_absent_or_a_problem(cell: str, template: str) -> None:
    for compiled in (
        bind(parse(template), ("a",)),
        bind_text(parse(template), ("a",)),
        bind_json(parse(template), ("a",)),
    ):
        try:
            value = compiled([cell])
        except FilterProblem as problem:
            assert problem.code
        else:
            assert value is not None
            assert value != ""


@pytest.mark.skipif(not REALDATA.is_dir(), reason="the corpora are not beside the project")
def test_real_amounts() -> None:
    with (REALDATA / "venmo-history" / "venmo_transactions.csv").open(
        encoding="utf-8-sig", newline=""
    ) as file:
        header, *rows = csv.reader(file)
    amount = bind(parse("{Amount (total)|number}"), tuple(header))
    identity = bind_text(parse("{ID}"), tuple(header))
    amounts = [amount(row) for row in rows if len(row) == len(header)]
    numbers = [value for value in amounts if value is not ABSENT]
    assert numbers
    assert all(isinstance(value, float | int) for value in numbers)
    assert {str(identity(row)).isdigit() for row in rows if identity(row) is not ABSENT} == {True}
