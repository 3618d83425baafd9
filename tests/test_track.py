"""`ours track`: the exact body that arrives, the one line that comes back, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from conftest import TOKEN, Ours, StartSandbox
from rows import HOUR_MS, ago, iso, write

FULL = (
    *("track", "Purchase", "--external-id", "c1", "-p", "plan=Premium", "-p", "amount:=99.99"),
    *("-u", "first_name=Ada", "-d", "utm_source=mail", "--distinct-id", "e1"),
)
FULL_BODY = {
    "event": "Purchase",
    "distinctId": "e1",
    "externalId": "c1",
    "eventProperties": {"plan": "Premium", "amount": 99.99},
    "userProperties": {"first_name": "Ada"},
    "defaultProperties": {"utm_source": "mail"},
}


def shown(ours: Ours, *arguments: str) -> dict[str, Any]:
    """The body that `track --dry-run` shows, without the token."""
    ended = ours("track", *arguments, "--dry-run")
    assert ended.code == 0, ended.err
    body = ended.json
    assert body.pop("token") == "***"
    return body


def test_exact_body_and_one_line(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ended = ours(*FULL)
    assert (ended.code, ended.out, ended.err) == (0, "accepted: Purchase e1\n", "")
    (event,) = place.events()
    assert (event.path, event.body) == ("/track", FULL_BODY)
    assert len(list(place.requests())) == 1


def test_json_result(ours: Ours, sandbox: StartSandbox) -> None:
    sandbox()
    assert ours(*FULL, "-o", "json").json == {"command": "track", "status": "complete", "distinctId": "e1"}


def test_dry_run_shows_the_keys_in_the_api_order_and_masks_the_token(
    ours: Ours, sandbox: StartSandbox
) -> None:
    place = sandbox()
    ended = ours(*FULL, "--email", "a@b.c", "--user-id", "v", "--time", "now", "--dry-run")
    assert list(ended.json) == [
        *("token", "event", "distinctId", "userId", "externalId", "email", "time"),
        *("eventProperties", "userProperties", "defaultProperties"),
    ]
    assert ended.json["token"] == "***"
    assert TOKEN not in ended.out + ended.err
    assert list(place.requests()) == []


def test_dry_run_shows_what_is_sent(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ours(*FULL)
    assert shown(ours, *FULL[1:]) == next(iter(place.events())).body


def test_dry_run_needs_no_token(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OURS_PRIVACY_TOKEN")
    assert shown(ours, *FULL[1:])["event"] == "Purchase"


def test_random_distinct_id(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ids = [ours("track", "A", "--external-id", "c", "-o", "json").json["distinctId"] for _ in range(2)]
    assert ids == [event.distinct_id for event in place.events()]
    assert [uuid.UUID(text).version for text in ids] == [4, 4]
    assert ids[0] != ids[1]


def test_time_only_when_given(ours: Ours) -> None:
    assert "time" not in shown(ours, "A", "--email", "a@b.c")
    before = time.time_ns() // 1_000_000
    assert before <= shown(ours, "A", "--email", "a@b.c", "--time", "now")["time"] <= before + 60_000
    assert shown(ours, "A", "--email", "a@b.c", "--time", iso(5))["time"] == ago(5)
    assert shown(ours, "A", "--email", "a@b.c", "--time", str(ago(5)))["time"] == ago(5)
    assert shown(ours, "A", "--email", "a@b.c", "--data", json.dumps({"time": ago(5)}))["time"] == ago(5)
    assert "time" not in shown(ours, "A", "--email", "a@b.c", "--data", '{"time": null}')


def test_naive_time_is_read_as_utc_and_said_aloud(ours: Ours) -> None:
    naive = iso(5).removesuffix("Z")
    ended = ours("track", "A", "--email", "a@b.c", "--time", naive, "--dry-run")
    assert ended.json["time"] == ago(5)
    assert "UTC" in ended.err
    assert "--tz" in ended.err
    zoned = ours("track", "A", "--email", "a@b.c", "--time", naive, "--tz", "+02:00", "--dry-run")
    assert zoned.json["time"] == ago(5) - 2 * HOUR_MS
    assert zoned.err == ""


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("--time", iso(24 * 8)), "older than the 7 days", "--max-age 30d"),
        (("--time", iso(24), "--max-age", "7"), "older than the 7 s that", "(30 is seconds)"),
        (("--time", iso(24), "--max-age", "90m"), "older than the 1.5 h that", "--max-age 30d"),
        (("--time", iso(-5)), "future", "--time now"),
        (("--time", iso(-5).removesuffix("Z")), "future", "--tz ZONE"),
        (("--time", "03/04/2026"), "--time", "--day-first"),
        (("--time", "yesterday-ish"), "--time", "--time"),
        (("--time", ""), "--time", "--time"),
        (("--tz", "{zone}"), "not a column", "--tz Europe/Berlin"),
        (("--tz", "Mars/Olympus"), "--tz", ""),
        (("--time-format", "%H"), "--time-format", ""),
        (("--data", '{"time": true}'), "--time", ""),
    ],
)
def test_times_refused(ours: Ours, arguments: tuple[str, ...], message: str, hint: str) -> None:
    ended = ours("track", "A", "--external-id", "c", *arguments, "--dry-run")
    assert ended.code == 2
    assert message in ended.err
    assert hint in ended.err.partition("hint: ")[2]


def test_wider_window(ours: Ours) -> None:
    body = shown(ours, "A", "--external-id", "c", "--time", iso(24 * 8), "--max-age", "30d")
    assert body["time"] == ago(24 * 8)


@pytest.mark.parametrize(
    ("typed", "name", "value"),
    [
        ("a=b", "a", "b"),
        ("a=b=c", "a", "b=c"),
        ("a=", "a", ""),
        ("a==b", "a", "=b"),
        ("a:=1", "a", 1),
        ("a:=1.50", "a", 1.5),
        ("a:=true", "a", True),
        ("a:=null", "a", None),
        ('a:={"b": [1, {}]}', "a", {"b": [1, {}]}),
        ("a:=12345678901234567890123", "a", 12345678901234567890123),
        (r"a\=b=c", "a=b", "c"),
        (r"a\:=1", "a:", "1"),
        (r"a\:\=1=2", "a:=1", "2"),
        (r"a\\=b", "a\\", "b"),
        (r"a=\=", "a", r"\="),
        ("a:b=c", "a:b", "c"),
        ("a@b=c", "a@b", "c"),
        (" a =b ", "a", "b "),
        ("a={x}", "a", "{x}"),
        ("ä=€", "ä", "€"),
    ],
)
def test_httpie_separators(ours: Ours, typed: str, name: str, value: object) -> None:
    assert shown(ours, "E", "--external-id", "c", "-p", typed)["eventProperties"] == {name: value}


def test_values_from_files(ours: Ours, tmp_path: Path) -> None:
    text = write(tmp_path / "note.txt", "two\nlines: {x}\n")
    data = write(tmp_path / "data.json", '{"a": [1]}\n')
    body = shown(ours, "E", "--external-id", "c", "-p", f"note=@{text}", "-p", f"data:=@{data}")
    assert body["eventProperties"] == {"note": "two\nlines: {x}\n", "data": {"a": [1]}}


def test_nested_visitor_properties(ours: Ours) -> None:
    body = shown(
        ours, "E", "--external-id", "c", "-u", "custom_properties.plan=gold", "-u", "custom_properties.n:=1"
    )
    assert body["userProperties"] == {"custom_properties": {"plan": "gold", "n": 1}}


def test_identity_context_and_clear(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ended = ours(
        *("track", "E", "--external-id", "c", "--clear", "gclid"),
        *("--ip", "203.0.113.7", "--user-agent", "Mozilla/5.0"),
    )
    assert ended.code == 0, ended.err
    (event,) = place.events()
    assert event.body["userProperties"] == {"gclid": None}
    assert event.body["identityContext"] == {"ip": "203.0.113.7", "userAgent": "Mozilla/5.0"}


class TestData:
    """`--data`: the body, and flags that override it."""

    DATA = json.dumps({**FULL_BODY, "eventProperties": {"plan": "Basic", "seats": 2}})

    def test_as_text(self, ours: Ours) -> None:
        assert shown(ours, "--data", self.DATA) == json.loads(self.DATA)

    def test_as_file(self, ours: Ours, tmp_path: Path) -> None:
        path = write(tmp_path / "body.json", self.DATA)
        assert shown(ours, "--data", f"@{path}") == json.loads(self.DATA)

    def test_on_standard_input(self, ours_process: Ours) -> None:
        ended = ours_process("track", "--data", "@-", "--dry-run", stdin=self.DATA.encode())
        assert ended.json == {"token": "***", **json.loads(self.DATA)}

    @pytest.mark.parametrize(
        ("data", "right"),
        [
            ('{"userProperties": {"firstName": "Ada"}}', "'first_name'"),
            ('{"properites": {"a": 1}}', "'eventProperties'"),
            ('{"ts": 1}', "'time'"),
        ],
    )
    def test_a_name_that_is_nearly_right(self, ours: Ours, data: str, right: str) -> None:
        ended = ours("track", "E", "--external-id", "c", "--data", data)
        assert (ended.code, right in ended.err) == (2, True), ended.err

    def test_flags_override(self, ours: Ours) -> None:
        body = shown(ours, "Refund", "--data", self.DATA, "-p", "plan=Premium", "-u", "last_name=L")
        assert body["event"] == "Refund"
        assert body["eventProperties"] == {"plan": "Premium", "seats": 2}
        assert body["userProperties"] == {"first_name": "Ada", "last_name": "L"}

    def test_integers_keep_their_digits(self, ours: Ours) -> None:
        data = '{"event": "E", "externalId": "c", "eventProperties": {"n": 123456789012345678901234567890}}'
        assert shown(ours, "--data", data)["eventProperties"] == {"n": 123456789012345678901234567890}

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ("[1]", "not a JSON object"),
            ("{", "not a JSON object"),
            (
                '{"event": "a", "event": "b"}',
                "error: --data: a key stands twice in one object\nhint: give the",
            ),
            ('{"event":"E","eventProperties":{"a":1,"a":2}}', "a key stands twice in one object"),
            (
                '{"a":' * 300 + "1" + "}" * 300,
                "error: --data: nested more than 254 levels deep\nhint: send it",
            ),
            ('{"event": "E", "externalId": "c", "properties": {}}', "'properties'"),
            ('{"event": "E", "externalId": "c", "token": "t"}', "may not hold the token"),
            ('{"event": "E", "externalId": 7}', "externalId must be a text"),
            ('{"event": "E", "externalId": "c", "eventProperties": []}', "eventProperties must be an object"),
            ('{"event": "E", "externalId": "c", "userProperties": "x"}', "userProperties must be an object"),
            (
                '{"event": "E", "externalId": "c", "userProperties": {"custom_properties": 1}}',
                "custom_properties must be",
            ),
            ('{"event": "E", "externalId": "c", "userProperties": {"nick": 1}}', "API does not know"),
            ('{"event": "E", "externalId": "c", "distinctId": 7}', "distinctId must be a text"),
            ("@/no/such/file", "cannot be read"),
        ],
    )
    def test_refused(self, ours: Ours, sandbox: StartSandbox, data: str, message: str) -> None:
        place = sandbox()
        ended = ours("track", "--data", data, "-u", "custom_properties.a=b", "--clear", "gclid")
        assert ended.code == 2
        assert message in ended.err
        assert list(place.requests()) == []

    def test_token_and_data_cannot_share_standard_input(self, ours_process: Ours) -> None:
        ended = ours_process("track", "--data", "@-", "--token-file", "-", stdin=b"{}")
        assert ended.code == 2
        assert "standard input" in ended.err


def test_a_while_read_loop_survives(sandbox: StartSandbox) -> None:
    place = sandbox()
    script = f"""while read -r id; do {sys.executable} -m ours_cli track E --external-id "$id"; done"""
    done = subprocess.run(["sh", "-c", script], input=b"c1\nc2\nc3\n", capture_output=True, check=True)
    assert done.stdout.count(b"accepted: E") == 3
    assert [event.external_id for event in place.events()] == ["c1", "c2", "c3"]


def test_sandbox_flag_needs_no_token(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OURS_PRIVACY_TOKEN")
    ended = ours("track", "E", "--external-id", "c", "--distinct-id", "d", "--sandbox")
    assert (ended.code, ended.out) == (0, "accepted: E d\n")


def test_a_refusal_of_the_server_is_exit_3_and_quotes_nothing(ours: Ours, sandbox: StartSandbox) -> None:
    from ours_cli.sandbox import Fault, Then, When

    body = {"success": False, "error": "canary-of-the-event is not allowed"}
    sandbox(Fault(When(), Then("status", status=400, body=body)))
    ended = ours("track", "E", "--external-id", "c", "-o", "json")
    assert ended.code == 3
    assert ended.json["status"] == "failed"
    assert "canary" not in ended.out + ended.err
    assert ended.err.endswith("--dry-run shows what is sent; -v shows what the server says\n")


@pytest.mark.parametrize("command", [("track", "E"), ("identify", "-u", "city=Ulm")])
def test_what_the_server_says_of_one_event_is_shown_with_v(
    ours: Ours, ours_process: Ours, sandbox: StartSandbox, command: tuple[str, ...]
) -> None:
    from ours_cli.sandbox import Fault, Then, When

    body = {"error": f"{TOKEN} may not send \x1b[31mE\nhere{'x' * 1000}"}
    sandbox(Fault(When(), Then("status", status=400, body=body)))
    ended = ours(*command, "--external-id", "c", "-v", "-o", "json")
    assert ended.code == 3
    said = ended.err.partition("error: ")[0]
    assert said.startswith("the server says: *** may not send \\x1b[31mE herexxx")
    assert len(said) < 600
    assert TOKEN not in ended.out + ended.err
    assert "-v shows" not in ended.err
    assert "the server says" not in ended.out
    lines = ours_process("track", "-", "-v", stdin=b'{"event": "E", "externalId": "c"}\n')
    assert "the server refuses the event" in lines.err
    assert "says" not in lines.err


def test_a_placeholder_is_sent_and_doubted(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ended = ours("track", "E", "--external-id", "{cust}")
    assert ended.code == 0
    assert (
        ended.err
        == "warning: --external-id is sent as it is, braces and all: ours backfill fills in columns\n"
    )
    (event,) = place.events()
    assert event.external_id == "{cust}"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("track", b"E\xff", "--external-id", "c"), "event"),
        (("track", "E", "--external-id", b"c\xff"), "externalId"),
        (("track", "E", "--external-id", "c", "-p", "plan=a", "-p", b"note=\xff"), "eventProperties.note"),
        (("track", "E", "--external-id", "c", "-p", b"n\xff=a"), "eventProperties.n\\udcff"),
        (("track", "E", "--external-id", "c", "--data", b'{"email": "\xff"}'), "email"),
        (
            ("identify", "--email", "a@b.c", "-u", b"custom_properties.a=\xff"),
            "userProperties.custom_properties",
        ),
    ],
)
def test_a_value_that_is_no_unicode_is_named_by_its_field(
    ours_process: Ours, arguments: tuple[str | bytes, ...], field: str
) -> None:
    ended = ours_process(*map(os.fsdecode, arguments), "--dry-run")
    assert ended.code == 2
    assert ended.err == (
        f"error: {field} holds characters that are not valid Unicode\n"
        "hint: an argument must be UTF-8; iconv -f latin1 -t utf-8 writes a text anew\n"
    )


@pytest.mark.parametrize("flags", [("-p", "note=@{file}"), ("--data", "@{file}")])
def test_a_file_in_another_encoding(ours: Ours, tmp_path: Path, flags: tuple[str, str]) -> None:
    file = tmp_path / "latin1.txt"
    file.write_bytes('{"event": "Größe"}'.encode("latin-1"))
    ended = ours("track", "E", "--external-id", "c", flags[0], flags[1].format(file=file), "--dry-run")
    assert ended.code == 2
    assert f"{file} is not UTF-8\nhint: iconv" in ended.err
