"""What a person sees: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from ours_cli.bar import SHOW_CURSOR, Bar, write_at_once
from ours_cli.errors import LocalIOError, OursError, reason
from ours_cli.process.standard_streams import for_programs
from ours_cli.reports.progress import Progress
from ours_cli.wording.escape import printable
from ours_cli.wording.wrapping import folded_all, says_a_command

if TYPE_CHECKING:
    from ours_cli.events.outcome import Traffic
    from ours_cli.pipeline import Observer
    from ours_cli.record import Table
    from ours_cli.reports.report import Books

_WIDTH_MIN: Final = 40
"""The narrowest width that lines are folded to; a narrower terminal folds them itself."""

_LINE_EVERY_S: Final = 10.0
"""Seconds between two progress lines where no bar can be drawn."""


class Console:
    """Writes for one command. `quiet` silences notes and progress, never results, warnings or errors."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.warnings: list[str] = []
        self.last_result: Callable[[OursError], tuple[int, str]] | None = None
        """For programs, what is written where if a second signal cuts the command off."""
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

    def data(self, text: str, *, aside: bool = False) -> None:
        """A result that programs read, such as JSON; on stdout as `result`, or `aside`."""
        for_programs(sys.stderr if aside else sys.stdout)
        (self.aside if aside else self.result)(text)

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

    def note_typing(self, what: str) -> None:
        """Say what is waited for where standard input is a terminal: nothing else there would."""
        if sys.stdin is not None and sys.stdin.isatty():
            self.note(f"standard input is this terminal: type {what}, then Ctrl-D")

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

    def last_words(self, error: OursError) -> None:
        """The same in one line, from a signal handler: whatever it interrupted may hold the buffers."""
        write_at_once(printable(f"{error.message}; {error.hint}") + "\n")
        if self.last_result is not None:
            to, text = self.last_result(error)
            write_at_once(text + "\n", to)

    def _say(self, text: str) -> None:
        text = printable(text)
        width = None if says_a_command(text) else _width(sys.stderr)
        # Most of all the paths that were typed: one with blanks must not be broken there.
        typed = [printable(word) for word in sys.argv[1:] if " " in word.strip()]
        self._write("\n".join(folded_all(text.split("\n"), width, typed)))

    @contextmanager
    def progress(
        self,
        files: int = 1,
        size: int | None = None,
        *,
        limit: int | None = None,
        wanted: bool | None = None,
    ) -> Iterator[Observer]:
        """Observe a run: a bar on a terminal; elsewhere a line now and then, with --verbose or `wanted`.

        `files` is how many sources there are and `size` their bytes, None where that is not known; `limit` is
        the number of rows after which the run ends.
        """
        progress = Progress(files, size, time.monotonic, limit)
        if self.quiet or wanted is False:
            yield _Plain(self, progress, lambda _: None)
        elif not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield _Plain(self, progress, self.note if wanted else self.detail)
        else:
            with Bar(progress, _to_stderr) as bar:
                self._write = bar.write
                try:
                    yield _Observing(self, progress, is_drawn=True)
                finally:
                    self._write = _to_stderr


class _Observing:
    """Passes what happens on to the progress, and prints what was detected."""

    def __init__(self, console: Console, progress: Progress, *, is_drawn: bool) -> None:
        self._console = console
        self._progress = progress
        self._is_drawn = is_drawn

    def table(self, table: Table) -> None:
        for note in table.notes:
            # A file whose run turns out to be another one is opened again.
            self._console.note_once(f"{table.name}: {note}")
        self._progress.table(table)

    def books(self, books: Books, traffic: Traffic) -> None:
        self._progress.books(books, traffic)

    def wait(self, reason: str, seconds: float) -> None:
        self._progress.wait(reason, seconds)

    def trouble(self, text: str) -> None:
        if not self._is_drawn:  # a bar shows each pause, and why
            self._console.note(text)

    def warn(self, text: str) -> None:
        self._console.warn(text)

    def stopping(self) -> None:
        # Where nobody watches, nobody presses a key again.
        if sys.stderr.isatty():
            self._console.note("stopping once the answers on their way are in; Ctrl-C again stops at once")

    def cut_off(self, error: OursError) -> None:
        if self._is_drawn:
            # The terminal must get its cursor back.
            write_at_once(f"\n{SHOW_CURSOR}")
        self._console.last_words(error)


class _Plain(_Observing):
    """Without a terminal: a line now and then while the run is long; pauses with --verbose."""

    def __init__(self, console: Console, progress: Progress, say: Callable[[str], None]) -> None:
        super().__init__(console, progress, is_drawn=False)
        self._say = say
        self._said = time.monotonic()

    def books(self, books: Books, traffic: Traffic) -> None:
        super().books(books, traffic)
        if (now := time.monotonic()) - self._said >= _LINE_EVERY_S:
            self._said = now
            self._progress.measure()
            self._say(self._progress.sentence())

    def wait(self, reason: str, seconds: float) -> None:
        super().wait(reason, seconds)
        self._console.detail(f"{reason}; next try in {seconds:.1f} s")


def _width(stream: TextIO | None) -> int | None:
    if stream is None or not stream.isatty():
        return None
    return max(shutil.get_terminal_size().columns, _WIDTH_MIN)


def _to_stdout(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        forget(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise unwritten_result(error) from None


def unwritten_result(error: OSError) -> LocalIOError:
    """The error where standard output takes no more of a result."""
    found = LocalIOError(
        f"the result cannot be written: {reason(error)}", hint="is the disk full? send it elsewhere"
    )
    found.in_result = True  # --report has it, and must keep it
    return found


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
