"""Blocks on their way to the journal: none is lost, few are recorded alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ours_cli.errors import LocalIOError, OursError
from ours_cli.runs import recorder
from ours_cli.runs.blocks import Block
from ours_cli.runs.recorder import Recorder


def failures_are_not_expected(error: OursError) -> None:
    raise AssertionError(error)


@pytest.mark.parametrize(("has_ids", "factor"), [(True, "PAUSE_FACTOR"), (False, "PAUSE_FACTOR_WITHOUT_IDS")])
def test_blocks_wait_for_one_another(monkeypatch: pytest.MonkeyPatch, has_ids: bool, factor: str) -> None:
    monkeypatch.setattr(recorder, factor, 1e9)
    monkeypatch.setattr(recorder, "PAUSE_MAX_S", 30)
    recorded: list[list[int]] = []

    async def go() -> None:
        one = Recorder(
            lambda blocks: recorded.append([block.start for block in blocks]),
            failures_are_not_expected,
            has_ids=has_ids,
        )
        one.settled(Block(0, 1))
        await asyncio.sleep(0.01)
        assert recorded == [[0]], "the first is recorded at once"
        for start in (3, 1, 2):
            one.settled(Block(start, start + 1))
            await asyncio.sleep(0)
        assert recorded == [[0]]
        one.close()
        one.close()

    asyncio.run(go())
    assert recorded == [[0], [3, 1, 2]]


@pytest.mark.parametrize(
    ("raised", "told"),
    [(LocalIOError("disk full"), "disk full"), (ValueError("secret"), "a bug while recording (ValueError)")],
)
def test_what_could_not_be_recorded_is_told_and_tried_once_more(raised: Exception, told: str) -> None:
    tries: list[int] = []
    failed: list[str] = []

    def record(blocks: Sequence[Block]) -> None:
        tries.append(len(blocks))
        if len(tries) < 3:
            raise raised

    async def go() -> None:
        one = Recorder(record, lambda error: failed.append(error.message), has_ids=True)
        one.settled(Block(0, 1))
        await asyncio.sleep(0.01)
        assert failed == [told]
        with pytest.raises(OursError) as again:
            one.close()
        assert again.value.message == told
        one.close()

    asyncio.run(go())
    assert tries == [1, 1, 1]
