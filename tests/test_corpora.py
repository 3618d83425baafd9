"""Public corpora of bad and odd input, through the whole program."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from conftest import Ended, Ours, StartSandbox

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the project")

TIME = b"2026-01-01T00:00:00Z"
NOT_JSON = {"bad_json", "bad_encoding", "nul_byte", "too_deep"}


@pytest.fixture(scope="module")
def json_cases() -> dict[str, bytes]:
    """The cases of nst/JSONTestSuite that fit on a line: `y_` is JSON, `n_` is not, `i_` may be either."""
    files = sorted((CORPORA / "json-test-suite" / "test_parsing").glob("*.json"))
    texts = {path.stem: path.read_bytes() for path in files}
    return {name: text for name, text in texts.items() if b"\n" not in text}


class TestJsonTestSuite:
    @pytest.fixture
    def lines(self, json_cases: dict[str, bytes], tmp_path: Path) -> Path:
        file = tmp_path / "cases.ndjson"
        file.write_bytes(b"".join(text + b"\n" for text in json_cases.values()))
        return file

    def test_lines_without_an_event_are_all_rejected(
        self, json_cases: dict[str, bytes], lines: Path, ours: Ours
    ) -> None:
        ended = ours("batch", lines, "--format", "ndjson", "--dry-run", "-o", "json")
        filled = sum(bool(text.strip()) for text in json_cases.values())
        assert ended.code == 3
        assert ended.json["read"] == ended.json["rejected"] == filled
        assert ended.json["unsent"] == 0

    def test_what_is_json_is_told_from_what_is_not(
        self, json_cases: dict[str, bytes], lines: Path, ours: Ours
    ) -> None:
        ended = ours("batch", lines, "--format", "ndjson", "--sandbox", "--rejects", "-")
        codes = dict.fromkeys(json_cases, "") | reject_codes(ended, json_cases)
        assert [name for name, code in codes.items() if name[0] == "y" and code in NOT_JSON] == []
        assert {name for name, code in codes.items() if name[0] == "n" and code not in NOT_JSON} == {
            name for name, text in json_cases.items() if name[0] == "n" and not text.strip()
        }

    def test_each_as_a_file_of_its_own_ends_orderly(
        self, json_cases: dict[str, bytes], ours: Ours, tmp_path: Path
    ) -> None:
        file = tmp_path / "case.json"
        for name, text in json_cases.items():
            file.write_bytes(text)
            ended = ours("batch", file, "--dry-run", "-o", "json")
            assert ended.code in (0, 3, 6), name
            if ended.code == 6:
                assert "hint: " in ended.err, name
            else:
                assert ended.json["unsent"] == 0, name

    def test_values_arrive_as_they_are(
        self, json_cases: dict[str, bytes], ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        box = sandbox(window_ms=None)
        file = tmp_path / "values.ndjson"
        row = b'{"event":"%s","externalId":"someone","time":"%s","eventProperties":{"v":%s}}\n'
        file.write_bytes(b"".join(row % (name.encode(), TIME, text) for name, text in json_cases.items()))
        ended = ours("batch", file, "--max-age", "none", "--rejects", "-")
        codes = reject_codes(ended, json_cases)
        values = {event.event: event.body["eventProperties"].get("v") for event in box.events()}
        assert ended.code == 3
        assert values.keys() | codes.keys() == json_cases.keys()
        assert not values.keys() & codes.keys()
        assert {name for name in values if name[0] == "n"} == set()
        # One of the two values would be lost, so such a row is never sent.
        assert {name: code for name, code in codes.items() if name[0] == "y"} == {
            "y_object_duplicated_key": "duplicate_key",
            "y_object_duplicated_key_and_value": "duplicate_key",
        }
        for name in values:
            if name[0] == "y":
                assert values[name] == without_empty_keys(json.loads(json_cases[name])), name


def reject_codes(ended: Ended, names: Iterable[str]) -> dict[str, str]:
    """The codes of NDJSON rejects on stdout, by the names of their lines."""
    name_of = dict(enumerate(names, start=1))
    rejects = map(json.loads, ended.out.rstrip("\n").split("\n"))
    return {name_of[reject["_line"]]: reject["_code"] for reject in rejects}


def without_empty_keys(value: Any) -> Any:
    """As the server keeps it (contract: eventProperties, non-empty keys)."""
    if isinstance(value, dict):
        return {key: without_empty_keys(entry) for key, entry in value.items() if key}
    return value


@pytest.fixture(scope="module")
def naughty() -> list[str]:
    """minimaxir/big-list-of-naughty-strings."""
    found: list[str] = json.loads((CORPORA / "naughty-strings" / "blns.json").read_text("utf-8"))
    return found


class TestNaughtyStrings:
    def arrive_unharmed(self, file: Path, texts: list[str], ours: Ours, sandbox: StartSandbox) -> None:
        box = sandbox(window_ms=None)
        flags = ("--event", "Naughty", "--time", TIME.decode(), "--external-id", "{n}", "-p", "text={text}")
        ended = ours("backfill", file, *flags, "--max-age", "none", "-o", "json")
        assert (ended.code, ended.json["accepted"]) == (0, len(texts)), ended.err
        arrived = {
            int(event.external_id or ""): event.body.get("eventProperties", {}) for event in box.events()
        }
        assert arrived == {n: {"text": text} if text.strip() else {} for n, text in enumerate(texts)}

    def test_as_cells(self, naughty: list[str], ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        file = tmp_path / "naughty.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["n", "text"])
            writer.writerows(enumerate(naughty))
        self.arrive_unharmed(file, naughty, ours, sandbox)

    @pytest.mark.parametrize("escaped", [True, False])
    def test_as_json(
        self, escaped: bool, naughty: list[str], ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        file = tmp_path / "naughty.ndjson"
        rows = (json.dumps({"n": n, "text": text}, ensure_ascii=escaped) for n, text in enumerate(naughty))
        file.write_text("".join(f"{row}\n" for row in rows), "utf-8")
        self.arrive_unharmed(file, naughty, ours, sandbox)


@pytest.mark.parametrize(
    "name",
    [
        "comma_in_quotes",
        "empty",
        "empty_crlf",
        "escaped_quotes",
        "json",
        "newlines",
        "newlines_crlf",
        "quotes_and_newlines",
        "simple",
        "simple_crlf",
        "utf8",
    ],
)
def test_csv_spectrum(name: str, ours: Ours, sandbox: StartSandbox) -> None:
    """max-mapper/csv-spectrum: every cell arrives as its JSON twin says, an empty one not at all."""
    box = sandbox(window_ms=None)
    folder = CORPORA / "csv-spectrum"
    flags = ("--event", "Row", "--time", TIME.decode(), "--external-id", "someone", "-p", "*")
    ended = ours("backfill", folder / "csvs" / f"{name}.csv", *flags, "--max-age", "none")
    assert ended.code == 0
    rows = json.loads((folder / "json" / f"{name}.json").read_text("utf-8"))
    expected = [{column: cell for column, cell in row.items() if cell} for row in rows]
    assert [event.body["eventProperties"] for event in box.events()] == expected
