"""Files that others wrote: public corpora of odd input, and real exports."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ours_cli.errors import SourceError
from ours_cli.record import Malformed, Record
from ours_cli.source import ReadOptions, open_table

SHARED = Path(__file__).resolve().parents[2] / "shared"
REALDATA = SHARED / "realdata"
SPECTRUM = SHARED / "corpora" / "csv-spectrum"
JSON_SUITE = SHARED / "corpora" / "json-test-suite" / "test_parsing"


def files(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file() and path.name != "INDEX.md")


def named(path: Path) -> str:
    return path.name


# One of its cells holds U+FFFD in the CSV and the degree sign in the JSON.
@pytest.mark.parametrize(
    "path", [path for path in files(SPECTRUM / "csvs") if path.stem != "location_coordinates"], ids=named
)
def test_csv_spectrum(path: Path) -> None:
    expected = json.loads((SPECTRUM / "json" / f"{path.stem}.json").read_text())
    table = open_table(path, ReadOptions())
    assert table.columns
    found = [dict(zip(table.columns, row[1], strict=True)) for row in table.records]
    assert [{key: value.replace("\r\n", "\n") for key, value in row.items()} for row in found] == [
        {key: value.replace("\r\n", "\n") for key, value in row.items()} for row in expected
    ]


@pytest.mark.parametrize("path", files(JSON_SUITE, "*.json"), ids=named)
def test_json_test_suite(path: Path, tmp_path: Path) -> None:
    text = path.read_bytes()
    if b"\n" in text.strip() or text[:2] in (b"\xff\xfe", b"\xfe\xff") or not text.strip():
        pytest.skip("not one line of NDJSON")
    lines = tmp_path / "a.ndjson"
    lines.write_bytes(b'{"first":1}\n' + text.strip() + b'\n{"last":1}\n')
    first, *found, last = open_table(lines, ReadOptions(format="ndjson", encoding="utf-8")).records
    assert (first, last) == (Record(1, {"first": 1}), Record(3, {"last": 1}))
    (row,) = found
    if path.name.startswith("n_"):
        assert isinstance(row, Malformed)
    elif path.name.startswith("y_"):
        value = json.loads(text)
        if not isinstance(value, dict):
            assert isinstance(row, Malformed)
            assert row.code == "not_an_object"
        elif "duplicated" in path.name:
            assert isinstance(row, Malformed)
            assert row.code == "duplicate_key"
        else:
            assert row == Record(2, value)


@pytest.mark.parametrize("path", files(JSON_SUITE, "*.json"), ids=named)
def test_json_test_suite_as_whole_files(path: Path) -> None:
    try:
        rows = list(open_table(path, ReadOptions(format="json")).records)
    except SourceError as refused:
        assert refused.hint
        return
    if path.name.startswith("y_") and "duplicated" not in path.name:
        value = json.loads(path.read_bytes())
        elements = value if isinstance(value, list) else [value]
        assert len(rows) == len(elements)
        objects = [row.fields for row in rows if isinstance(row, Record)]
        assert objects == [element for element in elements if isinstance(element, dict)]


@pytest.mark.parametrize("path", files(REALDATA), ids=named)
def test_a_real_export_opens_or_is_refused_with_a_hint(path: Path) -> None:
    try:
        table = open_table(path, ReadOptions())
    except SourceError as refused:
        assert refused.hint
        return
    lines = [row.line for row in table.records]
    assert lines == sorted(set(lines))
    assert table.position() == table.size == path.stat().st_size


@pytest.mark.parametrize(
    ("folder", "records", "rejected"),
    [
        ("olist-reviews", 8225, 0),
        ("nrc-events-pipe", 72, 0),
        ("retentioneering-clickstream", 31_106, 0),
        ("venmo-history", 50, 0),
        ("dla1033-us-dates", 1575, 0),
        ("synthea-encounters", 7890, 0),
        ("tinybird-web-analytics", 1500, 0),
        ("ledger-tsv-json", 2, 0),
        ("commerzbank-semicolon", 1, 0),
        ("shopify-orders-mini", 9, 0),
        ("mixpanel-raw-export", 3, 0),
        ("calendly-redacted", 1, 0),
        ("google-ads-daily", 18, 0),
    ],
)
def test_the_rows_of_a_real_export(folder: str, records: int, rejected: int) -> None:
    paths = files(REALDATA / folder)
    if not paths:
        pytest.skip("no realdata beside the project")
    rows = list(open_table(paths[0], ReadOptions()).records)
    bad = sum(isinstance(row, Malformed) for row in rows)
    assert (len(rows) - bad, bad) == (records, rejected)


@pytest.mark.parametrize(
    ("folder", "hint"),
    [
        ("sharesight-all-trades", "--skip-lines 2"),
        ("bokeh-git-log-dates", "--no-header"),
        ("cdnow-fixed-width", "sed"),
        ("usgs-geojson", "jq -c '.features[]'"),
    ],
)
def test_a_real_file_that_is_no_plain_table(folder: str, hint: str) -> None:
    paths = files(REALDATA / folder)
    if not paths:
        pytest.skip("no realdata beside the project")
    with pytest.raises(SourceError) as refused:
        open_table(paths[0], ReadOptions())
    assert hint in str(refused.value.hint)


def test_the_hints_lead_to_the_rows() -> None:
    if not REALDATA.exists():
        pytest.skip("no realdata beside the project")
    (trades,) = files(REALDATA / "sharesight-all-trades")
    rows = list(open_table(trades, ReadOptions(skip_lines=2)).records)
    assert [row.line for row in rows] == [*range(4, 17), 18]
    (commits,) = files(REALDATA / "bokeh-git-log-dates")
    assert len(list(open_table(commits, ReadOptions(no_header=True)).records)) == 4916


def test_real_cells_are_those_of_the_csv_module() -> None:
    paths = files(REALDATA / "olist-reviews")
    if not paths:
        pytest.skip("no realdata beside the project")
    with paths[0].open(newline="", encoding="utf-8") as file:
        header, *expected = csv.reader(file)
    table = open_table(paths[0], ReadOptions())
    assert table.columns == tuple(header)
    assert [row[1] for row in table.records] == expected
