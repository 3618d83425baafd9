"""`ours track -`, `--curl` and `-v`: one request a line, the same request by curl, and what is said of it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import TOKEN, Ours, StartSandbox
from hypothesis import given
from hypothesis import strategies as st
from rows import ago

from ours_cli.errors import ClosedOutputError, OursError, UsageError
from ours_cli.runs.run_registry import NoRunError
from ours_cli.sandbox import Fault, Then, When
from ours_cli.single.command import curl_command


def lines(*rows: Any) -> bytes:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()


# --- a line, a request -------------------------------------------------------------------------------------


def test_each_line_is_a_request_and_a_result(ours_process: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    typed = lines(
        {"event": "A", "distinctId": "1", "externalId": "c"},
        "",
        {"event": "B", "externalId": "c", "time": ago(1)},
    )
    ended = ours_process("track", "-", "-p", "source=replay", "-o", "json", stdin=b"\xef\xbb\xbf" + typed)
    assert (ended.code, ended.err) == (0, "")
    results = [json.loads(line) for line in ended.out.splitlines()]
    stored = list(place.events())
    assert [event.event for event in stored] == ["A", "B"]
    assert [result["line"] for result in results] == [1, 3]
    assert [result["distinctId"] for result in results] == [event.distinct_id for event in stored]
    assert all(event.body["eventProperties"] == {"source": "replay"} for event in stored)
    assert "time" not in stored[0].body
    assert stored[1].body["time"] == ago(1)
    assert len(list(place.requests())) == 2


def test_a_bad_line_takes_no_other_along(ours_process: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    typed = lines(
        "not json, and secret",
        {"event": "A", "externalId": "c"},
        {"event": "A", "externalId": "c", "properties": {}},
        {"event": "A", "externalId": "c", "jane@example.com": 1},
        {"event": "A"},
        {"event": "B", "externalId": "c"},
        '{"event": "A", "event": "A", "externalId": "c"}',
    )
    ended = ours_process("track", "-", stdin=typed)
    assert ended.code == 3
    assert [event.event for event in place.events()] == ["A", "B"]
    assert "error: line 7: a key stands twice in one object" in ended.err
    assert len(ended.out.splitlines()) == 2
    assert "line 1: this is not a JSON object" in ended.err
    assert "line 3: the API does not know key 'properties'" in ended.err
    assert "it is called 'eventProperties'" in ended.err
    assert "line 4: " in ended.err
    assert "line 5: " in ended.err
    assert "secret" not in ended.err
    assert "jane" not in ended.err


def test_a_refused_line_is_passed_over_and_a_refused_token_stops(
    ours_process: Ours, sandbox: StartSandbox
) -> None:
    typed = lines(*({"event": name, "externalId": "c"} for name in "ABC"))
    place = sandbox(Fault(When(event=("B",)), Then("status", status=400)))
    ended = ours_process("track", "-", stdin=typed)
    assert ended.code == 3
    assert "line 2: the server refuses the event (400)" in ended.err
    assert [event.event for event in place.events()] == ["A", "C"]
    place = sandbox(Fault(When(after=1), Then("status", status=401)))
    ended = ours_process("track", "-", stdin=typed, env={"OURS_PRIVACY_BASE_URL": place.base_url})
    assert ended.code == 4
    assert "line 2: the server refuses the token" in ended.err
    assert len(list(place.requests())) == 2


@pytest.mark.parametrize(
    "error", [ClosedOutputError(), NoRunError("no such run", hint="ours runs"), UsageError("--data: broken")]
)
def test_an_error_of_a_line_stays_what_it_is(error: OursError) -> None:
    told = error.prefixed("line 3: ", instead_of="--data: ")
    assert type(told) is type(error)
    assert (told.exit_code, told.hint) == (error.exit_code, error.hint)
    assert told.message == str(told) == "line 3: " + error.message.removeprefix("--data: ")
    assert not error.message.startswith("line")


def test_each_result_names_its_line(ours_process: Ours, sandbox: StartSandbox) -> None:
    sandbox(Fault(When(event=("B",)), Then("status", status=400)))
    typed = lines(
        "",
        {"event": "A", "externalId": "c"},
        {"event": "A"},
        {"event": "B", "externalId": "c"},
        {"event": "A", "externalId": 7},
    )
    ended = ours_process("track", "-", "-o", "json", stdin=typed)
    results = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 3
    assert [(result["line"], result["status"]) for result in results] == [
        (2, "complete"),
        (3, "failed"),
        (4, "failed"),
        (5, "failed"),
    ]
    assert not any("--data" in result.get("error", "") for result in results)


@pytest.mark.parametrize("typed", [b"", b"\n  \n"])
@pytest.mark.parametrize("more", [(), ("--dry-run",), ("-o", "json")])
def test_no_lines_at_all(
    ours_process: Ours, sandbox: StartSandbox, typed: bytes, more: tuple[str, ...]
) -> None:
    sandbox()
    ended = ours_process("track", "-", "-q", *more, stdin=typed)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "warning: standard input holds no rows\n"


def test_nulls_are_left_out_and_said(ours_process: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    typed = lines({"event": "A", "externalId": "c", "userProperties": {"gclid": None, "city": "Ulm"}})
    ended = ours_process("track", "-", "--clear", "zip", stdin=typed)
    assert ended.code == 0
    assert "nulls were left out" in ended.err
    assert next(iter(place.events())).body["userProperties"] == {"city": "Ulm", "zip": None}


def test_lines_are_shown_a_line_each(ours_process: Ours) -> None:
    typed = lines({"event": "A", "externalId": "c"}, {"event": "B", "externalId": "c"})
    ended = ours_process("track", "-", "--dry-run", stdin=typed)
    shown = [json.loads(line) for line in ended.out.splitlines()]
    assert [(body["token"], body["event"]) for body in shown] == [("***", "A"), ("***", "B")]


def test_no_standard_input_at_all(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    ended = ours("track", "-")
    assert (ended.code, ended.out) == (6, "")
    assert "there is no standard input" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("track", "-", "--data", "{}"), "two ways"),
        (("track", "-", "--distinct-id", "x"), "every line the same id"),
        (("track", "-", "--token-file", "-"), "both the token and the data"),
        (("track", "A", "--external-id", "c", "--curl", "--sandbox"), "nowhere to point"),
        (("identify", "file.csv", "--curl"), "one visitor"),
    ],
)
def test_refused(ours: Ours, arguments: tuple[str, ...], message: str) -> None:
    ended = ours(*arguments)
    assert ended.code == 2
    assert message in ended.err
    assert "hint: " in ended.err


# --- curl --------------------------------------------------------------------------------------------------

ODD = 'it\'s "5" $HOME `id` \\ %s %d !! \u202e\x1b[2J ü'


@pytest.mark.parametrize("command", [("track", "Pay 'now'"), ("identify", "-u", "city=Ulm")])
def test_curl_shows_no_token_and_sends_nothing(
    ours: Ours, sandbox: StartSandbox, command: tuple[str, ...]
) -> None:
    place = sandbox()
    ended = ours(*command, "--external-id", "c", "--curl")
    assert (ended.code, ended.err) == (0, "")
    assert TOKEN not in ended.out
    assert '"$OURS_PRIVACY_TOKEN"' in ended.out
    assert list(place.requests()) == []
    assert '"$OURS_PRIVACY_TEST_TOKEN"' in ours(*command, "--external-id", "c", "--curl", "--test").out


def test_curl_needs_no_token_but_says_where_it_takes_it_from(
    ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OURS_PRIVACY_TOKEN")
    ended = ours("track", "A", "--external-id", "c", "--curl")
    assert ended.code == 0
    assert "OURS_PRIVACY_TOKEN, which is not set" in ended.err


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_command_does_what_ours_would(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    shown = ours(
        "track", ODD, "--external-id", "c", "-p", f"note={ODD}", "-p", "n:=12345678901234567890", "--curl"
    )
    assert shown.code == 0
    assert "\x1b" not in shown.out
    done = subprocess.run(
        ["sh", "-ec", shown.out], capture_output=True, text=True, check=True, env=os.environ
    )
    assert json.loads(done.stdout) == {"success": True}
    (event,) = place.events()
    assert (event.event, event.body["eventProperties"]) == (ODD, {"note": ODD, "n": "12345678901234567890"})


@given(note=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_body_survives_the_shell(note: str) -> None:
    body = json.dumps({"event": "A", "note": note}, ensure_ascii=False).encode()
    shown = curl_command("https://api.example/track", "KEY", body, timeout=30, ca_file=None)
    words = shlex.split(shown)
    assert words[:2] == ["printf", '{"token":"%s",%s']
    assert json.loads(words[1] % ("secret", words[3])) == {"token": "secret", "event": "A", "note": note}


# --- verbose -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick_backoff")
def test_verbose_says_status_timing_tries_and_id(ours: Ours, sandbox: StartSandbox) -> None:
    sandbox(Fault(When(nth=(1,)), Then("status", status=503)))
    ended = ours("track", "A", "--external-id", "c", "--distinct-id", "e-1", "-v")
    assert "the server answered 503; next try in" in ended.err
    last = ended.err.splitlines()[-1]
    assert last.startswith("200 from http://127.0.0.1:")
    assert last.endswith(" ms, 2 tries, distinctId e-1")


def test_a_standard_input_that_cannot_be_read(sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox()
    with (tmp_path / "written").open("wb") as stdin:
        words = [sys.executable, "-m", "ours_cli", "track", "-"]
        done = subprocess.run(words, stdin=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert done.stderr.startswith("error: standard input cannot be read: Bad file descriptor\n")
