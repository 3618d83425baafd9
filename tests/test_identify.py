"""`ours identify`: one visitor from flags, many from files."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest
from conftest import Ours, StartSandbox
from rows import ndjson, write
from visitors import visitors
from waiting import wait_for

from ours_cli.errors import LocalIOError
from ours_cli.runs.journal import Journal


def test_exact_body_and_one_line(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ended = ours(
        *("identify", "--external-id", "c1", "--email", "ada@example.org", "-u", "first_name=Ada"),
        *("-u", "custom_properties.plan=gold", "-u", "phone_number:=4915112345", "--clear", "gclid"),
        *("-d", "utm_source=mail"),
    )
    assert (ended.code, ended.out, ended.err) == (0, "accepted: visitor properties\n", "")
    (event,) = place.events()
    body = dict(event.body)
    body.pop("event", None)
    body.pop("distinctId", None)
    assert event.path == "/identify"
    assert body == {
        "externalId": "c1",
        "email": "ada@example.org",
        "userProperties": {
            "first_name": "Ada",
            "custom_properties": {"plan": "gold"},
            "phone_number": 4915112345,
            "gclid": None,
        },
        "defaultProperties": {"utm_source": "mail"},
    }


def test_json_in_a_file_stands_for_itself(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    plan = write(tmp_path / "plan.json", '{"name": "gold"}\n')
    fields = ("-u", f"custom_properties.plan:=@{plan}")
    assert ours("identify", "--external-id", "c1", *fields).code == 0
    contacts = write(tmp_path / "contacts.csv", "id\nc2\n")
    assert ours("identify", contacts, "--external-id", "{id}", *fields).code == 0
    for event in place.events():
        assert event.body["userProperties"] == {"custom_properties": {"plan": {"name": "gold"}}}


def test_clear_clears_what_is_stored(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    assert ours("identify", "--external-id", "c1", "-u", "gclid=g", "-u", "city=Ulm").code == 0
    assert ours("identify", "--external-id", "c1", "--clear", "gclid").code == 0
    (visitor,) = visitors(place.events())
    assert visitor.properties == {"city": "Ulm"}


def test_json_result_has_no_distinct_id(ours: Ours, sandbox: StartSandbox) -> None:
    sandbox()
    ended = ours("identify", "--external-id", "c1", "-u", "city=Ulm", "-o", "json")
    assert ended.json == {"command": "identify", "status": "complete"}


def test_dry_run_in_the_api_order(ours: Ours) -> None:
    ended = ours("identify", "-u", "city=Ulm", "--email", "a@b.c", "--external-id", "c1", "--dry-run")
    assert list(ended.json) == ["token", "externalId", "email", "userProperties"]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("--external-id", "c"), "no visitor property to set", "-u first_name=Ada"),
        (("-u", "city=Ulm"), "nothing says whom this is about", "--external-id"),
        (("--external-id", "c", "-u", "fist_name=A"), "'fist_name'", "'first_name'"),
        (("--external-id", "c", "-u", "shoe=44"), "'shoe'", "custom_properties.shoe"),
        (("--external-id", "c", "-d", "utm_sorce=x"), "'utm_sorce'", "'utm_source'"),
        (("--external-id", "c", "--clear", "custom_properties.a"), "cannot be cleared", "overwrite"),
        (("--external-id", "c", "--clear", "consent.marketing"), "not documented", "--clear consent "),
        (
            ("--external-id", "c", "--clear", "consent", "-u", "consent.marketing:=true"),
            "--clear consent and -u consent.marketing contradict",
            "keep one",
        ),
        (("--external-id", "c", "--clear", "gclidd"), "'gclidd'", "'gclid'"),
        (("--external-id", "c", "--clear", "gclid", "-u", "gclid=x"), "contradict", "keep one"),
        (("--external-id", "c", "-u", "city:=7"), "must be of type string", "NAME=TEXT"),
        (("--external-id", "c", "-u", "city=a", "-u", "city=b"), "twice", "keep one"),
        (("--external-id", "c", "-u", "city=a", "--ip", "1.2.3.4"), "go together", "both or neither"),
        (("--data", '{"externalId": "c", "event": "E"}', "-u", "city=a"), "'event'", "the keys are"),
    ],
)
def test_refused(
    ours: Ours, sandbox: StartSandbox, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    place = sandbox()
    ended = ours("identify", *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert hint in ended.err.partition("hint: ")[2]
    assert list(place.requests()) == []


class TestAForgottenFile:
    """Without FILE or -, a visitor "{id}" was made, and `--limit` did nothing."""

    @pytest.mark.parametrize("flag", ["--external-id", "--email", "--user-id"])
    def test_a_placeholder_is_no_id(self, ours: Ours, sandbox: StartSandbox, flag: str) -> None:
        place = sandbox()
        ended = ours("identify", flag, " {id|trim} ", "-u", "city=Ulm")
        assert ended.code == 2
        assert (
            f"error: {flag} names a column of a FILE, and there is none\nhint: ours identify FILE, where - is"
            in ended.err
        )
        assert list(place.requests()) == []

    @pytest.mark.parametrize("value", ["{3F2504E0-4F89-11D3-9A0C-0305E82C3301}", "a{b}", "{}"])
    def test_braces_in_an_id(self, ours: Ours, sandbox: StartSandbox, value: str) -> None:
        place = sandbox()
        ended = ours("identify", "--external-id", value, "-u", "city=Ulm")
        assert (ended.code, ended.err) == (0, "")
        (event,) = place.events()
        assert event.external_id == value

    @pytest.mark.parametrize(
        "flags",
        [
            ("--limit", "3"),
            ("--limit", "0"),
            ("--where", "a=b"),
            ("--no-header",),
            ("--hmac-key-file", "key"),
            ("--map", "map.toml"),
            ("--max-rejects", "3"),
            ("--report", "r.json"),
            ("--restart",),
            ("--shard", "0/2"),
        ],
    )
    def test_flags_about_rows(
        self,
        ours: Ours,
        sandbox: StartSandbox,
        flags: tuple[str, ...],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        place = sandbox()
        ended = ours("identify", "--external-id", "c", "-u", "city=Ulm", *flags)
        assert ended.code == 2
        assert f"error: {flags[0]} is about the rows of a FILE, and there is none\nhint: ours" in ended.err
        assert list(place.requests()) == []


class TestFiles:
    """`identify FILE...`: one request a row."""

    @pytest.mark.parametrize("way", ["columns", "keys", "whole"])
    def test_hints_name_the_columns_that_map_themselves(
        self, way: str, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        path = tmp_path / "visitors"
        more: tuple[str | Path, ...] = ()
        column = "userProperties"
        if way == "columns":
            write(path, "externalId,userProperties.city\n,Ulm\n1,\n")
            column = "userProperties.city"
        elif way == "keys":
            city: dict[str, object] = {"userProperties": {"city": "Ulm"}}
            write(path, ndjson([city, {"externalId": "1"}, {**city, "externalId": "2"}]))
        else:
            write(path, ndjson([{"u": {"city": "Ulm"}}, {"externalId": "1"}]))
            text = 'externalId = "{externalId}"\nuserProperties = "{u}"\n'
            more, column = ("--map", write(tmp_path / "map.toml", text)), "u"
        for how in ((), ("--dry-run",)):
            told = ours("identify", path, *more, *how).out
            assert "leave them out by --where 'externalId!=', or map another id" in told
            assert f"leave them out by --where '{column}!='" in told

    CSV = "id,First Name,Mail,Phone\n1,Ada,ada@x.org,0049151\n2,,bob@x.org,\n3,,,\n,Eve,,\n"
    FIELDS = ("--external-id", "{id}", "-u", "first_name={First Name}", "-u", "phone_number={Phone}")

    def test_rows(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = write(tmp_path / "contacts.csv", self.CSV)
        ended = ours("identify", path, *self.FIELDS, "--email", "{Mail}", "-u", "city=Ulm", "-o", "json")
        assert ended.code == 3
        report = ended.json
        assert (report["command"], report["read"], report["accepted"], report["rejected"]) == (
            *("identify", 4, 3),
            1,
        )
        assert report["requests"] == 3
        assert report["reject_codes"] == {"missing_identifier": 1}
        people = {visitor.external_id: visitor for visitor in visitors(place.events())}
        assert people["1"].properties == {"first_name": "Ada", "city": "Ulm", "phone_number": "0049151"}
        assert people["2"].properties == {"city": "Ulm"}

    def test_a_row_that_sets_nothing_is_a_reject(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        path = write(tmp_path / "contacts.csv", self.CSV)
        ended = ours("identify", path, *self.FIELDS, "-o", "json")
        assert ended.json["reject_codes"] == {"missing_properties": 2, "missing_identifier": 1}

    def test_maps_itself(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        rows = [{"externalId": 7, "userProperties": {"city": "Ulm", "gclid": None}, "internal": "x"}]
        ended = ours("identify", write(tmp_path / "v.ndjson", ndjson(rows)), "-o", "json")
        assert ended.code == 0, ended.err
        (event,) = place.events()
        assert event.body["userProperties"] == {"city": "Ulm"}
        assert event.external_id == "7"
        assert ended.json["warnings"] == ["columns not sent: internal; exclude in its map says it is meant"]

    def test_clear_in_every_row(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = write(tmp_path / "v.csv", "id\n1\n2\n")
        assert ours("identify", path, "--external-id", "{id}", "--clear", "gclid").code == 0
        assert [event.body["userProperties"] for event in place.events()] == [{"gclid": None}] * 2

    def test_dry_run_counts_a_request_a_row(self, ours: Ours, tmp_path: Path) -> None:
        path = write(tmp_path / "contacts.csv", self.CSV)
        ended = ours("identify", path, *self.FIELDS, "-u", "city=Ulm", "--dry-run", "-o", "json")
        assert ended.json["requests"] == 3

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--data", "{}"), "--data and FILE"),
            (("-u", "nick={id}"), "'nick'"),
            (("-u", "city={idd}"), "'idd'"),
        ],
    )
    def test_refused(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, arguments: tuple[str, ...], message: str
    ) -> None:
        place = sandbox()
        path = write(tmp_path / "v.csv", "id\n1\n")
        ended = ours("identify", path, "--external-id", "{id}", *arguments)
        assert ended.code == 2
        assert message in ended.err
        assert list(place.requests()) == []

    def test_a_map_for_events_is_refused(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = write(tmp_path / "v.csv", "id\n1\n")
        fields = write(
            tmp_path / "m.toml", 'event = "E"\nexternalId = "{id}"\n[userProperties]\ncity = "Ulm"\n'
        )
        ended = ours("identify", path, "--map", fields)
        assert ended.code == 2
        assert "identify takes no event" in ended.err
        assert list(place.requests()) == []

    def test_rejects_go_back(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        path = write(tmp_path / "v.csv", "id;city\n1;Ulm\n;Köln\n")
        first = ours("identify", path, "--external-id", "{id}", "-u", "city={city}", "-o", "json").json
        rejects = Path(first["rejects_file"])
        rejects.write_text(rejects.read_text().replace(";Köln", "2;Köln"))
        ended = ours("identify", rejects, "--external-id", "{id}", "-u", "city={city}", "-o", "json")
        assert ended.code == 0, ended.err
        cities = {event.external_id: event.body["userProperties"]["city"] for event in place.events()}
        assert cities == {"1": "Ulm", "2": "Köln"}
        assert json.dumps("_line") not in json.dumps([event.body for event in place.events()])

    def test_calls_that_may_repeat_after_a_full_disk_are_told_of(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox()
        path = write(tmp_path / "v.csv", "id,city\n1,Ulm\n")
        command = ("identify", path, "--external-id", "{id}", "-u", "city={city}", "-o", "json")
        with monkeypatch.context() as full:
            full.setattr(Journal, "commit", Mock(side_effect=LocalIOError("the disk is full")))
            assert ours(*command).code == 7
        (warning,) = ours(*command).json["warnings"]
        assert "or could not write down what was done" in warning

    def test_calls_that_may_repeat_are_told_of(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        """/identify has no ids: what was in flight when the process was killed is sent again, and shows."""
        held = threading.Event()
        place = sandbox(on_event=lambda event: event.id <= 10 or held.wait(60))
        path = write(tmp_path / "v.csv", "id,city\n" + "".join(f"{n},Ulm\n" for n in range(60)))
        command = ("identify", str(path), "--external-id", "{id}", "-u", "city={city}", "-o", "json")
        process = subprocess.Popen([sys.executable, "-m", "ours_cli", *command], stdout=subprocess.DEVNULL)
        wait_for(lambda: place.totals().requests > 10)
        process.kill()
        process.wait()
        held.set()
        ended = ours(*command)
        assert (ended.code, ended.json["accepted"]) == (0, 60)
        (warning,) = ended.json["warnings"]
        assert "the attempt before was killed" in warning
        assert ours(*command).json["warnings"] == []
