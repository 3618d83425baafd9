"""distinctIds: derived from an event's own content, or given and watched for conflicting repeats."""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Callable
from typing import Final

from ours_cli.ledger import Ledger, Seen

ID_BYTES: Final = 16
"""A derived id has 128 bits: a collision among 10^12 events is less likely than one in 10^14."""

_first_64_bits = struct.Struct("=q8x").unpack
"""In this machine's order of bytes: the number is this process's own affair."""


class DistinctIds:
    """Hands out the distinctIds of one run. `salt` joins the ids of rows that have no time of their own."""

    def __init__(self, salt: bytes) -> None:
        self._timed = hashlib.blake2b(digest_size=ID_BYTES)
        self._untimed = hashlib.blake2b(digest_size=ID_BYTES, key=salt)
        self._derived = Ledger()
        self._given = Ledger()
        self.repeats = 0

    def derive(self, content: bytes, *, timed: bool) -> str:
        """The id of an event: a digest of its canonical JSON, told apart from its equals by occurrence.

        The same export gives the same ids whatever its file is called and in whatever order its flags stand.
        A row without time is stamped by the server, so the same row sent another day is another event: its id
        takes the run's salt too.
        """
        digest = (self._timed if timed else self._untimed).copy()
        digest.update(content)
        value = digest.digest()
        seen = self._derived.note(_first_64_bits(value)[0])
        if seen is None:
            return value.hex()
        digest.update(_occurrence(seen.times))
        return digest.hexdigest()

    def repeated(self, digests: bytes, content: Callable[[int], bytes]) -> list[tuple[int, str]]:
        """Note events with a time, many at once: position and id of those that had an equal before them.

        The id of any other is its digest, as `derive` has it; `digests` are joined. `content` gives canonical
        JSON by position.
        """
        keys = array("q", digests)[::2]
        found = []
        for at, times in self._derived.note_many(keys):
            digest = self._timed.copy()
            digest.update(content(at) + _occurrence(times))
            found.append((at, digest.hexdigest()))
        return found

    def conflict(self, distinct_id: str, content_digest: bytes, line: int) -> Seen | None:
        """Note a given id; returns the first row that bore it when its content was another.

        The server would drop the later row as a duplicate, silently. Equal content is an honest repeat,
        counted in `repeats`.
        """
        content = _first_64_bits(content_digest)[0]
        seen = self._given.note(_first_64_bits(digest_of(distinct_id.encode()))[0], Seen(content, line, 1))
        if seen is None:
            return None
        if seen.content != content:
            return seen
        self.repeats += 1
        return None


def _occurrence(times: int) -> bytes:
    return b"\0%d" % times


def digest_of(content: bytes) -> bytes:
    """The digest that stands for this content, `ID_BYTES` long."""
    return hashlib.blake2b(content, digest_size=ID_BYTES).digest()
