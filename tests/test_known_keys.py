"""Which keys were met: exact against a plain set, in memory and on disk, whatever the keys share."""

from __future__ import annotations

import os
import random
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ours_cli.errors import ExitCode, LocalIOError
from ours_cli.ids import key_pages, ledger
from ours_cli.ids.key_pages import PAGE_BYTES, KeyPages
from ours_cli.ids.known_keys import KnownKeys
from ours_cli.ids.ledger import Ledger

# Digests; and keys that share their place in the filter, with the same bits there, others, or any.
KEYS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(0, 5)
    | st.integers(-3, 3).map(lambda number: number << 32)
    | st.integers(0, 255).map(lambda number: number << 24)
    | st.integers(0, 2**40).map(lambda number: number << 22)
)


def noted_in(model: dict[int, bytes], records: array[int], words: int) -> list[tuple[int, bytes]]:
    """What `KnownKeys.note` is to answer; notes the records in the model."""
    known = []
    for at, key in enumerate(records[::words]):
        record = records[at * words : (at + 1) * words].tobytes()
        first = model.setdefault(key, record)
        if first is not record:
            known.append((at, first))
    return known


def records_of(keys: Sequence[int], words: int) -> array[int]:
    """Records of these keys, each of its own values; some of the values are keys that others have."""
    return array("q", [value for at, key in enumerate(keys) for value in (key, at, keys[-1])[:words]])


@settings(max_examples=200)
@given(
    st.lists(st.lists(KEYS, max_size=12), max_size=12),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(1, 3),
)
@example([[1, 1], [1], [2], [2], [2, 1, 3, 3, 4]], 0, 0, 1)
@example([[1, 1], [1], [2], [2], [2, 1, 3, 3, 4]], 0, 0, 3)
def test_known_keys_agree_with_a_dictionary(
    calls: list[list[int]], few_max: int, pile_max: int, words: int
) -> None:
    known, model = KnownKeys(pile_max, words), dict[int, bytes]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ours_cli.ids.known_keys.FEW_MAX", few_max)
        for keys in calls:
            records = records_of(keys, words)
            assert known.note(records) == noted_in(model, records, words)


@pytest.mark.parametrize("words", [1, 3])
@pytest.mark.parametrize("share", [0, 32, 63 - 12], ids=["digests", "one place", "one place and 4,096 keys"])
@pytest.mark.parametrize("pile_max", [100, 3_000, 10**9])
def test_thousands_of_keys_in_long_calls(
    monkeypatch: pytest.MonkeyPatch, share: int, pile_max: int, words: int
) -> None:
    monkeypatch.setattr("ours_cli.ids.known_keys.FEW_MAX", 50)
    numbers = random.Random(pile_max)
    known, model = KnownKeys(pile_max, words), dict[int, bytes]()
    for size in (0, 1, 2, 511, 512, 513, 1025, 3000, 3000, 3000):
        fresh = [numbers.getrandbits(63 - share) << share for _ in range(size)]
        keys = fresh + numbers.sample(sorted(model), min(len(model), size // 10))
        numbers.shuffle(keys)
        records = records_of(keys, words)
        assert known.note(records) == noted_in(model, records, words)
    everything = records_of(list(model), words)
    assert known.note(everything) == noted_in(model, everything, words)


def test_keys_that_share_a_place_and_come_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ours_cli.ids.known_keys.FEW_MAX", 0)
    known = KnownKeys(10**9)
    keys = [number << 24 for number in range(0, 256, 16)]
    assert [known.note(array("q", [key])) for key in keys] == [[]] * len(keys)
    assert all(known.note(array("q", [key])) for key in keys)


def test_a_key_that_two_others_make_together_is_new() -> None:
    pages = KeyPages(3)
    pages.append(1, bytes(range(24)))
    assert pages.find(1, bytes(range(8, 16))) == bytes(range(8, 16))
    assert pages.find(1, bytes(range(4, 12))) is None
    assert pages.find(0, bytes(range(8, 16))) is None


def test_a_key_that_stands_elsewhere_in_a_record_is_new() -> None:
    pages = KeyPages(1, record_bytes=24)
    pages.append(0, bytes(range(48)))
    assert pages.find(0, bytes(range(24, 32))) == bytes(range(24, 48))
    assert pages.find(0, bytes(range(8, 16))) is None
    assert pages.find(0, bytes(range(20, 28))) is None


@pytest.mark.parametrize("record_bytes", [8, 16, 24])
def test_parts_longer_than_a_page(record_bytes: int) -> None:
    pages = KeyPages(2, record_bytes)
    keys = [number.to_bytes(8, "big") for number in range(PAGE_BYTES)]
    records = [key + b"v" * (record_bytes - 8) for key in keys]
    for start in range(0, len(keys), 100):
        pages.append(start // 100 % 2, b"".join(records[start : start + 100]))
    found = [pages.find(0, key) for key in keys]
    assert found == [None if at // 100 % 2 else record for at, record in enumerate(records)]
    pages.append(0, b"".join(records))
    assert [pages.find(0, key) for key in keys] == records


@pytest.mark.skipif(os.name == "nt", reason="Windows removes the file when it is closed")
def test_the_file_has_no_name_and_is_its_owners_alone() -> None:
    file = key_pages._temporary_file()
    with file:
        found = os.fstat(file.fileno())
    assert found.st_nlink == 0
    assert found.st_mode & 0o077 == 0


class OneByteAtATime:
    """A file whose writes are short, as a disk that is nearly full makes them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.read, self.close = file.seek, file.read, file.close

    def write(self, data: memoryview) -> int:
        return self._file.write(data[:1])


def test_writes_that_are_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = (tmp_path / "keys").open("w+b", buffering=0)
    monkeypatch.setattr(key_pages, "_temporary_file", lambda: OneByteAtATime(file))
    pages = KeyPages(1)
    pages.append(0, bytes(range(16)))
    assert pages.find(0, bytes(range(8, 16))) == bytes(range(8, 16))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.fdopen(os.open("/dev/full", os.O_RDWR), "r+b", buffering=0)
    monkeypatch.setattr(key_pages, "_temporary_file", lambda: full)
    monkeypatch.setattr("ours_cli.ids.known_keys.FEW_MAX", 0)
    known = KnownKeys(0)
    with pytest.raises(LocalIOError, match="a temporary file cannot be used: No space left") as caught:
        known.note(array("q", [1, 2, 3]))
    assert caught.value.exit_code == ExitCode.LOCAL_IO
    assert "TMPDIR" in str(caught.value.hint)


def test_a_disk_that_is_full_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = ledger._temporary_database()
    disk.execute("PRAGMA max_page_count = 3")
    monkeypatch.setattr(ledger, "_temporary_database", lambda: disk)
    monkeypatch.setattr(ledger, "MEMORY_MAX", 1000)
    notes = Ledger()
    with pytest.raises(LocalIOError, match="a temporary database cannot be used: database or disk is full"):
        notes.note(array("q", [*range(2000), *range(2000)]))


def test_the_folder_for_temporary_files_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(LocalIOError, match="a temporary file cannot be used: No such file"):
        KeyPages(1).append(0, bytes(8))
