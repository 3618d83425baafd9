"""Pure: rows refused alone (400, 413): are they to blame, or does the server refuse whatever it gets?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from ours_cli.errors import ContractError
from ours_cli.events.chunk import Chunk, chunk_of
from ours_cli.events.event import Origin, Reject
from ours_cli.events.packed_events import Events
from ours_cli.sending.stops import NOT_THE_API

LONE_REFUSALS_MAX: Final = 16
"""Lone rows refused in a row: with nothing accepted yet, the rows are not the cause (exit 8)."""

SMALL_BYTES: Final = 4096
"""A row up to this is never too large: the API takes properties of a mebibyte (contract: one event)."""


class Refusal(NamedTuple):
    """A row refused alone: its reject, should it be to blame, its bytes, and when the answer came.

    `limit` is that of a 413, which the API states, and a proxy in between does not (contract: 413).
    `is_foreign` is as in `Refused`.
    """

    reject: Reject
    status: Literal[400, 413]
    limit: int | None
    size: int
    at: float
    is_foreign: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the row is to blame even where no other row can tell: it may really be too large."""
        return self.status == 413 and (self.limit is not None or self.size > SMALL_BYTES)


class LoneRefusals:
    """Holds the rows refused alone until the server has accepted another one that was sent afterwards.

    Only that tells a bad row from a server, or a proxy, that has begun to refuse whatever it gets. `where`
    is as in `Listener`.
    """

    def __init__(self, where: Callable[[Origin, Origin], str]) -> None:
        self._where = where
        self._held: list[Refusal] = []
        self._accepted: Events | None = None

    def __bool__(self) -> bool:
        return bool(self._held)

    @property
    def are_many(self) -> bool:
        """Whether it can no longer be chance."""
        return len(self._held) >= LONE_REFUSALS_MAX

    def add(self, refusal: Refusal) -> None:
        """One more."""
        self._held.append(refusal)

    def accepted(self, events: Events, started: float) -> list[Reject]:
        """A request begun at `started` had these rows accepted; returns what is thereby to blame."""
        self._accepted = events
        return self.cleared(started)

    def cleared(self, started: float) -> list[Reject]:
        """The rows refused before a request that was begun at `started`, and accepted."""
        if not self._held:
            return []
        to_blame = [refusal.reject for refusal in self._held if refusal.at <= started]
        self._held = [refusal for refusal in self._held if refusal.at > started]
        return to_blame

    def question(self) -> Chunk | None:
        """A row that was accepted before: sent again, it shows whether the server accepts anything still."""
        return None if self._accepted is None else chunk_of(self._accepted[-1:])

    def blamed(self) -> list[Reject]:
        """All of them, where no other row can tell any more; raises the error where that cannot be right.

        After an acceptance a few may be to blame for anything, and many still for a 400: of visitors, say,
        that all lack the same thing.
        """
        if not all(map(self._is_to_blame, self._held)):
            raise self.error()
        held, self._held = self._held, []
        return [refusal.reject for refusal in held]

    def _is_to_blame(self, refusal: Refusal) -> bool:
        if self._accepted is None:
            is_the_only_one = refusal.status == 413 and len(self._held) == 1
            return (refusal.is_plain or is_the_only_one) and not self.are_many
        return refusal.is_plain or refusal.status == 400 or not self.are_many

    def error(self) -> ContractError:
        """The server refuses everything: none of these rows is rejected."""
        codes = sorted({refusal.status for refusal in self._held})
        told = " and ".join(map(str, codes))
        since = "none accepted" if self._accepted is None else "none accepted any more"
        last = self._held[-1].reject.origin
        are_foreign = all(refusal.is_foreign for refusal in self._held)
        return ContractError(
            f"the server refuses every row ({told}): {len(self._held)} sent alone, {since}"
            f" (tried last: {self._where(last, last)})",
            hint="is it a proxy or firewall in between? Once it lets them pass, the same command goes on"
            if 413 in codes
            else NOT_THE_API
            if are_foreign
            else "check the event names allowed in the dashboard, and --dry-run to see what is sent;"
            " mend a row that is to blame, and the same command goes on",
        )
