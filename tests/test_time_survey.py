"""Which way round a column writes its dates, and the unit of its numbers: settled before anything is sent."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import Ended, Ours, StartSandbox
from faults_kit import fault, status
from rows import ndjson, write

from ours_cli.assembly.field_mapping import TimeColumn
from ours_cli.record import Malformed, Record, RowStream, Table
from ours_cli.rows.time_survey import settle_times
from ours_cli.sandbox import Sandbox, When
from ours_cli.templates.field_value import ABSENT
from ours_cli.timestamps import Conventions, TimeRules

FLAGS = ("--event", "E", "--time", "{when}", "--external-id", "{id}", "--max-age", "none")
OPEN = ["03/04/2026 10:00", "05/06/2025", "07.08.2024 1:00 pm", "02/02/2026"]


def csv(path: Path, times: list[str]) -> Path:
    return write(path, "when,id\n" + "".join(f"{text},c{number}\n" for number, text in enumerate(times)))


def day(place: Sandbox) -> set[str]:
    """The days that arrived."""
    return {text[:10] for text in instants(place)}


def instants(place: Sandbox) -> set[str]:
    """The times that arrived, in UTC."""
    times = [(event.time or 0) / 1000 for event in place.events()]
    return {datetime.fromtimestamp(seconds, UTC).isoformat() for seconds in times}


def refused(ended: Ended, place: Sandbox, home: Path) -> None:
    assert ended.code == 2
    assert '"read"' not in ended.out
    assert place.totals().requests == 0
    runs = home / "state" / "ours" / "runs"
    assert not runs.exists() or not list(runs.iterdir()), "a run was begun"
    for value in (*OPEN, "25/03", "03/25"):
        assert value not in ended.err


class TestOrder:
    @pytest.mark.parametrize(("last", "order"), [("25/03/2026", "day"), ("03/25/2026", "month")])
    def test_row_1153_settles_the_column(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, last: str, order: str
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", ["03/04/2026"] * 1152 + [last])
        assert ours("backfill", file, *FLAGS, "--dry-run").code == 0
        ended = ours("backfill", file, *FLAGS, "-o", "json")
        assert (ended.code, ended.json["accepted"]) == (0, 1153)
        assert day(place) == {"2026-04-03" if order == "day" else "2026-03-04", "2026-03-25"}

    def test_one_file_settles_the_others(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox(window_ms=None)
        first, second = csv(tmp_path / "a.csv", ["03/04/2026"]), csv(tmp_path / "b.csv", ["31.12.2025"])
        assert ours("backfill", first, second, *FLAGS).code == 0
        assert day(place) == {"2026-04-03", "2025-12-31"}

    @pytest.mark.parametrize("more", [(), ("--dry-run",)])
    def test_what_nothing_settles_demands_a_flag(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path, more: tuple[str, ...]
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", ["2026-01-02", "junk", "05/05/2026", *OPEN])
        ended = ours("backfill", file, *FLAGS, *more)
        refused(ended, place, home)
        assert f"column when: day and month cannot be told apart ({file}, line 5)" in ended.err
        assert "hint: say which with --day-first or --month-first" in ended.err
        told = ours("backfill", file, *FLAGS, "--day-first", "-o", "json", *more)
        assert (told.code, told.json["reject_codes"]) == (3, {"bad_time": 1})

    def test_a_year_that_may_stand_first_demands_a_flag(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", ["26-09-24"])
        ended = ours("backfill", file, *FLAGS)
        refused(ended, place, home)
        assert "line 2" in ended.err
        assert "--time-format '%y-%m-%d'" in ended.err
        assert ours("backfill", file, *FLAGS, "--time-format", "%y-%m-%d").code == 0
        assert day(place) == {"2026-09-24"}

    def test_a_date_far_down_shows_that_the_year_stands_last(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(window_ms=None)
        assert ours("backfill", csv(tmp_path / "o.csv", ["01-09-24", "12-31-25"]), *FLAGS).code == 0
        assert day(place) == {"2024-01-09", "2025-12-31"}

    @pytest.mark.parametrize("between", [0, 2000])
    def test_a_contradiction_names_both_lines(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path, between: int
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", ["25/03/2026", *["03/04/2026"] * between, "03/25/2026"])
        ended = ours("backfill", file, *FLAGS)
        refused(ended, place, home)
        assert (
            f"{file}, line 2 has the day first, {file}, line {3 + between:,} has the month first" in ended.err
        )
        assert "--day-first" in ended.err
        assert "--month-first" in ended.err

    def test_files_that_contradict_each_other(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        place = sandbox(window_ms=None)
        first, second = csv(tmp_path / "a.csv", ["03/25/2026"]), csv(tmp_path / "b.csv", ["25/03/2026"])
        ended = ours("backfill", first, second, *FLAGS)
        refused(ended, place, home)
        assert f"{second}, line 2 has the day first, {first}, line 2 has the month first" in ended.err

    def test_a_date_that_is_none_settles_nothing(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        place = sandbox(window_ms=None)
        refused(ours("backfill", csv(tmp_path / "o.csv", ["31/02/2026", *OPEN]), *FLAGS), place, home)

    def test_rows_behind_the_limit_say_nothing(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", ["03/04/2026", "25/03/2026"])
        refused(ours("backfill", file, *FLAGS, "--limit", "1"), place, home)
        assert ours("backfill", file, *FLAGS, "--limit", "2").code == 0

    @pytest.mark.parametrize("last", ["25/03/2026,void", "03/25/2026,paid"])
    def test_rows_that_are_left_out_say_nothing(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path, last: str
    ) -> None:
        place = sandbox(window_ms=None)
        rows = "31/12/2025,void\n03/04/2026,paid\n"
        file = write(tmp_path / "o.csv", f"when,id\n{rows}{last}\n")
        ended = ours("backfill", file, *FLAGS, "--where", "id=paid", "-o", "json")
        if last.endswith("void"):
            refused(ended, place, home)
            assert f"({file}, line 3)" in ended.err
        else:
            assert (ended.code, ended.json["accepted"], ended.json["filtered"]) == (0, 2, 1)
            assert day(place) == {"2026-03-04", "2026-03-25"}

    def test_rows_of_batch_that_are_left_out_say_nothing(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        place = sandbox(window_ms=None)
        rows: list[dict[str, Any]] = [
            {"event": event, "externalId": "x", "time": text}
            for event, text in (("A", "31/12/2025"), ("B", OPEN[0]), ("C", "03/25/2026"))
        ]
        file = write(tmp_path / "rows.ndjson", ndjson(rows))
        refused(ours("batch", file, "--max-age", "none", "--where", "event=B"), place, home)
        assert ours("batch", file, "--max-age", "none", "--where", "event!=A").code == 0
        assert day(place) == {"2026-03-04", "2026-03-25"}

    @pytest.mark.parametrize(
        "head",
        [[""] * 1000, [""] * 501 + ["2026-01-02"] * 499, ["2026-01-02"] * 999 + ["n/a"]],
        ids=["blank", "half blank", "one unreadable"],
    )
    def test_a_head_that_does_not_show_how_the_rest_is_written(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path, head: list[str]
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", [*head, "03/04/2026"])
        refused(ours("backfill", file, *FLAGS), place, home)
        ended = ours("backfill", csv(file, [*head, "03/04/2026", "25/03/2026"]), *FLAGS, "-o", "json")
        assert "ambiguous_time" not in ended.json["reject_codes"]
        assert {"2026-04-03", "2026-03-25"} <= day(place)

    def test_a_head_that_is_left_out_shows_nothing_either(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", [*["2026-01-02"] * 1000, "03/04/2026"])
        refused(ours("backfill", file, *FLAGS, "--where", "id=c1000"), place, home)

    @pytest.mark.parametrize("plain", ["2026-01-02T10:00:00Z", "1707878164", "20260102", "2 Jan 2026"])
    def test_plain_times_are_not_read_twice(self, plain: str) -> None:
        pulled: list[int] = []

        def rows() -> Iterator[Record | Malformed]:
            for number in range(5_000):
                pulled.append(number)
                yield Record(number + 2, ["" if number % 2 else plain])

        settle_times(_Files(rows()), _Mapping(), TimeRules(), None)  # type: ignore[arg-type]
        assert len(pulled) == 1_001

    def test_dates_that_turn_up_later_all_the_same_are_told_with_the_flag(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", [*["2026-01-02"] * 1000, "03/04/2026", "05/06/2026"])
        ended = ours("backfill", file, *FLAGS, "-o", "json")
        assert (ended.code, ended.json["reject_codes"]) == (3, {"ambiguous_time": 2})
        (told,) = [text for text in ended.json["warnings"] if "order" in text]
        assert "2 dates have an order that nothing tells" in told
        assert "--day-first or --month-first" in told
        assert ours("backfill", ended.json["rejects_file"], *FLAGS).code == 2
        assert ours("backfill", ended.json["rejects_file"], *FLAGS, "--month-first").code == 0
        assert day(place) == {"2026-01-02", "2026-03-04", "2026-05-06"}

    def test_split_columns(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox(window_ms=None)
        file = write(tmp_path / "o.csv", "Date,Clock\n03/04/2026,10:15\n25/03/2026,23:30\n")
        flags = (*FLAGS[:2], "--time", "{Date} {Clock}", "--external-id", "x", *FLAGS[-2:])
        assert ours("backfill", file, *flags, "--tz", "Europe/Berlin").code == 0
        assert instants(place) == {"2026-04-03T08:15:00+00:00", "2026-03-25T22:30:00+00:00"}

    def test_rows_of_batch(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path) -> None:
        place = sandbox(window_ms=None)
        rows: list[dict[str, Any]] = [{"event": "E", "externalId": "x", "time": text} for text in OPEN]
        file = write(tmp_path / "rows.ndjson", ndjson(rows))
        ended = ours("batch", file, "--max-age", "none")
        refused(ended, place, home)
        assert "time: day and month cannot be told apart" in ended.err
        write(file, ndjson([*rows, {**rows[0], "time": "25/03/2026"}]))
        assert ours("batch", file, "--max-age", "none").code == 0
        assert "2026-04-03" in day(place)


class TestStandardInput:
    def test_dates_are_held_back_until_one_settles_them(
        self, ours_process: Ours, sandbox: StartSandbox
    ) -> None:
        place = sandbox(window_ms=None)
        rows = "".join(f"03/04/2026,{number}\n" for number in range(9_998))
        ended = ours_process(
            "backfill", "-", *FLAGS, "-o", "json", stdin=f"when,id\n{rows}25/03/2026,x\n".encode()
        )
        assert (ended.code, ended.json["accepted"]) == (0, 9_999)
        assert day(place) == {"2026-04-03", "2026-03-25"}

    @pytest.mark.parametrize("cells", ["x", "x" * 1_700])
    def test_but_no_more_of_them_than_is_promised(
        self, ours_process: Ours, sandbox: StartSandbox, home: Path, cells: str
    ) -> None:
        place = sandbox(window_ms=None)
        count = 10_000 if len(cells) == 1 else 9_999
        rows = f"03/04/2026,{cells}\n" * count
        ended = ours_process("backfill", "-", *FLAGS, stdin=f"when,id\n{rows}25/03/2026,x\n".encode())
        refused(ended, place, home)
        assert "standard input, line 2" in ended.err

    @pytest.mark.parametrize("output", [(), ("-o", "json")])
    def test_what_nothing_settles_prints_no_books(
        self, ours_process: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path, output: tuple[str, ...]
    ) -> None:
        place = sandbox(window_ms=None)
        report = tmp_path / "report.json"
        words = ("backfill", "-", *FLAGS, "--report", report, *output)
        ended = ours_process(*words, stdin=b"when,id\n03/04/2026,a\n")
        refused(ended, place, home)
        assert "hint: say which with --day-first or --month-first" in ended.err
        assert json.loads(report.read_text())["exit"] == 2
        assert not output or ended.json == json.loads(report.read_text())

    def test_rows_that_are_left_out_neither_settle_nor_end_the_look(
        self, ours_process: Ours, sandbox: StartSandbox
    ) -> None:
        place = sandbox(window_ms=None)
        text = b"when,id\n31/12/2025,a\n2026-01-02,a\n03/04/2026,b\n03/25/2026,b\n"
        ended = ours_process("backfill", "-", *FLAGS, "--where", "id=b", "-o", "json", stdin=text)
        assert (ended.code, ended.json["accepted"]) == (0, 2)
        assert day(place) == {"2026-03-04", "2026-03-25"}

    def test_untimed_rows_of_batch_that_are_left_out_do_not_end_the_look(
        self, ours_process: Ours, sandbox: StartSandbox
    ) -> None:
        place = sandbox(window_ms=None)
        rows = [
            {"event": "A", "externalId": "x"},
            *({"event": "B", "externalId": "x", "time": text} for text in ("03/04/2026", "25/03/2026")),
        ]
        words = ("batch", "-", "--max-age", "none", "--where", "event=B", "-o", "json")
        ended = ours_process(*words, stdin=ndjson(rows).encode())
        assert (ended.code, ended.json["accepted"]) == (0, 2)
        assert day(place) == {"2026-04-03", "2026-03-25"}

    def test_a_resumed_run_keeps_its_journal_when_the_pipe_does_not_fit(
        self, ours_process: Ours, sandbox: StartSandbox
    ) -> None:
        place = sandbox(fault(When(nth=(2,)), status(401)), window_ms=None)
        words = ("backfill", "-", *FLAGS, "--batch-size", "1", "--concurrency", "1", "-o", "json")
        text = b"when,id\n2026-01-02,a\n2026-01-03,b\n"
        stopped = ours_process(*words, stdin=text)
        assert (stopped.code, stopped.json["accepted"]) == (4, 1)
        resume = ("--resume", stopped.json["run"])
        wrong = ours_process(*words, *resume, stdin=b"date,id\n2026-01-02,a\n")
        assert (wrong.code, wrong.json["exit"]) == (2, 2)
        shown = ours_process("runs", "show", stopped.json["run"], "-o", "json").json
        assert (shown["state"], shown["read"], shown["accepted"]) == ("failed", 1, 1)
        assert ours_process(*words, *resume, stdin=b"").code == 6
        ended = ours_process(*words, *resume, stdin=text)
        assert (ended.code, ended.json["accepted"]) == (0, 2)
        assert day(place) == {"2026-01-02", "2026-01-03"}

    def test_what_comes_later_in_the_other_order_is_rejected_and_told(
        self, ours_process: Ours, sandbox: StartSandbox
    ) -> None:
        sandbox(window_ms=None)
        text = b"when,id\n25/03/2026,a\n03/04/2026,b\n03/25/2026,c\n"
        ended = ours_process("backfill", "-", *FLAGS, "-o", "json", stdin=text)
        assert (ended.code, ended.json["reject_codes"]) == (3, {"ambiguous_time": 1})
        assert "1 date contradicts the order" in ended.err

    @pytest.mark.parametrize(
        ("times", "asked"),
        [
            (["2026-03-04T10:00:00Z"], 1),
            (["junk", "1707878164"], 2),
            (["", "25/03/2026"], 2),
            (["02/02/2026", "03/04/2026", "03/25/2026"], 3),
        ],
    )
    def test_no_row_is_waited_for_that_is_not_needed(self, times: list[str], asked: int) -> None:
        pulled: list[int] = []

        def rows() -> Iterator[Record | Malformed]:
            yield Malformed(1, "", "bad_csv", "")
            for number, text in enumerate(itertools.chain(times, itertools.repeat("03/04/2026"))):
                pulled.append(number)
                yield Record(number + 2, [text])

        settle_times(_Pipe(rows()), _Mapping(), TimeRules(), None)  # type: ignore[arg-type]
        assert len(pulled) == asked

    def test_a_told_order_looks_at_nothing(self) -> None:
        rows = map(_never, [1])
        for rules in (TimeRules(order="day"), TimeRules(format="%d/%m/%Y")):
            assert settle_times(_Pipe(rows), _Mapping(), rules, None) == Conventions()  # type: ignore[arg-type]
        pinned = Conventions(order="month", unit="s")
        assert settle_times(_Pipe(rows), _Mapping(), TimeRules(), None, pinned) == pinned  # type: ignore[arg-type]


def _never(_: int) -> Record | Malformed:
    raise AssertionError("a row was asked for")


class _Pipe:
    """Sources that are one pipe."""

    def __init__(self, rows: Iterator[Record | Malformed]) -> None:
        self._rows = rows

    def files(self) -> Iterator[Table]:
        return iter(())

    def pipes(self) -> Iterator[tuple[Table, Iterator[Record | Malformed]]]:
        yield Table("standard input", "csv", ("when",), RowStream(self._rows)), self._rows


class _Files:
    """Sources that are one file."""

    def __init__(self, rows: Iterator[Record | Malformed]) -> None:
        self._rows = rows

    def files(self) -> Iterator[Table]:
        yield Table("o.csv", "csv", ("when",), RowStream(self._rows))

    def pipes(self) -> Iterator[tuple[Table, Iterator[Record | Malformed]]]:
        return iter(())


class _Mapping:
    def time_column(self, _: Table) -> TimeColumn:
        return TimeColumn("column when", lambda fields: fields[0] or ABSENT, None)  # type: ignore[index]


class TestUnit:
    TIMES = ("1707878164", "1707878164000")

    def test_most_rows_of_the_head_tell_it(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox(window_ms=None)
        seconds, milliseconds = self.TIMES
        file = csv(tmp_path / "o.csv", [milliseconds, seconds, "2026-01-02", seconds])
        ended = ours("backfill", file, *FLAGS, "-o", "json")
        assert ended.json["reject_codes"] == {"mixed_epoch_units": 1}
        assert "c0" in Path(ended.json["rejects_file"]).read_text()
        assert "--epoch-unit" not in ended.json["mend"]

    @pytest.mark.parametrize("flags", [(), ("--epoch-unit", "s"), ("--epoch-unit=s",)])
    def test_the_mend_command_sends_those_of_the_other_unit(
        self, flags: tuple[str, ...], ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(window_ms=None)
        seconds, milliseconds = self.TIMES
        file = csv(tmp_path / "o.csv", [seconds, seconds, milliseconds, seconds, milliseconds])
        ended = ours("backfill", file, *FLAGS, *flags, "-o", "json")
        assert ended.json["reject_codes"] == {"mixed_epoch_units": 2}
        again = ours(*shlex.split(ended.json["mend"])[1:])
        assert (again.code, again.json["accepted"]) == (0, 2), again.err
        assert place.totals().events == 5

    def test_the_mend_command_says_the_unit_where_no_reject_has_another(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", [self.TIMES[0], self.TIMES[0], "soon"])
        ended = ours("backfill", file, *FLAGS, "-o", "json")
        assert ended.json["mend"].endswith("--epoch-unit s")

    def test_it_can_be_told(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", [*self.TIMES, self.TIMES[0]])
        ended = ours("backfill", file, *FLAGS, "--epoch-unit", "ms", "-o", "json")
        assert (ended.json["accepted"], ended.json["reject_codes"]) == (1, {"mixed_epoch_units": 2})
        assert day(place) == {"2024-02-14"}
        ended = ours("backfill", file, *FLAGS, "--epoch-unit", "minutes")
        assert ended.code == 2
        assert "--epoch-unit must be one of s, ms, us, ns" in ended.err


class TestPinned:
    def test_a_run_that_goes_on_reads_as_it_began(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, home: Path
    ) -> None:
        place = sandbox(fault(When(nth=(2,)), status(401)), window_ms=None)
        file = csv(tmp_path / "o.csv", ["03/04/2026"] * 150 + ["25/03/2026"])
        arguments = ("backfill", file, *FLAGS, "--batch-size", "100", "--concurrency", "1", "-o", "json")
        stopped = ours(*arguments)
        assert (stopped.code, stopped.json["accepted"]) == (4, 100)
        (head,) = (home / "state" / "ours" / "runs").glob("*/run.json")
        assert json.loads(head.read_text())["times"] == {"order": "day", "year_last": False, "unit": None}
        # What was added would contradict, were the whole file looked at again.
        with file.open("a") as stream:
            stream.write("04/03/2026,z\n03/25/2026,y\n")
        ended = ours(*arguments)
        assert (ended.code, ended.json["accepted"], ended.json["reject_codes"]) == (
            3,
            152,
            {"ambiguous_time": 1},
        )
        assert day(place) == {"2026-04-03", "2026-03-25", "2026-03-04"}
        assert json.loads(head.read_text())["times"]["order"] == "day"

    def test_a_run_that_did_nothing_binds_nobody(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(fault(When(nth=(1,)), status(401)), window_ms=None)
        file = csv(tmp_path / "o.csv", ["25/11/2025", "03/11/2025"])
        assert ours("backfill", file, *FLAGS).code == 4
        # The same name, exported again, by another locale.
        csv(file, ["11/25/2025", "11/03/2025"])
        assert ours("backfill", file, *FLAGS).code == 0
        assert day(place) == {"2025-11-25", "2025-11-03"}

    def test_the_rejects_are_read_like_the_rest(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", ["25/03/2026", "03/04/2026 25:00"])
        ended = ours("backfill", file, *FLAGS, "-o", "json")
        assert (ended.code, ended.json["reject_codes"]) == (3, {"bad_time": 1})
        mend = ended.json["mend"].split()
        assert "--day-first" in mend
        assert ended.json["mend"].endswith("--tz UTC")
        rejects = Path(ended.json["rejects_file"])
        rejects.write_text(rejects.read_text().replace("25:00", "22:00"))
        assert ours("backfill", rejects, *FLAGS, "--day-first", "--tz", "UTC").code == 0
        assert day(place) == {"2026-03-25", "2026-04-03"}

    def test_what_was_told_is_not_told_twice(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", ["25/03/2026", "03/04/2026 25:00"])
        ended = ours("backfill", file, *FLAGS, "--day-first", "--tz", "Asia/Tokyo", "-o", "json")
        assert ended.json["mend"].count("--day-first") == 1
        assert ended.json["mend"].count("--tz") == 1


class TestHeader:
    @pytest.mark.parametrize(
        ("column", "said"),
        [
            ("Created (UTC)", "--tz ZONE says otherwise"),
            ("created_utc", "--tz ZONE says otherwise"),
            ("Time (h)", "--tz ZONE says otherwise"),
            ("Created (PST)", "--tz PST"),
            ("Date [America/New_York]", "--tz America/New_York"),
            ("Start (Eastern Time (US & Canada))", "--tz ZONE says otherwise"),
            ("Paid (Europe/Berlin time zone)", "--tz Europe/Berlin"),
        ],
    )
    def test_a_zone_in_it_is_a_hint_and_no_more(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, column: str, said: str
    ) -> None:
        place = sandbox(window_ms=None)
        file = write(tmp_path / "o.csv", f"{column},id\n2026-01-02 10:00,c1\n")
        flags = (*FLAGS[:2], "--time", f"{{{column}}}", *FLAGS[4:])
        ended = ours("backfill", file, *flags)
        assert ended.code == 0
        assert "1 time had no zone and was read as UTC" in ended.err
        assert said in ended.err
        assert instants(place) == {"2026-01-02T10:00:00+00:00"}
        assert "had no zone" not in ours("backfill", file, *flags, "--tz", "Asia/Tokyo", "--restart").err


class TestLetters:
    """Abbreviations that several zones share."""

    @pytest.mark.parametrize(
        ("zone", "utc"),
        [("Asia/Kolkata", "04:30"), ("Europe/Dublin", "09:00"), ("Asia/Jerusalem", None)],
    )
    def test_the_zone_tells_which(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, zone: str, utc: str | None
    ) -> None:
        place = sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", ["2026-07-01 10:00 IST"])
        ended = ours("backfill", file, *FLAGS, "--tz", zone, "-o", "json")
        if utc is None:
            # In July Israel has IDT: IST is not its own then.
            assert ended.json["reject_codes"] == {"unknown_zone": 1}
            return
        assert ended.code == 0
        assert instants(place) == {f"2026-07-01T{utc}:00+00:00"}

    def test_without_it_they_are_refused_with_the_flag(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox(window_ms=None)
        file = csv(tmp_path / "o.csv", ["2026-07-01 10:00 IST"])
        ended = ours("backfill", file, *FLAGS, "--dry-run")
        assert ended.code == 3
        assert "--tz, such as Asia/Kolkata for IST" in ended.out
