"""The limit of one core: the same events made by a program for this one file that sends nothing.

csv.reader, conversions, id and orjson, and no mapping, validation, books, journal or network.

    python hard_coded.py orders.csv
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from hashlib import sha256

import orjson
from orders import EVENT


def main(path: str) -> int:
    """Make the bodies of all requests; returns their bytes."""
    epoch, size = datetime(1970, 1, 1, tzinfo=UTC), 0
    parse, dumps = datetime.fromisoformat, orjson.dumps
    events: list[object] = []
    with open(path, encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        for row in rows:
            order, customer, email, created, status, currency, total, quantity, paid, sku, city, note = row
            span = parse(created) - epoch
            events.append(
                {
                    "distinctId": sha256("\x1f".join(row).encode()).hexdigest()[:32],
                    "event": EVENT,
                    "externalId": customer,
                    "email": email,
                    "time": span.days * 86_400_000 + span.seconds * 1000 + span.microseconds // 1000,
                    "eventProperties": {
                        "order_id": order,
                        "status": status,
                        "currency": currency,
                        "total": float(total),
                        "quantity": int(quantity),
                        "paid": paid == "true",
                        "sku": sku,
                        "note": note,
                    },
                    "userProperties": {"city": city},
                }
            )
            if len(events) == 500:
                size += len(dumps({"token": "benchmark", "events": events}))
                events = []
    return size + len(dumps({"token": "benchmark", "events": events}))


if __name__ == "__main__":
    assert main(sys.argv[1])
