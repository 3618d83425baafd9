"""Rows of one file that are wholly like rows of another: each counts, and the person hears of it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from rows import iso

BACKFILL = ("backfill", "--event", "X", "--time", "{t}", "--external-id", "{who}", "-o", "json")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """a.csv has two rows that are alike, b.csv two of a.csv and one of its own."""
    monkeypatch.chdir(tmp_path)
    first, second, third = (f"p{number},{iso(number)}\n" for number in range(1, 4))
    Path("a.csv").write_text("who,t\n" + first + second + first)
    Path("b.csv").write_text("who,t\n" + second + third + first)


def _alike(warnings: list[str]) -> list[str]:
    return [text.partition(",")[0] for text in warnings if "of an earlier file" in text]


@pytest.mark.parametrize("flags", [(), ("--workers", "2"), ("--dry-run",), ("--sample", "100%")])
def test_overlapping_files(ours: Ours, sandbox: StartSandbox, flags: tuple[str, ...]) -> None:
    sandbox()
    ended = ours(*BACKFILL, "a.csv", "b.csv", *flags)
    assert ended.code == 0
    assert _alike(ended.json["warnings"]) == ["2 rows are wholly like rows of an earlier file"]


def test_the_same_bytes_packed(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    Path("a.csv.gz").write_bytes(gzip.compress(Path("a.csv").read_bytes()))
    ended = ours(*BACKFILL, "a.csv", "a.csv.gz")
    assert _alike(ended.json["warnings"]) == ["3 rows are wholly like rows of an earlier file"]
    assert len(list(place.events())) == 6


@pytest.mark.parametrize("flags", [("a.csv",), ("b.csv",), ("a.csv", "b.csv", "--distinct-id", "{who}")])
def test_nothing_is_said_of_one_file_or_given_ids(
    ours: Ours, sandbox: StartSandbox, flags: tuple[str, ...]
) -> None:
    sandbox()
    assert _alike(ours(*BACKFILL, *flags).json["warnings"]) == []


@pytest.mark.parametrize("mark", ["", " "], ids=["in bulk", "row by row"])
def test_rows_that_are_left_out_are_not_told_of(ours: Ours, sandbox: StartSandbox, mark: str) -> None:
    sandbox()
    Path("b.csv").write_text(Path("b.csv").read_text() + f"{mark}p9,never\n")
    ended = ours(*BACKFILL, "a.csv", "b.csv", "--where", "who!=p1")
    assert _alike(ended.json["warnings"]) == ["1 row is wholly like rows of an earlier file"]


def test_rows_of_batch(ours: Ours, sandbox: StartSandbox) -> None:
    sandbox()
    for name in ("a.ndjson", "b.ndjson"):
        Path(name).write_text('{"event":"E","externalId":"c"}\n')
    ended = ours("batch", "a.ndjson", "b.ndjson", "-o", "json")
    assert _alike(ended.json["warnings"]) == ["1 row is wholly like rows of an earlier file"]
