"""`ours inspect` of columns whose times cannot all be read, or not without a word: it says what it saw."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours

HEADER = "event,when,customer_id"


def proposed(ours: Ours, path: Path, times: list[str], name: str = "when") -> dict[str, Any]:
    rows = [f"Visit,{text},c{at}" for at, text in enumerate(times)]
    path.write_text("\n".join([HEADER.replace("when", name), *rows]) + "\n")
    proposal: dict[str, Any] = ours("inspect", path, "-o", "json").json["proposal"]
    return proposal


def sent(ours: Ours, proposal: dict[str, Any]) -> tuple[int, dict[str, int]]:
    """How many rows the proposed command would send, its zone settled, and why not the others."""
    words = [word.replace("ZONE", "UTC") for word in shlex.split(proposal["command"].replace("\\\n", " "))]
    report = ours(*words[1:], "--max-age", "none", "-o", "json").json
    return report["unsent"], report["reject_codes"]


def test_a_column_that_is_mostly_times_is_the_time(ours: Ours, tmp_path: Path) -> None:
    times = [f"2026-03-0{day}T10:00:00Z" for day in range(1, 7)]
    proposal = proposed(ours, tmp_path / "a.csv", [*times, "soon", "to be told"])
    assert proposal["time"] == "{when}"
    assert proposal["needs"] == [
        "--time: 75% of 'when' can be read as times; the other rows will be rejected (bad_time),"
        " unless --time-format tells an unusual form"
    ]
    assert sent(ours, proposal) == (6, {"bad_time": 2})


def test_a_header_repeated_in_mid_file_hides_no_times(ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    times = [f"Visit,2026-03-0{day}T10:00:00Z,c{day}" for day in (1, 2, 3)]
    path.write_text("\n".join([HEADER, *times[:2], HEADER, times[2]]) + "\n")
    assert ours("inspect", path, "-o", "json").json["proposal"]["time"] == "{when}"


@pytest.mark.parametrize(
    "texts", [["1772256000", "1772256000123"], ["1772256000"] * 3 + ["1772256000001"] * 2]
)
def test_numbers_of_several_units_are_said_to_be_so(texts: list[str], ours: Ours, tmp_path: Path) -> None:
    proposal = proposed(ours, tmp_path / "a.csv", texts)
    assert proposal["time"] == "{when}"
    assert proposal["needs"] == [
        "--time: 'when' holds epoch numbers of several units (seconds, milliseconds); send the rows of each"
        " in a run of their own"
    ]


@pytest.mark.parametrize("name", ["when", "Date"])
def test_excel_days_are_read_as_such(name: str, ours: Ours, tmp_path: Path) -> None:
    proposal = proposed(ours, tmp_path / "a.csv", ["46081", "46082.5", "46083"], name)
    assert (proposal["time_format"], proposal["timezone"]) == ("excel", "ZONE")
    assert f"--time-format excel: {name!r} looks like Excel's numbers of days" in proposal["needs"][0]
    assert sent(ours, proposal) == (3, {})
    kept = tmp_path / "map.toml"
    ours("inspect", tmp_path / "a.csv", "--write-map", kept)
    kept.write_text(kept.read_text().replace("ZONE", "UTC"))
    mapped = ours(
        "backfill", tmp_path / "a.csv", "--map", kept, "--max-age", "none", "--dry-run", "-o", "json"
    )
    assert mapped.json["unsent"] == 3


def test_numbers_elsewhere_are_no_excel_days(ours: Ours, tmp_path: Path) -> None:
    proposal = proposed(ours, tmp_path / "a.csv", ["46081", "46082", "46083"], "price")
    assert (proposal["time"], proposal["time_format"]) == (None, None)
    assert proposal["properties"]["price"] == "{price|number}"


def test_what_little_can_be_read_is_said(ours: Ours, tmp_path: Path) -> None:
    proposal = proposed(
        ours, tmp_path / "a.csv", ["2026-03-01T10:00:00Z", "soon", "later", "never", "who knows"]
    )
    assert proposal["time"] is None
    assert proposal["needs"][0].startswith("--time: no column could be read as times (20% of 'when' can);")


@pytest.mark.parametrize(
    ("text", "one", "two"),
    [
        ("2026-03-01 10:00", "1 time in 'at' states no zone;", "2 times in 'at' state no zone;"),
        ("2026-03-01 10:00 IST", "1 time in 'at' bears letters of no", "2 times in 'at' bear letters of no"),
    ],
)
def test_one_time_without_a_zone_is_singular(
    text: str, one: str, two: str, ours: Ours, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    for rows, said in ((1, one), (2, two)):
        path.write_text("event,customer_id,at\n" + f"Visit,c1,{text}\n" * rows)
        needs = ours("inspect", path, "-o", "json").json["proposal"]["needs"]
        assert [need for need in needs if said in need] != []


@pytest.mark.parametrize(
    ("name", "advice"),
    [("Created (PST)", "its name speaks of PST: if that is meant, --tz PST"), ("created", "")],
)
def test_a_zone_in_the_name_of_a_column_is_a_hint(name: str, advice: str, ours: Ours, tmp_path: Path) -> None:
    proposal = proposed(ours, tmp_path / "a.csv", ["2026-03-01 10:00", "2026-03-02 10:00"], name)
    assert proposal["timezone"] == "ZONE"
    (need,) = proposal["needs"]
    assert advice in need
    assert ("speaks of" in need) is bool(advice)


def proposal_for(ours: Ours, path: Path, header: str, rows: list[str]) -> dict[str, Any]:
    path.write_text("\n".join([header, *rows]) + "\n")
    proposal: dict[str, Any] = ours("inspect", path, "-o", "json").json["proposal"]
    return proposal


@pytest.mark.parametrize(
    ("date", "clock"),
    [
        ("Bestelldatum", "Uhrzeit"), ("Date", "Heure"), ("Fecha", "Hora"), ("CONTACT_DATE", "APPT_TIME"),
        ("Visit Date", "Check-in Time"), ("Date", "Start Time"), ("Delivery Date", "Delivery Time"),
        ("Date", "Scheduled Time (CET)"), ("work_date", "event_time"), ("Fecha", "Hora de inicio"),
    ],
)  # fmt: skip
def test_a_column_of_dates_goes_with_one_of_hours(date: str, clock: str, ours: Ours, tmp_path: Path) -> None:
    rows = [f"c{at},{23 + at}.03.2026,0{7 + at}:30,5" for at in (1, 2)]
    proposal = proposal_for(ours, tmp_path / "a.csv", f"customer_id,{date},{clock},amount", rows)
    assert (proposal["time"], list(proposal["properties"])) == (f"{{{date}}} {{{clock}}}", ["amount"])
    assert sent(ours, proposal) == (2, {})


@pytest.mark.parametrize(
    "names",
    [
        "Date,Wait Time,amount", "Date,End Time,amount", "Order Date,Hour,Ship Date",
        "work_date,time_on_task,amount", "call date,time to answer,amount", "Date,best time,amount",
        "Date,cook_time,amount", "Date,delivery_time,amount", "Call Date,Call Queue Time,amount",
        "Travel Date,Travel Time,amount",
    ],
)  # fmt: skip
def test_hours_that_may_be_others_are_said_to_be_there(names: str, ours: Ours, tmp_path: Path) -> None:
    date, clock, third = names.split(",")
    rows = [f"c{at},2026-03-0{at},00:3{at},{5 if third == 'amount' else f'2026-03-0{at}'}" for at in (1, 2)]
    proposal = proposal_for(ours, tmp_path / "a.csv", f"customer_id,{names}", rows)
    assert proposal["time"] == f"{{{date}}}"
    said = f"{date!r} states no hour, so its times are midnight; if {clock!r} holds the hours"
    assert [
        note for note in proposal["notes"] if f"{said}, --time '{{{date}}} {{{clock}}}' reads both" in note
    ]


@pytest.mark.parametrize(("name", "is_peoples"), [("Time Zone", False), ("Customer Time Zone", True)])
def test_the_zone_of_a_person_is_not_that_of_the_times(
    name: str, is_peoples: bool, ours: Ours, tmp_path: Path
) -> None:
    rows = ["c1,2026-03-24 10:00,America/New_York", "c2,2026-03-25 10:00,Asia/Tokyo"]
    proposal = proposal_for(ours, tmp_path / "a.csv", f"customer_id,created_at,{name}", rows)
    assert proposal["timezone"] == ("ZONE" if is_peoples else f"{{{name}}}")
    said = f"the zones in {name!r} may be those of people, not of the times"
    assert any(said in need for need in proposal["needs"]) is is_peoples


@pytest.mark.parametrize("date", ["Date", "Fecha", "Zeitpunkt", "created_at", "Date et heure"])
def test_a_column_of_times_that_cannot_be_read_is_named(date: str, ours: Ours, tmp_path: Path) -> None:
    rows = ["24 novembre 2026 08:15,k1,15", "5 août 2026 10:00,k2,20", "6 févr. 2026 10:00,k3,20"]
    proposal = proposal_for(ours, tmp_path / "a.csv", f"{date},Client ID,Montant", rows)
    assert (proposal["runs"], proposal["time"]) == ("backfill", None)
    (need,) = (need for need in proposal["needs"] if need.startswith("--time"))
    assert f"{date!r}, named for them, is not" in need


@pytest.mark.parametrize(
    ("first", "second"),
    [("LMP", "ApptTime"), ("Delivery", "Visited"), ("LMP_date", "Visited at"), ("Due", "Slot")],
)
@pytest.mark.parametrize("is_swapped", [True, False])
def test_a_moment_is_rather_the_time_than_a_day(
    first: str, second: str, is_swapped: bool, ours: Ours, tmp_path: Path
) -> None:
    names, rows = [first, second], [["2026-03-0{0}", "2026-11-0{0}T10:00:00Z"]] * 2
    order = slice(None, None, -1 if is_swapped else None)
    lines = [f"c{at}," + ",".join(row[order]).format(at) for at, row in enumerate(rows, 1)]
    proposal = proposal_for(ours, tmp_path / "a.csv", "customer_id," + ",".join(names[order]), lines)
    assert proposal["time"] == f"{{{second}}}"
