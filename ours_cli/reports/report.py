"""Outcomes → report: the books of a run, and the object that `-o json` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ours_cli.events.event import Event, Filtered, Reject
from ours_cli.events.mapped_rows import Finished, MappedRows
from ours_cli.events.outcome import Outcome, Traffic

if TYPE_CHECKING:
    from ours_cli.runs.blocks import Block

Status: TypeAlias = Literal["complete", "partial", "interrupted", "failed"]


@dataclass(slots=True)
class Books:
    """Every row read is in exactly one of accepted, rejected, filtered, elsewhere (other shards), unsent.

    The six counters are kept apart from one another, so that `balance` can catch a row that was lost or
    counted twice: `unsent` rises when a row is mapped and falls when an outcome names it. `replays` counts
    the rows, among the others, that an earlier attempt settled.
    """

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    filtered: int = 0
    elsewhere: int = 0
    unsent: int = 0
    replays: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def mapped(self, item: Finished) -> None:
        """Enter a row as it comes out of the mapping, or consecutive rows together."""
        match item:
            case Event():
                self.read += 1
                self.unsent += 1
            case Reject():
                self.read += 1
                self._reject(item)
            case Filtered():
                self.read += 1
                self.filtered += 1
            case MappedRows():
                self.read += len(item)
                self.unsent += len(item.events)
                self.filtered += item.left_out

    def delivered(self, outcome: Outcome) -> None:
        """Enter what the server's answers said of rows that were mapped before."""
        self.accepted += len(outcome.accepted)
        self.unsent -= len(outcome.accepted) + len(outcome.rejected)
        for reject in outcome.rejected:
            self._reject(reject)

    def replayed(self, block: Block) -> None:
        """Enter a block that an earlier attempt has settled."""
        self.read += block.rows
        self.replays += block.rows
        self.accepted += block.accepted
        self.rejected += block.rejected
        self.filtered += block.filtered
        self.codes.update(block.codes)

    def passed_over(self, rows: int) -> None:
        """Enter rows of other shards, which the pipeline never saw."""
        self.read += rows
        self.elsewhere += rows

    def unwritten(self, rejects: Iterable[Reject]) -> None:
        """Take back rejects that could not be written: nobody could mend them, so their rows stay unsent."""
        for reject in rejects:
            self.rejected -= 1
            self.codes -= Counter([reject.code])
            self.unsent += 1

    def _reject(self, reject: Reject) -> None:
        self.rejected += 1
        self.codes[reject.code] += 1

    def balance(self) -> bool:
        """Whether the books balance, and no row was given two outcomes."""
        settled = self.accepted + self.rejected + self.filtered + self.elsewhere
        return self.unsent >= 0 and self.read == settled + self.unsent


class ShardPart(NamedTuple):
    """What a shard's report has in addition to its books, so that receipts of machines can be merged.

    `shard` is K/N, `mapping` the digest of the mapping. `source` is the digest of all rows of the source,
    those of other shards included; None when it was not read to its end. `rate` is the events per second of
    all shards together and of this one, where there is a limit.
    """

    shard: str
    mapping: str
    source: str | None
    rate: tuple[float, float] | None

    def to_json(self, elsewhere: int) -> dict[str, Any]:
        """The keys that a report has with `--shard` only."""
        rate = {"all": self.rate[0], "shard": self.rate[1]} if self.rate else None
        return {
            "shard": self.shard,
            "other_shards": elsewhere,
            "source": self.source,
            "mapping": self.mapping,
            "rate": rate,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one run, as `-o json` prints it. Durations in seconds, `bytes` of request bodies.

    `again_helps` is false where `resume` would end the same way until the source or a flag changes: then
    nobody is told to type it. `hints` say by reject code what to do.
    """

    command: str
    run: str
    status: Status
    books: Books
    traffic: Traffic
    duration_s: float
    rejects_file: str | None = None
    warnings: list[str] = field(default_factory=list)
    resume: str | None = None
    mend: str | None = None
    error: str | None = None
    part: ShardPart | None = None
    again_helps: bool = True
    hints: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The object for scripts; its keys are documented in the README."""
        books = self.books
        result = {
            "command": self.command,
            "run": self.run,
            "status": self.status,
            "read": books.read,
            "accepted": books.accepted,
            "rejected": books.rejected,
            "filtered": books.filtered,
            "unsent": books.unsent,
            "requests": self.traffic.requests,
            "retries": self.traffic.retries,
            "bytes": self.traffic.bytes,
            "duration_s": round(self.duration_s, 3),
            "rejects_file": self.rejects_file,
            "reject_codes": dict(books.codes.most_common()),
            "warnings": self.warnings,
            "resume": self.resume,
            "mend": self.mend,
        }
        part = self.part.to_json(books.elsewhere) if self.part else {}
        return result | part | ({"error": self.error} if self.error else {})
