"""Rows → drafts, in bulk: the half of the mapping that needs to know no other row.

A draft is an event with the id that it gets unless an earlier row is equal. Rows that are not plainly right
are left to the general mapping, which judges them one by one. Nothing here changes the run's counts, so
drafts can be thrown away, or made in another process.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain, compress, repeat
from typing import Final, NamedTuple, TypeAlias

import orjson

from ours_cli.contract import PROPERTIES_UTF16_MAX
from ours_cli.drafting.bodies import Bodies, RowsReader, put_together
from ours_cli.drafting.key_watch import KeyWatch, keys_of
from ours_cli.drafting.sieve import Sieve
from ours_cli.events.event import Mapper, Origin
from ours_cli.events.kept_rows import KeptRows
from ours_cli.events.mapped_rows import Finished
from ours_cli.events.packed_events import COMMA, PackedEvents
from ours_cli.ids.identity import ID_BYTES
from ours_cli.mapping.serialize import inside_quotes
from ours_cli.record import Fields
from ours_cli.timestamps import TimeReader
from ours_cli.trimming import BYTE_ORDER_MARK


class Draft(NamedTuple):
    """Drafts of consecutive rows; `start` is the first one's position among all rows drafted together.

    `bodies`, `sizes` and `times` are as in `PackedEvents`. `digests` are those of their contents, `ID_BYTES`
    each, joined, and `given` the rows' own distinctIds, if any: a row that is left out has only these.
    `reasons` are as in `MappedRows`. `is_doubtful` is as in `Bodies`.
    """

    start: int
    rows: KeptRows
    bodies: bytes
    sizes: array[int]
    times: array[int]
    digests: bytes
    given: list[str] | None
    reasons: list[str | None] | None
    is_doubtful: bool

    def events(self, table: int, seq: int) -> PackedEvents:
        """The drafts as events with their own ids, without the rows left out."""
        seqs: Sequence[int] = range(seq, seq + len(self.rows))
        rows = self.rows
        if self.reasons is not None:
            taken = [at for at, reason in enumerate(self.reasons) if reason is None]
            seqs, rows = [seqs[at] for at in taken], rows.only(taken)
        return PackedEvents(table, seqs, rows, self.bodies, self.sizes, self.times)


class Drafts(NamedTuple):
    """What was drafted of `rows`: all except those between the drafts.

    `naive_as_utc` counts the times that stated no zone. `sought` is for the `Sieve`, `keys` for `KeyWatch`.
    """

    rows: KeptRows
    drafts: list[Draft]
    naive_as_utc: int
    sought: tuple[list[str], list[str]]
    keys: tuple[str, ...]


Sealer: TypeAlias = "Callable[[Draft, int, int], Iterator[Finished]]"

_HEAD: Final = b'{"distinctId":"'
_TAIL: Final = b'",'
ID_AT: Final = len(_HEAD)
"""Where the id begins in a body."""

_DIGEST_OF_BRACE: Final = blake2b(b"{", digest_size=ID_BYTES)


class Drafter:
    """Drafts the rows of one table, and finishes drafts. `reader` is the run's, which drafting never touches.

    `read` uses a reader of its own, `apart`. `seal` turns a draft into events, given the table and the number
    of its first row. `sieve` says which rows are left out. `watch`, if any, must see every row.
    """

    def __init__(
        self,
        read: RowsReader,
        reader: TimeReader,
        apart: TimeReader,
        seal: Sealer,
        sieve: Sieve,
        watch: KeyWatch | None = None,
    ) -> None:
        self._read = read
        self._reader = reader
        self._apart = apart
        self._seal = seal
        self._sieve = sieve
        self._watch = watch

    def __call__(
        self, lines: Sequence[int], rows: Sequence[Fields], written: Sequence[bytes] | None
    ) -> Drafts | None:
        """Draft rows; None when they must be mapped one after the other.

        That is so where a time would teach the reader something that later times depend on, where a row
        looked plain but is not, and where there is a byte order mark: str.strip does not trim it.
        """
        apart = self._apart
        apart.__dict__.update(self._reader.__dict__, naive_as_utc=0)
        if not apart.unit_is_sure:
            apart.epoch_unit = None
        known = apart.epoch_unit
        kept = KeptRows(lines, rows, written)
        try:
            are_kept = self._sieve.kept(rows)
            if are_kept is None:
                bodies = self._read(rows, kept.are_plain)
            else:
                bodies = self._read_apart(rows, kept.are_plain, are_kept)
            reasons = self._sieve.reasons(are_kept, bodies.times, bodies.given)
            if max(map(len, filter(None, bodies.contents)), default=0) >= PROPERTIES_UTF16_MAX - 1:
                return None
            drafts = list(_drafts(kept, bodies, reasons))
        except TypeError:
            return None
        is_marked = any(map(_is_marked, (kept.content, *(draft.bodies for draft in drafts))))
        if apart.epoch_unit != known or is_marked:
            return None
        keys = () if self._watch is None else keys_of(rows)
        return Drafts(kept, drafts, apart.naive_as_utc, self._sieve.sought(), keys)

    def _read_apart(self, rows: Sequence[Fields], are_plain: bool, are_kept: Sequence[bool | None]) -> Bodies:
        """Bodies of all rows that `--where` can judge; the times of those that it leaves out do not count."""
        parts = []
        for is_kept in (False, True):
            self._apart.naive_as_utc = 0
            positions = [at for at, found in enumerate(are_kept) if found is is_kept]
            if positions:
                parts.append((positions, self._read([rows[at] for at in positions], are_plain)))
        return put_together(len(rows), parts)

    def finish(self, table: int, seq: int, drafts: Drafts, map_row: Mapper) -> Iterator[Finished]:
        """What becomes of these rows, in order; `map_row` takes those that were not drafted."""
        self._reader.naive_as_utc += drafts.naive_as_utc
        self._sieve.note(drafts.sought)
        if self._watch is not None and not self._watch.knows_all(drafts.keys):
            for row in drafts.rows:
                self._watch(row.fields)
        at = 0
        for draft in drafts.drafts:
            for left in range(at, draft.start):
                yield map_row(Origin(table, drafts.rows.record(left), seq + left))
            yield from self._seal(draft, table, seq + draft.start)
            at = draft.start + len(draft.rows)
        for left in range(at, len(drafts.rows)):
            yield map_row(Origin(table, drafts.rows.record(left), seq + left))


def _is_marked(content: bytes) -> bool:
    # One byte is sought many times faster than three, and this one is not found in most files.
    return _MARK[:1] in content and _MARK in content


_MARK: Final = BYTE_ORDER_MARK.encode()


def _drafts(rows: KeptRows, bodies: Bodies, reasons: list[str | None] | None) -> Iterator[Draft]:
    start = 0
    for end in (*[at for at, content in enumerate(bodies.contents) if content is None], len(rows)):
        if start < end:
            why = reasons[start:end] if reasons is not None and any(reasons[start:end]) else None
            yield _draft(start, rows.part(start, end), bodies.part(start, end), why)
        start = end + 1


def _draft(start: int, rows: KeptRows, bodies: Bodies, reasons: list[str | None] | None) -> Draft:
    contents: list[bytes] = bodies.contents  # type: ignore[assignment] # none of them is None
    times, given = bodies.times, bodies.given
    digests: list[bytes] = []
    begin, add = _DIGEST_OF_BRACE.copy, digests.append
    for content in contents:
        digest = begin()
        digest.update(content)
        add(digest.digest())
    joined = b"".join(digests)
    bearing = given
    if reasons is not None:
        taken = [reason is None for reason in reasons]
        contents, times = [*compress(contents, taken)], [*compress(times, taken)]
        digests = [*compress(digests, taken)]
        bearing = None if given is None else [*compress(given, taken)]
    if not bearing:
        ids = _derived(digests)
    else:
        ids = _as_written(bearing)
        if not all(ids):
            ids = [own or derived for own, derived in zip(ids, _derived(digests), strict=True)]
    written = b"".join(chain.from_iterable(zip(repeat(b"," + _HEAD), ids, repeat(_TAIL), contents)))[1:]
    added = len(_HEAD) + len(_TAIL) + len(COMMA)
    sizes = array("Q", [added + len(own) + len(content) for own, content in zip(ids, contents, strict=True)])
    return Draft(start, rows, written, sizes, array("q", times), joined, given, reasons, bodies.is_doubtful)


def _derived(digests: list[bytes]) -> list[bytes]:
    text = b"".join(digests).hex().encode()
    return [text[at : at + 2 * ID_BYTES] for at in range(0, len(text), 2 * ID_BYTES)]


def _as_written(texts: list[str]) -> list[bytes]:
    """Each text as JSON writes it between quotes. Raises `TypeError` for invalid Unicode."""
    if (inside := inside_quotes(orjson.dumps(texts))) is not None:
        return inside.split(b'","')
    return [orjson.dumps(text)[1:-1] for text in texts]
