"""When to go on and when to give up."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from events_kit import event_of, together

from ours_cli.errors import AuthError, ContractError, OursError, UnavailableError
from ours_cli.events.chunk import chunk_of
from ours_cli.events.request_size import PROOFS, RequestSize
from ours_cli.sending.gate import Gate
from ours_cli.sending.lone_refusals import LONE_REFUSALS_MAX
from ours_cli.sending.retry import (
    BACKOFF_BASE_S,
    Again,
    Broken,
    Failure,
    Judged,
    Nonsense,
    Refused,
    Unauthorized,
)
from ours_cli.sending.settlement import Listener, Settlement
from ours_cli.sending.stops import NAME_FAILURES_MAX, NONSENSE_MAX, Patience, fatal, fatal_failure

DOWN = Again("the server answered 503")
NO_NAME = Failure("name", "the host's name cannot be resolved")
CUT = Failure("cut", "the connection broke")
HTML = Nonsense("not the API's JSON")


@pytest.fixture
def patience() -> Patience:
    return Patience(10, hint="try again")


def test_gives_up_after_so_long_without_progress(patience: Patience) -> None:
    assert patience.after(DOWN, 0, 1) > 0
    assert patience.after(DOWN, 5, 9.9) <= 0.1 + 1e-9, "the last pause ends when the patience does"
    with pytest.raises(UnavailableError, match="503, for 10 s") as caught:
        patience.after(DOWN, 9.95, 10)
    assert caught.value.hint == "try again"


def test_trouble_that_lasts_is_told_once_and_so_is_its_end() -> None:
    said: list[str] = []
    patience = Patience(900, hint="try again", say=said.append)
    patience.after(DOWN, 0, 0.1)
    patience.progress(0.5)
    assert (said, patience.trouble) == ([], None), "what heals at once is no news"
    for second in range(1, 9):
        patience.after(CUT, second, second)
    assert said == ["the connection broke; trying on until it has lasted 900 s (--give-up-after)"]
    assert patience.trouble == "the connection broke"
    patience.progress(10)
    patience.progress(11)
    assert said[1:] == ["the server answers again"]
    assert patience.trouble is None


def test_the_pauses_that_a_rate_limit_asks_for_are_no_news() -> None:
    said: list[str] = []
    patience = Patience(900, hint="try again", say=said.append)
    for second in range(0, 1000, 10):
        patience.after(Again("the server answered 429", 8), second, second + 0.1)
        patience.progress(second + 8.2)
    assert said == []


def test_a_long_pause_is_told_before_it_begins() -> None:
    said: list[str] = []
    Patience(7200, hint="try again", say=said.append).after(Again("the server answered 503", 3600), 0, 0.1)
    assert said == ["the server answered 503; trying on until it has lasted 7200 s (--give-up-after)"]


def test_progress_begins_anew(patience: Patience) -> None:
    patience.after(DOWN, 0, 9)
    patience.progress(9.5)
    patience.after(DOWN, 9.5, 19)
    with pytest.raises(UnavailableError):
        patience.after(DOWN, 19, 19.5)


def test_a_request_older_than_the_last_progress_counts_from_that_progress(patience: Patience) -> None:
    patience.progress(11)
    patience.after(CUT, 0, 12)
    with pytest.raises(UnavailableError):
        patience.after(CUT, 12, 21)


def test_retry_after_longer_than_what_is_left(patience: Patience) -> None:
    assert patience.after(Again("429", 9), 0, 1) == pytest.approx(9)
    with pytest.raises(UnavailableError, match="asks to wait 8 s"):
        patience.after(Again("429", 8), 3, 3)


def test_backoff_grows_from_try_to_try(patience: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ours_cli.sending.retry.random.uniform", lambda _low, high: high)
    assert [patience.after(CUT, second, second) for second in range(3)] == [
        BACKOFF_BASE_S,
        BACKOFF_BASE_S * 2,
        BACKOFF_BASE_S * 4,
    ]
    patience.progress(3)
    assert patience.after(CUT, 4, 4) == BACKOFF_BASE_S


def test_what_was_in_flight_together_fails_once(patience: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ours_cli.sending.retry.random.uniform", lambda _low, high: high)
    pauses = [patience.after(HTML, started, 1 + started) for started in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)]
    assert pauses == [BACKOFF_BASE_S] * 7


def test_nonsense_in_a_row(patience: Patience) -> None:
    for second in range(NONSENSE_MAX - 1):
        patience.after(HTML, second, second)
    with pytest.raises(ContractError, match=f"{NONSENSE_MAX} times in a row"):
        patience.after(HTML, 9, 9)


def test_nonsense_until_it_gives_up_is_a_broken_contract(patience: Patience) -> None:
    patience.after(HTML, 0, 1)
    with pytest.raises(ContractError, match="gave up: not the API's JSON, for 10 s"):
        patience.after(HTML, 9, 10)


def test_an_outage_that_ends_in_nonsense_is_an_outage(patience: Patience) -> None:
    patience.after(DOWN, 0, 1)
    with pytest.raises(UnavailableError):
        patience.after(HTML, 9, 10)


def test_a_timeout_of_a_request_older_than_the_last_progress_is_an_outage(patience: Patience) -> None:
    """Three requests begun together: one is cut off, one accepted, and the last is never answered."""
    patience.after(Failure("cut", "the connection broke"), 0, 1)
    patience.progress(2)
    with pytest.raises(UnavailableError, match="gave up: no answer"):
        patience.after(Failure("timeout", "no answer"), 0, 30)


def test_nonsense_with_something_else_between(patience: Patience) -> None:
    for second in range(NONSENSE_MAX * 2 - 1):
        patience.after(DOWN if second == NONSENSE_MAX - 1 else HTML, second / 2, second / 2)


def test_a_name_that_was_never_found(patience: Patience) -> None:
    for second in range(NAME_FAILURES_MAX - 1):
        patience.after(NO_NAME, second, second)
    with pytest.raises(UnavailableError, match="name"):
        patience.after(NO_NAME, 5, 5)


@pytest.mark.parametrize("answered", ["progress", "503"])
def test_a_name_that_was_found_before_comes_back(patience: Patience, answered: str) -> None:
    if answered == "progress":
        patience.progress(0)
    else:
        patience.after(DOWN, 0, 0)
    for second in range(NAME_FAILURES_MAX * 3):
        patience.after(NO_NAME, second, second)


@pytest.mark.parametrize(
    ("verdict", "error"), [(Unauthorized(401), AuthError), (Broken("redirects", "check"), ContractError)]
)
def test_an_answer_that_no_further_try_can_better(
    verdict: Unauthorized | Broken, error: type[OursError]
) -> None:
    assert isinstance(fatal(verdict), error)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failure("tls", "not trusted"), ContractError),
        (Failure("proxy_refused", "407"), UnavailableError),
        (Failure("proxy", "502"), None),
        (Failure("timeout", "slow"), None),
        (NO_NAME, None),
        (CUT, None),
    ],
)
def test_a_failure_that_no_further_try_can_mend(failure: Failure, error: type[OursError] | None) -> None:
    found = fatal_failure(failure)
    assert found is None if error is None else isinstance(found, error)


def settlement(patience: Patience, size: RequestSize) -> Settlement:
    ignored = Mock(return_value="")
    listener = Listener(ignored, ignored, ignored, ignored, ignored)
    return Settlement("t", Mock(spec=Gate), size, patience, listener, may_repeat=True)


@pytest.fixture
def at_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ours_cli.sending.settlement.now", lambda: 0.0)


@pytest.mark.usefixtures("at_zero")
def test_a_row_that_is_accepted_once_more_is_progress() -> None:
    """Else a server that refuses many a row would be given up, however well it is."""
    patience = Mock(spec=Patience)
    settled = settlement(patience, RequestSize(1))
    chunks = [chunk_of(together(event_of(seq))) for seq in range(LONE_REFUSALS_MAX + 1)]
    settled.apply(Judged([0], [], []), chunks[0], 0)
    *_, asked = [settled.apply(Refused("no"), chunk, 0) for chunk in chunks[1:]]
    patience.reset_mock()
    settled.apply(Judged([0], [], []), asked[0], 0)
    patience.progress.assert_called_once()


@pytest.mark.usefixtures("at_zero")
def test_a_request_of_which_no_row_was_queued_has_failed(patience: Patience) -> None:
    size = RequestSize(1, 2)
    for _ in range(PROOFS):
        size.taken(1, 1)
    assert size.events == 2
    chunk = chunk_of(together(event_of(0), event_of(1)))
    assert settlement(patience, size).apply(Judged([], [], [0, 1]), chunk, 0) == [chunk]
    assert size.events == 1


@pytest.mark.usefixtures("at_zero")
def test_a_server_that_refuses_what_it_accepted_is_asked_again_where_another_row_cleared_it() -> None:
    settled = settlement(Mock(spec=Patience), RequestSize(1))
    chunks = [chunk_of(together(event_of(seq))) for seq in range(2 + 2 * LONE_REFUSALS_MAX)]
    for accepted, refused in ((0, chunks[2::2]), (1, chunks[3::2])):
        settled.apply(Judged([0], [], []), chunks[accepted], 0)
        *_, asked = [settled.apply(Refused("no"), chunk, 0) for chunk in refused]
        assert len(asked) == 1
        settled.apply(Judged([0], [], []), chunks[accepted], 0)
        assert settled.apply(Refused("no"), asked[0], 0) == []


@pytest.mark.usefixtures("at_zero")
def test_a_server_that_was_well_is_asked_again_about_the_next_refusals() -> None:
    settled = settlement(Mock(spec=Patience), RequestSize(1))
    chunks = [chunk_of(together(event_of(seq))) for seq in range(1 + 2 * LONE_REFUSALS_MAX)]
    settled.apply(Judged([0], [], []), chunks[0], 0)
    for refused in (chunks[1::2], chunks[2::2]):
        *_, asked = [settled.apply(Refused("no"), chunk, 0) for chunk in refused]
        assert len(asked) == 1
        assert settled.apply(Judged([0], [], []), asked[0], 0) == []
