"""The pictures of the README are what the program shows: made again here, and compared."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from make_screenshots import FOLDER, ROOT, WIDTH, screenshots

MADE = screenshots()


def test_no_other_pictures() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_a_picture_is_what_the_program_shows(name: str) -> None:
    written = (FOLDER / name).read_text("utf-8")
    assert written == MADE[name], "look at the change, then: python tests/make_screenshots.py"


@pytest.mark.parametrize("name", MADE)
def test_a_picture_fetches_nothing_and_names_no_machine(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert not re.search(r"url\([\"']?http|<image|@import|<script", text)
    assert str(Path.home()) not in text
    assert str(ROOT) not in text


@pytest.mark.parametrize("name", MADE)
def test_a_picture_is_no_wider_than_its_terminal(name: str) -> None:
    rows: dict[str, str] = {}
    for y, part in re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>(.*?)</text>', MADE[name]):
        rows[y] = rows.get(y, "") + html.unescape(part)
    assert max(len(row.rstrip()) for row in rows.values()) <= WIDTH


@pytest.mark.parametrize("name", MADE)
def test_the_readme_shows_it(name: str) -> None:
    assert f"](samples/screens/{name})" in (ROOT / "README.md").read_text("utf-8")
