"""The batch limit that doctor finds is kept and used: through the door, and the keeping alone."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from hypothesis import given
from hypothesis import strategies as st
from rows import ago, ndjson, write

from ours_cli.doctor.finding import Finding, Level
from ours_cli.files.batch_limits import FILE, KEPT_S, KnownLimit, keep_limit, known_limit

URL = "https://ingest.example.com/api/v1"
FIELDS = ("--event", "E", "--time", "{when}", "--external-id", "{id}")


@pytest.fixture(autouse=True)
def no_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ours_cli.commands.doctor.self_test", lambda: Finding("self-test", Level.ok, ""))


@pytest.fixture
def kept(home: Path) -> Path:
    return home / "state" / "ours" / FILE


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write(tmp_path / "r.ndjson", ndjson([{"when": ago(1), "id": number} for number in range(100)]))


def test_what_doctor_finds_spares_the_413(ours: Ours, sandbox: StartSandbox, rows: Path, kept: Path) -> None:
    place = sandbox(max_events=40)
    assert ours("backfill", rows, *FIELDS, "--restart", "-o", "json").json["requests"] > 3
    before = len(list(place.requests()))
    ended = ours("doctor")
    assert ended.code == 0
    assert "at most 40 events; batch and backfill keep to that for 30 days" in ended.out
    assert len(list(place.requests())) == before, "no event is ever sent"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    ended = ours("backfill", rows, *FIELDS, "--restart", "-o", "json", "-v")
    assert ended.json["requests"] == 3
    assert "batches of at most 40 events, as ours doctor found it" in ended.err
    assert ended.json["warnings"] == []
    assert ours("backfill", rows, *FIELDS, "--dry-run", "-o", "json").json["requests"] == 3
    small = ours("backfill", rows, *FIELDS, "--restart", "--batch-size", "20", "-o", "json", "-v")
    assert (small.json["requests"], "at most" in small.err) == (5, False)


def test_a_limit_that_is_no_longer_stated_is_forgotten(ours: Ours, sandbox: StartSandbox, kept: Path) -> None:
    place = sandbox()
    assert ours("doctor").code == 0
    assert not kept.exists(), "nothing to keep, nothing written"
    keep_limit(kept.parent, place.base_url, 10, time.time())
    keep_limit(kept.parent, URL, 20, time.time())
    assert ours("doctor").code == 0
    assert list(json.loads(kept.read_text())) == [URL]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"%s": 1}', '{"%s": {"events": 0, "seen_s": 1}}', "[" * 100_000, "\x00"]
)
def test_a_damaged_file_is_said_and_not_used(
    ours: Ours, sandbox: StartSandbox, rows: Path, kept: Path, text: str
) -> None:
    place = sandbox()
    kept.parent.mkdir(parents=True)
    kept.write_text(text.replace("%s", place.base_url))
    ended = ours("backfill", rows, *FIELDS, "-o", "json")
    assert (ended.code, ended.json["requests"]) == (0, 1)
    assert "is damaged and not used" in ended.json["warnings"][0]
    place = sandbox(max_events=7)
    assert ours("doctor").code == 0
    assert known_limit(kept.parent, place.base_url, time.time()) == KnownLimit(7)


def test_an_old_one_is_a_note(ours: Ours, sandbox: StartSandbox, rows: Path, kept: Path) -> None:
    place = sandbox()
    keep_limit(kept.parent, place.base_url, 10, time.time() - KEPT_S - 60)
    ended = ours("backfill", rows, *FIELDS, "-o", "json")
    assert (ended.json["requests"], ended.json["warnings"]) == (1, [])
    assert "too old to be used; ours doctor looks again" in ended.err
    assert ours("backfill", rows, *FIELDS, "-o", "json", "-q", "--restart").err == ""


def test_sandbox_and_identify_have_none(ours: Ours, sandbox: StartSandbox, rows: Path, kept: Path) -> None:
    place = sandbox()
    keep_limit(kept.parent, place.base_url, 10, time.time())
    assert ours("backfill", rows, *FIELDS, "--sandbox", "-o", "json").json["requests"] == 1
    ended = ours("identify", rows, "--external-id", "{id}", "-u", "first_name=A", "--limit", "2", "-v")
    assert ended.code == 0
    assert "at most" not in ended.err


def test_a_state_folder_that_cannot_be_written(ours: Ours, sandbox: StartSandbox, kept: Path) -> None:
    sandbox(max_events=40)
    kept.parent.mkdir(parents=True)
    kept.mkdir()
    ended = ours("doctor", "-o", "json")
    assert ended.code == 0
    (finding,) = (one for one in ended.json["checks"] if one["check"] == "batch")
    assert finding["level"] == "warning"
    assert "is not kept" in finding["text"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(1, 10**6)), max_size=12))
def test_each_api_has_what_was_found_last(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, int | None]]
) -> None:
    state = tmp_path_factory.mktemp("state")
    for url, events in found:
        keep_limit(state, url, events, 1000.0)
    for url, events in dict(found).items():
        assert known_limit(state, url, 1000.0) == KnownLimit(events)
        assert known_limit(state, url, 1001.0 + KEPT_S).events is None
        assert known_limit(state, url, 999.0).events is None


def test_few_are_kept(tmp_path: Path) -> None:
    for number in range(120):
        keep_limit(tmp_path, f"http://127.0.0.1:{number}/", 10, 1000.0)
    kept = json.loads((tmp_path / FILE).read_text())
    assert len(kept) == 50
    assert "http://127.0.0.1:119/" in kept
