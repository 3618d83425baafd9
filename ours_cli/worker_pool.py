"""Worker processes that draft rows (`--workers`). Everything else stays with the parent: files, ids, sending.

A worker knows of no row but those it is asked about, and holds neither lock nor connection: it closes every
file that it inherits at once, and ends when the parent does, however that ends.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from ours_cli.drafts import Drafter, Drafts
from ours_cli.errors import OursError
from ours_cli.mapping import RowMapping
from ours_cli.record import Dialect, Piece, Stretch, Table
from ours_cli.source.pieces import parse_piece

can_fork: Final = sys.platform != "win32"

_LENGTH: Final = struct.Struct(">Q")
_BUFFER: Final = 4 << 20
_FIRST_FILE: Final = 3
"""The file descriptor behind standard input, output and error."""


class _Columns(NamedTuple):
    """A table begins, as far as the mapping needs to know it."""

    name: str
    format: Any
    columns: tuple[str, ...] | None
    dialect: Dialect


class _Worker(NamedTuple):
    process: int
    line: socket.socket


class Workers:
    """Processes that draft rows by this mapping for this process; a context manager."""

    def __init__(self, count: int, mapping: RowMapping) -> None:
        # Memory is shared until it is written to, and a collection of garbage writes to all of it.
        gc.freeze()
        self._workers = [_fork(mapping) for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process, line in self._workers:
            line.close()
            os.waitpid(process, 0)

    async def connect(self) -> Connected:
        """Talk to them, in the running event loop; once."""
        links = []
        for _, line in self._workers:
            reader, writer = await asyncio.open_connection(sock=line, limit=_BUFFER)
            writer.transport.set_write_buffer_limits(_BUFFER)
            links.append(_Link(reader, writer))
        return Connected(links)


class Connected:
    """The workers, asked in turn."""

    def __init__(self, links: Sequence[_Link]) -> None:
        self._links = links
        self._asked = 0
        self._answered = 0

    @property
    def ahead_max(self) -> int:
        """How many parts to have on their way, so that no worker waits for the next."""
        return 2 * len(self._links) + 1

    def begin(self, table: Table) -> None:
        """A table begins: whatever is asked from now on is of it."""
        for link in self._links:
            link.send(_Columns(table.name, table.format, table.columns, table.dialect))

    async def ask(self, rows: Stretch | Piece) -> None:
        """Have these rows drafted, a piece parsed first."""
        link = self._links[self._asked % len(self._links)]
        self._asked += 1
        await link.send_all(rows)

    async def answer(self) -> list[Drafts] | None:
        """The answer to the oldest question that is open: drafts of all its rows.

        None where rows must be mapped one after the other, and where a piece was none.
        """
        link = self._links[self._answered % len(self._links)]
        self._answered += 1
        found: list[Drafts] | None = await link.receive()
        return found

    def close(self) -> None:
        """Ask nothing more."""
        for link in self._links:
            link.close()


class _Link:
    """Messages to one worker and from it, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, message: object) -> None:
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._writer.write(_LENGTH.pack(len(data)))
        self._writer.write(data)

    async def send_all(self, message: object) -> None:
        self.send(message)
        try:
            await self._writer.drain()
        except ConnectionError:
            raise _died() from None

    async def receive(self) -> Any:
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            return pickle.loads(await self._reader.readexactly(length))  # noqa: S301 - our own child wrote it
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _died() from None

    def close(self) -> None:
        self._writer.transport.abort()


def _died() -> OursError:
    return OursError(
        "a worker process died",
        hint="run the same command again: nothing counts twice; --workers 1 takes less memory",
    )


def _fork(mapping: RowMapping) -> _Worker:
    """Start one worker; returns it with the parent's end of the line."""
    ours, theirs = socket.socketpair()
    if process := os.fork():
        theirs.close()
        return _Worker(process, ours)
    try:
        _leave_everything(theirs)
        _work(theirs, mapping)
    finally:
        # Neither a traceback nor anything that the parent has buffered may come out of here.
        os._exit(0)


def _leave_everything(line: socket.socket) -> None:
    """Close all that the parent has open, and let it alone decide when to stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(_FIRST_FILE):
        os.dup2(nowhere, standard)
    os.closerange(_FIRST_FILE, line.fileno())
    os.closerange(line.fileno() + 1, os.sysconf("SC_OPEN_MAX"))


def _work(line: socket.socket, mapping: RowMapping) -> None:
    """Answer until the line is closed."""
    table: Table | None = None
    drafter: Drafter | None = None
    with line.makefile("rwb", buffering=_BUFFER >> 2) as stream:
        while head := stream.read(_LENGTH.size):
            message = pickle.loads(stream.read(*_LENGTH.unpack(head)))  # noqa: S301 - our own parent wrote it
            if isinstance(message, _Columns):
                table = Table(*message[:3], records=iter(()), dialect=message.dialect)
                drafter = mapping.drafter(table)
                continue
            assert table is not None
            assert drafter is not None
            answer = pickle.dumps(_drafts(message, table, drafter), pickle.HIGHEST_PROTOCOL)
            stream.write(_LENGTH.pack(len(answer)))
            stream.write(answer)
            stream.flush()


def _drafts(rows: Stretch | Piece, table: Table, drafter: Drafter) -> list[Drafts] | None:
    """Drafts of all the rows, or None."""
    stretches: list[Stretch] | None = [rows] if isinstance(rows, Stretch) else parse_piece(rows, table)
    if stretches is None:
        return None
    found = [drafter(*stretch) for stretch in stretches]
    return [drafts for drafts in found if drafts is not None] if None not in found else None
