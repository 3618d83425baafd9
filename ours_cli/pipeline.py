"""The one page that states the order: source → record → event → chunk → delivery → outcome → report.

The journal comes between delivery and report (`_settle`, `_record`), worker processes between record and
event (`_feed`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ours_cli.assembly.field_mapping import RowMapping
from ours_cli.clock_skew import clock_warning
from ours_cli.errors import OursError, UsageError
from ours_cli.events.chunk import Chunk, Chunker
from ours_cli.events.event import Event, Origin, Reject
from ours_cli.events.mapped_rows import Finished, MappedRows
from ours_cli.events.outcome import Outcome, Traffic
from ours_cli.feed import behind_canary, feed_apart, feed_inline, feed_threaded
from ours_cli.intake import Intake
from ours_cli.process.memory import prepare_for_rows
from ours_cli.process.signals import Interrupted, stopping
from ours_cli.record import Table, span
from ours_cli.rejects.rejects import Rejects
from ours_cli.reports.report import Books
from ours_cli.row_mapping import map_rows
from ours_cli.runs.attempt import Attempt
from ours_cli.runs.blocks import Block, BlockTracker
from ours_cli.runs.recorder import Recorder
from ours_cli.runs.reject_order import RejectOrder
from ours_cli.safeguards import Canary, RejectLimit, check_expected
from ours_cli.sending.delivery import Delivery, DeliveryOptions
from ours_cli.sending.network_loop import NetworkLoop
from ours_cli.sending.route import IDENTIFY, Route
from ours_cli.sending.settlement import Listener
from ours_cli.settings import Endpoint

if TYPE_CHECKING:
    from ours_cli.workers.worker_pool import Workers


class Observer(Protocol):
    """Sees a run without touching it (a progress bar, or nobody)."""

    def table(self, table: Table) -> None:
        """A table begins."""

    def books(self, books: Books, traffic: Traffic, /) -> None:
        """The books moved. Called often: must be cheap."""

    def wait(self, reason: str, seconds: float) -> None:
        """The run pauses."""

    def trouble(self, text: str) -> None:
        """The server has failed for a while, or it answers again."""

    def warn(self, text: str) -> None:
        """Something the person should look at now."""

    def stopping(self) -> None:
        """A signal stops the run, once what is in flight has ended."""

    def cut_off(self, error: OursError) -> None:
        """Another signal: the process ends now. Called in a signal handler: must wait for nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs, settled before anything is sent.

    `blocking` says that the source may fall silent (a pipe); `flush_every` is in seconds. `canary`, `limit`
    and `expect` count rows.
    """

    tables: Iterable[Table]
    mapping: RowMapping
    route: Route
    endpoint: Endpoint
    options: DeliveryOptions
    limit: int | None
    canary: int | None
    max_rejects: RejectLimit
    expect: int | None
    blocking: bool
    workers: Workers | None
    flush_every: float


@dataclass(slots=True)
class Result:
    """The result of a run: its books and traffic, and the error that stopped it, if one did.

    `taken` counts the rows taken from the source, some of which may be in no book yet when it is stopped.
    """

    books: Books = field(default_factory=Books)
    traffic: Traffic = field(default_factory=Traffic)
    error: OursError | None = None
    taken: int = 0


def run(plan: Plan, attempt: Attempt, rejects: Rejects, observer: Observer) -> Result:
    """Run a plan to its end. What stops it is in the result, so that the books can be reported too."""
    with asyncio.Runner(loop_factory=NetworkLoop) as runner:
        return runner.run(_Run(plan, attempt, rejects, observer).go())


class _Run:
    """One attempt under way. Its methods are the stations of a row, in the order in which it passes them."""

    def __init__(self, plan: Plan, attempt: Attempt, rejects: Rejects, observer: Observer) -> None:
        self._plan = plan
        self._attempt = attempt
        self._rejects = rejects
        self._observer = observer
        self._books = Books()
        self._recorder = Recorder(
            self._record, lambda error: self._delivery.stop(error), has_ids=plan.route is not IDENTIFY
        )
        self._tracker = BlockTracker(
            lambda block: self._order.settled(block), lambda index: self._tables[index].header
        )
        self._order = RejectOrder(self._recorder.settled, lambda: self._tracker.first_open)
        self._unsynced: list[Reject] = []
        self._tables: dict[int, Table] = {}
        self._canary = Canary(plan.canary) if plan.canary else None
        self._delivery = Delivery(
            plan.route,
            plan.endpoint,
            plan.options,
            Listener(self._settle, observer.wait, self._where, self._compare_clocks, observer.trouble),
        )

    async def go(self) -> Result:
        """Read, map, send and record everything."""
        result = Result(self._books, self._delivery.traffic)
        loop = asyncio.get_running_loop()
        # Before anything is read, so that the progress goes by settled rows from the start.
        self._show_books()
        try:
            with stopping(lambda error: loop.call_soon_threadsafe(self._stop, error), self._observer.cut_off):
                async with aclosing(self._chunks()) as chunks:
                    await self._delivery.deliver(chunks)
            self._recorder.close()
            self._sync_rejects()
            self._check_end()
        except OursError as error:
            error.hint = self._plan.endpoint.name_in(error.hint)
            result.error = error
            result.taken = sum(table.taken for table in self._tables.values())
            if not isinstance(error, UsageError):
                # What earlier attempts have settled belongs to the run, whether or not it was read again.
                for block in self._attempt.replay.rest():
                    self._books.replayed(block)
            with suppress(OursError):  # whatever stopped the run is what the person should hear of
                self._order.close()
                self._recorder.close()
                self._write_rejects(self._tracker.unsettled())
                self._sync_rejects()
        for block in (*self._recorder.blocks, *self._tracker.unsettled()):
            self._books.unwritten(block.held or ())
        self._books.unwritten(self._unsynced)
        return result

    def _stop(self, error: Interrupted) -> None:
        error.amid(self._delivery.trouble)
        self._delivery.stop(error)
        self._observer.stopping()

    def _chunks(self) -> AsyncGenerator[Chunk, None]:
        plan = self._plan
        room = max(1, plan.options.batch_bytes - plan.route.envelope(plan.endpoint))
        chunker = Chunker(self._delivery.request_size, room)
        intake = Intake(chunker, self._tracker, self._enter, self._replayed, self._canary)
        chunks = self._feed(intake)
        if self._canary is None:
            return chunks
        return behind_canary(chunks, intake, self._canary, self._delivery.idle)

    def _feed(self, intake: Intake) -> AsyncGenerator[Chunk, None]:
        plan = self._plan
        source = plan.tables, plan.mapping, plan.limit, self._begin, self._attempt.replay
        if plan.workers is not None:
            from ours_cli.workers.parallel_mapping import map_rows_with

            return feed_apart(map_rows_with(plan.workers, *source, self._prepare), intake)
        self._prepare()
        items = map_rows(*source)
        if plan.blocking:
            return feed_threaded(items, intake, plan.flush_every)
        return feed_inline(items, intake)

    def _prepare(self) -> None:
        self._delivery.prepare()
        prepare_for_rows()

    def _begin(self, index: int, table: Table) -> None:
        self._tables[index] = table
        self._rejects.add_table(index, table)
        self._observer.table(table)

    def _enter(self, item: Finished) -> None:
        """A row comes out of the mapping, or consecutive rows together."""
        if isinstance(item, Reject) and self._rejects.are_shown:
            self._rejects.write(item)
        self._books.mapped(item)
        match item:
            case Event() | MappedRows(reasons=None):
                pass  # shown once they are settled
            case _:
                self._show()

    def _replayed(self, block: Block) -> None:
        """A block that an earlier attempt has settled is still in the source."""
        self._books.replayed(block)
        self._show()

    def _settle(self, outcome: Outcome) -> None:
        """The server's answer speaks of some rows."""
        for reject in outcome.rejected if self._rejects.are_shown else ():
            self._rejects.write(reject)
        self._tracker.deliver(outcome)
        self._books.delivered(outcome)
        self._delivery.traffic.accepted += len(outcome.accepted)
        if self._canary is not None:
            self._canary.settle(outcome)
        self._show()

    def _record(self, blocks: Sequence[Block]) -> None:
        """Each row of these has its outcome. The order is a promise: rejects on disk, then the journal.

        Rejects wait for their block: if some were on disk and their block was recorded later, or never, a
        resumed run would write them again.
        """
        self._write_rejects(blocks)
        self._sync_rejects()
        self._attempt.commit(blocks, self._rejects.files)

    def _write_rejects(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            while block.held:
                if not self._rejects.are_shown:
                    self._rejects.write(block.held[0])
                self._unsynced.append(block.held.popleft())

    def _sync_rejects(self) -> None:
        self._rejects.sync()
        self._unsynced.clear()

    def _where(self, first: Origin, last: Origin) -> str:
        return span((self._tables[first.table], first.row.line), (self._tables[last.table], last.row.line))

    def _compare_clocks(self, skew_s: float) -> None:
        if (warning := clock_warning(skew_s)) is not None:
            self._observer.warn(warning)

    def _show_books(self) -> None:
        self._observer.books(self._books, self._delivery.traffic)

    def _show(self) -> None:
        self._show_books()
        if (error := self._plan.max_rejects.check(self._books)) is not None:
            self._delivery.stop(error)

    def _check_end(self) -> None:
        plan, books = self._plan, self._books
        error = plan.max_rejects.check(books, at_end=True) or check_expected(plan.expect, books)
        if error is not None:
            raise error
