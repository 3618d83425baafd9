"""An id or a time that is a column's name without braces would be the same for every row: it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from rows import iso, ndjson, write

ROWS = [{"cust": f"c{n}", "ts": iso(1), "p": {"a": n, "l": [n]}} for n in range(3)]
WHOM = ("--external-id", "{cust}")
WHEN = ("--time", "{ts}")
SHAPES = {
    "rows.ndjson": ndjson(ROWS),
    "rows.json": json.dumps(ROWS, indent=2),
    "rows.csv": "cust,ts\n" + "".join(f"{row['cust']},{row['ts']}\n" for row in ROWS),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("more", [(), ("--workers", "2"), ("--dry-run",)])
def test_a_bare_column_is_refused_in_every_format(
    ours: Ours, tmp_path: Path, name: str, more: tuple[str, ...]
) -> None:
    path = write(tmp_path / name, SHAPES[name])
    ended = ours("backfill", path, "--event", "E", *WHEN, "--external-id", "cust", *more)
    assert ended.code == 2
    assert "--external-id cust would give every row the same text" in ended.err
    assert "--external-id '{cust}'" in ended.err


@pytest.mark.parametrize(
    "fields",
    [
        (*WHOM, "--time", "ts"),
        (*WHOM, *WHEN, "--distinct-id", "cust"),
        (*WHEN, "--external-id", "p.a"),
        (*WHEN, "--external-id", " p.l[0] "),
        (*WHEN, "--email", "cust"),
    ],
)
def test_keys_and_paths_of_json_rows(ours: Ours, tmp_path: Path, fields: tuple[str, ...]) -> None:
    path = write(tmp_path / "rows.ndjson", SHAPES["rows.ndjson"])
    ended = ours("backfill", path, "--event", "E", *fields)
    assert ended.code == 2
    assert "would give every row the same text" in ended.err


def test_in_a_map_and_in_identify(ours: Ours, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.ndjson", SHAPES["rows.ndjson"])
    chosen = write(tmp_path / "m.toml", 'event = "E"\ntime = "{ts}"\nexternalId = "cust"\n')
    assert "the same text" in ours("backfill", path, "--map", chosen).err
    ended = ours("identify", path, "--external-id", "cust", "-u", "city={p.a}")
    assert (ended.code, "the same text" in ended.err) == (2, True)


def test_on_a_pipe(ours_process: Ours) -> None:
    command = ("backfill", "-", "--event", "E", *WHEN, "--external-id", "cust")
    ended = ours_process(*command, stdin=SHAPES["rows.ndjson"].encode())
    assert ended.code == 2, ended.err
    assert "would give every row the same text" in ended.err


def test_a_text_that_is_no_key_is_taken_as_it_is(ours: Ours, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.ndjson", SHAPES["rows.ndjson"])
    for literal in ("everyone", "p.z", "cust.x", "https://a.b/[0]"):
        ended = ours("backfill", path, "--event", "E", *WHEN, "--external-id", literal, "--dry-run")
        assert ended.code == 0, ended.err


PROPERTIES = ("--event", "cust", "-p", "when=ts", "-p", "seen={ts}", "-p", "plan=Premium", "-u", "city=cust")


@pytest.mark.parametrize("name", SHAPES)
def test_a_bare_column_in_any_other_field_is_a_warning(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, name: str
) -> None:
    """It may be meant: an event or a plan may be called like a column."""
    place = sandbox()
    path = write(tmp_path / name, SHAPES[name])
    told = {
        f"{column!r} is sent as it stands in every row; the column is written {{{column}}}"
        for column in ("cust", "ts")
    }
    for more in (("--dry-run",), ("--workers", "2"), ("--restart",)):
        ended = ours("backfill", path, *PROPERTIES, *WHEN, *WHOM, *more, "-o", "json")
        assert ended.code == 0, ended.err
        assert {text for text in ended.json["warnings"] if "as it stands" in text} == told
    assert {event.body["userProperties"]["city"] for event in place.events()} == {"cust"}
    ended = ours("identify", path, *WHOM, "-u", "city=ts", "--dry-run")
    assert "'ts' is sent as it stands in every row" in ended.err
