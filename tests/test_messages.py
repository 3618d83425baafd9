"""Every message that the program can print: reviewed as a list, in one voice; and typos are answered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Ours
from make_messages import FILE, messages

LINES = [line for line in FILE.read_text("utf-8").splitlines() if line and not line.startswith("[")]
TEXTS = [(kind, text) for kind, _, text in (line.partition(": ") for line in LINES)]


def test_the_list_is_what_the_source_holds() -> None:
    assert FILE.read_text("utf-8") == messages(), "look at the change, then: python tests/make_messages.py"


def test_the_list_is_not_blind() -> None:
    kinds = {kind for kind, _ in TEXTS}
    assert kinds == {"error", "hint", "warning", "note", "detail", "reason", "reject", "finding"}
    assert len(TEXTS) > 250


def test_one_voice() -> None:
    wrong = [
        text
        for _, text in TEXTS
        if text.strip() != text
        or (text.endswith(".") and not text.endswith("..."))
        or re.match(r"[A-Z][a-z]+ [a-z]", text)
        or re.search(r"\b(oops|sorry|illegal|fatal|abort)", text, re.IGNORECASE)
        or "\\n" in text
    ]
    assert wrong == [], "no full stop, no capital at the beginning, one line, no alarm"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (("bacfill",), "did you mean 'ours backfill'?"),
        (("zzz",), "the commands are track, identify"),
        (("--versoin",), "did you mean --version?"),
        (("track", "A", "--extrenal-id", "c"), "did you mean --external-id?"),
        (("backfill", "x.csv", "--concurency", "3"), "did you mean --concurrency?"),
        (("runs", "lst"), "did you mean list?"),
        (("track", "A", "-o", "jsn"), "did you mean json?"),
        (("track", "A", "-o", "xyz"), "one of text, json"),
        (("help", "tempaltes"), "did you mean 'ours help templates'?"),
        (("help", "trakc"), "did you mean 'ours help track'?"),
        (("track", "A", "-u", "firstName=Ada", "--email", "a@b.c"), "first_name"),
    ],
)
def test_the_nearest_is_suggested(ours: Ours, typed: tuple[str, ...], hint: str) -> None:
    ended = ours(*typed)
    assert ended.code == 2
    assert hint in ended.err.partition("hint: ")[2]


def test_a_profile_is_suggested(ours: Ours, home: Path) -> None:
    config = home / "config" / "ours" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[profiles.clinic]\ntoken = "x"\n')
    config.chmod(0o600)
    ended = ours("track", "A", "--external-id", "c", "--profile", "clinc")
    assert ended.code == 2
    assert "did you mean 'clinic'?" in ended.err


def test_a_number_that_is_none(ours: Ours) -> None:
    ended = ours("batch", "x.ndjson", "--batch-size", "abc")
    assert ended.code == 2
    assert "error: invalid value for '--batch-size': 'abc' is not a whole number" in ended.err
