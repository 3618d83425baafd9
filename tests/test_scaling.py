"""The topic `scaling` is computed from measured figures; here its arithmetic is checked by other ways."""

from __future__ import annotations

import pytest
from make_scaling import MEASURED, SHARDS, TOPIC, Measured, behind_latency, rate_of, scaling, shards_for, span

from ours_cli.contract import BATCH_EVENTS_MAX

ROUND = Measured(events_per_s=100, cpu_s_per_million=1, bytes_per_event=1, other_rows_per_s=1000)


def test_the_topic_is_what_the_figures_give() -> None:
    assert TOPIC.read_text("utf-8") == scaling(), "run: python tests/make_scaling.py"


def test_two_shards_of_a_thousand_rows() -> None:
    """500 rows of its own take a shard 5 s, 500 others half a second."""
    assert rate_of(2, ROUND) == pytest.approx(1000 / 5.5)
    assert rate_of(1, ROUND) == 100


def test_more_shards_are_never_slower_and_end_at_the_pace_of_reading() -> None:
    rates = [rate_of(shards) for shards in SHARDS]
    assert rates == sorted(rates)
    assert rates[0] == MEASURED.events_per_s
    assert rate_of(10**6) == pytest.approx(MEASURED.other_rows_per_s, rel=0.001)


@pytest.mark.parametrize("limit", [50, 100, 101, 300, 740, 957])
def test_the_fewest_shards_that_reach_a_limit(limit: float) -> None:
    shards = shards_for(limit, ROUND)
    assert shards is not None
    assert rate_of(shards, ROUND) >= limit
    assert shards == 1 or rate_of(shards - 1, ROUND) < limit


@pytest.mark.parametrize("measured", [ROUND, MEASURED], ids=["round", "measured"])
def test_a_limit_that_so_many_reach_exactly_needs_no_more(measured: Measured) -> None:
    for shards in range(1, 200):
        assert shards_for(rate_of(shards, measured), measured) == shards


def test_what_no_number_of_shards_reaches() -> None:
    assert shards_for(1000, ROUND) is None


def test_a_slow_server_is_a_limit() -> None:
    assert behind_latency(0.001, ROUND) == 100
    assert behind_latency(3200, ROUND._replace(bytes_per_event=1)) == 64 * BATCH_EVENTS_MAX / 3200
    assert behind_latency(3200, ROUND._replace(bytes_per_event=1 << 10)) == (32 << 10) / 3200


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1.0 s"), (119, "119 s"), (120, "2.0 min"), (7200, "2.0 h"), (86400 * 23, "23 days")],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text
