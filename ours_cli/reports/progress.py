"""How far a run is, in figures and words. Pure except for the clock it is given; the console draws it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ours_cli.escape import printable

if TYPE_CHECKING:
    from ours_cli.outcome import Traffic
    from ours_cli.record import Table
    from ours_cli.reports.report import Books

_PACE_OVER_S: Final = 30.0
"""Speed and time left are measured over this many seconds: a pause long ago says nothing about now."""

_BETWEEN: Final = " · "


class Standing:
    """How far a run is: updated by the run, read by whoever shows it, which may be another thread.

    `files` are the sources in all, `size` their bytes, None where a pipe is among them. `clock` gives
    seconds.
    """

    def __init__(self, files: int, size: int | None, clock: Callable[[], float]) -> None:
        self._files = files
        self._size = size
        self._clock = clock
        self._table: Table | None = None
        self._begun = 0
        self._passed = 0
        self._books: Books | None = None
        self._traffic: Traffic | None = None
        self._reason = ""
        self._paused_until = 0.0
        self._accepted = _Pace()
        self._bytes = _Pace()

    def table(self, table: Table) -> None:
        """A source begins; the one before it has been read."""
        if self._table is not None:
            self._passed += self._table.size or 0
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
        self._bytes.add(now, self._done())

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
        return printable(self._table.name.rpartition("/")[2]) + count

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None where the total is not known."""
        if self._size is None:
            return None
        return min(1.0, self._done() / self._size) if self._size else 1.0

    @property
    def so_far(self) -> str:
        """How much has been read of a source without a known end."""
        return f"{self._read() / 2**20:,.1f} MiB so far"

    @property
    def left(self) -> str:
        """The time left, or nothing while it is not known."""
        pace = self._bytes.per_second()
        if self._size is None or pace is None or pace <= 0 or self.pause:
            return ""
        return f"{_clock_time((self._size - self._done()) / pace)} left"

    @property
    def pause(self) -> str:
        """Why the run waits and how long it still will, or nothing."""
        seconds = self._paused_until - self._clock()
        return f"{self._reason}; next try in {seconds:.0f} s" if seconds > 0 else ""

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

    def _done(self) -> float:
        """Bytes whose rows have their outcome. Reading runs ahead of sending: the rows show how far."""
        books = self._books
        return (
            self._read() * (1 - books.unsent / books.read)
            if books is not None and books.read
            else self._read()
        )

    def _read(self) -> int:
        return self._passed + (self._table.position() if self._table is not None else 0)


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
