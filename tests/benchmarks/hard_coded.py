"""The limit of one core: the same events made by a program for this one file alone.

csv.reader, conversions, id and orjson, and no mapping, validation, books or journal.
Without an address nothing is sent; with one, eight requests at once by httpx, and every answer is read:
what is left for any program that uses it.

    python hard_coded.py orders.csv [BASE_URL]
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256

import orjson
from orders import EVENT, TOKEN


def bodies(path: str) -> Iterator[bytes]:
    """The bodies of all requests, 500 events each."""
    epoch, dumps, events = datetime(1970, 1, 1, tzinfo=UTC), orjson.dumps, list[object]()
    parse = datetime.fromisoformat
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
                yield dumps({"token": TOKEN, "events": events})
                events = []
    if events:
        yield dumps({"token": TOKEN, "events": events})


def send(path: str, base_url: str) -> int:
    """Send them; returns how many were accepted. Raises what httpx raises, whatever is wrong."""
    import asyncio

    import httpx

    async def post(client: httpx.AsyncClient, waiting: Iterator[bytes]) -> int:
        accepted = 0
        for body in waiting:
            answer = await client.post(f"{base_url}/batch", content=body, headers=headers)
            accepted += orjson.loads(answer.raise_for_status().content)["accepted"]
        return accepted

    async def post_all() -> int:
        waiting = bodies(path)
        async with httpx.AsyncClient(timeout=30) as client:
            return sum(await asyncio.gather(*(post(client, waiting) for _ in range(8))))

    headers = {"Content-Type": "application/json"}
    return asyncio.run(post_all())


def make(path: str) -> int:
    """Make them; returns their bytes."""
    return sum(map(len, bodies(path)))


if __name__ == "__main__":
    assert make(*sys.argv[1:]) if len(sys.argv) == 2 else send(*sys.argv[1:])
