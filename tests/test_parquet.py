"""Parquet, through the door: its types, rows as places, resume, rejects, and the missing extra."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from faults_kit import fault, status
from hypothesis import given
from hypothesis import strategies as st
from rows import ago, iso

from ours_cli.record import Stretch
from ours_cli.sandbox import When
from ours_cli.source import ReadOptions, open_table

MISSING = "the extra that reads them is not installed"
BYTES = b"PAR1\x15\x04" + b"\0" * 40 + b"PAR1"


class TestWithoutTheExtra:
    """Works either way: where pyarrow is there, it is made to look as if it were not."""

    @pytest.mark.parametrize("command", [("inspect",), ("batch",), ("backfill", "--event", "E")])
    def test_says_what_to_install(
        self, ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.delitem(sys.modules, "pyarrow.parquet", raising=False)
        file = tmp_path / "o.parquet"
        file.write_bytes(BYTES)
        ended = ours(*command, file)
        assert ended.code == 6
        assert f"{file} is a Parquet file, and {MISSING}" in ended.err
        assert "hint: pip install 'ours-cli[parquet]', or `pipx inject ours-cli pyarrow`\n" in ended.err

    def test_no_other_file_needs_it(
        self, ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: StartSandbox
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        place = sandbox()
        file = tmp_path / "o.csv"
        file.write_text(f"PAR1,when\nc,{iso(1)}\n")
        ended = ours("backfill", file, "--event", "E", "--time", "{when}", "--external-id", "{PAR1}")
        assert ended.code == 0, ended.err
        assert len(list(place.events())) == 1


def test_a_pipe_is_refused_with_what_to_do(ours_process: Any) -> None:
    ended = ours_process("batch", "--sandbox", stdin=BYTES)
    assert ended.code == 6
    assert "standard input is Parquet, which is read from its end" in ended.err
    assert "hint: save it as a file" in ended.err


@pytest.fixture
def pa() -> Any:
    return pytest.importorskip("pyarrow")


def save(pa: Any, path: Path, table: Any, **options: Any) -> Path:
    import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def orders(pa: Any, path: Path, count: int, first: int = 0, **options: Any) -> Path:
    moments = [datetime.fromtimestamp(ago(2) / 1000, UTC) + timedelta(seconds=n) for n in range(count)]
    table = pa.table(
        {
            "id": pa.array(range(first, first + count), pa.int64()),
            "when": pa.array(moments, pa.timestamp("us", "UTC")),
            "who": [f"c-{n % 7}" for n in range(count)],
            "total": pa.array([Decimal(n) / 100 for n in range(count)], pa.decimal128(10, 2)),
        }
    )
    return save(pa, path, table, **options)


MAPPING = ("--event", "Purchase", "--time", "{when}", "--external-id", "{who}", "--distinct-id", "{id}")


def values(pa: Any, tmp_path: Path, kind: Any, *cells: Any) -> list[Any]:
    """What a column of this type becomes, cell by cell; None where the row has no such key."""
    file = save(pa, tmp_path / "v.parquet", pa.table({"v": pa.array(cells, kind), "n": range(len(cells))}))
    return [row.fields.get("v") for row in open_table(file, ReadOptions()).records]  # type: ignore[union-attr]


class TestValues:
    def test_times(self, pa: Any, tmp_path: Path) -> None:
        moment = datetime(2026, 3, 4, 5, 6, 7, 89_000)
        assert values(pa, tmp_path, pa.timestamp("ms"), moment) == ["2026-03-04T05:06:07.089"]
        zoned = pa.timestamp("us", "America/New_York")
        assert values(pa, tmp_path, zoned, moment.replace(tzinfo=UTC)) == ["2026-03-04T05:06:07.089000Z"]
        nanoseconds = values(pa, tmp_path, pa.timestamp("ns"), 1_000_000_000_000_000_001, -1)
        assert nanoseconds == ["2001-09-09T01:46:40.000000001", "1969-12-31T23:59:59.999999999"]
        assert values(pa, tmp_path, pa.timestamp("us"), 2**62) == [f"{2**62} us since 1970"]
        assert values(pa, tmp_path, pa.date32(), date(2026, 3, 4)) == ["2026-03-04"]
        assert values(pa, tmp_path, pa.time64("us"), time(1, 2, 3, 4)) == ["01:02:03.000004"]

    def test_numbers(self, pa: Any, tmp_path: Path) -> None:
        assert values(pa, tmp_path, pa.int64(), 2**63 - 1, None) == [2**63 - 1, None]
        assert values(pa, tmp_path, pa.uint64(), 2**64 - 1) == [2**64 - 1]
        assert values(pa, tmp_path, pa.float64(), 0.1, float("nan"), float("inf")) == [0.1, None, "Infinity"]
        assert values(pa, tmp_path, pa.float32(), 0.1, 16777216.0, -1e-45) == [0.1, 16777216.0, -1.4013e-45]
        assert values(pa, tmp_path, pa.bool_(), True, False) == [True, False]

    def test_decimals_lose_no_digit(self, pa: Any, tmp_path: Path) -> None:
        cells = [Decimal("10.00"), Decimal("10.25"), Decimal("12345678901234567.89")]
        found = values(pa, tmp_path, pa.decimal128(20, 2), *cells)
        assert found == [10, 10.25, "12345678901234567.89"]
        assert [type(value) for value in found] == [int, float, str]
        assert values(pa, tmp_path, pa.decimal128(38, 0), Decimal(10**37 + 1)) == [10**37 + 1]

    def test_nested(self, pa: Any, tmp_path: Path) -> None:
        kind = pa.struct(
            [
                ("at", pa.timestamp("ns", "UTC")),
                ("tags", pa.list_(pa.decimal128(5, 2))),
                ("days", pa.map_(pa.string(), pa.date32())),
                ("gone", pa.string()),
            ]
        )
        cell = {"at": 0, "tags": [Decimal("1.50"), None], "days": [("a", date(2026, 1, 2))], "gone": None}
        found = values(pa, tmp_path, kind, cell, None)
        assert found == [
            {"at": "1970-01-01T00:00:00Z", "tags": [1.5, None], "days": {"a": "2026-01-02"}},
            None,
        ]
        twice = values(pa, tmp_path, pa.map_(pa.string(), pa.int8()), [("a", 1), ("a", 2)])
        assert twice == [[{"key": "a", "value": 1}, {"key": "a", "value": 2}]]

    def test_categories_and_texts(self, pa: Any, tmp_path: Path) -> None:
        assert values(pa, tmp_path, pa.dictionary(pa.int32(), pa.string()), "x", None) == ["x", None]
        assert values(pa, tmp_path, pa.large_string(), "ä", "") == ["ä", ""]

    def test_text_that_is_no_text_fails_its_own_row(
        self, pa: Any, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        who = pa.array([b"a", b"\xff", b"c"], pa.binary()).view(pa.string())
        file = save(pa, tmp_path / "o.parquet", pa.table({"who": who}))
        ended = ours(
            "backfill", file, "--event", "E", "--time", iso(1), "--external-id", "{who}", "-o", "json"
        )
        assert ended.json["reject_codes"] == {"bad_encoding": 1}
        assert {event.body["externalId"] for event in place.events()} == {"a", "c"}

    @given(st.decimals(allow_nan=False, allow_infinity=False), st.booleans())
    def test_a_number_has_the_digits_that_were_written(self, value: Decimal, negative: bool) -> None:
        pytest.importorskip("pyarrow")
        import pyarrow as arrow  # type: ignore[import-untyped, unused-ignore]

        from ours_cli.source.parquet_values import readable

        if abs(value.adjusted()) > 300:
            value = value.scaleb(-value.adjusted())
        value = value.copy_negate() if negative else value
        _, convert = readable(arrow.decimal128(38, 2))
        assert convert is not None
        found = convert(value)
        assert Decimal(repr(found) if isinstance(found, float) else found) == value


class TestRuns:
    def test_rows_arrive_with_their_types(
        self, pa: Any, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        file = orders(pa, tmp_path / "o.parquet", 2500, row_group_size=1000)
        ended = ours("backfill", file, *MAPPING, "-p", "total={total}", "-p", "n={id}", "-o", "json")
        assert (ended.code, ended.json["accepted"]) == (0, 2500), ended.err
        bodies = {event.distinct_id: event.body for event in place.events()}
        assert bodies["1234"]["time"] == ago(2) + 1_234_000
        assert bodies["1234"]["eventProperties"] == {"total": 12.34, "n": 1234}

    def test_batch_takes_structs(self, pa: Any, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        rows = [
            {"event": "E", "externalId": "c", "time": ago(1), "eventProperties": {"a": 1, "b": None}},
            {"event": "E", "externalId": "c", "time": ago(2), "eventProperties": {"a": None, "b": "x"}},
        ]
        file = save(pa, tmp_path / "o.parquet", pa.Table.from_pylist(rows))
        ended = ours("batch", file, "-o", "json")
        assert (ended.code, ended.json["warnings"]) == (0, []), ended.err
        assert sorted(map(str, (event.body["eventProperties"] for event in place.events()))) == [
            "{'a': 1}",
            "{'b': 'x'}",
        ]

    def test_with_workers_it_is_the_same(
        self, pa: Any, ours_process: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        rows = [
            {"event": "E", "externalId": f"c{n}", "time": ago(1), "eventProperties": {"n": n}}
            for n in range(1500)
        ]
        file = save(pa, tmp_path / "o.parquet", pa.Table.from_pylist(rows))
        for more in ((), ("--workers", "1")):
            ended = ours_process("batch", file, "--restart", "-o", "json", *more)
            assert (ended.code, ended.json["accepted"]) == (0, 1500), ended.err
        assert {event.times_received for event in place.events()} == {2}
        assert place.totals().events == 1500

    def test_columns_with_the_apis_names_map_themselves(
        self, pa: Any, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        table = pa.table({"event": ["E"], "time": [ago(1)], "email": ["a@b.ch"], "eventProperties.n": [3]})
        ended = ours("backfill", save(pa, tmp_path / "o.parquet", table))
        assert ended.code == 0, ended.err
        assert next(place.events()).body["eventProperties"] == {"n": 3}

    def test_a_folder_of_parts(self, pa: Any, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        folder = tmp_path / "export"
        for part in range(3):
            orders(pa, folder / f"part-{part:05}.parquet", 10, first=part * 10)
        for name in ("_SUCCESS", "_metadata", ".part-00000.parquet.crc"):
            (folder / name).write_bytes(b"")
        orders(pa, folder / "_temporary" / "part-9.parquet", 10, first=900)
        for argument in (folder, folder / "part-*.parquet"):
            assert ours("backfill", argument, *MAPPING, "--restart").code == 0
        assert {event.distinct_id for event in place.events()} == {str(n) for n in range(30)}

    @pytest.mark.parametrize(
        ("inside", "name"),
        [("_delta_log", "Delta"), (".hoodie", "Hudi"), ("metadata/v1.metadata.json", "Iceberg")],
    )
    def test_a_table_formats_folder_is_refused(
        self, ours: Ours, tmp_path: Path, inside: str, name: str
    ) -> None:
        (tmp_path / "t" / inside).mkdir(parents=True)
        (tmp_path / "t" / "part-0.parquet").write_bytes(BYTES)
        ended = ours("backfill", tmp_path / "t", *MAPPING)
        assert ended.code == 6
        assert f"is a {name} table" in ended.err

    def test_a_stopped_run_goes_on_by_row(
        self, pa: Any, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(fault(When(nth=(5,)), status(401)))
        file = orders(pa, tmp_path / "o.parquet", 1000, row_group_size=150)
        command = ("backfill", file, *MAPPING, "--batch-size", 100, "--concurrency", 1, "-o", "json")
        assert (ours(*command).code, len(list(place.events()))) == (4, 400)
        ended = ours(*command)
        assert (ended.code, ended.json["accepted"], ended.json["requests"]) == (0, 1000, 6)
        assert {event.distinct_id for event in place.events()} == {str(n) for n in range(1000)}

    def test_a_file_that_changed_under_it_is_told_by_its_rows(
        self, pa: Any, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox(fault(When(nth=(5,)), status(401)))
        file = orders(pa, tmp_path / "o.parquet", 1000)
        command = ("backfill", file, *MAPPING, "--batch-size", 100, "--concurrency", 1)
        assert ours(*command).code == 4
        orders(pa, file, 1000, first=1)
        ended = ours(*command)
        assert ended.code == 6
        assert "the source changed: rows 1 to 100 are not what they were" in ended.err

    def test_rejects_are_rows_that_the_same_command_takes(
        self, pa: Any, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        table = pa.table({"when": [iso(1), "soon", iso(2)], "who": ["a", "b", "c"], "n": [2**53 - 1, 5, 6]})
        file = save(pa, tmp_path / "o.parquet", table)
        rejects = tmp_path / "rejects.ndjson"
        flags = ("--event", "E", "--time", "{when}", "--external-id", "{who}", "-p", "n={n}")
        ended = ours("backfill", file, *flags, "--rejects", rejects)
        assert ended.code == 3, ended.err
        row = json.loads(rejects.read_text())
        assert (row["when"], row["n"], row["_line"], row["_code"]) == ("soon", 5, 2, "bad_time")
        rejects.write_text(rejects.read_text().replace("soon", iso(3)))
        assert ours("backfill", rejects, *flags).code == 0
        assert sorted(event.body["eventProperties"]["n"] for event in place.events()) == [5, 6, 2**53 - 1]

    def test_places_are_rows(self, pa: Any, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        table = pa.table({"id": ["x", "y", "x"], "who": ["a", "b", "c"]})
        file = save(pa, tmp_path / "o.parquet", table)
        command = ("backfill", file, "--event", "E", "--time", iso(1), "--external-id", "{who}")
        ended = ours(*command, "--distinct-id", "{id}", "--dry-run")
        assert "duplicate_id 1 (row 3)" in ended.out
        assert "row 3 bears the distinctId of row 1 and other content" in ended.out
        dates = save(pa, tmp_path / "d.parquet", pa.table({"d": ["03/04/2026"], "who": ["a"]}))
        ended = ours("backfill", dates, "--event", "E", "--time", "{d}", "--external-id", "{who}")
        assert "d.parquet, row 1)" in ended.err


class TestRefused:
    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (("--external-id", "{wo}"), ("there is no column 'wo'", "did you mean 'who'?")),
            (
                ("--external-id", "{who}", "-p", "b={blob}"),
                ("column 'blob' is binary, which no event can hold",),
            ),
            (("--external-id", "who"), ("'who' is a column",)),
            (("--external-id", "{who}", "--skip-lines", "1"), ("--skip-lines is for text",)),
            (("--external-id", "{who}", "--format", "csv"), ("--format is for text",)),
        ],
    )
    def test_flags_that_do_not_fit(
        self, pa: Any, ours: Ours, tmp_path: Path, flags: tuple[str, ...], said: tuple[str, ...]
    ) -> None:
        table = pa.table({"who": ["a"], "blob": pa.array([b"x"], pa.binary())})
        file = save(pa, tmp_path / "o.parquet", table)
        ended = ours("backfill", file, "--event", "E", "--time", iso(1), *flags)
        assert ended.code == 2
        assert all(text in ended.err for text in said), ended.err

    def test_a_name_that_stands_twice(self, pa: Any, ours: Ours, tmp_path: Path) -> None:
        table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
        ended = ours("inspect", save(pa, tmp_path / "o.parquet", table))
        assert ended.code == 6
        assert "several columns are named 'a'" in ended.err

    def test_a_damaged_file(self, pa: Any, ours: Ours, tmp_path: Path) -> None:
        file = tmp_path / "o.parquet"
        file.write_bytes(BYTES)
        ended = ours("inspect", file)
        assert ended.code == 6
        assert "cannot be read: it is damaged" in ended.err

    def test_a_file_that_is_cut_off(self, pa: Any, ours: Ours, tmp_path: Path) -> None:
        file = orders(pa, tmp_path / "o.parquet", 100)
        file.write_bytes(file.read_bytes()[:-20])
        ended = ours("backfill", file, *MAPPING)
        assert ended.code == 6
        assert "is Parquet" in ended.err


def test_inspect(pa: Any, ours: Ours, tmp_path: Path) -> None:
    table = pa.table(
        {"created_at": [iso(1)] * 3, "blob": pa.array([b"x"] * 3), "customer_id": ["a", "b", "c"]}
    )
    ended = ours("inspect", save(pa, tmp_path / "o.parquet", table), "-o", "json")
    assert ended.code == 0, ended.err
    assert ended.json["format"] == "parquet"
    assert {column["name"] for column in ended.json["columns"]} == {"created_at", "customer_id"}


@pytest.mark.parametrize("taken", [0, 1, 499, 500, 700])
def test_rows_many_at_once_go_on_behind_those_taken(pa: Any, tmp_path: Path, taken: int) -> None:
    table = open_table(orders(pa, tmp_path / "o.parquet", 1234, row_group_size=450), ReadOptions())
    taken_rows: list[Any] = list(islice(table.records, taken))
    rows = [(row.line, row.fields["id"]) for row in taken_rows]
    for stretch in table.records.in_bulk():
        assert isinstance(stretch, Stretch)
        fields: list[Any] = list(stretch.fields)
        rows += [(line, row["id"]) for line, row in zip(stretch.lines, fields, strict=True)]
    assert rows == [(number + 1, number) for number in range(1234)]
    assert table.position() == table.size


def test_reading_holds_a_few_rows_of_a_row_group_only(pa: Any, tmp_path: Path) -> None:
    notes = pa.table({"note": [f"{n:0400}" for n in range(100_000)]})
    file = save(pa, tmp_path / "o.parquet", notes, row_group_size=100_000, use_dictionary=False)
    table = open_table(file, ReadOptions())
    before = pa.total_allocated_bytes()
    next(table.records)
    assert pa.total_allocated_bytes() - before < 10 << 20
    assert 0 < table.position() < (table.size or 0)
    table.close()
    assert pa.total_allocated_bytes() <= before
