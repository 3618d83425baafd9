"""A server whose clock is not this machine's: said, because it judges the times of rows."""

from __future__ import annotations

from typing import Final

CLOCK_SKEW_S: Final = 60.0
"""Seconds by which clocks may differ before the person is warned."""


def clock_warning(skew_s: float) -> str | None:
    """Contract: `time` is judged by the server's clock, so one that disagrees rejects good rows.

    `skew_s` is how far the server's clock is ahead.
    """
    if abs(skew_s) <= CLOCK_SKEW_S:
        return None
    ahead = "ahead of" if skew_s > 0 else "behind"
    return (
        f"the server's clock is {abs(skew_s):,.0f} s {ahead} this machine's: times are judged by the server's"
    )
