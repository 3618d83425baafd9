"""The one page that states the order: source → record → event → chunk → delivery → outcome → report.

The journal stands between delivery and report (`settle`, `record`); worker processes would stand between
source and chunk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from ours_cli.attempt import Attempt
from ours_cli.blocks import Block, BlockTracker
from ours_cli.chunk import Chunker
from ours_cli.delivery import Delivery, DeliveryOptions
from ours_cli.errors import OursError
from ours_cli.event import Event, Reject
from ours_cli.feed import feed_inline, feed_threaded
from ours_cli.http_client import NetworkLoop
from ours_cli.intake import Intake
from ours_cli.mapping import RowMapping
from ours_cli.outcome import Outcome, Traffic
from ours_cli.record import Table
from ours_cli.rejects import Rejects
from ours_cli.report import Books
from ours_cli.route import Route
from ours_cli.row_mapping import map_rows
from ours_cli.settings import Endpoint
from ours_cli.signals import stopping


class Observer(Protocol):
    """Sees a run without touching it (a progress bar, or nobody)."""

    def table(self, table: Table) -> None:
        """A table begins."""

    def books(self, books: Books, traffic: Traffic, /) -> None:
        """The books moved. Called often: must be cheap."""

    def wait(self, reason: str, seconds: float) -> None:
        """The run pauses."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs, settled before anything is sent.

    `blocking` says that the source may fall silent (a pipe); `flush_every` is in seconds.
    """

    tables: Iterable[Table]
    mapping: RowMapping
    route: Route
    endpoint: Endpoint
    options: DeliveryOptions
    limit: int | None = None
    blocking: bool = False
    flush_every: float = 1.0


@dataclass(slots=True)
class Result:
    """What a run came to: its books and traffic, and the error that stopped it, if one did."""

    books: Books = field(default_factory=Books)
    traffic: Traffic = field(default_factory=Traffic)
    error: OursError | None = None


def run(plan: Plan, attempt: Attempt, rejects: Rejects, observer: Observer) -> Result:
    """Run a plan to its end. What stops it is in the result, so that the books can be reported too."""
    with asyncio.Runner(loop_factory=NetworkLoop) as runner:
        return runner.run(_run(plan, attempt, rejects, observer))


async def _run(plan: Plan, attempt: Attempt, rejects: Rejects, observer: Observer) -> Result:
    result = Result()
    books = result.books
    loop = asyncio.get_running_loop()

    def begin(index: int, table: Table) -> None:
        rejects.add_table(index, table)
        observer.table(table)

    def enter(item: Event | Reject) -> None:
        # First on disk, then in the books: a reject that could not be written must not count as one.
        if isinstance(item, Reject):
            rejects.write(item)
        books.mapped(item)
        if isinstance(item, Reject):
            observer.books(books, delivery.traffic)

    def replayed(block: Block) -> None:
        books.replayed(block)
        observer.books(books, delivery.traffic)

    def settle(outcome: Outcome) -> None:
        for reject in outcome.rejected:
            rejects.write(reject)
        tracker.deliver(outcome)
        books.delivered(outcome)
        delivery.traffic.accepted += len(outcome.accepted)
        observer.books(books, delivery.traffic)

    def record(block: Block) -> None:
        # The order is the promise: answer verified, rejects on disk, then the journal.
        rejects.sync()
        attempt.commit(block, rejects.files)

    delivery = Delivery(plan.route, plan.endpoint, plan.options, settle, observer.wait)
    result.traffic = delivery.traffic
    items = map_rows(plan.tables, plan.mapping, plan.limit, begin, attempt.replay)
    room = max(1, plan.options.batch_bytes - plan.route.envelope(plan.endpoint))
    tracker = BlockTracker(record)
    intake = Intake(Chunker(plan.options.batch_events, room), tracker, enter, replayed)
    chunks = feed_threaded(items, intake, plan.flush_every) if plan.blocking else feed_inline(items, intake)
    try:
        with stopping(lambda error: loop.call_soon_threadsafe(delivery.stop, error)):
            async with aclosing(chunks):
                await delivery.deliver(chunks)
        rejects.sync()
    except OursError as error:
        result.error = error
    return result
