"""Rows kept as text are the rows that they were, in every part, and what the journal takes them for."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ours_cli.events.kept_rows import KeptRows, content_of
from ours_cli.exact_json import WrittenNumber
from ours_cli.record import Fields, Record

CELL = st.text(max_size=4) | st.sampled_from(["", "\x1f", "\x1e", "a\x1eb", '"', "\\", "é", "\udc80", "\n"])
CELLS = st.lists(CELL, min_size=1, max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | CELL,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=3)


@given(
    st.lists(CELLS, min_size=1, max_size=6) | st.lists(OBJECTS, min_size=1, max_size=6),
    st.data(),
    st.booleans(),
)
@example([["", ""], [""]], None, False)
@example([{"n": 2**64}, {"n": 1}], None, True)
def test_rows_come_back_as_they_were(rows: list[Fields], data: Any, from_elsewhere: bool) -> None:
    lines = range(7, 7 + len(rows))
    kept = KeptRows(lines, rows)
    if from_elsewhere:
        kept = pickle.loads(pickle.dumps(kept))
    start = 0 if data is None else data.draw(st.integers(0, len(rows) - 1))
    end = len(rows) if data is None else data.draw(st.integers(start + 1, len(rows)))
    part = kept.part(start, end)
    expected = [Record(line, fields) for line, fields in zip(lines[start:end], rows[start:end], strict=True)]
    assert [part.record(at) for at in range(len(part))] == expected
    assert repr([part.record(at) for at in range(len(part))]) == repr(expected), "2 is not 2.0"
    assert part.content == b"".join(map(content_of, expected))
    assert [part.line(at) for at in range(len(part))] == [*lines[start:end]]


def test_what_is_written_already_is_not_written_again() -> None:
    rows: list[Fields] = [{"a": 1.5}, {"b": [None]}]
    kept = KeptRows([1, 2], rows, [b'{"a":1.5}', b'{"b":[null]}'])
    assert kept.content == KeptRows([1, 2], rows).content
    assert kept.record(1) == Record(2, {"b": [None]})


@given(st.lists(CELLS, min_size=1, max_size=4))
def test_plain_cells_stand_in_json_as_they_are(rows: list[list[str]]) -> None:
    if KeptRows(range(len(rows)), rows).are_plain:
        assert [json.dumps(cell, ensure_ascii=False) for row in rows for cell in row] == [
            f'"{cell}"' for row in rows for cell in row
        ]


def test_most_cells_are_plain() -> None:
    assert KeptRows([2, 3], [["a", "ä, b"], ["", "1"]]).are_plain
    assert not KeptRows([2], [["a", 'say "x"']]).are_plain


def test_numbers_come_back_with_their_digits() -> None:
    row = {"id": WrittenNumber("1.10"), "n": [WrittenNumber("12345678901234567.5")]}
    expected = "{'id': 1.10, 'n': [12345678901234567.5]}"
    assert repr(KeptRows([2], [row]).record(0).fields) == expected
    assert repr(pickle.loads(pickle.dumps(row))) == expected


@pytest.mark.parametrize("rows", [[["a"], ["b"], ["c"]], [{"n": 1}, {"n": 2}, {"n": 3}]])
def test_some_rows_are_those_asked_for(rows: list[Fields]) -> None:
    some = KeptRows([2, 3, 4], rows).only([0, 2])
    assert list(some) == [Record(2, rows[0]), Record(4, rows[2])]
