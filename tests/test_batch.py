"""`ours batch`: rows that already have the shape of `/track`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest
from conftest import Ended, Ours, StartSandbox
from hypothesis import example, given
from hypothesis import strategies as st
from rows import ago, iso, ndjson, write
from waiting import wait_for

from ours_cli.assembly import batch_rows
from ours_cli.assembly.event_assembler import EventAssembler
from ours_cli.drafting import plain_bodies
from ours_cli.drafting.bodies import Bodies
from ours_cli.drafting.plain_bodies import are_plain, is_plain, which_are_plain
from ours_cli.events.event import Event, Filtered, Origin, Reject
from ours_cli.events.mapped_rows import MappedRows
from ours_cli.ids.identity import DistinctIds
from ours_cli.mapping.selection import Selection
from ours_cli.mapping.tally import Tally
from ours_cli.mapping.validate import Window
from ours_cli.record import Record, RowStream, Stretch, Table
from ours_cli.row_mapping import map_rows
from ours_cli.runs.blocks import Block
from ours_cli.runs.replay import Replay
from ours_cli.timestamps import TimeProblem, TimeReader, TimeRules


def rows(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"event": "Visit", "externalId": f"c{number}", "time": ago(1) - number, **more}
        for number in range(count)
    ]


def reports(ended: Ended, **expected: object) -> None:
    assert {key: ended.json[key] for key in expected} == expected, ended.err


def test_rows_from_a_pipe(ours_process: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ended = ours_process("batch", "-o", "json", stdin=ndjson(rows(1202)).encode())
    assert ended.code == 0, ended.err
    reports(ended, command="batch", status="complete", read=1202, accepted=1202, rejected=0, unsent=0)
    stored = list(place.events())
    assert {event.external_id for event in stored} == {f"c{number}" for number in range(1202)}
    assert len(stored) == 1202
    assert {event.path for event in stored} == {"/batch"}
    assert stored[5].body == {**rows(6)[5], "distinctId": stored[5].distinct_id}
    assert max(request.rows for request in place.requests()) <= 500


def test_the_dash_is_standard_input(ours_process: Ours, sandbox: StartSandbox) -> None:
    sandbox()
    reports(ours_process("batch", "-", "-o", "json", stdin=ndjson(rows(2)).encode()), accepted=2)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array(ours: Ours, sandbox: StartSandbox, tmp_path: Path, indent: int | None) -> None:
    place = sandbox()
    path = write(tmp_path / "rows.json", json.dumps(rows(30), indent=indent))
    reports(ours("batch", path, "-o", "json"), read=30, accepted=30)
    assert place.totals().events == 30


def test_report_keys(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox()
    report = ours("batch", write(tmp_path / "r.ndjson", ndjson(rows(3))), "-o", "json").json
    assert {
        *("command", "run", "status", "read", "accepted", "rejected", "filtered", "unsent", "requests"),
        *("retries", "bytes", "duration_s", "rejects_file", "reject_codes", "warnings", "resume"),
    } <= report.keys()
    assert (report["rejects_file"], report["reject_codes"], report["resume"]) == (None, {}, None)


class TestDistinctIds:
    """Derived where none is given."""

    def test_the_same_on_a_second_run(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        # Two rows are wholly alike: they are two events, and stay two.
        path = write(tmp_path / "r.ndjson", ndjson([*rows(5), *rows(1)]))
        db = tmp_path / "kept.sqlite"
        for _ in range(2):
            place = sandbox(db=db)
            reports(ours("batch", path, "-o", "json"), accepted=6)
            assert place.totals().events == 6
            place.stop()

    def test_key_order_does_not_matter(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        forward = [dict(row.items()) for row in rows(3, eventProperties={"a": 1, "b": 2})]
        backward = [dict(reversed(row.items())) for row in rows(3, eventProperties={"b": 2, "a": 1})]
        assert ours("batch", write(tmp_path / "a.ndjson", ndjson(forward))).code == 0
        assert ours("batch", write(tmp_path / "b.ndjson", ndjson(backward))).code == 0
        assert place.totals().events == 3

    def test_rows_without_time_are_other_events_in_another_run(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        untimed = [{"event": "Visit", "externalId": "c"}] * 2
        path = write(tmp_path / "r.ndjson", ndjson(untimed))
        for _ in range(2):
            ended = ours("batch", path, "--restart", "-o", "json")
            reports(ended, accepted=2)
            assert "2 rows had no time: the server stamps them on arrival" in ended.json["warnings"]
        assert place.totals().events == 4
        assert all(event.time is None or "time" not in event.body for event in place.events())

    def test_rows_that_count_again_are_told_of(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        """One more file makes it a new run, in which rows with neither time nor id are new ones."""
        sandbox()
        untimed = {"event": "Visit", "externalId": "c"}
        folder = tmp_path / "in"
        folder.mkdir()
        told = "has sent files of these: rows with neither a time nor a distinctId count again"

        def warnings(name: str, rows: list[Any]) -> str:
            write(folder / name, ndjson(rows))
            ended = ours("batch", folder, "-o", "json")
            assert ended.code == 0
            return "\n".join(ended.json["warnings"])

        assert told not in warnings("d.ndjson", [untimed] * 2)
        first = json.loads(ours("runs", "-o", "json").out)[0]["run"]
        assert f"run {first} {told}" in warnings("c.ndjson", [untimed])
        assert told not in warnings("c.ndjson", [untimed])  # nothing is sent
        for path in folder.iterdir():
            path.unlink()
        identified = [{**untimed, "distinctId": f"d{n}"} for n in range(2)]
        assert told not in warnings("c.ndjson", [*identified, *rows(2)])

    def test_given_ids_are_kept(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        given = [{**row, "distinctId": f" d{n} "} for n, row in enumerate(rows(3))]
        reports(ours("batch", write(tmp_path / "r.ndjson", ndjson(given)), "-o", "json"), accepted=3)
        assert [event.distinct_id for event in place.events()] == ["d0", "d1", "d2"]

    def test_given_ids_that_repeat(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        one, other = rows(2)
        given = [{**row, "distinctId": "d"} for row in (one, one, other)]
        ended = ours("batch", write(tmp_path / "r.ndjson", ndjson(given)), "-o", "json")
        reports(ended, accepted=2, rejected=1, reject_codes={"duplicate_id": 1})
        assert "1 row repeats a distinctId: the API counts them once" in ended.json["warnings"]
        reject = json.loads(Path(ended.json["rejects_file"]).read_text())
        assert (reject["_line"], reject["_distinctId"]) == (3, "d")
        assert "line 3" in reject["_message"]
        assert "line 1" in reject["_message"]
        assert place.totals().events == 1


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        ({"event": "E", "externalId": "c", "properties": {}}, "unknown_key", "'eventProperties'"),
        ({"event": "E", "externalId": "c", "distinct_id": "d"}, "unknown_key", "'distinctId'"),
        ({"event": "E", "user_id": "c"}, "unknown_key", "'externalId'"),
        ({"event": "E", "externalId": "c", "canary": 1}, "unknown_key", "it knows event, distinctId"),
        ({"event": "E", "externalId": "c", "token": "t"}, "unknown_key", "it knows event, distinctId"),
        ({"event": "E", "externalId": "c", "Time": 1}, "unknown_key", "did you mean 'time'?"),
        ({"event": "E", "externalId": "c", "ts": 1}, "unknown_key", "'ts': it is called 'time'"),
        ({"Event": "E", "externalId": "c"}, "unknown_key", "did you mean 'event'?"),
        ({"event": "E", "externalID": "c"}, "unknown_key", "did you mean 'externalId'?"),
        ({"event": "E", "userid": "c"}, "unknown_key", "did you mean 'userId'?"),
        ({"event": "E", "properites": {}}, "unknown_key", "did you mean 'eventProperties'?"),
        ({"externalId": "c"}, "missing_event", "event name"),
        ({"event": "  ", "externalId": "c"}, "missing_event", "event name"),
        ({"event": "E"}, "missing_identifier", "externalId"),
        ({"event": "E", "externalId": ""}, "missing_identifier", "externalId"),
        ({"event": "E", "externalId": None}, "missing_identifier", "externalId"),
        ({"event": "E", "externalId": ["c"]}, "bad_type", "externalId"),
        ({"event": "E", "externalId": True}, "bad_type", "externalId"),
        ({"event": {"a": 1}, "externalId": "c"}, "bad_type", "event"),
        ({"event": "E", "externalId": "x" * 401}, "id_too_long", "externalId"),
        ({"event": "E" * 1001, "externalId": "c"}, "event_too_long", "1000"),
        ({"event": "E", "externalId": "c", "time": "soon"}, "bad_time", ""),
        ({"event": "E", "externalId": "c", "time": iso(200)}, "outside_window", "older"),
        ({"event": "E", "externalId": "c", "time": iso(-2)}, "outside_window", "future"),
        ({"event": "E", "externalId": "c", "eventProperties": []}, "bad_type", "eventProperties"),
        ({"event": "E", "externalId": "c", "userProperties": {"nick": 1}}, "unknown_property", ""),
        (
            {"event": "E", "externalId": "c", "userProperties": {"firstName": "A"}},
            "unknown_property",
            "'first_name'",
        ),
        (
            {"event": "E", "externalId": "c", "userProperties": {"dob": "A"}},
            "unknown_property",
            "'date_of_birth'",
        ),
        (
            {"event": "E", "externalId": "c", "defaultProperties": {"osName": "A"}},
            "unknown_property",
            "'os_name'",
        ),
        ({"event": "E", "externalId": "c", "identityContext": {"ip": "1.2.3.4"}}, "bad_context", ""),
    ],
)
def test_rejects(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, row: dict[str, Any], code: str, message: str
) -> None:
    place = sandbox()
    good = rows(2)
    path = write(tmp_path / "r.ndjson", ndjson([good[0], row, good[1]]))
    ended = ours("batch", path, "-o", "json")
    assert ended.code == 3
    reports(ended, read=3, accepted=2, rejected=1, reject_codes={code: 1}, status="partial")
    reject = json.loads(Path(ended.json["rejects_file"]).read_text())
    assert {key: value for key, value in reject.items() if not key.startswith("_")} == row
    assert (reject["_line"], reject["_code"]) == (2, code)
    assert message in reject["_message"]
    assert "canary" not in reject["_message"]
    assert place.totals().events == 2


class TestNulls:
    ROW: ClassVar[dict[str, Any]] = {
        "event": "E",
        "externalId": "c",
        "email": None,
        "time": None,
        "eventProperties": {
            "a": None,
            "b": 1,
            "c": [None, {"d": None}],
            "o": {"z": None, "p": {"q": None, "r": 0}},
        },
        "userProperties": {"gclid": None, "city": "Ulm", "custom_properties": {"x": None, "y": 2}},
        "defaultProperties": None,
    }

    def test_are_left_out_and_counted(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        ended = ours("batch", write(tmp_path / "r.ndjson", ndjson([self.ROW])), "-o", "json")
        assert ended.code == 0, ended.err
        assert "9 nulls were left out; --send-nulls sends them" in ended.json["warnings"]
        (event,) = place.events()
        assert event.body == {
            "event": "E",
            "externalId": "c",
            "eventProperties": {"b": 1, "c": [None, {}], "o": {"p": {"r": 0}}},
            "userProperties": {"city": "Ulm", "custom_properties": {"y": 2}},
            "distinctId": event.distinct_id,
        }

    @pytest.mark.parametrize("others", [0, 30])
    def test_are_left_out_of_mapped_rows_as_well(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, others: int
    ) -> None:
        place = sandbox()
        user = {"consent": {"marketing": None, "x": True}, "city": None, "zip": "8"}
        rows = [{"t": iso(1), "id": f"c{number}", "o": user} for number in range(others + 1)]
        file = write(tmp_path / "mapped.ndjson", ndjson(rows))
        whole = write(tmp_path / "map.toml", 'userProperties = "{o}"\nexternalId = "{id}"\n')
        for command in (
            ("backfill", file, "--event", "E", "--time", "{t}", "--map", whole),
            ("identify", file, "--map", whole),
            ("identify", file, "--external-id", "{id}", "-u", "zip={o.zip}", "-u", "consent={o.consent}"),
        ):
            before = len(list(place.events()))
            assert ours(*command).code == 0
            events = list(place.events())[before:]
            assert len(events) == others + 1
            for event in events:
                assert event.body["userProperties"] == {"consent": {"x": True}, "zip": "8"}

    def test_are_sent_when_told(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        row = {key: value for key, value in self.ROW.items() if key not in ("time", "defaultProperties")}
        ended = ours("batch", write(tmp_path / "r.ndjson", ndjson([row])), "--send-nulls", "-o", "json")
        assert ended.code == 0, ended.err
        assert not any("null" in text for text in ended.json["warnings"])
        (event,) = place.events()
        assert event.body["email"] is None
        assert event.body["userProperties"]["gclid"] is None

    def test_rejects_keep_them(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        row = {**self.ROW, "event": ""}
        ended = ours("batch", write(tmp_path / "r.ndjson", ndjson([row])), "-o", "json")
        reject = json.loads(Path(ended.json["rejects_file"]).read_text())
        assert {key: value for key, value in reject.items() if not key.startswith("_")} == row


def test_a_slow_pipe_is_flushed(sandbox: StartSandbox) -> None:
    place = sandbox()
    command = [sys.executable, "-m", "ours_cli", "batch", "--flush-every", "0.3", "-o", "json"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None

    def has_come(least: int) -> bool:
        return place.totals().events >= least

    for count in (1, 2):
        process.stdin.write(ndjson(rows(count)[-1:]).encode())
        process.stdin.flush()
        wait_for(partial(has_come, count), "the row waits for a batch to fill")
    process.stdin.close()
    report = json.loads(process.stdout.read())
    process.stdout.close()
    assert process.wait(60) == 0
    assert (report["accepted"], report["requests"]) == (2, 2)


@pytest.mark.parametrize("written", [5, 10])
@pytest.mark.parametrize(
    "flags",
    [(), ("--where", "event!=x"), ("--expect", "5"), ("--workers", "2"), ("--shard", "0/1"), ("--dry-run",)],
    ids=lambda flags: "".join(flags) or "plain",
)
def test_a_limit_ends_an_open_pipe(sandbox: StartSandbox, flags: tuple[str, ...], written: int) -> None:
    """It waited for one more row, or for the end: `head` does not."""
    place = sandbox()
    command = [sys.executable, "-m", "ours_cli", "batch", "-", "--limit", "5", "-o", "json", *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(ndjson(rows(written)).encode())
        process.stdin.flush()
        try:
            assert process.wait(20) == 0
            assert json.loads(process.stdout.read())["read"] == 5
        finally:
            process.kill()
    assert place.totals().events == (0 if "--dry-run" in flags else 5)


@pytest.mark.parametrize("name", ["r.csv", "r.txt"])
def test_a_delimited_file_is_refused_with_the_right_command(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, name: str
) -> None:
    place = sandbox()
    ended = ours("batch", write(tmp_path / name, 'event,externalId\n"E,2",c\n'))
    assert ended.code == 2
    assert f"{name} is a delimited file" in ended.err
    assert "ours backfill" in ended.err.partition("hint: ")[2]
    assert list(place.requests()) == []


def test_a_banner_on_an_open_pipe_is_no_text_without_rows(sandbox: StartSandbox) -> None:
    place = sandbox()
    command = [sys.executable, "-m", "ours_cli", "batch", "--flush-every", "0.1", "-o", "json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        for number in range(12):
            process.stdin.write(f"Starting part {number}\n".encode())
        process.stdin.flush()
        time.sleep(1.5)  # longer than a pipe is waited for
        process.stdin.write(ndjson(rows(3)).encode())
        out, _ = process.communicate(timeout=100)
    assert (process.returncode, json.loads(out)["accepted"]) == (3, 3)
    assert len(list(place.events())) == 3


@pytest.mark.parametrize("line", ["Dear all ", "email", "5", '"x"'])
@pytest.mark.parametrize("name", ["-", "x.txt", "x.ndjson"])
def test_text_without_a_single_row_is_refused(
    ours_process: Ours, sandbox: StartSandbox, tmp_path: Path, line: str, name: str
) -> None:
    """Else each of its lines would be a reject, a million of them."""
    place = sandbox()
    text = "".join(f"{line}{'' if line == '5' else number}\n" for number in range(3000))
    if name == "-":
        ended = ours_process("batch", stdin=text.encode())
        told = ours_process("batch", "--format", "ndjson", stdin=text.encode())
    else:
        ended = ours_process("batch", write(tmp_path / name, text))
        told = ours_process("batch", "--format", "ndjson", tmp_path / name)
    assert ended.code == 6
    assert "none of its first 10 lines is a JSON object" in ended.err
    assert told.code == 3
    assert list(place.requests()) == []


@pytest.mark.parametrize(
    "first",
    [
        "oops",
        "a,b,c",
        "null",
        "5",
        '"x"',
        "{",
        "\0",
        "[" * 300_000,
        "oops\nno, not yet\n,,,",
        '["x"',
        "x\n" * 9,
    ],
    ids=lambda first: repr(first[:9]),
)
@pytest.mark.parametrize("name", ["-", "x.log", "x.ndjson"])
def test_a_broken_first_line_takes_no_other_along(
    ours_process: Ours, sandbox: StartSandbox, tmp_path: Path, first: str, name: str
) -> None:
    place = sandbox()
    text = f"{first.rstrip()}\n{ndjson(rows(2))}"
    if name == "-":
        ended = ours_process("batch", "-o", "json", stdin=text.encode())
    else:
        ended = ours_process("batch", write(tmp_path / name, text), "-o", "json")
    assert (ended.code, ended.json["accepted"]) == (3, 2), ended.err
    assert ended.json["rejected"] == text.count("\n") - 2
    assert '"_line":1,' in Path(ended.json["rejects_file"]).read_text()
    assert place.totals().events == 2


@pytest.mark.parametrize("first", ["oops", "[" * 300_000, "{"], ids=["oops", "deep", "brace"])
def test_a_line_that_no_other_has_followed_yet(ours_process: Ours, sandbox: StartSandbox, first: str) -> None:
    sandbox()
    ended = ours_process("batch", "-o", "json", stdin=f"{first}\n".encode())
    assert (ended.code, ended.json["rejected"]) == (3, 1), ended.err


def test_a_zone_column_is_refused(ours: Ours, tmp_path: Path) -> None:
    ended = ours("batch", write(tmp_path / "r.ndjson", ndjson(rows(1))), "--tz", "{zone}", "--dry-run")
    assert ended.code == 2
    assert "not a column" in ended.err


def test_nothing_piped_in_is_a_usage_error(ours_process: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, child = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ours_cli", "batch"], stdin=child, capture_output=True, timeout=100
        )
    finally:
        os.close(parent)
        os.close(child)
    assert done.returncode == 2
    assert b"nothing to send" in done.stderr


def test_token_and_rows_cannot_share_standard_input(ours_process: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ended = ours_process("batch", "--token-file", "-", stdin=ndjson(rows(1)).encode())
    assert ended.code == 2
    assert "standard input" in ended.err
    assert list(place.requests()) == []


def test_times_of_all_kinds(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    texts = [iso(3), iso(3).removesuffix("Z"), ago(3), str(ago(3)), float(ago(3))]
    timed = [{"event": "E", "externalId": f"c{n}", "time": text} for n, text in enumerate(texts)]
    ended = ours("batch", write(tmp_path / "r.ndjson", ndjson(timed)), "-o", "json")
    assert ended.code == 0, ended.err
    assert [event.body["time"] for event in place.events()] == [ago(3)] * 5
    assert "1 time had no zone and was read as UTC; --tz ZONE says otherwise" in ended.json["warnings"]


def test_numbers_that_are_ids_keep_their_digits(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    text = '{"event": "E", "externalId": 123456789012345678901234567890, "eventProperties": {"n": 1e2}}\n'
    assert ours("batch", write(tmp_path / "r.ndjson", text)).code == 0
    (event,) = place.events()
    assert event.external_id == "123456789012345678901234567890"


VALUE = st.one_of(
    st.sampled_from(
        [None, True, 0, 1.5, "", " x ", "x", "\ud800", 10**30, float("nan"), [1] * 251, {"a": None}]
    ),
    st.text(max_size=4),
)
TIME = st.sampled_from([ago(1), ago(2), ago(1) // 1000, float(ago(1)), iso(1), "soon", None, True, 5, [1]])
TEXT = st.one_of(st.sampled_from(["E", "c", "", " c ", "x" * 401, "x" * 1001, "\ud800"]), VALUE)
PROPERTIES = st.dictionaries(
    st.sampled_from(["city", "phone_number", "custom_properties", "activeDuration", "utm_source", "p", "q"]),
    VALUE,
    max_size=3,
)
ROW = st.fixed_dictionaries(
    {"event": st.sampled_from(["E", "F"]), "externalId": st.sampled_from(["c", "d"]), "time": st.just(ago(1))}
).flatmap(
    lambda row: st.dictionaries(
        st.sampled_from([*row, "distinctId", "email", "userId", "other", "identityContext"]),
        TEXT,
        max_size=2,
    ).flatmap(
        lambda more: st.fixed_dictionaries(
            {},
            optional={
                "time": TIME,
                "eventProperties": st.one_of(PROPERTIES, VALUE),
                "userProperties": PROPERTIES,
                "defaultProperties": PROPERTIES,
            },
        ).map(lambda objects: {**row, **more, **objects})
    )
)


@given(st.lists(ROW, min_size=1, max_size=5) | ROW.map(lambda row: [row, deepcopy(row)]), st.integers(1, 3))
def test_plain_rows_are_the_same_many_at_once(rows: list[dict[str, Any]], few: int) -> None:
    each = list(map(is_plain, rows))
    assert are_plain(rows) == all(each)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_bodies, "_FEW", few)
        assert which_are_plain(rows) == each


def bodies_one_by_one(rows: list[dict[str, Any]], reader: TimeReader) -> Bodies:
    contents: list[bytes | None] = []
    times, given = [], []
    for row in rows:
        body = dict(row)
        try:
            plain = is_plain(row)
            body["time"] = reader(row["time"]) if plain else 0
        except TimeProblem:
            plain, body["time"] = False, 0
        times.append(body["time"])
        given.append(body.pop("distinctId", "") if plain else "")
        contents.append(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)[1:] if plain else None)
    return Bodies(contents, times, given if any(given) else None)


@given(st.lists(ROW, min_size=1, max_size=5) | ROW.map(lambda row: [row, deepcopy(row)]))
@example([{"time": ago(1), "event": "E", "userId": "u", "eventProperties": {"b": 1, "a": True}}])
@example([{"time": ago(1), "event": "E", "userId": "u", "distinctId": "d"}])
@example([{"time": float(ago(1)), "event": "E", "userId": "u"}])
def test_bodies_are_the_same_many_at_once(rows: list[dict[str, Any]]) -> None:
    found: list[Bodies | type[TypeError]] = []
    readers = [TimeReader(TimeRules()), TimeReader(TimeRules())]
    read = deepcopy(rows)
    ways: list[Callable[[], Bodies]] = [
        lambda: bodies_one_by_one(rows, readers[0]),
        lambda: batch_rows._read_bodies(readers[1], read, False),
    ]
    for make in ways:
        try:
            found.append(make())
        except TypeError:
            found.append(TypeError)
    assert found[0] == found[1]
    assert repr(read) == repr(rows)
    assert readers[0].naive_as_utc == readers[1].naive_as_utc or TypeError in found


def test_one_row_of_many_that_is_not_plain_is_told() -> None:
    row = {"event": "E", "externalId": "c", "time": 1, "userProperties": {"city": "x", "is_bot": True}}
    rows: list[dict[str, Any]] = [row, {**row, "email": "e"}, {"time": 1, "event": "F", "userId": "u"}] * 100
    assert which_are_plain(rows) == [True] * 300
    for other in (
        {"event": "E", "time": 1},
        {**row, "nick": 1},
        {**row, "event": " E"},
        {**row, "time": True},
    ):
        at = len(other) * 50
        assert which_are_plain([*rows[:at], other, *rows[at:]]) == [place != at for place in range(301)]


@given(st.lists(ROW.filter(lambda row: "nan" not in repr(row)), min_size=1, max_size=5))
def test_what_is_judged_at_once_is_judged_as_rule_by_rule(rows: list[dict[str, Any]]) -> None:
    found: list[list[Event | Reject | Filtered]] = []
    left: list[tuple[Tally, list[dict[str, Any]]]] = []
    for at_once in (True, False):
        tally, read = Tally(), deepcopy(rows)
        assemble = EventAssembler(Window(None), DistinctIds(b"run"), tally, Selection())
        mapping = batch_rows.BatchMapping(assemble, TimeReader(TimeRules()), tally, send_nulls=False)
        together, singly = [Stretch(range(len(read)), read)], map(Record, range(len(read)), read)
        table = Table("t.ndjson", "ndjson", None, RowStream(together if at_once else singly))
        items: list[Event | Reject | Filtered] = []
        for item in map_rows([table], mapping, None, lambda *_: None, Replay([])):
            assert not isinstance(item, Block)
            items += item if isinstance(item, MappedRows) else [item]
        found.append([item._replace(origin=Origin(0, Record(0, {}))) for item in items])
        left.append((tally, read))
    assert found[0] == found[1]
    assert repr(left[0]) == repr(left[1])
