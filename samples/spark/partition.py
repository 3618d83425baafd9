"""One partition of a Spark job through `ours batch`: rows on stdin, receipt and rejects on stdout.

    partition.py OURS [FLAG...]

Spark runs this once for each attempt at a partition (`RDD.pipe`). The last input line must be the trailer
that the job adds to the rows, `{"endOfPartition": ROWS}`: a killed task looks like the end of the input, and
only the trailer tells the two apart. Without it this fails, and so does the attempt. What was sent by then
does no harm, since each row has its own distinctId and counts once.

stdout gets lines of JSON: `{"reject": {...}}` for each reject and, last, `{"receipt": {...}}`. Exit code 3 of
ours (some rows were rejected) is a success here; any other code than 0 is a failure, and is passed on. Each
attempt keeps its state in a directory of its own that is removed afterwards: no lock, and nothing to resume.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

SOME_REJECTED = 3
CUT_OFF = 75
"""Exit code for an input without its trailer (EX_TEMPFAIL: try again)."""


def main(ours: str, flags: list[str]) -> int:
    """Send what stdin has; returns the exit code."""
    # A file, so that ours never waits for a reader; it has no name, and so it ends with this process.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as rejects:
        report = Path(folder, "report.json")
        with subprocess.Popen(
            [ours, "batch", "-", "--rejects", "-", "--report", str(report), "--quiet", *flags],
            stdin=subprocess.PIPE,
            stdout=rejects,
            env={**os.environ, "XDG_STATE_HOME": folder},
        ) as process:
            assert process.stdin is not None
            try:
                rows = feed(process.stdin)
                code = process.wait()
            except BaseException:
                process.kill()
                raise
        if code not in (0, SOME_REJECTED):
            return complain(f"ours ended with {code}", code if code > 0 else CUT_OFF)
        if rows is None:
            return complain("the input ended without its trailer: its task was cut off", CUT_OFF)
        receipt = json.loads(report.read_bytes())
        if receipt["read"] != rows:
            return complain(f"ours read {receipt['read']} rows of {rows}", CUT_OFF)
        rejects.seek(0)
        count = pass_rejects_on(rejects)
    if count != receipt["rejected"]:
        return complain(f"ours gave {count} rejects, and its receipt counts {receipt['rejected']}", CUT_OFF)
    sys.stdout.buffer.write(json.dumps({"receipt": receipt}).encode() + b"\n")
    sys.stdout.buffer.flush()
    return 0


def feed(stdin: IO[bytes]) -> int | None:
    """Pass the rows on; returns how many the trailer says there were, None without a trailer."""
    last = b""
    try:
        with stdin:
            for line in sys.stdin.buffer:
                if last:
                    stdin.write(last)
                last = line
    except BrokenPipeError:
        pass  # ours has ended, and its exit code says why
    try:
        trailer = json.loads(last)
    except ValueError:
        return None
    rows = trailer.get("endOfPartition") if isinstance(trailer, dict) else None
    return rows if isinstance(rows, int) else None


def pass_rejects_on(rejects: IO[bytes]) -> int:
    """Mark each reject as one, its bytes as they are, whatever the locale; returns how many there are."""
    count = 0
    for line in rejects:
        sys.stdout.buffer.write(b'{"reject":' + line.rstrip(b"\n") + b"}\n")
        count += 1
    return count


def complain(what: str, code: int) -> int:
    """Say on stderr why this attempt does not count."""
    sys.stderr.write(f"partition: {what}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
