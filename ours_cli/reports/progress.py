"""How far a run is, in figures and words. Pure except for the clock it is given; the console draws it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from ours_cli.wording.escape import on_one_line

if TYPE_CHECKING:
    from ours_cli.events.outcome import Traffic
    from ours_cli.record import Table
    from ours_cli.reports.report import Books

_PACE_OVER_S: Final = 30.0
"""Speed and time left are measured over this many seconds: a pause long ago says nothing about now."""

_BETWEEN: Final = " · "


class Progress:
    """How far a run is: updated by the run, read by whoever shows it, which may be another thread.

    `files` are the sources in all, `size` their bytes, None where a pipe is among them; `limit` is after how
    many rows the run ends. `clock` gives seconds.

    Reading runs ahead of sending, and knows bytes; answers name rows. So a row is taken for as many bytes as
    the rows of its file have on average, and what is done are the bytes of the rows that are settled.
    """

    def __init__(
        self, files: int, size: int | None, clock: Callable[[], float], limit: int | None = None
    ) -> None:
        self._files = files
        self._size = size
        self._limit = limit
        self._clock = clock
        self._table: Table | None = None
        self._begun = 0
        self._behind: deque[_Read] = deque()  # tables that are read, but not settled
        self._settled = _Read(0, 0)  # all of the tables before them
        self._books: Books | None = None
        self._traffic: Traffic | None = None
        self._reason = ""
        self._paused_until = 0.0
        self._accepted = _Pace()
        self._shares = _Pace()
        self._replays = 0

    def table(self, table: Table) -> None:
        """A source begins; the one before it has been read."""
        if self._table is not None:
            self._behind.append(_Read(self._table.taken, self._table.size or self._table.position()))
        self._table = table
        self._begun += 1

    def books(self, books: Books, traffic: Traffic) -> None:
        """The books moved; they are looked at when they are shown."""
        self._books = books
        self._traffic = traffic

    def wait(self, reason: str, seconds: float) -> None:
        """The run pauses."""
        self._reason = reason
        self._paused_until = self._clock() + seconds

    def measure(self) -> None:
        """Look at the clock, for speed and time left; called before each showing."""
        now = self._clock()
        if self._traffic is not None:
            self._accepted.add(now, self._traffic.accepted)
        if self._books is not None and self._books.replays != self._replays:
            # What an earlier attempt did is passed over in no time: that says nothing of what is left.
            self._replays = self._books.replays
            self._shares = _Pace()
        share = self.share
        if share is not None:
            self._shares.add(now, share)

    @property
    def has_begun(self) -> bool:
        """Whether a source is open."""
        return self._table is not None

    @property
    def name(self) -> str:
        """The source that is read now, without its folders, and which of how many it is."""
        if self._table is None:
            return ""
        count = f" ({self._begun} of {self._files})" if self._files > 1 else ""
        return on_one_line(self._table.name.rpartition("/")[2]) + count

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None where the total is not known."""
        if self._size is None:
            return None
        share = self._done() / self._size if self._size else 1.0
        if self._limit:
            share = max(share, self._rows() / self._limit)
        return min(1.0, share)

    @property
    def so_far(self) -> str:
        """What is done of a source without a known end."""
        return f"{self._done() / 2**20:,.1f} MiB so far"

    @property
    def left(self) -> str:
        """The time left, or nothing while it cannot be told."""
        pace, share = self._shares.per_second(), self.share
        if share is None or pace is None or pace <= 0 or self.pause:
            return ""
        return f"{_clock_time((1 - share) / pace)} left"

    @property
    def pause(self) -> str:
        """Why the run waits and how long it still will, or nothing."""
        seconds = self._paused_until - self._clock()
        return f"next try in {seconds:.0f} s: {self._reason}" if seconds > 0 else ""

    def figures(self, width: int | None = None) -> str:
        """The books and the speed in one line, of `width` columns: what matters least is left out first."""
        books, traffic = self._books, self._traffic
        if books is None or traffic is None:
            return ""
        pace = self._accepted.per_second()
        # What is shown, and how much it matters: the first to go has the greatest number.
        parts = [(3, f"{books.read:,} read"), (0, f"{books.accepted:,} accepted")]
        parts += [(1, f"{books.rejected:,} rejected")] if books.rejected else []
        parts += [(2, f"{pace:,.0f} events/s")] if pace is not None else []
        parts += [(4, f"{traffic.concurrency} at a time")] if traffic.concurrency else []
        parts += [(5, f"{traffic.retries:,} sent again")] if traffic.retries else []
        while width is not None and len(parts) > 1 and len(_joined(parts)) > width:
            parts.remove(max(parts))
        return _joined(parts)

    def sentence(self) -> str:
        """All of it in one line, where nothing can be drawn."""
        share = self.share
        far = f"{share:.0%}" if share is not None else ""
        return _BETWEEN.join(part for part in (self.name, far, self.figures(), self.left, self.pause) if part)

    def _rows(self) -> int:
        """Rows that have their outcome; where nothing is sent, each that was taken."""
        books = self._books
        if books is not None:
            return books.accepted + books.rejected + books.filtered
        taken = self._table.taken if self._table is not None else 0
        return self._settled.rows + sum(table.rows for table in tuple(self._behind)) + taken

    def _done(self) -> float:
        """Bytes of the rows that have their outcome."""
        rows = self._rows()
        while self._behind and rows - self._settled.rows >= self._behind[0].rows:
            read = self._behind.popleft()
            self._settled = _Read(self._settled.rows + read.rows, self._settled.size + read.size)
        current = self._behind[0] if self._behind else self._being_read()
        share = min(1.0, (rows - self._settled.rows) / current.rows) if current.rows else 1.0
        return self._settled.size + current.size * share

    def _being_read(self) -> _Read:
        table = self._table
        return _Read(table.taken, table.position()) if table is not None else _Read(0, 0)


class _Read(NamedTuple):
    """So many rows, which were so many bytes."""

    rows: int
    size: int


class _Pace:
    """How fast a number grows, over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def add(self, now: float, value: float) -> None:
        self._seen.append((now, value))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _PACE_OVER_S:
            self._seen.popleft()

    def per_second(self) -> float | None:
        """Its growth per second, or None before a second has passed."""
        if not self._seen:
            return None
        (began, before), (now, value) = self._seen[0], self._seen[-1]
        return (value - before) / (now - began) if now - began >= 1 else None


def _joined(parts: list[tuple[int, str]]) -> str:
    return _BETWEEN.join(text for _, text in parts)


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
