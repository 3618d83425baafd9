"""Writes the pictures of the README, `samples/screens/*.svg`: `python tests/make_screenshots.py`.

The dry run is the program's own output on a terminal of 80 columns; progress and report are drawn by the
program from figures that stand here, so that no clock is in them.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, RenderableType
from rich.text import Text

from ours_cli.bar import screen
from ours_cli.events.outcome import Traffic
from ours_cli.record import Table
from ours_cli.reports.progress import Progress
from ours_cli.reports.report import Books, Report
from ours_cli.reports.report_text import report_text
from ours_cli.rows.reject_hints import reject_hints

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "samples" / "screens"
WIDTH = 80

DRY_RUN = "ours backfill samples/orders.csv --map samples/orders.toml --max-age none --dry-run"
FORTY = "ours backfill 'exports/*.csv' --map orders.toml --test"
ENDPOINT = "https://api.oursprivacy.com/api/v1 (Test Mode)"


def screenshots() -> dict[str, str]:
    """Each picture by the name of its file."""
    return {
        "dry-run.svg": svg("dry-run", DRY_RUN, Text(dry_run())),
        "progress.svg": svg("progress", FORTY, progress()),
        "report.svg": svg("report", FORTY, Text(report())),
    }


def dry_run() -> str:
    """What the program shows, up to the first of its examples."""
    shown = on_terminal(*DRY_RUN.split()[1:])
    head, brace, _ = shown.partition("\n}\n")
    return head + brace + "..."


def progress() -> RenderableType:
    """The progress in mid-run, while the server asks to wait."""
    clock = iter(range(100, 200, 20)).__next__
    progress = Progress(40, 52_000_000, clock)
    traffic = Traffic(concurrency=8, retries=2)
    for number in range(1, 18):
        name = f"exports/2026-03-{number:02}.csv"
        table = Table(name, "csv", ("order_id",), size=1_300_000, position=lambda: 700_000)
        progress.table(table)
    progress.books(Books(read=211_400, accepted=208_310, rejected=90, unsent=3_000), traffic)
    progress.measure()
    traffic.accepted = 61_500
    progress.measure()
    progress.wait("the server answered 429", 32)
    return screen(progress, WIDTH)


def report() -> str:
    """The report of a run with some rejects."""
    rejects = "/home/me/.local/state/ours/runs/20260309T021500Z-5f3638/rejects.csv"
    books = Books(read=498_200, accepted=497_988, rejected=212)
    books.codes = Counter({"bad_number": 180, "missing_identifier": 32})
    done = Report(
        command="backfill",
        run="20260309T021500Z-5f3638",
        status="partial",
        books=books,
        traffic=Traffic(requests=1_011, retries=12, bytes=136_000_000, accepted=497_988),
        duration_s=163.4,
        rejects_file=rejects,
        mend=f"ours backfill {rejects} --map orders.toml --test",
        hints=reject_hints("backfill", {"externalId": "{customer_id}"}, ()),
    )
    return report_text(done, ENDPOINT, None, WIDTH)


def on_terminal(*arguments: str) -> str:
    """The stdout of a command that runs on a terminal of this width."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ours_cli", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH)},
    )
    os.close(child)
    seen = b""
    while part := _read(parent):
        seen += part
    os.close(parent)
    process.wait()
    return seen.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the last writer has gone
        return b""


def svg(name: str, command: str, shown: RenderableType) -> str:
    """The picture of a terminal on which the command was typed. It fetches nothing, no fonts either."""
    console = Console(
        record=True,
        width=WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        highlight=False,
        legacy_windows=False,
    )
    console.print(Text(f"$ {command}"), shown, sep="\n", soft_wrap=False)
    frame = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    text = console.export_svg(title="ours", code_format=frame, unique_id=f"ours-{name}")
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in screenshots().items():
        (FOLDER / file).write_text(text, "utf-8")
