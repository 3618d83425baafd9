"""distinctIds: derived from an event's own content, or given and watched for conflicting repeats."""

from __future__ import annotations

import hashlib
import struct
import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Final

from ours_cli.ids.known_keys import KnownKeys
from ours_cli.ids.ledger import Ledger

ID_BYTES: Final = 16
"""A derived id has 128 bits: a collision among 10^12 events is less likely than one in 10^14."""

SERIAL_DIGITS: Final = 9
"""Whole numbers of up to this many digits are taken for serial numbers, and every table has its own."""

_first_64_bits = struct.Struct("=q8x").unpack
"""In this machine's byte order: the number never leaves this process."""

_GIVEN: Final = struct.Struct("=qqq")
"""What is kept of the first row with an id: keys of the id and of the content, and the line."""

_GIVEN_PILE_MAX: Final = 100_000
"""Such records in memory, about 3 MB, before they move to disk."""


class DistinctIds:
    """Hands out the distinctIds of one run. `salt` goes into the ids of rows without a time of their own."""

    def __init__(self, salt: bytes) -> None:
        self._timed = hashlib.blake2b(digest_size=ID_BYTES)
        self._untimed = hashlib.blake2b(digest_size=ID_BYTES, key=salt)
        self._derived = Ledger()
        self._given = KnownKeys(_GIVEN_PILE_MAX, words=3)
        self.repeats = 0
        self.of_other_files = 0
        """Events with a derived id that are wholly like one of an earlier file."""
        self.of_this_run = 0
        """Events with an id that no other run gives them."""

    def tell_files_apart(self) -> None:
        """The run has several files; to be said before the first id."""
        self._derived = Ledger(tells_files_apart=True)

    def derive(self, content: bytes, *, timed: bool, file: int = 0, is_sent: bool = True) -> str:
        """The id of an event: a digest of its canonical JSON and, among equal events, of its occurrence.

        The same export gives the same ids whatever its file is called and in whatever order the flags are.
        A row without time is stamped by the server, so the same row sent another day is another event: its id
        depends on the run's salt too. `is_sent` is false for a row that only counts among its equals.
        """
        digest = (self._timed if timed else self._untimed).copy()
        digest.update(content)
        value = digest.digest()
        for seen in self._derived.note(array("q", _first_64_bits(value)), file):
            digest.update(_occurrence(seen.times))
            self.of_other_files += is_sent and seen.file != file
        self.of_this_run += is_sent and not timed
        return digest.hexdigest()

    def repeated(
        self, digests: bytes, content: Callable[[int], bytes], file: int = 0
    ) -> list[tuple[int, str]]:
        """Note events with a time, in bulk; returns position and id of those with an equal before them.

        The id of any other is its digest, as in `derive`; `digests` are joined. `content` gives canonical
        JSON by position, empty for a row that only counts among its equals.
        """
        keys = array("q", digests)[::2]
        found = []
        for seen in self._derived.note(keys, file):
            text = content(seen.at)
            digest = self._timed.copy()
            digest.update(text + _occurrence(seen.times))
            found.append((seen.at, digest.hexdigest()))
            self.of_other_files += bool(text) and seen.file != file
        return found

    def conflicts(self, ids: Sequence[str], digests: bytes, lines: Sequence[int]) -> list[tuple[int, int]]:
        """Note given ids in turn; returns position and first line of those that a row of other content had.

        The server would drop the later row as a duplicate, silently. Equal content is an honest repeat,
        counted in `repeats`. `digests` are those of the contents, joined; the ids are valid Unicode.
        """
        records = array("q", bytes(_GIVEN.size * len(ids)))
        records[::3] = array("q", map(_key_of, ids))
        records[1::3] = array("q", digests)[::2]
        records[2::3] = array("q", lines)
        found = []
        for at, first in self._given.note(records):
            _, content, line = _GIVEN.unpack(first)
            if content == records[3 * at + 1]:
                self.repeats += 1
            else:
                found.append((at, line))
        return found

    def conflict(self, distinct_id: str, content_digest: bytes, line: int) -> int | None:
        """As `conflicts` for one row: the first line. Raises `UnicodeEncodeError` for invalid Unicode."""
        distinct_id.encode()
        found = self.conflicts([distinct_id], content_digest, [line])
        return found[0][1] if found else None


def _digest_key(text: str) -> int:
    return int(_first_64_bits(digest_of(text.encode()))[0])


_key_of: Final = (
    hash if sys.hash_info.width == 64 and sys.hash_info.algorithm.startswith("siphash") else _digest_key
)
"""The 64 bits that represent an id. The interpreter's own hash of a text serves as well as a digest, at a
tenth of the cost: it is keyed, and never leaves this process."""


def _occurrence(times: int) -> bytes:
    return b"\0%d" % times


def digest_of(content: bytes) -> bytes:
    """The digest of this content, `ID_BYTES` long."""
    return hashlib.blake2b(content, digest_size=ID_BYTES).digest()
