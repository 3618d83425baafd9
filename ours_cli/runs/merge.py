"""Receipts of shards → one receipt, and whether they make a whole. Pure: it reads and prints nothing.

A part is one shard's receipt, from `ours runs show` (this machine's journals) or from a `--report` file
(any machine's).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ours_cli.errors import SourceError, UsageError
from ours_cli.reports.report import Books
from ours_cli.reports.report_text import book_lines
from ours_cli.shard import Shard, read_shard
from ours_cli.wording.counted import counted


class Part(NamedTuple):
    """One shard's receipt. `name` is what the person typed; `source` is None where its end was not reached.

    `is_finished` says that every row that it read has an outcome.
    """

    name: str
    run: str
    command: str
    shard: Shard
    mapping: str
    source: str | None
    is_finished: bool
    books: Books


def part(name: str, entry: Any) -> Part:
    """One receipt or report, read from JSON; raises `SourceError` for anything else."""
    if isinstance(entry, dict) and {"error", "exit"} <= entry.keys() and "run" not in entry:
        raise SourceError(
            f"{name} is of a command that failed before it sent a row",
            hint="its `error` says why; run it again",
        )
    try:
        if not entry["shard"]:
            raise UsageError(
                f"{name} is a run of all rows, not of a shard", hint="merge takes runs with --shard K/N"
            )
        shard = read_shard(entry["shard"])
        assert shard is not None
        counts = {key: _count(entry[key]) for key in ("accepted", "rejected", "filtered")}
        counts["elsewhere"] = _count(entry["other_shards"])
        settled = sum(counts.values())
        # A receipt has no `unsent`, and no `read` before its run first ended.
        read = settled if entry["read"] is None else _count(entry["read"])
        unsent = _count(entry.get("unsent", read - settled))
        codes = Counter({str(code): _count(rows) for code, rows in entry["reject_codes"].items()})
        status = entry.get("status") or entry["state"]
        return Part(
            name=name,
            run=str(entry["run"]),
            command=str(entry["command"]),
            shard=shard,
            mapping=str(entry["mapping"]),
            source=entry["source"],
            is_finished=status in ("complete", "partial"),
            books=Books(read, **counts, unsent=unsent, codes=codes),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise SourceError(
            f"{name} is no report of a run with --shard", hint="--report PATH, or -o json, writes them"
        ) from None


def _count(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


@dataclass(frozen=True, slots=True)
class Merged:
    """The receipts of one command's shards, added up. `problems` says why they are not a whole, if so.

    `missing`, `doubled` and `unfinished` name shards (K/N). `read` is the rows of the source, once; None
    where the shards do not agree on it. `books` are the rows that they did not pass over.
    """

    command: str
    shards: int
    read: int | None
    books: Books
    missing: list[str]
    doubled: list[str]
    unfinished: list[str]
    parts: Sequence[Part]
    problems: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """`complete`, `partial` (some rows rejected), or `incomplete`: not a whole."""
        if self.problems:
            return "incomplete"
        return "partial" if self.books.rejected else "complete"

    def to_json(self) -> dict[str, Any]:
        """The object for scripts; its keys are documented in the README."""
        books = self.books
        return {
            "command": self.command,
            "status": self.status,
            "shards": self.shards,
            "read": self.read,
            "accepted": books.accepted,
            "rejected": books.rejected,
            "filtered": books.filtered,
            "unsent": books.unsent,
            "reject_codes": dict(books.codes.most_common()),
            "missing": self.missing,
            "doubled": self.doubled,
            "unfinished": self.unfinished,
            "problems": self.problems,
            "runs": {part.run: str(part.shard) for part in self.parts},
        }


def merge(parts: Sequence[Part]) -> Merged:
    """Add receipts up; raises `UsageError` where there are none."""
    if not parts:
        raise UsageError(
            "merge wants the runs of all shards",
            hint="ours runs merge RUN..., or the files that --report wrote: ours runs merge reports/*.json",
        )
    parts = sorted(parts, key=lambda part: (part.shard, part.run))
    total = parts[0].shard.total
    seen = Counter(part.shard for part in parts)
    missing = [str(shard) for shard in (Shard(k, total) for k in range(total)) if shard not in seen]
    doubled = [str(shard) for shard, times in seen.items() if times > 1]
    unfinished = [str(part.shard) for part in parts if not part.is_finished or part.source is None]
    books = Books()
    for part in parts:
        books.read += part.books.read - part.books.elsewhere
        books.accepted += part.books.accepted
        books.rejected += part.books.rejected
        books.filtered += part.books.filtered
        books.unsent += part.books.unsent
        books.codes.update(part.books.codes)
    reads = {part.books.read for part in parts}
    merged = Merged(
        command=parts[0].command,
        shards=total,
        read=reads.pop() if len(reads) == 1 else None,
        books=books,
        missing=missing,
        doubled=doubled,
        unfinished=unfinished,
        parts=parts,
    )
    merged.problems.extend(_problems(merged))
    return merged


def _problems(merged: Merged) -> list[str]:
    parts = merged.parts
    apart = [
        _differing("are of several commands", parts, lambda part: part.command),
        _differing("divide the rows differently", parts, lambda part: f"into {part.shard.total}"),
        _differing("were mapped differently", parts, lambda part: part.mapping),
        _differing("read different sources", parts, lambda part: part.source or ""),
    ]
    found = [text for text in apart if text]
    if merged.missing:
        found.append(f"missing: {_listed(merged.missing)}")
    if merged.doubled:
        found.append(f"there more than once: {_listed(merged.doubled)}")
    if merged.unfinished:
        found.append(f"unfinished: {_listed(merged.unfinished)}")
    found += [f"the books of shard {part.shard} do not balance" for part in parts if not part.books.balance()]
    if not found and merged.read != merged.books.read:
        found.append(
            f"the books do not balance: {merged.read or 0:,} rows in the source,"
            f" {merged.books.read:,} in the shards"
        )
    return found


def _differing(what: str, parts: Sequence[Part], of: Callable[[Part], str]) -> str | None:
    """Say which shards differ from most, where some do; an unfinished one may lack what is compared."""
    groups: dict[str, list[str]] = {}
    for part in parts:
        if value := of(part):
            groups.setdefault(value, []).append(str(part.shard))
    if len(groups) < 2:
        return None
    *few, _ = sorted(groups.values(), key=len)
    return f"shards {what}: {_listed([shard for group in few for shard in group])} unlike the others"


def _listed(shards: Sequence[str]) -> str:
    more = f", and {counted(len(shards) - 10, 'other')}" if len(shards) > 10 else ""
    return ", ".join(shards[:10]) + more


def incomplete(merged: Merged) -> SourceError | None:
    """The error for receipts that are not a whole."""
    if not merged.problems:
        return None
    hint = "run the command again with each --shard that is missing or unfinished: it goes on"
    if not (merged.missing or merged.unfinished):
        hint = "give the receipt of each shard of one command once: ours runs list"
    return SourceError("; ".join(merged.problems), hint=hint)


def merged_text(merged: Merged) -> str:
    """The merged receipt for people."""
    there, codes = merged.shards - len(merged.missing), merged.books.codes
    lines = [
        f"{merged.command}: {merged.status}, {there:,} of {counted(merged.shards, 'shard')}",
        *book_lines(merged.books, merged.read),
    ]
    if codes:
        lines.append(f"  rejects   {', '.join(f'{code} {count:,}' for code, count in codes.most_common())}")
    return "\n".join(lines)
