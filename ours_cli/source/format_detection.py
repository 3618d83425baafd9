"""Whether a source is delimited text, NDJSON or other JSON: by flag, then name, then content."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from ours_cli.errors import SourceError
from ours_cli.exact_json import is_json
from ours_cli.record import Dialect
from ours_cli.reject_marks import is_rejects_file
from ours_cli.source.delimiter_detection import detect_delimiter, sample_rows
from ours_cli.source.options import ReadOptions, SourceFormat

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
_BEGINS_JSON = re.compile(r"\s*[{\[]")
_LINES_TRIED = 6
# A message or two may stand above rows; so many lines would be as many rejects, and all that follow.
_PROSE_LINES = 10


def detect_format(text: str, *, suffix: str, read: ReadOptions, name: str, may_be_more: bool) -> SourceFormat:
    """The format of a source that begins with `text`; `may_be_more`: a pipe has not delivered more yet.

    Raises `SourceError` where its name contradicts it, and where objects are wanted and none begins.
    """
    if read.format is not None:
        return read.format
    by_name = _BY_SUFFIX.get(suffix)
    kind = json_kind(text)
    if by_name in ("csv", "tsv"):
        if kind is not None:
            return _despite_name(kind, text, f"{name} is named {suffix}", "JSON")
        return by_name
    if read.objects_only and not may_be_more and _is_prose(text):
        raise SourceError(
            f"{name}: none of its first {_PROSE_LINES} lines is a JSON object",
            hint="a table is for ours backfill; with --format ndjson each such line is a reject",
        )
    if by_name is None:
        return kind or _by_lines(text, objects_only=read.objects_only)
    if kind is None and text.strip():
        if not any(line.lstrip().startswith("{") for line in text.splitlines()):
            return _despite_name("csv", text, f"{name} is named {suffix}", "text that is not JSON")
        return by_name
    if by_name == "ndjson" and _is_written_in_lines(text.strip("\ufeff \t\r\n")):
        return "ndjson"
    return kind or "ndjson"


def _is_prose(text: str) -> bool:
    """Whether there are many lines, none of which is meant to be JSON, and they are no table."""
    lines = _filled_lines(text)
    return len(lines) >= _PROSE_LINES and not any(map(_BEGINS_JSON.match, lines)) and not _is_table(lines)


def _filled_lines(text: str) -> list[str]:
    return [line for line in text.strip("\ufeff").splitlines(keepends=True) if line.strip()]


def _by_lines(text: str, *, objects_only: bool) -> SourceFormat:
    """NDJSON where objects follow a first line that is none: one in a table may be a stray message."""
    lines = _filled_lines(text)
    if objects_only:
        return "ndjson" if any(map(_is_object, lines)) or not _is_table(lines) else "csv"
    first = lines[:_LINES_TRIED]
    return "ndjson" if 0 < len(first) <= 2 * sum(map(_is_object, first)) else "csv"


def _is_table(lines: list[str]) -> bool:
    """Whether a delimiter cuts the first two rows into as many cells."""
    quote = '"'
    delimiter = detect_delimiter(lines, quote, complete=False)
    rows = sample_rows(lines, Dialect(delimiter, quote), 1, complete=False)
    return len(rows) > 1 and len(rows[0].cells) == len(rows[1].cells) > 1


def _is_object(line: str) -> bool:
    """Whether a line is an object with keys."""
    return line.lstrip().startswith("{") and line.strip() != "{}" and is_json(line)


def _is_written_in_lines(body: str) -> bool:
    """Whether the name may be believed: lines hold whole values, or at least no document begins there."""
    first, _, others = body.partition("\n")
    if first.startswith("{"):
        return first.strip() != "{"
    return bool(others.strip()) and is_json(first.strip())


def json_kind(text: str) -> JsonKind | None:
    """How `text` is JSON, or None where it is not: a CSV header may begin with a bracket, too."""
    body = text.strip("\ufeff \t\r\n")
    lines = [line.strip() for line in body.split("\n", _LINES_TRIED)[:_LINES_TRIED]]
    if body.startswith("{"):
        if is_json(lines[0]) or (_OBJECT_BEGINS.match(body) and _continues_as_lines(lines)):
            return "ndjson"
        return "json" if _OBJECT_BEGINS.match(body) else None
    if body.startswith("[") and (_ARRAY_BEGINS.match(body) or is_json(lines[0])):
        return "json"
    return None


def _continues_as_lines(lines: list[str]) -> bool:
    """Whether whole objects follow a broken first line; in a document printed over lines none do."""
    return len(lines[0]) > 1 and any(line.startswith("{") and is_json(line) for line in lines[1:])


def _despite_name(kind: SourceFormat, text: str, named: str, content: str) -> SourceFormat:
    """The format of a rejects file, which has the source's format and any name; others must bear it."""
    if is_rejects_file(text.encode("utf-8", "replace")):
        return kind
    raise SourceError(f"{named} but holds {content}", hint=f"if that is right, say --format {kind}")
