from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ours_cli.errors import UsageError
from ours_cli.exact_json import read_json
from ours_cli.templates.field_value import ABSENT, FilterProblem, present
from ours_cli.templates.filters import FILTER_NAMES, build, read_call
from ours_cli.wording.suggest import nearest

SECRET = b"a secret"


def run(filter_text: str, value: object) -> Any:
    return build(read_call(filter_text), lambda: SECRET)(value)


def code_of(filter_text: str, value: object) -> str:
    with pytest.raises(FilterProblem) as raised:
        run(filter_text, value)
    return raised.value.code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,234.50", 1234.5),
        ("(12.00)", -12.0),
        ("($12.00)", -12.0),
        ("$(12.00)", -12.0),
        ("( $ 1.00)", -1.0),
        ("- $5", -5),
        ("-$5", -5),
        ("$-5", -5),
        ("+ $600.00", 600.0),
        ("+ $1,350.00", 1350.0),
        ("-17.22", -17.22),
        ("1,234.50-", -1234.5),
        ("$5- USD", -5),
        ("\u221217.22", -17.22),
        ("1,075", 1075),
        ("1,234,567", 1234567),
        (".5", 0.5),
        ("$.50", 0.5),
        ("Rs.500", 500),
        ("00123", 123),
        ("USD 12", 12),
        ("12 USD", 12),
        ("$12.00 USD", 12.0),
        ("CA$9", 9),
        ("12 kr.", 12),
        ("€ 3", 3),
        ("3\u00a0€", 3),
        ("1.5e3", 1500.0),
        ("12345678901234567890123", 12345678901234567890123),
        ("($" + "1234567890" * 4 + ")", -int("1234567890" * 4)),
        (" 7 ", 7),
        ("0", 0),
    ],
)
def test_number_reads_amounts(text: str, expected: float) -> None:
    result = run("number", text)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("style", "text", "expected"),
    [
        ("de", "1.234,50", 1234.5),
        ("de", "1.234", 1234),
        ("de", "-5,00 €", -5.0),
        ("de", "1.234,50-", -1234.5),
        ("de", "12,50 €", 12.5),
        ("DE", "1234,5", 1234.5),
        ("fr", "1 234,50", 1234.5),
        ("fr", "1\u00a0234\u00a0567,50", 1234567.5),
        ("fr", "1\u202f234,50 €", 1234.5),
        ("ch", "1'234.50", 1234.5),
        ("ch", "CHF 1\u2019234.50", 1234.5),
        ("in", "₹12,34,567.50", 1234567.5),
        ("us", "1,234", 1234),
    ],
)
def test_number_reads_the_style_it_is_told(style: str, text: str, expected: float) -> None:
    assert run(f"number:{style}", text) == expected


NO_AMOUNTS = (
    "12% -5- (5-) 5+ 3-4 "
    "1,23 1.234,50 12,34,567 $1e5 abc 5. --5 (5 5) -(5) $ 1,2345 0x10 \u0661\u0662 NaN Infinity 1_000"
)
OUT_OF_RANGE = ["1e400", "1e-400", "1e" + "9" * 30, "9" * 5000]
TOO_PRECISE = ["0.1234567890123456789", "12345678.123456789012", "9.000000000000001"]


@pytest.mark.parametrize(
    "text",
    [*NO_AMOUNTS.split(), "TOP 10", "ICD 10", "1 234", " " * 50_000 + "x1", *OUT_OF_RANGE, *TOO_PRECISE],
)
def test_number_refuses_rather_than_guesses(text: str) -> None:
    assert code_of("number", text) == "bad_number"


def test_number_in_german_does_not_read_english() -> None:
    assert code_of("number:de", "1234.50") == "bad_number"
    assert code_of("number:de", "1,234.50") == "bad_number"


def test_number_names_the_style_that_would_fit() -> None:
    with pytest.raises(FilterProblem, match="number:de"):
        run("number", "1,23")
    with pytest.raises(FilterProblem, match="number:fr"):
        run("number", "1 234,50")
    with pytest.raises(FilterProblem, match="number:ch"):
        run("number", "1'234.50")


@pytest.mark.parametrize("text", ["-", "--", "n/a", "N/A", "null", "None", "Not available", " -- "])
def test_words_for_no_number_are_absent(text: str) -> None:
    assert run("number", text) is ABSENT
    assert run("int", text) is ABSENT


def test_json_numbers_pass_and_booleans_do_not() -> None:
    assert run("number", 2**80) == 2**80
    assert run("number", 1.25) == 1.25
    assert code_of("number", True) == "bad_number"
    assert code_of("int", False) == "bad_int"
    assert code_of("number", [1]) == "bad_number"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("12.00", 12), ("1,234", 1234), ("(3)", -3), (12.0, 12), ("12345678901234567.00", 12345678901234567)],
)
def test_int_takes_whole_numbers(value: object, expected: int) -> None:
    result = run("int", value)
    assert result == expected
    assert type(result) is int


@pytest.mark.parametrize("value", ["12.5", 12.5, "x", "1e400", {}])
def test_int_refuses_the_rest(value: object) -> None:
    assert code_of("int", value) == "bad_int"


plain_decimals = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?", fullmatch=True)


@given(plain_decimals)
@example("9007199254740993")
@example("0.1")
def test_number_never_loses_a_digit(text: str) -> None:
    try:
        result = run("number", text)
    except FilterProblem as problem:
        assert problem.code == "bad_number"
        assert len(text) > 16, "a short number has no excuse"
    else:
        assert Decimal(str(result)) == Decimal(text)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["", "$", "€ ", "USD "]))
def test_number_reads_back_what_is_formatted(cents: int, currency: str) -> None:
    shown = f"{currency}{abs(cents) // 100:,}.{abs(cents) % 100:02}"
    assert Decimal(repr(run("number", f"({shown})" if cents < 0 else shown))) == Decimal(cents) / 100


@given(
    st.one_of(
        plain_decimals, st.from_regex(r"[+-]?0*[0-9]+(\.[0-9]*)?([eE][0-9]+)?", fullmatch=True), st.text()
    )
)
@example("1E5")
@example("-0")
def test_auto_types_only_what_loses_no_digit(text: str) -> None:
    result = run("auto", text)
    if isinstance(result, bool):
        assert text.lower() == ("true" if result else "false")
    elif isinstance(result, float):
        assert Decimal(text) == Decimal(repr(result))
    else:
        assert str(result) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("12", 12), ("-3", -3), ("0", 0), ("1.5", 1.5), ("true", True), ("false", False)),
        *(("20.00", 20.0), ("7.50", 7.5), ("-0.10", -0.1), ("True", True), ("FALSE", False)),
    ],
)
def test_auto_types_numbers_and_booleans(text: str, expected: object) -> None:
    result = run("auto", text)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        *("00123", "+4915112345", "1234567890123456789", "1E5", "1e5", "+5", "007.50", "1.", "tRUE", "yes"),
        *("9007199254740992", "1,5", "12345678901234567.50", "0.1000000000000000055"),
        *("1234567890123456.75", "9.000000000000001"),
    ],
)
def test_auto_leaves_other_text_alone(text: str) -> None:
    assert run("auto", text) == text


@pytest.mark.parametrize("text", ["true", "YES", "y", "1", "T", " on "])
def test_bool_true(text: str) -> None:
    assert run("bool", text) is True


@pytest.mark.parametrize("value", ["False", "no", "N", "0", "f", "OFF", 0, False])
def test_bool_false(value: object) -> None:
    assert run("bool", value) is False


@pytest.mark.parametrize("value", ["2", "maybe", 2, [], {}])
def test_bool_refuses_the_rest(value: object) -> None:
    assert code_of("bool", value) == "bad_bool"


def test_json_is_read_to_the_letter() -> None:
    assert run("json", '{"a": [1, 123456789012345678901234567890]}') == {
        "a": [1, 123456789012345678901234567890]
    }
    assert run("json", "null") is ABSENT
    assert run("json", {"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "NaN",
        "-Infinity",
        "1e400",
        '{"a":1,"a":2}',
        '"\\ud800"',
        '{"\\udc00":1}',
        "[" * 100_000,
        "9" * 5000,
    ],
)
def test_json_that_would_be_altered_is_refused(text: str) -> None:
    assert code_of("json", text) == "bad_json"
    with pytest.raises(ValueError):
        read_json(text)


def test_escaped_surrogate_pairs_are_text() -> None:
    assert run("json", '"\\ud83d\\ude00"') == "😀"


def test_map() -> None:
    assert run("map:a=B,c=D", "c") == "D"
    assert run("map: a = B , c = D ", "a") == "B"
    assert run("map:a=B,*=other", "zzz") == "other"
    assert run("map:a=", "a") is ABSENT
    assert run("map:true=1", True) == "1"
    assert run(r"map:x=a\,b\=c\:d\|e,y=09:00", "x") == "a,b=c:d|e"
    assert run(r"map:x=a\,b,y=09:00", "y") == "09:00"
    assert code_of("map:a=B", "A") == "unmapped_value"


def test_text_filters() -> None:
    assert run("trim", "  a ") == "a"
    assert run("lower", "ÄB") == "äb"
    assert run("upper", "ab") == "AB"
    assert run("prefix:crm-", "7") == "crm-7"
    assert run("prefix:crm-", 7) == "crm-7"
    assert run("replace:-:", "1-2-3") == "123"
    assert run("replace:-: ", "1-2") == "1 2"
    assert run(r"replace:\::/", "1:2") == "1/2"
    assert run("replace:x:", "x") is ABSENT
    assert run("split:;", " a; ;b ;") == ["a", "b"]
    assert run("split: ", "a b") == ["a", "b"]
    assert run(r"split:\,", "a,b") == ["a", "b"]
    assert run("split:;", ";") is ABSENT
    assert run(" default: none given ", ABSENT) == "none given"
    assert code_of("lower", {"a": 1}) == "bad_type"


def test_hashes_take_the_trimmed_utf8() -> None:
    assert run("sha256", " é ") == hashlib.sha256("é".encode()).hexdigest()
    assert run("hmac", " é ") == hmac.new(SECRET, "é".encode(), "sha256").hexdigest()
    assert run("sha256", 12) == hashlib.sha256(b"12").hexdigest()
    assert code_of("sha256", "\ud800") == "bad_text"


def test_hmac_without_a_key_says_how_to_give_one() -> None:
    for key in (None, lambda: b""):
        with pytest.raises(UsageError) as raised:
            build(read_call("hmac"), key)
        assert "OURS_HMAC_KEY" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("filter_text", "value", "expected"),
    [
        ("date", "1980-03-04", "1980-03-04"),
        ("date", "2026-03-04T23:30:00-05:00", "2026-03-04"),
        ("date", "2026-03-04 10:00:00", "2026-03-04"),
        ("date", "March 4, 1950", "1950-03-04"),
        ("date", "Wed, 04 Mar 2026 23:30:00 -0500", "2026-03-04"),
        ("date:%d/%m/%Y %H:%M %z", "04/03/2026 23:30 -0500", "2026-03-04"),
        ("date", "20260304", "2026-03-04"),
        ("date", 1772582400, "2026-03-04"),
        ("date", "1772582400123", "2026-03-04"),
        ("date:%d/%m/%Y", "04/03/1980", "1980-03-04"),
        ("date:%d.%m.%y", " 04.03.80 ", "1980-03-04"),
    ],
)
def test_date(filter_text: str, value: object, expected: str) -> None:
    assert run(filter_text, value) == expected


@given(st.permutations([1772582400, "1772582400123", 1772582400123456, "20260304", "12", "x", "1772582400"]))
def test_a_date_does_not_know_of_the_rows_before_it(values: list[object]) -> None:
    date = build(read_call("date"), None)

    def day(value: object) -> object:
        try:
            return date(value)
        except FilterProblem as problem:
            return problem.code

    assert {str(value): day(value) for value in values} == {
        "1772582400": "2026-03-04",
        "1772582400123": "2026-03-04",
        "1772582400123456": "2026-03-04",
        "20260304": "2026-03-04",
        "12": "bad_date",
        "x": "bad_date",
    }


def test_dates_are_never_guessed() -> None:
    assert code_of("date", "03/04/2026") == "bad_date"
    assert code_of("date", "soon") == "bad_date"
    assert code_of("date:%d/%m/%Y", "2026-03-04") == "bad_date"


@pytest.mark.parametrize(
    ("filter_text", "hint"),
    [
        ("numbr", "`number`"),
        ("Lower", "`lower`"),
        ("zzzzzz", "trim lower upper"),
        ("", "{column|filter}"),
        ("map", "map:a=B"),
        ("map:ab", "map:a=B"),
        ("map:a=B,a=C", "one other text"),
        ("number:xx", "1.234,50"),
        ("trim:x", "colon"),
        ("default:", "default:unknown"),
        ("default: ", "absent"),
        ("prefix", "prefix:"),
        ("replace:a", "replace:old:new"),
        ("split", "split:;"),
        ("date:dd.mm.yyyy", "%d/%m/%Y"),
        ("date:%Q", "%d/%m/%Y"),
        ("date:%d%", "%d/%m/%Y"),
        ("date:%d/%m", "%d/%m/%Y"),
    ],
)
def test_wrong_filters_are_usage_errors_with_a_hint(filter_text: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_call(filter_text)
    assert hint in str(raised.value.hint)


ARGUMENTS = {"map": ":a=b", "default": ":x", "prefix": ":p", "replace": ":a:b", "split": ":;", "param": ":k"}
json_values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(min_size=1),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
cells = st.text() | st.text("0123456789.,-+()$ e%'", max_size=12) | st.text("0123456789-/:T .Z", max_size=20)


@pytest.mark.parametrize("name", FILTER_NAMES)
@given(value=st.one_of(cells, json_values, st.characters()))
@example(value="\ud800")
@example(value="1970-01-01T00:00:00Z")
@example(value="9" * 400)
def test_any_value_gives_a_value_or_a_problem(name: str, value: object) -> None:
    assume(present(value) is not ABSENT)
    try:
        result = run(name + ARGUMENTS.get(name, ""), value)
    except FilterProblem as problem:
        assert problem.code.startswith(("bad_", "unmapped_"))
    else:
        assert result is ABSENT or present(result) is result


def test_messages_never_hold_the_value() -> None:
    for name in FILTER_NAMES:
        try:
            run(name + ARGUMENTS.get(name, ""), "marker-7531-§")
        except FilterProblem as problem:
            assert "7531" not in problem.message


@pytest.mark.parametrize("name", ["firstName", "First Name", "FIRST_NAME", "firts_name"])
def test_nearest_ignores_spelling_habits(name: str) -> None:
    assert nearest(name, ["last_name", "first_name", "phone_number"]) == "first_name"


def test_nearest_says_nothing_rather_than_nonsense() -> None:
    assert nearest("zzz", ["first_name", "email"]) is None
    assert nearest("nope", ["oppref", "email"]) is None
    assert nearest("$", ["$", "a"]) == "$"
    assert nearest("x", []) is None


PARAMS: list[Any] = [
    {"key": "page", "value": {"string_value": "a", "int_value": None, "double_value": None}},
    {"key": "session", "value": {"string_value": None, "int_value": "1772445000", "float_value": None}},
    {"key": "wide", "value": {"int_value": "12345678901234567890"}},
    {"key": "digits", "value": {"string_value": "00123"}},
    {"key": "value", "value": {"double_value": 99.5}},
    {"key": "zero", "value": {"int_value": "0"}},
    {"key": "plain", "value": 7},
    {"key": "none", "value": {"string_value": None}},
    {"key": "empty", "value": {"string_value": ""}},
    {"key": "odd"},
    "not a pair",
]


class TestParam:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("page", "a"),
            ("session", 1772445000),
            ("wide", "12345678901234567890"),
            ("digits", "00123"),
            ("value", 99.5),
            ("zero", 0),
            ("plain", 7),
            ("none", ABSENT),
            ("empty", ABSENT),
            ("odd", ABSENT),
            ("missing", ABSENT),
        ],
    )
    def test_the_value_that_is_there(self, name: str, expected: object) -> None:
        assert run(f"param:{name}", PARAMS) == expected

    def test_a_text_is_read_as_json(self) -> None:
        assert run("param:page", '[{"key": "page", "value": {"string_value": "a"}}]') == "a"
        assert run("param:page", "[]") is ABSENT

    def test_what_is_no_list(self) -> None:
        assert code_of("param:page", "7") == "bad_type"
        assert code_of("param:page", "[") == "bad_json"
        assert code_of("param:page", {"key": "page"}) == "bad_type"

    def test_it_needs_a_name(self) -> None:
        with pytest.raises(UsageError, match="needs an argument"):
            read_call("param")
