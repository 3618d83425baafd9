"""A journal that SQLite finds whole, but that holds what no run wrote: damaged too, and not touched."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from faults_kit import fault, status
from rows import ndjson, write

from ours_cli.errors import SourceError
from ours_cli.runs.journal import Journal, noted_identity
from ours_cli.runs.run_head import Identity
from ours_cli.sandbox import Sandbox, When

GARBLED = [
    "UPDATE block SET stop = stop - 40000 WHERE first = (SELECT max(first) FROM block)",
    "UPDATE block SET stop = stop + 1 WHERE first = (SELECT max(first) FROM block)",
    "UPDATE block SET accepted = accepted + 1 WHERE first = 0",
    "UPDATE block SET accepted = accepted + 1, rejected = rejected - 1 WHERE first = 0",
    "UPDATE block SET filtered = 1.5 WHERE first = 0",
    "UPDATE block SET digest = zeroblob(16) WHERE first = 0",
    "UPDATE block SET head = x'00' WHERE first = 0",
    """UPDATE block SET codes = '{"bad_time": 3}' WHERE first = 0""",
    """UPDATE block SET codes = '{"bad_tima": 1}' WHERE first = 0""",
    "UPDATE block SET codes = CAST(x'2fff' AS TEXT) WHERE first = 0",
]
GARBLED_REJECTS = [
    "UPDATE rejects SET path = CAST(x'2f746d702fff' AS TEXT)",
    "UPDATE rejects SET size = size - 7",
    "UPDATE rejects SET left_size = left_size + 1",
    "UPDATE rejects SET left_digest = NULL, left_size = NULL",
]


def garble(journal: Path, change: str) -> bytes:
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(change)
        connection.commit()
    return journal.read_bytes()


@pytest.fixture
def stopped(ours: Ours, sandbox: StartSandbox, file: Path) -> Sandbox:
    """A run that ended after 200 rows, one of them rejected."""
    place = sandbox(fault(When(nth=(3,)), status(401)))
    ended = ours("batch", file, "--batch-size", 100, "--concurrency", 1, "-o", "json")
    assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (4, 200, 1)
    return place


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [{"event": "Visit", "externalId": "p", "distinctId": f"d{n}"} for n in range(400)]
    return write(tmp_path / "rows.ndjson", ndjson([{**rows[0], "distinctId": "bad", "time": "never"}, *rows]))


@pytest.fixture
def journal(stopped: Sandbox, home: Path) -> Path:
    (journal,) = (home / "state" / "ours" / "runs").glob("*/journal.db")
    return journal


class TestAGarbledJournal:
    @pytest.mark.parametrize("change", [*GARBLED, *GARBLED_REJECTS])
    def test_nothing_is_sent(
        self, ours: Ours, stopped: Sandbox, journal: Path, file: Path, change: str
    ) -> None:
        before, garbled = stopped.totals().requests, garble(journal, change)
        ended = ours("batch", file, "-o", "json")
        assert (ended.code, ended.json["status"]) == (6, "failed")
        assert f"the journal in {journal.parent} is damaged; it was not touched" in ended.err
        assert stopped.totals().requests == before
        assert journal.read_bytes() == garbled

    @pytest.mark.parametrize("word", ["first INT", "CREATE", "PRIMARY"])
    def test_nor_with_a_garbled_schema(
        self, ours: Ours, stopped: Sandbox, journal: Path, file: Path, word: str
    ) -> None:
        before = stopped.totals().requests
        garble(journal, f"UPDATE sqlite_master SET sql = replace(sql, '{word}', 'x{word[1:]}')")
        ended = ours("batch", file)
        assert (ended.code, "is damaged" in ended.err) == (6, True)
        assert stopped.totals().requests == before

    @pytest.mark.parametrize("change", GARBLED)
    def test_it_hides_no_other_run(self, ours: Ours, journal: Path, tmp_path: Path, change: str) -> None:
        garble(journal, change)
        other = write(
            tmp_path / "other.ndjson", ndjson([{"event": "Visit", "externalId": "q", "distinctId": "e"}])
        )
        assert ours("batch", other).code == 0
        ended = ours("runs", "-o", "json")
        assert ended.code == 0
        assert {run["state"] for run in json.loads(ended.out)} == {"damaged", "complete"}


def test_a_garbled_identity(tmp_path: Path) -> None:
    with Journal(tmp_path, begin=True) as journal:
        journal.note_identity(Identity("batch", "m", "http://a", "t", ("/a",)))
    assert noted_identity(tmp_path) is not None
    garble(tmp_path / "journal.db", "UPDATE run SET identity = replace(identity, '/a', '/b')")
    with pytest.raises(SourceError, match="damaged"):
        noted_identity(tmp_path)
