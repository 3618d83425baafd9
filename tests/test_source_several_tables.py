"""Files that are not one table: refused with what was seen, and read with the flag that the hint names."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ended, Ours, StartSandbox
from hypothesis import given
from hypothesis import strategies as st
from rows import write

from ours_cli.source.delimited import Row
from ours_cli.source.several_tables import has_record_types, refuse_header_rows, refuse_second_table

SECTIONS = """Order,Placed,Total
A1,2026-03-01,5.00
A2,2026-03-02,6.00

Refund,Order,Day,Reason
R1,A1,2026-03-03,broken
"""
TITLED = SECTIONS.replace("\n\n", "\nRefunds of the month,,\n")
SAME_WIDTH = "Order,Placed,Total\nA1,2026-03-01,5\nA2,2026-03-02,6\n\nRefund,Because,Amount\nR1,broken,5\n"
LOGGER = """"TOA5","CR1000","CR1000","1234","CR1000.Std","CPU:prog","5678","Table1"
"TIMESTAMP","RECORD","BattV","PTemp"
"TS","RN","Volts","Deg C"
"","","Min","Avg"
"2026-03-01 00:00:00",0,12.1,20
"2026-03-01 00:10:00",1,12.2,21
"2026-03-01 00:20:00",2,12.3,21
"""
UNITS = "when,dose,weight\ndate,mg,kg\n2026-03-01,5,70\n2026-03-02,6,71\n2026-03-03,7,72\n"
TYPES = """id,when,who,total
varchar(10),timestamp,varchar(20),m/s2
A1,2026-03-01,u1,1.5
A2,2026-03-02,u2,2.5
A3,2026-03-03,u3,3.5
"""
CODES = (
    UNITS.replace("when,", "who,when,").replace("date,mg,kg", "Q1,Q2,Q3,Q4").replace("\n2026", "\nC7,2026")
)
SURVEY = """StartDate,ResponseId,Age,Q1_1,Q2
Start Date,Response ID,How old are you?,Satisfied (0 to 10),Why?
"{""ImportId"":""startDate""}","{""ImportId"":""_recordId""}","{""ImportId"":""QID7""}",QID1_1,QID2
2026-03-01 10:00:00,R_1a2,31,7,Nice
2026-03-01 11:00:00,R_9c4,44,,
2026-03-01 12:00:00,R_7x3,27,9,So so
"""
RECORDS = """H,2026-03-01,ACME
D,A1,2026-03-01,5.00
D,A2,2026-03-02,6.00
T,2
"""
FLAGS = ("--event", "E", "--external-id", "x", "--max-age", "none", "-o", "json")


def send(ours: Ours, file: Path, *words: str) -> Ended:
    return ours("backfill", file, *FLAGS, *words)


@pytest.mark.parametrize(
    ("text", "time", "reason", "hint"),
    [
        (SECTIONS, "{Placed}", "another one, of other columns, on line 5", "--header-row 5"),
        (TITLED, "{Placed}", "another one, of other columns, on line 5", "--header-row 5"),
        (SAME_WIDTH, "{Placed}", "another one, of other columns, on line 5", "--header-row 5"),
        (SECTIONS.replace("\n\n", "\n,,\n"), "{Placed}", "on line 5", "head -n 4"),
        (LOGGER, "{TIMESTAMP}", "lines 1 to 4 look like 4 header rows", "--header-row 2 --where"),
        (UNITS, "{when}", "lines 1 to 2 look like 2 header rows", "--header-row 1 --where"),
        (TYPES, "{when}", "lines 1 to 2 look like 2 header rows", "without --where if they are broken rows"),
        (CODES, "{when}", "lines 1 to 2 look like 2 header rows", "--header-row 1 --where"),
        (SURVEY, "{StartDate}", "lines 1 to 3 look like 3 header rows", "--header-row 1 --where"),
        (RECORDS, "{3}", "records of several types", "--no-header --where"),
    ],
    ids=[
        "sections",
        "titled",
        "same-width",
        "padded",
        "logger",
        "units",
        "types",
        "codes",
        "survey",
        "records",
    ],
)
def test_refused(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, text: str, time: str, reason: str, hint: str
) -> None:
    place = sandbox(window_ms=None)
    ended = send(ours, write(tmp_path / "f.csv", text), "--time", time)
    assert (ended.code, ended.json["exit"]) == (6, 6)
    said, _, advice = ended.err.partition("hint:")
    assert reason in said
    assert hint in advice
    assert "A1" not in ended.err
    assert place.totals().requests == 0


@pytest.mark.parametrize(
    ("text", "flags", "accepted", "filtered"),
    [
        (SECTIONS, "--header-row 5 --time {Day}", 1, 0),
        (SECTIONS, "--skip-lines 4 --time {Day}", 1, 0),
        (LOGGER, "--header-row 2 --time {TIMESTAMP} --where TIMESTAMP~^[0-9]", 3, 2),
        (UNITS, "--header-row 1 --time {when} --where when~^[0-9]", 3, 1),
        (RECORDS, "--no-header --time {3} --where 1=D", 2, 2),
    ],
    ids=["header-row", "skip-lines", "logger", "units", "records"],
)
def test_read_with_the_flag(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, text: str, flags: str, accepted: int, filtered: int
) -> None:
    place = sandbox(window_ms=None)
    ended = send(ours, write(tmp_path / "f.csv", text), *flags.split(" "))
    assert ended.code == 0, ended.err
    assert (ended.json["accepted"], ended.json["filtered"]) == (accepted, filtered)
    assert place.totals().events == accepted


def test_the_first_table_through_a_pipe(ours_process: Ours, sandbox: StartSandbox) -> None:
    place = sandbox(window_ms=None)
    head = "".join(SECTIONS.splitlines(keepends=True)[:4]).encode()
    ended = ours_process("backfill", "-", *FLAGS, "--time", "{Placed}", stdin=head)
    assert ended.code == 0, ended.err
    assert place.totals().events == 2


def test_a_second_table_far_below_is_rejected_row_by_row(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox(window_ms=None)
    body = "".join(f"{n},2026-03-01,x,y\n" for n in range(150_000))
    text = f"Order,Placed,a,b\n{body}\nRefund,Day\nR1,2026-03-02\nR2,2026-03-03\n"
    file = write(tmp_path / "f.csv", text)
    ended = send(ours, file, "--time", "{Placed}", "-p", "order={Order}", "--dry-run")
    assert (ended.code, ended.json["unsent"]) == (3, 150_000)
    assert ended.json["reject_codes"] == {"ragged_row": 3}


class TestHeaderRow:
    def test_lines_above_and_line_numbers(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox(window_ms=None)
        text = "Report\n,of,\n2026-01-01,b\n2026-03-01,1\nnever,2\n"
        file = write(tmp_path / "f.csv", text)
        ended = send(ours, file, "--header-row", "3", "--time", "{2026-01-01}")
        assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, 1, 1)
        rejects = Path(ended.json["rejects_file"])
        assert rejects.read_text().splitlines()[0].startswith("2026-01-01,b,_line")
        assert ",5," in rejects.read_text().splitlines()[1]
        assert "--header-row" not in ended.json["mend"]
        assert place.totals().events == 1

    def test_in_a_map_file_under_which_rejects_are_mended(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(window_ms=None)
        chart = write(
            tmp_path / "m.toml",
            'event = "E"\ntime = "{a}"\nexternalId = "x"\n[source]\nheader_row = 3\n',
        )
        file = write(tmp_path / "f.csv", "Report\n\na,b\n2026-03-01,1\nnever,2\n")
        flags = ("--map", str(chart), "--max-age", "none", "-o", "json")
        ended = ours("backfill", file, *flags)
        assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, 1, 1)
        rejects = Path(ended.json["rejects_file"])
        rejects.write_text(rejects.read_text().replace("never", "2026-03-02"))
        words = ended.json["mend"].split()[1:]
        assert "--skip-lines" in words
        assert ours(*words).code == 0
        assert place.totals().events == 2

    @pytest.mark.parametrize(
        ("flags", "code", "reason"),
        [
            (("--header-row", "2", "--skip-lines", "1"), 2, "--header-row and --skip-lines"),
            (("--header-row", "2", "--no-header"), 2, "--header-row and --no-header"),
            (("--header-row", "0"), 2, "--header-row"),
            (("--header-row", "2"), 6, "line 2 (--header-row) is blank or not there"),
            (("--header-row", "9"), 6, "line 9 (--header-row) is blank or not there"),
            (("--header-row", "1", "--format", "ndjson"), 2, "is JSON"),
        ],
    )
    def test_refused(
        self, ours: Ours, tmp_path: Path, flags: tuple[str, ...], code: int, reason: str
    ) -> None:
        file = write(tmp_path / "f.csv", "a,b\n\n2026-03-01,1\n")
        ended = send(ours, file, "--time", "{a}", "--dry-run", *flags)
        assert ended.code == code
        assert reason in ended.err


@pytest.mark.parametrize(
    "text",
    [
        "id,name,n\n1,Ann,5\n\n2,Bo,6\n",
        "id,name,n\n1,Ann,5\n\nTotal,,5\n",
        "id,name,n\n1,Ann,n/a\n2,Bo,7\n3,Cy,8\n",
        "id,name,city\nx,Ann,Rome\n\ny,Bo,Oslo\n",
        "id,name,city\nx,Ann,Rome\n,,\ny,Bo,\nz,Cy,\n",
        "city,n,m\nRome,,\nOslo,1,2\nLima,3,4\nBern,5,6\n",
        'id,note,n\n1,"two\n\nlines",5\n2,x,6\n',
        "TYPE,AT,N\nA,2026-03-01,1\nB,2026-03-02,2\nA,2026-03-03,3\n",
        "ID,N\nA,1\nA,2,\nB,3\n",
    ],
)
def test_one_table_is_left_in_peace(ours: Ours, tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "f.csv", text)
    ended = send(ours, file, "--time", "2026-03-01", "-p", "*", "--dry-run")
    assert ended.code in (0, 3), ended.err


GOOD = "".join(f"A{n},2026-03-01,u{n},{n}.5\n" for n in range(40)).splitlines(keepends=True)
BAD = "A3,not-a-date,u3,abc\n"


@pytest.mark.parametrize(
    ("rows", "line", "code"),
    [
        ([*GOOD[:2], BAD, *GOOD[3:5]], 4, "bad_time"),
        ([BAD, *GOOD[:2]], 2, "bad_time"),
        ([BAD, *GOOD], 2, "bad_time"),
        (["1,nonsense,cust-1,tbd\n", *GOOD], 2, "bad_time"),
        ([GOOD[0], "x,y,z,none\n", *GOOD[1:]], 3, "bad_time"),
        ([GOOD[0], "x,y,z,none\n", "z,never,y,nil?\n", *GOOD[1:]], 3, "bad_time"),
        (["A1,x,y,z,1,2,3\n", *GOOD[:2]], 2, "ragged_row"),
        (["x,y,z,none,1,2,3\n", *GOOD[:2]], 2, "ragged_row"),
        (["x,y\n", *GOOD[:2]], 2, "ragged_row"),
        (["\n", BAD, *GOOD[2:]], 3, "bad_time"),
        ([*GOOD[:3], "Paused\n", BAD, *GOOD[3:]], 6, "bad_time"),
    ],
)
def test_a_bad_row_takes_no_neighbour_along(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, rows: list[str], line: int, code: str
) -> None:
    place = sandbox(window_ms=None)
    text = "id,when,who,total\n" + "".join(rows)
    file = write(tmp_path / "o.csv", text)
    words = ("--event", "E", "--external-id", "{who}", "--time", "{when}", "-p", "total={total|number}")
    flags = (*words, "--max-age", "none", "-o", "json")
    ended = ours("backfill", file, *flags)
    good = sum(row in GOOD for row in rows)
    assert (ended.code, ended.json["accepted"]) == (3, good), ended.err
    assert code in ended.json["reject_codes"]
    assert f",{line},," in Path(ended.json["rejects_file"]).read_text()
    assert {event.external_id for event in place.events()} <= {f"u{n}" for n in range(40)}
    assert ours("inspect", file).code == 0


def test_a_bad_first_row_is_known_by_words_that_stand_below(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox(window_ms=None)
    rows = "Ann,soon,Paid,EUR,none yet\nBo,2026-03-01,Open,EUR,1\nCy,2026-03-02,Paid,CHF,2\n"
    text = f"name,when,state,currency,total\n{rows}"
    ended = send(ours, write(tmp_path / "f.csv", text), "--time", "{when}", "-p", "total={total}")
    assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, 2, 1), ended.err


@pytest.mark.parametrize(
    "text",
    [
        "id,w,h,unit\nid,kg,cm,metric\nP001,70,175,metric\nP002,65,160,metric\nP003,80,182,imperial\n",
        "id,amount,qty\nVARCHAR2,NUMBER,NUMBER\nC001,12.5,3\nC002,7.0,1\nC003,9.9,2\n",
        "id,amount,qty\nkunde_nr1,betrag,menge\nA1,5,1\nA2,6,1\nA3,7,2\n",
        "id,sbp,dbp,unit\nidentifier,mmHg,mmHg,mmHg\nA1,120,80,mmHg\nA2,121,81,mmHg\nA3,119,79,mmHg\n",
    ],
)
def test_units_and_types_never_become_a_visitor(ours: Ours, tmp_path: Path, text: str) -> None:
    ended = ours(
        "identify", write(tmp_path / "f.csv", text), "--external-id", "{id}", "-u", "city=X", "--dry-run"
    )
    assert (ended.code, "lines 1 to 2 look like 2 header rows" in ended.err) == (6, True)


@pytest.mark.parametrize("header", ["day,Q1,visits,staff", "day,clinic,visits,refund"])
def test_a_second_table_below_a_blank_line_is_refused(ours: Ours, tmp_path: Path, header: str) -> None:
    first = "".join(f"2026-11-29T10:00:00Z,A{n},{n},{n}\n" for n in range(12))
    second = "".join(f"2026-11-29,C{n},70{n},8{n}\n" for n in range(5))
    file = write(tmp_path / "f.csv", f"date,id,amount,qty\n{first}\n{header}\n{second}")
    ended = send(ours, file, "--time", "{date}", "--dry-run")
    assert (ended.code, "another one, of other columns, on line 15" in ended.err) == (6, True)


def test_units_that_come_again_below_are_no_rows(ours: Ours, tmp_path: Path) -> None:
    units = "date,text,mg\n"
    body = "".join(f"2026-04-{n},{'abc'[n % 3]},1\n" for n in range(10, 30))
    file = write(tmp_path / "f.csv", f"when,kind,dose\n{units}{body}{units}")
    ended = send(ours, file, "--time", "{when}", "--dry-run")
    assert "lines 1 to 2 look like 2 header rows" in ended.err


def test_a_first_row_of_words_is_read_where_it_is_said_to_be_a_row(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox(window_ms=None)
    file = write(tmp_path / "f.csv", UNITS)
    ended = send(ours, file, "--time", "{when}", "--header-row", "1")
    assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, 3, 1)
    assert place.totals().events == 3


def test_a_bad_first_row_in_a_pipe(ours_process: Ours, sandbox: StartSandbox) -> None:
    place = sandbox(window_ms=None)
    text = "id,when,who,total\n" + BAD + "".join(GOOD)
    flags = ("--event", "E", "--external-id", "{who}", "--time", "{when}", "--max-age", "none", "-o", "json")
    ended = ours_process("backfill", "-", *flags, stdin=text.encode())
    assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, 40, 1), ended.err
    assert place.totals().events == 40


@given(st.lists(st.lists(st.sampled_from(["", "a", "AB", "1", "x y", "2026-01-01"]), min_size=3, max_size=3)))
def test_rows_of_one_width_are_never_records_of_several_types(cells: list[list[str]]) -> None:
    rows = [Row(line, row) for line, row in enumerate(cells, start=1) if any(row)]
    assert not has_record_types(rows)


@given(st.lists(st.tuples(st.integers(), st.dates()), min_size=1))
def test_a_plain_table_passes(values: list[tuple[int, object]]) -> None:
    rows = [Row(1, ["id", "day"]), *(Row(n, [str(a), str(b)]) for n, (a, b) in enumerate(values, start=2))]
    refuse_header_rows(rows, "f")
    refuse_second_table(rows, ["\n"] * (len(rows) + 1), 1, "f")
