"""Durations as typed on the command line: "60ms", "90s", "5m", "2h", "30d", or bare seconds."""

from __future__ import annotations

import math
import re
from typing import Final

DAY_MS: Final = 86_400_000
"""Milliseconds of a day."""


def age_text(age_ms: int) -> str:
    """An age in days, or where it is less than one in hours or seconds."""
    if age_ms >= DAY_MS:
        return f"{age_ms / DAY_MS:g} days"
    hours = age_ms / 3_600_000
    return f"{hours:g} h" if hours >= 1 else f"{age_ms / 1000:g} s"


_UNIT_SECONDS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|[smhd]?)\s*", re.ASCII | re.IGNORECASE)


def parse_duration(text: str) -> float:
    """Read seconds from a number with ms, s, m, h, d or no unit; a ValueError's message is for people."""
    match = _DURATION.fullmatch(text)
    seconds = float(match["number"]) * _UNIT_SECONDS[match["unit"].lower()] if match else math.inf
    if math.isinf(seconds):
        raise ValueError("a duration is a number with ms, s, m, h or d, such as 90s, 5m, 1.5h or 30d")
    return seconds
