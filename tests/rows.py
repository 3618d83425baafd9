"""Rows for tests: times inside the API's window, files to hold them, and the table that a text is read as."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ours_cli.record import Table
from ours_cli.source import ReadOptions, open_table

NOW_MS = time.time_ns() // 1_000_000
HOUR_MS = 3_600_000


def ago(hours: float) -> int:
    """Milliseconds since the epoch, so many hours before these tests began, on a whole second."""
    return (NOW_MS - int(hours * HOUR_MS)) // 1000 * 1000


def iso(hours: float) -> str:
    """The same moment as ISO 8601."""
    return datetime.fromtimestamp(ago(hours) / 1000, UTC).isoformat().replace("+00:00", "Z")


def ndjson(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def table_of(data: str | bytes, **options: Any) -> Table:
    """What a pipe with this text is, read under these options."""
    encoded = data.encode() if isinstance(data, str) else data
    return open_table("-", ReadOptions(**options), io.BytesIO(encoded))
