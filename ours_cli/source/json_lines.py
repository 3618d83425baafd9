"""NDJSON: one object a line."""

from __future__ import annotations

from collections.abc import Iterator

from ours_cli.exact_json import JsonProblem
from ours_cli.record import Malformed, Record
from ours_cli.source.json_objects import parse_object
from ours_cli.source.lines import MAX_RECORD, ByteLines


def json_line_records(blocks: Iterator[ByteLines], first_line: int) -> Iterator[Record | Malformed]:
    """A record for every line that holds an object; blank lines are left out."""
    line = first_line - 1
    for block in blocks:
        for raw in block.lines:
            line += 1
            if block.oversize:
                yield _malformed(line, raw, "too_large", f"a line of more than {MAX_RECORD >> 20} MiB")
                continue
            try:
                fields = parse_object(raw)
            except JsonProblem as problem:
                if raw.strip():
                    cut_off = not block.terminated and raw is block.lines[-1]
                    yield _malformed(line, raw, *_diagnosis(problem, cut_off=cut_off))
            else:
                yield Record(line, fields)


def _diagnosis(problem: JsonProblem, *, cut_off: bool) -> tuple[str, str]:
    if cut_off and problem.code == "bad_json":
        return "truncated_row", f"the last line has no end and is {problem.message}"
    return problem.code, problem.message


def _malformed(line: int, raw: bytes, code: str, message: str) -> Malformed:
    return Malformed(line, raw.decode("utf-8", "surrogateescape").rstrip("\r"), code, message)
