"""Settled blocks, some at a time, on their way to the journal.

Syncing a block takes milliseconds or more, whatever its size. So blocks wait for each other a little, so
that recording takes at most a fiftieth of the time. A crash in between costs what one with requests in
flight costs: those rows are sent again, with the ids that they had.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from ours_cli.errors import OursError
from ours_cli.runs.blocks import Block

PAUSE_FACTOR: Final = 49.0
"""The wait before the next recording, in multiples of the time that the last one took."""

PAUSE_FACTOR_WITHOUT_IDS: Final = 9.0
"""The same where the server cannot recognise a repeated row (contract: /identify): fewer are at stake."""

PAUSE_MAX_S: Final = 0.5


class Recorder:
    """Collects settled blocks and hands them to `record`, in the running event loop.

    `record` makes them durable. Its error goes to `failed`, and the blocks stay: `close` tries again.
    `blocks` are those that are not recorded yet.
    """

    def __init__(
        self,
        record: Callable[[Sequence[Block]], None],
        failed: Callable[[OursError], None],
        *,
        has_ids: bool,
    ) -> None:
        self._record = record
        self._failed = failed
        self._factor = PAUSE_FACTOR if has_ids else PAUSE_FACTOR_WITHOUT_IDS
        self.blocks: list[Block] = []
        self._due: asyncio.TimerHandle | None = None
        self._not_before = 0.0

    def settled(self, block: Block) -> None:
        """A block to record, soon."""
        self.blocks.append(block)
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(self._not_before, loop.time()), self._on_time)

    def close(self) -> None:
        """Record what is left, now; raises `OursError`."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self.blocks:
            try:
                self._record(self.blocks)
            except OursError:
                raise
            except Exception as error:
                raise OursError(
                    f"a bug while recording ({type(error).__name__})",
                    hint="please report it; nothing counts twice",
                ) from None
            self.blocks = []

    def _on_time(self) -> None:
        started = time.monotonic()
        try:
            self.close()
        except OursError as error:
            self._failed(error)
        took = time.monotonic() - started
        self._not_before = asyncio.get_running_loop().time() + min(self._factor * took, PAUSE_MAX_S)
