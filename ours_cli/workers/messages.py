"""Messages between this process and a worker, each its length and then a pickle, in order."""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any, BinaryIO, Final

LENGTH: Final = struct.Struct(">Q")
"""How the length is written."""

_SOCKET_BUFFER: Final = 1 << 20
"""Bytes on their way in one direction, as far as the system allows: a question should fit in."""


def packed(message: object) -> tuple[bytes, bytes]:
    """The two parts of a message."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data)), data


def new_line() -> tuple[socket.socket, socket.socket]:
    """The two ends of a new line."""
    ends = socket.socketpair()
    for end in ends:
        for direction in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, direction, _SOCKET_BUFFER)
    return ends


def read_message(stream: BinaryIO) -> Any:
    """The next message at the worker's end; None when the line is closed."""
    head = stream.read(LENGTH.size)
    return pickle.loads(stream.read(*LENGTH.unpack(head))) if head else None  # noqa: S301 - our own parent


def write_message(end: socket.socket, message: object) -> None:
    """Send a message from the worker's end, past any buffer: it is large."""
    for part in packed(message):
        end.sendall(part)
