"""What a worker process does: it drafts the rows that it is asked about, until its parent hangs up.

It knows of no other row, and holds neither lock nor connection: it closes every inherited file immediately,
and ends when the parent does, however that ends.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from typing import BinaryIO, Final, NamedTuple, cast

from ours_cli.assembly.field_mapping import RowMapping
from ours_cli.drafting.drafts import Drafter, Drafts
from ours_cli.process.memory import prepare_for_rows
from ours_cli.record import Dialect, Piece, Stretch, Table, TableFormat
from ours_cli.rejects.mend import may_be_marked
from ours_cli.source.pieces import parse_piece
from ours_cli.workers.messages import read_message, write_message

_BUFFER: Final = 1 << 17
_FIRST_FILE: Final = 3
"""The file descriptor behind standard input, output and error."""
_DESCRIPTORS_MAX: Final = 2**31 - 1
"""More than that is no limit, and `closerange` takes no larger number."""

NO_MEMORY: Final = errno.ENOMEM
"""The exit code of a worker that ran out of memory, for its parent alone."""


class Columns(NamedTuple):
    """A table begins, as far as the mapping needs to know it."""

    name: str
    format: TableFormat
    columns: tuple[str, ...] | None
    dialect: Dialect
    header_line: int
    keys: tuple[str, ...] | None
    unreadable: dict[str, str]


def work(end: socket.socket, mapping: RowMapping) -> int:
    """All that a worker does, from the fork on, at its own end of the line; returns its exit code."""
    try:
        _leave_everything(end)
        _answer_all(end, mapping)
    except ConnectionError:
        return 0  # the parent hung up in the middle of an answer
    except MemoryError:
        return NO_MEMORY
    return 0


def _leave_everything(line: socket.socket) -> None:
    """Close all that the parent has open, and let it alone decide when to stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(_FIRST_FILE):
        os.dup2(nowhere, standard)
    os.closerange(_FIRST_FILE, line.fileno())
    os.closerange(line.fileno() + 1, min(os.sysconf("SC_OPEN_MAX"), _DESCRIPTORS_MAX))


def _answer_all(end: socket.socket, mapping: RowMapping) -> None:
    """Answer until the line is closed."""
    prepare_for_rows()
    table: Table | None = None
    drafter: Drafter | None = None
    with cast("BinaryIO", end.makefile("rb", buffering=_BUFFER)) as stream:
        while (message := read_message(stream)) is not None:
            if isinstance(message, Columns):
                table = Table(**message._asdict())
                drafter = mapping.drafter(table)
                continue
            assert table is not None
            assert drafter is not None
            write_message(end, _drafts(message, table, drafter))


def _drafts(rows: Stretch | Piece, table: Table, drafter: Drafter) -> list[Drafts] | None:
    """Drafts of all the rows, or None."""
    stretches: list[Stretch] | None = [rows] if isinstance(rows, Stretch) else None
    if isinstance(rows, Piece) and not may_be_marked(rows):
        stretches = parse_piece(rows, table)
    if stretches is None:
        return None
    found = [drafter(*stretch) for stretch in stretches]
    return [drafts for drafts in found if drafts is not None] if None not in found else None
