"""Who takes part: the command lines that send, or merely make, the events of one file."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from orders import EVENT, TOKEN, Files

HERE = Path(__file__).parent
OURS = (sys.executable, "-m", "ours_cli")
MAPPING = (
    *("--event", EVENT, "--time", "{created_at}", "--external-id", "{customer_id}", "--email", "{email}"),
    *("-p", "order_id={order_id}", "-p", "status={status}", "-p", "currency={currency}"),
    *("-p", "total={total|number}", "-p", "quantity={quantity|int}", "-p", "paid={paid|bool}"),
    *("-p", "sku={sku}", "-p", "note={note}", "-u", "city={city}"),
)


class Candidate(NamedTuple):
    """`rows` is what its command sends (`is_sender`) or makes; fewer than the file's where it is slow."""

    name: str
    command: Sequence[str] | str
    rows: int
    is_sender: bool = True


def ours_csv(files: Files, *flags: str, name: str = "ours backfill (CSV)") -> Candidate:
    """Mapped, typed, validated, with derived ids and journal: nothing is switched off."""
    command = (*OURS, "backfill", str(files.table), *MAPPING, "--restart", "-q", *flags)
    return Candidate(name, command, files.rows)


def ours_ndjson(files: Files, *flags: str, name: str = "ours batch (NDJSON)") -> Candidate:
    """Rows in the API's shape."""
    return Candidate(name, (*OURS, "batch", str(files.twin), "--restart", "-q", *flags), files.rows)


def has_workers() -> bool:
    """Whether this version of ours has `--workers`."""
    shown = subprocess.run((*OURS, "backfill", "--help"), capture_output=True, text=True, check=True)
    return "--workers" in shown.stdout


def no_send_limit(files: Files) -> Candidate:
    """A program for this very file that sends nothing, on one core."""
    command = (sys.executable, str(HERE / "hard_coded.py"), str(files.table))
    return Candidate("no-send limit, one core", command, files.rows, is_sender=False)


def hard_coded_sender(files: Files, base_url: str) -> Candidate:
    """The same program, sending with httpx: how near to the limit one process that uses it can come."""
    command = (sys.executable, str(HERE / "hard_coded.py"), str(files.table), base_url)
    return Candidate("the same with httpx, one process", command, files.rows)


def sdk(files: Files, base_url: str, kind: str, rows: int) -> Candidate:
    """The official SDK's loop, over the first rows of the file."""
    rows = min(rows, files.rows)
    command = (sys.executable, str(HERE / "sdk_loop.py"), kind, base_url, str(files.table), str(rows))
    names = {"snake": "SDK loop as documented", "camel": "SDK, camelCase + fromisoformat"}
    return Candidate(names[kind], command, rows)


_JQ = (
    '{distinctId:.order_id,event:"Order Placed",externalId:.customer_id,email,'
    "time:(.created_at|fromdate*1000),"
    "eventProperties:{order_id,status,currency,total:(.total|tonumber),quantity:(.quantity|tonumber),"
    'paid:(.paid=="true"),sku,note},userProperties:{city}}'
)


def jq_curl(files: Files, base_url: str) -> list[Candidate]:
    """jq makes the events, of NDJSON since it reads no CSV; one curl for 500, in line or 8 at once."""
    if not (shutil.which("jq") and shutil.which("curl") and shutil.which("split")):
        return []
    rows = min(files.rows, 100_000)
    events = f"head -n {rows} {shlex.quote(str(files.flat))} | jq -c {shlex.quote(_JQ)}"
    curl = (
        f"curl -sf -o /dev/null -H 'Content-Type: application/json' -H Expect: {base_url}/batch --data-binary"
    )
    body = f'(printf \'{{"token":"{TOKEN}","events":[\'; paste -sd,; printf "]}}")'
    one_by_one = f"{events} | split -l 500 --filter={shlex.quote(f'{body} | {curl} @-')}"
    at_once = (
        f"d=$(mktemp -d) && {events} | split -l 500 --filter={shlex.quote(f'{body} >$FILE')} - $d/ && "
        f"ls $d/* | xargs -P8 -IFILE {curl} @FILE; s=$?; rm -r $d; exit $s"
    )
    return [
        Candidate("jq + split + curl", one_by_one, rows),
        Candidate("jq + split + xargs -P8 curl", at_once, rows),
    ]


def cold_starts(base_url: str) -> dict[str, Sequence[str]]:
    """One event by ours and by the least script with the same HTTP library; help, and Python alone."""
    event = {"token": TOKEN, "event": "E", "externalId": "c"}
    post = f"import httpx; httpx.post('{base_url}/track', json={event})"
    return {
        "ours track": (*_installed(), "track", "E", "--external-id", "c", "-q"),
        "httpx.post": (sys.executable, "-c", post),
        "ours --help": (*_installed(), "--help"),
        "python -c pass": (sys.executable, "-c", "pass"),
    }


def _installed() -> Sequence[str]:
    """The command as it is installed beside this Python."""
    command = Path(sys.executable).with_name("ours")
    return (str(command),) if command.exists() else OURS
