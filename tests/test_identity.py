"""distinctIds and the ledger behind them: in memory and on disk alike."""

from __future__ import annotations

import json
import os
import tracemalloc
from array import array
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ours_cli.assembly.event_assembler import EventAssembler
from ours_cli.errors import LocalIOError
from ours_cli.events.event import Event, Origin, Reject
from ours_cli.ids import identity
from ours_cli.ids.identity import DistinctIds, digest_of
from ours_cli.ids.known_keys import KnownKeys
from ours_cli.ids.ledger import Ledger, Seen
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.serialize import canonical_json
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.validate import Window
from ours_cli.record import Record

KEYS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5)
TEXTS = st.sampled_from(["a", "b", "ab", "ba", "\u00e4"]) | st.text(max_size=3)


def hold_less(patch: pytest.MonkeyPatch, *, counts: int, few: int, pile: int) -> None:
    """What a ledger keeps in memory, in its counts, its dictionary of keys and its parts."""
    patch.setattr("ours_cli.ids.ledger.MEMORY_MAX", counts)
    patch.setattr("ours_cli.ids.known_keys.FEW_MAX", few)
    patch.setattr("ours_cli.ids.ledger.PILE_MAX", pile)


@settings(max_examples=100)
@given(st.lists(st.lists(KEYS, max_size=12), max_size=12), st.integers(0, 20), st.booleans())
def test_ledger_in_memory_and_on_disk_agree_with_a_model(
    calls: list[list[int]], room: int, tells_files_apart: bool
) -> None:
    times, first = Counter[int](), dict[int, int]()
    with pytest.MonkeyPatch.context() as patch:
        hold_less(patch, counts=room, few=room, pile=room)
        ledger = Ledger(tells_files_apart=tells_files_apart)
        for call, keys in enumerate(calls):
            file = call // 2
            seen = []
            for at, key in enumerate(keys):
                if times[key]:
                    seen.append(Seen(at, times[key], first[key] if tells_files_apart else file))
                times[key] += 1
                first.setdefault(key, file)
            assert ledger.note(array("q", keys), file) == seen


def test_a_count_on_disk_is_found_beside_those_of_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """These keys share a byte of the marks that say which counts are there."""
    hold_less(monkeypatch, counts=1, few=1, pile=1)
    one, other, third = 0, 1 << 52, 2 << 52
    seen = Ledger().note(array("q", [one, one, other, other, third, third, one]))
    assert [(each.at, each.times) for each in seen] == [(1, 1), (3, 1), (5, 1), (6, 2)]


def test_rows_that_are_done_before_only_count_among_their_equals() -> None:
    ids = DistinctIds(b"run")
    ids.tell_files_apart()
    ids.derive(b"{}", timed=True, file=0)
    ids.derive(b"{}", timed=True, file=1, is_sent=False)
    ids.derive(b"{}", timed=False, file=1, is_sent=False)
    ids.repeated(digest_of(b"{}"), lambda _at: b"", file=1)
    assert (ids.of_other_files, ids.of_this_run) == (0, 0)


def hold_memory_flat(note: Callable[[range], None]) -> None:
    """`note` notes rows of these numbers, 50 at a time: twice as many take no more memory."""
    tracemalloc.start()
    try:
        note(range(0, 10_000, 50))
        few = tracemalloc.get_traced_memory()[0]
        note(range(10_000, 20_000, 50))
        many = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert many < few + 50_000
    assert few < 6_000_000


@pytest.mark.parametrize("different", [1, 500, 10**9], ids=["all alike", "each comes again", "all differ"])
def test_the_ledger_takes_no_more_for_more_rows(monkeypatch: pytest.MonkeyPatch, different: int) -> None:
    hold_less(monkeypatch, counts=100, few=100, pile=1000)
    ledger = Ledger()

    def note(numbers: range) -> None:
        for first in numbers:
            own = range(first, first + numbers.step)
            ledger.note(array("q", [number % different * 0x9E3779B97F4A7C15 % 2**63 for number in own]))

    hold_memory_flat(note)


@pytest.mark.parametrize("broken", ["reading", "writing"])
def test_a_ledger_whose_database_fails_says_so(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    hold_less(monkeypatch, counts=1, few=1, pile=1)
    ledger = Ledger()
    for _ in range(2):
        ledger.note(array("q", [1, 2, 3]))
    assert ledger._disk is not None
    ledger._disk.execute("DROP TABLE seen")
    if broken == "writing":
        ledger._marks = bytearray(len(ledger._marks))  # nothing is looked up any more
    with pytest.raises(LocalIOError, match="a temporary database cannot be used: no such table: seen"):
        ledger.note(array("q", [1, 2, 3]))


def test_the_ledger_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("SQLITE_TMPDIR", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    hold_less(monkeypatch, counts=10, few=10, pile=5000)
    ledger = Ledger()
    for times in (0, 1):
        for start in range(0, 50_000, 500):
            keys = array("q", range(start, start + 500))
            assert ledger.note(keys) == [Seen(at, times, 0) for at in range(500 * times)]
    assert os.listdir(folder) == []
    assert ledger.note(array("q", [7, 10**9, 9])) == [Seen(0, 2, 0), Seen(2, 2, 0)]


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
    assert ids.conflict("d", digest_of(b"b"), 5) == 2


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.tuples(TEXTS, st.sampled_from([b"a", b"b"])), max_size=12)),
        max_size=12,
    ),
    st.integers(0, 20),
    st.booleans(),
)
def test_given_ids_agree_with_a_model(
    calls: list[tuple[bool, list[tuple[str, bytes]]]], room: int, plain_hash: bool
) -> None:
    """Noted singly or many at once: the rows share one memory, and the first that bore an id is named."""
    ids = DistinctIds(b"")
    ids._given = KnownKeys(room, words=3)
    model: dict[str, tuple[bytes, int]] = {}
    repeats, line = 0, 1 << 40
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ours_cli.ids.known_keys.FEW_MAX", room)
        if not plain_hash:
            patch.setattr(identity, "_key_of", identity._digest_key)
        for together, rows in calls:
            expected, lines = [], range(line, line + len(rows))
            for at, (own, content) in enumerate(rows):
                before, first = model.setdefault(own, (content, lines[at]))
                if before != content:
                    expected.append((at, first))
                elif first != lines[at]:
                    repeats += 1
            texts, digests = [own for own, _ in rows], [digest_of(content) for _, content in rows]
            if together:
                found = ids.conflicts(texts, b"".join(digests), lines)
            else:
                singly = enumerate(map(ids.conflict, texts, digests, lines))
                found = [(at, first) for at, first in singly if first is not None]
            assert found == expected
            assert ids.repeats == repeats
            line += len(rows)


@pytest.mark.parametrize("same", ["id", "pair", "nothing"])
def test_given_ids_take_no_more_for_more_rows(monkeypatch: pytest.MonkeyPatch, same: str) -> None:
    monkeypatch.setattr("ours_cli.ids.known_keys.FEW_MAX", 100)
    ids = DistinctIds(b"")
    ids._given = KnownKeys(1000, words=3)

    def note(numbers: range) -> None:
        for first in numbers:
            lines = range(first, first + numbers.step)
            texts = [str({"id": 0, "pair": line // 2, "nothing": line}[same]) for line in lines]
            ids.conflicts(texts, b"".join([digest_of(b"%d" % line) for line in lines]), lines)

    hold_memory_flat(note)


@given(
    st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False))
)
def test_canonical_json_is_exact_and_ordered(body: dict[str, object]) -> None:
    content = canonical_json(body)
    assert isinstance(content, bytes)
    assert json.loads(content) == body
    assert canonical_json(dict(reversed(body.items()))) == content


def assembler() -> EventAssembler:
    return EventAssembler(Window(1000, now_ms=lambda: 10_000), DistinctIds(b"run"), Tally(), Selection())


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
