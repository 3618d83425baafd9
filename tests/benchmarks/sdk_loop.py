"""The loop that a user of the official SDK writes: DictReader, events of 500 rows, `batch.create`.

    python sdk_loop.py snake|camel BASE_URL orders.csv ROWS

`snake` is what its documentation shows: snake_case keys and dateutil. `camel` bypasses the SDK's slow
transform with the API's own keys, and reads times with fromisoformat.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Any

import dateutil.parser
from orders import EVENT, TOKEN
from ours_privacy import OursPrivacy

Row = dict[str, str]


def snake(row: Row) -> dict[str, Any]:
    """One event with the SDK's documented keys."""
    return {
        "event": EVENT,
        "distinct_id": row["order_id"],
        "external_id": row["customer_id"],
        "email": row["email"],
        "time": dateutil.parser.parse(row["created_at"]).timestamp() * 1000,
        "event_properties": properties(row),
        "user_properties": {"city": row["city"]},
    }


def camel(row: Row) -> dict[str, Any]:
    """The same event with the API's keys."""
    return {
        "event": EVENT,
        "distinctId": row["order_id"],
        "externalId": row["customer_id"],
        "email": row["email"],
        "time": datetime.fromisoformat(row["created_at"]).timestamp() * 1000,
        "eventProperties": properties(row),
        "userProperties": {"city": row["city"]},
    }


def properties(row: Row) -> dict[str, object]:
    """The event's own properties."""
    return {
        "order_id": row["order_id"],
        "status": row["status"],
        "currency": row["currency"],
        "total": float(row["total"]),
        "quantity": int(row["quantity"]),
        "paid": row["paid"] == "true",
        "sku": row["sku"],
        "note": row["note"],
    }


def main(build: Callable[[Row], dict[str, Any]], base_url: str, path: str, rows: int) -> None:
    """Send the first `rows` rows."""
    client: Any = OursPrivacy(base_url=base_url)
    with open(path, encoding="utf-8", newline="") as stream:
        reader = islice(csv.DictReader(stream), rows)
        while events := [build(row) for row in islice(reader, 500)]:
            assert client.batch.create(token=TOKEN, events=events).failed == 0


if __name__ == "__main__":
    main({"snake": snake, "camel": camel}[sys.argv[1]], sys.argv[2], sys.argv[3], int(sys.argv[4]))
