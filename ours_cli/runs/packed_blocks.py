"""The blocks of a run as they are kept in memory: a run of millions of rows has tens of thousands."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import overload

import orjson

from ours_cli.runs.blocks import DIGEST_BYTES, Block

_FORM = struct.Struct(f"<qq{DIGEST_BYTES}sqqq")
"""Start, end, digest, accepted, rejected, filtered."""


class PackedBlocks(Sequence[Block]):
    """Recorded blocks in 56 bytes each, where an object takes 600; one is made when it is asked for."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        """Raises `ValueError` for an impossible block."""
        self._packed = bytearray()
        self._heads: dict[int, bytes] = {}
        self._codes: dict[int, bytes] = {}
        for number, block in enumerate(blocks):
            self._packed += _pack(block)
            if block.head:
                self._heads[number] = block.head
            if block.codes:
                self._codes[number] = orjson.dumps(block.codes)

    def __len__(self) -> int:
        return len(self._packed) // _FORM.size

    @overload
    def __getitem__(self, index: int) -> Block: ...
    @overload
    def __getitem__(self, index: slice) -> list[Block]: ...
    def __getitem__(self, index: int | slice) -> Block | list[Block]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        start, end, digest, *counts = _FORM.unpack_from(self._packed, number * _FORM.size)
        block = Block(start, end, self._heads.get(number, b""), digest, *counts)
        if number in self._codes:
            block.codes = Counter(orjson.loads(self._codes[number]))
        return block


def _pack(block: Block) -> bytes:
    if len(block.digest) != DIGEST_BYTES:
        raise ValueError(len(block.digest))
    try:
        return _FORM.pack(
            *(block.start, block.end, block.digest, block.accepted, block.rejected, block.filtered)
        )
    except struct.error as error:
        raise ValueError(str(error)) from None
