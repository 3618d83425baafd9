"""The workers as they are asked, in an event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Final

from ours_cli.drafting.drafts import Drafts
from ours_cli.record import Piece, Stretch, Table
from ours_cli.workers.worker import Columns
from ours_cli.workers.worker_link import WorkerLink
from ours_cli.workers.worker_pool import Workers

_AHEAD: Final = 12
"""Parts of the source for each worker that may be queued, or answered and not yet taken."""


class Connected:
    """The workers. Whoever has least to do is asked next: one that shares its core must not hold up all."""

    def __init__(self, links: Sequence[WorkerLink]) -> None:
        self._links = links
        self._asked = deque[WorkerLink]()

    @property
    def ahead_max(self) -> int:
        """How many parts to have on their way: no worker should wait while this process is busy sending."""
        return _AHEAD * len(self._links) + 1

    def begin(self, table: Table) -> None:
        """A table begins: whatever is asked from now on is about it."""
        for link in self._links:
            link.send(
                Columns(
                    name=table.name,
                    format=table.format,
                    columns=table.columns,
                    dialect=table.dialect,
                    header_line=table.header_line,
                    keys=table.keys,
                    unreadable=table.unreadable,
                )
            )

    async def ask(self, rows: Stretch | Piece) -> None:
        """Have these rows drafted, a piece parsed first."""
        link = min(self._links, key=attrgetter("unanswered"))
        self._asked.append(link)
        await link.ask(rows)

    async def answer(self) -> list[Drafts] | None:
        """The answer to the oldest question that is open: drafts of all its rows.

        None where rows must be mapped one after the other, and where a piece was not whole rows.
        """
        found: list[Drafts] | None = await self._asked.popleft().receive()
        return found

    def close(self) -> None:
        """Ask nothing more."""
        for link in self._links:
            link.close()


async def connect(workers: Workers) -> Connected:
    """Talk to them, in the running event loop; once."""
    loop = asyncio.get_running_loop()
    links = []
    for worker in workers:
        made = partial(WorkerLink, worker.why_it_ended)
        links.append((await loop.create_unix_connection(made, sock=worker.line))[1])
    return Connected(links)
