"""Rejects and the way back: write, mend, feed to the printed command, and the exact set is there."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import shlex
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any
from unittest.mock import Mock

import pytest
import typer
import typer.main
from conftest import Ended, Ours, StartSandbox
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import ago, iso, ndjson, write
from waiting import wait_for

from ours_cli import app
from ours_cli.cli.typed_words import WITHOUT_VALUE
from ours_cli.errors import LocalIOError, UsageError
from ours_cli.events.event import Origin, Reject
from ours_cli.files.file_lock import lock
from ours_cli.record import Dialect, Malformed, Record, RowStream, Table
from ours_cli.reject_marks import MARKS, PREFIXED, is_rejects_file
from ours_cli.rejects import reject_files
from ours_cli.rejects.mend import mended
from ours_cli.rejects.mend_command import mend_command
from ours_cli.rejects.reject_files import Extent, KnownRejects, OpenFile, RejectFile
from ours_cli.rejects.rejects import Rejects
from ours_cli.runs.run_head import read_head, write_head
from ours_cli.sandbox import Fault, Sandbox, Then, When
from ours_cli.source import ReadOptions, open_table

FIELDS = ("--event", "E", "--time", "{when}", "--external-id", "{id}", "-p", "note={note}")


def amounts(place: Sandbox) -> dict[str | None, Any]:
    return {event.external_id: event.body.get("eventProperties", {}).get("note") for event in place.events()}


def mend(ours: Ours, ended: Ended, fix: Callable[[str], str]) -> Ended:
    """Edit every rejects file that the printed command names, and run that command."""
    words = shlex.split(ended.json["mend"])
    assert words[0] == "ours"
    paths = [Path(word) for word in words if "rejects" in Path(word).name and Path(word).is_file()]
    assert paths
    for path in paths:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        path.write_bytes(fix(text).encode("utf-8", "surrogateescape"))
    return ours(*words[1:])


def mended_to(given: str, text: str) -> str:
    """A rejects file whose rows have a time by now, and that of line 4 this id."""
    return text.replace("soon", iso(1)).replace(",4,,", f",4,{given},")


def begun(
    path: str | None,
    folder: Path,
    known: Sequence[KnownRejects] = (),
    note: Callable[[RejectFile], None] = lambda _: None,
) -> Rejects:
    """The rejects of an attempt, by default of the first, whose files nobody is told of."""
    return Rejects(path, folder, known, note)


class TestRoundTrip:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_csv(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, delimiter: str) -> None:
        place = sandbox()
        lines = [
            ["when", "id", "note", "unused"],
            [iso(1), "1", "fine", ""],
            ["soon", "2", f'"a{delimiter}b ""q"" "', "x"],
            ["soon", "3", '"two\nlines"', ""],
            [iso(1), "4", "fine", "y"],
        ]
        path = write(tmp_path / "o.csv", "\n".join(map(delimiter.join, lines)) + "\n")
        first = ours("backfill", path, *FIELDS, "-o", "json")
        assert (first.code, first.json["rejected"]) == (3, 2)
        header = Path(first.json["rejects_file"]).read_text().splitlines()[0]
        assert header == delimiter.join(["when", "id", "note", "unused", *MARKS])
        again = mend(ours, first, lambda text: text.replace("soon", iso(2)))
        assert (again.code, again.json["accepted"]) == (0, 2), again.err
        assert amounts(place) == {
            "1": "fine",
            "2": f'a{delimiter}b "q" ',
            "3": "two\nlines",
            "4": "fine",
        }

    @pytest.mark.parametrize("name", ["o.ndjson", "o.json"])
    @pytest.mark.parametrize("told", [False, True])
    def test_json(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, name: str, told: bool) -> None:
        place = sandbox()
        rows = [
            {"when": ago(1), "id": 1, "note": {"deep": [1, None]}},
            {"when": "soon", "id": 2, "note": "ü\u2028"},
            {"when": "soon", "id": 12345678901234567890123, "note": 1.0},
        ]
        text = ndjson(rows) if name == "o.ndjson" else json.dumps(rows)
        form = ("--format", name[2:]) if told else ()
        first = ours("backfill", write(tmp_path / name, text), *FIELDS, *form, "-o", "json")
        rejects = Path(first.json["rejects_file"])
        assert rejects.name == "rejects.ndjson"
        first_reject = json.loads(rejects.read_text().split("\n")[0])
        assert {"when": "soon", "id": 2, "note": "ü\u2028"}.items() <= first_reject.items()
        again = mend(ours, first, lambda text: text.replace('"soon"', str(ago(2))))
        assert (again.code, again.json["accepted"]) == (0, 2), again.err
        assert amounts(place) == {
            "1": {"deep": [1, None]},
            "2": "ü\u2028",
            "12345678901234567890123": 1.0,
        }

    def test_several_files_of_several_kinds(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        folder = tmp_path / "in"
        folder.mkdir()
        write(folder / "a.csv", f"when,id,note\n{iso(1)},1,a\nsoon,2,b\n")
        write(folder / "b.csv", "when;id;note\nsoon;3;c\n")
        write(folder / "c.ndjson", ndjson([{"when": "soon", "id": "4", "note": "d"}]))
        write(folder / "d.csv", "when,id,note\nsoon,5,e\n")
        first = ours("backfill", folder, *FIELDS, "-o", "json")
        assert (first.json["accepted"], first.json["rejected"]) == (1, 4)
        files = sorted(Path(first.json["rejects_file"]).parent.glob("rejects*"))
        assert [path.name for path in files] == ["rejects-2.csv", "rejects-3.ndjson", "rejects.csv"]
        with files[2].open(encoding="utf-8", newline="") as stream:
            told = [Path(row["_message"].partition(":")[0]).name for row in csv.DictReader(stream)]
        assert told == ["a.csv", "d.csv"]
        assert str(folder) not in first.json["mend"]
        again = mend(ours, first, lambda text: text.replace("soon", iso(2)))
        assert (again.code, again.json["accepted"]) == (0, 4), again.err
        assert amounts(place) == dict(zip("12345", "abcde", strict=True))

    def test_raw_rows_come_back(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        good = f"{iso(1)},1,a\n"
        lines = f'{iso(2)},2,b,too many\n{iso(2)},3,"never closed\n{iso(1)},4,d\n'
        path = write(tmp_path / "o.csv", "when,id,note\n" + good + lines)
        first = ours("backfill", path, *FIELDS, "-o", "json")
        assert first.json["reject_codes"] == {"ragged_row": 1, "unclosed_quote": 1}
        with Path(first.json["rejects_file"]).open(newline="") as file:
            rejects = list(csv.DictReader(file))
        assert [(row["_line"], row["when"]) for row in rejects] == [("3", ""), ("4", "")]
        assert [row["_raw"] for row in rejects] == lines.splitlines()[:2]
        again = mend(
            ours, first, lambda text: text.replace(",too many", "").replace('""never closed', "never closed")
        )
        assert (again.code, again.json["accepted"]) == (0, 2), again.err
        assert amounts(place) == {"1": "a", "2": "b", "3": "never closed", "4": "d"}

    def test_raw_json_comes_back(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        lines = [
            json.dumps({"when": ago(1), "id": "1", "note": "a"}),
            '{"when": %d, "id": "2", "note": oops}',
        ]
        path = write(tmp_path / "o.ndjson", "\n".join([*lines, ""]) % ago(2))
        first = ours("backfill", path, *FIELDS, "-o", "json")
        (reject,) = map(json.loads, Path(first.json["rejects_file"]).read_text().splitlines())
        assert reject["_raw"] == lines[1] % ago(2)
        again = mend(ours, first, lambda text: text.replace("oops", r"\"b\""))
        assert (again.code, again.json["accepted"]) == (0, 1), again.err
        assert amounts(place) == {"1": "a", "2": "b"}

    def test_lines_are_of_one_form(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        odd = b'{"when": "soon", "id": "\xff\xe4"}\n'
        rows = [{"when": "soon", "id": "\u00e4", "n": [n, {"a": 0.5}]} for n in (1, 1 << 70)]
        path = tmp_path / "o.ndjson"
        path.write_bytes(ndjson(rows).encode() + odd)
        ended = ours("backfill", path, *FIELDS, "-o", "json")
        lines = Path(ended.json["rejects_file"]).read_text("utf-8").splitlines()
        assert [line.partition(',"_line":')[0] for line in lines[:2]] == [
            f'{{"when":"soon","id":"\u00e4","n":[{n},{{"a":0.5}}]' for n in (1, 1 << 70)
        ]
        forms = ("\\udcff" in line for line in lines)
        assert lines == [
            json.dumps(json.loads(line), ensure_ascii=is_ascii, separators=(",", ":"))
            for line, is_ascii in zip(lines, forms, strict=True)
        ]

    @pytest.mark.parametrize("kind", ["csv", "ndjson"])
    def test_a_source_with_a_line_column_of_its_own(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, kind: str
    ) -> None:
        place = sandbox()
        if kind == "csv":
            path = write(tmp_path / "o.csv", "_line,when,id\n77,soon,1\n")
        else:
            path = write(tmp_path / "o.ndjson", ndjson([{"_line": "77", "when": "soon", "id": "1"}]))
        fields = (*FIELDS[:6], "-p", "*")
        first = ours("backfill", path, *fields, "-o", "json")
        text = Path(first.json["rejects_file"]).read_text()
        assert all(mark in text for mark in PREFIXED[:4])
        again = mend(ours, first, lambda text: text.replace("soon", iso(2)))
        assert again.code == 0, again.err
        (event,) = place.events()
        assert event.body["eventProperties"] == {"_line": "77"}

    def test_bookkeeping_is_never_sent(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", "when,id,note\nsoon,1,a\n")
        first = ours("backfill", path, *FIELDS[:6], "-p", "*", "-o", "json")
        again = mend(ours, first, lambda text: text.replace("soon", iso(2)))
        assert again.json["warnings"] == []
        (event,) = place.events()
        assert event.body["eventProperties"] == {"note": "a"}

    def test_the_distinct_id_of_a_refused_row_is_kept(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        refuse = Fault(When(event=("Bad",)), Then("invalid_event", message="not allowed"))
        place = sandbox(refuse)
        path = write(tmp_path / "o.csv", f"when,id,name\n{iso(1)},1,Good\n{iso(1)},2,Bad\n")
        fields = ("--event", "{name}", *FIELDS[2:6])
        first = ours("backfill", path, *fields, "-o", "json")
        assert first.json["reject_codes"] == {"invalid_event": 1}
        with Path(first.json["rejects_file"]).open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert row["_message"] == "not allowed"
        assert len(row["_distinctId"]) == 32
        again = mend(ours, first, lambda text: text.replace(",Bad,", ",Good,"))
        assert again.code == 0, again.err
        assert {event.external_id: event.distinct_id for event in place.events()}["2"] == row["_distinctId"]

    @pytest.mark.parametrize("how", ["as it is", "with an id", "in the export"])
    def test_a_reject_that_is_mended_to_the_like_of_a_row_that_was_sent(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, how: str
    ) -> None:
        """Nothing tells it from that row but an id, or its place among its equals in the export."""
        place = sandbox()
        good = f"{iso(1)},1,fine\n"
        path = write(tmp_path / "o.csv", f"when,id,note\n{good}{good}soon,1,fine\nsoon,1,other\n")
        first = ours("backfill", path, *FIELDS, "-o", "json")
        assert (first.code, first.json["accepted"], place.totals().events) == (3, 2, 2)
        for _ in range(2):  # sent again, nothing counts twice
            if how == "in the export":
                write(path, path.read_text().replace("soon", iso(1)))
                again = ours("backfill", path, *FIELDS, "--restart", "-o", "json")
            else:
                given = "own-id" if how == "with an id" else ""
                again = mend(ours, first, partial(mended_to, given))
            assert again.code == 0, again.err
            assert place.totals().events == (3 if how == "as it is" else 4)

    def test_skipped_lines_encoding_and_no_header(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", f"Export\n{iso(1)};1;a\nsoon;2;é\n", "utf-16")
        fields = ("--event", "E", "--time", "{1}", "--external-id", "{2}", "-p", "note={3}")
        flags = ("--skip-lines", "1", "--no-header", "--encoding=utf-16")
        first = ours("backfill", path, *fields, *flags, "-o", "json")
        assert first.json["rejected"] == 1, first.err
        assert "--skip-lines" not in first.json["mend"]
        assert Path(first.json["rejects_file"]).read_text().splitlines()[1].startswith("soon;2;é;3;")
        again = mend(ours, first, lambda text: text.replace("soon", iso(2)))
        assert (again.code, again.json["accepted"]) == (0, 1), again.err
        assert amounts(place) == {"1": "a", "2": "é"}

    @pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
    @pytest.mark.parametrize("saved", ["utf-8", "utf-8-sig"])
    def test_the_command_as_it_was_typed_reads_them_as_utf_8(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, encoding: str, saved: str
    ) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", f"when,id\n{iso(1)},é\nsoon,ü\n", encoding)
        fields = ("--event", "E", "--time", "{when}", "--external-id", "{id}", "--encoding", encoding)
        rejects = tmp_path / "r.csv"
        assert ours("backfill", path, *fields, "--rejects", rejects).code == 3
        write(rejects, rejects.read_text("utf-8").replace("soon", iso(2)), saved)
        again = ours("backfill", rejects, *fields)
        assert again.code == 0, again.err
        assert "r.csv: a rejects file, read as UTF-8 despite --encoding" in again.err
        assert [event.body["externalId"] for event in place.events()] == ["é", "ü"]

    @pytest.mark.parametrize(
        ("name", "source", "rejects"),
        [
            ("o.ndjson", '{{"when": "{0}", "id": "a"}}\n{{"when": "soon", "id": "b"}}\n', "rejects.csv"),
            ("o.csv", "when,id\n{0},a\nsoon,b\n", "rejects.ndjson"),
        ],
    )
    def test_under_a_name_of_another_format(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, name: str, source: str, rejects: str
    ) -> None:
        place = sandbox()
        path, rejects_file = write(tmp_path / name, source.format(iso(1))), tmp_path / rejects
        fields = ("--event", "E", "--time", "{when}", "--external-id", "{id}")
        first = ours("backfill", path, *fields, "--rejects", rejects_file, "-o", "json")
        again = mend(ours, first, lambda text: text.replace("soon", iso(2)))
        assert again.code == 0, again.err
        assert [event.body["externalId"] for event in place.events()] == ["a", "b"]

    def test_what_a_map_file_says_of_the_source_is_overruled(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        path = write(tmp_path / "o.txt", f'Export\n{iso(1)};1;a\nsoon;2;é\nsoon;3;say "hi\n', "cp1252")
        text = """
        event = "E"
        time = "{1}"
        externalId = "{2}"
        [eventProperties]
        note = "{3}"
        [source]
        format = "csv"
        skip_lines = 1
        no_header = true
        quote = "none"
        delimiter = ";"
        encoding = "cp1252"
        """
        first = ours("backfill", path, "--map", write(tmp_path / "m.toml", text), "-o", "json")
        assert first.json["rejected"] == 2, first.err
        again = mend(ours, first, lambda text: text.replace("soon", iso(2)))
        assert (again.code, again.json["accepted"]) == (0, 2), again.err
        assert amounts(place) == {"1": "a", "2": "é", "3": 'say "hi'}

    @pytest.mark.parametrize("source", ["", 'source = { encoding = "utf-8" }\n'])
    def test_rows_cut_in_mid_character_are_never_sent_unmended(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, source: str
    ) -> None:
        place = sandbox()
        cut = f"2,Grö\udcc3,{iso(1)}\n3,Jür\udcc3,{iso(1)}\n"
        path = tmp_path / "o.csv"
        path.write_bytes(f"id,who,when\n1,Müller,{iso(1)}\n{cut}".encode("utf-8", "surrogateescape"))
        fields = 'event = "E"\ntime = "{when}"\nexternalId = "{who}"\ndistinctId = "{id}"\n'
        map_file = write(tmp_path / "m.toml", fields + source)
        first = ours("backfill", path, "--map", map_file, "-o", "json")
        assert first.json["reject_codes"] == {"bad_encoding": 2}
        again = mend(ours, first, lambda text: text)
        assert (again.code, again.json["reject_codes"]) == (3, {"bad_encoding": 2})
        assert "cp1252" not in again.err
        told = ours(*shlex.split(first.json["mend"])[1:], "--encoding", "cp1252")
        assert (told.code, set(amounts(place))) == (0, {"Müller", "GrÃ¶Ã", "JÃ¼rÃ"})

    def test_nothing_quoted(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", f'when,id,note\n{iso(1)},1,"a\nsoon,2,5" pipe\n')
        first = ours("backfill", path, *FIELDS, "--quote", "none", "-o", "json")
        assert first.json["rejected"] == 1, first.err
        again = mend(ours, first, lambda text: text.replace("soon", iso(2)))
        assert (again.code, again.json["accepted"]) == (0, 1), again.err
        assert amounts(place) == {"1": '"a', "2": '5" pipe'}

    def test_standard_input(self, ours: Ours, ours_process: Ours, sandbox: StartSandbox) -> None:
        place = sandbox()
        rows: list[dict[str, Any]] = [{"event": "E", "externalId": "1"}, {"event": "E", "externalId": ["2"]}]
        first = ours_process("batch", "-o", "json", stdin=ndjson(rows).encode())
        assert shlex.split(first.json["mend"])[:2] == ["ours", "batch"]
        again = mend(ours, first, lambda text: text.replace('["2"]', '"2"'))
        assert again.code == 0, again.err
        assert set(amounts(place)) == {"1", "2"}


class TestFiles:
    """Where rejects are written, and where they are not."""

    PATH_FIELDS = FIELDS[:6]

    def bad(self, tmp_path: Path) -> Path:
        return write(tmp_path / "o.csv", "when,id\nsoon,1\n")

    def test_a_named_path(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        named = tmp_path / "bad.csv"
        ended = ours("backfill", self.bad(tmp_path), *self.PATH_FIELDS, "--rejects", named, "-o", "json")
        assert ended.json["rejects_file"] == str(named)
        assert stat.S_IMODE(named.stat().st_mode) == 0o600
        assert "--rejects" not in ended.json["mend"]

    def test_a_named_path_that_stays_empty_goes_away(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        named = tmp_path / "bad.csv"
        good = write(tmp_path / "o.csv", f"when,id\n{iso(1)},1\n")
        assert ours("backfill", good, *self.PATH_FIELDS, "--rejects", named).code == 0
        assert not named.exists()
        assert not list((tmp_path / "home" / "state").rglob("rejects*"))

    @pytest.mark.parametrize(
        "text", ["when,id\nsoon,1\n", f"when,id\n{iso(1)},1\n"], ids=["a reject", "none"]
    )
    def test_dev_null_is_left_alone(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, text: str
    ) -> None:
        sandbox()
        before = os.stat(os.devnull)
        path = write(tmp_path / "o.csv", text)
        flags = ("--rejects", os.devnull, "--report", os.devnull, "-o", "json")
        ended = ours("backfill", path, *self.PATH_FIELDS, *flags)
        assert ended.code in (0, 3), ended.err
        assert ended.json["rejects_file"] is None
        after = os.stat(os.devnull)
        assert (after.st_mode, after.st_rdev) == (before.st_mode, before.st_rdev)

    def test_a_link_is_refused(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        target = write(tmp_path / "precious", "keep")
        link = tmp_path / "bad.csv"
        link.symlink_to(target)
        ended = ours("backfill", self.bad(tmp_path), *self.PATH_FIELDS, "--rejects", link)
        assert (ended.code, target.read_text()) == (2, "keep")
        assert "is a link" in ended.err
        assert list(place.requests()) == []

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="elsewhere /dev/fd has no links")
    @pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
    def test_a_pipe_of_the_shell_is_written_to(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, folder: str
    ) -> None:
        """As of `--rejects >(gzip >bad.gz)`: whoever started the program made it, and nobody else."""
        sandbox()
        reading, writing = os.pipe()
        ended = ours("backfill", self.bad(tmp_path), *self.PATH_FIELDS, "--rejects", f"{folder}/{writing}")
        os.close(writing)
        with os.fdopen(reading) as pipe:
            (row,) = csv.DictReader(pipe)
        assert (ended.code, row["when"], row["_line"]) == (3, "soon", "2"), ended.err

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="elsewhere /dev/fd has no links")
    def test_a_pipe_of_the_shell_whose_reader_has_gone(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        """It is the rejects that were not written, not standard output."""
        sandbox()
        reading, writing = os.pipe()
        os.close(reading)
        flags = ("--rejects", f"/dev/fd/{writing}", "-o", "json")
        ended = ours("backfill", self.bad(tmp_path), *self.PATH_FIELDS, *flags)
        os.close(writing)
        assert ended.code == 7
        assert f"error: /dev/fd/{writing} cannot be written: Broken pipe\n" in ended.err
        assert "--rejects" not in ended.json["resume"], "no later command finds that pipe"
        resumed = ours("runs", "resume", ended.json["run"], "-o", "json")
        assert (resumed.code, Path(resumed.json["rejects_file"]).name) == (3, "rejects.csv"), resumed.err

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="elsewhere /dev/fd has no links")
    def test_a_pipe_takes_the_rows_of_one_header(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        """Those of another go where they would without --rejects: nothing can be made beside a pipe."""
        sandbox()
        files = self.bad(tmp_path), write(tmp_path / "more.csv", "id,when\n2,later\n")
        reading, writing = os.pipe()
        ended = ours("backfill", *files, *self.PATH_FIELDS, "--rejects", f"/dev/fd/{writing}", "-o", "json")
        os.close(writing)
        assert ended.code == 3, ended.err
        with os.fdopen(reading) as pipe:
            assert [row["when"] for row in csv.DictReader(pipe)] == ["soon"]
        other = Path(ended.json["rejects_file"])
        assert [row["when"] for row in csv.DictReader(other.read_text().splitlines())] == ["later"]
        assert other.name == "rejects.csv"

    def test_a_device_takes_the_rows_of_any_header(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        files = self.bad(tmp_path), write(tmp_path / "more.csv", "id,when\n2,later\n")
        ended = ours("backfill", *files, *self.PATH_FIELDS, "--rejects", "/dev/null", "-o", "json")
        assert (ended.code, ended.json["rejected"], ended.json["rejects_file"]) == (3, 2, None), ended.err

    def test_a_link_to_a_pipe_is_refused(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        os.mkfifo(tmp_path / "pipe")
        link = tmp_path / "bad.csv"
        link.symlink_to(tmp_path / "pipe")
        ended = ours("backfill", self.bad(tmp_path), *self.PATH_FIELDS, "--rejects", link)
        assert (ended.code, "is a link" in ended.err) == (2, True)

    def test_a_folder_that_is_not_there(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        ended = ours(
            "backfill", self.bad(tmp_path), *self.PATH_FIELDS, "--rejects", tmp_path / "no" / "bad.csv"
        )
        assert ended.code == 7
        assert list(place.requests()) == []

    def test_never_the_file_that_is_being_read(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        path = self.bad(tmp_path)
        ended = ours("backfill", path, *self.PATH_FIELDS, "--rejects", path)
        assert ended.code == 2
        assert path.read_text() == "when,id\nsoon,1\n"

    @pytest.mark.parametrize("old", ["old", ""])
    def test_an_existing_file_becomes_private(self, tmp_path: Path, old: str) -> None:
        named = write(tmp_path / "bad.csv", old)
        named.chmod(0o644)
        table = Table("t", "csv", ("a",))
        with closing(begun(str(named), tmp_path)) as rejects:
            rejects.add_table(0, table)
            rejects.write(Reject(Origin(0, Record(2, ["x"])), "", "c", "m"))
        assert stat.S_IMODE(named.stat().st_mode) == 0o600
        assert "old" not in named.read_text()

    @pytest.mark.skipif(not Path("/dev/fd").exists(), reason="POSIX only")
    def test_an_open_file_is_no_pipe_of_the_shell(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        with (tmp_path / "shared").open("w") as stream:
            path = f"/dev/fd/{stream.fileno()}"
            ended = ours("backfill", self.bad(tmp_path), *self.PATH_FIELDS, "--rejects", path)
        assert (ended.code, (tmp_path / "shared").read_text()) == (2, "")
        assert f"{path} is a link" in ended.err

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
    def test_a_full_disk(self) -> None:
        table = Table("t", "csv", ("a",))
        failing = pytest.raises(LocalIOError, match="cannot be written")
        with failing, closing(begun("/dev/full", Path())) as rejects:
            rejects.add_table(0, table)
            rejects.write(Reject(Origin(0, Record(2, ["x" * 100_000])), "", "c", "m"))
            rejects.sync()

    def test_after_a_full_disk_nothing_passes_for_written(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        rejects = begun(None, tmp_path)
        rejects.add_table(0, Table("t", "csv", ("a",)))
        reject = Reject(Origin(0, Record(2, ["x"])), "", "c", "m")
        rejects.write(reject)
        with monkeypatch.context() as full:
            full.setattr(OpenFile, "sync", Mock(side_effect=OSError(errno.ENOSPC, "")))
            with pytest.raises(LocalIOError):
                rejects.sync()
        for use in (rejects.sync, lambda: rejects.write(reject), rejects.close):
            with pytest.raises(LocalIOError):
                use()

    def test_what_was_never_written_is_not_counted_as_rejected(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox()
        monkeypatch.setattr(OpenFile, "write", Mock(side_effect=OSError(errno.ENOSPC, "")))
        path = write(tmp_path / "o.csv", "when,id\nsoon,1\nsoon,2\n")
        ended = ours("backfill", path, *self.PATH_FIELDS, "-o", "json")
        books = ended.json
        assert (ended.code, books["read"], books["rejected"], books["unsent"]) == (7, 2, 0, 2)
        assert books["reject_codes"] == {}

    def test_nor_where_it_was_to_be_written_at_the_end_of_a_run_that_stops(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox(Fault(When(), Then("status", status=401)))
        monkeypatch.setattr(OpenFile, "write", Mock(side_effect=OSError(errno.ENOSPC, "")))
        path = write(tmp_path / "o.csv", f"when,id\nsoon,1\n{iso(1)},2\n")
        ended = ours("backfill", path, *self.PATH_FIELDS, "-o", "json")
        books = ended.json
        assert (ended.code, books["read"], books["rejected"], books["unsent"]) == (4, 2, 0, 2)

    def test_another_delimiter_is_another_file(self, tmp_path: Path) -> None:
        """Also where an attempt goes on with what an earlier one has written."""
        known: list[KnownRejects] = []
        for delimiter in ",;":
            rejects = begun(None, tmp_path, known)
            rejects.add_table(0, Table("t", "csv", ("a", "b"), dialect=Dialect(delimiter)))
            rejects.write(Reject(Origin(0, Record(2, ["x", "y"])), "", "c", "m"))
            rejects.close()
            known = [
                KnownRejects(file.path, file.shape, file.extent, file.extent) for file in rejects.files()
            ]
        assert (tmp_path / "rejects.csv").read_text().splitlines()[1:] == ["x,y,2,,c,m,"]
        assert (tmp_path / "rejects-2.csv").read_text().splitlines()[1:] == ["x;y;2;;c;m;"]

    def test_a_dangling_link(self, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(tmp_path / "nowhere")
        with pytest.raises(UsageError):
            begun(str(link), tmp_path)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@settings(max_examples=60)
@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(any), min_size=1, max_size=4),
    delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from(['"', "'", ""]),
)
def test_any_cells_survive(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str, quote: str
) -> None:
    folder = tmp_path_factory.mktemp("rejects")
    table = Table("t", "csv", ("a", "b", "c"), dialect=Dialect(delimiter, quote))
    with closing(begun(None, folder)) as rejects:
        rejects.add_table(0, table)
        for line, cells in enumerate(rows, start=2):
            rejects.write(
                Reject(Origin(0, Record(line, cells)), f"id{line}", "code", f"say, {quote}x{delimiter}")
            )
    (path,) = rejects.paths
    options = ReadOptions(delimiter=delimiter, quote=quote or '"', encoding="utf-8")
    back = mended(open_table(path, options))
    found = list(back.records)
    expected = [(cells, f"id{line}") for line, cells in enumerate(rows, start=2)]
    assert back.columns == ("a", "b", "c")
    assert [(row.fields, row.distinct_id) for row in found if isinstance(row, Record)] == expected


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.text(max_size=4) | st.sampled_from(MARKS[:1]),
        st.none() | st.booleans() | st.integers(-(2**63), 2**70) | st.text(max_size=4),
        min_size=1,
    )
)
def test_any_object_survives(tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("rejects")
    with closing(begun(None, folder)) as rejects:
        rejects.add_table(0, Table("t", "ndjson", None))
        rejects.write(Reject(Origin(0, Record(9, fields)), "d", "code", "message"))
    (record,) = mended(open_table(rejects.paths[0], ReadOptions())).records
    assert record == Record(1, fields, "d")


class TestAnEditorSavesWhileRejectsAreWritten:
    """It has read some of them, and puts what it read in their place."""

    ROWS = tuple(Reject(Origin(0, Record(line, {"n": line})), "d", "code", "m") for line in range(4))

    @pytest.fixture
    def noted(self) -> list[RejectFile]:
        return []

    @pytest.fixture
    def rejects(self, tmp_path: Path, noted: list[RejectFile]) -> Rejects:
        rejects = begun(str(tmp_path / "r.ndjson"), tmp_path, note=noted.append)
        rejects.add_table(0, Table("t", "ndjson", None))
        return rejects

    @pytest.mark.parametrize("after", [0, 1, 3], ids="{} rows before".format)
    @pytest.mark.parametrize("is_over", [True, False], ids=["none after", "more after"])
    def test_no_row_is_lost(
        self, rejects: Rejects, noted: list[RejectFile], tmp_path: Path, after: int, is_over: bool
    ) -> None:
        *most, last = self.ROWS
        for reject in most[: after or None]:
            rejects.write(reject)
        rejects.sync()
        (tmp_path / "saved").write_text("mended\n")
        (tmp_path / "saved").rename(tmp_path / "r.ndjson")
        rows = most[: after or None]
        if not is_over:
            rejects.write(last)
            rows.append(last)
        rejects.close()
        second = tmp_path / "r-2.ndjson"
        assert [path.name for path in rejects.paths] == ["r.ndjson", "r-2.ndjson"]
        assert (tmp_path / "r.ndjson").read_text() == "mended\n"
        assert [json.loads(line)["n"] for line in second.read_text().splitlines()] == [
            row.origin.row.line for row in rows
        ]
        assert [Path(file.path).name for file in noted] == ["r.ndjson", "r-2.ndjson"]
        (known,) = rejects.files()
        assert known.extent.size == second.stat().st_size
        assert "replaced or moved while it was written" in rejects.take_remarks()[0]

    def test_the_file_of_the_next_attempt(self, rejects: Rejects, tmp_path: Path) -> None:
        """What the digest says of a file that got all rows of another one is true."""
        rejects.write(self.ROWS[0])
        rejects.sync()
        (tmp_path / "r.ndjson").unlink()
        rejects.write(self.ROWS[1])
        rejects.close()
        (left,) = rejects.files()
        known = KnownRejects(left.path, left.shape, left.extent, left.extent)
        again = begun(str(tmp_path / "r.ndjson"), tmp_path, [known])
        again.add_table(0, Table("t", "ndjson", None))
        again.write(self.ROWS[2])
        again.close()
        assert len(Path(left.path).read_text().splitlines()) == 3
        assert again.take_remarks() == []

    def test_a_file_that_is_moved_keeps_all_of_its_bytes(
        self, rejects: Rejects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ours_cli.rejects.reject_files._CHUNK_BYTES", 7)
        for reject in self.ROWS:
            rejects.write(reject)
        rejects.sync()
        written = (tmp_path / "r.ndjson").read_bytes()
        (tmp_path / "r.ndjson").unlink()
        rejects.close()
        assert (tmp_path / "r-2.ndjson").read_bytes() == written

    def test_an_attempt_behind_one_that_left_more_than_is_recorded(
        self, rejects: Rejects, tmp_path: Path
    ) -> None:
        """What was cut off counts no more: nobody changed the file, whatever the next attempt writes."""
        rejects.write(self.ROWS[0])
        rejects.sync()
        (recorded,) = rejects.files()
        rejects.write(self.ROWS[1])
        rejects.close()
        (left,) = rejects.files()
        known = KnownRejects(left.path, left.shape, recorded.extent, left.extent)
        for reject in self.ROWS[1:3]:
            again = begun(str(tmp_path / "r.ndjson"), tmp_path, [known])
            again.add_table(0, Table("t", "ndjson", None))
            again.write(reject)
            again.close()
            assert again.take_remarks() == []
            (after,) = again.files()
            known = KnownRejects(after.path, after.shape, after.extent, after.extent)
        lines = (tmp_path / "r.ndjson").read_text().splitlines()
        assert [json.loads(line)["n"] for line in lines] == [row.origin.row.line for row in self.ROWS[:3]]

    def test_what_a_full_disk_left_is_known_by_the_next_attempt(
        self, rejects: Rejects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else it would count as changed by somebody, and the same rows be in two files."""
        rejects.write(self.ROWS[0])
        rejects.sync()
        rejects.write(self.ROWS[1])

        def sync(_file: OpenFile) -> None:
            raise OSError(errno.ENOSPC, "")

        monkeypatch.setattr(OpenFile, "sync", sync)
        with pytest.raises(LocalIOError):
            rejects.close()
        on_disk = (tmp_path / "r.ndjson").read_bytes()
        (left,) = rejects.files()
        assert left.extent == (len(on_disk), hashlib.blake2b(on_disk, digest_size=16).hexdigest())

    def test_rows_that_were_mended_after_a_kill_are_kept(self, rejects: Rejects, tmp_path: Path) -> None:
        """What the killed attempt left behind its recorded rows is unknown; those rows are not."""
        rejects.write(self.ROWS[0])
        rejects.close()
        (left,) = rejects.files()
        mended = Path(left.path).read_text().replace("code", "mine")
        Path(left.path).write_text(mended)
        again = begun(None, tmp_path, [KnownRejects(left.path, left.shape, left.extent, None)])
        again.add_table(0, Table("t", "ndjson", None))
        again.write(self.ROWS[1])
        again.close()
        assert Path(left.path).read_text() == mended
        assert "was changed meanwhile" in again.take_remarks()[0]


@pytest.mark.parametrize("columns", [None, ("n",)])
def test_a_message_commands_no_terminal(columns: tuple[str, ...] | None, tmp_path: Path) -> None:
    """It may be in a server's words, and people look at the file there."""
    with closing(begun(None, tmp_path)) as rejects:
        rejects.add_table(0, Table("t", "csv" if columns else "ndjson", columns))
        row = Record(2, ["1"] if columns else {"n": 1})
        rejects.write(Reject(Origin(0, row), "d", "code", "no\x1b[31m\u009b"))
    text = rejects.paths[0].read_text("utf-8")
    assert "no" in text
    assert not {"\x1b", "\u009b"} & set(text)
    assert "u001b" not in text, "nor once it is read as JSON"


@pytest.mark.parametrize("size", [0, 9])
def test_only_a_file_that_held_rejects_is_missed(size: int, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    known = KnownRejects(str(path), "shape", Extent(size, "digest"), None)
    with closing(begun(None, tmp_path, [known])) as rejects:
        assert rejects.gone == ([path] if size else [])


def rows_of(*rows: list[str]) -> RowStream:
    return RowStream(Record(line, row) for line, row in enumerate(rows, start=2))


class TestMended:
    def test_empty_cells_cut_off_by_an_editor(self) -> None:
        table = Table("t", "csv", ("a", "b", *MARKS), rows_of(["1", "2", "9", "d", "code", "message"]))
        assert list(mended(table).records) == [Record(2, ["1", "2"], "d")]

    def test_a_mended_row_wins_over_its_raw_text(self) -> None:
        row = ["1", "2", "9", "", "code", "message", "1,2,3"]
        table = Table("t", "csv", ("a", "b", *MARKS), rows_of(row))
        assert list(mended(table).records) == [Record(2, ["1", "2"], "")]
        keys = dict(zip(("a", *MARKS), ["1", *row[2:]], strict=True))
        table = Table("t", "ndjson", None, RowStream(iter([Record(2, keys)])))
        assert list(mended(table).records) == [Record(2, {"a": "1"}, "")]

    def test_a_row_with_a_code_of_its_own(self) -> None:
        keys = {"_code": "own", **dict(zip(PREFIXED, ["9", "d", "code", "message"], strict=False))}
        table = Table("t", "ndjson", None, RowStream(iter([Record(2, keys)])))
        assert list(mended(table).records) == [Record(2, {"_code": "own"}, "d")]

    def test_raw_text_keeps_an_id_that_somebody_gave_it(self) -> None:
        table = Table("t", "csv", ("a", "b", *MARKS), rows_of(["", "", "9", " d ", "code", "m", "1,2"]))
        assert list(mended(table).records) == [Record(2, ["1", "2"], "d")]

    def test_raw_text_that_is_still_wrong(self) -> None:
        table = Table("t", "csv", ("a", "b", *MARKS), rows_of(["", "", "9", "", "code", "m", "1,2,3"]))
        (found,) = mended(table).records
        assert isinstance(found, Malformed)
        assert (found.line, found.raw, found.code) == (2, "1,2,3", "ragged_row")

    @pytest.mark.parametrize(
        "columns",
        [("a", "_line"), MARKS, ("a", *MARKS[:2]), ("a", MARKS[0], *PREFIXED[1:3]), ("a", *MARKS[2:])],
    )
    def test_other_tables_are_left_alone(self, columns: tuple[str, ...]) -> None:
        table = Table("t", "csv", columns, rows_of(["1"] * len(columns)))
        found = mended(table)
        assert found.columns == columns
        assert list(found.records) == [Record(2, ["1"] * len(columns))]

    @pytest.mark.parametrize("left_out", [1, 2, 3, 4, 5])
    def test_a_column_that_a_spreadsheet_lost(self, left_out: int) -> None:
        names = ["a", *MARKS]
        cells = ["x", "9", "d", "code", "message", ""]
        del names[left_out], cells[left_out]
        found = mended(Table("t", "csv", tuple(names), rows_of(cells)))
        assert found.columns == ("a",)
        assert list(found.records) == [Record(2, ["x"], "" if left_out == 2 else "d")]

    def test_columns_that_a_spreadsheet_moved(self) -> None:
        names = ("_raw", "_code", "a", "_line", "_distinctId", "b", "_message")
        cut = ["", "", "1,2"]
        table = Table("t", "csv", names, rows_of(["", "code", "x", "9", "d", "y", "m"], cut, ["3,4"]))
        found = mended(table)
        assert found.columns == ("a", "b")
        assert list(found.records) == [
            Record(2, ["x", "y"], "d"),
            Record(3, ["1,2", ""]),
            Record(4, ["3", "4"]),
        ]

    def test_a_header_row_under_no_header(self) -> None:
        header = ["1", "2", *MARKS]
        row = ["x", "y", "9", "d", "code", "m", ""]
        numbered = tuple(str(number + 1) for number in range(len(header)))
        found = mended(Table("t", "csv", numbered, rows_of(header, row)))
        assert found.columns == ("1", "2")
        assert list(found.records) == [Record(3, ["x", "y"], "d")]

    def test_no_header_and_no_rejects(self) -> None:
        found = mended(Table("t", "csv", ("1", "2"), rows_of(["a", "b"], ["c", "d"])))
        assert list(found.records) == [Record(2, ["a", "b"]), Record(3, ["c", "d"])]


@pytest.mark.parametrize(
    ("typed", "files", "read", "expected"),
    [
        ("backfill o.csv --event E", ["o.csv"], ReadOptions(), "backfill R --event E"),
        ("backfill --event E a/ b.csv", ["a/", "b.csv"], ReadOptions(), "backfill R --event E"),
        ("backfill visits --event visits", ["visits"], ReadOptions(), "backfill R --event visits"),
        ("backfill --test o.csv -q --report r.json", ["o.csv"], ReadOptions(), "backfill R --test -q"),
        ("backfill o.csv -p o.csv -ojson", ["o.csv"], ReadOptions(), "backfill R -p o.csv -ojson"),
        (
            "backfill -qv backfill --no-header -- -x",
            ["backfill", "-x"],
            ReadOptions(),
            "backfill R -qv --no-header --",
        ),
        ("backfill -qp o.csv o.csv", ["o.csv"], ReadOptions(), "backfill R -qp o.csv"),
        (
            "backfill --map m -- o.csv",
            ["o.csv"],
            ReadOptions(skip_lines=2),
            "backfill R --map m --skip-lines 0 --",
        ),
        ("batch -o json", ["-"], ReadOptions(), "batch R -o json"),
        ("batch - -o json", ["-"], ReadOptions(), "batch R -o json"),
        (
            "backfill o.csv --skip-lines 2 --limit=5 --rejects r.csv --max-rejects 1% --encoding cp1252"
            " --delimiter ;",
            ["o.csv"],
            ReadOptions(skip_lines=2, encoding="cp1252", delimiter=";"),
            "backfill R --delimiter ;",
        ),
        (
            "backfill o.csv --header-row 2 --report p --limit 9 --expect 9 --canary 1 --resume r --restart"
            " --sample 0.5 --shard 0/2 --event E",
            ["o.csv"],
            ReadOptions(),
            "backfill R --event E",
        ),
        ("backfill o.json --format json", ["o.json"], ReadOptions(format="json"), "backfill R"),
        ("backfill o.txt --format csv", ["o.txt"], ReadOptions(format="csv"), "backfill R --format csv"),
        (
            "backfill o.csv --map m --day-first --tz Europe/Berlin",
            ["o.csv"],
            ReadOptions(),
            "backfill R --map m --day-first --tz Europe/Berlin",
        ),
        (
            "backfill o.csv --map=m",
            ["o.csv"],
            ReadOptions(skip_lines=2, encoding="cp1252", quote="none"),
            "backfill R --map=m --skip-lines 0 --encoding utf-8 --quote '\"'",
        ),
    ],
)
def test_mend_command(typed: str, files: list[str], read: ReadOptions, expected: str) -> None:
    assert shlex.join(mend_command(typed.split(), files, [Path("R")], read)) == shlex.join(
        shlex.split(expected)
    )


def test_times_in_another_unit_are_not_sent_again_under_the_flag_that_refused_them() -> None:
    typed = ["backfill", "o.csv", "--epoch-unit", "ms", "--event", "E"]
    again = mend_command(typed, ["o.csv"], [Path("R")], ReadOptions(), ["mixed_epoch_units"])
    assert shlex.join(again) == "backfill R --event E"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("a,{marks}\n", True),
        ("a;{marks}\r\n1", True),
        ("a\t{marks}\r1", True),
        ("a§{marks}\n", True),
        ('\n"two\nlines",{marks}\n1', True),
        ('"a",{quoted}\n', True),
        ("a,{marks}", True),
        ("a,{marks},b\n", True),
        ("a,_line,_raw\n", False),
        ("a\n1,{marks}\n", False),
        ('"a,{marks}\n', False),
        ("", False),
    ],
)
@pytest.mark.parametrize("marks", [MARKS, PREFIXED])
def test_a_rejects_file_by_its_first_bytes(marks: tuple[str, ...], header: str, expected: bool) -> None:
    delimiter = next((sign for sign in ";\t§" if sign in header and "_line" not in header), ",")
    quoted = delimiter.join(f'"{mark}"' for mark in marks)
    text = header.format(marks=delimiter.join(marks), quoted=quoted)
    assert is_rejects_file(text.encode()) is expected


@pytest.mark.parametrize("name", ["batch", "backfill", "identify"])
def test_flags_without_a_value_are_known(name: str) -> None:
    command = typer.main.get_command(app.app).get_command(None, name)  # type: ignore[attr-defined]
    options = [param for param in command.params if param.param_type_name == "option"]
    names = {flag for option in options if option.is_flag for flag in (*option.opts, *option.secondary_opts)}
    takers = {flag for option in options if not option.is_flag for flag in option.opts}
    assert names <= WITHOUT_VALUE
    assert not takers & WITHOUT_VALUE


def edit_head(home: Path, **changes: Any) -> None:
    (path,) = home.rglob("run.json")
    write_head(path.parent, replace(read_head(path.parent), **changes))


class TestFilesThatPeopleHave:
    """What somebody has written into a rejects file, or not mended yet, is neither cut nor overwritten."""

    BACKFILL = (
        *("--event", "Visit", "--time", "{at}", "--external-id", "{who}", "--distinct-id", "{id}"),
        *("-p", "fee={fee|number}", "-p", "note={note}", "-o", "json"),
    )

    def export(self, folder: Path, *numbers: int, fee: str = "tbd") -> Path:
        rows = "".join(f"v{n},{iso(1)},p{n},{fee if n % 2 else 7},n\n" for n in numbers)
        return write(folder / "visits.csv", "id,at,who,fee,note\n" + rows)

    def test_rejects_mended_while_the_export_grows(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        box = sandbox()
        rejects = tmp_path / "rejects.csv"
        command = ("backfill", self.export(tmp_path, *range(40)), *self.BACKFILL, "--rejects", rejects)
        assert ours(*command).json["rejected"] == 20
        rejects.write_text(rejects.read_text().replace(",tbd,", ",118.50,"))
        mended = rejects.read_text()
        self.export(tmp_path, *range(50))
        ended = ours(*command)
        assert (ended.code, ended.json["rejected"]) == (3, 25)
        assert rejects.read_text() == mended
        second = tmp_path / "rejects-2.csv"
        assert len(second.read_text().splitlines()) == 6
        assert ended.json["warnings"] == [f"{rejects} was changed meanwhile: more rejects are in {second}"]
        assert f"{rejects} {second}" in ended.json["mend"]
        # And a third time: both are known, and the newer is written on.
        self.export(tmp_path, *range(60))
        ended = ours(*command)
        assert (ended.json["rejected"], ended.json["warnings"]) == (30, [])
        assert len(second.read_text().splitlines()) == 11
        assert f"{rejects} {second}" in ended.json["mend"]
        second.write_text(second.read_text().replace(",tbd,", ",9,"))
        assert ours("backfill", rejects, second, *self.BACKFILL).json["accepted"] == 30
        assert {event.body["externalId"] for event in box.events()} == {f"p{number}" for number in range(60)}

    @pytest.mark.parametrize("is_mended", [True, False])
    def test_rejects_of_a_run_that_stopped(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, is_mended: bool
    ) -> None:
        """They are there at once, also those of blocks that have rows without an answer."""
        sandbox(Fault(When(nth=(2,)), Then("status", status=401)))
        rejects, command = self.in_small_batches(tmp_path)
        ended = ours(*command)
        stopped = len(rejects.read_text().splitlines()) - 1
        assert (ended.code, ended.json["rejected"]) == (4, stopped)
        if is_mended:
            rejects.write_text(rejects.read_text().replace(",tbd,", ",1185.00,"))
            mended = rejects.read_text()
        ended = ours(*command)
        assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, 20, 20)
        if is_mended:
            assert rejects.read_text() == mended
            rejects = tmp_path / "rejects-2.csv"
        numbers = {row["_line"] for row in csv.DictReader(rejects.read_text().splitlines())}
        assert len(numbers) == len(rejects.read_text().splitlines()) - 1
        assert is_mended or len(numbers) == 20

    def test_a_second_shape_goes_over_no_file(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        """Two headers make two rejects files, and the second is called like a source."""
        sandbox()
        row = f"a,{iso(1)},p,tbd,n"
        one = write(tmp_path / "part-2.csv", f"id,at,who,fee,note\n{row}\n")
        two = write(tmp_path / "part-3.csv", f"id,at,who,fee,note,more\n{row},\n")
        before = one.read_text(), two.read_text()
        ended = ours("backfill", one, two, *self.BACKFILL, "--rejects", tmp_path / "part.csv")
        assert ended.json["rejected"] == 2
        assert (one.read_text(), two.read_text()) == before
        assert f"{tmp_path / 'part.csv'} {tmp_path / 'part-4.csv'}" in ended.json["mend"]

    @pytest.mark.parametrize("more", [6, 0])
    def test_a_file_that_is_gone_is_named(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int
    ) -> None:
        """The run goes on, with or without further rejects; those that were in it are in the export only."""
        sandbox(Fault(When(nth=(2,)), Then("status", status=401)))
        monkeypatch.chdir(tmp_path)
        file = self.export(tmp_path, *range(9))
        rows = "".join(
            f"v{n},{iso(1)},p{n},{'tbd' if n % 2 and n < 20 + more else 7},n\n" for n in range(20, 40)
        )
        file.write_text(file.read_text() + rows)
        command = (
            "backfill",
            file,
            *self.BACKFILL,
            "--rejects",
            "r.csv",
            "--batch-size",
            5,
            "--concurrency",
            1,
        )
        assert ours(*command).json["rejected"] >= 4
        Path("r.csv").unlink()
        ended = ours(*command)
        assert ended.json["warnings"] == ["r.csv is gone, and with it rejects of earlier attempts"]
        assert (ended.code, ended.json["rejected"]) == (3, 4 + more // 2)
        assert Path("r.csv").exists() == bool(more)

    @pytest.mark.parametrize("more", [6, 0])
    def test_of_a_finished_run_it_may_have_been_mended_and_deleted(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, more: int
    ) -> None:
        sandbox()
        rejects = tmp_path / "rejects.csv"
        command = ("backfill", self.export(tmp_path, 1, 2), *self.BACKFILL, "--rejects", rejects)
        assert ours(*command).json["rejected"] == 1
        rejects.unlink()
        self.export(tmp_path, 1, 2, 4, more + 1)
        assert ours(*command).json["warnings"] == []
        self.export(tmp_path, 4, more + 1)
        assert not [text for text in ours(*command).json["warnings"] if "gone" in text or "changed" in text]

    @pytest.mark.parametrize("name", ["r.csv", "./r.csv", "sub/../r.csv"])
    def test_a_file_is_named_once(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """By the name that the person gave it, in each attempt; also the second, of another shape."""
        sandbox()
        (tmp_path / "sub").mkdir()
        monkeypatch.chdir(tmp_path)
        file = self.export(tmp_path, *range(4))
        other = write(tmp_path / "w.csv", "id,at,who,fee,note,more\n" + f"x1,{iso(1)},p,tbd,n,m\n")
        for count in (2, 4, 6):
            self.export(tmp_path, *range(count))
            ended = ours("backfill", other, file, *self.BACKFILL, "--rejects", name)
            words = shlex.split(ended.json["mend"])
            files = words[2 : words.index("--event")]
            second = str(Path(name).with_name("r-2.csv"))
            assert (ended.json["rejects_file"], files) == (str(Path(name)), [str(Path(name)), second])

    def test_rows_that_somebody_added(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        rejects = tmp_path / "rejects.csv"
        command = ("backfill", self.export(tmp_path, 1), *self.BACKFILL, "--rejects", rejects)
        assert ours(*command).code == 3
        with rejects.open("a") as stream:
            stream.write(f"v9,{iso(1)},p9,9,mine,,,,,\n")
        self.export(tmp_path, 1, 3)
        assert ours(*command).json["rejected"] == 2
        assert rejects.read_text().endswith("mine,,,,,\n")

    def test_rows_that_are_added_while_the_file_is_opened(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By another run, which had the file until this one did."""
        sandbox()
        rejects = tmp_path / "rejects.csv"
        command = ("backfill", self.export(tmp_path, 1), *self.BACKFILL, "--rejects", rejects)
        assert ours(*command).code == 3

        def lock_late(stream: IO[str]) -> None:
            if "mine" not in rejects.read_text():
                with rejects.open("a") as other:
                    other.write(f"v9,{iso(1)},p9,9,mine,,,,,\n")
            lock(stream)

        monkeypatch.setattr(reject_files, "lock", lock_late)
        self.export(tmp_path, 1, 3)
        assert ours(*command).json["rejected"] == 2
        assert rejects.read_text().endswith("mine,,,,,\n")

    @pytest.mark.parametrize("next_night", [(2, 4), (1, 3)], ids=["clean", "rejects"])
    def test_rejects_of_another_run_are_kept(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, next_night: tuple[int, ...]
    ) -> None:
        sandbox()
        rejects = tmp_path / "rejects.csv"
        assert ours("backfill", self.export(tmp_path, 5), *self.BACKFILL, "--rejects", rejects).code == 3
        last_night = rejects.read_text()
        for kept in ("rejects.1.csv", "rejects.2.csv"):
            file = self.export(tmp_path, *next_night)
            ended = ours("backfill", file, *self.BACKFILL, "--rejects", rejects, "--restart")
            if kept == "rejects.1.csv":
                assert (tmp_path / kept).read_text() == last_night
                (warning,) = ended.json["warnings"]
                assert warning == f"what was in {rejects} before is in rejects.1.csv now"
        assert rejects.exists() == (next_night == (1, 3))
        assert (tmp_path / "rejects.2.csv").exists() == (next_night == (1, 3))

    def test_an_empty_file_at_a_named_path_is_written_to(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        """As `mktemp` makes it."""
        sandbox()
        rejects = write(tmp_path / "rejects.csv", "")
        ended = ours("backfill", self.export(tmp_path, 1), *self.BACKFILL, "--rejects", rejects)
        assert not ended.json["warnings"]
        assert len(rejects.read_text().splitlines()) == 2
        assert not (tmp_path / "rejects.1.csv").exists()

    def test_another_path_named_for_a_run_that_goes_on(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        first, second = tmp_path / "a.csv", tmp_path / "b.csv"
        file = self.export(tmp_path, 1)
        assert ours("backfill", file, *self.BACKFILL, "--rejects", first).code == 3
        self.export(tmp_path, 1, 3)
        ended = ours("backfill", file, *self.BACKFILL, "--rejects", second)
        assert [len(path.read_text().splitlines()) for path in (first, second)] == [2, 2]
        assert f"{first} {second}" in ended.json["mend"]

    def in_small_batches(self, folder: Path) -> tuple[Path, tuple[str | Path, ...]]:
        """Where its rejects go, and a command that has sent only some rows when a request is refused."""
        rejects = folder / "rejects.csv"
        words = ("--rejects", rejects, "--batch-size", "5", "--concurrency", "1")
        return rejects, ("backfill", self.export(folder, *range(40)), *self.BACKFILL, *words)

    ROWS = 600
    """Half of them rejects."""

    def begin(
        self, folder: Path, rejects: Path, sandbox: StartSandbox
    ) -> tuple[subprocess.Popen[str], Callable[[int], None]]:
        """A run that has written some rejects, and what lets it send so many rows more."""
        pace = threading.Semaphore(10)
        box = sandbox(on_event=lambda _: pace.acquire(timeout=60))
        file = self.export(folder, *range(self.ROWS))
        words = ("--batch-size", "5", "--concurrency", "1", "--rejects", str(rejects))
        command = [sys.executable, "-m", "ours_cli", "backfill", str(file), *self.BACKFILL, *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: box.totals().requests == 3 and rejects.stat().st_size)
        return process, pace.release

    def test_saved_by_an_editor_while_the_run_goes_on(self, sandbox: StartSandbox, tmp_path: Path) -> None:
        """Most editors write another file and rename it."""
        rejects, saved = tmp_path / "rejects.csv", tmp_path / "saved"
        process, go_on = self.begin(tmp_path, rejects, sandbox)
        saved.write_text(rejects.read_text().replace(",tbd,", ",1,"))
        saved.rename(rejects)
        go_on(self.ROWS)
        out, _ = process.communicate(timeout=60)
        result = json.loads(out)
        assert result["rejected"] == self.ROWS / 2
        assert ",tbd," not in rejects.read_text()
        rows = list(csv.DictReader((tmp_path / "rejects-2.csv").read_text().splitlines()))
        assert sorted(int(row["id"][1:]) for row in rows) == list(range(1, self.ROWS, 2))
        assert "replaced or moved while it was written" in result["warnings"][-1]
        assert f"{rejects} {tmp_path / 'rejects-2.csv'}" in result["mend"]

    def test_appended_to_and_emptied_while_the_run_goes_on(
        self, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        rejects = tmp_path / "rejects.csv"
        process, go_on = self.begin(tmp_path, rejects, sandbox)
        with rejects.open("a") as stream:
            stream.write("MINE\n")
        go_on(self.ROWS // 4)
        wait_for(lambda: not rejects.read_text().endswith("MINE\n"))
        assert "MINE\n" in rejects.read_text()
        rejects.write_text("")
        go_on(self.ROWS)
        process.communicate(timeout=60)
        assert process.returncode == 3
        assert "tbd" in rejects.read_text()
        assert "\0" not in rejects.read_text()

    def test_two_runs_do_not_write_one_file(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        rejects = tmp_path / "rejects.csv"
        process, go_on = self.begin(tmp_path, rejects, sandbox)
        (tmp_path / "other").mkdir()
        other = self.export(tmp_path / "other", 100, 101)
        ended = ours("backfill", other, *self.BACKFILL, "--rejects", rejects)
        assert ended.code == 11
        assert f"error: another run writes its rejects to {rejects} right now" in ended.err
        go_on(self.ROWS)
        out, _ = process.communicate(timeout=60)
        assert len(rejects.read_text().splitlines()) == 1 + json.loads(out)["rejected"]
        assert not (tmp_path / "rejects.1.csv").exists()

    def test_a_foreign_file_put_at_the_path_of_a_run_without_rejects(
        self, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        held = threading.Event()
        box = sandbox(on_event=lambda _: held.wait(60))
        rejects, foreign = tmp_path / "rejects.csv", write(tmp_path / "foreign", "precious\n")
        file = self.export(tmp_path, *range(0, 40, 2))
        words = ("--batch-size", "5", "--rejects", str(rejects))
        command = [sys.executable, "-m", "ours_cli", "backfill", str(file), *self.BACKFILL, *words]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(lambda: box.totals().requests)
        foreign.rename(rejects)
        held.set()
        assert process.wait(60) == 0
        assert rejects.read_text() == "precious\n"

    def test_mended_before_an_attempt_that_is_killed(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        """It was killed before it opened the file: what the attempt before it left still counts."""
        sandbox(Fault(When(nth=(2,)), Then("status", status=401)))
        rejects, command = self.in_small_batches(tmp_path)
        assert ours(*command).code == 4
        mended = rejects.read_text().rpartition(",tbd,")
        rejects.write_text(",1,".join((mended[0], mended[2])))
        edit_head(home, state="running", exit_code=None)
        before = rejects.read_text()
        assert ours(*command).json["rejected"] == 20
        assert rejects.read_text() == before
        assert (tmp_path / "rejects-2.csv").exists()

    def test_a_known_file_that_is_a_link_by_now(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        box = sandbox()
        rejects = tmp_path / "rejects.csv"
        command = ("backfill", self.export(tmp_path, 1), *self.BACKFILL, "--rejects", rejects)
        assert ours(*command).code == 3
        rejects.rename(tmp_path / "elsewhere.csv")
        rejects.symlink_to(tmp_path / "elsewhere.csv")
        self.export(tmp_path, 1, 2, 3)
        before = box.totals().requests
        ended = ours(*command)
        assert (ended.code, f"{rejects} is a link" in ended.err) == (2, True)
        assert box.totals().requests == before

    def test_a_foreign_file_after_a_kill(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        """The killed attempt may have left rejects there, or it never came to it: nobody knows."""
        sandbox(Fault(When(nth=(1,)), Then("status", status=401)))
        file, rejects = self.export(tmp_path, *range(10)), tmp_path / "rejects.csv"
        assert ours("backfill", file, *self.BACKFILL).code == 4
        edit_head(home, state="running", exit_code=None)
        rejects.write_text("precious\n")
        ended = ours("backfill", file, *self.BACKFILL, "--rejects", rejects)
        assert (ended.code, (tmp_path / "rejects.1.csv").read_text()) == (3, "precious\n")
        assert ended.json["warnings"] == [f"what was in {rejects} before is in rejects.1.csv now"]

    def test_mended_after_a_full_disk(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        sandbox()
        file, rejects = self.export(tmp_path, *range(10)), tmp_path / "rejects.csv"
        command = ("backfill", file, *self.BACKFILL, "--rejects", rejects)
        assert ours(*command).code == 3
        edit_head(home, state="failed", exit_code=7)
        mended = rejects.read_text() + f"v99,{iso(1)},p99,1,mine,,,,,\n"
        rejects.write_text(mended)
        self.export(tmp_path, *range(12))
        assert ours(*command).json["rejected"] == 6
        assert rejects.read_text() == mended

    def test_the_same_name_in_another_folder(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox()
        one, two = tmp_path / "one", tmp_path / "two"
        for folder in (one, two):
            folder.mkdir()
            self.export(folder, *range(4 if folder is one else 8))
        for folder in (one, two):
            monkeypatch.chdir(folder)
            assert ours("backfill", "visits.csv", *self.BACKFILL, "--rejects", "r.csv").code == 3
        theirs = (two / "r.csv").read_text()
        self.export(one, *range(6))
        ended = ours("backfill", "../one/visits.csv", *self.BACKFILL, "--rejects", "r.csv")
        assert (ended.code, ended.json["rejected"]) == (3, 3)
        assert len((one / "r.csv").read_text().splitlines()) == 1 + 2
        assert (two / "r.1.csv").read_text() == theirs
        assert len((two / "r.csv").read_text().splitlines()) == 1 + 1
        assert f"{one / 'r.csv'} r.csv" in ended.json["mend"]

    def test_a_replaced_export_tells_where_the_old_rejects_are(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        rejects = tmp_path / "rejects.csv"
        command = ("backfill", tmp_path / "visits.csv", *self.BACKFILL, "--rejects", rejects)
        self.export(tmp_path, 1)
        assert ours(*command).code == 3
        self.export(tmp_path, 3, 5)
        (warning,) = ours(*command).json["warnings"]
        assert warning == f"what was in {rejects} before is in rejects.1.csv now"

    def test_a_run_that_shows_its_rejects_forgets_no_file(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        file = self.export(tmp_path, 1)
        first = ours("backfill", file, *self.BACKFILL).json
        self.export(tmp_path, 1, 3)
        assert ours("backfill", file, *self.BACKFILL, "--rejects", "-").code == 3
        shown = ours("runs", "show", first["run"], "-o", "json").json
        assert [entry["path"] for entry in shown["rejects"]] == [first["rejects_file"]]

    @pytest.mark.parametrize(
        ("flag", "path"),
        [
            ("--report", "visits.csv"),
            ("--report", "map.toml"),
            ("--rejects", "map.toml"),
            ("--report", "key"),
            ("--report", "./folder/../visits.csv"),
        ],
    )
    @pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["sent", "dry run"])
    def test_no_output_over_what_is_read(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, flag: str, path: str, more: tuple[str, ...]
    ) -> None:
        box = sandbox()
        (tmp_path / "folder").mkdir()
        map_file = write(tmp_path / "map.toml", 'event = "Visit"\nexternalId = "{who}"\n')
        key = write(tmp_path / "key", "secret")
        before = self.export(tmp_path, 1).read_text()
        helpers = ("--map", map_file, "--hmac-key-file", key)
        ended = ours("backfill", tmp_path / "visits.csv", *helpers, flag, tmp_path / path, *more)
        assert ended.code == 2
        assert f"error: {flag} names a file that is being read" in ended.err
        assert (tmp_path / "visits.csv").read_text() == before
        assert (map_file.read_text()[:5], key.read_text()) == ("event", "secret")
        assert box.totals().requests == 0

    def test_one_file_for_two_outputs(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        path = tmp_path / "out"
        file = self.export(tmp_path, 1)
        ended = ours("backfill", file, *self.BACKFILL, "--rejects", path, "--report", path)
        assert (ended.code, "--rejects and --report name the same file" in ended.err) == (2, True)
        assert (
            ours("backfill", file, *self.BACKFILL, "--rejects", "/dev/null", "--report", "/dev/null").code
            == 3
        )

    def test_a_short_row_fed_back_unmended_is_rejected_again(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        file = write(tmp_path / "short.csv", f'id,at,who,fee,note\na,{iso(1)},"p, 1",5\nb,{iso(1)},p2,5,y\n')
        first, second = tmp_path / "a.csv", tmp_path / "b.csv"
        ended = ours("backfill", file, *self.BACKFILL, "--rejects", first)
        assert ended.json["reject_codes"] == {"ragged_row": 1}
        ended = ours("backfill", first, *self.BACKFILL, "--rejects", second)
        assert ended.json["reject_codes"] == {"ragged_row": 1}
        (row,) = csv.DictReader(second.read_text().splitlines())
        assert (row["id"], row["_raw"]) == ("", f'a,{iso(1)},"p, 1",5')
        shown = ours("backfill", file, *self.BACKFILL, "--rejects", "-", "--restart")
        row = json.loads(shown.out)
        assert (row["_raw"], "id" in row) == (f'a,{iso(1)},"p, 1",5', False)
        second.write_text(second.read_text().replace('""p, 1"",5', '""p, 1"",5,mended'))
        assert ours("backfill", second, *self.BACKFILL).json["accepted"] == 1


def test_standard_output_by_its_path_is_a_link_with_a_better_name(
    ours_process: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox()
    path = tmp_path / "rows.ndjson"
    path.write_text('{"event": "E", "externalId": "c"}\n')
    for name in ("/dev/stdout", "/dev/fd/1"):
        ended = ours_process("batch", path, "--rejects", name)  # into a pipe
        assert ended.code == 2
        assert f"error: {name} is a link" in ended.err
        assert "hint: --rejects -\n" in ended.err


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_name_that_is_no_utf8(ours: Ours, sandbox: StartSandbox, tmp_path: Path, output: str) -> None:
    """A file's name may be any bytes: it is journaled, told and found again."""
    place = sandbox(Fault(When(nth=(2,)), Then("status", status=401)))
    rejects = tmp_path / os.fsdecode(b"rj\xff.ndjson")
    good = [{"event": "E", "externalId": f"p{n}", "distinctId": f"d{n}"} for n in range(200)]
    file = write(tmp_path / "rows.ndjson", ndjson([{"event": ""}, *good, {"event": ""}]))
    flags = ("--rejects", rejects, "--batch-size", 100, "--concurrency", 1, "-o", output)
    assert ours("batch", file, *flags).code == 4
    for _ in range(2):
        ended = ours("batch", file, *flags)
        assert (ended.code, "damaged" in ended.err) == (3, False), ended.err
        assert rejects.read_text().count("\n") == 2
    assert place.totals().events == 200
    assert list(tmp_path.glob("rj*")) == [rejects]
    assert ours("runs", "-o", output).code == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_reject_amid_rows_that_workers_map(
    workers: int, ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox()
    rows: list[dict[str, Any]] = [{"event": "E", "externalId": f"p{n}"} for n in range(3000)]
    rows[2500] |= dict(zip(MARKS, [9, "given", "code", "message"], strict=False))
    ended = ours("batch", write(tmp_path / "f.ndjson", ndjson(rows)), "--workers", workers)
    assert ended.code == 0, ended.err
    (event,) = [event for event in place.events() if event.external_id == "p2500"]
    assert event.body == {"event": "E", "externalId": "p2500", "distinctId": "given"}


@pytest.mark.parametrize("spoilt", [True, False], ids=["mapped", "sent"])
def test_what_is_rejected_is_shown_once_whoever_rejects_it(
    spoilt: bool, ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox(Fault(When(distinct_id=("d1",)), Then("invalid_event")))
    rows = [{"event": "E", "externalId": f"p{n}", "distinctId": f"d{n}"} for n in range(3)]
    if spoilt:
        del rows[1]["externalId"]
    ended = ours("batch", write(tmp_path / "f.ndjson", ndjson(rows)), "--rejects", "-", "-q")
    assert ended.code == 3
    (shown,) = map(json.loads, ended.out.splitlines())
    assert shown["_distinctId"] == "d1"
