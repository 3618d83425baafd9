"""`ours runs` through the door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import TOKEN, Ended, Ours, StartSandbox
from faults_kit import MARKER, fault, rows_file, status
from rows import iso, write

from ours_cli.rows.run_context import new_run_id
from ours_cli.runs.journal import Journal
from ours_cli.runs.run_head import Identity, read_head, write_head
from ours_cli.sandbox import Sandbox, When


@pytest.fixture
def stopped(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> Sandbox:
    """A run of 300 rows: 200 done, one of them rejected, then a 401."""
    place = sandbox(fault(When(nth=(3,)), status(401)), fault(When(distinct_id=("d-0007",)), "invalid_event"))
    file = rows_file(tmp_path, 300)
    assert ours("batch", file, "--batch-size", 100, "--concurrency", 1).code == 4
    return place


def only_run(ours: Ours) -> str:
    (entry,) = ours("runs", "-o", "json").json
    name: str = entry["run"]  # type: ignore[index]
    return name


def test_no_runs(ours: Ours) -> None:
    ended = ours("runs")
    assert (ended.code, ended.out) == (0, "")
    assert "no runs" in ended.err


def test_list(ours: Ours, stopped: Sandbox) -> None:
    ended = ours("runs", "list")
    assert ended.code == 0
    heads, line = (line.split() for line in ended.out.splitlines())
    assert heads == ["run", "command", "state", "accepted", "rejected", "files"]
    assert line[1:] == ["batch", "failed", "199", "1", "rows.ndjson"]


def test_list_keeps_its_columns_where_an_id_is_long(ours: Ours, stopped: Sandbox, tmp_path: Path) -> None:
    for shard in ("0/10", "9/10"):
        ours("batch", tmp_path / "rows.ndjson", "--shard", shard)
    heading, *lines = ours("runs", "list").out.splitlines()
    assert len(lines) == 3
    at = heading.index("command")
    assert {line[at - 1 :].split()[0] for line in lines} == {"batch"}
    assert all(line[at - 1 : at + 5] == " batch" for line in lines)
    assert len({line.index("rows.ndjson") for line in lines} | {heading.index("files")}) == 1


def test_show_is_a_receipt_without_values(ours: Ours, stopped: Sandbox) -> None:
    name = only_run(ours)
    entry = ours("runs", "show", name[:20], "-o", "json").json
    assert (entry["run"], entry["state"], entry["exit"], entry["attempts"]) == (name, "failed", 4, 1)
    assert (entry["done"], entry["accepted"], entry["rejected"]) == (200, 199, 1)
    assert entry["reject_codes"] == {"invalid_event": 1}
    assert [file["exists"] for file in entry["rejects"]] == [True]
    text = ours("runs", "show", name).out
    for secret in (TOKEN, MARKER, json.dumps(MARKER)[1:-1], "d-0007"):
        assert secret not in text + json.dumps(entry)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (("--where", "who=ann@clinic.example"), "--where 'who=***'"),
        (("--where=who!=ann@clinic.example",), "'--where=who!=***'"),
        (("--where", "who~ann@"), "--where 'who~***'"),
        (("--where", '"w=o"=ann@clinic.example'), "--where '\"w=o\"=***'"),
        (("--where", "who!="), "--where 'who!='"),
        (("--email", "ann@clinic.example"), "--email '***'"),
        (("--user-id=ann",), "'--user-id=***'"),
        (("--email", "{who}"), "--email '{who}'"),
        (("--email", "{{ann}}@x.org"), "--email '***'"),
        (("-p", "plan=ann"), "-p 'plan=***'"),
        (("-p", "plan:=99"), "-p 'plan:=***'"),
        (("-p", r"a\=b=ann"), r"-p 'a\=b=***'"),
        (("-p", "plan={who}"), "-p 'plan={who}'"),
        (("-p", "*"), "-p '*'"),
        (("-uzip=99999",), "'-uzip=***'"),
        (("-qu", "zip=99999"), "-qu 'zip=***'"),
        (("--default-property", "utm_term=ann"), "--default-property 'utm_term=***'"),
        (("--ip", "203.0.113.7", "--user-agent", "{who}"), "--ip '***' --user-agent '{who}'"),
        (("--since", "2020-01-01"), "--since 2020-01-01"),
    ],
)
def test_show_masks_what_arguments_say_of_people(
    given: tuple[str, ...], shown: str, ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox()
    file = write(tmp_path / "o.csv", f"t,who,w=o\n{iso(1)},ann@clinic.example,ann@clinic.example\n")
    ended = ours("backfill", file, "--event", "E", "--time", "{t}", "--external-id", "{who}", *given)
    assert ended.code == 0, ended.err
    name = only_run(ours)
    arguments = f"ours backfill {file} --event E --time '{{t}}' --external-id '{{who}}' {shown}"
    assert ours("runs", "show", name, "-o", "json").json["arguments"] == arguments
    assert arguments in " ".join(ours("runs", "show", name).out.split())
    assert ours("runs", "resume", name).code == 0, "the run itself knows its values"


def test_names_sort_by_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest run of the same files is the one to go on with, also where two began in one second."""
    names = []
    for moment in range(1_790_000_000_000_000_000, 1_790_000_003_000_000_000, 250_000_000):
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment)
        names.append(new_run_id())
    assert names == sorted(names)


def test_the_same_rows_have_the_same_digest(ours: Ours, stopped: Sandbox, tmp_path: Path) -> None:
    first = ours("runs", "show", only_run(ours), "-o", "json").json
    assert ours("runs", "resume", first["run"]).code == 3
    assert ours("batch", tmp_path / "rows.ndjson", "--batch-size", 100, "--restart").code == 3
    entries = ours("runs", "-o", "json").json
    digests = {entry["digest"] for entry in entries}  # type: ignore[index]
    assert len(entries) == 2
    assert len(digests) == 1
    assert first["digest"] not in digests


def test_resume(ours: Ours, stopped: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = only_run(ours)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    ended = ours("runs", "resume", name)
    assert ended.code == 3, ended.err
    assert "200 rows are done" in ended.err
    assert "ours batch " in ended.out
    assert "ours runs" not in ended.out
    assert stopped.totals().events == 299
    assert ended.err.startswith(f"paths are relative to {Path.cwd()}, where the run was begun\n")
    assert ours("runs", "show", name, "-o", "json").json["state"] == "partial"


def test_restart_and_resume_contradict_each_other(
    ours: Ours, stopped: Sandbox, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """It went on, and then told the person to use --restart."""
    ended = ours("batch", tmp_path / "rows.ndjson", "--restart", "--resume", only_run(ours))
    assert ended.code == 2
    assert (
        "error: --restart begins a new run, and --resume goes on with one\nhint: leave --resume" in ended.err
    )
    assert len(list(stopped.events())) == 199


def test_resume_with_a_result_in_json(ours: Ours, stopped: Sandbox) -> None:
    ended = ours("runs", "resume", only_run(ours), "-o", "json")
    assert (ended.code, ended.json["accepted"]) == (3, 299)
    assert "paths are relative" not in ended.err


def test_resume_of_a_pipe_is_refused(ours: Ours, ours_process: Ours, sandbox: StartSandbox) -> None:
    sandbox(fault(When(), status(401)))
    assert ours_process("batch", "-", stdin=b'{"event":"E","externalId":"c"}\n').code == 4
    name = only_run(ours)
    ended = ours("runs", "resume", name)
    assert ended.code == 2
    assert f"ours batch --resume {name} -" in ended.err


class TestDelete:
    def test_by_name(self, ours: Ours, stopped: Sandbox, home: Path) -> None:
        name = only_run(ours)
        assert ours("runs", "delete", name, "-o", "json").json == {"deleted": [name]}
        assert list((home / "state" / "ours" / "runs").iterdir()) == []
        assert ours("runs", "show", name).code == 2

    def test_no_name_names_none(self, ours: Ours, stopped: Sandbox) -> None:
        """As of a variable that a script has not set."""
        name = only_run(ours)
        assert ours("runs", "delete", "").code == 2
        assert only_run(ours) == name

    def test_by_age(self, ours: Ours, stopped: Sandbox, home: Path) -> None:
        assert ours("runs", "resume", only_run(ours)).code == 3
        (folder,) = (home / "state" / "ours" / "runs").iterdir()
        assert ours("runs", "delete", "--older-than", "30d").out == "0 runs deleted\n"
        write_head(folder, replace(read_head(folder), started_s=int(time.time()) - 31 * 86_400))
        assert ours("runs", "delete", "--older-than", "30d").out == "1 run deleted\n"
        assert not folder.exists()

    def test_by_age_leaves_and_names_what_can_go_on(
        self, ours: Ours, stopped: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without its journal the same command would send rows again that the server cannot know."""
        name, later = only_run(ours), time.time() + 10 * 86_400
        monkeypatch.setattr("ours_cli.commands.runs.time.time", lambda: later)
        ended = ours("runs", "delete", "--older-than", "1d")
        assert (ended.code, ended.out) == (0, "0 runs deleted\n")
        assert ended.err == (
            f"warning: run {name} is unfinished, and was left as it is: ours runs resume {name} goes on with"
            f" it, ours runs delete {name} removes it\n"
        )
        assert ours("runs", "resume", name).code == 3
        assert ours("runs", "delete", "--older-than", "1d").out == "1 run deleted\n"

    @pytest.mark.parametrize("typed", ["5", "0", " 1.5 "])
    def test_an_age_without_a_unit_is_refused(self, ours: Ours, stopped: Sandbox, typed: str) -> None:
        ended = ours("runs", "delete", "--older-than", typed)
        assert ended.code == 2
        assert f"hint: --older-than {typed.strip()}d" in ended.err
        assert only_run(ours)

    def test_rejects_elsewhere_are_named_and_kept(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox(fault(When(distinct_id=("d-0007",)), "invalid_event"))
        rejects = tmp_path / "bad.ndjson"
        assert ours("batch", rows_file(tmp_path, 20), "--rejects", rejects).code == 3
        ended = ours("runs", "delete", only_run(ours))
        assert (ended.code, rejects.exists()) == (0, True)
        assert "bad.ndjson" in ended.err

    def test_nothing_is_deleted_where_one_is_running(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        sandbox()
        for name in ("a", "b"):
            folder = tmp_path / name
            folder.mkdir()
            assert ours("batch", rows_file(folder, 3)).code == 0
        first, second = sorted((home / "state" / "ours" / "runs").iterdir())
        with Journal(second, begin=False):
            ended = ours("runs", "delete", first.name, second.name)
            assert ended.code == 11
            assert second.name in ended.err
            assert first.exists()
            assert second.exists()
        assert ours("runs", "delete", first.name, first.name, second.name).out == "2 runs deleted\n"
        assert not first.exists()

    def test_several_at_the_same_time(self, ours: Ours, stopped: Sandbox, home: Path) -> None:
        (folder,) = (home / "state" / "ours" / "runs").iterdir()
        for number in range(2000):  # what takes a while to delete
            (folder / f"rejects.{number}.ndjson").touch()
        words = [sys.executable, "-m", "ours_cli", "runs", "delete", folder.name]
        all_of_them = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        ended = [(one.communicate(timeout=60)[1], one.returncode) for one in all_of_them]
        assert sorted(code for _, code in ended) == [0, 2, 2, 2]
        assert sum(f"there is no run {folder.name!r}" in err for err, _ in ended) == 3
        assert not folder.exists()

    def test_by_age_what_another_deletes_meanwhile_is_gone(
        self, ours: Ours, stopped: Sandbox, home: Path
    ) -> None:
        assert ours("runs", "resume", only_run(ours)).code == 3
        (folder,) = (home / "state" / "ours" / "runs").iterdir()
        write_head(folder, replace(read_head(folder), started_s=int(time.time()) - 31 * 86_400))
        for number in range(2000):
            (folder / f"rejects.{number}.ndjson").touch()
        words = [sys.executable, "-m", "ours_cli", "runs", "delete", "--older-than", "30d"]
        all_of_them = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        ended = [(one.communicate(timeout=60)[0], one.returncode) for one in all_of_them]
        assert sorted(ended) == [("0 runs deleted\n", 0)] * 3 + [("1 run deleted\n", 0)]

    def test_a_rehearsal_that_left_rejects(self, ours: Ours, tmp_path: Path, home: Path) -> None:
        file = tmp_path / "rows.ndjson"
        file.write_text('{"event": "A"}\n')
        for _ in range(2):
            assert ours("batch", file, "--sandbox").code == 3
        old, new = sorted((home / "state" / "ours" / "runs").iterdir())
        said = (
            f"2 rehearsals (--sandbox) left rejects, the last in {new};"
            " ours runs delete --older-than 30d removes old ones, and old finished runs\n"
        )
        assert ours("runs").err == f"{said}there are no runs in {new.parent}\n"
        os.utime(old, (0, 0))
        assert ours("runs", "delete", "--older-than", "30d").out == "1 run deleted\n"
        assert not old.exists()
        assert new.exists()
        assert ours("runs", "delete", new.name).code == 0
        assert not new.exists()

    @pytest.mark.parametrize("begun", ["folder", "lock", "journal", "identity", "head"])
    def test_a_run_that_was_killed_before_it_began(
        self, ours: Ours, home: Path, begun: str, stopped: Sandbox, tmp_path: Path
    ) -> None:
        folder = home / "state" / "ours" / "runs" / new_run_id()
        folder.mkdir()
        if begun in ("journal", "identity"):
            with Journal(folder, begin=True) as journal:
                if begun == "identity":
                    journal.note_identity(Identity("batch", "m", "https://x", "t", (str(tmp_path / "y"),)))
        elif begun == "lock":
            (folder / "lock").touch()
        elif begun == "head":
            (folder / ".run.json.4711").write_text("{")
        killed = f"run {folder.name} was killed before it began, and has sent nothing"
        listed = ours("runs").err
        assert listed == f"{killed}; ours runs delete {folder.name} removes it\n"
        shown = ours("runs", "show", folder.name)
        assert (shown.code, shown.err.partition("\n")[0]) == (6, f"error: {killed}")
        assert ours("runs", "delete", "--older-than", "30d").out == "0 runs deleted\n"
        os.utime(folder, (0, 0))
        assert ours("runs", "delete", "--older-than", "30d").out == "1 run deleted\n"
        assert not folder.exists()
        assert ours("runs").out.count("batch") == 1

    def test_what_holds_something_else_is_no_beginning(
        self, ours: Ours, home: Path, stopped: Sandbox
    ) -> None:
        folder = home / "state" / "ours" / "runs" / "mine"
        folder.mkdir()
        (folder / "notes.txt").touch()
        (run,) = (path for path in folder.parent.iterdir() if path != folder)
        (run / "run.json").unlink()
        for path in (folder, run):
            os.utime(path, (0, 0))
        assert ours("runs", "delete", "--older-than", "1d").out == "0 runs deleted\n"
        assert "run mine is damaged; ours runs delete mine removes it" in ours("runs").err
        assert f"run {run.name} is damaged" in ours("runs").err
        (folder.parent / "mine too").mkdir()
        assert ours("runs", "delete", "mine").code == 0
        assert not folder.exists()

    def test_a_journal_with_rows_is_no_beginning(
        self, ours: Ours, home: Path, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        assert ours("batch", rows_file(tmp_path, 3)).code == 0
        (run,) = (home / "state" / "ours" / "runs").iterdir()
        (run / "run.json").unlink()
        assert f"run {run.name} is damaged" in ours("runs").err
        assert "is damaged" in ours("runs", "show", run.name).err

    def test_a_run_that_begins_right_now_is_neither_damaged_nor_killed(self, ours: Ours, home: Path) -> None:
        folder = home / "state" / "ours" / "runs" / new_run_id()
        folder.mkdir(parents=True)
        with Journal(folder, begin=True):
            assert ours("runs").err == f"there are no runs in {folder.parent}\n"
            assert "was killed" not in ours("runs", "show", folder.name).err
        assert "was killed before it began" in ours("runs").err

    @pytest.mark.parametrize("name", ["run.json", "journal.db"])
    def test_by_age_leaves_and_names_what_is_damaged(
        self, ours: Ours, stopped: Sandbox, home: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder,) = (home / "state" / "ours" / "runs").iterdir()
        with (folder / name).open("a") as stream:
            stream.write("{")
        later = time.time() + 10 * 86_400
        monkeypatch.setattr("ours_cli.commands.runs.time.time", lambda: later)
        ended = ours("runs", "delete", "--older-than", "1d")
        assert (ended.code, ended.out, folder.exists()) == (0, "0 runs deleted\n", True)
        assert (
            f"run {folder.name} is damaged, or of another version of ours, and was left as it is;"
            f" ours runs delete {folder.name} removes it" in ended.err
        )
        assert ours("runs", "delete", folder.name).code == 0
        assert ours("runs", "delete", "--older-than", "1d").err == ""

    def test_a_damaged_head(self, ours: Ours, stopped: Sandbox, home: Path) -> None:
        (folder,) = (home / "state" / "ours" / "runs").iterdir()
        (folder / "run.json").write_text("{")
        assert f"ours runs delete {folder.name}" in ours("runs").err
        shown = ours("runs", "show", folder.name)
        assert shown.code == 6
        assert f"ours runs delete {folder.name}" in shown.err
        assert ours("runs", "delete", folder.name).code == 0
        assert not folder.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("show", "nope"),
        ("resume",),
        ("delete",),
        ("delete", "x", "--older-than", "1d"),
        ("delete", "--older-than", "soon"),
        ("list", "--older-than", "1d"),
        ("lst",),
    ],
    ids=" ".join,
)
def test_usage(ours: Ours, arguments: tuple[str, ...]) -> None:
    ended: Ended = ours("runs", *arguments)
    assert ended.code == 2
    assert "hint:" in ended.err
    assert os.environ["XDG_STATE_HOME"] not in ended.out


def test_a_file_name_of_several_lines_stays_in_its_line(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox()
    file = tmp_path / "two\nlines\tand\x1btabs.ndjson"
    file.write_text('{"event": "E", "externalId": "c"}\n')
    assert ours("batch", file).code == 0
    lines = ours("runs").out.splitlines()
    assert len(lines) == 2
    assert lines[1].endswith(r"two\x0alines\x09and\x1btabs.ndjson")


def test_what_is_detected_is_said_once_of_a_file_that_was_replaced(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """The file is read as that of the finished run, and then anew."""
    sandbox()
    file = tmp_path / "orders.csv"
    for ids in ("a", "bc"):
        file.write_text("id;when\n" + "".join(f"{one};{iso(1)}\n" for one in ids))
        ended = ours("backfill", file, "--event", "E", "--external-id", "{id}", "--time", "{when}")
        assert ended.code == 0
        assert ended.err == f"{file}: cells separated by semicolon (detected)\n"
