"""What a person sees: results on stdout, everything else on stderr; the one file that knows rich.

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

from ours_cli.errors import LocalIOError, OursError, reason
from ours_cli.escape import printable
from ours_cli.reports.progress import Standing
from ours_cli.wrapping import folded_all, says_a_command

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from ours_cli.outcome import Traffic
    from ours_cli.pipeline import Observer
    from ours_cli.record import Table
    from ours_cli.reports.report import Books

_WIDTH_MIN: Final = 40
"""The narrowest width that lines are folded to; a narrower terminal folds them itself."""

_DRAWINGS_PER_S: Final = 5

_LINE_EVERY_S: Final = 10.0
"""Seconds between two progress lines where no bar can be drawn."""

_ROOM_FOR_TIME_LEFT: Final = 60
"""Width of a terminal from which on the bar keeps room for the time left."""


class Console:
    """Writes for one command. `quiet` silences notes and progress, never results, warnings or errors."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.warnings: list[str] = []
        self._noted: set[str] = set()
        self._write: Callable[[str], None] = _to_stderr

    @property
    def width(self) -> int | None:
        """Columns available to a result, or None without a terminal: lines stay whole there."""
        return _width(sys.stdout)

    @property
    def aside_width(self) -> int | None:
        """The same for what goes to stderr."""
        return _width(sys.stderr)

    def result(self, text: str) -> None:
        """The result, on stdout; raises `LocalIOError`, or `BrokenPipeError` where its reader has left."""
        _to_stdout(text + "\n")

    def aside(self, text: str) -> None:
        """A result on stderr, where stdout carries the rejects; lost where stderr takes nothing."""
        _to_stderr(text)

    def end(self) -> None:
        """Flush what others have written to stdout; raises as `result` does."""
        _to_stdout("")

    def note(self, text: str) -> None:
        """Something worth knowing, on stderr; silenced by --quiet."""
        if not self.quiet:
            self._say(text)

    def note_once(self, text: str) -> None:
        """As `note`, for what a command may come upon again."""
        if text not in self._noted:
            self._noted.add(text)
            self.note(text)

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
    def progress(
        self,
        files: int = 1,
        size: int | None = None,
        *,
        limit: int | None = None,
        wanted: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Iterator[Observer]:
        """Observe a run: a bar on a terminal; elsewhere a line now and then, with --verbose or `wanted`.

        `files` is how many sources there are and `size` their bytes, None where that is not known; `limit` is
        the number of rows after which the run ends.
        """
        standing = Standing(files, size, clock, limit)
        if self.quiet or wanted is False:
            yield _Plain(self, standing, lambda _: None)
        elif not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield _Plain(self, standing, self.note if wanted else self.detail, clock)
        else:
            with _live(standing) as live:
                self._write = _above(live)
                try:
                    yield _Observing(self, standing)
                finally:
                    self._write = _to_stderr


class _Observing:
    """Passes what happens on to the standing, and prints what was detected."""

    def __init__(self, console: Console, standing: Standing) -> None:
        self._console = console
        self._standing = standing

    def table(self, table: Table) -> None:
        for note in table.notes:
            # A file whose run turns out to be another one is opened again.
            self._console.note_once(f"{table.name}: {note}")
        self._standing.table(table)

    def books(self, books: Books, traffic: Traffic) -> None:
        self._standing.books(books, traffic)

    def wait(self, reason: str, seconds: float) -> None:
        self._standing.wait(reason, seconds)

    def warn(self, text: str) -> None:
        self._console.warn(text)


class _Plain(_Observing):
    """Without a terminal: a line now and then while the run is long; pauses with --verbose."""

    def __init__(
        self,
        console: Console,
        standing: Standing,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console, standing)
        self._say = say
        self._clock = clock
        self._said = clock()

    def books(self, books: Books, traffic: Traffic) -> None:
        super().books(books, traffic)
        if (now := self._clock()) - self._said >= _LINE_EVERY_S:
            self._said = now
            self._standing.measure()
            self._say(self._standing.sentence())

    def wait(self, reason: str, seconds: float) -> None:
        super().wait(reason, seconds)
        self._console.detail(f"{reason}; next try in {seconds:.1f} s")


def _live(standing: Standing) -> Live:
    from rich.console import Console as RichConsole
    from rich.live import Live

    console = RichConsole(stderr=True)

    def draw() -> RenderableType:
        standing.measure()
        return screen(standing, console.width)

    return Live(
        get_renderable=draw,
        console=console,
        refresh_per_second=_DRAWINGS_PER_S,
        transient=True,
        # stdout is for the result alone.
        redirect_stdout=False,
        redirect_stderr=False,
    )


def screen(standing: Standing, width: int) -> RenderableType:
    """The bar by bytes, the figures below it, and why the run waits; in colours that suit light and dark."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table as Grid
    from rich.text import Text

    def line(text: str, style: str = "") -> Text:
        return Text(text, style, no_wrap=True, overflow="ellipsis")

    if not standing.has_begun:
        return line("waiting for the first row")
    grid = Grid.grid(padding=(0, 1), expand=True)
    grid.add_column(max_width=max(8, width // 3), no_wrap=True, overflow="ellipsis")
    grid.add_column(ratio=1)
    cells: list[RenderableType] = [line(standing.name)]
    share = standing.share
    if share is None:
        cells.append(line(standing.so_far))
    else:
        # The rest of the bar is dim in the terminal's own colour: rich's dark grey is loud on a light one.
        cells += [ProgressBar(total=1.0, completed=share, style="dim"), line(f"{share:>4.0%}")]
        if width >= _ROOM_FOR_TIME_LEFT:
            cells.append(line(standing.left))
    grid.add_row(*cells)
    below = [line(text) for text in [standing.figures(width)] if text]
    below += [line(text, "bold") for text in [standing.pause] if text]
    return Group(grid, *below)


def _above(live: Live) -> Callable[[str], None]:
    """Write lines above the bar, so that neither tears the other."""

    def write(text: str) -> None:
        live.console.print(text, markup=False, highlight=False, soft_wrap=True)

    return write


def _width(stream: TextIO | None) -> int | None:
    if stream is None or not stream.isatty():
        return None
    return max(shutil.get_terminal_size().columns, _WIDTH_MIN)


def _to_stdout(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget(sys.stdout)
        raise unwritten_result(error) from None


def unwritten_result(error: OSError) -> LocalIOError:
    """The error where standard output takes no more of a result."""
    return LocalIOError(
        f"the result cannot be written: {reason(error)}", hint="is the disk full? send it elsewhere"
    )


def forget(stream: TextIO) -> None:
    """Point a standard stream at nothing, so that Python's own flush at exit does not complain again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _to_stderr(text: str) -> None:
    """A note that finds no room must cost neither the result nor the exit code: rows have been sent."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        forget(sys.stderr)
