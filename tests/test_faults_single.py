"""Fault matrix for `track` and `identify`: one event, the same promises."""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest
from conftest import Ended, Ours, StartSandbox
from faults_kit import ALWAYS, FIRST, MARKER, assert_no_leak, fault, request_count, sent_rows, status
from visitors import visitors

from ours_cli.sandbox import Sandbox, Then, When
from ours_cli.sending.stops import NONSENSE_MAX

pytestmark = pytest.mark.usefixtures("quick_backoff")


class Command(NamedTuple):
    """How to call one, and what it leaves in the sandbox."""

    name: str
    words: tuple[str, ...]


TRACK = Command("track", ("track", "Purchase", "--external-id", "c1", "-p", f"note={MARKER}"))
IDENTIFY = Command("identify", ("identify", "--external-id", "c1", "-u", f"first_name={MARKER}"))


@pytest.fixture(params=[TRACK, IDENTIFY], ids=lambda command: command.name)
def command(request: pytest.FixtureRequest) -> Command:
    found: Command = request.param
    return found


def send(ours: Ours, command: Command, code: int, **flags: float) -> Ended:
    given = {"timeout": 5.0, "give_up_after": 20.0} | flags
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    ended = ours(*command.words, *words, "-o", "json")
    assert_no_leak(ended)
    assert ended.code == code, ended.err
    assert ended.json["status"] == ("complete" if code == 0 else "failed")
    return ended


def assert_stored_once(box: Sandbox, command: Command, ended: Ended) -> None:
    """One event or visitor is there, however often it travelled; an event always under the same id."""
    if command.name == "identify":
        (visitor,) = visitors(box.events())
        assert visitor.properties["first_name"] == MARKER
        return
    (event,) = box.events()
    assert event.distinct_id == ended.json["distinctId"]
    assert sent_rows(box) == {event.distinct_id: request_count(box)}


@pytest.mark.parametrize(
    "codes", [(500, 500), (502, 503, 504), (408, 409, 425, 429)], ids=lambda codes: str(codes)
)
def test_transient_statuses_then_200(
    ours: Ours, sandbox: StartSandbox, command: Command, codes: tuple[int, ...]
) -> None:
    box = sandbox(*(fault(When(nth=(number,)), status(code)) for number, code in enumerate(codes, 1)))
    ended = send(ours, command, 0)
    assert request_count(box) == len(codes) + 1
    assert_stored_once(box, command, ended)


@pytest.mark.parametrize(
    "kind",
    ["accept_then_cut", "truncate", "html", "empty"],
)
def test_lost_and_nonsensical_answers_are_asked_again(
    ours: Ours, sandbox: StartSandbox, command: Command, kind: str
) -> None:
    box = sandbox(fault(When(first=2), kind))
    ended = send(ours, command, 0)
    assert request_count(box) == 3
    assert_stored_once(box, command, ended)


def test_reset_in_mid_upload(ours: Ours, sandbox: StartSandbox, command: Command) -> None:
    box = sandbox(fault(When(first=2), "reset"))
    send(ours, command, 0)
    assert [request.fault for request in box.requests()] == ["reset", "reset", None]


@pytest.mark.parametrize(
    "then", [Then("hang", seconds=60), Then("drip", seconds=0.1)], ids=lambda then: then.do
)
def test_hanging_server_and_dripping_answer(
    ours: Ours, sandbox: StartSandbox, command: Command, then: Then
) -> None:
    """Each byte comes in time, the whole does not: the deadline is total."""
    box = sandbox(fault(FIRST, then))
    began = time.monotonic()
    ended = send(ours, command, 0, timeout=0.4)
    assert 0.4 <= time.monotonic() - began < 15
    assert_stored_once(box, command, ended)


def test_a_hanging_server_is_waited_for_until_it_is_given_up(
    ours: Ours, sandbox: StartSandbox, command: Command
) -> None:
    """It was waited for until --timeout, and the message then gave two different times."""
    sandbox(fault(ALWAYS, Then("hang", seconds=60)))
    began = time.monotonic()
    ended = send(ours, command, 5, timeout=30, give_up_after=0.7)
    assert 0.7 <= time.monotonic() - began < 10
    assert ended.json["error"].endswith(" within 0.7 s")


def test_500_for_ever(ours: Ours, sandbox: StartSandbox, command: Command) -> None:
    sandbox(fault(ALWAYS, status(500)))
    ended = send(ours, command, 5, give_up_after=0.4)
    assert "500" in ended.json["error"]


def test_429_with_retry_after(ours: Ours, sandbox: StartSandbox, command: Command) -> None:
    box = sandbox(fault(FIRST, status(429, headers={"Retry-After": "1"})))
    began = time.monotonic()
    send(ours, command, 0)
    assert 1.0 <= time.monotonic() - began < 15
    assert request_count(box) == 2


def test_retry_after_longer_than_what_is_left(ours: Ours, sandbox: StartSandbox, command: Command) -> None:
    box = sandbox(fault(ALWAYS, status(503, headers={"Retry-After": "60"})))
    ended = send(ours, command, 5)
    assert "asks to wait 60 s" in ended.json["error"]
    assert request_count(box) == 1


@pytest.mark.parametrize(
    ("code", "expected"), [(401, 4), (403, 4), (400, 3), (413, 3), (415, 8), (404, 8), (405, 8)]
)
def test_final_statuses_cost_one_request(
    ours: Ours, sandbox: StartSandbox, command: Command, code: int, expected: int
) -> None:
    words = {"success": False, "error": f"this is wrong: {MARKER}"}
    box = sandbox(fault(ALWAYS, status(code, body=words)))
    ended = send(ours, command, expected)
    assert request_count(box) == 1
    if expected == 4:
        assert "check the token" in ended.err
        assert "goes on" not in ended.err, "there is nothing to go on with"
    if expected == 3:
        what = {"track": "the event", "identify": "the visitor properties"}[command.name]
        assert f"the server refuses {what}" in ended.json["error"]


@pytest.mark.parametrize("then", [Then("html"), Then("empty", status=204), status(200, body={"success": 1})])
def test_nonsense_for_ever(ours: Ours, sandbox: StartSandbox, command: Command, then: Then) -> None:
    box = sandbox(fault(ALWAYS, then))
    send(ours, command, 8)
    assert request_count(box) == NONSENSE_MAX


def test_a_given_distinct_id_travels_as_it_is(ours: Ours, sandbox: StartSandbox) -> None:
    box = sandbox(fault(When(first=3), "accept_then_cut"))
    given = Command("track", (*TRACK.words, "--distinct-id", "order-17"))
    assert send(ours, given, 0).json["distinctId"] == "order-17"
    assert sent_rows(box) == {"order-17": 4}
    assert [event.times_received for event in box.events()] == [4]


AGAIN = "it may have arrived: to send the same event again, safely, add --distinct-id "
"""What ends the hint, before the id."""


def doubt(ended: Ended) -> str:
    """The id under which the event is to be sent again."""
    hint = ended.err.rpartition("hint: ")[2].rstrip("\n")
    assert AGAIN in hint
    return hint.partition(AGAIN)[2]


@pytest.mark.parametrize("then", [Then("hang", seconds=60), Then("accept_then_cut"), status(502)])
def test_an_event_that_may_have_arrived_can_be_sent_again(
    ours: Ours, sandbox: StartSandbox, then: Then
) -> None:
    box = sandbox(fault(ALWAYS, then))
    ended = send(ours, TRACK, 5, timeout=0.5, give_up_after=0.5)
    assert doubt(ended) == ended.json["distinctId"]
    sandbox()
    again = send(ours, TRACK._replace(words=(*TRACK.words, "--distinct-id", doubt(ended))), 0)
    assert again.json["distinctId"] == ended.json["distinctId"]
    assert {event.distinct_id for event in box.events()} <= {doubt(ended)}


@pytest.mark.parametrize(
    ("words", "then"),
    [
        (TRACK.words, status(401)),
        (TRACK.words, status(429, headers={"Retry-After": "60"})),
        (IDENTIFY.words, status(503, headers={"Retry-After": "60"})),
    ],
)
def test_nothing_is_said_of_what_cannot_have_arrived_or_count_twice(
    ours: Ours, sandbox: StartSandbox, words: tuple[str, ...], then: Then
) -> None:
    sandbox(fault(ALWAYS, then))
    assert "may have arrived" not in ours(*words).err


def test_of_a_given_distinct_id_it_is_said_that_it_counts_once(ours: Ours, sandbox: StartSandbox) -> None:
    sandbox(fault(ALWAYS, status(503, headers={"Retry-After": "60"})))
    err = ours(*TRACK.words, "--distinct-id", "order-17").err
    assert "it may have arrived; sent again, it counts once, since its distinctId was given" in err
    assert "order-17" not in err


def test_a_line_that_may_have_arrived(ours_process: Ours, sandbox: StartSandbox) -> None:
    sandbox(fault(ALWAYS, status(503, headers={"Retry-After": "60"})))
    ended = ours_process("track", "-", "-o", "json", stdin=b'{"event": "E", "externalId": "c"}\n')
    assert ended.code == 5
    assert f'add "distinctId": "{ended.json["distinctId"]}" to the line\n' in ended.err
