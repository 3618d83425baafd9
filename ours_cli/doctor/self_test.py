"""One rehearsal through the command line: an export into a sandbox, rejects, and no duplicates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from ours_cli.destination import destination
from ours_cli.doctor.finding import Finding, Level, of_error
from ours_cli.errors import ExitCode, OursError, reason
from ours_cli.options import Target
from ours_cli.sending.retry import Answer
from ours_cli.settings import Endpoint

_TIMEOUT_S: Final = 60.0
_HOUR_MS: Final = 3_600_000
_FLAGS: Final = (
    *("--event", "{what}", "--time", "{when}", "--external-id", "{who}", "-p", "amount={sum|number}"),
    *("-q", "-o", "json", "--restart"),
)


def self_test() -> Finding:
    """Send five rows to an embedded sandbox, twice; see what arrived, and that nothing counted twice."""
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as name, destination(Target(sandbox=True), None) as place:
            problem = _rehearse(Path(name), place.endpoint)
    except subprocess.TimeoutExpired:
        problem = f"no end within {_TIMEOUT_S:g} s"
    except OursError as error:
        return of_error("self-test", error)
    except OSError as error:
        text = f"there is no place for a rehearsal: {reason(error)}"
        return Finding("self-test", Level.failed, text, "TMPDIR names another place", ExitCode.LOCAL_IO)
    seconds = time.monotonic() - started
    if problem is not None:
        text = f"the rehearsal in the sandbox went wrong: {problem}"
        return Finding("self-test", Level.failed, text, "please report this line", ExitCode.BUG)
    text = f"an export of 5 rows, sent twice to a sandbox: 4 events, 1 reject, no doubles ({seconds:.1f} s)"
    return Finding("self-test", Level.ok, text)


def _rehearse(folder: Path, sandbox: Endpoint) -> str | None:
    """What went wrong, or None."""
    times = [time.time_ns() // 1_000_000 - hours * _HOUR_MS for hours in (1, 2, 3, 4)]
    rows = [f"Self Test,{when},person-{number},$1.50" for number, when in enumerate(times)]
    export = folder / "export.csv"
    export.write_text("\n".join(["what,when,who,sum", *rows, f"Self Test,{times[0]},,$1.50", ""]), "utf-8")
    for _ in range(2):
        done = _backfill(export, folder, sandbox)
        if done.returncode != ExitCode.REJECTED:
            return f"exit {done.returncode} instead of {int(ExitCode.REJECTED)}"
        problem = _books(done.stdout)
        if problem is not None:
            return problem
    bodies = [event["body"] for event in _events(sandbox)]
    arrived = {body.get("externalId"): (body.get("time"), body.get("eventProperties")) for body in bodies}
    expected = {f"person-{number}": (when, {"amount": 1.5}) for number, when in enumerate(times)}
    return (
        None
        if arrived == expected and len(bodies) == len(times)
        else "the sandbox did not receive what the export holds"
    )


def _backfill(export: Path, folder: Path, sandbox: Endpoint) -> subprocess.CompletedProcess[bytes]:
    """A process of its own, with none of the person's settings and a state folder that goes away."""
    settings = {name: text for name, text in os.environ.items() if not name.startswith("OURS_")}
    mine = {
        "OURS_PRIVACY_TOKEN": sandbox.token,
        "OURS_PRIVACY_BASE_URL": sandbox.base_url,
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    return subprocess.run(  # noqa: S603 - this very program, on a file that was just written
        [sys.executable, "-m", "ours_cli", "backfill", export, *_FLAGS],
        env=settings | mine,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def _books(out: bytes) -> str | None:
    try:
        result = json.loads(out)
    except ValueError:
        return "its result is not JSON"
    books = {key: result.get(key) for key in ("read", "accepted", "rejected", "unsent", "reject_codes")}
    right = {"read": 5, "accepted": 4, "rejected": 1, "unsent": 0, "reject_codes": {"missing_identifier": 1}}
    return None if books == right else f"the books are {json.dumps(books)}"


def _events(sandbox: Endpoint) -> list[dict[str, Any]]:
    from ours_cli.sending.http_client import ask_once

    answer = ask_once(sandbox, "events", timeout=_TIMEOUT_S)
    if not isinstance(answer, Answer):
        return []
    found: list[dict[str, Any]] = json.loads(answer.body)["events"]
    return found
