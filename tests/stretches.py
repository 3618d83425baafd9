"""Rows that were read in bulk, and the same rows read one by one, to compare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ours_cli.record import STRETCH_MAX, Malformed, Record, Rows, Stretch
from ours_cli.source import delimited, json_elements, json_lines, json_splitter


def flat(rows: Iterable[Rows]) -> Iterator[Record | Malformed]:
    """Every row."""
    for row in rows:
        if isinstance(row, Stretch):
            assert 0 < len(row.fields) <= STRETCH_MAX
            for line, fields in zip(row.lines, list[Any](row.fields), strict=True):
                yield Record(line, fields)
        else:
            yield row


@contextmanager
def nothing_in_bulk() -> Iterator[None]:
    """Reading takes each row by itself meanwhile, as it does where a row is not plainly right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited.RowReader, "_at_once", lambda *_: iter(()))
        patch.setattr(json_lines, "parse_objects", lambda _: None)
        patch.setattr(json_elements, "parse_objects", lambda _: None)
        patch.setattr(json_splitter, "_likely_objects", lambda _, start: ([start], []))
        yield
