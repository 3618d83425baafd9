"""The order of one visitor's rows at `/identify`: the endpoint has no time, and keeps what came last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import orjson

from ours_cli.contract import ID_MAX

_PHONE: Final = "phone_number"


class VisitorOrder:
    """Lets a visitor's rows go one after the other, and those of different visitors at the same time.

    Any id that two rows share makes them one visitor's, since each resolves a visitor (contract: one event).
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], asyncio.Event] = {}

    @asynccontextmanager
    async def turn(self, body: bytes) -> AsyncIterator[None]:
        """Wait until all earlier rows of this body's visitor have left; they count in the order of entry."""
        ids = ids_of(body)
        earlier = {self._last[key] for key in ids if key in self._last}
        left = asyncio.Event()
        self._last.update(dict.fromkeys(ids, left))
        try:
            for other in earlier:
                await other.wait()
            yield
        finally:
            left.set()
            for key in ids:
                if self._last.get(key) is left:  # one that was called off may leave early
                    del self._last[key]


def ids_of(body: bytes) -> list[tuple[str, str]]:
    """What names the visitor in a JSON body: pairs of a kind of id and an id.

    An e-mail in lower case, of a phone number the digits: however they are spelled, one visitor is meant.
    """
    fields = orjson.loads(body)
    found = [(key, str(fields[key])) for key in ID_MAX if fields.get(key)]
    if phone := fields.get("userProperties", {}).get(_PHONE):
        found.append((_PHONE, "".join(filter(str.isdigit, str(phone)))))
    return [(key, text.lower() if key == "email" else text) for key, text in found]
