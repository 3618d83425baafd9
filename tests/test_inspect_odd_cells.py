"""`ours inspect` on columns of which nearly all cells are numbers, or times: the others are told of."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours

NOW = datetime.now(UTC)
"""Read once, so that the rows of a table are of one moment."""


def proposal_of(ours: Ours, path: Path, cells: list[str], name: str = "amount") -> dict[str, Any]:
    lines = [f'Paid,{NOW - timedelta(seconds=at)},c{at},"{cell}"' for at, cell in enumerate(cells)]
    path.write_text("\n".join([f"event,time,customer_id,{name}", *lines]) + "\n", "utf-8")
    ended = ours("inspect", path, "-o", "json")
    assert ended.code == 0, ended.err
    proposal: dict[str, Any] = ended.json["proposal"]
    return proposal


def about(proposal: dict[str, Any], name: str = "amount") -> list[str]:
    return [note for note in proposal["notes"] if repr(name) in note]


@pytest.mark.parametrize("odd", ["12,34x", "unknown", "#N/A", "12,5"])
def test_a_cell_that_is_no_number_leaves_the_column_numbers_and_is_told(
    odd: str, ours: Ours, tmp_path: Path
) -> None:
    path, cells = tmp_path / "a.csv", [f"{at}.50" for at in range(5_000)]
    cells[2_500] = cells[4_000] = odd
    proposal = proposal_of(ours, path, cells)
    assert proposal["properties"]["amount"] == "{amount|number}"
    assert about(proposal) == [
        "'amount' holds cells that do not read as numbers (2 of 5,000 looked at, the first on line 2502):"
        " such rows will be rejected (bad_number); without |number all are sent as text"
    ]
    assert odd not in ours("inspect", path).out
    words = shlex.split(proposal["command"].replace("\\\n", " "))
    assert ours(*words[1:], "-o", "json").json["reject_codes"] == {"bad_number": 2}


def test_words_for_nothing_are_no_odd_cells(ours: Ours, tmp_path: Path) -> None:
    proposal = proposal_of(ours, tmp_path / "a.csv", ["12.50", "n/a", "--", "3.10"])
    assert (proposal["properties"]["amount"], about(proposal)) == ("{amount|number}", [])


@pytest.mark.parametrize("odd", ["12,34x", "0012345", "1234567890123456789"])
def test_where_a_tenth_is_no_number_the_column_is_text_and_that_is_told(
    odd: str, ours: Ours, tmp_path: Path
) -> None:
    proposal = proposal_of(ours, tmp_path / "a.csv", [*["1.50"] * 9, odd])
    assert proposal["properties"]["amount"] == "{amount}"
    assert about(proposal) == [
        "'amount' holds cells that do not read as numbers (1 of 10 looked at, the first on line 11);"
        " sent as text"
    ]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("amount", ["gold", "silver", "7"]),
        ("zip_code", [*["12345"] * 99, "1234 AB"]),
        ("room", [*["12345"] * 9, "01234"]),
        ("Beleg-Nr", [*["12345"] * 99, "12345-B"]),
    ],
)
def test_texts_and_codes_are_no_numbers_gone_wrong(
    name: str, cells: list[str], ours: Ours, tmp_path: Path
) -> None:
    proposal = proposal_of(ours, tmp_path / "a.csv", cells, name)
    assert about(proposal, name) == []
    assert f"{{{name}}}" in [*proposal["properties"].values(), *proposal["left_behind"]] or name == "zip_code"


def test_one_number_of_a_spreadsheet_makes_the_column_text_and_is_told(ours: Ours, tmp_path: Path) -> None:
    proposal = proposal_of(ours, tmp_path / "a.csv", [*["1500"] * 99, "1.2E+11"])
    assert proposal["properties"]["amount"] == "{amount}"
    assert "scientific notation" in about(proposal)[0]


@pytest.mark.parametrize("text", ["1e-7", "2.5E-05", "12E4"])
def test_other_exponents_are_no_spreadsheet_s(text: str, ours: Ours, tmp_path: Path) -> None:
    proposal = proposal_of(ours, tmp_path / "a.csv", [*["1500"] * 99, text])
    assert proposal["properties"]["amount"] == "{amount}"
    assert about(proposal) == ["'amount' holds numbers with an exponent, or codes like them; sent as text"]
    rows = [
        {
            "event": "E",
            "time": str(NOW - timedelta(seconds=at)),
            "id": f"c{at}",
            "amount": 1e-7 if at else "x",
        }
        for at in range(5)
    ]
    path = tmp_path / "a.ndjson"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    ended = ours("inspect", path, "-o", "json")
    assert not [note for note in about(ended.json["proposal"]) if "spreadsheet" in note or "exponent" in note]


def test_what_is_left_behind_is_not_told_of(ours: Ours, tmp_path: Path) -> None:
    proposal = proposal_of(ours, tmp_path / "a.csv", [*["71.5"] * 99, "heavy"], "hba1c")
    assert (proposal["properties"], about(proposal, "hba1c")) == ({}, [])


def test_in_json_numbers_of_both_kinds_are_numbers(ours: Ours, tmp_path: Path) -> None:
    path, values = tmp_path / "a.ndjson", [1.075, 2, "3.5"] * 40
    rows = [{"event": "Paid", "time": f"{NOW}", "customer_id": f"c{at}"} for at in range(121)]
    for row, value in zip(rows, [*values, "soon"], strict=True):
        row["amount"] = value  # type: ignore[assignment]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    proposal = ours("inspect", path, "-o", "json").json["proposal"]
    assert proposal["properties"] == {"amount": "{amount|number}"}
    assert "(1 of 121 looked at, the first on line 121)" in about(proposal)[0]


def test_times_that_cannot_be_read_are_counted_and_the_first_is_named(ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    cells = [f"{NOW - timedelta(seconds=at)}" for at in range(1_200)]
    cells[1_100], cells[1_150], cells[1_160] = "soon", "n/a", ""
    path.write_text(
        "\n".join(["event,when,customer_id", *(f"Visit,{cell},c{at}" for at, cell in enumerate(cells))])
        + "\n"
    )
    proposal = ours("inspect", path, "-o", "json").json["proposal"]
    assert about(proposal, "when") == [
        "'when' is empty in 1 row, which will be rejected (missing_time)",
        "'when' holds cells that do not read as times (2 of 1,199 looked at, the first on line 1102): such"
        " rows will be rejected (bad_time)",
    ]
    words = shlex.split(proposal["command"].replace("\\\n", " "))
    assert ours(*words[1:], "-o", "json").json["reject_codes"] == {"bad_time": 2, "missing_time": 1}
