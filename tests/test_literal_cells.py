r"""`\N` for NULL, and cells that keep their quotes: sent as they stand, and said aloud."""

from __future__ import annotations

from pathlib import Path

from conftest import Ours
from rows import iso, write

FLAGS = ("--event", "E", "--external-id", "{id}", "--time", "{at}", "-p", "a={a}", "-p", "b={b}")
NULLS = f"id\tat\ta\tb\nc1\t{iso(2)}\t\\N\tx\\ny\nc2\t{iso(1)}\tfull\t\\N\n"


def test_the_nulls_of_a_database_are_told(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "t.tsv", NULLS)
    ended = ours("backfill", file, *FLAGS, "--dry-run", "-o", "json")
    assert ended.json["examples"][0]["eventProperties"] == {"a": r"\N", "b": r"x\ny"}
    assert r"'{COLUMN|replace:\N:}' empties them" in ended.err
    assert r"t.tsv: cells of \N, as databases write NULL, are texts" in ended.err
    assert r"cells of \N, as databases write NULL" in ours("inspect", file).out

    emptied = ("-p", r"a={a|replace:\N:}", "-p", r"b={b|replace:\N:}")
    ended = ours("backfill", file, *FLAGS[:6], *emptied, "--dry-run", "-o", "json")
    properties = [example["eventProperties"] for example in ended.json["examples"]]
    assert properties == [{"b": r"x\ny"}, {"a": "full"}]


def test_quotes_that_stay_are_told(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", f'id,at,a,b\n"0007",{iso(2)},1,2\n')
    told = "cells keep the quotes around them, ids too: so --quote none says"
    ended = ours("backfill", file, *FLAGS, "--quote", "none", "--dry-run", "-o", "json")
    assert ended.json["examples"][0]["externalId"] == '"0007"'
    assert told in ended.err
    assert told not in ours("backfill", file, *FLAGS, "--dry-run").err
    file = write(tmp_path / "t.csv", f'id,at,a,b\n0007,{iso(2)},"1,2\n')
    assert told not in ours("backfill", file, *FLAGS, "--quote", "none", "--dry-run").err
    for cell, quote in (('"""x"""', ()), ('"', ("--quote", "none")), ("", ("--quote", "none"))):
        file = write(tmp_path / "t.csv", f"id,at,a,b\n0007,{iso(2)},{cell},2\n")
        ended = ours("backfill", file, *FLAGS, *quote, "--dry-run")
        assert (ended.code, told in ended.err) == (0, False)
