"""The file of the benchmarks: orders, 12 columns, about 144 bytes a row, half of the rows quoted."""

from __future__ import annotations

import csv
import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

COLUMNS = (
    *("order_id", "customer_id", "email", "created_at", "status", "currency"),
    *("total", "quantity", "paid", "sku", "city", "note"),
)
EVENT = "Order Placed"
TOKEN = "benchmark"

_CITIES = ("Ulm", "Bern", "Graz", "Lyon", "Gent", "Turku", "Porto", "Krakow")
_STATUSES = ("placed", "shipped", "returned")
_NOTES = (
    "leave at the door, please",
    "ring twice, then wait",
    'a "gift" for Ada, wrapped',
    "first floor,\nleft",
)


class Files(NamedTuple):
    """The same orders as CSV, as NDJSON rows (`flat`, for jq), and as NDJSON events (`twin`)."""

    table: Path
    flat: Path
    twin: Path
    rows: int


def write_orders(folder: Path, rows: int) -> Files:
    """Write the files, with times of the last six days, unless they are there."""
    names = ("orders.csv", "rows.ndjson", "events.ndjson")
    table, flat, twin = (folder / f"{rows}-{name}" for name in names)
    files = Files(table, flat, twin, rows)
    if files.twin.exists():
        return files
    dice = random.Random(5)
    now = int(time.time())
    with (
        files.table.open("w", encoding="utf-8", newline="") as as_csv,
        files.flat.open("w", encoding="utf-8") as as_rows,
        files.twin.open("w", encoding="utf-8") as as_events,
    ):
        writer = csv.writer(as_csv, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number in range(rows):
            cells = _order(dice, number, now)
            writer.writerow(cells)
            as_rows.write(_line(dict(zip(COLUMNS, cells, strict=True))))
            as_events.write(_line(_event(cells)))
    return files


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def _order(dice: random.Random, number: int, now: int) -> list[str]:
    moment = datetime.fromtimestamp(now - 3600 - dice.randrange(6 * 86_400), UTC)
    customer = dice.randrange(1_000_000)
    return [
        f"ord-{number:08d}",
        f"cus-{customer:07d}",
        f"customer{customer}@example.com",
        moment.isoformat().replace("+00:00", "Z"),
        dice.choice(_STATUSES),
        dice.choice(("EUR", "USD", "CHF")),
        f"{dice.randrange(100, 99_999) / 100:.2f}",
        str(dice.randrange(1, 9)),
        dice.choice(("true", "false")),
        f"SKU-{dice.randrange(10_000):04d}",
        dice.choice(_CITIES),
        dice.choice(_NOTES) if number % 2 else "standard parcel delivery",
    ]


def _event(cells: list[str]) -> dict[str, object]:
    """The event that every candidate makes of a row, without its distinctId."""
    moment = datetime.fromisoformat(cells[3])
    return {
        "event": EVENT,
        "externalId": cells[1],
        "email": cells[2],
        "time": int(moment.timestamp() * 1000),
        "eventProperties": {
            "order_id": cells[0],
            "status": cells[4],
            "currency": cells[5],
            "total": float(cells[6]),
            "quantity": int(cells[7]),
            "paid": cells[8] == "true",
            "sku": cells[9],
            "note": cells[11],
        },
        "userProperties": {"city": cells[10]},
    }
