"""Rows of one visitor reach `/identify` one after the other: the server keeps what came last."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from conftest import Ours, StartSandbox
from visitors import visitors

from ours_cli.sandbox import Fault, Then, When
from ours_cli.sending.visitor_order import VisitorOrder, ids_of

IDENTIFY = ("identify", "rows.csv", "--external-id", "{id}", "--concurrency", "8")


@pytest.fixture(autouse=True)
def _cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _rows(rows: Iterable[str]) -> None:
    Path("rows.csv").write_text("\n".join(["id,city", *rows, ""]))


def test_a_row_that_is_tried_again_is_not_overtaken(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox(Fault(When(nth=(5,)), Then("status", status=503)))
    _rows(f"p,city {number}" for number in range(1, 9))
    ended = ours(*IDENTIFY, "-u", "city={city}", "--give-up-after", "60")
    assert ended.code == 0, ended.err
    (visitor,) = visitors(place.events())
    assert visitor.properties == {"city": "city 8"}


def test_the_last_row_of_each_visitor_wins_under_latency(ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox(latency=0.01)
    _rows(f"p{number},old\np{number},new" for number in range(60))
    assert ours(*IDENTIFY, "-u", "city={city}").code == 0
    assert [visitor.properties for visitor in visitors(place.events())] == [{"city": "new"}] * 60


def test_a_visitor_may_be_named_in_several_ways() -> None:
    body = {"externalId": "c1", "email": "Ada@Example.org", "userProperties": {"phone_number": "+49 (1)"}}
    assert ids_of(orjson.dumps(body)) == [
        ("externalId", "c1"),
        ("email", "ada@example.org"),
        ("phone_number", "491"),
    ]


def test_who_waits_for_whom() -> None:
    """The third row is both the first one's visitor and the second's; the fourth is nobody else's."""
    bodies = [
        b'{"externalId":"c1","userProperties":{}}',
        b'{"email":"a@x.org","userProperties":{}}',
        b'{"externalId":"c1","email":"A@x.org","userProperties":{}}',
        b'{"externalId":"c2","userProperties":{}}',
    ]

    async def run() -> list[list[int]]:
        order, gates, inside = VisitorOrder(), [asyncio.Event() for _ in bodies], list[int]()

        async def pass_through(number: int) -> None:
            async with order.turn(bodies[number]):
                inside.append(number)
                await gates[number].wait()

        async def let_out(number: int) -> list[int]:
            gates[number].set()
            for _ in range(5):
                await asyncio.sleep(0)
            return [*inside]

        tasks = [asyncio.create_task(pass_through(number)) for number in range(len(bodies))]
        seen = [await let_out(3), await let_out(0), await let_out(1), await let_out(2)]
        await asyncio.gather(*tasks)
        assert not order._last  # nobody is remembered who has left
        return seen

    assert asyncio.run(run()) == [[0, 1, 3], [0, 1, 3], [0, 1, 3, 2], [0, 1, 3, 2]]


def test_a_row_that_is_given_up_lets_the_next_one_go() -> None:
    async def run() -> None:
        order = VisitorOrder()
        body = b'{"externalId":"c1","userProperties":{}}'
        with pytest.raises(RuntimeError):
            async with order.turn(body):
                raise RuntimeError
        async with asyncio.timeout(5), order.turn(body):
            pass

    asyncio.run(run())
