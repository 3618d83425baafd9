"""Ids and event names are trimmed here by all that a server's trim may take away: no two become one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from hypothesis import given
from hypothesis import strategies as st
from rows import iso

from ours_cli.trimming import trimmed

PYTHON = "".join(filter(str.isspace, map(chr, range(0x110000))))
JAVASCRIPT = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
MARK = "\ufeff"


@given(st.text(st.sampled_from(PYTHON + JAVASCRIPT + "ab\u200b"), max_size=8))
def test_what_either_takes_away(text: str) -> None:
    assert trimmed(text) == text.strip(PYTHON + JAVASCRIPT)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_given_ids_that_become_equal_are_not_two(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, workers: str
) -> None:
    place = sandbox()
    path = tmp_path / "rows.ndjson"
    rows = [
        {"event": "E", "externalId": "a", "distinctId": own, "time": iso(1), "eventProperties": {"n": n}}
        for n, own in enumerate(["x", f"x{MARK}", f"{MARK} x\x1f", "y"])
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    ended = ours("batch", path, "--workers", workers, "-o", "json")
    assert (ended.code, ended.json["reject_codes"]) == (3, {"duplicate_id": 2})
    assert [event.distinct_id for event in place.events()] == ["x", "y"]


def test_an_id_that_the_server_would_trim_to_nothing(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox()
    path = tmp_path / "rows.csv"
    path.write_text(f"id,at\n{MARK}\u3000,{iso(1)}\nb,{iso(1)}\n", "utf-8")
    flags = ("--event", "E", "--time", "{at}", "--external-id", "{id}", "-o", "json")
    ended = ours("backfill", path, *flags)
    assert (ended.code, ended.json["reject_codes"]) == (3, {"missing_identifier": 1})
    assert [event.external_id for event in place.events()] == ["b"]


def test_files_that_were_joined_with_their_marks(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    path = tmp_path / "rows.csv"
    path.write_text("".join(f"{MARK}{name},{iso(1)}\n" for name in ("c1", "c2")), "utf-8")
    flags = ("--no-header", "--event", f"{MARK}E", "--time", "{2}", "--external-id", "{1}")
    assert ours("backfill", path, *flags).code == 0
    assert [(event.event, event.external_id) for event in place.events()] == [("E", "c1"), ("E", "c2")]


def test_a_mark_that_a_filter_makes(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """Such an id is that of the same row without it, however the row is read."""
    place = sandbox()
    path = tmp_path / "rows.csv"
    path.write_text(f'id,at\n"""\\ufeffc1""",{iso(1)}\n"""c1""",{iso(1)}\n')
    flags = ("--event", "E", "--time", "{at}", "--external-id", "{id|json}", "--distinct-id", "{id|json}")
    ended = ours("backfill", path, *flags, "-o", "json")
    assert (ended.code, ended.json["accepted"]) == (0, 2)
    assert "1 row repeats a distinctId" in ended.err
    assert [event.external_id for event in place.events()] == ["c1"]


def test_one_event(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    assert ours("track", "E", "--external-id", f"a{MARK}", "--distinct-id", f" {MARK}d").code == 0
    assert [(event.external_id, event.distinct_id) for event in place.events()] == [("a", "d")]
    assert ours("track", "E", "--external-id", "a", "--distinct-id", MARK).code == 2
