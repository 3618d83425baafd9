"""`ours inspect` on files made here: what it shows, what it keeps to itself, what it proposes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shlex
import shutil
import string
import subprocess
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours
from hypothesis import example, given
from hypothesis import strategies as st

from ours_cli.inspect import sampling
from ours_cli.inspect.distinct import DistinctCount
from ours_cli.inspect.kinds import NUMBER_STYLES, SHAPE, is_same_in_all, kind_of, masked, shapes_of, styles_of
from ours_cli.inspect.moments import Moments, form_of
from ours_cli.inspect.profile import Profile
from ours_cli.inspect.words import is_named_time, key_of, words_of
from ours_cli.record import Record
from ours_cli.templates.field_value import ABSENT
from ours_cli.templates.numerals import STYLES, NumeralError, read_decimal, styles_that_read

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"


def table(path: Path, header: list[str], rows: list[list[str]], **dialect: Any) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, **dialect).writerows([header, *rows])
    return path


def look(ours: Ours, path: Path, *flags: str) -> dict[str, Any]:
    ended = ours("inspect", path, "-o", "json", *flags)
    assert ended.code == 0, ended.err
    return ended.json


def columns(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in found["columns"]}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_command_with_control_characters_can_be_copied(ours: Ours, tmp_path: Path) -> None:
    now = datetime.now(UTC).isoformat()
    odd = " \x0b\x0c\r start\x0b end\t\n"
    path = table(
        tmp_path / "a.csv", ["created_at", "customer_id", odd], [[now, f"c{n}", "x"] for n in range(3)]
    )
    found = look(ours, path)["proposal"]
    page = ours("inspect", path).out
    shown = page.partition("start from:\n")[2]
    assert "\\x0b" in shown
    done = subprocess.run(
        ["bash", "--norc", "-c", f"printf '%s\\0' {shown}"], capture_output=True, check=True
    )
    words = [word.decode() for word in done.stdout.split(b"\0")[:-1]]
    assert words == shlex.split(found["command"].replace("\\\n", " "))
    sent = ours(*words[1:], "-o", "json").json
    assert (sent["unsent"], sent["columns_left"]) == (3, [])


# --- what it shows -----------------------------------------------------------------------------------------


def test_the_page_of_a_sample(ours: Ours) -> None:
    page = ours("inspect", SAMPLES / "orders.csv").out
    assert "header on line 1" in page
    assert "date_of_birth: date of birth (by its name), left out below" in page
    assert "email: e-mail (by its name), left out below" in page
    assert "--time '{created_at}'" in page
    assert "--external-id '{customer_id}'" in page
    assert "-p 'total={total|number}'" in page
    assert page.rstrip().endswith("--dry-run")


def test_names_with_line_ends_and_tabs_keep_to_their_line(ours: Ours, tmp_path: Path) -> None:
    header = ["event", "a\tb", "note\nof", "uuid\r\nid", "empty\ncol"]
    uuids = [f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2)]
    path = table(tmp_path / "a.csv", header, [["Visit", str(n), "x y", uuids[n], ""] for n in (0, 1)])
    lines = ours("inspect", path).out.splitlines()
    start = next(at for at, line in enumerate(lines) if "filled  distinct" in line)
    assert [line.split()[0] for line in lines[start + 1 : start + 5]] == [
        "event", r"a\x09b", r"note\x0aof", r"uuid\x0d\x0aid",
    ]  # fmt: skip
    assert r"  empty: empty\x0acol" in lines
    assert r"  look like ids: uuid\x0d\x0aid" in lines
    assert r"    note\x0aof: free text (by its name), left out below" in lines


@pytest.mark.parametrize("name", ["orders.csv", "contacts.csv", "events.ndjson"])
def test_no_value_is_shown_unasked(name: str, ours: Ours, tmp_path: Path) -> None:
    kept = tmp_path / "map.toml"
    shown = ours("inspect", SAMPLES / name, "--write-map", kept)
    as_json = ours("inspect", SAMPLES / name, "-o", "json")
    assert shown.code == 0, shown.err
    everything = shown.out + shown.err + kept.read_text() + as_json.out
    found = ours("inspect", SAMPLES / name, "-o", "json", "--show-values").json
    names = " ".join(c["name"] for c in found["columns"])
    values = {c["example"] for c in found["columns"] if len(c["example"]) > 6 and c["example"] not in names}
    assert len(values) > 3
    assert [value for value in values if value in everything] == []


def test_shares_counts_and_types(ours: Ours, tmp_path: Path) -> None:
    rows = [[str(n), f"00{n % 3}", "" if n % 4 else "true", f"${n},000.50", "x"] for n in range(1, 101)]
    found = look(ours, table(tmp_path / "a.csv", ["n", "code", "flag", "price", "word"], rows))
    shown = {name: (c["type"], c["filled"], c["distinct"]) for name, c in columns(found).items()}
    assert shown == {
        "n": ("integer", 1, 100),
        "code": ("digits", 1, 3),
        "flag": ("boolean", 0.25, 1),
        "price": ("amount", 1, 100),
        "word": ("text", 1, 1),
    }
    assert found["proposal"]["properties"] == {
        "n": "{n|number}",
        "code": "{code}",
        "flag": "{flag|bool}",
        "price": "{price|number}",
        "word": "{word}",
    }


def test_the_share_inside_the_window_is_counted(ours: Ours, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ages = [timedelta(hours=1), timedelta(days=6), timedelta(days=8), timedelta(hours=-3)]
    rows = [[(now - age).isoformat()] for age in ages]
    (found,) = look(ours, table(tmp_path / "a.csv", ["time"], rows))["times"]
    assert (found["readable"], found["in_window"], found["zone"]) == (1, 0.5, "stated")


def test_dates_of_birth_show_no_range_unasked(ours: Ours, tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["dob"], [["1942-04-23"], ["1980-02-03"]])
    assert "1942" not in ours("inspect", path).out + ours("inspect", path, "-o", "json").out
    assert look(ours, path)["times"][0]["first_ms"] is None
    assert "1942-04-23" in ours("inspect", path, "--show-values").out
    assert look(ours, path, "--show-values")["times"][0]["first_ms"] < 0


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("SSN", "123-45-6789", "SSN"),
        ("x", "123-45-6789", "SSN"),
        ("mrn", "00817263", "medical record number"),
        ("Date of Birth", "1980-02-03", "date of birth"),
        ("patientDOB", "1980-02-03", "date of birth"),
        ("Mobile", "5551234", "phone"),
        ("x", "+1 (555) 123-4567", "phone"),
        ("x", "ann@example.com", "e-mail"),
        ("Last Name", "Lee", "name"),
        ("Street Address", "1 Elm", "address"),
        ("client_ip", "192.0.2.7", "IP address"),
        ("patient_id", "P-1", "patient id"),
        ("Diagnosis Code", "E11.9", "health"),
        ("x", "Well child visit (procedure)", "health"),
        ("comment", "please call", "free text"),
        ("insurance_member", "A1", "insurance id"),
        ("status", "paid", None),
        ("item_name", "Mug", None),
        ("ipCountry", "GB", None),
    ],
)
def test_what_is_flagged(name: str, value: str, what: str | None, ours: Ours, tmp_path: Path) -> None:
    found = look(ours, table(tmp_path / "a.csv", [name, "n"], [[value, "1"], [value, "2"]]))
    assert columns(found)[name]["flag"] == what
    if what is not None:
        assert not any(name in template for template in found["proposal"]["properties"].values())


# --- what it proposes --------------------------------------------------------------------------------------


def test_an_order_is_settled_by_any_row_and_asked_for_where_none_does(ours: Ours, tmp_path: Path) -> None:
    rows = [["03/04/2026 10:00"]] * 1152
    asked = look(ours, table(tmp_path / "a.csv", ["created"], rows))["proposal"]
    settled = look(ours, table(tmp_path / "b.csv", ["created"], [*rows, ["25/04/2026 10:00"]]))["proposal"]
    both = [*rows, ["25/04/2026 10:00"], ["04/25/2026 10:00"]]
    contradictory = look(ours, table(tmp_path / "c.csv", ["created"], both))["proposal"]
    assert (asked["date_order"], settled["date_order"], contradictory["date_order"]) == (None, "day", None)
    assert any(need.startswith("--day-first or --month-first") for need in asked["needs"])
    assert "--day-first" in settled["command"]
    assert any("contradict" in need for need in contradictory["needs"])


def test_letters_that_zones_share_are_asked_about(ours: Ours, tmp_path: Path) -> None:
    rows = [["2026-03-01 10:00:00 IST", "c1"], ["2026-03-02 10:00:00 IST", "c2"]]
    path = table(tmp_path / "a.csv", ["created", "customer_id"], rows)
    proposal = look(ours, path)["proposal"]
    assert (proposal["time"], proposal["timezone"]) == ("{created}", "ZONE")
    assert "IST" in proposal["needs"][0]
    words = shlex.split(proposal["command"].replace("\\\n", " "))
    assert ours(*words[1:], "--max-age", "none").code == 2
    settled = ours(*words[1:], "--max-age", "none", "--tz", "Asia/Kolkata", "-o", "json")
    assert settled.json["unsent"] == 2


def test_a_record_number_is_only_proposed_as_a_keyed_hash(ours: Ours, tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["mrn", "event", "time"], [["001", "Visit", "2026-03-01T10:00:00Z"]])
    proposal = look(ours, path)["proposal"]
    assert proposal["externalId"] == "{mrn|hmac}"
    assert any("--hmac-key-file" in need for need in proposal["needs"])


def test_an_id_that_repeats_is_no_distinct_id(ours: Ours, tmp_path: Path) -> None:
    once = table(tmp_path / "a.csv", ["id", "n"], [["a", "1"], ["b", "2"]])
    twice = table(tmp_path / "b.csv", ["id", "n"], [["a", "1"], ["a", "2"]])
    gaps = table(tmp_path / "c.csv", ["id", "n"], [["a", "1"], ["", "2"]])
    ids = [look(ours, path)["proposal"]["distinctId"] for path in (once, twice, gaps)]
    assert ids == ["{id}", None, None]


@pytest.mark.parametrize(
    ("cells", "template"),
    [
        (["1,075", "2,500"], "{x}"),  # thousands or decimals: nothing tells
        (["1,075.00", "2,500"], "{x|number}"),
        (["1.075,00", "2.500"], "{x|number:de}"),
        (["0,25", "1,20"], "{x|number:de}"),
        (["1 234,50 Kč", "99,00 Kč"], "{x|number:fr}"),
        (["12,345.00 kr.", "1,450.50 kr."], "{x|number}"),
        (["$5", "--"], "{x|number}"),
        (["1E5", "2E7"], "{x}"),
        (["12345678901234567890", "1"], "{x}"),
        (["007", "8"], "{x}"),
    ],
)
def test_a_number_is_typed_only_where_nothing_is_lost(
    cells: list[str], template: str, ours: Ours, tmp_path: Path
) -> None:
    path = table(tmp_path / "a.csv", ["x", "y"], [[cell, "w"] for cell in cells])
    assert look(ours, path)["proposal"]["properties"]["x"] == template


@pytest.mark.parametrize(("amounts", "name"), [(["1,5", "2,50"], "number:de"), (["1.5", "2.50"], "number")])
def test_whole_numbers_are_read_as_the_amounts_beside_them_are(
    amounts: list[str], name: str, ours: Ours, tmp_path: Path
) -> None:
    """A row that was not looked at may have 1.234 there, which is something else in each."""
    path = table(tmp_path / "a.csv", ["x", "y"], [["1", amounts[0]], ["20", amounts[1]]])
    properties = look(ours, path)["proposal"]["properties"]
    assert properties == {"x": f"{{x|{name}}}", "y": f"{{y|{name}}}"}


@pytest.mark.parametrize("total", ["12,5", "12.5", "12"])
def test_a_preset_says_where_a_spreadsheet_wrote_decimal_commas(
    total: str, ours: Ours, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "Id;Name;Email;Created at;Total;Currency;Lineitem name\n"
        f"1;#1;a@example.com;2025-01-05 10:00:00 -0500;{total};EUR;x\n"
    )
    proposal = look(ours, path)
    assert proposal["preset"] == "shopify"
    told = (
        "-p 'total={Total|number:de}': the preset reads 'Total' like 1,234.50, and it is written like"
        " 1.234,50"
    )
    assert (told in proposal["proposal"]["needs"]) is (total == "12,5")


@pytest.mark.parametrize(
    ("cells", "kind", "template"),
    [
        (["yes", "no"], "boolean", "{x|bool}"),
        (["Y", "N", "Y"], "boolean", "{x|bool}"),
        (["on", "OFF"], "boolean", "{x|bool}"),
        (["true", "no"], "boolean", "{x|bool}"),
        (["NO", "NO"], "text", "{x}"),  # Norway, as likely
        (["Y", "N", "unknown"], "text", "{x}"),
        (["true"] * 9 + ["unknown"], "boolean", "{x}"),
        (["F", "M"], "text", "{x}"),
        (["F", "T"], "text", "{x}"),
    ],
)
def test_answers_are_typed_where_all_of_them_are_answers(
    cells: list[str], kind: str, template: str, ours: Ours, tmp_path: Path
) -> None:
    path = table(tmp_path / "a.csv", ["x", "y"], [[cell, "w"] for cell in cells])
    found = look(ours, path)
    assert (columns(found)["x"]["type"], found["proposal"]["properties"]["x"]) == (kind, template)


@pytest.mark.parametrize(
    ("cells", "template"),
    [
        (["$5.00", "€6.00", "£7.50", "8.00 CHF"], "{x}"),
        (["€6,00", "$7.50"], "{x}"),
        (["$5.00", "US$ 6.00", "7.00 USD", "8.00", "(9.00)"], "{x|number}"),
        (["12 kr", "13 Kr."], "{x|number}"),
    ],
)
def test_amounts_in_several_currencies_keep_them(
    cells: list[str], template: str, ours: Ours, tmp_path: Path
) -> None:
    path = table(tmp_path / "a.csv", ["x", "y"], [[cell, "w"] for cell in cells])
    proposal = look(ours, path)["proposal"]
    assert proposal["properties"]["x"] == template
    said = any("several currencies" in note for note in proposal["notes"])
    assert said is (template == "{x}")


def test_bare_digits_are_no_times_without_a_name_for_it(ours: Ours, tmp_path: Path) -> None:
    header = ["listing_id", "order", "event_time", "day8"]
    path = table(tmp_path / "a.csv", header, [["1400000001", "3812345671", "1767225600", "20260301"]] * 3)
    found = look(ours, path)
    assert [column["name"] for column in found["times"]] == ["event_time", "day8"]
    assert found["proposal"]["time"] == "{event_time}"


ODD_NAMES = [
    "it's",
    'say "hi"',
    "a|b",
    "{curly}",
    "x=y:z",
    "tab\there",
    "two\nlines",
    "héllo",
    " lead",
    "$(ls)",
]


def test_odd_names_survive_shell_and_toml(ours: Ours, tmp_path: Path) -> None:
    rows = [
        ["Sold", "2026-03-01T10:00:00Z", f"c{n}", *[f"v{n}{at}" for at in range(len(ODD_NAMES))]]
        for n in (1, 2)
    ]
    path = table(tmp_path / "odd 'n' all.csv", ["event", "time", "customer_id", *ODD_NAMES], rows)
    kept = tmp_path / "map.toml"
    found = look(ours, path, "--write-map", str(kept))
    assert len(found["proposal"]["properties"]) == len(ODD_NAMES)
    words = shlex.split(found["proposal"]["command"].replace("\\\n", " "))
    more = ["--max-age", "none", "-o", "json"]
    typed = ours(*words[1:], *more, "-p", "extra=1").json
    mapped = ours("backfill", path, "--map", kept, "--dry-run", *more).json
    values = {f"v1{at}" for at in range(len(ODD_NAMES))}
    assert set(mapped["examples"][0]["eventProperties"].values()) == values
    assert set(typed["examples"][0]["eventProperties"].values()) == values | {"1"}


def test_a_file_that_begins_like_a_flag(ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "-x.csv", ["event", "time", "user_id"], [["A", "2026-03-01T10:00:00Z", "u"]])
    command = ours("inspect", "-o", "json", "--", "-x.csv").json["proposal"]["command"]
    words = shlex.split(command.replace("\\\n", " "))
    assert ours(*words[1:], "--max-age", "none").code == 0


def test_the_map_explains_itself_and_overwrites_nothing(ours: Ours, tmp_path: Path) -> None:
    kept = tmp_path / "map.toml"
    assert ours("inspect", SAMPLES / "orders.csv", "--write-map", kept).code == 0
    text = kept.read_text()
    assert tomllib.loads(text)["externalId"] == "{customer_id}"
    assert '# date_of_birth = "{date_of_birth}"  # date of birth' in text
    again = ours("inspect", SAMPLES / "orders.csv", "--write-map", kept)
    assert (again.code, again.out, kept.read_text()) == (2, "", text)
    ended = ours("backfill", SAMPLES / "orders.csv", "--map", kept, "--dry-run", "--max-age", "none")
    assert ended.code in (0, 3)


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_was_written_is_said_with_the_command_to_type_next(
    form: str, ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    row = ["Visit", datetime.now(UTC).isoformat(), "c1"]
    table(tmp_path / "-my export.csv", ["event", "time", "customer_id"], [row])
    ended = ours("inspect", "-o", form, "--write-map", "my map.toml", "--", "-my export.csv")
    said, _, command = ended.err.partition("\n")
    assert said == "wrote my map.toml, a mapping to look through and change"
    assert command == "next: ours backfill './-my export.csv' --map 'my map.toml' --dry-run\n"
    assert ours(*shlex.split(command)[2:], "-o", "json").json["unsent"] == 1


def test_what_is_to_be_settled_in_a_map_comes_before_the_command(ours: Ours, tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["event", "time"], [["Visit", "2026-11-20 10:00"]])
    said = ours("inspect", path, "--write-map", tmp_path / "map.toml").err
    assert "settle what is TO SETTLE in it (2 lines), then: ours backfill " in said


def test_a_table_wider_than_an_event_is_cut_to_what_the_api_takes(ours: Ours, tmp_path: Path) -> None:
    header = ["event", "time", "customer_id", "note", *(f"c{at}" for at in range(300))]
    row = ["Visit", "2026-03-01T10:00:00Z", "p1", "please call", *["x"] * 300]
    path, kept = table(tmp_path / "wide.csv", header, [row, row]), tmp_path / "map.toml"
    proposal = look(ours, path, "--write-map", str(kept))["proposal"]
    assert list(proposal["properties"].values()) == [f"{{c{at}}}" for at in range(200)]
    assert proposal["left_behind"]["c200"] == "beyond the 200 properties of an event"
    assert any("300 columns could be sent" in note for note in proposal["notes"])
    assert "188 more columns could be sent" in ours("inspect", path).out
    sent = ours("backfill", path, "--map", kept, "--max-age", "none", "--dry-run", "-o", "json").json
    assert (sent["unsent"], sent["reject_codes"]) == (2, {})


def test_a_known_export_is_recognised(ours: Ours, tmp_path: Path) -> None:
    header = ["Id", "START", "STOP", "PATIENT", "ENCOUNTERCLASS"]
    path = table(tmp_path / "a.csv", header, [["1", "2026-03-01T10:00:00Z", "", "p", "wellness"]])
    assert look(ours, path)["preset"] == "synthea"
    assert "--preset synthea" in ours("inspect", path).out
    row = {"event_name": "A", "event_timestamp": "1", "event_params": [{}], "user_pseudo_id": "u"}
    nested = tmp_path / "b.ndjson"
    nested.write_text(json.dumps(row) + "\n")
    assert look(ours, nested)["preset"] == "ga4"
    assert look(ours, SAMPLES / "orders.csv")["preset"] is None


def test_the_told_reading_is_told_on(ours: Ours, tmp_path: Path) -> None:
    path, kept = tmp_path / "a.txt", tmp_path / "map.toml"
    path.write_text("junk\nevent;time;customer_id\nA;2026-03-01T10:00:00Z;c\n")
    flags = ("--header-row", "2", "--delimiter", ";", "--encoding", "latin-1")
    found = look(ours, path, *flags, "--write-map", str(kept))
    assert shlex.join(flags[:2]) in found["proposal"]["command"]
    more = ("--max-age", "none", "--dry-run", "-o", "json")
    assert ours("backfill", path, "--map", kept, *more).json["unsent"] == 1
    words = shlex.split(found["proposal"]["command"].replace("\\\n", " "))
    assert ours(*words[1:], *more[:2], *more[3:]).json["unsent"] == 1


def test_a_totals_row_is_named(ours: Ours, tmp_path: Path) -> None:
    rows = [*([["2026-03-01", "a", "1"]] * 9), ["Total", "", "3"]]
    found = look(ours, table(tmp_path / "a.csv", ["date", "what", "n"], rows))
    assert [(footer["line"], "total" in footer["why"]) for footer in found["footers"]] == [(11, True)]
    # Where reading stops is not where the file ends.
    assert look(ours, tmp_path / "a.csv", "--limit", "10")["footers"] == []


def test_a_totals_row_is_no_part_of_the_columns(ours: Ours, tmp_path: Path) -> None:
    rows = [[str(n), f"2026-03-0{n}", f"c{n}", f"{n}.50"] for n in range(1, 8)]
    foot = [["Total", "", "", "31.50"], ["* preliminary", "", "", ""]]
    found = look(ours, table(tmp_path / "a.csv", ["id", "date", "customer_id", "total"], [*rows, *foot]))
    assert [footer["line"] for footer in found["footers"]] == [9, 10]
    shown = {name: (c["type"], c["filled"], c["distinct"]) for name, c in columns(found).items()}
    assert shown["id"] == ("integer", 1, 7)
    assert shown["date"] == ("date", 1, 7)
    assert found["proposal"]["distinctId"] == "a-{id}"
    assert not any("is empty" in note for note in found["proposal"]["notes"])
    page = ours("inspect", tmp_path / "a.csv").out
    assert "looked at 9 rows" in page
    assert (
        "line 9 is no record (no time, and it begins like a total or a footnote): it is in no column below"
        in page
    )


@pytest.mark.parametrize(
    "rows",
    [
        [["2026-03-01", "a", "", ""], ["2026-03-02", "", "", ""]],
        [["2026-03-01", "Total", "x", "y"]] * 30,
        [["", "a", "b", "c"]] * 3,
    ],
    ids=["few cells", "a word in its place", "no times"],
)
def test_what_is_no_footer_counts(rows: list[list[str]], ours: Ours, tmp_path: Path) -> None:
    found = look(ours, table(tmp_path / "a.csv", ["date", "what", "n", "m"], rows))
    assert found["footers"] == []
    assert columns(found)["what"]["filled"] == sum(bool(row[1]) for row in rows) / len(rows)


def test_each_code_names_its_own_lines(ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        'event,n\nVisit,1\nVisit,1,2\nevent,n\nVisit,"x"y\nVisit,2\nVisit,3,4\n' + "Visit,5\n" * 4
    )
    page = ours("inspect", path).out
    assert "2 rows cannot be read: ragged_row (line 3, 7)" in page
    assert "1 row cannot be read: repeated_header (line 4)" in page
    assert "1 row cannot be read: bad_csv (line 5)" in page
    assert look(ours, path)["rows"]["malformed_lines"] == [3, 4, 5, 7]


def test_rows_shorter_than_the_header_are_counted(ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("event,n,note,\nVisit,1,x,\nVisit,2\nVisit,3,y\nVisit\n")
    page = ours("inspect", path).out
    assert (
        "  2 rows end before the header does (the first on line 3): rejected if the mapping names a column"
        " that is missing there\n"
    ) in page
    assert look(ours, path)["rows"]["short"] == 2
    path.write_text("event,n,\nVisit,1\n")
    assert "before the header" not in ours("inspect", path).out, "the column that they lack has no name"


# --- large files -------------------------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ambiguous dates but for the last row; every third row holds a line that looks like a row."""
    monkeypatch.setattr(sampling, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(sampling, "HEAD_ROWS", 100)
    monkeypatch.setattr(sampling, "STREAM_HEAD_ROWS", 100)
    note = 'first line\n7,8,9\nand "more", too'
    rows = [[str(n), "03/04/2026", note if n % 3 else "-"] for n in range(30_000)]
    return table(tmp_path / "large.csv", ["id", "created", "note"], [*rows, ["30000", "25/04/2026", "-"]])


def test_a_large_file_is_sampled_from_head_to_tail(large: Path, ours: Ours) -> None:
    found = look(ours, large)
    rows, seen = found["rows"], columns(found)
    assert not rows["whole"]
    assert "24 places" in rows["how"]
    assert rows["looked_at"] == 100 + 24 * 200
    assert rows["malformed"] == {}
    assert found["proposal"]["date_order"] == "day"
    # Had a place begun within a note, its lines would stand in the columns.
    assert (seen["id"]["type"], seen["id"]["distinct"]) == ("integer", rows["looked_at"])
    assert seen["created"]["type"] == "date"
    assert "--full reads all" in ours("inspect", large).out


@pytest.mark.parametrize("form", ["csv.gz", "json", "stdin"])
def test_what_cannot_be_entered_midway_is_read_to_its_end(
    form: str, large: Path, ours: Ours, ours_process: Ours, tmp_path: Path
) -> None:
    if form == "stdin":
        ended = ours_process("inspect", "-", "-o", "json", stdin=large.read_bytes())
        assert ended.json["rows"]["looked_at"] == 20_000 + -(-10_001 // 25)
        return
    path = tmp_path / f"packed.{form}"
    if form == "json":
        rows = list(csv.DictReader(io.StringIO(large.read_text())))
        path.write_text(json.dumps(rows))
    else:
        path.write_bytes(gzip.compress(large.read_bytes(), 1))
    found = look(ours, path)
    assert "every 25th" in found["rows"]["how"]
    assert found["rows"]["looked_at"] == 100 + -(-29_901 // 25)


def test_full_reads_all(large: Path, ours: Ours) -> None:
    found = look(ours, large, "--full")
    assert (found["rows"]["looked_at"], found["rows"]["whole"]) == (30_001, True)
    assert look(ours, large, "--limit", "7")["rows"]["looked_at"] == 7


@pytest.mark.parametrize(("rows", "width"), [(6_000, 1_000), (9_000, 1_000), (60_000, 100), (300, 60_000)])
def test_no_row_is_looked_at_twice(rows: int, width: int, ours: Ours, tmp_path: Path) -> None:
    """Of files a little larger than what is read whole, the first places lay within the head."""
    path = table(tmp_path / "a.csv", ["id", "note"], [[f"o-{n}", "x" * width] for n in range(rows)])
    found = look(ours, path)
    assert columns(found)["id"]["distinct"] == found["rows"]["looked_at"] >= min(rows, 5_000)
    assert found["proposal"]["distinctId"] == "{id}"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_places_in_other_encodings(encoding: str, large: Path, ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    text = large.read_text().replace("first", "prémier").replace("-\n", "é\n")
    path.write_bytes(text.encode(encoding))
    found = look(ours, path)
    assert found["rows"]["looked_at"] == 100 + 24 * 200
    assert columns(found)["id"]["distinct"] == found["rows"]["looked_at"]


# --- what is no table --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"a,b\n", bytes(range(256)) * 20, b"PK\x03\x04rest", b"\x1f\x8bxx"],
)
def test_what_is_no_table_ends_with_a_clear_error(data: bytes, ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    ended = ours("inspect", path)
    assert (ended.code, ended.out) == (6, "")
    assert "error:" in ended.err
    assert "hint:" in ended.err


def test_several_files_are_refused(ours: Ours) -> None:
    ended = ours("inspect", SAMPLES)
    assert ended.code == 2
    assert "one file" in ended.err


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the project")
def test_naughty_strings_as_names_and_values(ours: Ours, tmp_path: Path) -> None:
    listed = json.loads(next(CORPORA.rglob("blns.json")).read_text("utf-8"))
    rows = [[text.replace("\0", ""), "2026-03-01T10:00:00Z", "x"] for text in listed]
    assert ours("inspect", table(tmp_path / "values.csv", ["naughty", "time", "event"], rows)).code == 0
    kept = tmp_path / "map.toml"
    path = table(
        tmp_path / "names.csv", ["time", "event", *(row[0] for row in rows)], [["2026-03-01", *["x"] * 600]]
    )
    ended = ours("inspect", path, "--write-map", kept)
    assert ended.code in (0, 6), ended.err
    if ended.code == 0:
        tomllib.loads(kept.read_text("utf-8"))


# --- pure parts --------------------------------------------------------------------------------------------


@given(st.text())
@example("--")
@example("+")
@example("²½Ⅷ\u0301\u0660ⓐ\t\n\x1b\u202e\ud800")
def test_a_mask_shows_no_letter_and_no_digit(text: str) -> None:
    shown = masked(text)
    assert set(shown) <= {"x", "X", "9", " ", *string.punctuation}
    assert len(shown) <= 35
    if not any(letter.isalnum() for letter in text):
        assert set(shown) <= {"x", "."}


@given(st.text(alphabet="ab-C9 .,;+²é", max_size=32).filter(lambda text: any(map(str.isalnum, text))))
def test_values_of_one_shape_have_one_mask(text: str) -> None:
    like = text.translate(str.maketrans("abC9²é", "qzD73ø"))
    assert masked(text) == masked(like)


def test_signs_alone_are_values_and_not_shown(ours: Ours, tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["hiv", "n"], [["+", "1"], ["+", "2"]])
    assert columns(look(ours, path))["hiv"]["example"] == "x"
    assert columns(look(ours, path, "--show-values"))["hiv"]["example"] == "+"


def test_keys_made_of_the_same_words_are_told_apart(ours: Ours, tmp_path: Path) -> None:
    row = {"a": {"b": 1, "B": 2}, "b": 3, "A": {"b": 4}, "a_b": 5, "a.b_": 6}
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps(row) + "\n")
    assert len(look(ours, path)["proposal"]["properties"]) == 6


@given(st.from_regex(r"-?[0-9]{1,6}([.,][0-9]{1,6}){0,2}", fullmatch=True))
def test_the_short_cuts_for_numbers_say_what_reading_says(text: str) -> None:
    read: dict[str, object] = {}
    for style in NUMBER_STYLES:
        try:
            read[style] = read_decimal(text, STYLES[style])
        except NumeralError:
            continue
    assert styles_of(text) == set(read)
    assert is_same_in_all(text) is (len(set(read.values())) <= 1)


@given(st.text(alphabet="0123456789.,'- $()Een/AkrUSD%\u2212\u00a0", max_size=14).filter(str.strip))
@example("N/A")
@example("1e999")
@example("(1.234,50)")
def test_the_styles_of_a_text_are_told_at_once(text: str) -> None:
    def is_read(style: str) -> bool:
        try:
            return read_decimal(text, STYLES[style]) is not ABSENT
        except NumeralError:
            return False

    assert styles_that_read(text, NUMBER_STYLES) == set(filter(is_read, NUMBER_STYLES))


CELLS = (
    "",
    " ",
    "7",
    "1,075",
    "true",
    "a@b.ch",
    '{"a": 1}',
    '{"a": "03/04/2026"}',
    "{",
    "2026-03-01",
    "Ann Lee",
)


@given(st.lists(st.lists(st.sampled_from(CELLS), max_size=4), max_size=120))
def test_rows_many_at_once_are_what_they_are_one_by_one(rows: list[list[str]]) -> None:
    header = ("id", "zone", "time", "a.b")
    at_once, one_by_one = Profile((0, 1)), Profile((0, 1))
    for profile in (at_once, one_by_one):
        profile.declare(header)
    records = [Record(line, row) for line, row in enumerate(rows, 2)]
    at_once.add_all(records, header)
    for record in records:
        one_by_one.add_all([record], header)
    assert list(at_once.columns) == list(one_by_one.columns)
    for name, column in at_once.columns.items():
        other = one_by_one.columns[name]
        for about in (column, other):
            about.moments = vars(about.moments) | {"_reader": None, "_ordered": None}  # type: ignore[assignment]
            about.distinct = about.distinct.count  # type: ignore[assignment]
        assert column == other


@given(
    st.text(max_size=30)
    | st.text("0123456789.,-+' eE$()/:%TZ", max_size=24)
    | st.text("01289abcdefAF-.:@", max_size=36)
    | st.sampled_from(["0.000", "1,075", "1e400", "-0", "00123", "1.2.3.4", "10:30", "(12.00)", "0,000", "-"])
)
def test_a_text_and_its_shape_are_of_one_kind(text: str) -> None:
    shape = text.translate(SHAPE)
    assert form_of(text) == form_of(shape)
    if text.strip():
        assert kind_of(text) == kind_of(shape)
        if kind_of(text) in ("integer", "decimal", "amount"):
            assert styles_of(text.strip()) == styles_of(shape.strip())
            assert is_same_in_all(text.strip()) == is_same_in_all(shape.strip())


@given(st.lists(st.text("a19\0", max_size=4), min_size=1))
def test_shapes_are_those_of_each_text(texts: list[str]) -> None:
    assert shapes_of(texts) == [text.translate(SHAPE) for text in texts]


def test_no_more_values_are_distinct_than_there_are(ours: Ours, tmp_path: Path) -> None:
    """The estimate of these is 20,172."""
    path = table(tmp_path / "a.csv", ["id", "n"], [[f"x-{n}", "1"] for n in range(20_000)])
    found = look(ours, path)
    assert (columns(found)["id"]["distinct"], columns(found)["id"]["distinct_is_exact"]) == (20_000, False)
    assert " ~20,000 " in ours("inspect", tmp_path / "a.csv").out


def test_distinct_values_are_counted_exactly_then_estimated() -> None:
    few, many = DistinctCount(), DistinctCount()
    few.add_all(str(number % 10) for number in range(1000))
    many.add_all(map(str, range(200_000)))
    assert (few.count, few.is_exact) == (10, True)
    assert not many.is_exact
    assert abs(many.count - 200_000) < 200_000 * 0.05
    assert len(many._hashes) <= 16_384


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-03-01T10:00:00Z", "YYYY-MM-DD HH:MM:SS Z"),
        ("2026/03/01 10:00:00.123 PM", "YYYY/MM/DD HH:MM:SS.fraction AM/PM"),
        ("04-MAR-26 02.11.12.123456 PM", "named month HH:MM:SS.fraction AM/PM"),
        ("2026-03-04-10.11.12", "YYYY-MM-DD HH:MM:SS"),
        ("13.04.2026 10:11", "NN.NN.YYYY HH:MM"),
        ("1/5/26 9:30 EST", "NN/NN/YY HH:MM zone"),
        ("Sat, May 16, 2026", "named month"),
        ("20260301", "YYYYMMDD"),
        ("1767225600", "epoch seconds"),
        ("1767225600123", "epoch milliseconds"),
    ],
)
def test_forms_of_times(text: str, form: str) -> None:
    assert form_of(text) == form


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)))
def test_a_time_counts_once_whatever_its_order(moment: datetime) -> None:
    moments = Moments((0, 1), is_named_time=False)
    moments.add(moment.strftime("%d/%m/%Y %H:%M"), 2)
    assert moments.readable == moments.naive == 1
    assert moments.order == (
        ("day" if moment.day > 12 else "unknown") if moment.day != moment.month else None
    )


def test_words_of_names() -> None:
    assert words_of("createdAt") == words_of("Created At") == words_of("CREATED_AT") == ("created", "at")
    assert words_of("HTTPStatus") == ("http", "status")
    assert key_of("Währung ($)") == "währung"
    assert is_named_time("event_time")
    assert not is_named_time("time_zone")


def test_keys_of_rows_that_differ_are_bounded(ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "wide.ndjson"
    path.write_text(
        "".join(json.dumps({"o": {f"k{n}{at}": 1 for at in range(100)}}) + "\n" for n in range(20))
    )
    assert len(look(ours, path)["columns"]) == 400
    assert "more keys than are shown" in ours("inspect", path).out


def test_numbers_that_every_table_has_get_the_tables_name_in_front(ours: Ours, tmp_path: Path) -> None:
    """A distinctId counts once, whatever table it comes from, and a row 1 is in every table."""
    header, rest = ["id", "event", "time", "email"], ["Visit", "2026-03-01T10:00:00Z", "a@example.org"]
    ids = []
    for name, first in (("visits-2026-03-01.csv", "1"), ("orders.csv", "1"), ("long.csv", "1234567890")):
        path = table(tmp_path / name, header, [[first, *rest], [str(int(first) + 1), *rest]])
        proposal = look(ours, path)["proposal"]
        ids.append(proposal["distinctId"])
        assert any("other tables" in note for note in proposal["notes"]) == (name != "long.csv")
        words = shlex.split(proposal["command"].replace("\\\n", " "))[1:-1]
        assert ours(*words, "--max-age", "none", "--sandbox").code == 0
    assert ids == ["visits-{id}", "orders-{id}", "{id}"]


def test_numbers_with_leading_zeros_get_the_tables_name_too(ours: Ours, tmp_path: Path) -> None:
    header, rest = ["id", "event", "time", "email"], ["Visit", "2026-03-01T10:00:00Z", "a@example.org"]
    path = table(tmp_path / "visits.csv", header, [["0001", *rest], ["0002", *rest]])
    proposal = look(ours, path)["proposal"]
    assert proposal["distinctId"] == "visits-{id}"
    words = shlex.split(proposal["command"].replace("\\\n", " "))[1:]
    assert "other tables" not in ours(*words, "--max-age", "none").err


def test_ids_that_name_nobody_or_many_are_noted(ours: Ours, tmp_path: Path) -> None:
    ids = ["NULL", "c2", "c2", "none", "1.23457E+11", "c6"]
    rows = [[f"o{at}", f"2026-11-20 10:0{at}", own] for at, own in enumerate(ids)]
    found = look(ours, table(tmp_path / "o.csv", ["order", "when", "customer_id"], rows))
    notes = [note for note in found["proposal"]["notes"] if "customer_id" in note]
    assert notes == [
        "'customer_id' holds words for nothing, such as NULL, in 2 rows: to the API that is one visitor",
        "'customer_id' holds numbers cut to 1.2E+11, in 1 row: to the API that is one visitor",
    ]
