"""distinctIds and the ledger behind them: in memory and on disk alike."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ours_cli.assemble import EventAssembler, Tally, Window
from ours_cli.event import Event, Origin, Reject
from ours_cli.identity import DistinctIds, digest_of
from ours_cli.ledger import ONCE, Ledger, Seen
from ours_cli.record import Record
from ours_cli.serialize import canonical_json

KEYS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5)


@settings(max_examples=50)
@given(st.lists(st.tuples(KEYS, st.integers(0, 3))), st.integers(0, 4))
def test_ledger_in_memory_and_on_disk_agree_with_a_model(notes: list[tuple[int, int]], room: int) -> None:
    ledger = Ledger(memory_max=room, few_max=room, pile_max=room)
    model: dict[int, Seen] = {}
    for line, (key, content) in enumerate(notes):
        before = model.get(key)
        assert ledger.note(key, Seen(content, line, 1)) == before
        model[key] = Seen(content, line, 1) if before is None else before._replace(times=before.times + 1)


@settings(max_examples=50)
@given(st.lists(st.lists(KEYS, max_size=12), max_size=12), st.integers(0, 20), st.booleans())
def test_many_notes_at_once_are_notes_one_by_one(
    calls: list[list[int]], room: int, singles_between: bool
) -> None:
    ledger, model = Ledger(memory_max=room, few_max=room, pile_max=room), Ledger(memory_max=100_000)
    for keys in calls:
        notes = [(at, model.note(key)) for at, key in enumerate(keys)]
        assert ledger.note_many(keys) == [(at, before.times) for at, before in notes if before is not None]
        if singles_between and keys:
            assert ledger.note(keys[0], Seen(1, 2, 1)) == model.note(keys[0], Seen(1, 2, 1))


@pytest.mark.parametrize("different", [1, 500, 10**9], ids=["all alike", "each comes again", "all differ"])
def test_the_ledger_takes_no_more_for_more_rows(different: int) -> None:
    ledger = Ledger(memory_max=100, few_max=100, pile_max=1000)

    def note(numbers: range) -> int:
        for first in numbers:
            own = range(first, first + numbers.step)
            ledger.note_many([number % different * 0x9E3779B97F4A7C15 % 2**63 for number in own])
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        few = note(range(0, 10_000, 50))
        many = note(range(10_000, 20_000, 50))
    finally:
        tracemalloc.stop()
    assert many < few + 50_000
    assert few < 6_000_000


def test_the_ledger_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("SQLITE_TMPDIR", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    ledger = Ledger(memory_max=10, few_max=10, pile_max=5000)
    for key in range(200_000):
        ledger.note(key, Seen(0, key, 1) if key % 3 else ONCE)
    assert os.listdir(folder) == []
    assert ledger.note(7) == Seen(0, 7, 1)
    assert ledger.note(9) == ONCE


@settings(max_examples=50)
@given(st.lists(st.sampled_from([b"a", b"b", b"c"])))
def test_equal_rows_get_different_ids_and_the_same_on_each_run(contents: list[bytes]) -> None:
    def derived(salt: bytes, contents: list[bytes]) -> list[str]:
        ids = DistinctIds(salt)
        return [ids.derive(content, timed=True) for content in contents]

    first = derived(b"run 1", contents)
    assert len(set(first)) == len(contents)
    assert first == derived(b"run 2", contents)
    # In another order the same set: an export sorted differently is the same export.
    assert Counter(derived(b"run 3", contents[::-1])) == Counter(first)
    assert all(len(text) == 32 for text in first)


def test_rows_without_time_are_salted() -> None:
    first, again, other = (DistinctIds(salt).derive(b"a", timed=False) for salt in (b"1", b"1", b"2"))
    assert first == again
    assert first != other


def test_conflicts() -> None:
    ids = DistinctIds(b"")
    assert ids.conflict("d", digest_of(b"a"), 2) is None
    assert ids.conflict("e", digest_of(b"b"), 3) is None
    assert ids.conflict("d", digest_of(b"a"), 4) is None
    assert ids.repeats == 1
    seen = ids.conflict("d", digest_of(b"b"), 5)
    assert seen is not None
    assert seen.line == 2


@given(
    st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False))
)
def test_canonical_json_is_exact_and_ordered(body: dict[str, object]) -> None:
    content = canonical_json(body)
    assert isinstance(content, bytes)
    assert json.loads(content) == body
    assert canonical_json(dict(reversed(body.items()))) == content


def assembler() -> EventAssembler:
    return EventAssembler(Window(1000, now_ms=lambda: 10_000), DistinctIds(b"run"), Tally())


def origin(line: int, table: int = 0) -> Origin:
    return Origin(table, Record(line, {}))


@pytest.mark.parametrize(
    ("time_ms", "fits"), [(10_001, False), (10_000, True), (9_000, True), (8_999, False)]
)
def test_window(time_ms: int, fits: bool) -> None:
    found = assembler()(origin(1), {"event": "E", "externalId": "c", "time": time_ms})
    assert isinstance(found, Event) == fits
    assert not isinstance(found, Reject) or found.code == "outside_window"


def test_any_age() -> None:
    assert Window(None, now_ms=lambda: 10_000).check(0) is None
    assert Window(None, now_ms=lambda: 10_000).check(10_001) is not None


def test_text_that_is_no_unicode_is_a_reject() -> None:
    for body in (
        {"event": "E", "externalId": "\udc80"},
        {"event": "E", "externalId": "c", "distinctId": "\udc80"},
    ):
        found = assembler()(origin(1), body)
        assert isinstance(found, Reject)
        assert found.code == "bad_encoding"


def test_the_id_travels_in_the_body() -> None:
    found = assembler()(origin(1), {"event": "E", "externalId": "c", "distinctId": "d"})
    assert isinstance(found, Event)
    assert json.loads(found.body) == {"distinctId": "d", "event": "E", "externalId": "c"}


def test_a_conflict_names_line_and_file() -> None:
    assemble = assembler()
    body = {"event": "E", "distinctId": "d"}
    assert isinstance(assemble(origin(5), {**body, "externalId": "a"}), Event)
    same, other = (assemble(origin(9, table), {**body, "externalId": "b"}) for table in (0, 1))
    assert isinstance(same, Reject)
    assert isinstance(other, Reject)
    assert "line 9 bears the distinctId of line 5 and" in same.message
    assert "line 9 bears the distinctId of line 5 of file 1 and" in other.message
