"""Every filter through the door: what a cell becomes on the server, and what makes its row a reject."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from rows import iso, write

from ours_cli.templates.filters import FILTER_NAMES

KEY = "a key that is long enough"

SENT: list[tuple[str, str, Any]] = [
    ("trim", " a ", "a"),
    ("lower", "ÄB", "äb"),
    ("upper", "ab", "AB"),
    ("number", "$1,234.50", 1234.5),
    ("number", "(12.00)", -12.0),
    ("number", "- $5", -5),
    ("number", "12.00-", -12.0),
    ("number:de", "12,50 €", 12.5),
    ("number:de", "1.234,50", 1234.5),
    ("number:fr", "1\u202f234,50 €", 1234.5),
    ("number", "--", None),
    ("number", "n/a", None),
    ("int", "12.00", 12),
    ("bool", "Yes", True),
    ("auto", "12", 12),
    ("auto", "1.5", 1.5),
    ("auto", "true", True),
    ("auto", "00123", "00123"),
    ("auto", "1234567890123456789", "1234567890123456789"),
    ("auto", "12E5", "12E5"),
    ("json", '{"a": [1, {"b": "x"}]}', {"a": [1, {"b": "x"}]}),
    ("date", "March 4, 1950", "1950-03-04"),
    ("date:%d/%m/%Y", "04/03/1980", "1980-03-04"),
    ("map:a=B,*=rest", "zzz", "rest"),
    ("default:none", "", "none"),
    ("number|default:0", "n/a", "0"),
    ("prefix:crm-", "7", "crm-7"),
    ("replace:-:", "1-2", "12"),
    ("split:;", "a; b", ["a", "b"]),
    ("param:k", '[{"key": "k", "value": {"string_value": null, "int_value": "7"}}]', 7),
    ("sha256", " 1980-03-04 ", hashlib.sha256(b"1980-03-04").hexdigest()),
    ("hmac", "1980-03-04", hmac.new(KEY.encode(), b"1980-03-04", "sha256").hexdigest()),
]

REFUSED = [
    ("number", "12 apples", "bad_number"),
    ("number", "1.234,50", "bad_number"),
    ("number", "0.12345678901234567890", "bad_number"),
    ("int", "12.5", "bad_int"),
    ("bool", "maybe", "bad_bool"),
    ("json", '{"a": 1, "a": 2}', "bad_json"),
    ("date", "03/04/1980", "bad_date"),
    ("map:a=B", "secret", "unmapped_value"),
]


def table(tmp_path: Path, cells: list[str]) -> Path:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["when", "id", *(f"c{n}" for n in range(len(cells)))])
    rows.writerow([iso(1), "p", *cells])
    return write(tmp_path / "f.csv", out.getvalue())


def properties(filters: list[str]) -> list[str]:
    return [word for n, text in enumerate(filters) for word in ("-p", f"p{n}={{c{n}|{text}}}")]


ESSENTIALS = ("--event", "E", "--time", "{when}", "--external-id", "{id}")


def test_what_arrives(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS_HMAC_KEY", KEY)
    place = sandbox()
    file = table(tmp_path, [cell for _, cell, _ in SENT])
    ended = ours("backfill", file, *ESSENTIALS, *properties([text for text, _, _ in SENT]))
    assert ended.code == 0, ended.err
    (event,) = place.events()
    arrived = event.body["eventProperties"]
    expected = {f"p{n}": value for n, (_, _, value) in enumerate(SENT) if value is not None}
    assert arrived == expected
    assert {name: type(value) for name, value in arrived.items()} == {
        name: type(value) for name, value in expected.items()
    }


def test_every_filter_is_among_them() -> None:
    assert {text.partition(":")[0] for text, _, _ in SENT if "|" not in text} == set(FILTER_NAMES)


@pytest.mark.parametrize(
    ("text", "cell", "code"), REFUSED, ids=[f"{text}-{code}" for text, _, code in REFUSED]
)
def test_what_is_refused(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, text: str, cell: str, code: str
) -> None:
    place = sandbox()
    ended = ours("backfill", table(tmp_path, [cell]), *ESSENTIALS, *properties([text]), "-o", "json")
    assert (ended.code, ended.json["reject_codes"]) == (3, {code: 1})
    assert cell not in ended.out + ended.err
    assert place.totals().requests == 0


def test_a_path_into_a_json_cell_and_the_key_from_a_file(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox()
    key = write(tmp_path / "key", KEY + "\n")
    file = table(tmp_path, ['{"a": {"b": [{"c": " 007 "}]}}'])
    mapping = ("-p", "deep={c0.a.b[0].c}", "-p", "none={c0.a.b[1].c|default:-}", "-p", "h={c0.a.b[0].c|hmac}")
    ended = ours("backfill", file, *ESSENTIALS, *mapping, "--hmac-key-file", key)
    assert ended.code == 0, ended.err
    (event,) = place.events()
    assert event.body["eventProperties"] == {
        "deep": " 007 ",
        "none": "-",
        "h": hmac.new(KEY.encode(), b"007", "sha256").hexdigest(),
    }


def test_hmac_without_a_key_sends_nothing(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    ended = ours("backfill", table(tmp_path, ["x"]), *ESSENTIALS, *properties(["hmac"]))
    assert ended.code == 2
    assert "OURS_HMAC_KEY" in ended.err
    assert place.totals().requests == 0
