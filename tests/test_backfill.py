"""`ours backfill`: any export, mapped row by row."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import TOKEN, Ended, Ours, StartSandbox
from rows import HOUR_MS, ago, iso, ndjson, write
from waiting import wait_for

ESSENTIALS = ("--event", "Purchase", "--time", "{when}", "--external-id", "{id}")


def csv_rows(count: int, first: int = 0) -> str:
    return "".join(f"{iso(1)},{first + n},{n}.50\n" for n in range(count))


def orders(tmp_path: Path, count: int = 5, name: str = "orders.csv", first: int = 0) -> Path:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    return write(path, "when,id,total\n" + csv_rows(count, first))


def reports(ended: Ended, **expected: object) -> None:
    report = ended.json
    assert {key: report[key] for key in expected} == expected, ended.err
    settled = report["accepted"] + report["rejected"] + report["filtered"]
    assert report["read"] == settled + report["unsent"]


def properties(sandbox_events: Any) -> list[dict[str, Any]]:
    return [event.body.get("eventProperties", {}) for event in sandbox_events]


class TestTemplates:
    """What each kind of template sends."""

    HEADER = "when,id,total,vip,qty,note,first,last,json,zip"
    ROW = '{when},0042,"$1,234.50",yes,7,,Ada,Byron,"{{""a"": [1, ""x""], ""b"": 9007199254740993}}",08123'

    def sent(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, *fields: str, row: str = ROW
    ) -> dict[str, Any]:
        place = sandbox()
        path = write(tmp_path / "o.csv", f"{self.HEADER}\n{row.format(when=iso(2))}\n")
        ended = ours("backfill", path, *ESSENTIALS, *fields)
        assert ended.code == 0, ended.err
        (event,) = place.events()
        body = dict(event.body)
        assert body.pop("distinctId") == event.distinct_id
        assert (body.pop("event"), body.pop("time")) == ("Purchase", ago(2))
        return body

    @pytest.mark.parametrize(
        ("assignment", "expected"),
        [
            ("a={total}", "$1,234.50"),
            ("a={total|number}", 1234.5),
            ("a={vip|bool}", True),
            ("a={qty|int}", 7),
            ("a={qty}", "7"),
            ("a={zip|auto}", "08123"),
            ("a={qty|auto}", 7),
            ("a={first} {last}", "Ada Byron"),
            ("a={first|upper}-{last|lower}", "ADA-byron"),
            ("a={{literal}} {first}", "{literal} Ada"),
            ("a={json.a[1]}", "x"),
            ("a={json.a}", [1, "x"]),
            ("a={json|json}", {"a": [1, "x"], "b": 9007199254740993}),
            ("a:={qty}", 7),
            ('a:={{"n": {qty}, "s": "{first}"}}', {"n": 7, "s": "Ada"}),
            ("a:=[1, 2]", [1, 2]),
            ("a:=true", True),
            ("a=constant", "constant"),
            ("a={note|default:none}", "none"),
            ("a={first|map:Ada=A,Bob=B}", "A"),
            ('a={first|replace:A:"}', '"da'),
        ],
    )
    def test_values(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, assignment: str, expected: object
    ) -> None:
        body = self.sent(ours, sandbox, tmp_path, "-p", assignment)
        if isinstance(expected, dict) and "b" in expected:
            expected = {**expected, "b": "9007199254740993"}  # contract: wide integers become text there
        assert body == {"externalId": "0042", "eventProperties": {"a": expected}}

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ('{"n": {"s": "{x}"}}\n', {"n": {"s": "{x}"}}),
            ("[{}, 2]", [{}, 2]),
            ('{{"n": {qty}}}', {"n": 7}),
        ],
    )
    def test_json_in_a_file_stands_for_itself(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, written: str, expected: object
    ) -> None:
        """What is not JSON as it stands is a template, as on the command line."""
        file = write(tmp_path / "a.json", written)
        body = self.sent(ours, sandbox, tmp_path, "-p", f"a:=@{file}", "-u", f"custom_properties.b:=@{file}")
        assert body["eventProperties"] == {"a": expected}
        assert body["userProperties"] == {"custom_properties": {"b": expected}}

    @pytest.mark.parametrize("assignment", ["a={note}", "a=x{note}y", "a:={note}", "a={json.nope}"])
    def test_empty_cells_are_absent(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, assignment: str
    ) -> None:
        assert self.sent(ours, sandbox, tmp_path, "-p", assignment) == {"externalId": "0042"}

    def test_every_field(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        body = self.sent(
            *(ours, sandbox, tmp_path, "--email", "{first}@x.org", "--user-id", "v{id}"),
            *("-u", "first_name={first}", "-u", "custom_properties.last={last}", "-u", "zip={zip}"),
            *("-d", "utm_source=mail", "-d", "utm_campaign={note}"),
            *("--ip", "203.0.113.7", "--user-agent", "UA {first}", "--clear", "gclid"),
        )
        assert body == {
            "externalId": "0042",
            "email": "Ada@x.org",
            "userId": "v0042",
            "userProperties": {
                "first_name": "Ada",
                "custom_properties": {"last": "Byron"},
                "zip": "08123",
                "gclid": None,
            },
            "defaultProperties": {"utm_source": "mail"},
            "identityContext": {"ip": "203.0.113.7", "userAgent": "UA Ada"},
        }

    def test_string_fields_take_the_digits_of_a_number(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        text = f'{{"id": 12345678901234567890, "n": 1.50, "when": {ago(1)}}}\n'
        ended = ours(
            *("backfill", write(tmp_path / "o.ndjson", text), *ESSENTIALS),
            *("-u", "city={n}", "-u", "phone_number={n}", "-d", "campaign_id={id}", "-p", "n={n}"),
        )
        assert ended.code == 0, ended.err
        (event,) = place.events()
        assert event.external_id == "12345678901234567890"
        assert event.body["userProperties"] == {"city": "1.50", "phone_number": 1.5}
        assert event.body["defaultProperties"] == {"campaign_id": "12345678901234567890"}
        assert event.body["eventProperties"] == {"n": 1.5}

    def test_time_of_several_columns(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        day, clock = iso(3).removesuffix("Z").split("T")
        path = write(tmp_path / "o.csv", f"Date,Time,Zone,id\n{day},{clock},+02:00,1\n{day},{clock},UTC,2\n")
        fields = ("--event", "E", "--external-id", "{id}")
        assert ours("backfill", path, *fields, "--time", "{Date} {Time} {Zone}").code == 0
        assert ours("backfill", path, *fields, "--time", "{Date} {Time}", "--tz", "{Zone}").code == 0
        assert sorted(event.body["time"] for event in place.events()) == [ago(5), ago(3)]

    def test_bad_json_rejects_the_row(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        path = write(tmp_path / "o.csv", f"when,id,n\n{iso(1)},1,7\n{iso(1)},2,seven\n")
        ended = ours("backfill", path, *ESSENTIALS, "-p", "n:={n}", "-o", "json")
        reports(ended, read=2, accepted=1, rejected=1, reject_codes={"bad_json": 1})
        assert "seven" not in ended.err


class TestStar:
    """`-p '*'`, and what is never sent without it."""

    CSV = f"when,id,total,ssn,note\n{iso(1)},1,5,123-45,x\n"
    STAR = ("-p", "*", "--exclude", "note")

    def test_csv(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", self.CSV)
        ended = ours("backfill", path, *ESSENTIALS, *self.STAR, "-p", "who={ssn|sha256}", "-o", "json")
        assert ended.code == 0, ended.err
        digest = hashlib.sha256(b"123-45").hexdigest()
        assert properties(place.events()) == [{"total": "5", "who": digest}]
        assert ended.json["warnings"] == []

    def test_without_it_unmapped_columns_stay_and_are_named(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", self.CSV)
        ended = ours("backfill", path, *ESSENTIALS, "-p", "t={total}", "-o", "json")
        assert properties(place.events()) == [{"t": "5"}]
        assert ended.json["warnings"] == ["columns not sent: ssn, note; --exclude COLUMN says it is meant"]
        assert "columns not sent: ssn, note" in ended.err
        text = ours("backfill", path, *ESSENTIALS, "-p", "t={total}", "--dry-run")
        assert "columns sent: when, id, total" in text.out
        assert "left behind: ssn, note" in text.out
        preview = ours("backfill", path, *ESSENTIALS, "--dry-run", "-o", "json").json
        assert (preview["columns_sent"], preview["columns_left"]) == (
            ["when", "id"],
            ["total", "ssn", "note"],
        )

    @pytest.mark.parametrize("template", ["{ssn|hmac}", "{ ssn | hmac }", '{"ssn"|hmac}'])
    def test_json_never_sends_a_column_that_is_used_elsewhere(
        self,
        ours: Ours,
        sandbox: StartSandbox,
        tmp_path: Path,
        template: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("OURS_HMAC_KEY", "secret")
        place = sandbox()
        row = {"when": ago(1), "id": 1, "ssn": "123-45", "tags": ["vip", "raw"], "deep": {"a": 1, "b": 2}}
        row |= {"note": "x", "n": None, "blank": " ", "more": {"k": [1]}}
        ended = ours(
            *("backfill", write(tmp_path / "o.ndjson", ndjson([row])), *ESSENTIALS, *self.STAR),
            *("-p", f"who={template}", "-p", "tag={tags[0]}", "-p", "deep_a={deep.a}", "-o", "json"),
        )
        assert ended.code == 0, ended.err
        digest = hmac.new(b"secret", b"123-45", "sha256").hexdigest()
        assert properties(place.events()) == [
            {"who": digest, "tag": "vip", "deep_a": 1, "more": {"k": [1]}},
        ]
        assert ended.json["warnings"] == ["columns not sent: deep.b; --exclude COLUMN says it is meant"]

    def test_the_rest_of_a_text_that_holds_json_is_named(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        row = {"when": ago(1), "id": 1, "payload": '{"path": "/", "agent": "x"}'}
        path = write(tmp_path / "o.ndjson", ndjson([row]))
        ended = ours("backfill", path, *ESSENTIALS, "-p", "path={payload.path}", "-o", "json")
        assert ended.json["warnings"] == ["columns not sent: payload (all else in it)"]

    def test_an_hmac_without_a_key_is_refused(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", self.CSV)
        ended = ours("backfill", path, *ESSENTIALS, "-p", "who={ssn|hmac}")
        assert ended.code == 2
        assert "OURS_HMAC_KEY" in ended.err
        assert list(place.requests()) == []

    def test_an_hmac_key_file(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        key = write(tmp_path / "key", "secret\n")
        path = write(tmp_path / "o.csv", self.CSV)
        assert ours("backfill", path, *ESSENTIALS, "-p", "w={ssn|hmac}", "--hmac-key-file", key).code == 0
        write(key, "\n")
        ended = ours("backfill", path, *ESSENTIALS, "-p", "w={ssn|hmac}", "--hmac-key-file", key)
        assert ended.code == 2
        assert f"error: the key file {key} is empty\n" in ended.err
        ended = ours("backfill", path, *ESSENTIALS, "-p", "w={ssn|hmac}", "--hmac-key-file", "my-secret")
        assert (ended.code, "my-secret" in ended.err) == (2, False)
        assert "error: the file that --hmac-key-file names does not exist\n" in ended.err
        assert properties(place.events()) == [{"w": hmac.new(b"secret", b"123-45", "sha256").hexdigest()}]

    def test_json_keys_never_found_are_named(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        first = write(tmp_path / "a.ndjson", ndjson([{"when": ago(1), "id": 1, "a": {"b": 1}, "x": 0}]))
        second = write(tmp_path / "b.ndjson", ndjson([{"when": ago(1), "id": 2}]))
        fields = ("-p", "b={a.b}", "-p", "n={nope}", "-p", "m={maybe|default:1}")
        ended = ours("backfill", first, second, *ESSENTIALS, *fields, "-o", "json")
        assert ended.json["warnings"] == [
            "never found in any row: maybe, nope",
            "columns not sent: x; --exclude COLUMN says it is meant",
        ]

    def test_columns_without_a_name_are_named_by_their_number(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", f"when,id,,b, ,,\n{iso(1)},1,lost,2,x,y,z\n")
        left = "column 3 (no name), columns 5-7 (no name)"
        preview = ours("backfill", path, *ESSENTIALS, "-p", "*", "--dry-run")
        assert f"left behind: {left}" in preview.out
        ended = ours("backfill", path, *ESSENTIALS, "-p", "*", "-o", "json")
        assert ended.json["warnings"] == [f"columns not sent: {left}"]
        assert properties(place.events()) == [{"b": "2"}]

    def test_exclude_must_name_a_column(self, ours: Ours, tmp_path: Path) -> None:
        path = write(tmp_path / "o.csv", self.CSV)
        ended = ours("backfill", path, *ESSENTIALS, "-p", "*", "--exclude", "nte", "--dry-run")
        assert ended.code == 2
        assert "'note'" in ended.err


class TestRepeats:
    """Equal rows, and given ids."""

    def test_rows_wholly_alike_all_count(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", "when,id\n" + f"{iso(1)},1\n" * 4)
        for _ in range(2):
            reports(ours("backfill", path, *ESSENTIALS, "-o", "json"), accepted=4)
        assert place.totals().events == 4

    def test_the_file_s_name_and_unused_columns_do_not_matter(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        one = write(tmp_path / "a.csv", f"when,id,x\n{iso(1)},1,a\n")
        two = write(tmp_path / "b.tsv", f"id\tother\twhen\n1\tb\t{iso(1)}\n")
        three = write(tmp_path / "c.ndjson", ndjson([{"id": "1", "when": ago(1)}]))
        for path in (one, two, three):
            assert ours("backfill", path, *ESSENTIALS).code == 0
        assert place.totals().events == 1

    def test_given_ids(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        lines = [f"{iso(1)},a,1", f"{iso(1)},b,2", f"{iso(1)},a,1", f"{iso(1)},b,3"]
        path = write(tmp_path / "o.csv", "when,order,id\n" + "\n".join(lines) + "\n")
        ended = ours("backfill", path, *ESSENTIALS, "--distinct-id", "{order}", "-o", "json")
        reports(ended, read=4, accepted=3, rejected=1, reject_codes={"duplicate_id": 1})
        reject = Path(ended.json["rejects_file"]).read_text().splitlines()[1]
        assert "line 5 bears the distinctId of line 3" in reject
        assert {event.distinct_id: event.external_id for event in place.events()} == {"a": "1", "b": "2"}

    def test_a_column_that_one_file_of_several_has_not(self, ours: Ours, tmp_path: Path) -> None:
        one = write(tmp_path / "a.csv", f"when,id\n{iso(1)},1\n")
        two = write(tmp_path / "b.csv", f"When,id\n{iso(1)},1\n")
        ended = ours("backfill", one, two, *ESSENTIALS, "--sandbox")
        assert ended.code == 2
        assert f"error: {two}: there is no column 'when'\nhint: did you mean 'When'?\n" in ended.err
        assert "error: there is no column 'when'" in ours("backfill", two, *ESSENTIALS, "--sandbox").err

    def test_given_ids_over_two_files(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        one = write(tmp_path / "a.csv", f"when,order,id\n{iso(1)},a,1\n")
        two = write(tmp_path / "b.csv", f"when,order,id\n{iso(1)},z,1\n{iso(1)},a,2\n")
        ended = ours("backfill", one, two, *ESSENTIALS, "--distinct-id", "{order}", "-o", "json")
        reject = Path(ended.json["rejects_file"]).read_text().splitlines()[1]
        assert f"{two}: line 3 bears the distinctId of line 2 of {one} and" in reject

    @pytest.mark.parametrize("flag", ["--distinct-id", "--external-id", "--time"])
    def test_a_bare_column_name_is_refused(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, flag: str
    ) -> None:
        place = sandbox()
        ended = ours("backfill", orders(tmp_path), *ESSENTIALS, flag, "id")
        assert ended.code == 2
        assert f"{flag} '{{id}}'" in ended.err
        assert list(place.requests()) == []


def test_short_rows_are_rejected_only_where_a_used_column_is_missing(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox()
    path = write(tmp_path / "o.csv", f"when,id,total,note\n{iso(1)},1,5\n{iso(1)},2\n{iso(1)},3,4,x\n")
    ended = ours("backfill", path, *ESSENTIALS, "-p", "t={total}", "-o", "json")
    reports(ended, accepted=2, rejected=1, reject_codes={"ragged_row": 1})
    assert [event.external_id for event in place.events()] == ["1", "3"]


def test_books_rejects_and_the_way_back(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """The story of the README: three bad rows, mended, and the printed command finishes the job."""
    place = sandbox()
    good = csv_rows(20, first=100)
    bad = [f"{iso(24 * 9)},1,1.5", "soon,2,2.5", f"{iso(2)},,3.5"]
    path = write(tmp_path / "orders.csv", "when,id,total\n" + good + "\n".join(bad) + "\n")
    ended = ours("backfill", path, *ESSENTIALS, "-p", "total={total|number}", "-o", "json")
    assert ended.code == 3
    reports(ended, status="partial", read=23, accepted=20, rejected=3, unsent=0)
    assert ended.json["reject_codes"] == {"outside_window": 1, "bad_time": 1, "missing_identifier": 1}

    rejects = Path(ended.json["rejects_file"])
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert stat.S_IMODE(rejects.parent.stat().st_mode) == 0o700
    header, *lines = rejects.read_text().splitlines()
    assert header == "when,id,total,_line,_distinctId,_code,_message,_raw"
    assert [line.split(",")[3] for line in lines] == ["22", "23", "24"]
    assert [line.split(",")[5] for line in lines] == ["outside_window", "bad_time", "missing_identifier"]

    text = rejects.read_text().replace(iso(24 * 9), iso(3)).replace("soon,", iso(3) + ",")
    rejects.write_text(text.replace(f"{iso(2)},,", f"{iso(2)},3,"))
    again = ours(*shlex.split(ended.json["mend"])[1:])
    assert again.code == 0, again.err
    reports(again, read=3, accepted=3, rejected=0)
    totals = {event.external_id: event.body["eventProperties"]["total"] for event in place.events()}
    assert totals == {**{str(100 + n): n + 0.5 for n in range(20)}, "1": 1.5, "2": 2.5, "3": 3.5}


class TestSources:
    """Several files, globs, directories, gzip, and what a bad one does."""

    def test_several_files_are_one_run(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        paths = [orders(tmp_path, 3, f"o{n}.csv", first=10 * n) for n in range(3)]
        ended = ours("backfill", *paths, paths[0], *ESSENTIALS, "-o", "json")
        reports(ended, read=9, accepted=9)
        assert "1 file is named again, and read once\n" in ended.err
        assert place.totals().events == 9

    def test_globs_directories_and_gzip(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        orders(tmp_path, 2, "in/a.csv")
        (tmp_path / "in" / "b.csv.gz").write_bytes(
            gzip.compress(("when,id,total\n" + csv_rows(2, 10)).encode())
        )
        write(tmp_path / "in" / "c.ndjson", ndjson([{"when": ago(1), "id": 20}]))
        write(tmp_path / "in" / "readme.txt", "not data")
        folder = ours("backfill", tmp_path / "in", *ESSENTIALS, "-o", "json")
        reports(folder, read=5, accepted=5)
        assert place.totals().events == 5
        reports(ours("backfill", f"{tmp_path}/in/*.csv*", *ESSENTIALS, "-o", "json"), read=4)

    def test_standard_input(self, ours_process: Ours, sandbox: StartSandbox) -> None:
        place = sandbox()
        text = "when;id\n" + f"{iso(1)};1\n{iso(1)};2\n"
        ended = ours_process("backfill", "-", *ESSENTIALS, "-o", "json", stdin=text.encode())
        reports(ended, read=2, accepted=2)
        assert "semicolon" in ended.err
        assert place.totals().events == 2

    def test_one_file_whose_mapping_does_not_fit_stops_all(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        good = orders(tmp_path)
        bad = write(tmp_path / "z.csv", f"when,customer\n{iso(1)},1\n")
        ended = ours("backfill", good, bad, *ESSENTIALS, "--batch-size", "1")
        assert ended.code == 2
        assert "'id'" in ended.err
        assert list(place.requests()) == []

    def test_limit(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = orders(tmp_path, 9)
        reports(ours("backfill", path, *ESSENTIALS, "--limit", "4", "-o", "json"), read=4, accepted=4)
        assert place.totals().events == 4
        reports(ours("backfill", path, *ESSENTIALS, "--limit", "0", "-o", "json"), read=0, requests=0)

    def test_no_header(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = write(tmp_path / "o.csv", csv_rows(3))
        fields = ("--event", "E", "--time", "{1}", "--external-id", "{2}", "-p", "total={3|number}")
        reports(ours("backfill", path, "--no-header", *fields, "-o", "json"), accepted=3)
        assert properties(place.events()) == [{"total": 0.5}, {"total": 1.5}, {"total": 2.5}]

    def test_no_header_out_of_a_pipe(self, ours_process: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        fields = ("--event", "E", "--time", "{1}", "--external-id", "{2}", "--no-header", "-o", "json")
        reports(ours_process("backfill", "-", *fields, stdin=csv_rows(3).encode()), read=3, accepted=3)

    def test_columns_that_bear_api_names_map_themselves(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        header = (
            "event,time,externalId,email,distinctId,user_id,eventProperties.amount,userProperties.city,note"
        )
        path = write(tmp_path / "o.csv", f"{header}\nBuy,{iso(1)},c1,,d1,7,5,Ulm,x\n")
        ended = ours("backfill", path, "-o", "json")
        assert ended.code == 0, ended.err
        (event,) = place.events()
        assert event.body == {
            "event": "Buy",
            "time": ago(1),
            "externalId": "c1",
            "distinctId": "d1",
            "eventProperties": {"amount": "5"},
            "userProperties": {"city": "Ulm"},
        }
        assert ended.json["warnings"] == [
            "columns not sent: user_id, note; --exclude COLUMN says it is meant"
        ]


class TestDryRun:
    """Sends nothing, needs no token, shows what would happen."""

    def bad_orders(self, tmp_path: Path) -> Path:
        lines = [f"{iso(1)},1,5", f"{iso(30)},2,6", f"{iso(24 * 9)},3,7", "soon,4,8"]
        return write(tmp_path / "o.csv", "when,id,total\n" + "\n".join(lines) + "\n")

    def test_text(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = sandbox()
        monkeypatch.delenv("OURS_PRIVACY_TOKEN")
        ended = ours("backfill", self.bad_orders(tmp_path), *ESSENTIALS, "-p", "t={total|int}", "--dry-run")
        assert ended.code == 3
        for words in (
            *("dry run, nothing was sent", "in 1 request,", "outside_window 1 (line 4)", "bad_time 1 (line"),
            *("Purchase", "#", '"externalId": "1"', '"t": 5', "columns sent: when, id, total"),
        ):
            assert words in ended.out
        assert list(place.requests()) == []
        assert not (tmp_path / "home" / "state").exists()

    def test_json(self, ours: Ours, tmp_path: Path) -> None:
        preview = ours("backfill", self.bad_orders(tmp_path), *ESSENTIALS, "--dry-run", "-o", "json").json
        expected = {
            "command": "backfill",
            "dry_run": True,
            "status": "partial",
            "read": 4,
            "accepted": 0,
            "rejected": 2,
            "filtered": 0,
            "unsent": 2,
            "requests": 1,
            "reject_codes": {"outside_window": 1, "bad_time": 1},
            "reject_lines": {"outside_window": [4], "bad_time": [5]},
            "events": {"Purchase": 2},
            "earliest": ago(30),
            "latest": ago(1),
        }
        assert {key: preview[key] for key in expected} == expected
        assert [example["externalId"] for example in preview["examples"]] == ["1", "2"]

    def test_of_several_files_says_which(self, ours: Ours, tmp_path: Path) -> None:
        one = write(tmp_path / "a.csv", f"when,id\nsoon,1\n{iso(1)},2\nsoon,3\n")
        two = write(tmp_path / "b.csv", "when,id\nsoon,4\n")
        ended = ours("backfill", one, two, *ESSENTIALS, "--dry-run")
        assert f"bad_time 3 ({one}, line 2, 4; {two}, line 2)" in ended.out
        preview = ours("backfill", one, two, *ESSENTIALS, "--dry-run", "-o", "json").json
        assert preview["reject_lines"] == {"bad_time": [2, 4, 2]}
        assert preview["reject_files"] == {"bad_time": [str(one), str(one), str(two)]}
        assert "reject_files" not in ours("backfill", two, *ESSENTIALS, "--dry-run", "-o", "json").json

    def test_counts_the_requests_and_bytes_that_a_run_takes(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        path = orders(tmp_path, 50)
        size = ("--batch-size", "7", "-o", "json")
        preview = ours("backfill", path, *ESSENTIALS, *size, "--dry-run").json
        report = ours("backfill", path, *ESSENTIALS, *size).json
        assert preview["requests"] == report["requests"] == 8
        longer = 8 * (32 - len(TOKEN))  # a dry run does not know the token
        assert preview["bytes"] == report["bytes"] + longer


class TestShowing:
    def test_text_report(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        path = write(tmp_path / "o.csv", f"when,id\n{iso(1)},1\nsoon,2\n")
        ended = ours("backfill", path, *ESSENTIALS)
        lines = [line.split() for line in ended.out.splitlines()]
        assert lines[0][:2] == ["backfill:", "partial,"]
        assert lines[1:4] == [["read", "2"], ["accepted", "1"], ["rejected", "1"]]
        assert "mend the file, then: ours backfill" in ended.out

    @pytest.mark.parametrize(
        ("mapping", "flag"),
        [
            (("--external-id", "{id|trim}"), "--where 'id!='"),
            (("--external-id", '{"a=b"}'), """--where '"a=b"!='"""),
            (("--external-id", "{id}", "--email", '{"a=b"}'), "--where 'COLUMN!='"),
        ],
    )
    def test_a_hint_names_the_column_where_only_one_can_be_meant(
        self, mapping: tuple[str, ...], flag: str, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        path = write(tmp_path / "o.csv", f"when,id,a=b\n{iso(1)},1,x\n{iso(1)},,\n")
        command = ("backfill", path, "--event", "E", "--time", "{when}", *mapping)
        for more in ((), ("--dry-run",)):
            assert f": leave them out by {flag}, or map" in ours(*command, *more).out
        if "COLUMN" not in flag:
            assert ours(*command, *shlex.split(flag), "-o", "json").json["reject_codes"] == {}

    @pytest.mark.parametrize(
        ("template", "hint"),
        [
            ("{n|number}", "{column|number:de} and the like"),
            ("{n|number:de}", "mend the cell"),
            ("{n|number:de}{n|number}", "{column|number:de} and the like"),
        ],
    )
    def test_no_hint_advises_what_is_there(
        self, template: str, hint: str, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        path = write(tmp_path / "o.csv", f"when,id,n\n{iso(1)},1,1.2.3\n")
        command = ("backfill", path, *ESSENTIALS, "-p", f"n={template}")
        assert f"bad_number 1: {hint}" in ours(*command).out
        assert f"hint: {hint}" in ours(*command, "--dry-run").out

    def test_a_line_that_is_no_json_is_to_be_mended(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        path = write(tmp_path / "o.ndjson", ndjson([{"when": ago(1), "id": 1}]) + "{broken\n")
        assert "bad_json 1: mend the row; where := read" in ours("backfill", path, *ESSENTIALS).out

    def test_quiet_and_verbose(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        path = write(tmp_path / "o.csv", f"when;id\n{iso(1)};1\n")
        usual, quiet, verbose = (
            ours("backfill", path, *ESSENTIALS, *flags) for flags in ((), ("-q",), ("-v",))
        )
        assert "semicolon" in usual.err
        assert quiet.err == ""
        assert "semicolon" in verbose.err
        assert "accepted" in quiet.out

    def test_report_file(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        report = tmp_path / "report.json"
        ended = ours("backfill", orders(tmp_path), *ESSENTIALS, "--report", report, "-o", "json")
        assert json.loads(report.read_text()) == ended.json
        assert stat.S_IMODE(report.stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.iterdir() if "report" in path.name] == ["report.json"]

    def test_a_report_takes_the_place_of_an_earlier_one(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        """Whoever reads the earlier one right now has it whole."""
        sandbox()
        report, earlier = tmp_path / "report.json", tmp_path / "earlier"
        earlier.write_text("{}")
        report.hardlink_to(earlier)
        ended = ours("backfill", orders(tmp_path), *ESSENTIALS, "--report", report, "-o", "json")
        assert json.loads(report.read_text()) == ended.json
        assert earlier.read_text() == "{}"

    @pytest.mark.parametrize("target", ["orders.csv", "not/there"])
    def test_a_report_that_is_a_link_is_refused(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, target: str
    ) -> None:
        """As root, /dev/stdout itself was replaced where standard output was a file."""
        box = sandbox()
        path, link = orders(tmp_path), tmp_path / "r.json"
        link.symlink_to(target)
        for flags in (ESSENTIALS, ()):
            ended = ours("backfill", path, *flags, "--report", link)
            assert ended.code == 2
            assert link.is_symlink()
        assert box.totals().requests == 0

    def test_a_report_into_a_pipe_of_the_shell(self, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        words = shlex.join([sys.executable, "-m", "ours_cli", "backfill", str(orders(tmp_path)), *ESSENTIALS])
        kept = tmp_path / "kept.json"
        script = f"{words} --report >(cat >{shlex.quote(str(kept))}); wait $!"
        subprocess.run(["bash", "-c", script], check=True, stdout=subprocess.DEVNULL)
        wait_for(lambda: kept.exists() and kept.read_text().endswith("}\n"))
        assert json.loads(kept.read_text())["status"] == "complete"

    def test_a_report_stays_where_standard_output_is_full(
        self, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        report = tmp_path / "report.json"
        flags = (orders(tmp_path), *ESSENTIALS, "--report", report, "-o", "json")
        command = [sys.executable, "-m", "ours_cli", "backfill", *map(str, flags)]
        with Path("/dev/full").open("wb") as full:
            assert subprocess.run(command, stdout=full, check=False).returncode == 7
        assert json.loads(report.read_text())["status"] == "complete"

    def test_a_source_is_not_taken_for_an_earlier_report(self, ours: Ours, tmp_path: Path) -> None:
        row = '{"event":"E","externalId":"a","command":"batch","status":"paid","read":1}\n'
        path = write(tmp_path / "one.json", row)
        assert ours("batch", path, "--report", path, "-o", "json").code == 2
        assert path.read_text() == row

    def test_a_report_of_another_kind_hides_no_error(self, ours: Ours, tmp_path: Path) -> None:
        report = tmp_path / "deep.json"
        report.write_text("[" * 100_000)
        ended = ours("backfill", tmp_path / "no.csv", *ESSENTIALS, "--report", report)
        assert ended.code == 6
        assert "no.csv" in ended.err

    def test_report_into_a_folder_that_is_not_there(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        ended = ours("backfill", orders(tmp_path), *ESSENTIALS, "--report", tmp_path / "no" / "r.json")
        assert ended.code == 7
        assert f"error: {tmp_path / 'no' / 'r.json'} cannot be written" in ended.err
        assert f"hint: there is no folder {tmp_path / 'no'}: make it first" in ended.err

    @pytest.mark.parametrize("where", ["no/r.json", "."])
    def test_a_report_that_cannot_be_written_stops_the_run_before_it_sends(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, where: str
    ) -> None:
        box = sandbox()
        ended = ours("backfill", orders(tmp_path), *ESSENTIALS, "--report", tmp_path / where)
        assert (ended.code, ended.out) == (7, "")
        assert box.totals().requests == 0

    @pytest.mark.parametrize(
        ("flags", "hint"),
        [
            ((), "--event '{event}': columns map themselves only where nothing else is mapped"),
            (("--event", "{event}"), "--time '{time}': columns"),
            (("--event", "{event}", "--time", "{time}"), "--external-id '{externalId}': columns"),
        ],
    )
    def test_columns_that_bear_api_names_beside_a_mapping(
        self, ours: Ours, tmp_path: Path, flags: tuple[str, ...], hint: str
    ) -> None:
        path = write(tmp_path / "o.csv", f"event,time,externalId,amount\nBuy,{iso(1)},c1,5\n")
        ended = ours("backfill", path, *flags, "-p", "amount={amount}", "--dry-run")
        assert ended.code == 2
        assert f"hint: {hint}" in ended.err

    def test_a_dry_run_writes_its_report_and_keeps_to_expect(self, ours: Ours, tmp_path: Path) -> None:
        report = tmp_path / "report.json"
        flags = (orders(tmp_path), *ESSENTIALS, "--dry-run", "--report", report, "--expect", 99, "-o", "json")
        ended = ours("backfill", *map(str, flags))
        assert ended.code == 6
        assert json.loads(report.read_text()) == ended.json
        assert (ended.json["status"], ended.json["dry_run"]) == ("failed", True)
        assert "and --expect says 99" in ended.json["error"]

    def test_rejects_on_stdout(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        sandbox()
        path = write(tmp_path / "o.csv", f"when,id\n{iso(1)},1\nsoon,2\n")
        ended = ours("backfill", path, *ESSENTIALS, "--rejects", "-")
        assert ended.code == 3
        (reject,) = map(json.loads, ended.out.splitlines())
        assert (reject["id"], reject["_line"], reject["_code"]) == ("2", 3, "bad_time")
        assert "accepted" in ended.err

    def test_the_sandbox_flag(self, ours: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OURS_PRIVACY_TOKEN")
        ended = ours("backfill", orders(tmp_path), *ESSENTIALS, "--sandbox")
        assert ended.code == 0, ended.err
        assert "5 rows received, 5 distinct events stored" in ended.out

    def test_a_rehearsal_s_mend_command_is_a_rehearsal(self, ours: Ours, tmp_path: Path) -> None:
        path = write(tmp_path / "o.csv", "when,id\nsoon,2\n")
        ended = ours("backfill", path, *ESSENTIALS, "--sandbox", "-o", "json")
        assert "--sandbox" in ended.json["mend"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--time", "{when}", "--external-id", "{id}"), "what the event is called"),
        (("--event", "E", "--external-id", "{id}"), "when each event happened"),
        (("--event", "E", "--time", "{when}"), "whom the rows are about"),
        (("--event", "E", "--time", "now", "--external-id", "{id}"), "keeps the original times"),
        ((*ESSENTIALS, "-p", "a={tota}"), "'tota'"),
        ((*ESSENTIALS, "-p", "a={total|nmber}"), "`nmber`"),
        ((*ESSENTIALS, "-p", "a={total"), "unbalanced"),
        ((*ESSENTIALS, "-p", "a={}"), "empty placeholder"),
        ((*ESSENTIALS, "-p", "a"), "NAME=TEXT"),
        ((*ESSENTIALS, "-p", "=a"), "needs a name"),
        ((*ESSENTIALS, "-p", 'a:={"x":1}'), ""),
        ((*ESSENTIALS, "-p", "a:=nope"), "not JSON"),
        ((*ESSENTIALS, "-u", "nick={id}"), "'nick'"),
        ((*ESSENTIALS, "--tz", "{zone}"), "'zone'"),
        ((*ESSENTIALS, "--max-age", "long"), "--max-age"),
        ((*ESSENTIALS, "--dst", "never"), "--dst"),
        ((*ESSENTIALS, "--time-format", "%Q"), "--time-format"),
        ((*ESSENTIALS, "--format", "xml"), "--format"),
        ((*ESSENTIALS, "--concurrency", "0"), "--concurrency"),
        ((*ESSENTIALS, "--rate", "0"), "--rate"),
        ((*ESSENTIALS, "--rate", "nan"), "--rate"),
        ((*ESSENTIALS, "--rate", "inf"), "--rate"),
        ((*ESSENTIALS, "--rate", "1e-9"), "less than one event a day"),
        ((*ESSENTIALS, "--max-age", "0"), "--max-age"),
        ((*ESSENTIALS, "--ca-file", "/no/such"), "the CA bundle /no/such"),
        ((*ESSENTIALS, "--timeout", "0"), "--timeout"),
        ((*ESSENTIALS, "--batch-size", "0"), "--batch-size"),
        ((*ESSENTIALS, "--limit", "-1"), "--limit"),
    ],
)
def test_usage_errors(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    place = sandbox()
    ended = ours("backfill", orders(tmp_path), *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert "hint: " in ended.err
    assert list(place.requests()) == []


def test_an_ambiguous_date_says_which_flags_settle_it(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "o.csv", "when,id\n03/04/2026,c1\n")
    flags = ("--event", "E", "--time", "{when}", "--external-id", "{id}", "--max-age", "none", "--dry-run")
    ended = ours("backfill", file, *flags)
    assert ended.code == 2
    assert "--day-first or --month-first" in ended.err
    assert ours("backfill", file, *flags, "--day-first").code == 0


def test_the_dry_run_shows_what_makes_each_field_and_where_the_window_is(ours: Ours, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(f"id,at,sum\nc1,2020-05-01,5\nc2,{iso(1)},7\n")
    flags = ("--event", "Sale", "--time", "{at}", "--external-id", "{id}", "-p", "sum={sum|int}", "--dry-run")
    ended = ours("backfill", rows, *flags)
    assert ended.code == 3
    lines = [line.strip() for line in ended.out.splitlines()]
    assert any(re.fullmatch(r'"externalId": "c2", +<- \{id\}', line) for line in lines)
    assert any(re.fullmatch(r'"sum": 7 +<- \{sum\|int\}', line) for line in lines)
    assert any(re.fullmatch(r"2020-05-01 -+ 1, all outside", line) for line in lines)
    assert any(re.fullmatch(r"window +from \d{4}-.*Z to now; - is outside", line) for line in lines)
    preview = ours("backfill", rows, *flags, "-o", "json").json
    assert preview["templates"] == {
        "event": "Sale",
        "time": "{at}",
        "externalId": "{id}",
        "eventProperties.sum": "{sum|int}",
    }
    assert preview["days"] == {iso(1)[:10]: 1}
    assert preview["outside_window"] == {"2020-05-01": 1}
    assert 0 <= ago(7 * 24 - 1) - preview["window_begin"] <= HOUR_MS * 2
    assert "any past time" in ours("backfill", rows, *flags, "--max-age", "none").out
    assert ours("backfill", rows, *flags, "--max-age", "none", "-o", "json").json["window_begin"] is None


@pytest.mark.parametrize("max_age", ["none", "7d"])
def test_a_time_before_the_calendar_is_no_bug(ours: Ours, tmp_path: Path, max_age: str) -> None:
    rows = write(
        tmp_path / "r.ndjson", ndjson([{"event": "E", "externalId": "c", "time": -99_999_999_999_999}])
    )
    flags = ("--dry-run", "--epoch-unit", "ms", "--max-age", max_age)
    text, data = ours("batch", rows, *flags), ours("batch", rows, *flags, "-o", "json")
    assert text.code == data.code == (0 if max_age == "none" else 3), text.err
    assert "    0001-01-01 " in text.out
    assert data.json["days" if max_age == "none" else "outside_window"] == {"0001-01-01": 1}


@pytest.mark.parametrize(
    ("given", "is_told"), [("{id}", True), ("orders-{id}", False), ("{long}", False), (None, False)]
)
def test_a_dry_run_doubts_serial_numbers_as_distinct_ids(
    given: str | None, is_told: bool, ours: Ours, tmp_path: Path
) -> None:
    rows = "".join(f"{iso(1)},{number},10000000{number}\n" for number in range(100, 140))
    file = write(tmp_path / "o.csv", "when,id,long\n" + rows)
    flags = () if given is None else ("--distinct-id", given)
    ended = ours(
        "backfill", file, "--event", "E", "--time", "{when}", "--external-id", "{id}", *flags, "--dry-run"
    )
    assert ended.code == 0
    assert ("distinctIds are short numbers" in ended.err) is is_told


def test_a_dry_run_warns_of_distinct_ids_that_a_spreadsheet_cut(ours: Ours, tmp_path: Path) -> None:
    path = write(tmp_path / "o.csv", f"when;id\n{iso(1)};2,39420E+18\n{iso(1)};8674918934\n")
    ended = ours("backfill", path, *ESSENTIALS, "--distinct-id", "{id}", "--dry-run")
    assert "warning: distinctIds are numbers in scientific notation" in ended.err
    assert "2,39420E+18" not in ended.err
