"""The running sandbox: statuses, storage, visitors, keep-alive, concurrency."""

from __future__ import annotations

import http.client
import json
import socket
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from visitors import visitors

from ours_cli.errors import LocalIOError, UsageError
from ours_cli.sandbox import Sandbox, SandboxOptions, StoredEvent


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url, trust_env=False) as opened:
        yield opened


def event(distinct_id: str, **fields: Any) -> dict[str, Any]:
    return {"event": "Purchase", "distinctId": distinct_id, "externalId": "p-1", **fields}


def batch(*events: object, **fields: Any) -> dict[str, Any]:
    return {"token": "key", "events": list(events), **fields}


def test_track(sandbox: Sandbox, client: httpx.Client) -> None:
    answer = client.post("/track", json={"token": "key", **event("d-1")})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert "date" in answer.headers
    (stored,) = sandbox.events()
    assert (stored.path, stored.event, stored.distinct_id) == ("/track", "Purchase", "d-1")
    assert "token" not in stored.body


def test_track_refusals(client: httpx.Client) -> None:
    answer = client.post("/track", json={"token": "key", "event": "x"})
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert "required" in answer.json()["error"]
    assert client.post("/track", json=event("d")).status_code == 401


def test_identify(sandbox: Sandbox, client: httpx.Client) -> None:
    body = {"token": "key", "email": "a@example.com", "userProperties": {"city": "Bern"}}
    assert client.post("/identify", json=body).json() == {"success": True}
    assert client.post("/identify", json={**body, "userProperties": None}).status_code == 400
    assert [stored.event for stored in sandbox.events()] == ["$identify"]


def test_batch_tells_each_row(sandbox: Sandbox, client: httpx.Client) -> None:
    rows = (event("a"), {"event": "x"}, event("b"), 7)
    answer = client.post("/batch", json=batch(*rows))
    body = answer.json()
    assert answer.status_code == 207
    assert (body["success"], body["accepted"], body["failed"]) == (False, 2, 2)
    assert [result["index"] for result in body["results"]] == [0, 1, 2, 3]
    assert [result.get("code") for result in body["results"]] == [
        None,
        "invalid_event",
        None,
        "invalid_event",
    ]
    assert [stored.distinct_id for stored in sandbox.events()] == ["a", "b"]


def test_batch_all_accepted_and_all_invalid(client: httpx.Client) -> None:
    answer = client.post("/batch", json=batch(event("a")))
    assert (answer.status_code, answer.json()["results"]) == (200, [{"index": 0, "success": True}])
    answer = client.post("/batch", json=batch({}, {}))
    assert (answer.status_code, answer.json()["accepted"]) == (207, 0)


def test_repeats_count_once(sandbox: Sandbox, client: httpx.Client) -> None:
    assert client.post("/batch", json=batch(event("a"), event("a"))).status_code == 200
    assert client.post("/track", json={"token": "key", **event("a")}).status_code == 200
    (stored,) = sandbox.events()
    assert stored.times_received == 3
    assert stored.request_id == 1
    assert sandbox.totals() == (2, 3, 1)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b'{"token":"t"}', 400),
        (b'{"token":"t","events":{}}', 400),
        (b'{"token":"t","events":[]}', 400),
        (b'{"events":[]}', 401),
        (b'{"token":"","events":[{}]}', 401),
        (b'{"token":" ","events":[{}]}', 401),
        (b'{"token":5,"events":[{}]}', 401),
        (b'{"token":"' + b"t" * 251 + b'","events":[{}]}', 401),
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"token":"t","events":[' + b"9" * 5000 + b"]}", 400),
    ],
)
def test_refused_whole(sandbox: Sandbox, client: httpx.Client, content: bytes, status: int) -> None:
    answer = client.post("/batch", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["success"] is False
    assert sandbox.totals().events == 0


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-ndjson", ""])
def test_other_content_types(client: httpx.Client, content_type: str) -> None:
    content = json.dumps(batch(event("a")))
    assert client.post("/batch", content=content, headers={"Content-Type": content_type}).status_code == 415


def test_content_type_with_a_charset(client: httpx.Client) -> None:
    content = json.dumps(batch(event("a")))
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post("/batch", content=content, headers=headers).status_code == 200


@pytest.mark.parametrize("named", [True, False])
def test_too_large(named: bool) -> None:
    options = SandboxOptions(max_events=2, max_bytes=600, limit_in_413=named)
    with Sandbox(options) as sandbox, httpx.Client(base_url=sandbox.base_url) as client:
        many = client.post("/batch", json=batch(event("a"), event("b"), event("c")))
        wide = client.post("/batch", json=batch(event("a", eventProperties={"k": "x" * 600})))
        assert client.post("/batch", json=batch(event("a"), event("b"))).status_code == 200
        assert next(sandbox.requests()).distinct_ids == ["a", "b", "c"]
    assert (many.status_code, wide.status_code) == (413, 413)
    assert (many.json().get("limit"), wide.json().get("limit")) == ((2, 600) if named else (None, None))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/batch", 405),
        ("PUT", "/track", 405),
        ("POST", "/openapi", 405),
        ("DELETE", "/events", 405),
        ("GET", "/nothing", 404),
        ("POST", "/batch/", 404),
        ("HEAD", "/nothing", 404),
        ("BREW", "/batch", 501),
    ],
)
def test_paths_and_methods(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    if status == 405:
        assert answer.headers["allow"] in {"GET", "POST"}
    assert client.get("/openapi").status_code == 200


def test_outside_the_prefix(sandbox: Sandbox) -> None:
    assert httpx.get(sandbox.base_url.removesuffix("/api/v1") + "/events").status_code == 404


def test_pages(client: httpx.Client) -> None:
    client.post("/batch", json=batch(*(event(f"d-{n}", eventProperties={"n": n}) for n in range(5))))
    page = client.get("/events", params={"limit": 2}).json()
    assert [found["distinct_id"] for found in page["events"]] == ["d-0", "d-1"]
    assert page["events"][0]["body"]["eventProperties"] == {"n": 0}
    rest = client.get("/events", params={"after": page["next"]}).json()
    assert [found["distinct_id"] for found in rest["events"]] == ["d-2", "d-3", "d-4"]
    assert client.get("/events", params={"after": rest["next"]}).json() == {
        "events": [],
        "next": rest["next"],
    }
    assert client.get("/events", params={"after": "x"}).status_code == 400
    (request,) = client.get("/requests").json()["requests"]
    assert request["rows"] == 5
    assert request["status"] == 200
    assert request["distinct_ids"] == [f"d-{n}" for n in range(5)]


def test_openapi_is_served(client: httpx.Client) -> None:
    document = client.get("/openapi").json()
    assert document["openapi"] == "3.1.0"
    assert "/batch" in document["paths"]


def test_visitors_are_resolved_in_order(sandbox: Sandbox, client: httpx.Client) -> None:
    def identify(**body: Any) -> None:
        assert client.post("/identify", json={"token": "key", **body}).status_code == 200

    identify(externalId="x", email="a@example.com", userProperties={"city": "Bern", "gclid": "g"})
    identify(email="a@example.com", userProperties={"phone_number": "+41 (0)44 1", "city": ""})
    identify(userProperties={"phone_number": "00410441", "gclid": None})
    identify(externalId="x", email="b@example.com", userProperties={"custom_properties": {"a": 1}})
    identify(userId="web", email="b@example.com", userProperties={"city": "Basel"})
    first, second = visitors(sandbox.events())
    assert (first.external_id, first.email, first.phone) == ("x", "b@example.com", "410441")
    assert first.properties == {"city": "Bern", "phone_number": "00410441", "custom_properties": {"a": 1}}
    assert (second.user_id, second.properties) == ("web", {"city": "Basel"})


def test_a_repeated_event_does_not_undo_a_later_one(sandbox: Sandbox, client: httpx.Client) -> None:
    old, new = (event(city, userProperties={"city": city}) for city in ("Bern", "Basel"))
    for row in (old, new, old):
        client.post("/batch", json=batch(row))
    (visitor,) = visitors(sandbox.events())
    assert visitor.properties == {"city": "Basel"}


def test_one_connection_serves_many_requests(sandbox: Sandbox) -> None:
    host, port = sandbox.base_url.split("/")[2].split(":")
    connection = http.client.HTTPConnection(host, int(port))
    connection.connect()
    opened = connection.sock
    for body in (b'{"token":"t","event":"e","externalId":"x"}', b"{", b'{"token":""}'):
        connection.request("POST", "/api/v1/track", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
        assert connection.sock is opened
    connection.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /api/v1/batch HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST /api/v1/batch HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /api/v1/batch HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", b"413"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
def test_raw_requests(sandbox: Sandbox, head: bytes, status: bytes) -> None:
    host, port = sandbox.base_url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.split(b" ", 2)[1] == status
    assert b'"success": false' in answer


def test_concurrent_repeats_store_one_event(sandbox: Sandbox) -> None:
    barrier = threading.Barrier(8)

    def send() -> int:
        with httpx.Client(base_url=sandbox.base_url) as client:
            barrier.wait()
            return client.post("/batch", json=batch(event("a"), event("b"))).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = [sent.result() for sent in [pool.submit(send) for _ in range(8)]]
    assert statuses == [200] * 8
    assert [(stored.distinct_id, stored.times_received) for stored in sandbox.events()] == [
        ("a", 8),
        ("b", 8),
    ]


def test_on_event_sees_new_events_only() -> None:
    seen: list[StoredEvent] = []
    with Sandbox(on_event=seen.append) as sandbox, httpx.Client(base_url=sandbox.base_url) as client:
        client.post("/batch", json=batch(event("a"), event("b"), {}))
        client.post("/batch", json=batch(event("b"), event("c")))
        assert seen == [stored._replace(times_received=1) for stored in sandbox.events()]
    assert [stored.distinct_id for stored in seen] == ["a", "b", "c"]


def test_a_database_file_is_private_and_continued(tmp_path: Path) -> None:
    options = SandboxOptions(db=tmp_path / "events.db")
    for name in ("a", "b"):
        with Sandbox(options) as sandbox, httpx.Client(base_url=sandbox.base_url) as client:
            client.post("/batch", json=batch(event(name)))
            totals = sandbox.totals()
    assert totals == (2, 2, 2)
    assert stat.S_IMODE((tmp_path / "events.db").stat().st_mode) == 0o600
    with sqlite3.connect(tmp_path / "events.db") as database:
        found = database.execute("SELECT json_extract(body, '$.event') FROM events").fetchall()
    database.close()
    assert found == [("Purchase",), ("Purchase",)]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but longer than a header would be" * 10)
    with pytest.raises(LocalIOError, match="database"):
        Sandbox(SandboxOptions(db=tmp_path / "notes.txt")).start()
    with pytest.raises(LocalIOError):
        Sandbox(SandboxOptions(db=tmp_path / "missing" / "events.db")).start()


def test_a_port_in_use(sandbox: Sandbox) -> None:
    port = int(sandbox.base_url.split("/")[2].split(":")[1])
    with pytest.raises(UsageError, match="in use"):
        Sandbox(SandboxOptions(port=port)).start()


def test_stopping_frees_the_port_and_cuts_connections() -> None:
    sandbox = Sandbox()
    sandbox.start()
    with httpx.Client(base_url=sandbox.base_url) as client:
        assert client.get("/openapi").status_code == 200
        started = time.monotonic()
        sandbox.stop()
        sandbox.stop()
        assert time.monotonic() - started < 10
        with pytest.raises(httpx.TransportError):
            client.get("/openapi")


def test_latency() -> None:
    with Sandbox(SandboxOptions(latency=0.2)) as sandbox, httpx.Client(base_url=sandbox.base_url) as client:
        started = time.monotonic()
        client.post("/batch", json=batch(event("a")))
        assert time.monotonic() - started >= 0.2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    *("event", "distinctId", "userId", "externalId", "email", "time"),
    *("eventProperties", "userProperties", "defaultProperties", "identityContext"),
)
ROWS = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)) | JSON
NEAR_ROWS = st.fixed_dictionaries(
    {"event": st.text(max_size=5), "distinctId": st.text(max_size=5), "externalId": st.text(max_size=5)},
    optional={
        "time": st.integers(-(10**20), 10**13) | st.floats(allow_nan=False),
        "eventProperties": st.dictionaries(st.text(max_size=5), JSON, max_size=5),
        "userProperties": st.dictionaries(st.sampled_from(["city", "zip", "consent", "phone_number"]), JSON),
    },
)
BODIES = st.fixed_dictionaries(
    {"token": st.just("key") | JSON, "events": st.lists(ROWS | NEAR_ROWS, max_size=5) | JSON}
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(["/track", "/identify", "/batch"]), body=BODIES | ROWS | NEAR_ROWS | st.binary())
def test_no_body_makes_it_fail(client: httpx.Client, path: str, body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {200, 207, 400, 401}
    if path == "/batch" and answer.status_code in {200, 207}:
        told = answer.json()
        assert len(told["results"]) == len(body["events"]) == told["accepted"] + told["failed"]
        assert told["accepted"] == sum(result["success"] for result in told["results"])
        assert told["success"] is (answer.status_code == 200) is (told["failed"] == 0)
