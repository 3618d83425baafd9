"""The header again among the rows, as where files were joined: a reject with its own code, never a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Ended, Ours, StartSandbox
from rows import iso, write

from ours_cli.record import Malformed, Table
from ours_cli.source import ReadOptions, open_table, parse_raw, rows_midway

FIELDS = ("--event", "E", "--external-id", "{id}", "-p", "note={note}")
BOM = "\ufeff"


def part(*ids: int) -> str:
    return "id,when,note\n" + "".join(f"{number},{iso(1)},n\n" for number in ids)


def codes(ended: Ended) -> dict[str, int]:
    found: dict[str, int] = ended.json["reject_codes"]
    return found


@pytest.mark.parametrize("time", ["{when}", iso(2)], ids=["column", "literal"])
@pytest.mark.parametrize("flags", [(), ("--dry-run",)], ids=["sent", "dry"])
def test_backfill(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, time: str, flags: tuple[str, ...]
) -> None:
    place = sandbox()
    file = write(tmp_path / "o.csv", part(1) + part(2) + BOM + part(3))
    ended = ours("backfill", file, *FIELDS, "--time", time, "-o", "json", *flags)
    assert (ended.code, ended.json["read"], codes(ended)) == (3, 5, {"repeated_header": 2})
    assert {event.external_id for event in place.events()} == (set() if flags else {"1", "2", "3"})


def test_identify(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    file = write(tmp_path / "i.csv", "Email,First\na@x.com,Ann\nEmail,First\nb@x.com,Bob\n")
    ended = ours("identify", file, "--email", "{Email}", "-u", "first_name={First}")
    assert ended.code == 3
    assert "repeated_header 1: " in ended.err + ended.out
    assert "--time-format" not in ended.err + ended.out
    assert place.totals().events == 2


def test_fed_back_it_is_rejected_again(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    file = write(tmp_path / "o.csv", part(1) + part(2))
    first = ours("backfill", file, *FIELDS, "--time", "{when}", "-o", "json")
    assert first.json["mend"] is None, "they would be rejected again, however they are mended"
    again = ours("backfill", first.json["rejects_file"], *FIELDS, "--time", "{when}", "-o", "json")
    assert codes(again) == {"repeated_header": 1}
    assert place.totals().events == 2


def test_rejects_files_that_were_joined(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox()
    rejects = "id,when,note,_line,_distinctId,_code,_message,_raw\n"
    row = f"7,{iso(1)},n,9,,bad_time,soon,\n"
    ended = ours(
        "backfill", write(tmp_path / "r.csv", (rejects + row) * 2), *FIELDS, "--time", "{when}", "-o", "json"
    )
    assert (ended.json["accepted"], codes(ended)) == (2, {"repeated_header": 1})


def test_inspect_names_the_lines_and_leaves_them_out(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "o.csv", part(1, 2, 3) + part(4, 5) + part(6))
    found = ours("inspect", file, "-o", "json").json
    assert (found["rows"]["malformed"], found["rows"]["malformed_lines"]) == ({"repeated_header": 2}, [5, 8])
    assert {column["name"]: column["distinct"] for column in found["columns"]}["id"] == 6
    assert "repeated_header (line 5, 8)" in ours("inspect", file).out


@pytest.mark.parametrize("count", ["1", "2"])
def test_with_workers(ours_process: Ours, sandbox: StartSandbox, tmp_path: Path, count: str) -> None:
    """The headers are in the middle of what a worker is given as text."""
    place = sandbox()
    file = write(tmp_path / "o.csv", "".join(part(*range(n, n + 6000)) for n in range(0, 24_000, 6000)))
    rejects = tmp_path / "rejects.csv"
    words = (*FIELDS, "--time", "{when}", "--workers", count, "--rejects", rejects, "-o", "json")
    ended = ours_process("backfill", file, *words)
    assert codes(ended) == {"repeated_header": 3}, ended.err
    assert [line.split(",")[3] for line in rejects.read_text().splitlines()[1:]] == ["6002", "12003", "18004"]
    assert place.totals().events == 24_000


# --- what is the header again ------------------------------------------------------------------------------


def opened(tmp_path: Path, text: str, **told: Any) -> Table:
    return open_table(write(tmp_path / "t.csv", text), ReadOptions(**told))


def read(table: Table) -> list[Any]:
    return [row.code if isinstance(row, Malformed) else row.fields for row in table.records]


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("a,b", "a,b", {}),
        ("a,b", "a,b,,", {}),
        ("a,b", '"a","b"', {}),
        ("a,b", BOM + "a,b", {}),
        ("a,b", BOM + '"a","b"', {}),
        ('"a ""x""",b', BOM + '"a ""x""",b', {}),
        (",b", ",b", {}),
        ("a", "a", {}),
        ("a;b", BOM + "'a';b", {"delimiter": ";", "quote": "'"}),
        ('"a",b', '"a",b', {"quote": "none"}),
        ("title\na,b", "a,b", {"skip_lines": 1}),
        ("sep=;\na;b", "sep=;", {}),
        ("a;b", BOM + "sep=;", {}),
        ("a;b;c", "sep=;\n", {"delimiter": ";"}),
    ],
)
def test_the_header_again(tmp_path: Path, header: str, row: str, told: dict[str, Any]) -> None:
    lines = [header, "1;2" if ";" in header else "1,2" if "b" in header else "1", row]
    assert read(opened(tmp_path, "\n".join(lines), **told))[1:] == ["repeated_header"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\nA,B\na,c\nb,a\na,\n", {}),
        ("1,2\n3,4\n1,2\n", {"no_header": True}),
        ("x,2\n3,4\nx,2\n", {"no_header": True}),
        ("a;b\n1;2\nsep=;3\n", {}),
    ],
)
def test_not_the_header(tmp_path: Path, text: str, told: dict[str, Any]) -> None:
    assert "repeated_header" not in read(opened(tmp_path, text, **told))


def test_right_below_the_header_it_is_no_second_header_row(tmp_path: Path) -> None:
    """Where the first of the joined files was empty."""
    body = "2026-03-01,5,70\n2026-03-02,6,71\n2026-03-03,7,72\n"
    table = opened(tmp_path, f"when,dose,weight\n{BOM}when,dose,weight\n{body}\nwhen,dose,weight\n{body}")
    assert read(table).count("repeated_header") == 2


def test_raw_text_of_a_table_without_header(tmp_path: Path) -> None:
    assert parse_raw("1,2", opened(tmp_path, "x,y\n", no_header=True)) == ["1", "2"]


def test_in_the_middle_of_a_file(tmp_path: Path) -> None:
    table = opened(tmp_path, "".join("id,name\n" + f"{n},x\n" * 20 for n in range(100, 3000)))
    found = rows_midway(tmp_path / "t.csv", table, 200_000, 250_000, 200)
    assert found is not None
    assert ["id", "name"] not in [row.fields for row in found]
