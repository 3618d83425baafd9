"""What is said of a command line that cannot be: clear, with a hint, and without what strays into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import Ours, StartSandbox
from rows import iso

from ours_cli.app import COMMANDS, app
from ours_cli.cli.usage_errors import _ALSO_CALLED

MARK = "Jane Quoted Doe"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("track", "X", *MARK.split()), "ours track takes EVENT only, and there is more"),
        (("track", "X", "--external-id", *MARK.split()), "ours track takes EVENT only"),
        (("sandbox", MARK), "ours sandbox takes no argument"),
        (("doctor", MARK), "ours doctor takes no argument"),
        (("track", "X", f"--{MARK}"), "an argument begins with - and is no flag"),
        (("track", "X", f"--{MARK}=1"), "an argument begins with - and is no flag"),
        ((MARK, "--external-id", "c"), "there is no such command"),
        (("runs", "list", MARK), "list takes no RUN"),
        (("identify", MARK, "-u", "first_name=Ada"), "there is no such FILE of visitors"),
        (("track", "X", "-p", MARK), "has no '='"),
        (("track", "X", "-d", f'{{"externalId": "{MARK}=1"}}'), "take a whole body by --data"),
        (("track", f'{{"event": "{MARK}"}}', "--external-id", "c"), "hint: --data takes a whole body"),
        (("identify", "--external-id", "c", "-u", f' {{"a": "{MARK}"}}'), "is a JSON object"),
    ],
)
def test_a_stray_text_is_not_repeated(
    ours: Ours, sandbox: StartSandbox, arguments: tuple[str, ...], said: str
) -> None:
    place = sandbox()
    ended = ours(*arguments)
    assert ended.code in (2, 6)
    assert said in ended.err
    assert "hint: " in ended.err
    assert not [word for word in MARK.split() if word in ended.err + ended.out]
    assert list(place.requests()) == []


@pytest.mark.parametrize(
    ("stray", "hint"),
    [
        (f"plan={MARK}", "properties go with -p: -p plan=..."),
        ("amount:=99", "properties go with -p: -p amount:=..."),
        ("Quoted-name=1", "properties go with -p: -p NAME=..."),
        (f"{MARK}=1", 'a text with spaces wants quotes, a variable too: "$name"'),
        ("Quoted=", 'a text with spaces wants quotes, a variable too: "$name"'),
        ("Quoted==", 'a text with spaces wants quotes, a variable too: "$name"'),
    ],
)
def test_a_property_without_its_flag_is_told_of_the_flag(ours: Ours, stray: str, hint: str) -> None:
    ended = ours("track", "X", "--external-id", "c", stray)
    assert ended.code == 2
    assert ended.err == f"error: ours track takes EVENT only, and there is more\nhint: {hint}\n"


@pytest.mark.parametrize(
    ("strays", "hint"),
    [
        ((f"plan={MARK}",), "properties go with -u: -u plan=..."),
        (("plan:=1", "b=y"), "properties go with -u: -u plan:=..."),
        ((f"{MARK}=1",), "one visitor is named by --external-id ID, --email ADDRESS or --user-id ID"),
    ],
)
def test_a_property_in_place_of_a_file_of_visitors(ours: Ours, strays: tuple[str, ...], hint: str) -> None:
    ended = ours("identify", "--external-id", "c", *strays)
    assert ended.code == 6
    assert ended.err == f"error: there is no such FILE of visitors\nhint: {hint}\n"


def test_only_a_command_with_properties_tells_of_their_flag(ours: Ours) -> None:
    assert "-p" not in ours("doctor", "plan=Premium").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("track", "X", "--external-id", "--dry-run"),
            "--external-id has no value: what follows it is the flag",
        ),
        (("track", "X", "--external-id", "c", "--time", "-p", "a=b"), "--time has no value: what follows it"),
        (("track", "X", "--external-id", "c", "-u", "--email=a@b.c"), "it is the flag --email\n"),
        (("identify", "--email", "-u", "first_name=Ada"), "--email has no value"),
        (("backfill", "x.csv", "--max-rejects", "--dry-run"), "--max-rejects has no value"),
    ],
)
def test_a_flag_is_not_taken_for_the_value_of_an_unset_variable(
    ours: Ours, sandbox: StartSandbox, arguments: tuple[str, ...], said: str
) -> None:
    place = sandbox()
    ended = ours(*arguments)
    assert ended.code == 2
    assert said in ended.err
    assert "is a variable unset?" in ended.err
    assert list(place.requests()) == []


@pytest.mark.parametrize(
    "typed",
    [
        ("--token", MARK, "track", "X"),
        (f"--token={MARK}", "track", "X"),
        ("track", "X", "--token", MARK),
        ("inspect", "--token", MARK, "x.csv"),
    ],
)
def test_a_token_is_refused_with_the_reason_wherever_it_is_typed(ours: Ours, typed: tuple[str, ...]) -> None:
    ended = ours(*typed)
    assert ended.code == 2
    assert "error: there is no --token: a key on the command line stands in `ps`" in ended.err
    assert "--token-file PATH" in ended.err
    assert MARK not in ended.err + ended.out


@pytest.mark.parametrize(
    ("typed", "flag"),
    [
        (("-o", "json", "backfill", "x.csv"), "-o"),
        (("--output=json", "batch"), "--output"),
        (("--sandbox", "track", "X"), "--sandbox"),
        (("--no-progress", "batch"), "--no-progress"),
        (("--older-than", "3d", "runs", "delete"), "--older-than"),
    ],
)
def test_a_flag_before_its_command_is_sent_behind_it(ours: Ours, typed: tuple[str, ...], flag: str) -> None:
    ended = ours(*typed)
    assert ended.code == 2
    assert ended.err == f"error: {flag} before a command is no flag\nhint: ours COMMAND {flag}\n"


def test_a_flag_of_no_command_is_none_before_one_either(ours: Ours) -> None:
    assert "error: no such option: --zzz\n" in ours("--zzz", "track", "X").err


@pytest.mark.parametrize("name", ["--user", "--id", "--customer-id", "--userId", "--patient_id", "--uid"])
def test_the_flag_for_ones_own_id_of_a_person_is_named_whatever_it_is_called(ours: Ours, name: str) -> None:
    hint = "hint: --external-id is your own id of the person, --user-id the Ours visitor id"
    for command in (("track", "X"), ("backfill", "x.csv")):
        assert f"{hint}, --distinct-id the event's own" in ours(*command, name, "a").err
    assert hint in ours("identify", name, "a", "-u", "city=Ulm").err
    assert "--external-id" not in ours("batch", name, "a").err


@pytest.mark.parametrize(
    "name", ["--externl-id", "--ext-id", "--externalId", "-external-id", "-external-id=a"]
)
def test_a_near_flag_is_named(ours: Ours, name: str) -> None:
    assert "did you mean --external-id?" in ours("track", "X", name, "a").err


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (("track", "--event", "Signup"), "ours track EVENT"),
        (("track", "--event=Signup"), "ours track EVENT"),
        (("backfill", "--file", "x.csv"), "ours backfill FILE"),
        (("batch", "--files", "x.ndjson"), "ours batch FILE"),
    ],
)
def test_an_argument_typed_as_a_flag(ours: Ours, words: tuple[str, ...], right: str) -> None:
    ended = ours(*words)
    assert (ended.code, "Signup" in ended.err) == (2, False)
    assert ended.err.endswith(f"hint: it stands without a flag: {right}\n")


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (("track", "X", "--timestamp", "now"), "--time"),
        (("backfill", "x.csv", "--timezone", "UTC"), "--tz"),
        (("backfill", "x.csv", "--endpoint", "http://x"), "--base-url"),
        (("inspect", "x.csv", "--sep", ";"), "--delimiter"),
        (("identify", "--traits", "city=Ulm"), "-u"),
        (("runs", "--json"), "-o json"),
    ],
)
def test_a_flag_by_its_name_in_other_tools(ours: Ours, words: tuple[str, ...], right: str) -> None:
    ended = ours(*words)
    assert (ended.code, ended.err.splitlines()[-1]) == (2, f"hint: here it is {right}")


def test_names_of_other_tools_are_no_flags_here_and_mean_some() -> None:
    program: Any = typer.main.get_command(app)
    options = [option for name in COMMANDS for option in program.get_command(None, name).params]
    flags = {flag for option in options for flag in (*option.opts, *option.secondary_opts)}
    assert not flags & _ALSO_CALLED.keys()
    assert {meant.partition(" ")[0] for meant in _ALSO_CALLED.values()} <= flags


@pytest.mark.parametrize("flag", ["--token", "--api-key", "--write-key"])
def test_a_key_is_taken_from_no_flag(ours: Ours, flag: str) -> None:
    for words in (("track", "X", flag, "s3cr3t"), ("backfill", "x.csv", f"{flag}=s3cr3t")):
        ended = ours(*words)
        assert (ended.code, f"there is no {flag}: a key" in ended.err) == (2, True)
        assert "OURS_PRIVACY_TOKEN" in ended.err
        assert "s3cr3t" not in ended.err


def test_a_flag_of_one_dash_is_named_where_a_letter_is_no_flag(ours: Ours) -> None:
    assert "did you mean --timeout?" in ours("track", "X", "--email", "a@b.c", "-timeout", "5").err
    assert "did you mean" not in ours("track", "X", "-t", "5").err


def test_a_value_that_looks_like_a_flag_can_be_meant(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    assert ours("track", "X", "--external-id=--dry-run", "-p", "a=--dry-run").code == 0
    (event,) = place.events()
    assert event.body["externalId"] == "--dry-run"
    assert ours("track", "--external-id", "c", "--", "--dry-run").code == 0
    assert [event.body["event"] for event in place.events()] == ["X", "--dry-run"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("track", "X", "--external-id", ""), "--external-id is empty: is a variable unset?"),
        (("track", "X", "--external-id", "", "--email", " "), "--external-id and --email are empty: "),
        (("track", "", "--external-id", "c"), "EVENT is empty: is a variable unset?"),
        (("track", "X", "--external-id", "c", "--time", ""), "is a variable unset? --time now, or leave"),
        (("identify", "--email", "", "-u", "first_name=Ada"), "--email is empty: is a variable unset?"),
        (("identify", "--email", "a@b.c", "-u", "first_name="), "the API ignores empty texts"),
    ],
)
def test_an_unset_variable_is_thought_of(
    ours: Ours, sandbox: StartSandbox, arguments: tuple[str, ...], hint: str
) -> None:
    place = sandbox()
    ended = ours(*arguments)
    assert ended.code == 2
    assert hint in ended.err
    assert " row" not in ended.err
    assert list(place.requests()) == []


@pytest.mark.parametrize(
    "flag",
    [
        *("--profile", "--base-url", "--token-file", "--max-age", "--tz", "--map", "--rejects", "--resume"),
        *("--distinct-id", "--quote"),
    ],
)
@pytest.mark.parametrize("form", ["{}=", "{} "])
def test_an_empty_flag_is_not_taken_for_one_that_is_left_out(
    ours: Ours, sandbox: StartSandbox, flag: str, form: str
) -> None:
    """`--profile "$unset"` would send to the default account, `--distinct-id "$unset"` under another id."""
    place = sandbox()
    words = form.format(flag).split(" ")
    ended = ours("backfill", "x.csv", "--event", "E", *words)
    assert ended.code == 2
    assert f"error: {flag} is empty\nhint: is a variable unset?" in ended.err
    assert list(place.requests()) == []


def test_one_event_has_no_empty_id_either(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ended = ours("track", "X", "--external-id", "c", "--distinct-id", "")
    assert ended.code == 2
    assert "error: --distinct-id is empty\nhint: is a variable unset?" in ended.err
    assert list(place.requests()) == []


@pytest.mark.parametrize(("delimiter", "name"), [("\t", "tab"), (" ", "space")])
def test_a_blank_can_be_a_delimiter(ours: Ours, tmp_path: Path, delimiter: str, name: str) -> None:
    path = tmp_path / "rows.txt"
    path.write_text(f"who{delimiter}at\nc{delimiter}2026-01-01\n")
    flags = ("--event", "E", "--external-id", "{who}", "--time", "{at}", "--max-age", "none", "--dry-run")
    for form in (("--delimiter", delimiter), (f"--delimiter={delimiter}",)):
        assert ours("backfill", path, *flags, *form).code == 0, name
    assert "error: --delimiter is empty" in ours("backfill", path, *flags, "--delimiter", "").err
    assert ours("backfill", path, *flags, "--delimiter", delimiter, "--quote", "none").code == 0


@pytest.mark.parametrize(("name", "sign"), [("semicolon", ";"), ("Comma", ","), ("pipe", "|")])
def test_a_delimiter_that_is_named_is_shown_as_it_is_typed(
    ours: Ours, tmp_path: Path, name: str, sign: str
) -> None:
    (tmp_path / "x.csv").write_text("a;b\n1;2\n")
    ended = ours("backfill", tmp_path / "x.csv", "--event", "E", "--delimiter", name)
    assert ended.err == f"error: --delimiter takes one character\nhint: --delimiter '{sign}'\n"


def test_an_empty_ip_and_user_agent_are_left_out(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    assert ours("track", "X", "--external-id", "c", "--ip", "", "--user-agent", " ").code == 0
    assert ours("track", "X", "--external-id", "c", "--ip", "192.0.2.1", "--user-agent", "").code == 2
    (event,) = place.events()
    assert "identityContext" not in event.body


def test_empty_beside_what_names_the_visitor_is_absent(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    assert ours("track", "X", "--external-id", "c", "--email", "").code == 0
    (event,) = place.events()
    assert "email" not in event.body


@pytest.mark.parametrize("command", [("track", "X"), ("identify",)])
def test_a_colon_after_the_equals_sign_is_sent_and_doubted(
    ours: Ours, sandbox: StartSandbox, command: tuple[str, ...]
) -> None:
    place = sandbox()
    ended = ours(*command, "--email", "a@b.c", "-u", "city=:99", "-u", "state=:x")
    assert ended.code == 0
    assert (
        ended.err == "warning: -u city=:... sends a text that begins with a colon; -u city:=... sends JSON\n"
    )
    (event,) = place.events()
    assert event.body["userProperties"] == {"city": ":99", "state": ":x"}


PASTED = (
    ("--external-id", "\u201cc\u201d", "externalId is sent with the curly quotes around it"),
    ("-p", "plan=\u2018Premium\u2019", "eventProperties.plan is sent with the curly quotes around it"),
    ("-p", "\u201cplan=Premium\u201d", "eventProperties.\u201cplan is sent with the curly quotes around it"),
    ("-p", "amount==3", "eventProperties.amount is sent with the = it begins with; NAME:=JSON"),
)


@pytest.mark.parametrize(("flag", "text", "warning"), PASTED)
def test_signs_that_are_seldom_meant_are_sent_and_doubted(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, flag: str, text: str, warning: str
) -> None:
    sandbox()
    (tmp_path / "rows.csv").write_text(f"t\n{iso(1)}\n")
    rows = ("backfill", tmp_path / "rows.csv", "--event", "E", "--time", "{t}")
    for command in (("track", "E"), rows):
        ended = ours(*command, "--email", "a@b.c", flag, text)
        assert ended.code == 0, ended.err
        assert f"warning: {warning}" in ended.err
        meant = ours(*command, "--email", "a@b.c", "-p", "a=b=c", "-p", "b=the nurses\u2019", "--dry-run")
        assert "warning" not in meant.err


def test_a_sandboxed_event_is_said_to_have_reached_no_account(ours: Ours) -> None:
    ended = ours("track", "X", "--external-id", "c", "--sandbox")
    assert ended.err == "sent to a local sandbox, gone now; no account was reached\n"
    assert ours("track", "X", "--external-id", "c", "--sandbox", "-q").err == ""
