"""`ours doctor`: every finding through the door, and the pure judgements on documents and clocks."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from copy import deepcopy
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from conftest import TOKEN, Ended, Ours, StartSandbox
from faults_kit import free_port
from hypothesis import given
from hypothesis import strategies as st

from ours_cli.doctor.drift import batch_limit, differences, judge_document
from ours_cli.doctor.finding import Finding, Level, verdict
from ours_cli.doctor.judgement import judge_answer, judge_clock, judge_step
from ours_cli.doctor.openapi import Document
from ours_cli.doctor.probe import Measured
from ours_cli.errors import ExitCode, LocalIOError
from ours_cli.sandbox import Fault, Then, When
from ours_cli.sandbox.openapi import openapi_document
from ours_cli.sending.proxy import proxy_for
from ours_cli.sending.retry import Answer, Failure


@pytest.fixture
def no_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test takes a second, and one test of it is enough."""
    fine = Finding("self-test", Level.ok, "left out")
    monkeypatch.setattr("ours_cli.commands.doctor.self_test", lambda: fine)


def checks(ended: Ended) -> dict[str, dict[str, str]]:
    return {one["check"]: one for one in ended.json["checks"]}


# --- through the door --------------------------------------------------------------------------------------


def test_all_is_well(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    ended = ours("doctor")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("doctor: all is well\n")
    assert "sent twice to a sandbox: 4 events, 1 reject, no doubles" in ended.out
    assert TOKEN not in ended.out
    assert list(place.requests()) == [], "no event is ever sent, and GET is not even logged"


def test_json(ours: Ours, sandbox: StartSandbox, no_rehearsal: None) -> None:
    place = sandbox(max_events=200)
    ended = ours("doctor", "-o", "json")
    assert ended.json["status"] == "ok"
    assert ended.json["base_url"] == place.base_url
    assert (ended.json["batch_limit"], ended.json["drift"]) == (200, [])
    assert "at most 200 events" in checks(ended)["batch"]["text"]
    assert list(checks(ended)) == [
        *("version", "config", "token", "state", "target", "dns", "connect", "answer", "clock", "contract"),
        *("batch", "self-test"),
    ]


def test_a_clock_that_is_off_can_be_rehearsed(ours: Ours, sandbox: StartSandbox, no_rehearsal: None) -> None:
    sandbox(Fault(When(), Then("clock_offset", seconds=-3600)))
    clock = checks(ours("doctor", "-o", "json"))["clock"]
    assert clock["level"] == "warning"
    assert "s ahead of the server's: " in clock["text"]


def test_a_rehearsal_that_goes_wrong_is_a_bug(
    ours: Ours, sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox()
    broken = ("--event", "{what}", "--time", "{when}", "--external-id", "{who}", "-q", "-o", "json")
    monkeypatch.setattr("ours_cli.doctor.self_test._FLAGS", broken)
    ended = ours("doctor", "-o", "json")
    assert ended.code == ExitCode.BUG
    assert "the sandbox did not receive" in checks(ended)["self-test"]["text"]

    def full(target: object, window_ms: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("ours_cli.doctor.self_test.destination", full)
    assert ours("doctor", "-o", "json").code == ExitCode.LOCAL_IO


def test_without_a_token_the_rest_is_looked_at_all_the_same(
    ours: Ours, sandbox: StartSandbox, no_rehearsal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox()
    monkeypatch.delenv("OURS_PRIVACY_TOKEN")
    ended = ours("doctor", "-o", "json")
    assert ended.code == ExitCode.AUTH
    assert checks(ended)["token"]["level"] == "failed"
    assert "--sandbox" not in checks(ended)["token"]["hint"]
    assert checks(ended)["contract"]["level"] == "ok"
    monkeypatch.setenv("OURS_PRIVACY_TEST_TOKEN", TOKEN)
    assert "--test" in checks(ours("doctor", "-o", "json"))["token"]["hint"]
    ended = ours("doctor", "--test", "-o", "json")
    assert ended.code == 0
    assert "Test Mode key" in checks(ended)["token"]["text"]
    assert TOKEN not in ended.out + ended.err


def test_where_the_token_comes_from(
    ours: Ours, sandbox: StartSandbox, no_rehearsal: None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox()
    assert "from OURS_PRIVACY_TOKEN" in checks(ours("doctor", "-o", "json"))["token"]["text"]
    secret = home / "secret"
    secret.write_text(TOKEN)
    secret.chmod(0o644)
    finding = checks(ours("doctor", "--token-file", secret, "-o", "json"))["token"]
    assert (finding["level"], finding["hint"]) == ("warning", f"chmod 600 {secret}")
    secret.chmod(0o600)
    monkeypatch.delenv("OURS_PRIVACY_TOKEN")
    config = home / "config" / "ours" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[profiles.clinic]\ntoken_command = "echo {TOKEN}"\ntest_token = "{TOKEN}"\n')
    config.chmod(0o600)
    ended = ours("doctor", "--profile", "clinic", "-o", "json")
    assert checks(ended)["token"]["text"] == "the live key, from token_command in the config"
    assert "mode 0600, profile 'clinic'" in checks(ended)["config"]["text"]
    ended = ours("doctor", "--profile", "clinic", "--test", "-o", "json")
    assert checks(ended)["token"]["text"].endswith("from test_token in the config")
    assert TOKEN not in ended.out + ended.err
    config.chmod(0o640)
    ended = ours("doctor", "-o", "json")
    assert ended.code == ExitCode.USAGE
    assert checks(ended)["config"]["hint"] == f"chmod 600 {config}"


def test_the_state_folder(ours: Ours, sandbox: StartSandbox, no_rehearsal: None, home: Path) -> None:
    sandbox()
    assert "not there yet" in checks(ours("doctor", "-o", "json"))["state"]["text"]
    folder = home / "state" / "ours"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    ended = ours("doctor", "-o", "json")
    assert (ended.code, ended.json["status"]) == (0, "warning")
    assert checks(ended)["state"]["hint"] == f"chmod 700 {folder}"
    folder.rmdir()
    folder.write_text("")
    assert ours("doctor", "-o", "json").code == ExitCode.LOCAL_IO


@pytest.mark.parametrize("place", ["ours", "ours/runs"])
@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_a_state_folder_that_takes_no_run(
    ours: Ours, sandbox: StartSandbox, no_rehearsal: None, home: Path, place: str, kind: str
) -> None:
    sandbox()
    path = home / "state" / place
    path.parent.mkdir(parents=True, mode=0o700)
    if kind == "file":
        path.write_text("")
    else:
        path.symlink_to(home / "gone")
    ended = ours("doctor", "-o", "json")
    assert ended.code == ExitCode.LOCAL_IO
    assert checks(ended)["state"]["text"].startswith(f"{path} cannot be used: ")


def doctor_with(before: str, *arguments: str) -> Ended:
    """`ours doctor`, as a process that a shell starts after some other words, or under a limit."""
    words = ["sh", "-c", before + ' "$@"', "sh", sys.executable, "-m", "ours_cli", "doctor", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def test_a_state_folder_on_a_full_disk(sandbox: StartSandbox, home: Path) -> None:
    sandbox()
    ended = doctor_with("ulimit -f 8; exec", "-o", "json")
    assert ended.code == ExitCode.LOCAL_IO
    assert checks(ended)["state"]["text"].endswith("cannot be used: File too large")
    assert list(home.iterdir()) == []
    (home / "state" / "ours").mkdir(parents=True)
    assert doctor_with("ulimit -f 8; exec").code == ExitCode.LOCAL_IO
    assert doctor_with("exec").code == 0
    assert [path.name for path in (home / "state" / "ours").iterdir()] == []


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv, to be no superuser")
def test_folders_that_cannot_be_entered(
    sandbox: StartSandbox, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox()
    closed = home / "closed"
    closed.mkdir(mode=0)
    as_anybody = "exec setpriv --bounding-set -dac_override,-dac_read_search"
    monkeypatch.setenv("XDG_STATE_HOME", str(closed / "local" / "state"))
    ended = doctor_with(as_anybody, "-o", "json")
    assert ended.code == ExitCode.LOCAL_IO
    assert checks(ended)["state"]["text"].endswith("cannot be used: Permission denied")
    assert checks(ended)["connect"]["level"] == checks(ended)["self-test"]["level"] == "ok"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(closed / "config"))
    ended = doctor_with(as_anybody, "-o", "json")
    assert ended.code == ExitCode.USAGE
    assert "XDG_CONFIG_HOME" in checks(ended)["config"]["hint"]
    assert checks(ended)["state"]["level"] == "failed"
    assert checks(ended)["self-test"]["level"] == "ok"


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv, to be no superuser")
def test_a_folder_of_runs_that_takes_nothing(sandbox: StartSandbox, home: Path) -> None:
    sandbox()
    runs = home / "state" / "ours" / "runs"
    runs.mkdir(parents=True, mode=0o700)
    runs.chmod(0o500)
    ended = doctor_with("exec setpriv --bounding-set -dac_override,-dac_read_search", "-o", "json")
    assert ended.code == ExitCode.LOCAL_IO
    assert checks(ended)["state"]["text"] == f"{runs} cannot be used: Permission denied"


def test_no_way_to_the_server(ours: Ours, no_rehearsal: None) -> None:
    ended = ours("doctor", "--base-url", f"http://127.0.0.1:{free_port()}/api/v1", "-o", "json")
    assert ended.code == ExitCode.UNAVAILABLE
    assert checks(ended)["connect"]["level"] == "failed"
    assert checks(ended)["answer"]["level"] == "skipped"
    ended = ours("doctor", "--base-url", "https://no-such-host.invalid/v1", "-o", "json", "--timeout", "5")
    assert ended.code == ExitCode.UNAVAILABLE
    assert checks(ended)["dns"]["level"] == "failed"


def test_no_tls_where_https_is_said(ours: Ours, sandbox: StartSandbox, no_rehearsal: None) -> None:
    place = sandbox()
    ended = ours("doctor", "--base-url", place.base_url.replace("http:", "https:"), "-o", "json")
    assert ended.code == ExitCode.CONTRACT
    assert checks(ended)["tls"]["level"] == "failed"


def test_a_server_that_is_not_the_api(ours: Ours, sandbox: StartSandbox, no_rehearsal: None) -> None:
    ended = ours("doctor", "--base-url", sandbox().base_url + "/elsewhere", "-o", "json")
    assert (ended.code, ended.json["status"]) == (0, "warning")
    assert "404" in checks(ended)["answer"]["text"]


def test_a_proxy_without_its_password(
    ours: Ours, no_rehearsal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{TOKEN}@127.0.0.1:{free_port()}")
    ended = ours("doctor", "--base-url", "https://api.example/v1", "-o", "json")
    assert ended.code == ExitCode.UNAVAILABLE
    assert "127.0.0.1:" in checks(ended)["proxy"]["text"]
    assert "dns" not in checks(ended)
    assert TOKEN not in ended.out + ended.err


@pytest.mark.parametrize(
    ("left_out", "url", "is_left_out"),
    [
        ("api.example", "https://api.example/v1", True),
        ("other.example, .example", "https://api.example/v1", True),
        ("api.example:443", "https://api.example/v1", True),
        ("api.example:8443", "https://api.example/v1", False),
        ("api.example:8443", "https://api.example:8443/v1", True),
        ("pi.example", "https://api.example/v1", False),
        ("2001:db8::1", "https://[2001:db8::1]/v1", True),
        ("2001:db8::", "https://[2001:db8::1]/v1", False),
        ("10.0.0.7", "https://10.0.0.7:8443", True),
        ("other.example,*", "https://api.example/v1", True),
        ("", "https://api.example/v1", False),
    ],
)
def test_hosts_that_no_proxy_leaves_out(
    monkeypatch: pytest.MonkeyPatch, left_out: str, url: str, is_left_out: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", left_out)
    assert (proxy_for(url) is None) == is_left_out


def test_a_proxy_that_cannot_be_one(ours: Ours, no_rehearsal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{TOKEN}@127.0.0.1:99999")
    ended = ours("doctor", "--base-url", "https://api.example/v1", "-o", "json")
    assert ended.code == ExitCode.USAGE
    assert "HTTPS_PROXY" in checks(ended)["proxy"]["text"]
    assert TOKEN not in ended.out + ended.err


def test_a_machine_without_room_for_a_sandbox(
    ours: Ours, sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise LocalIOError("no room for a sandbox", hint="make some")

    sandbox()
    monkeypatch.setattr("ours_cli.doctor.self_test.destination", no_room)
    ended = ours("doctor", "-o", "json")
    assert ended.code == ExitCode.LOCAL_IO
    assert checks(ended)["self-test"] == {
        "check": "self-test",
        "level": "failed",
        "text": "no room for a sandbox",
        "hint": "make some",
    }


@pytest.mark.parametrize("columns", [48, 80, 120])
def test_it_fits_the_terminal(
    ours: Ours, sandbox: StartSandbox, no_rehearsal: None, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    sandbox()
    monkeypatch.delenv("OURS_PRIVACY_TOKEN")
    monkeypatch.setattr("ours_cli.console._width", lambda stream: columns)
    lines = ours("doctor").out.splitlines()
    # A path is longer than a narrow line and is not cut.
    assert all(len(line) <= columns for line in lines if "/" not in line)
    assert lines[-1] == "doctor: 1 failed"


# --- drift -------------------------------------------------------------------------------------------------


def live(**options: Any) -> dict[str, Any]:
    return deepcopy(openapi_document(**options))


def track_of(root: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = root["paths"]["/track"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    return schema


def drift(root: dict[str, Any]) -> list[str]:
    return list(differences(Document(root)))


def test_the_sandboxs_document_is_the_contract() -> None:
    assert drift(live()) == []
    assert batch_limit(Document(live())) is None
    assert batch_limit(Document(live(max_events=100))) == 100


def test_each_kind_of_drift_is_told() -> None:
    root = live()
    fields = track_of(root)["properties"]
    fields["sessionId"] = {"type": "string"}
    del fields["email"]
    fields["event"]["maxLength"] = 500
    fields["eventProperties"]["maxProperties"] = 100
    fields["userProperties"]["properties"]["pronouns"] = {"type": "string"}
    del fields["userProperties"]["properties"]["zip"]
    fields["userProperties"]["properties"]["city"] = {"type": "number"}
    root["paths"]["/alias"] = {"post": {}}
    del root["paths"]["/identify"]
    row = root["paths"]["/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    row["properties"]["events"]["items"]["required"].append("time")
    assert drift(root) == [
        "POST /identify is gone",
        "POST /alias is new",
        "track: sessionId is new",
        "track: email is gone",
        # In the sandbox's document, rows share the schemas of /track, but not its table.
        "event: at most 500 characters (ours: 1,000)",
        "eventProperties: at most 100 keys (ours: 200)",
        "batch rows: time is required now",
        "userProperties.pronouns is new",
        "userProperties.zip is gone",
        "userProperties.city is number (ours: string)",
    ]


def test_references_and_alternatives_are_followed() -> None:
    root = live()
    schema = track_of(root)
    email = schema["properties"]["email"]
    schema["properties"]["email"] = {"anyOf": [{**email, "type": "string"}, {"type": "null"}]}
    root["components"] = {"schemas": {"Track": schema, "Loop": {"$ref": "#/components/schemas/Loop"}}}
    content = root["paths"]["/track"]["post"]["requestBody"]["content"]["application/json"]
    content["schema"] = {"allOf": [{"$ref": "#/components/schemas/Track"}]}
    root["paths"] = {f"/api/v1{path}": item for path, item in root["paths"].items()}
    assert drift(root) == []
    content["schema"] = {"$ref": "#/components/schemas/Loop"}
    assert drift(root) == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"paths": 1}', b"[" * 100_000])
def test_what_is_no_document(body: bytes) -> None:
    finding, found, limit = judge_document(body)
    assert (finding.level, found, limit) == (Level.warning, [], None)


def circle(branches: int, padding: int = 0) -> dict[str, Any]:
    """A document whose schema refers to itself `branches` times, with as many properties around it."""
    itself = {"$ref": "#/components/schemas/Loop"}
    loop = {
        "anyOf": [itself] * branches,
        "properties": {f"p{number}": itself for number in range(padding)},
        "required": [f"p{number}" for number in range(padding)],
    }
    root = live()
    for name in ("track", "batch"):
        content = root["paths"][f"/{name}"]["post"]["requestBody"]["content"]["application/json"]
        content["schema"] = itself
    return {**root, "components": {"schemas": {"Loop": loop}}}


@pytest.mark.parametrize(("branches", "padding"), [(2, 0), (50, 0), (2, 10_000), (2000, 3000)])
def test_circles_that_branch_end_with_a_warning(branches: int, padding: int) -> None:
    finding, found, limit = judge_document(json.dumps(circle(branches, padding)).encode())
    assert (finding.level, found, limit) == (Level.warning, [], None)
    assert "refers to itself without end" in finding.text


def test_a_chain_of_references_is_followed_only_so_far() -> None:
    root = live()
    schemas = {f"S{number}": {"$ref": f"#/components/schemas/S{number + 1}"} for number in range(5000)}
    root["components"] = {"schemas": schemas}
    content = root["paths"]["/track"]["post"]["requestBody"]["content"]["application/json"]
    content["schema"] = {"$ref": "#/components/schemas/S0"}
    assert judge_document(json.dumps(root).encode())[0].level is Level.ok


@pytest.mark.parametrize(
    "required", [[{}], [[]], [1, "time", None], {"time": 1}, "time", [{"a": []}] * 10_000]
)
def test_a_required_that_is_none(required: Any) -> None:
    root = live()
    row = root["paths"]["/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    row["properties"]["events"]["items"]["required"] = required
    expected = (
        ["batch rows: time is required now"] if isinstance(required, list) and "time" in required else []
    )
    assert judge_document(json.dumps(root).encode())[1] == expected


def test_long_names_are_cut_in_the_text() -> None:
    root = live()
    track_of(root)["properties"]["x" * 50_000] = {}
    finding, found, _ = judge_document(json.dumps(root).encode())
    assert len(finding.text) < 1000
    assert max(map(len, found)) > 50_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("#/paths"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("$ref", "allOf", "anyOf", "oneOf", "properties", "required", "type", "items", "events"),
                    *(
                        "maxItems",
                        "maxLength",
                        "post",
                        "requestBody",
                        "content",
                        "application/json",
                        "schema",
                    ),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(["/track", "/identify", "/batch", "/x"]), JSON), JSON)
def test_no_paths_trip_it(paths: dict[str, Any], rest: Any) -> None:
    body = json.dumps({"paths": paths, "components": rest}).encode()
    finding, found, limit = judge_document(body)
    assert finding.check == "contract"
    assert all(isinstance(one, str) for one in found)
    assert limit is None or limit > 0


@given(JSON, st.sampled_from(["track", "identify", "batch"]))
def test_no_schema_trips_it(schema: Any, endpoint: str) -> None:
    root = live()
    root["paths"][f"/{endpoint}"]["post"]["requestBody"]["content"]["application/json"]["schema"] = schema
    assert judge_document(json.dumps(root).encode())[0].check == "contract"


def test_drift_is_a_warning_with_exit_0() -> None:
    root = live()
    for number in range(7):
        track_of(root)["properties"][f"field{number}"] = {}
    finding, found, _ = judge_document(json.dumps(root).encode())
    assert (finding.level, finding.exit_code, len(found)) == (Level.warning, 0, 7)
    assert "and 2 more" in finding.text


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(value=JSON_VALUES, key=st.sampled_from(["properties", "required", "allOf", "anyOf", "$ref", "type"]))
def test_no_document_trips_it(value: Any, key: str) -> None:
    root = live()
    track_of(root)[key] = value
    root["paths"]["/batch"]["post"]["requestBody"] = {key: value}
    root["paths"][f"/{key}"] = value
    judge_document(json.dumps(root).encode())


# --- clocks, answers, steps --------------------------------------------------------------------------------

NOW = 1_790_000_000.5


def dated(ahead: float) -> Answer:
    return Answer(200, {"date": formatdate(NOW - ahead, usegmt=True)}, b"")


@pytest.mark.parametrize("ahead", [-1.5, 0.0, 1.5])
def test_a_clock_that_agrees(ahead: float) -> None:
    assert judge_clock(dated(ahead), NOW, NOW).level is Level.ok


@pytest.mark.parametrize(("ahead", "said"), [(40.0, "40 s ahead of"), (-3600.0, "3600 s behind")])
def test_a_clock_that_is_off(ahead: float, said: str) -> None:
    finding = judge_clock(dated(ahead), NOW, NOW)
    assert finding.level is Level.warning
    assert said in finding.text


def test_an_answer_without_a_date() -> None:
    assert judge_clock(Answer(200, {}, b""), NOW, NOW).level is Level.warning


def test_a_slow_answer_leaves_the_clock_in_doubt() -> None:
    assert judge_clock(dated(-1), NOW, NOW + 10).level is Level.ok


@pytest.mark.parametrize(
    ("answer", "level", "code"),
    [
        (Answer(200, {}, b"{}"), Level.ok, 0),
        (Answer(404, {}, b""), Level.warning, 0),
        (Answer(401, {}, b""), Level.warning, 0),
        (Answer(204, {}, b""), Level.warning, 0),
        (Answer(302, {}, b""), Level.failed, ExitCode.CONTRACT),
        (Answer(503, {}, b""), Level.failed, ExitCode.UNAVAILABLE),
        (Failure("timeout", "no answer"), Level.failed, ExitCode.UNAVAILABLE),
        (Failure("name", "no such name"), Level.failed, ExitCode.UNAVAILABLE),
        (Failure("tls", "not to be trusted", "renew it"), Level.failed, ExitCode.CONTRACT),
        (Failure("proxy_refused", "407", "check HTTPS_PROXY"), Level.failed, ExitCode.UNAVAILABLE),
    ],
)
def test_answers(answer: Answer | Failure, level: Level, code: int) -> None:
    finding = judge_answer(answer, 0.1)
    assert (finding.level, finding.exit_code) == (level, code)
    assert finding.level is Level.ok or finding.hint


def test_steps() -> None:
    day = 86_400
    assert judge_step(Measured("tls", 0.1, "TLSv1.3", ends_s=NOW + 90 * day), NOW).level is Level.ok
    assert judge_step(Measured("tls", 0.1, "TLSv1.3", ends_s=NOW + 3 * day), NOW).level is Level.warning
    assert judge_step(Measured("connect", 3.0, "192.0.2.1 port 443"), NOW).level is Level.warning
    assert judge_step(Measured("tls", 0.1, trouble="no"), NOW).exit_code == ExitCode.CONTRACT


def test_the_first_failure_gives_the_exit_code() -> None:
    warned = Finding("a", Level.warning, "")
    token = Finding("b", Level.failed, "", None, ExitCode.AUTH)
    network = Finding("c", Level.failed, "", None, ExitCode.UNAVAILABLE)
    assert verdict([warned]) == (Level.warning, ExitCode.OK)
    assert verdict([warned, token, network]) == (Level.failed, ExitCode.AUTH)
    assert verdict([]) == (Level.ok, ExitCode.OK)
