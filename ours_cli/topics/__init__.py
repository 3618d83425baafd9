"""Help topics that ship with the package: Markdown files beside this one, `ours help TOPIC` shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TOPICS: Final = {
    "how-it-works": "From a row to an accepted event, and what is guaranteed.",
    "templates": "Texts with {column} and filters: how columns become fields.",
    "properties": "Names of the visitor and default properties that the API knows.",
    "time": "How times are read, zones, and the window of 7 days.",
    "inspecting": "What inspect looks for, and how it proposes a mapping.",
    "delivery": "How each server answer is handled: retries, splits, stops.",
    "resume": "What happens when a run stops, and how to resume it.",
    "scaling": "Large histories: shards, how many pay off, time and costs.",
    "security": "Where the token and health data are, and where they never are.",
    "exit-codes": "What a command's exit code tells a script.",
}
"""Every topic and what it is about."""


def topic(name: str) -> str:
    """The Markdown of one of `TOPICS`."""
    return Path(__file__).with_name(f"{name}.md").read_text("utf-8")
