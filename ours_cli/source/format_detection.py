"""Whether a source is delimited text, NDJSON or other JSON: by flag, then name, then content."""

from __future__ import annotations

import json
import re
from typing import Literal, TypeAlias

from ours_cli.errors import SourceError
from ours_cli.source.options import SourceFormat

JsonKind: TypeAlias = Literal["ndjson", "json"]

_BY_SUFFIX: dict[str, SourceFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
}
_OBJECT_BEGINS = re.compile(r'\{\s*(?:["}]|\Z)')
_ARRAY_BEGINS = re.compile(r"\[\s*(?:[{\]]|\Z)")
_LINES_TRIED = 6


def detect_format(text: str, *, suffix: str, told: SourceFormat | None, name: str) -> SourceFormat:
    """The format of a source that begins with `text`. Raises `SourceError` where its name contradicts it."""
    if told is not None:
        return told
    by_name = _BY_SUFFIX.get(suffix)
    kind = json_kind(text)
    if by_name in ("csv", "tsv"):
        if kind is not None:
            raise _contradiction(name, suffix, "JSON", kind)
        return by_name
    if by_name is None:
        return kind or "csv"
    if kind is None and text.strip():
        if not any(line.lstrip().startswith("{") for line in text.splitlines()):
            raise _contradiction(name, suffix, "text that is not JSON", "csv")
        return by_name
    if by_name == "ndjson" and _is_written_in_lines(text.strip("\ufeff \t\r\n")):
        return "ndjson"
    return kind or "ndjson"


def _is_written_in_lines(body: str) -> bool:
    """Whether the name may be believed: lines hold whole values, or at least no document begins there."""
    first, _, others = body.partition("\n")
    if first.startswith("{"):
        return first.strip() != "{"
    return bool(others.strip()) and _is_json(first.strip())


def json_kind(text: str) -> JsonKind | None:
    """How `text` is JSON, or None where it is not: a CSV header may begin with a bracket, too."""
    body = text.strip("\ufeff \t\r\n")
    lines = [line.strip() for line in body.split("\n", _LINES_TRIED)[:_LINES_TRIED]]
    if body.startswith("{"):
        if _is_json(lines[0]) or (_OBJECT_BEGINS.match(body) and _continues_as_lines(lines)):
            return "ndjson"
        return "json" if _OBJECT_BEGINS.match(body) else None
    if body.startswith("[") and (_ARRAY_BEGINS.match(body) or _is_json(lines[0])):
        return "json"
    return None


def _continues_as_lines(lines: list[str]) -> bool:
    """Whether whole objects follow a broken first line; in a document printed over lines none do."""
    return len(lines[0]) > 1 and any(line.startswith("{") and _is_json(line) for line in lines[1:])


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _contradiction(name: str, suffix: str, content: str, kind: str) -> SourceError:
    return SourceError(
        f"{name} is named {suffix} but holds {content}", hint=f"if that is right, say --format {kind}"
    )
