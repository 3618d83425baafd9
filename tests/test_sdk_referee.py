"""The vendor's own SDK, unmodified, against the sandbox: it must not notice the difference."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from visitors import visitors

from ours_cli.sandbox import Fault, Sandbox, SandboxOptions, Then, When

ours_privacy = pytest.importorskip("ours_privacy")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def sdk(sandbox: Sandbox, **options: Any) -> Any:
    return ours_privacy.OursPrivacy(base_url=sandbox.base_url, _strict_response_validation=True, **options)


def rows(*ids: str) -> list[dict[str, Any]]:
    return [{"event": "Purchase", "distinct_id": name, "external_id": "p-1"} for name in ids]


def test_track(sandbox: Sandbox) -> None:
    now = time.time() * 1000 - 1000
    answer = sdk(sandbox).track.event(
        token="key",
        event="Purchase",
        external_id="p-1",
        user_id=None,
        time=now,
        event_properties={"amount": 12.5, "items": [{"sku": "A"}]},
        user_properties={"first_name": "Ada", "gclid": None},
        default_properties={"utm_source": "x", "session_count": 2},
        identity_context={"ip": "192.0.2.1", "user_agent": "curl"},
    )
    assert answer.success is True
    (stored,) = sandbox.events()
    assert (stored.event, stored.external_id, stored.time) == ("Purchase", "p-1", now)
    assert stored.body["defaultProperties"] == {"utm_source": "x", "sessionCount": 2}


def test_the_environment_points_it_here(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS_PRIVACY_BASE_URL", sandbox.base_url)
    ours_privacy.OursPrivacy().track.event(token="key", event="Purchase", email="a@example.com")
    assert sandbox.totals() == (1, 1, 1)


def test_optional_fields_may_be_none(sandbox: Sandbox) -> None:
    absent = dict.fromkeys(
        ("time", "event_properties", "user_properties", "default_properties", "distinct_id")
    )
    sdk(sandbox).track.event(token="key", event="Purchase", email="a@example.com", **absent)
    assert sandbox.totals().events == 1


def test_visitor_upsert(sandbox: Sandbox) -> None:
    client = sdk(sandbox)
    client.visitor.upsert(
        token="key", external_id="p-1", user_properties={"city": "Bern", "gclid": "g", "last_name": "L"}
    )
    answer = client.visitor.upsert(
        token="key", external_id="p-1", user_properties={"city": "", "gclid": None, "zip": 8000}
    )
    assert answer.success is True
    (visitor,) = visitors(sandbox.events())
    assert visitor.properties == {"city": "Bern", "last_name": "L", "zip": 8000}


def test_batch(sandbox: Sandbox) -> None:
    answer = sdk(sandbox).batch.create(token="key", events=rows("a", "b"))
    assert (answer.success, answer.accepted, answer.failed) == (True, 2, 0)
    assert [result.index for result in answer.results] == [0, 1]


def test_batch_with_207(sandbox: Sandbox) -> None:
    bad = {"event": "Purchase", "distinct_id": "c"}
    answer = sdk(sandbox).batch.create(token="key", events=[*rows("a"), bad])
    assert (answer.success, answer.accepted, answer.failed) == (False, 1, 1)
    assert answer.results[1].code == "invalid_event"
    assert "required" in answer.results[1].message


def test_bad_request(sandbox: Sandbox) -> None:
    client = sdk(sandbox)
    with pytest.raises(ours_privacy.BadRequestError) as caught:
        client.batch.create(token="key", events=[])
    assert caught.value.body["success"] is False
    with pytest.raises(ours_privacy.BadRequestError):
        client.track.event(token="key", event="", external_id="p-1")
    assert sandbox.totals().requests == 2


@pytest.mark.parametrize("token", ["", "  ", "t" * 251])
def test_authentication(sandbox: Sandbox, token: str) -> None:
    with pytest.raises(ours_privacy.AuthenticationError):
        sdk(sandbox).batch.create(token=token, events=rows("a"))
    assert sandbox.totals() == (1, 1, 0)


def test_too_large() -> None:
    with Sandbox(SandboxOptions(max_events=1)) as sandbox:
        with pytest.raises(ours_privacy.APIStatusError) as caught:
            sdk(sandbox).batch.create(token="key", events=rows("a", "b"))
        assert caught.value.status_code == 413
        assert caught.value.body["limit"] == 1
        assert sandbox.totals().requests == 1


def test_it_retries_500_and_429_with_the_same_events() -> None:
    script = (
        Fault(When(nth=(1,)), Then("status", status=500, headers={"retry-after-ms": "1"})),
        Fault(When(nth=(2,)), Then("status", status=429, headers={"retry-after-ms": "1"})),
    )
    with Sandbox(SandboxOptions(faults=script)) as sandbox:
        assert sdk(sandbox).batch.create(token="key", events=rows("a", "b")).accepted == 2
        logged = list(sandbox.requests())
        assert [request.status for request in logged] == [500, 429, 200]
        assert [request.distinct_ids for request in logged] == [["a", "b"]] * 3


def test_it_gives_up_when_told_not_to_retry() -> None:
    then = Then("status", status=500, headers={"x-should-retry": "false"})
    with Sandbox(SandboxOptions(faults=(Fault(When(), then),))) as sandbox:
        with pytest.raises(ours_privacy.InternalServerError):
            sdk(sandbox).track.event(token="key", event="Purchase", external_id="p-1")
        assert sandbox.totals() == (1, 1, 0)


def test_a_cut_answer_counts_once() -> None:
    with Sandbox(SandboxOptions(faults=(Fault(When(nth=(1,)), Then("accept_then_cut")),))) as sandbox:
        assert sdk(sandbox).batch.create(token="key", events=rows("a")).accepted == 1
        assert [stored.times_received for stored in sandbox.events()] == [2]
