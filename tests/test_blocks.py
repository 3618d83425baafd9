"""Blocks: whatever is read, flushed and answered in whatever order, each row is recorded exactly once."""

from __future__ import annotations

import os
import random
import sqlite3
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import accumulate
from pathlib import Path

import pytest
from events_kit import SMALLEST, event_of, rows_of
from hypothesis import example, given
from hypothesis import strategies as st

from ours_cli.errors import SourceError
from ours_cli.events.chunk import Chunk, Chunker
from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.events.kept_rows import KeptRows
from ours_cli.events.outcome import Outcome
from ours_cli.events.packed_events import Events
from ours_cli.events.request_size import RequestSize
from ours_cli.intake import Intake
from ours_cli.record import Malformed, Record
from ours_cli.rejects.reject_files import Extent, KnownRejects, RejectFile
from ours_cli.runs.blocks import ROWS_MAX, Block, BlockTracker, RowDigest, content_digest
from ours_cli.runs.journal import Journal, read_blocks
from ours_cli.runs.replay import Replay, SourceChangedError
from ours_cli.runs.run_lock import is_running
from ours_cli.safeguards import Canary


def row(number: int) -> Record:
    return Record(number + 2, [f"id{number}", "x"])


def no_header(table: int) -> tuple[str, ...]:
    return ()


def reject(number: int) -> Reject:
    return Reject(Origin(0, row(number), number), "", "bad_time", "why")


KINDS = st.sampled_from(["event", "reject", "filtered"])
ITEMS = st.lists(st.tuples(KINDS, st.integers(SMALLEST, 90), st.booleans()), max_size=60)


def item_of(kind: str, number: int, size: int) -> Event | Reject | Filtered:
    if kind == "event":
        return event_of(number, size)
    return reject(number) if kind == "reject" else Filtered(Origin(0, row(number), number), "where")


def chunks_of(items: list[tuple[str, int, bool]], intake: Intake, together: bool) -> list[Chunk]:
    """The chunks that the intake makes of these, taken one by one, or in bulk where that is possible."""
    waiting: list[Chunk] = []
    stretch: list[Event | Filtered] = []
    for number, (kind, size, flushes) in enumerate(items):
        item = item_of(kind, number, size)
        if not together or isinstance(item, Reject):
            waiting += intake.take_each(rows_of(stretch)) if stretch else ()
            waiting += intake.take_each(item)
            stretch = []
        else:
            stretch.append(item)
        if stretch and (flushes or number == len(items) - 1):
            waiting += intake.take_each(rows_of(stretch))
            stretch = []
        if flushes and (flushed := intake.flush()) is not None:
            waiting.append(flushed)
    if (last := intake.flush()) is not None:
        waiting.append(last)
    return waiting


IGNORED = (lambda _: None, lambda _: None)


@given(
    items=ITEMS,
    limits=st.tuples(st.integers(1, 7), st.integers(1, 200)),
    rows_max=st.integers(1, 9),
    seed=st.integers(),
    together=st.booleans(),
)
def test_every_row_is_in_exactly_one_block(
    items: list[tuple[str, int, bool]], limits: tuple[int, int], rows_max: int, seed: int, together: bool
) -> None:
    chance = random.Random(seed)
    blocks: list[Block] = []
    tracker = BlockTracker(blocks.append, no_header)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ours_cli.runs.blocks.ROWS_MAX", rows_max)
        waiting = chunks_of(
            items, Intake(Chunker(RequestSize(limits[0]), limits[1]), tracker, *IGNORED), together
        )
    rejected = Counter({"bad_time": [kind for kind, *_ in items].count("reject")})
    assert all(block.accepted == 0 for block in blocks), "recorded before any answer"

    chance.shuffle(waiting)
    for chunk in waiting:
        cut = chance.randrange(len(chunk.events) + 1)
        for part in (chunk.events[:cut], chunk.events[cut:]):
            refused = [one for one in part if chance.random() < 0.2]
            taken = [one for one in part if one not in refused]
            rejects = [Reject(one.origin, one.distinct_id, "refused", "") for one in refused]
            tracker.deliver(Outcome(Events([taken] if taken else []), rejects))
            rejected["refused"] += len(refused)

    blocks.sort(key=lambda block: block.start)
    assert [block.start for block in blocks] == [0, *(block.end for block in blocks)][: len(blocks)]
    assert sum(block.rows for block in blocks) == len(items)
    assert sum((block.codes or Counter() for block in blocks), Counter[str]()) == +rejected
    assert sum(block.filtered for block in blocks) == [kind for kind, *_ in items].count("filtered")
    for block in blocks:
        assert block.is_settled
        assert block.digest == content_digest(map(row, range(block.start, block.end)), ())
        assert block.head == (content_digest([row(0)], ()) if block.start == 0 else b"")


@given(
    items=ITEMS,
    limits=st.tuples(st.integers(1, 7), st.integers(1, 200)),
    rows_max=st.integers(1, 9),
    canary_rows=st.none() | st.integers(1, 15),
)
@example(
    items=[(kind, SMALLEST, False) for kind in ("event", "filtered", "event")],
    limits=(1, 200),
    rows_max=9,
    canary_rows=None,
)
def test_rows_that_travel_together_come_into_the_blocks_of_those_one_by_one(
    items: list[tuple[str, int, bool]], limits: tuple[int, int], rows_max: int, canary_rows: int | None
) -> None:
    seen = []
    for together in (False, True):
        recorded: list[Block] = []
        tracker = BlockTracker(recorded.append, no_header)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ours_cli.runs.blocks.ROWS_MAX", rows_max)
            canary = Canary(canary_rows) if canary_rows else None
            chunks = chunks_of(
                items, Intake(Chunker(RequestSize(limits[0]), limits[1]), tracker, *IGNORED, canary), together
            )
        blocks = sorted([*recorded, *tracker.unsettled()], key=lambda block: block.start)
        seen.append(
            (
                [(block.start, block.end, block.digest, block.rejected, block.filtered) for block in blocks],
                [chunk.events.bodies() for chunk in chunks],
                canary and (canary.room, canary.is_full, canary.is_behind),
            )
        )
    assert seen[0] == seen[1]


def test_rows_that_are_never_sent_are_recorded_as_they_come() -> None:
    blocks: list[Block] = []
    tracker = BlockTracker(blocks.append, no_header)
    for number in range(ROWS_MAX + 1):
        tracker.enter(reject(number))
    assert [(block.start, block.end) for block in blocks] == [(0, ROWS_MAX)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "b"], ["a,b"]),
        (["a", ""], ["a"]),
        (["ab", "c"], ["a", "bc"]),
        ({"a": 1}, {"a": "1"}),
        ({"n": 2**70}, {"n": 2**70 + 1}),
    ],
)
def test_other_rows_have_other_digests(one: list[str], other: list[str]) -> None:
    assert content_digest([Record(1, one)], ()) != content_digest([Record(1, other)], ())
    assert content_digest([Record(1, one)], ()) == content_digest([Record(99, one, "id")], ())


def test_what_could_not_be_read_counts_as_it_stands() -> None:
    digest = RowDigest()
    digest.add(Malformed(3, "bro\udc80ken", "bad_encoding", "why"), ())
    assert digest.value() != content_digest([], ())


def test_rows_that_could_not_be_read_are_cut_as_they_stand() -> None:
    one, other = (
        content_digest([Malformed(line, raw, "c", "m") for line, raw in enumerate(raws)], ())
        for raws in (("ab", "c"), ("a", "bc"))
    )
    assert one != other


def test_blanks_around_a_name_in_the_header_make_no_other_rows() -> None:
    rows = [Record(2, ["1", "2"])]
    assert content_digest(rows, (" a", "b ")) == content_digest(rows, ("a", "b"))


def test_the_same_cells_under_another_header_have_another_digest() -> None:
    cells = KeptRows([2, 3], [["a", "b"], ["c", "d"]])
    found = set[bytes]()
    for header in ((), ("x", "y"), ("y", "x"), ("x", "y\x1fz"), ("x", "y", "\udc80")):
        digest = RowDigest()
        digest.add_all(cells, header)
        assert digest.value() == content_digest(cells, header)
        found.add(digest.value())
    digest = RowDigest()
    digest.add(cells.record(0), ("x", "y"))
    digest.add(cells.record(1), ("y", "x"))
    assert len(found | {digest.value()}) == 6


class TestReplay:
    def block(self, start: int, end: int) -> Block:
        return Block(start, end, digest=content_digest(map(row, range(start, end)), ()))

    def test_gaps_are_left_open(self) -> None:
        replay = Replay([self.block(0, 2), self.block(4, 5)])
        covered = []
        for number in range(6):
            covered.append(replay.covers(number))
            if covered[-1]:
                replay.verify(Origin(0, row(number), number))
        assert covered == [True, True, False, False, True, False]
        replay.end(6, is_cut=False)

    def test_a_changed_row_is_named_by_its_lines(self) -> None:
        replay = Replay([self.block(0, 2)])
        assert replay.verify(Origin(0, row(0), 0)) is None
        with pytest.raises(SourceChangedError, match="lines 2 to 3 "):
            replay.verify(Origin(0, Record(3, ["secret", "x"]), 1))

    @given(
        sizes=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), max_size=8),
        stretches=st.lists(st.integers(1, 9), min_size=1, max_size=12),
        changed=st.none() | st.integers(0, 40),
    )
    def test_rows_together_are_verified_as_one_by_one(
        self, sizes: list[tuple[int, int]], stretches: list[int], changed: int | None
    ) -> None:
        """Blocks with gaps between them, in stretches that end anywhere, one row perhaps another."""
        starts = [0, *accumulate(size + gap for size, gap in sizes)]
        blocks = [self.block(start, start + size) for start, (size, _) in zip(starts, sizes, strict=False)]
        rows = [row(number) for number in range(sum(stretches))]
        if changed is not None and changed < len(rows):
            rows[changed] = Record(changed + 2, ["other", "x"])
        found = []
        for together in (False, True):
            replay, events = Replay(blocks), list[object]()
            seq = 0
            try:
                for count in stretches:
                    events += self.pass_over(replay, seq, rows[seq : seq + count], together)
                    seq += count
                replay.end(seq, is_cut=False)
            except SourceChangedError as error:
                events.append(str(error))
            found.append(events)
        assert found[0] == found[1]

    def pass_over(self, replay: Replay, seq: int, rows: list[Record], together: bool) -> Iterator[object]:
        if together and replay.covers_all(seq, seq + len(rows)):
            kept = KeptRows([one.line for one in rows], [one.fields for one in rows])
            yield from (block.start for block in replay.verify_all(seq, kept))
            return
        for number, one in enumerate(rows, seq):
            if not replay.covers(number):
                yield one
            elif (block := replay.verify(Origin(0, one, number))) is not None:
                yield block.start

    def test_a_source_that_ends_early(self) -> None:
        with pytest.raises(SourceChangedError, match="ends after 1 row,"):
            Replay([self.block(0, 2)]).end(1, is_cut=False)


class TestJournal:
    def test_what_is_committed_is_there_again(self, tmp_path: Path) -> None:
        block = Block(0, 4, b"h", b"d" * 16, 2, 1, 1, Counter(bad_time=1))
        file = RejectFile("/r.csv", "shape", Extent(17, "ab"))
        with Journal(tmp_path, begin=True) as journal:
            journal.commit([block], [file])
            assert is_running(tmp_path)
        assert not is_running(tmp_path)
        with Journal(tmp_path, begin=False) as journal:
            (again,) = journal.done
            assert journal.rejects == [KnownRejects("/r.csv", "shape", file.extent, None)]
            journal.leave([file])
        with Journal(tmp_path, begin=False) as journal:
            assert journal.rejects == [KnownRejects("/r.csv", "shape", file.extent, file.extent)]
        assert (again.start, again.end, again.head, again.digest) == (0, 4, b"h", b"d" * 16)
        assert (again.accepted, again.rejected, again.filtered) == (2, 1, 1)
        assert again.codes == {"bad_time": 1}
        assert [one.end for one in read_blocks(tmp_path)] == [4]

    def test_each_commit_is_synced(self, tmp_path: Path) -> None:
        """Only a power cut would show it: in WAL, SQLite syncs a commit where synchronous is FULL (2)."""
        for begin in (True, False):
            with Journal(tmp_path, begin=begin) as journal:
                assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
                assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_a_block_is_recorded_once(self, tmp_path: Path) -> None:
        with Journal(tmp_path, begin=True) as journal:
            journal.commit([Block(0, 3)], [])
            with pytest.raises(SourceError):
                journal.commit([Block(0, 3)], [])

    @pytest.mark.parametrize(
        "broken",
        [
            Block(4, 8, b"", b"short", 4),
            Block(4, 8, b"", b"d" * 16, 3),
            Block(4, "x", b"", b"d" * 16, 4),  # type: ignore[arg-type]
            Block(3, 8, b"", b"d" * 16, 5),
        ],
    )
    def test_a_block_that_cannot_be_is_damage(self, tmp_path: Path, broken: Block) -> None:
        with Journal(tmp_path, begin=True) as journal:
            journal.commit([Block(0, 4, b"", b"d" * 16, 4), broken], [])
        with pytest.raises(SourceError):
            read_blocks(tmp_path)

    def test_ten_thousand_blocks_take_less_than_four_megabytes(self, tmp_path: Path) -> None:
        with Journal(tmp_path, begin=True) as journal:
            journal.commit([Block(n * 500, n * 500 + 500, b"", b"d" * 16, 500) for n in range(10_000)], [])
        tracemalloc.start()
        try:
            with Journal(tmp_path, begin=False) as journal:
                assert tracemalloc.get_traced_memory()[0] < 4_000_000
                assert len(journal.done) == 10_000
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("name", ["/Zoë/r.csv", os.fsdecode(b"/rj\xff/r.csv")])
    def test_a_file_of_any_name(self, tmp_path: Path, name: str) -> None:
        file = RejectFile(name, "shape", Extent(17, "ab"))
        with Journal(tmp_path, begin=True) as journal:
            journal.begin_rejects(file)
            journal.commit([], [file])
            journal.leave([file])
        with Journal(tmp_path, begin=False) as journal:
            assert journal.rejects == [KnownRejects(name, "shape", file.extent, file.extent)]

    def test_checksums_do_not_hang_on_what_python_takes_for_printable(self, tmp_path: Path) -> None:
        with Journal(tmp_path, begin=True) as journal:
            journal.begin_rejects(RejectFile("/Zoë", "s", Extent(1, "d")))
        with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
            (checksum,) = connection.execute("SELECT checksum FROM rejects").fetchone()
        assert checksum == zlib.crc32(rb"('/Zo\xeb', 's', 1, 'd', None, None)")

    @pytest.mark.parametrize("damage", [b"", b"garbage " * 100, None], ids=["cut", "garbled", "gone"])
    def test_damage_is_never_an_empty_journal(self, tmp_path: Path, damage: bytes | None) -> None:
        if damage is not None:
            (tmp_path / "journal.db").write_bytes(damage)
        with pytest.raises(SourceError):
            read_blocks(tmp_path)
        with pytest.raises(SourceError):
            Journal(tmp_path, begin=False)
