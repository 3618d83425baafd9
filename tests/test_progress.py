"""The figures of a run in mid-run, by a test's own clock; and what stands where nothing can be drawn."""

from __future__ import annotations

import gzip
import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import Ours, StartSandbox

from ours_cli.bar import screen
from ours_cli.console import Console
from ours_cli.events.outcome import Traffic
from ours_cli.record import Table
from ours_cli.reports.progress import Progress
from ours_cli.reports.report import Books


class Clock:
    """A clock that stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def table(name: str = "a.csv", size: int | None = 1000, position: int = 0, taken: int = 0) -> Table:
    return Table(name, "csv", ("x",), size=size, position=lambda: position, taken=taken)


def books(read: int, accepted: int, rejected: int = 0) -> Books:
    return Books(read=read, accepted=accepted, rejected=rejected, unsent=read - accepted - rejected)


def test_what_is_done_is_what_has_its_outcome() -> None:
    progress = Progress(1, 1000, Clock())
    progress.table(table(position=800, taken=200))
    assert progress.share == 0.8
    progress.books(books(100, 40, 10), Traffic(accepted=40))
    assert progress.share == 0.2  # 50 of 200 rows that were 800 bytes, though only 100 are on their way yet


def test_files_that_are_read_are_done_once_their_rows_are() -> None:
    progress = Progress(3, 4000, Clock())
    progress.table(table("a.csv", 1000, 1000, taken=100))
    progress.table(table("empty.csv", 0, 0))
    progress.table(table("b.csv", 2000, 1000, taken=10))
    shares = []
    for settled in (0, 50, 100, 105, 110):
        progress.books(books(110, settled), Traffic())
        shares.append(progress.share)
    assert shares == [0, 0.125, 0.25, 0.375, 0.5]


def test_a_limit_is_the_whole_where_it_comes_before_the_end() -> None:
    for limit, share in ((20, 0.5), (1000, 0.1), (0, 0.1)):
        progress = Progress(1, 1000, Clock(), limit)
        progress.table(table(position=200, taken=20))
        progress.books(books(20, 10), Traffic())
        assert progress.share == share


def test_what_was_done_before_says_nothing_of_the_time_left() -> None:
    clock = Clock()
    progress = Progress(1, 1000, clock)
    progress.table(table(position=1000, taken=1000))
    known = books(0, 0)
    progress.books(known, Traffic())
    for _ in range(3):  # an earlier attempt's rows are passed over
        progress.measure()
        clock.now += 1
        known.read, known.accepted, known.replays = (
            count + 200 for count in (known.read, *[known.accepted] * 2)
        )
    progress.measure()
    assert progress.left == ""
    for _ in range(10):
        clock.now += 1
        known.accepted += 10
        progress.measure()
    assert progress.left == "0:30 left"


def test_several_files_are_one_whole() -> None:
    progress = Progress(3, 4000, Clock())
    progress.table(table("a.csv", 1000, 1000))
    assert progress.name == "a.csv (1 of 3)"
    progress.table(table("b.csv", 2000, 1000))
    assert (progress.name, progress.share) == ("b.csv (2 of 3)", 0.5)


def test_speed_and_time_left_are_of_the_last_seconds() -> None:
    clock = Clock()
    progress = Progress(1, 10_000, clock)
    where, traffic = [0], Traffic(concurrency=4)
    progress.table(Table("a.csv", "csv", ("x",), size=10_000, position=lambda: where[0]))
    progress.books(books(0, 0), traffic)
    assert progress.left == ""
    for _ in range(100):
        progress.measure()
        clock.now += 1
        where[0] += 10
        traffic.accepted += 5
    clock.now += 1
    for _ in range(40):  # slower by half from here on
        progress.measure()
        clock.now += 2
        where[0] += 10
        traffic.accepted += 5
    progress.measure()
    assert "2 events/s" in progress.figures()  # 2.5
    assert progress.left == "28:40 left"  # 8,600 bytes at 5 a second
    progress.wait("the server answered 503", 30)
    assert progress.left == ""
    clock.now += 18
    assert progress.pause == "next try in 12 s: the server answered 503"
    clock.now += 12
    assert progress.pause == ""


def test_an_empty_file_is_done_and_a_pipe_is_never() -> None:
    empty, pipe = Progress(1, 0, Clock()), Progress(1, None, Clock())
    empty.table(table(size=0))
    pipe.table(table("standard input", None, 3 * 2**19))
    assert (empty.share, pipe.share, pipe.left) == (1.0, None, "")
    assert pipe.so_far == "1.5 MiB so far"


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (100, "1,200 read · 1,000 accepted · 30 rejected · 4 at a time · 2 sent again"),
        (60, "1,200 read · 1,000 accepted · 30 rejected · 4 at a time"),
        (45, "1,200 read · 1,000 accepted · 30 rejected"),
        (30, "1,000 accepted · 30 rejected"),
        (5, "1,000 accepted"),
    ],
)
def test_what_matters_less_goes_first(width: int, shown: str) -> None:
    progress = Progress(1, 1000, Clock())
    progress.books(books(1200, 1000, 30), Traffic(accepted=1000, concurrency=4, retries=2))
    assert progress.figures(width) == shown


@pytest.mark.parametrize(
    ("verbose", "quiet", "wanted", "expected"),
    [
        (True, False, None, True),
        (False, False, True, True),
        (False, False, None, False),
        (True, True, None, False),
        (True, False, False, False),
        (False, True, True, False),
    ],
)
def test_a_line_now_and_then_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    verbose: bool,
    quiet: bool,
    wanted: bool | None,
    expected: bool,
) -> None:
    clock = Clock()
    monkeypatch.setattr("ours_cli.console.time", SimpleNamespace(monotonic=clock))
    console = Console(verbose=verbose, quiet=quiet)
    with console.progress(2, 2000, wanted=wanted) as observer:
        observer.table(table(position=500))
        for read in range(1, 26):
            clock.now += 1
            observer.books(books(read, read), Traffic(accepted=read, concurrency=1))
    lines = capsys.readouterr().err.splitlines()
    assert lines == (
        [
            "a.csv (1 of 2) · 25% · 10 read · 10 accepted · 1 at a time",
            "a.csv (1 of 2) · 25% · 20 read · 20 accepted · 1 events/s · 1 at a time",
        ]
        if expected
        else []
    )


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_colours_are_seen_on_a_light_ground_and_on_a_dark_one(share: float) -> None:
    """What has a colour of its own stands out from white and from black (WCAG: 3 to 1 at least)."""
    from rich.color import ColorType
    from rich.console import Console as RichConsole

    progress = Progress(1, 1000, Clock())
    progress.table(table(position=round(1000 * share)))
    progress.wait("the server answered 429", 32)
    terminal = RichConsole(force_terminal=True, color_system="truecolor", width=80)
    segments = [part for part in terminal.render(screen(progress, 80)) if part.text.strip()]
    colours = [part.style.color for part in segments if part.style and part.style.color]
    assert colours
    for colour in colours:
        if colour.type is not ColorType.DEFAULT:
            light = luminance(colour.get_truecolor())
            assert min(1.05 / (light + 0.05), (light + 0.05) / 0.05) >= 3, colour
    assert not any(part.style and part.style.bgcolor for part in segments)


def luminance(colour: tuple[int, int, int]) -> float:
    """How bright a colour is, from 0 to 1, as WCAG reckons it."""
    parts = [part / 255 for part in colour]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


ROWS = 6_000

FORMS = {
    "csv": ("six.csv",),
    "gzip": ("six.csv.gz",),
    "ndjson": ("six.ndjson",),
    "json": ("six.json",),
    "files": ("one.csv", "two.csv"),
    "workers": ("six.csv", "--workers", "2"),
    "workers-json": ("six.json", "--workers", "2"),
    "limit": ("six.csv", "--limit", "1500"),
}
SKIP_WORKERS = pytest.mark.skipif(sys.platform == "win32", reason="workers are forked")


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=[SKIP_WORKERS] if "workers" in form else []) for form in FORMS]
)
def test_the_share_is_that_of_the_rows_that_are_settled(
    form: str, ours: Ours, sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a few hundred kilobytes is read at once: its share must not say so."""
    sandbox()
    now = time.time()
    rows = [
        {"event": "Visit", "time": round(1000 * (now - number)), "externalId": f"u{number}"}
        for number in range(ROWS)
    ]
    header = "event,time,externalId"
    lines = [",".join(map(str, row.values())) for row in rows]
    whole = "\n".join([header, *lines, ""])
    (tmp_path / "six.csv").write_text(whole)
    (tmp_path / "six.csv.gz").write_bytes(gzip.compress(whole.encode()))
    (tmp_path / "one.csv").write_text("\n".join([header, *lines[:1000], ""]))
    (tmp_path / "two.csv").write_text("\n".join([header, *lines[1000:], ""]))
    (tmp_path / "six.ndjson").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "six.json").write_text(json.dumps(rows))
    monkeypatch.setattr("ours_cli.console._LINE_EVERY_S", 0.0)
    monkeypatch.chdir(tmp_path)
    ended = ours(
        *("backfill", *FORMS[form], "--progress"),
        *("--batch-size", "50", "--concurrency", "2"),
    )
    assert ended.code == 0, ended.err
    shown = re.findall(r"· (\d+)% · .*?([\d,]+) accepted", ended.err)
    seen = [(int(share) / 100, int(accepted.replace(",", ""))) for share, accepted in shown]
    total = 1500 if form == "limit" else ROWS
    assert len(seen) >= total // 50
    wrong = [(share, accepted / total) for share, accepted in seen if abs(share - accepted / total) > 0.05]
    assert not wrong
    assert seen[-1] == (1.0, total)
