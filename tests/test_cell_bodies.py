"""Which CSV rows are read column by column; that both ways agree is in `test_drafts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from rows import iso

from ours_cli.drafting.bodies import Bodies
from ours_cli.drafting.cell_columns import compile_cells
from ours_cli.drafting.key_column import slot_column
from ours_cli.drafting.row_bodies import RowBodies
from ours_cli.mapping.body_builder import BodyBuilder, TimeMapping
from ours_cli.mapping.fields import FieldMap, Value
from ours_cli.record import Table
from ours_cli.timestamps import TimeReader, TimeRules

COLUMNS = ("t", "id", "a", "b", "c", "d")
WHOLE = [iso(1), "i", "a", "1.50", "c", "d"]


class Counted:
    """Bodies of cells, and the rows among them that were read one by one."""

    def __init__(self, **fields: Any) -> None:
        mapped = FieldMap(event="E", time="{t}", external_id="{id}")._replace(**fields)
        times = TimeMapping(TimeReader(TimeRules()), None)
        body = BodyBuilder(mapped, Table("t.csv", "csv", COLUMNS), times, None).build()
        self.singly: list[Any] = []
        self._others = RowBodies(body, slot_column)
        self._read = compile_cells(body, COLUMNS, self._counting)

    def _counting(self, rows: Sequence[Any], are_plain: bool) -> Bodies:
        self.singly += rows
        return self._others(rows, are_plain)

    def __call__(self, rows: list[list[str]]) -> list[bytes | None]:
        assert self._read is not None
        return self._read(rows, False).contents


FIELDS: dict[str, Any] = {
    "properties": {"p": Value("{b|number}"), "q": Value("{a}")},
    "user_properties": {"city": Value("{c}"), "state": Value("{d}")},
}


def test_rows_with_gaps_are_read_by_columns() -> None:
    read = Counted(**FIELDS)
    rows = [
        WHOLE,
        [iso(1), "i", "", "2", "", ""],
        [iso(1), "i", "", "", "c", ""],
        [iso(1), "i", "x", "", "", " "],
    ]
    contents = read(rows * 5)
    assert not read.singly
    assert [content.split(b'"time"')[0] for content in contents[:4] if content] == [
        b'"event":"E","eventProperties":{"p":1.5,"q":"a"},"externalId":"i",',
        b'"event":"E","eventProperties":{"p":2},"externalId":"i",',
        b'"event":"E","externalId":"i",',
        b'"event":"E","eventProperties":{"q":"x"},"externalId":"i",',
    ]
    ends = [content.split(b'"time"')[1].partition(b",")[2] for content in contents[:4] if content]
    assert ends == [
        b'"userProperties":{"city":"c","state":"d"}}',
        b"",
        b'"userProperties":{"city":"c"}}',
        b"",
    ]


@pytest.mark.parametrize("row", [[iso(1), "", *WHOLE[2:]], [iso(1), " ", *WHOLE[2:]], ["soon", *WHOLE[1:]]])
def test_a_row_that_is_no_event_costs_the_others_nothing(row: list[str]) -> None:
    read = Counted(**FIELDS)
    assert [content is None for content in read([*[WHOLE] * 50, row, *[WHOLE] * 50])].index(True) == 50
    assert not read.singly


@pytest.mark.parametrize("row", [[*WHOLE[:3], "many", "c", "d"], [iso(1), "i" * 401, *WHOLE[2:]]])
def test_a_row_with_a_problem_costs_the_others_nothing(row: list[str]) -> None:
    read = Counted(**FIELDS)
    contents = read([*[WHOLE] * 300, row, *[WHOLE] * 200, row])
    assert [at for at, content in enumerate(contents) if content is None] == [300, 501]
    assert not read.singly


def test_short_rows_are_read_one_by_one() -> None:
    read = Counted(**FIELDS)
    contents = read([WHOLE, WHOLE[:5], [*WHOLE[:3], "2", "c", "d"]])
    assert read.singly == [WHOLE[:5]]
    assert [content and b'"p":2,' in content for content in contents] == [False, None, True]
