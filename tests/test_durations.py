from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ours_cli.wording.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("60ms", 0.06),
        ("0.5 MS", 0.0005),
        ("5m", 300),
        ("2h", 7_200),
        ("30d", 2_592_000),
        ("1.5h", 5_400),
        ("45", 45),
        ("0", 0),
        (" 2 H ", 7_200),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "-5s", "5 weeks", "1h30m", "1e3", "nan", "inf", "1,5h", ".5h", "\u0663s", "9" * 400]
)
def test_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s, 5m"):
        parse_duration(text)


@given(st.text())
def test_any_text_is_seconds_or_a_value_error(text: str) -> None:
    try:
        assert 0 <= parse_duration(text) < math.inf
    except ValueError as error:
        assert "such as" in str(error)
