"""A journal or a head that holds what no run wrote, though SQLite or JSON find it whole: not touched."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from faults_kit import fault, status
from rows import ndjson, write
from waiting import wait_for

from ours_cli.errors import SourceError
from ours_cli.files.folders import runs_folder
from ours_cli.rejects.reject_files import Extent, KnownRejects, RejectFile
from ours_cli.runs.blocks import DIGEST_BYTES, Block
from ours_cli.runs.journal import Journal, noted_identity, read_blocks
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
    """As if a run had been killed that found it so: without the seal of one that was closed in order."""
    journal.with_name("journal.db-seal").unlink(missing_ok=True)
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

    @pytest.mark.parametrize("word", ["first INT", "CREATE", "PRIMARY", "shape", "rejected"])
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


def test_the_last_identity_is_the_one_that_counts(tmp_path: Path) -> None:
    with Journal(tmp_path, begin=True) as journal:
        journal.note_identity(Identity("batch", "m", "http://a", "t", ("/a",)))
        journal.note_identity(Identity("batch", "m", "http://a", "t", ("/b",)))
    noted = noted_identity(tmp_path)
    assert noted is not None
    assert noted.sources == ("/b",)


@pytest.mark.parametrize(
    "second",
    [
        Block(5, 15, digest=bytes(DIGEST_BYTES), accepted=10),
        Block(10, 20, digest=b"x", accepted=10),
        Block(10, 20, digest=bytes(DIGEST_BYTES), accepted=9),
    ],
    ids=["over another", "no digest", "not settled"],
)
def test_blocks_that_cannot_be_are_damage(tmp_path: Path, second: Block) -> None:
    first = Block(0, 10, digest=bytes(DIGEST_BYTES), accepted=10)
    with Journal(tmp_path, begin=True) as journal:
        journal.commit([first, second], [])
    with pytest.raises(SourceError, match="damaged"):
        read_blocks(tmp_path)


def test_what_a_file_was_left_with_is_unknown_once_the_next_attempt_writes_it(tmp_path: Path) -> None:
    file = RejectFile("/r.csv", "shape", Extent(1, "digest"))
    with Journal(tmp_path, begin=True) as journal:
        journal.begin_rejects(file)
        journal.leave([file])
    with Journal(tmp_path, begin=False) as journal:
        assert journal.rejects == [KnownRejects("/r.csv", "shape", file.extent, file.extent)]
        journal.begin_rejects(file)
    with Journal(tmp_path, begin=False) as journal:
        assert journal.rejects == [KnownRejects("/r.csv", "shape", file.extent, None)]


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("mapping", "[0-9a-f]", "x"),
        ("token", "[0-9a-f]", "x"),
        ("state", "failed", "gailed"),
        ("exit_code", "4", "5"),
        ("version", " ", "\t"),
    ],
)
def test_one_byte_of_a_head(
    ours: Ours, stopped: Sandbox, journal: Path, file: Path, key: str, old: str, new: str
) -> None:
    """It is JSON all the same, of another run or of another end."""
    head, before = journal.with_name("run.json"), stopped.totals().requests
    changed = re.sub(f'("{key}":.*?){old}', rf"\g<1>{new}", head.read_text(), count=1)
    assert changed != head.read_text()
    head.write_text(changed)
    ended = ours("batch", file)
    assert (ended.code, f"the run in {head.parent} is damaged" in ended.err) == (6, True)
    assert stopped.totals().requests == before
    assert head.read_text() == changed


class TestAnyByte:
    """Of a journal that was closed in order; SQLite does not use all of them."""

    @pytest.mark.parametrize("at", range(0, 100, 7), ids=lambda percent: f"{percent} %")
    def test_is_another(self, ours: Ours, stopped: Sandbox, journal: Path, file: Path, at: int) -> None:
        content = bytearray(journal.read_bytes())
        content[len(content) * at // 100] ^= 0x20
        self.is_damaged(ours, stopped, journal, file, bytes(content))

    @pytest.mark.parametrize("change", [b"garbage\n", bytes(4096)], ids=["a line", "a page"])
    def test_is_too_many(
        self, ours: Ours, stopped: Sandbox, journal: Path, file: Path, change: bytes
    ) -> None:
        self.is_damaged(ours, stopped, journal, file, journal.read_bytes() + change)

    @pytest.mark.parametrize("bytes_", [1, 100, 4096])
    def test_is_cut_off(self, ours: Ours, stopped: Sandbox, journal: Path, file: Path, bytes_: int) -> None:
        self.is_damaged(ours, stopped, journal, file, journal.read_bytes()[:-bytes_])

    def is_damaged(self, ours: Ours, stopped: Sandbox, journal: Path, file: Path, content: bytes) -> None:
        journal.write_bytes(content)
        before, files = stopped.totals().requests, contents(journal.parent)
        ended = ours("batch", file)
        assert (ended.code, stopped.totals().requests) == (6, before)
        assert contents(journal.parent) == files

    def test_counts_in_a_finished_run_too(
        self, ours: Ours, stopped: Sandbox, journal: Path, file: Path
    ) -> None:
        for requests in (1, 0):
            ended = ours("batch", file, "-o", "json")
            assert (ended.code, ended.json["requests"]) == (3, requests)
        with journal.open("ab") as stream:
            stream.write(b"\n")
        assert ours("batch", file).code == 6


class TestKilled:
    """A run of rows without a time, whose ids are its own: were it begun anew, they would count twice."""

    @pytest.fixture
    def place(self, sandbox: StartSandbox) -> Iterator[Sandbox]:
        """The run that is killed waits for its fifth answer."""
        held = threading.Event()
        yield sandbox(on_event=lambda event: event.id != 401 or held.wait(60))
        held.set()

    @pytest.fixture
    def run(self, place: Sandbox, file: Path, home: Path) -> Path:
        write(file, ndjson([{"event": "Visit", "externalId": f"p{n}"} for n in range(1000)]))
        command = ("batch", str(file), "--batch-size", "100", "--concurrency", "1")
        with subprocess.Popen(
            [sys.executable, "-m", "ours_cli", *command], stderr=subprocess.DEVNULL
        ) as process:
            wait_for(lambda: place.totals().requests == 5)
            process.kill()
        (run,) = (home / "state" / "ours" / "runs").iterdir()
        return run

    @pytest.mark.parametrize(
        "damaged",
        [
            ("run.json",),
            ("journal.db",),
            ("journal.db", "journal.db-wal"),
            ("run.json", "journal.db", "journal.db-wal"),
        ],
        ids=" ".join,
    )
    @pytest.mark.parametrize("left", [0.5, 0])
    def test_and_cut(
        self, ours: Ours, place: Sandbox, run: Path, file: Path, damaged: tuple[str, ...], left: float
    ) -> None:
        for name in damaged:
            os.truncate(run / name, int((run / name).stat().st_size * left))
        before, files = place.totals().requests, contents(run)
        ended = ours("batch", file)
        assert (ended.code, place.totals().requests) == (6, before)
        assert "it was not touched" in ended.err
        assert contents(run) == files

    @pytest.mark.parametrize("at", range(0, 100, 9), ids=lambda percent: f"{percent} %")
    @pytest.mark.parametrize("name", ["journal.db", "journal.db-wal"])
    def test_and_garbled(self, ours: Ours, place: Sandbox, run: Path, file: Path, name: str, at: int) -> None:
        """What SQLite recovers is true, though it may be less than was done: the same ids are sent again."""
        content = bytearray((run / name).read_bytes())
        content[len(content) * at // 100] ^= 0x20
        (run / name).write_bytes(content)
        before = place.totals().requests
        if ours("batch", file).code == 6:
            assert place.totals().requests == before
        else:
            assert len({event.distinct_id for event in place.events()}) == 1000

    @pytest.mark.parametrize("is_gone", [True, False])
    def test_without_its_log(self, ours: Ours, place: Sandbox, run: Path, file: Path, is_gone: bool) -> None:
        log = run / "journal.db-wal"
        log.unlink() if is_gone else log.write_bytes(b"")
        before = place.totals().requests
        ended = ours("batch", file)
        assert (ended.code, "is damaged; it was not touched" in ended.err) == (6, True)
        assert place.totals().requests == before

    def test_whole_it_goes_on(self, ours: Ours, place: Sandbox, run: Path, file: Path) -> None:
        assert ours("batch", file).code == 0
        assert len({event.distinct_id for event in place.events()}) == 1000


def contents(run: Path) -> dict[str, bytes]:
    """The files of a run but for SQLite's shared memory, which holds nothing of it."""
    return {path.name: path.read_bytes() for path in run.iterdir() if not path.name.endswith("-shm")}


def test_what_is_on_disk_changes_with_its_version_only(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Else the next version calls the runs of this one damaged, and they stop commands over other files.

    Where this fails, raise `_VERSION` in run_head or journal, and only then write here what is there now.
    """
    sandbox()
    assert ours("batch", write(tmp_path / "r.ndjson", ndjson([{"event": "E", "externalId": "c"}]))).code == 0
    (folder,) = runs_folder().iterdir()
    head = json.loads((folder / "run.json").read_text())
    assert head.keys() == {
        *("version", "checksum", "id", "identity", "arguments", "folder", "started_s", "ended_s", "attempts"),
        *(
            "state",
            "exit_code",
            "read",
            "rejects",
            "times",
            "source",
            "elsewhere",
            "failed_canary",
            "at_rest",
        ),
    }
    assert head["version"] == 2
    assert [*head["identity"]] == ["command", "mapping", "endpoint", "token", "sources", "shard"]
    assert [*head["times"]] == ["order", "year_last", "unit"]
    with closing(sqlite3.connect(f"{(folder / 'journal.db').as_uri()}?immutable=1", uri=True)) as journal:
        assert journal.execute("PRAGMA user_version").fetchone() == (6,)
        columns = "SELECT m.name, group_concat(c.name) FROM sqlite_master m, pragma_table_info(m.name) c"
        assert dict(journal.execute(f"{columns} WHERE m.type = 'table' GROUP BY m.name")) == {
            "block": "first,stop,head,digest,accepted,rejected,filtered,codes,checksum",
            "rejects": "path,shape,size,digest,left_size,left_digest,checksum",
            "run": "identity,checksum",
        }
