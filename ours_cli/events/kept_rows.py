"""Rows until their outcome is known: as the bytes that the journal digests, from which each can be restored.

A run has thousands of rows in flight. As cells, each takes a kilobyte in a dozen objects; as text, as much as
in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import orjson

from ours_cli.exact_json import as_written, read_json, write_json
from ours_cli.record import Fields, Malformed, Record

_CELL: Final = "\x1f"
_ROW: Final = "\x1e"
_ROW_END: Final = _ROW.encode()
_ESCAPED: Final = bytes({*range(0x20), ord('"'), ord("\\")} - {0x1E, 0x1F})
"""The bytes that JSON escapes, except the two separators."""
_OFTEN_ESCAPED: Final = b'\n"\\'
"""Those found in most files that have any: looking for them takes next to no time."""


def content_of(row: Record | Malformed) -> bytes:
    """What a row is to the journal: its content alone, not its line."""
    if isinstance(row, Malformed):
        return row.raw.encode("utf-8", "surrogatepass") + b"\x1d"
    return _content(row.fields) + _ROW_END


def _content(fields: Fields) -> bytes:
    if isinstance(fields, list):
        return _CELL.join(fields).encode("utf-8", "surrogatepass")
    try:
        return orjson.dumps(fields, as_written)
    except TypeError:
        return write_json(fields).encode("utf-8", "surrogatepass")


class KeptRows:
    """Consecutive rows of one table. `content` is their `content_of`, joined.

    `written` is what orjson writes for each, where that is known.
    `are_plain`: they are CSV cells, and none needs escaping in JSON.
    """

    __slots__ = ("_fields", "_is_json", "_lines", "_split", "are_plain", "content")

    def __init__(
        self, lines: Sequence[int], rows: Sequence[Fields], written: Sequence[bytes] | None = None
    ) -> None:
        self._lines = lines
        self._split: list[bytes] | None = None
        self._fields: Sequence[Fields] | None = None
        self._is_json = not isinstance(rows[0], list)
        self.are_plain = False
        content = _objects(rows, written) if self._is_json else _cells(rows)
        if content is None:
            self._fields = rows
            content = b"".join([_content(fields) + _ROW_END for fields in rows])
        elif not self._is_json:
            self.are_plain = not any(map(content.__contains__, _OFTEN_ESCAPED)) and (
                len(content.translate(None, _ESCAPED)) == len(content)
            )
        self.content = content

    def __len__(self) -> int:
        return len(self._lines)

    def __getstate__(self) -> tuple[None, dict[str, object]]:
        # What was split for a part need not travel beside the whole.
        return None, {name: getattr(self, name) for name in self.__slots__} | {"_split": None}

    def __iter__(self) -> Iterator[Record]:
        """Each row, as it was read."""
        return map(self.record, range(len(self)))

    def line(self, at: int) -> int:
        """The line of the row at this position."""
        return self._lines[at]

    def record(self, at: int) -> Record:
        """The row at this position, as it was read."""
        if self._fields is not None:
            return Record(self._lines[at], self._fields[at])
        content = self._contents()[at]
        if self._is_json:
            return Record(self._lines[at], _restored(content))
        return Record(self._lines[at], content.decode().split(_CELL))

    def part(self, start: int, end: int) -> KeptRows:
        """The rows from `start` to before `end`."""
        if end - start == len(self):
            return self
        return self._some(lambda of_all: of_all[start:end])

    def only(self, positions: Sequence[int]) -> KeptRows:
        """The rows at these positions, in ascending order; those between them are dropped."""
        return self._some(lambda of_all: [of_all[at] for at in positions])

    def _some(self, take: Callable[[Sequence[Any]], Sequence[Any]]) -> KeptRows:
        rows = KeptRows.__new__(KeptRows)
        rows._lines = take(self._lines)
        rows._fields = None if self._fields is None else take(self._fields)
        rows._is_json, rows.are_plain = self._is_json, self.are_plain
        if rows._fields is None:
            rows._split = [*take(self._contents())]
            rows.content = _ROW_END.join([*rows._split, b""])
        else:
            rows._split = None
            rows.content = b"".join([_content(fields) + _ROW_END for fields in rows._fields])
        return rows

    def _contents(self) -> list[bytes]:
        if self._split is None:
            self._split = self.content.split(_ROW_END)
            self._split.pop()
        return self._split


def _restored(content: bytes) -> dict[str, Any]:
    """The object that this was written for."""
    fields: dict[str, Any] = orjson.loads(content)
    return fields if orjson.dumps(fields) == content else read_json(content.decode())


def _cells(rows: Sequence[Fields]) -> bytes | None:
    """The content of rows of cells; None where they could not be restored from it."""
    try:
        content = (_ROW.join(map(_CELL.join, rows)) + _ROW).encode()
    except UnicodeEncodeError:
        return None
    gaps = sum(map(len, rows)) - len(rows)
    return content if content.count(b"\x1f") == gaps and content.count(_ROW_END) == len(rows) else None


def _objects(rows: Sequence[Fields], written: Sequence[bytes] | None) -> bytes | None:
    """The content of objects; None where one has an integer with more digits than would be restored."""
    try:
        if written is None:
            written = [orjson.dumps(row, as_written) for row in rows]
        return _ROW_END.join([*written, b""])
    except TypeError:
        return None
