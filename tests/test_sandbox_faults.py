"""Each kind of fault is observable from outside, and stores what it promises to store."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from waiting import wait_for

from ours_cli.errors import UsageError
from ours_cli.sandbox import Fault, Sandbox, SandboxOptions, Then, When, load_faults

ALWAYS = When()


def event(distinct_id: str, **fields: Any) -> dict[str, Any]:
    return {"event": "Purchase", "distinctId": distinct_id, "externalId": "p-1", **fields}


@contextmanager
def faulty(*script: Fault) -> Iterator[tuple[Sandbox, httpx.Client]]:
    with (
        Sandbox(SandboxOptions(faults=script)) as sandbox,
        httpx.Client(base_url=sandbox.base_url, timeout=5) as client,
    ):
        yield sandbox, client


def send(client: httpx.Client, *ids: str, **fields: Any) -> httpx.Response:
    return client.post("/batch", json={"token": "key", "events": [event(name, **fields) for name in ids]})


def stored_ids(sandbox: Sandbox) -> list[str]:
    return [stored.distinct_id for stored in sandbox.events()]


def raw_answer(sandbox: Sandbox, *ids: str, size: int = 1 << 20) -> bytes:
    """What comes back on a plain socket until the server closes it."""
    body = json.dumps({"token": "key", "events": [event(name) for name in ids]}).encode()
    host, port = sandbox.base_url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = "POST /api/v1/batch HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
        connection.sendall(f"{head}{len(body)}\r\n\r\n".encode() + body)
        answer = b""
        while len(answer) < size and (part := connection.recv(65536)):
            answer += part
    return answer


def test_status_with_headers_and_body() -> None:
    then = Then("status", status=429, headers={"Retry-After": "2"}, body={"slow": "down"})
    with faulty(Fault(When(nth=(1,)), then)) as (sandbox, client):
        first, second = send(client, "a"), send(client, "b")
        assert (first.status_code, first.headers["retry-after"], first.json()) == (429, "2", {"slow": "down"})
        assert second.status_code == 200
        assert stored_ids(sandbox) == ["b"]
        assert [(request.status, request.fault) for request in sandbox.requests()] == [
            (429, "status"),
            (200, None),
        ]


def test_status_400_for_an_event() -> None:
    with faulty(Fault(When(event=("Refund",)), Then("status", status=400))) as (sandbox, client):
        assert send(client, "a").status_code == 200
        assert send(client, "b", event="Refund").status_code == 400
        assert stored_ids(sandbox) == ["a"]


def test_retry_after_as_a_date_on_a_clock_that_is_off() -> None:
    script = (
        Fault(ALWAYS, Then("clock_offset", seconds=-3600)),
        Fault(ALWAYS, Then("status", status=503, headers={"Retry-After": "@+30"})),
    )
    with faulty(*script) as (_sandbox, client):
        answer = send(client, "a")
    date, retry = (parsedate_to_datetime(answer.headers[name]) for name in ("date", "retry-after"))
    assert (retry - date).total_seconds() == 30
    assert -3700 < date.timestamp() - time.time() < -3595


@pytest.mark.parametrize(
    ("when", "times", "offset_s"),
    [(ALWAYS, None, 3600), (ALWAYS, 1, 0), (When(path="/batch"), None, 0), (When(first=5), None, 0)],
)
def test_a_clock_that_is_always_off_is_so_for_the_document_too(
    when: When, times: int | None, offset_s: int
) -> None:
    """Doctor asks for nothing else; it is no request with a number."""
    with faulty(Fault(when, Then("clock_offset", seconds=3600), times)) as (_sandbox, client):
        date = parsedate_to_datetime(client.get("/openapi").headers["date"])
    assert abs(date.timestamp() - time.time() - offset_s) < 60


def test_html_empty_and_redirect_store_nothing() -> None:
    script = (
        Fault(When(nth=(1,)), Then("html")),
        Fault(When(nth=(2,)), Then("empty")),
        Fault(When(nth=(3,)), Then("empty", status=204)),
        Fault(When(nth=(4,)), Then("redirect", url="http://192.0.2.1/")),
        Fault(When(nth=(5,)), Then("redirect", url="http://192.0.2.1/", status=301)),
    )
    with faulty(*script) as (sandbox, client):
        html, empty, none, *moved = [send(client, "a") for _ in range(5)]
        assert html.status_code == 200
        assert html.headers["content-type"].startswith("text/html")
        assert (empty.status_code, empty.content, none.status_code) == (200, b"", 204)
        assert [answer.status_code for answer in moved] == [307, 301]
        assert moved[0].headers["location"] == "http://192.0.2.1/"
        assert sandbox.totals() == (5, 5, 0)
        assert send(client, "a").status_code == 200


def test_accept_then_cut() -> None:
    with faulty(Fault(ALWAYS, Then("accept_then_cut"), times=1)) as (sandbox, client):
        with pytest.raises(httpx.RemoteProtocolError):
            send(client, "a")
        assert stored_ids(sandbox) == ["a"]
        assert [request.status for request in sandbox.requests()] == [None]
        assert send(client, "a").status_code == 200
        assert [stored.times_received for stored in sandbox.events()] == [2]


def test_reset() -> None:
    with faulty(Fault(When(first=1), Then("reset"))) as (sandbox, client):
        # Which error the client sees depends on whether its write or its read meets the reset first.
        with pytest.raises(httpx.TransportError):
            send(client, "a", eventProperties={"k": "x" * 5_000_000})
        assert sandbox.totals().events == 0
        assert send(client, "a").status_code == 200
        assert [request.fault for request in sandbox.requests()] == ["reset", None]


def test_reset_of_a_small_body_is_a_reset_too() -> None:
    with faulty(Fault(ALWAYS, Then("reset"))) as (sandbox, _client), pytest.raises(ConnectionResetError):
        raw_answer(sandbox, "a")


def test_hang_and_a_quick_stop() -> None:
    threads = threading.active_count()
    with faulty(Fault(ALWAYS, Then("hang"))) as (sandbox, client):
        with pytest.raises(httpx.ReadTimeout):
            client.post("/batch", json={"token": "key", "events": [event("a")]}, timeout=0.2)
        started = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - started < 10
    wait_for(lambda: threading.active_count() <= threads)


def test_hang_answers_in_the_end() -> None:
    with faulty(Fault(ALWAYS, Then("hang", seconds=0.2))) as (sandbox, client):
        started = time.monotonic()
        assert send(client, "a").status_code == 200
        assert time.monotonic() - started >= 0.2
        assert stored_ids(sandbox) == ["a"]


def test_drip() -> None:
    with faulty(Fault(ALWAYS, Then("drip", seconds=0.01))) as (sandbox, _client):
        started = time.monotonic()
        assert raw_answer(sandbox, "a", size=20).startswith(b"HTTP/1.1 200 OK")
        assert time.monotonic() - started >= 0.15
        assert stored_ids(sandbox) == ["a"]


def test_truncate() -> None:
    with faulty(Fault(ALWAYS, Then("truncate"))) as (sandbox, client):
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed"):
            send(client, "a")
        assert stored_ids(sandbox) == ["a"]


def test_stale_keepalive() -> None:
    with faulty(Fault(ALWAYS, Then("stale_keepalive"))) as (sandbox, _client):
        answer = raw_answer(sandbox, "a")
        assert b'"accepted":1' in answer
        assert b"connection: close" not in answer.lower()


@pytest.mark.parametrize(
    ("kind", "indexes", "accepted"),
    [
        ("results_missing", [0, 1], 3),
        ("results_repeat", [0, 1, 0], 3),
        ("results_shuffle", [2, 1, 0], 3),
        ("accepted_short", [0, 1, 2], 2),
    ],
)
def test_tampered_results(kind: str, indexes: list[int], accepted: int) -> None:
    with faulty(Fault(ALWAYS, Then(kind))) as (sandbox, client):
        body = send(client, "a", "b", "c").json()
        assert ([result["index"] for result in body["results"]], body["accepted"]) == (indexes, accepted)
        assert stored_ids(sandbox) == ["a", "b", "c"]
        track = client.post("/track", json={"token": "key", **event("d")})
        assert track.json() == {"success": True}


def test_queue_failed_until_it_works() -> None:
    when = When(distinct_id=("b",))
    with faulty(Fault(when, Then("queue_failed", message="later"), times=2)) as (sandbox, client):
        first = send(client, "a", "b")
        assert first.status_code == 207
        assert first.json()["results"][1] == {
            "index": 1,
            "success": False,
            "code": "queue_failed",
            "message": "later",
        }
        second = send(client, "b")
        assert (second.status_code, second.json()["accepted"]) == (500, 0)
        assert stored_ids(sandbox) == ["a"]
        assert send(client, "b").status_code == 200
        assert stored_ids(sandbox) == ["a", "b"]


def test_queue_failed_every_other_row_answered_500() -> None:
    fault = Fault(When(every_row=2), Then("queue_failed", status=500), times=1)
    with faulty(fault) as (sandbox, client):
        answer = send(client, "a", "b", "c", "d")
        assert (answer.status_code, answer.json()["accepted"]) == (500, 2)
        assert send(client, "b", "d").json()["success"] is True
        assert sorted(stored_ids(sandbox)) == ["a", "b", "c", "d"]


def test_invalid_event_by_a_marker() -> None:
    when = When(event_properties={"line": 7})
    with faulty(Fault(when, Then("invalid_event", message="not allowed"))) as (sandbox, client):
        answer = client.post(
            "/batch",
            json={
                "token": "key",
                "events": [event("a"), event("b", eventProperties={"line": 7, "x": 1})],
            },
        )
        assert answer.status_code == 207
        assert answer.json()["results"][1]["code"] == "invalid_event"
        assert answer.json()["results"][1]["message"] == "not allowed"
        assert stored_ids(sandbox) == ["a"]
        single = client.post("/track", json={"token": "key", **event("c", eventProperties={"line": 7})})
        assert (single.status_code, single.json()["error"]) == (400, "not allowed")


def test_rows_struck_by_a_replaced_answer_are_not_counted() -> None:
    script = (
        Fault(When(nth=(1,)), Then("status", status=503)),
        Fault(ALWAYS, Then("queue_failed"), times=1),
    )
    with faulty(*script) as (_sandbox, client):
        assert [send(client, "a").status_code for _ in range(3)] == [503, 500, 200]


def test_numbers_are_per_path_where_one_is_given() -> None:
    failing = Then("status", status=500)
    script = (Fault(When(path="/track", nth=(1,)), failing), Fault(When(every=3), failing))
    with faulty(*script) as (_sandbox, client):
        statuses = [send(client, "a").status_code for _ in range(4)]
        track = client.post("/track", json={"token": "key", **event("d")})
        assert statuses == [200, 200, 500, 200]
        assert track.status_code == 500


def test_first_after_and_times() -> None:
    script = (
        Fault(When(first=1), Then("status", status=501)),
        Fault(When(after=2), Then("status", status=502), times=2),
    )
    with faulty(*script) as (_sandbox, client):
        assert [send(client, "a").status_code for _ in range(6)] == [501, 200, 502, 502, 200, 200]


def test_the_example_of_the_readme_loads(tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
    path = tmp_path / "faults.json"
    path.write_text(readme.partition("### Faults\n")[2].partition("```json\n")[2].partition("```")[0])
    assert load_faults(path) == (
        Fault(When(path="/batch", nth=(1, 2)), Then("status", status=429, headers={"Retry-After": "2"})),
        Fault(When(every=11), Then("accept_then_cut")),
        Fault(When(distinct_id=("order-7",)), Then("queue_failed"), times=2),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON at line 1"),
        ("{}", "list of faults"),
        ("[7]", "fault 1: a fault must be an object"),
        ('[{"then": {"do": "html"}}, {}]', 'fault 2: "then" must be an object'),
        ('[{"then": {"do": "explode"}}]', '"do" must be one of reset'),
        ('[{"then": {"do": "status"}}]', '"status" needs "status"'),
        ('[{"then": {"do": "html", "status": 200}}]', '"html" takes no "status"'),
        ('[{"then": {"do": "status", "status": 42}}]', "HTTP status"),
        ('[{"then": {"do": "status", "status": 500, "headers": {"A": "b\\r\\nC: d"}}}]', "printable"),
        ('[{"then": {"do": "html"}, "when": {"nht": [1]}}]', 'no "nht"; it knows after'),
        ('[{"then": {"do": "html"}, "when": {"nth": 1}}]', '"nth" must be a list'),
        ('[{"then": {"do": "html"}, "when": {"every": 0}}]', "from 1"),
        ('[{"then": {"do": "html"}, "when": {"path": "/x"}}]', '"path" must be one of'),
        ('[{"then": {"do": "html"}, "times": true}]', '"times" must be'),
        ('[{"then": {"do": "reset"}, "when": {"event": "x"}}]', "no row conditions"),
        ('[{"then": {"do": "drip", "seconds": "1"}}]', "number of seconds"),
    ],
)
def test_bad_fault_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_faults(path)
    assert message in caught.value.message
    assert caught.value.hint


def test_a_fault_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load_faults(tmp_path / "faults.json")
