"""Ids that name nobody or many: sent as they are, reported, and treated alike on every path."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from rows import iso, write

from ours_cli.ids.doubtful_ids import CUT, UNFILLED, WORDS, are_sure, doubts, is_sure

ROWS = 2_500
ODD = {7: "NULL", 900: r"\N", 901: "undefined", 1_700: "1.23457E+11", 2_499: "NULL"}
CUT_WARNING = (
    "warning: 1 row has a number in scientific notation as externalId: a spreadsheet cut its digits, and"
    " several visitors may be one; export that column as text"
)
WARNING = (
    r"warning: 4 rows have a word for nothing as externalId (NULL, \N, undefined), and the API takes it for a"
    " visitor; leave them out by --where '{}!=NULL'"
)


def who(number: int) -> str:
    return ODD.get(number, f"c{number % 50}")


def table(folder: Path) -> Path:
    lines = [f"{iso(number / 1000)},{who(number)},{number}" for number in range(ROWS)]
    return write(folder / "o.csv", "\n".join(["when,cust,n", *lines]) + "\n")


def objects(folder: Path) -> Path:
    rows = [{"when": iso(number / 1000), "cust": who(number), "n": number} for number in range(ROWS)]
    return write(folder / "o.ndjson", "".join(json.dumps(row) + "\n" for row in rows))


def bodies(folder: Path) -> Path:
    rows = [
        {
            "event": "E",
            "time": iso(number / 1000),
            "externalId": who(number),
            "eventProperties": {"n": number},
        }
        for number in range(ROWS)
    ]
    return write(folder / "o.ndjson", "".join(json.dumps(row) + "\n" for row in rows))


MAPPED = ("--event", "E", "--time", "{when}", "--external-id", "{cust}", "-p", "n={n}")


def test_keys_that_shops_and_warehouses_give_to_nobody_are_told(ours: Ours, tmp_path: Path) -> None:
    people = ("0", "17", "0", "-1", "-1", "-2", "100", "-10", "00")
    lines = [f"{iso(at)},{person},{at}" for at, person in enumerate(people)]
    file = write(tmp_path / "o.csv", "\n".join(["when,cust,n", *lines]) + "\n")
    ended = ours("backfill", file, *MAPPED, "--dry-run")
    assert (
        "warning: 4 rows have a word for nothing as externalId (-1, 0), and the API takes it for a visitor;"
        " leave them out by --where 'cust!=-1'"
    ) in ended.err


@pytest.mark.parametrize("command", [("track", "X"), ("identify", "-u", "city=Ulm")])
def test_one_person_may_have_such_a_key(ours: Ours, command: Sequence[str]) -> None:
    assert ours(*command, "--external-id", "0", "--dry-run").err == ""
    assert "externalId is 'NULL'" in ours(*command, "--external-id", "NULL", "--dry-run").err


@pytest.mark.parametrize(
    ("make", "command"),
    [
        (table, ("backfill", *MAPPED)),
        (table, ("backfill", *MAPPED, "-p", "both={n}{cust}")),
        (table, ("backfill", *MAPPED, "--workers", "2")),
        (objects, ("backfill", *MAPPED)),
        (objects, ("backfill", *MAPPED, "-u", "custom_properties.n={n}")),
        (bodies, ("batch",)),
        (bodies, ("batch", "--workers", "2")),
    ],
)
def test_rows_are_sent_and_told(
    make: Any, command: Sequence[str], ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox()
    name, *flags = command
    ended = ours(name, make(tmp_path), *flags)
    assert ended.code == 0, ended.err
    column = "cust" if name == "backfill" else "externalId"
    assert {WARNING.format(column), CUT_WARNING} <= set(ended.err.splitlines())
    found = {int(event.body["eventProperties"]["n"]): event.body["externalId"] for event in place.events()}
    assert found == {number: who(number) for number in range(ROWS)}


@pytest.mark.parametrize("flags", [(), ("--workers", "2")])
def test_only_rows_that_are_sent_count(
    flags: tuple[str, ...], ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox()
    rows = [(iso(1), "NULL"), (iso(24 * 30), "NULL"), (iso(1), "c1"), (iso(1), "undefined"), (iso(2), "NULL")]
    file = write(tmp_path / "o.csv", "".join(f"{a},{b}\n" for a, b in [("when", "cust"), *rows]))
    mapped = ("--event", "E", "--time", "{when}", "--external-id", "{cust}")
    ended = ours("backfill", file, *mapped, "--where", "cust!=undefined", *flags)
    assert ended.code == 3
    assert "warning: 2 rows have a word for nothing as externalId (NULL)," in ended.err


def test_visitors_are_told_too(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    file = write(tmp_path / "c.csv", "id,mail,city\n1,none,Ulm\n2,b@x.org,Bern\nNULL,,Graz\n")
    ended = ours("identify", file, "--external-id", "{id}", "--email", "{mail}", "-u", "city={city}")
    assert ended.code == 0
    assert "1 row has a word for nothing as email (none)" in ended.err
    assert "1 row has a word for nothing as externalId (NULL)" in ended.err
    assert len(list(place.events())) == 3


def test_a_dry_run_tells_it_before(ours: Ours, tmp_path: Path) -> None:
    assert WARNING.format("cust") in ours("backfill", table(tmp_path), *MAPPED, "--dry-run").err.splitlines()


@pytest.mark.parametrize("command", [("track", "X"), ("identify", "-u", "city=Ulm")])
def test_a_single_one_is_told(ours: Ours, sandbox: StartSandbox, command: Sequence[str]) -> None:
    place = sandbox()
    ended = ours(*command, "--email", "null")
    assert (ended.code, ended.err.count("warning: email is 'null'")) == (0, 1)
    (event,) = place.events()
    assert event.body["email"] == "null"


@pytest.mark.parametrize("flags", [(), ("--workers", "2")])
def test_templates_that_nothing_filled_in_are_told_without_their_text(
    flags: tuple[str, ...], ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox()
    rows = [
        {"event": "E", "time": iso(1), "distinctId": f"d{number}", "externalId": who}
        for number, who in enumerate(["{{ customer.id }}", "c1", "{{ customer.id }}", "{{x"])
    ]
    file = write(tmp_path / "o.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
    ended = ours("batch", file, *flags)
    warning = (
        "warning: 2 rows have a template that nothing filled in as externalId ({{ }}), and the API takes it"
        " for a visitor: look at what wrote these rows"
    )
    assert (ended.code, ended.err.splitlines()) == (0, [warning])


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("track", "Hi {{ name }}", "--external-id", "{{ id }}"), "externalId event"),
        (("track", "E", "--email", "a@b.c", "-p", "a=x {{ secret-canary }}"), "eventProperties"),
        (("track", "E", "--data", '{"userId": "a", "eventProperties": {"a": ["{{c}}"]}}'), "eventProperties"),
        (("identify", "--email", "a@b.c", "-u", "city={{ city }}"), "userProperties"),
        (("track", "E {x}", "--email", "a@b.c", "-p", "a={{", "-p", 'b:={"c":{"d":{}}}'), ""),
    ],
)
def test_a_single_one_with_an_unfilled_template_is_told(
    command: Sequence[str], told: str, ours: Ours, sandbox: StartSandbox
) -> None:
    sandbox()
    ended = ours(*command)
    what = "holds a template that nothing filled in ({{ }}): it is sent as it stands"
    assert (ended.code, ended.err.splitlines()) == (0, [f"warning: {key} {what}" for key in told.split()])
    assert "canary" not in ended.err


def test_a_line_with_an_unfilled_template_is_told(ours_process: Ours, sandbox: StartSandbox) -> None:
    sandbox()
    ended = ours_process("track", "-", stdin=b'{"event": "E", "externalId": "{{ id }}"}\n')
    assert "warning: externalId holds a template that nothing filled in" in ended.err


def test_other_fields_and_other_words_are_left_alone(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox()
    file = write(tmp_path / "o.csv", f"when,cust,note\n{iso(1)},0,NULL\n{iso(1)},Nancy,none\n")
    ended = ours("backfill", file, "--event", "E", "--time", "{when}", "--external-id", "{cust}", "-p", "*")
    assert (ended.code, ended.err) == (0, "")


def test_words() -> None:
    assert {"null", "NULL", "Null", "NaN", r"\N", "N/A", "undefined", "[object Object]", "(Null)"} <= WORDS
    body = {"externalId": "NULL", "email": "2E+10", "userId": "a{{b}}", "event": "none"}
    assert set(doubts(body)) == {("externalId", "NULL"), ("email", CUT), ("userId", UNFILLED)}


@pytest.mark.parametrize(
    "text", ["JANE+E+1@x.org", "E+11", "1E5", "1.5e+11", "12E+11x", "00", "10", "c1", "{c1}", "{{c1"]
)
def test_what_only_looks_like_it(text: str) -> None:
    assert is_sure(text)


def test_many_are_sure_only_where_each_is() -> None:
    assert are_sure(["c1", "10", "a@b.c"])
    assert not are_sure(["c1", "NULL"])
    assert not are_sure(["c1", "1.23457E+11"])
    assert not are_sure(["c1", "{{ id }}"])
