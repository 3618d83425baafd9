"""A run's receipt: who, what, when, digests and counts, without a single value of its rows."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ours_cli.reports.report import Books
from ours_cli.runs.blocks import Block
from ours_cli.runs.masked import masked
from ours_cli.runs.run_head import RunHead

FROM_BLOCKS: Final = ("done", "accepted", "rejected", "filtered", "reject_codes", "digest")
"""The keys that only the blocks tell: unknown where these cannot be read."""


def receipt(head: RunHead, blocks: Sequence[Block], *, is_running: bool) -> dict[str, Any]:
    """The receipt of one run. Times are ISO 8601 in UTC; `digest` is over those of all blocks."""
    books, digest = Books(), hashlib.blake2b(digest_size=16)
    for block in blocks:
        books.replayed(block)
        digest.update(block.start.to_bytes(8, "big") + block.end.to_bytes(8, "big") + block.digest)
    return {
        "run": head.id,
        "command": head.identity.command,
        "state": "running" if is_running else "interrupted" if head.state == "running" else head.state,
        "exit": head.exit_code,
        "attempts": head.attempts,
        "started": _instant(head.started_s),
        "ended": None if head.ended_s is None else _instant(head.ended_s),
        "endpoint": head.identity.endpoint,
        "token": head.identity.token,
        "mapping": head.identity.mapping,
        "sources": list(head.identity.sources),
        "shard": head.identity.shard or None,
        "source": head.source,
        "read": head.read,
        "done": books.read,
        "accepted": books.accepted,
        "rejected": books.rejected,
        "filtered": books.filtered,
        "other_shards": head.elsewhere,
        "reject_codes": dict(books.codes.most_common()),
        "digest": digest.hexdigest(),
        "rejects": [{"path": path, "exists": Path(path).exists()} for path in head.rejects],
        "folder": head.folder,
        "arguments": shlex.join(["ours", *masked(head.arguments)]),
    }


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
