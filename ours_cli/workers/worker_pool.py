"""Worker processes that draft rows (`--workers`). Everything else stays with the parent: files, ids, sending.

A worker knows of no row but those it is asked about, and holds neither lock nor connection: it closes every
inherited file immediately, and ends when the parent does, however that ends.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, BinaryIO, Final, NamedTuple, Self, cast

from ours_cli.drafting.drafts import Drafter, Drafts
from ours_cli.errors import LocalIOError, OursError, reason
from ours_cli.garbage import collect_as_usual, collect_seldom
from ours_cli.mapping.field_mapping import RowMapping
from ours_cli.mend import may_be_marked
from ours_cli.record import Dialect, Piece, Stretch, Table
from ours_cli.source.pieces import parse_piece
from ours_cli.workers.worker_link import WorkerLink, new_line, read_message, write_message

_BUFFER: Final = 1 << 20

_AHEAD: Final = 8
"""Parts of the source that each worker may have queued, or answered and not yet taken."""
_LARGEST: Final = 8 << 20
"""The most bytes in one piece of memory that a worker needs, except for extraordinary rows."""

_FIRST_FILE: Final = 3
"""The file descriptor behind standard input, output and error."""
_DESCRIPTORS_MAX: Final = 2**31 - 1
"""More than that is no limit, and `closerange` takes no larger number."""

_BUG: Final = 1
_NO_MEMORY: Final = errno.ENOMEM
"""Exit codes of a worker, for its parent alone."""


class _Columns(NamedTuple):
    """A table begins, as far as the mapping needs to know it."""

    name: str
    format: Any
    columns: tuple[str, ...] | None
    dialect: Dialect
    header_line: int
    keys: tuple[str, ...] | None
    unreadable: dict[str, str]


class _Worker:
    """A process, and the parent's end of the line to it."""

    def __init__(self, process: int, line: socket.socket) -> None:
        self.process = process
        self.line = line
        self._status: int | None = None

    def end(self) -> None:
        """Hang up, and see it end."""
        self.line.close()
        self._wait()

    def why_it_ended(self) -> OursError:
        """Why it hung up; only where it did."""
        status = self._wait()
        if status == _NO_MEMORY or status < 0:
            # Whoever kills a single worker does so for the memory it takes, as a rule.
            what = f"was killed (signal {-status})" if status < 0 else "ran out of memory"
            return LocalIOError(
                f"a worker process {what}",
                hint="run the same command again: nothing counts twice; --workers 1 takes less memory",
            )
        return OursError(
            "a bug in a worker process",
            hint="please report it; --workers 1 does without, nothing counts twice",
        )

    def _wait(self) -> int:
        """Its exit code, or less than 0 the signal that killed it."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        return self._status


class Workers:
    """Processes that draft rows by this mapping for this process; a context manager.

    Raises `LocalIOError` where the system has no room for so many.
    """

    def __init__(self, count: int, mapping: RowMapping) -> None:
        # Memory is shared until it is written to, and a collection of garbage writes to all of it.
        collect_as_usual()
        self._workers: list[_Worker] = []
        try:
            for _ in range(count):
                self._workers.append(_fork(mapping))
        except OSError as error:
            self._end()
            raise LocalIOError(
                f"a worker process cannot be started: {reason(error)}", hint="--workers 1"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for worker in self._workers:
            worker.end()

    async def connect(self) -> Connected:
        """Talk to them, in the running event loop; once."""
        loop = asyncio.get_running_loop()
        links = []
        for worker in self._workers:
            made = partial(WorkerLink, worker.why_it_ended)
            links.append((await loop.create_unix_connection(made, sock=worker.line))[1])
        return Connected(links)


class Connected:
    """The workers, asked in turn."""

    def __init__(self, links: Sequence[WorkerLink]) -> None:
        self._links = links
        self._asked = 0
        self._answered = 0

    @property
    def ahead_max(self) -> int:
        """How many parts to have on their way: no worker should wait while this process is busy sending."""
        return _AHEAD * len(self._links) + 1

    def begin(self, table: Table) -> None:
        """A table begins: whatever is asked from now on is about it."""
        for link in self._links:
            link.send(
                _Columns(
                    name=table.name,
                    format=table.format,
                    columns=table.columns,
                    dialect=table.dialect,
                    header_line=table.header_line,
                    keys=table.keys,
                    unreadable=table.unreadable,
                )
            )

    async def ask(self, rows: Stretch | Piece) -> None:
        """Have these rows drafted, a piece parsed first."""
        link = self._links[self._asked % len(self._links)]
        self._asked += 1
        await link.send_all(rows)

    async def answer(self) -> list[Drafts] | None:
        """The answer to the oldest question that is open: drafts of all its rows.

        None where rows must be mapped one after the other, and where a piece was not whole rows.
        """
        link = self._links[self._answered % len(self._links)]
        self._answered += 1
        found: list[Drafts] | None = await link.receive()
        return found

    def close(self) -> None:
        """Ask nothing more."""
        for link in self._links:
            link.close()


def _fork(mapping: RowMapping) -> _Worker:
    """Start one worker; returns it with the parent's end of the line."""
    ours, theirs = new_line()
    try:
        process = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        raise
    if process:
        theirs.close()
        return _Worker(process, ours)
    status = _BUG
    try:
        _leave_everything(theirs)
        _work(theirs, mapping)
        status = 0
    except ConnectionError:
        status = 0  # the parent hung up in the middle of an answer
    except MemoryError:
        status = _NO_MEMORY
    finally:
        # Neither a traceback nor anything that the parent has buffered may come out of here.
        os._exit(status)


def _leave_everything(line: socket.socket) -> None:
    """Close all that the parent has open, and let it alone decide when to stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(_FIRST_FILE):
        os.dup2(nowhere, standard)
    os.closerange(_FIRST_FILE, line.fileno())
    os.closerange(line.fileno() + 1, min(os.sysconf("SC_OPEN_MAX"), _DESCRIPTORS_MAX))


def _work(end: socket.socket, mapping: RowMapping) -> None:
    """Answer until the line is closed."""
    collect_seldom()
    _keep_freed_memory()
    table: Table | None = None
    drafter: Drafter | None = None
    with cast("BinaryIO", end.makefile("rb", buffering=_BUFFER)) as stream:
        while (message := read_message(stream)) is not None:
            if isinstance(message, _Columns):
                table = Table(**message._asdict(), records=iter(()))
                drafter = mapping.drafter(table)
                continue
            assert table is not None
            assert drafter is not None
            write_message(end, _drafts(message, table, drafter))


def _keep_freed_memory() -> None:
    """Have the C library give nothing back to the system, to be asked for it again with the next rows.

    glibc asks the system each time for what is larger than the largest piece ever freed, and trims its heap
    to twice that: a worker spent a tenth of its time on pages that it had had before. This piece is never
    written to, so it takes no memory.
    """
    with suppress(MemoryError):
        bytes(_LARGEST)


def _drafts(rows: Stretch | Piece, table: Table, drafter: Drafter) -> list[Drafts] | None:
    """Drafts of all the rows, or None."""
    stretches: list[Stretch] | None = [rows] if isinstance(rows, Stretch) else None
    if isinstance(rows, Piece) and not may_be_marked(rows):
        stretches = parse_piece(rows, table)
    if stretches is None:
        return None
    found = [drafter(*stretch) for stretch in stretches]
    return [drafts for drafts in found if drafts is not None] if None not in found else None
