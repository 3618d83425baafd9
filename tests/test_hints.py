"""Hints that work: what a hint says to type is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ours
from rows import iso, write


def hint_of(err: str) -> str:
    return err.partition("hint: ")[2]


def test_what_cannot_be_cleared_is_not_advised(ours: Ours) -> None:
    ended = ours("identify", "--external-id", "c", "--clear", "plan", "--dry-run")
    assert ended.code == 2
    assert "--clear custom_properties" not in ended.err
    assert "overwritten" in hint_of(ended.err)
    assert "did you mean 'first_name'?" in ours("identify", "--external-id", "c", "--clear", "firstName").err


@pytest.mark.parametrize("flag", ["-p", "-u", "-d"])
@pytest.mark.parametrize("given", ["city", "=x"])
def test_the_example_of_an_assignment_is_taken(ours: Ours, flag: str, given: str) -> None:
    ended = ours("track", "E", "--external-id", "c", flag, given)
    assert ended.code == 2
    for example in hint_of(ended.err).strip().split(", or "):
        assert ours("track", "E", "--external-id", "c", *example.split(), "--dry-run").code == 0, example


@pytest.mark.parametrize("text", ["yesterday", "2 hours ago", "10:00", "1"])
def test_the_examples_of_a_time_are_taken(ours: Ours, text: str) -> None:
    event = ("track", "E", "--external-id", "c", "--dry-run")
    ended = ours(*event, "--time", text)
    assert ended.code == 2
    examples = hint_of(ended.err).partition(";")[0].split(", or ")
    assert len(examples) == 2
    for example in examples:
        assert ours(*event, *example.split()).code == 0, example


def test_the_examples_of_a_time_in_data_are_taken(ours: Ours) -> None:
    body = '{"event": "E", "externalId": "c", "time": "yesterday"}'
    ended = ours("track", "--data", body, "--dry-run")
    assert ended.code == 2
    assert "error: time: not a time" in ended.err
    assert "--time " not in ended.err
    examples = hint_of(ended.err).partition(";")[0].split(", or ")
    assert len(examples) == 2
    for example in examples:
        again = body.replace('"time": "yesterday"', example)
        assert ours("track", "--data", again, "--dry-run").code == 0, example
    late = ours("track", "--data", body.replace("yesterday", "2060-01-01T00:00:00Z"), "--dry-run")
    assert late.err == 'error: time: the time lies in the future\nhint: "time": "now", or leave it out\n'


def test_a_time_that_is_not_in_the_form_told(ours: Ours) -> None:
    ended = ours("track", "E", "--external-id", "c", "--time", "yesterday", "--time-format", "%Y-%m-%d")
    assert hint_of(ended.err) == "--time now, or leave --time-format out\n"


@pytest.mark.parametrize("flag", ["--since", "--until"])
def test_the_examples_of_a_bound_are_taken(ours: Ours, tmp_path: Path, flag: str) -> None:
    path = write(tmp_path / "r.csv", f"c,t\na,{iso(1)}\n")
    mapped = ("backfill", path, "--event", "E", "--external-id", "{c}", "--time", "{t}", "--dry-run")
    ended = ours(*mapped, flag, "yesterday")
    assert ended.code == 2
    first, second = hint_of(ended.err).strip().removeprefix(f"{flag} ").split(", or ")
    for example in (first, second):
        assert ours(*mapped, flag, example).code == 0, example


@pytest.mark.parametrize("text", ["yesterday", "{{t}}", "now", "{{ t }}"])
@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_a_time_that_is_none_in_any_row_is_refused(ours: Ours, tmp_path: Path, text: str, kind: str) -> None:
    rows = f"c,t\na,{iso(1)}\n" if kind == "csv" else f'{{"c": "a", "t": "{iso(1)}"}}\n'
    path = write(tmp_path / f"r.{kind}", rows)
    ended = ours("backfill", path, "--event", "E", "--external-id", "{c}", "--time", text)
    assert ended.code == 2
    assert "{t}" in hint_of(ended.err) or "'{created_at}'" in hint_of(ended.err)


@pytest.mark.parametrize(
    "flags",
    [("-p", "at={{t}}"), ("-u", "city=in {{ t }}"), ("--event", "E {{t}}"), ("--external-id", "{{c}}")],
)
def test_a_column_in_double_braces_is_refused(ours: Ours, tmp_path: Path, flags: tuple[str, ...]) -> None:
    path = write(tmp_path / "r.csv", f"c,t\na,{iso(1)}\n")
    mapped = {"--event": "E", "--external-id": "{c}", "--time": "{t}"} | {flags[0]: flags[1]}
    words = [word for pair in mapped.items() for word in pair]
    ended = ours("backfill", path, *words, "--dry-run")
    assert ended.code == 2
    assert "one brace on either side" in hint_of(ended.err)
    literal = ("-p", "a={{x}}", "-p", "b={{{c}}}", "-p", 'd:={{"c": "{c}"}}')
    words = ["--event", "E", "--external-id", "{c}", "--time", "{t}"]
    assert ours("backfill", path, *words, *literal, "--dry-run").code == 0


def test_json_typed_as_for_track_is_told_of_its_braces(ours: Ours, tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", f"a,t\na,{iso(1)}\n")
    words = ["--event", "E", "--external-id", "{a}", "--time", "{t}", "--dry-run"]
    ended = ours("backfill", path, *words, "-p", 'd:={"a": 1}')
    assert ended.code == 2
    assert hint_of(ended.err).strip() == 'if {"a": 1} is JSON, its braces are doubled: {{"a": 1}}'
    assert ours("backfill", path, *words, "-p", 'd:={{"a": 1}}').code == 0


def test_a_column_in_a_list_of_a_map_is_no_template(ours: Ours, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "m.toml").write_text('[eventProperties]\nboth = ["{a}", "x"]\n')
    flags = ("--event", "E", "--time", "2026-01-01", "--external-id", "{b}", "--map", tmp_path / "m.toml")
    ended = ours("backfill", tmp_path / "t.csv", *flags, "--dry-run")
    assert ended.code == 2
    assert "{{" not in ended.err
    assert "a list or table in a map, or JSON from a file, is no template" in hint_of(ended.err)


@pytest.mark.parametrize("command", ["track", "backfill"])
def test_a_key_given_twice_is_the_fault(ours: Ours, tmp_path: Path, command: str) -> None:
    path = write(tmp_path / "r.csv", f"c,t\na,{iso(1)}\n")
    words = {
        "track": ("track", "E", "--external-id", "c", "-p", 'a:={"x":1,"x":2}'),
        "backfill": (
            *("backfill", path, "--event", "E", "--external-id", "{c}", "--time", "{t}"),
            *("-p", 'a:={{"x":1,"x":2}}'),
        ),
    }[command]
    ended = ours(*words)
    assert ended.code == 2
    assert "a key stands twice in one object" in ended.err
    assert hint_of(ended.err).strip() == "give the key once"
    plain = ours("track", "E", "--external-id", "c", "-p", "a:=hello")
    assert "a plain text wants one sign only: -p a=TEXT" in plain.err


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("c1,2026-11-29,aspirin\nc2,2026-11-28,ibuprofen\n", "--no-header"),
        ("id,time,2024 sales\nc1,2026-11-28,7\n", "ours inspect FILE shows the columns"),
        (f"customer^when\nc1^{iso(1)}\n", "--delimiter"),
    ],
    ids=["without a header", "with a year in it", "with another delimiter"],
)
def test_a_column_that_is_not_there(ours: Ours, tmp_path: Path, text: str, flag: str) -> None:
    path = write(tmp_path / "r.csv", text)
    ended = ours("backfill", path, "--event", "E", "--time", "{at}", "--external-id", "{id}")
    assert ended.code == 2
    assert "there is no column" in ended.err
    assert flag in hint_of(ended.err), ended.err
    unmapped = ours("backfill", path)
    assert (unmapped.code, "aspirin" in ended.err + unmapped.err) == (2, False), "they may be a row's values"


@pytest.mark.parametrize("text", ["Anna,Paris\nBert,Rome\n", "Anna\nBert\n"])
def test_a_number_for_a_column_of_a_table_with_a_header(ours: Ours, tmp_path: Path, text: str) -> None:
    """A first row of words alone is no less a header than `name,city` is: only `{1}` tells."""
    words = ("backfill", write(tmp_path / "r.csv", text), "--event", "E", "--time", iso(1))
    ended = ours(*words, "--external-id", "{1}")
    assert (ended.code, "--no-header" in hint_of(ended.err), "Anna" in ended.err) == (2, True, False), (
        ended.err
    )
    assert ours(*words, "--external-id", "{1}", "--no-header", "--sandbox").code == 0


def test_a_good_header_is_not_doubted(ours: Ours, tmp_path: Path) -> None:
    for text in ("customer,when\nc1,x\n", "1,2\na,b\n"):
        path = write(tmp_path / "r.csv", text)
        more = ("--no-header",) if text.startswith("1") else ()
        ended = ours("backfill", path, "--event", "E", "--time", "{at}", "--external-id", "{zzz}", *more)
        assert "--no-header" not in ended.err
        assert "--delimiter" not in ended.err
