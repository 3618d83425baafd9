"""The progress bar: drawn by a thread of its own, while this process has the terminal to itself.

The one file that knows rich, which is imported only when a bar is drawn.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final, Self

from ours_cli.process.signals import leaving_terminal
from ours_cli.reports.progress import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

SHOW_CURSOR: Final = "\x1b[?25h"

_STDERR: Final = 2
_DRAWINGS_PER_S: Final = 5
_PATIENCE_S: Final = 1.0

_ROOM_FOR_TIME_LEFT: Final = 60
"""Width of a terminal from which on the bar keeps room for the time left."""


class Bar:
    """Draws how a run stands, and lines above it; a context manager, of the main thread.

    While another process has the terminal (`bg`), nothing is drawn, and lines go through `write_plainly`.
    Ctrl-Z and Ctrl-\\ give the terminal back first.
    """

    def __init__(self, progress: Progress, write_plainly: Callable[[str], None]) -> None:
        self._progress = progress
        self._write_plainly = write_plainly
        # A signal handler of the main thread may come while that thread writes a line.
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._draw_until_over, daemon=True)
        self._signals = ExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        self._signals.enter_context(leaving_terminal(self._away))
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        self._thread.join()
        with self._signals:
            self._erase()

    def write(self, text: str) -> None:
        """Write a line above the bar, so that neither tears the other."""
        with self._lock:
            if self._live is not None and _is_in_foreground():
                self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
            else:
                self._write_plainly(text)

    def _draw_until_over(self) -> None:
        while not self._is_over.wait(1 / _DRAWINGS_PER_S):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        if not _is_in_foreground():
            self._live = None  # where it was, another process writes by now
            return
        if self._live is None:
            self._live = _live(self._progress)
            self._live.start()
        self._live.refresh()

    def _erase(self) -> None:
        live, self._live = self._live, None
        if live is not None and _is_in_foreground():
            live.stop()

    @contextmanager
    def _away(self) -> Iterator[None]:
        """Nothing is drawn meanwhile, and the cursor is to be seen."""
        # A terminal that takes no more may hold the drawing thread for ever: the signal must be obeyed.
        has_lock = self._lock.acquire(timeout=_PATIENCE_S)
        try:
            if self._live is not None:
                if has_lock:
                    self._erase()
                # rich keeps what it has to say until a line is whole, if it was interrupted in one.
                write_at_once(SHOW_CURSOR)
            yield
        finally:
            if has_lock:
                self._lock.release()


def write_at_once(text: str, to: int = _STDERR) -> None:
    """Write to stderr or stdout past all buffers and locks, for a signal handler; not where it would wait."""
    with suppress(OSError, ValueError):
        if sys.platform == "win32" or select.select([], [to], [], 0)[1]:
            os.write(to, text.encode())


def _is_in_foreground() -> bool:
    """Whether no other process has the terminal of stderr."""
    if sys.platform == "win32":
        return True
    try:
        # 0 stands for a group that cannot be seen from within a container.
        return os.tcgetpgrp(_STDERR) in (0, os.getpgrp())
    except OSError:  # it is not the terminal that this process was started from: no shell shares it
        return True


def _live(progress: Progress) -> Live:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)

    def draw() -> RenderableType:
        progress.measure()
        return screen(progress, console.width)

    return Live(
        get_renderable=draw,
        console=console,
        auto_refresh=False,
        transient=True,
        # stdout is for the result alone.
        redirect_stdout=False,
        redirect_stderr=False,
    )


def screen(progress: Progress, width: int) -> RenderableType:
    """The bar by bytes, the figures below it, and why the run waits; in colours that suit light and dark."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table as Grid
    from rich.text import Text

    def line(text: str, style: str = "") -> Text:
        return Text(text, style, no_wrap=True, overflow="ellipsis")

    if not progress.has_begun:
        return line("waiting for the first row")
    grid = Grid.grid(padding=(0, 1), expand=True)
    grid.add_column(max_width=max(8, width // 3), no_wrap=True, overflow="ellipsis")
    grid.add_column(ratio=1)
    cells: list[RenderableType] = [line(progress.name)]
    share = progress.share
    if share is None:
        cells.append(line(progress.so_far))
    else:
        # The rest of the bar is dim in the terminal's own colour: rich's dark grey is loud on a light one.
        cells += [ProgressBar(total=1.0, completed=share, style="dim"), line(f"{share:>4.0%}")]
        if width >= _ROOM_FOR_TIME_LEFT:
            cells.append(line(progress.left))
    grid.add_row(*cells)
    texts = (line(progress.figures(width)), line(progress.pause, "bold"))
    return Group(grid, *filter(None, texts))
