"""JSON that is not NDJSON: an array of objects, or objects one after another, as `jq .` prints them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice
from typing import cast

from ours_cli.errors import SourceError
from ours_cli.exact_json import JsonProblem
from ours_cli.record import STRETCH_MAX, Malformed, Record, Rows, Stretch, gather
from ours_cli.source.json_objects import parse_object, parse_objects
from ours_cli.source.json_splitter import Element, Splitter
from ours_cli.source.lines import MAX_RECORD

# From here on, waiting for more before looking again keeps the work linear in an element's size.
_PATIENT_FROM = 1024 * 1024


class JsonElementReader:
    """Reads blocks of text; every element is a row. Memory holds the text of those that end in one block.

    `name` is for messages. Raises `SourceError` for an element of more than `MAX_RECORD` bytes.
    """

    def __init__(self, blocks: Iterator[bytes], name: str, first_line: int) -> None:
        self._blocks = blocks
        self._name = name
        self._splitter = Splitter(first_line)
        self._size = 0  # bytes of all blocks so far

    def stretches(self) -> Iterator[Rows]:
        """The rows, in bulk."""
        for part in self._parts():
            yield from _in_bulk(part)

    def share_done(self) -> float:
        """About how much of the bytes read so far is in rows that were handed on, from 0 to 1."""
        return (self._splitter.fed - self._splitter.held) / self._size if self._size else 0.0

    def _parts(self) -> Iterator[Iterator[Element | Stretch]]:
        """The elements that end in each block, block by block."""
        splitter = self._splitter
        waiting: list[bytes] = []
        size = 0
        for block in self._blocks:
            self._size += len(block)
            waiting.append(block)
            size += len(block)
            if splitter.held < _PATIENT_FROM or size >= splitter.held // 2:
                yield splitter.feed(b"".join(waiting), final=False)
                waiting, size = [], 0
            if splitter.held + size > MAX_RECORD:
                raise SourceError(
                    f"{self._name}: the JSON element on line {splitter.line} is larger than"
                    f" {MAX_RECORD >> 20} MiB",
                    hint="make it one object a line, for example with `jq -c '.[]'`",
                )
        yield splitter.feed(b"".join(waiting), final=True)


def _in_bulk(part: Iterator[Element | Stretch]) -> Iterator[Rows]:
    for is_read, items in groupby(part, lambda item: isinstance(item, Stretch)):
        if is_read:
            yield from cast("Iterator[Stretch]", items)
            continue
        while elements := list(islice(cast("Iterator[Element]", items), STRETCH_MAX)):
            yield from _parsed(elements)


def _parsed(elements: list[Element]) -> Iterator[Rows]:
    are_whole = not any(element.problem for element in elements)
    found = parse_objects([element.raw for element in elements]) if are_whole else None
    if found is None:
        yield from gather(map(_row, elements))
    else:
        yield Stretch([element.line for element in elements], *found)


def _row(element: Element) -> Record | Malformed:
    try:
        if element.problem:
            raise element.problem
        return Record(element.line, parse_object(element.raw))
    except JsonProblem as problem:
        raw = element.raw.decode("utf-8", "surrogateescape").rstrip()
        return Malformed(element.line, raw, problem.code, problem.message)
