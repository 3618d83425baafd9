"""How many values are distinct, counted exactly while they are few and estimated in bounded memory after."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

_CAPACITY: Final = 16_384
"""Hashes kept: the estimate is then right to about one part in a hundred."""


class DistinctCount:
    """Adaptive sampling (Wegman): of all hashes, those that end in `level` zero bits are kept."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()
        self._level = 0

    @property
    def is_exact(self) -> bool:
        """Whether nothing had to be estimated."""
        return self._level == 0

    @property
    def count(self) -> int:
        """Distinct values so far, or the estimate."""
        return len(self._hashes) << self._level

    def add_all(self, texts: Iterable[str]) -> None:
        """Count these values."""
        mask = (1 << self._level) - 1
        for text in texts:
            digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            hashed = int.from_bytes(digest, "big")
            if hashed & mask:
                continue
            self._hashes.add(hashed)
            while len(self._hashes) > _CAPACITY:
                self._level += 1
                mask = (1 << self._level) - 1
                self._hashes = {kept for kept in self._hashes if not kept & mask}
