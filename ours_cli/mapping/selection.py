"""Which rows a run is about: `--where`, `--since`, `--until`, `--sample`. All others are `Filtered`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from ours_cli.errors import UsageError
from ours_cli.events.event import Event, Filtered, Mapper, Origin, Reject
from ours_cli.mapping.where import Condition, read_condition
from ours_cli.record import Malformed
from ours_cli.timestamps import TimeProblem

if TYPE_CHECKING:
    from ours_cli.timestamps import TimeReader

_RATE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})(%?)")
_HASHES: Final = 1 << 64
_ZONED: Final = "2026-03-01T08:00:00+01:00"
_ZONED_UTC: Final = "2026-03-01T08:00:00Z"


class Selection(NamedTuple):
    """What the person asked for. Times in ms since the epoch, half-open: `since_ms` <= time < `until_ms`.

    `sample` is how many of 2^64 hashes are taken.
    """

    where: tuple[Condition, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    sample: int | None = None

    @property
    def has_period(self) -> bool:
        """Whether rows are judged by their time."""
        return self.since_ms is not None or self.until_ms is not None

    def outside(self, time_ms: int) -> str | None:
        """Which of the two bounds leaves this time out, if one does."""
        if self.since_ms is not None and time_ms < self.since_ms:
            return "since"
        if self.until_ms is not None and time_ms >= self.until_ms:
            return "until"
        return None

    def takes(self, key: bytes) -> bool:
        """Whether the sample takes the row with this key: by a hash, so the same rows each time, anywhere."""
        if self.sample is None:
            return True
        digest = blake2b(key, digest_size=8, person=b"ours-sample").digest()
        return int.from_bytes(digest, "big") < self.sample

    def takes_id(self, given: str) -> bool:
        """Whether the sample takes the row with this id."""
        return self.takes(given.encode("utf-8", "surrogatepass"))


def read_selection(
    where: Iterable[str],
    sample: str | None,
    since: str | None = None,
    until: str | None = None,
    times: TimeReader | None = None,
    *,
    zone_per_row: bool = False,
) -> Selection:
    """Read the flags. `times` knows zone and order of the run's times. Raises `UsageError`.

    With `zone_per_row` the run has no zone of its own, and a bound must state one.
    """
    selection = Selection(
        where=tuple(read_condition(text) for text in where),
        since_ms=_bound("--since", since, times, zone_per_row),
        until_ms=_bound("--until", until, times, zone_per_row),
        sample=_sample(sample),
    )
    first, end = selection.since_ms, selection.until_ms
    if first is not None and end is not None and first >= end:
        raise UsageError(
            "--since is not before --until, so that no row lies between",
            hint="--since 2026-03-01 --until 2026-04-01 is the whole of March",
        )
    return selection


def _bound(flag: str, text: str | None, times: TimeReader | None, needs_zone: bool) -> int | None:
    if text is None or times is None:
        return None
    try:
        return times.bound(text, needs_zone=needs_zone)
    except TimeProblem as problem:
        forms = f"{_ZONED}, or {_ZONED_UTC}" if needs_zone else f"2026-03-01, or {_ZONED}"
        raise UsageError(f"{flag}: {problem.message}", hint=f"{flag} {forms}") from None


def _sample(text: str | None) -> int | None:
    if text is None:
        return None
    match = _RATE.fullmatch(text.strip())
    rate = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < rate <= 1:
        raise UsageError("--sample wants a share of the rows", hint="--sample 0.1, or 10%")
    return round(rate * _HASHES)


def sampled(map_row: Mapper, selection: Selection) -> Mapper:
    """The mapper with its rejects sampled too, so that they keep their share; events are, by their id.

    A reject goes by its id as well, or by its content where it has none.
    """
    if selection.sample is None:
        return map_row

    def map_sampled(origin: Origin) -> Event | Reject | Filtered:
        item = map_row(origin)
        if isinstance(item, Reject) and not selection.takes(_key(item)):
            return Filtered(origin, "sample")
        return item

    return map_sampled


def _key(reject: Reject) -> bytes:
    row = reject.origin.row
    text = reject.distinct_id or (row.raw if isinstance(row, Malformed) else repr(row.fields))
    return text.encode("utf-8", "surrogatepass")
