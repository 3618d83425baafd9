"""What a person sees: results on stdout, all else on stderr; the one file that knows rich.

rich is imported only when a progress bar is drawn.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from ours_cli.errors import OursError
from ours_cli.escape import printable
from ours_cli.wrapping import folded_all, says_a_command

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ours_cli.outcome import Traffic
    from ours_cli.pipeline import Observer
    from ours_cli.record import Table
    from ours_cli.report import Books

_WIDTH_MIN: Final = 40
"""Columns that lines are folded to at least; a narrower terminal folds them itself."""

_REFRESH_S: Final = 0.1
"""Seconds between two drawings of the bar."""


class Console:
    """Writes for one command. `quiet` silences notes and progress, never results, warnings or errors."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.warnings: list[str] = []
        self._write: Callable[[str], None] = _to_stderr

    @property
    def width(self) -> int | None:
        """Columns that a result has, or None where it goes to no terminal: lines stay whole there."""
        return _width(sys.stdout)

    @property
    def aside_width(self) -> int | None:
        """The same for what goes to stderr."""
        return _width(sys.stderr)

    def result(self, text: str) -> None:
        """The result, on stdout."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def aside(self, text: str) -> None:
        """A result on stderr, where stdout carries the rejects."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def note(self, text: str) -> None:
        """Something worth knowing, on stderr; silenced by --quiet."""
        if not self.quiet:
            self._say(text)

    def detail(self, text: str) -> None:
        """Something that only --verbose shows."""
        if self.verbose and not self.quiet:
            self._say(text)

    def warn(self, text: str) -> None:
        """Something the person should look at; kept for the report's `warnings` too."""
        if text not in self.warnings:
            self.warnings.append(text)
            self._say(f"warning: {text}")

    def error(self, error: OursError) -> None:
        """The error that ended the command, and what to do instead."""
        self._say(f"error: {error.message}")
        if error.hint:
            self._say(f"hint: {error.hint}")

    def _say(self, text: str) -> None:
        text = printable(text)
        width = None if says_a_command(text) else _width(sys.stderr)
        self._write("\n".join(folded_all(text.split("\n"), width)))

    @contextmanager
    def progress(self) -> Iterator[Observer]:
        """Observe a run: a bar on a terminal, plain notes elsewhere."""
        if self.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield _Plain(self)
            return
        with _bar() as bar:
            self._write = _above(bar)
            try:
                yield _Live(self, bar)
            finally:
                self._write = _to_stderr


def _announce(console: Console, table: Table) -> None:
    for note in table.notes:
        console.note(f"{table.name}: {note}")


class _Plain:
    """No terminal: says what was detected, and pauses only with --verbose."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def table(self, table: Table) -> None:
        _announce(self._console, table)

    def books(self, books: Books, _traffic: Traffic) -> None:
        """Nothing to draw on."""

    def wait(self, reason: str, seconds: float) -> None:
        self._console.detail(f"{reason}; next try in {seconds:.1f} s")

    def warn(self, text: str) -> None:
        self._console.warn(text)


class _Live:
    """A bar by bytes read, with the books beside it."""

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console = console
        self._bar = bar
        self._task: TaskID | None = None
        self._table: Table | None = None
        self._drawn = 0.0

    def table(self, table: Table) -> None:
        _announce(self._console, table)
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._table = table
        self._task = self._bar.add_task(printable(table.name), total=table.size, books="", state="")

    def books(self, books: Books, traffic: Traffic) -> None:
        now = time.monotonic()
        if self._task is None or self._table is None or now - self._drawn < _REFRESH_S:
            return
        self._drawn = now
        self._bar.update(
            self._task, completed=self._table.position(), books=_books_line(books, traffic), state=""
        )
        self._bar.refresh()

    def wait(self, reason: str, seconds: float) -> None:
        if self._task is not None:
            self._bar.update(self._task, state=f"{reason}; next try in {seconds:.0f} s")
            self._bar.refresh()

    def warn(self, text: str) -> None:
        self._console.warn(text)


def _books_line(books: Books, traffic: Traffic) -> str:
    rejected = f" · {books.rejected:,} rejected" if books.rejected else ""
    return f"{books.read:,} read · {books.accepted:,} accepted{rejected} · {traffic.concurrency} at a time"


def _bar() -> Progress:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[books]}", markup=False),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[state]}", markup=False, style="yellow"),
        console=RichConsole(stderr=True),
        auto_refresh=False,
        transient=True,
    )


def _above(bar: Progress) -> Callable[[str], None]:
    """Write lines above the bar, so that neither tears the other."""

    def write(text: str) -> None:
        bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    return write


def _width(stream: TextIO | None) -> int | None:
    if stream is None or not stream.isatty():
        return None
    return max(shutil.get_terminal_size().columns, _WIDTH_MIN)


def _to_stderr(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
