"""Lines of another kind above a table: refused, and read with the flags that the hint names."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from conftest import Ended, Ours
from rows import iso, write

COPY = f"""COPY public.visits (id, patient_name, ts, note) FROM stdin;
1\tJane Doe\t{iso(3)}\thas "flu
2\tTom Fox\t{iso(2)}\thas gout
\\.
"""
DUMP = f"--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n{COPY}"
GA4 = """# ----------------------------------------
# Events
# Account: Clinic, Berlin
# 20261101-20261130
# ----------------------------------------
"""
BODY = f"Date,Event name,Client id,Event count\n{iso(5)},page_view,123.456,5\n{iso(4)},login,123.457,6\n"


def dry_run(ours: Ours, file: Path, *flags: str) -> Ended:
    return ours("backfill", file, "--event", "E", *flags, "--dry-run", "-o", "json")


def flags_of(ended: Ended, begin: str) -> list[str]:
    """The flags in the hint, from `begin` to the end of the sentence."""
    hint = ended.err.partition("hint: ")[2]
    return shlex.split(f"{begin}{hint.partition(begin)[2]}".partition(";")[0])


@pytest.mark.parametrize(
    ("text", "line"), [(COPY, 1), (DUMP, 7), (COPY.upper().replace("STDIN", "stdin"), 1)]
)
def test_the_rows_of_a_postgres_dump_are_read_as_the_hint_says(
    text: str, line: int, ours: Ours, tmp_path: Path
) -> None:
    file = write(tmp_path / "visits.sql", text)
    refused = ours("inspect", file)
    assert refused.code == 6
    assert f"looks like a dump of PostgreSQL: its rows begin below line {line}," in refused.err
    assert r"\copy TABLE to 'FILE.csv' csv header" in refused.err
    ended = dry_run(
        ours, file, *flags_of(refused, "--skip-lines"), "--time", "{3}", "--external-id", "{1}", "-p", "n={4}"
    )
    assert (ended.code, ended.json["unsent"]) == (0, 2)
    assert ended.json["examples"][0]["eventProperties"]["n"].lower() == 'has "flu'


def test_other_sql_is_no_table(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "d.sql", "-- MySQL dump 10.13\n--\nINSERT INTO `v` VALUES (1,'a'),(2,'b');\n")
    ended = ours("inspect", file)
    assert ended.code == 6
    assert "looks like the SQL of a database dump" in ended.err


@pytest.mark.parametrize(
    "line",
    ["insert into v (a, b) values", "CREATE TABLE IF NOT EXISTS v (", "SET NAMES utf8mb4;", "SET a = 1;"],
)
def test_sql_is_known_by_a_statement(line: str, ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "d.txt", f"-- HeidiSQL\n/* of today */\n{line}\n1,2,3\n")
    assert "looks like the SQL of a database dump" in ours("inspect", file).err


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO `v` VALUES (1,'Jane Doe','diabetes'),(2,'Tom Fox','gout');\n",  # mysqldump --compact -t
        "INSERT INTO public.v VALUES (1, 'Jane Doe', 'diabetes');\n" * 30,  # pg_dump --inserts, lines chosen
        "INSERT INTO v (id, name) VALUES\n  (1,'Jane Doe'),\n  (2,'Tom Fox');\n",
        'insert into "v" ("id", "name")\nvalues (1, \'Jane Doe\');\n',
        "INSERT [dbo].[v] ([id], [name]) VALUES (1, N'Jane Doe')\nGO\n",
        "REPLACE INTO v VALUES (1,'Jane Doe');\n",
        "CREATE TABLE v (\n  id int, name text\n);\nINSERT INTO v VALUES(1,'Jane Doe');\n",
        "/*!40101 SET NAMES utf8 */;\nINSERT INTO `v` VALUES (1,'Jane Doe');\n",
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nINSERT INTO v VALUES(1,'Jane Doe');\n",
        "DROP TABLE IF EXISTS v;\nCREATE TABLE v (id int, name text);\nINSERT INTO v VALUES(1,'Jane Doe');\n",
    ],
)
@pytest.mark.parametrize("name", ["d.sql", "d.csv", "d"])
def test_sql_without_a_comment_above_it(text: str, name: str, ours: Ours, tmp_path: Path) -> None:
    """As a table it would have a patient for a header, and messages that name columns would show her."""
    file = write(tmp_path / name, text)
    mapped = ("--external-id", "{id}")
    for command in (
        ("inspect", file),
        ("backfill", file, "--event", "E", "--time", "{t}", *mapped, "--dry-run"),
        ("identify", file, *mapped, "-u", "city={c}", "--dry-run"),
        ("batch", file, "--dry-run"),
    ):
        ended = ours(*command)
        assert ended.code == 6
        assert "looks like the SQL of a database dump" in ended.err
        assert "Jane" not in ended.out + ended.err


@pytest.mark.parametrize(
    "header", ["Insert into form,id,at", "Insert date and values,id,at", "Replace (y/n),id,at", "SET,id,at"]
)
def test_a_header_may_begin_like_sql(header: str, ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", f"{header}\na,1,{iso(3)}\n")
    assert dry_run(ours, file, "--time", "{at}", "--external-id", "{id}").json["unsent"] == 1


@pytest.mark.parametrize("title", ["-- Sales report 2026 --", "--", "-- Sales"])
@pytest.mark.parametrize("first", ["Set up", "Create account", "Copy from", "Insert into form"])
def test_a_title_of_dashes_is_no_sql(title: str, first: str, ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", f"{title}\nwhat,id,at\n{first},1,{iso(3)}\n{first},2,{iso(2)}\n")
    flags = ["--time", "{at}", "--external-id", "{id}"]
    refused = dry_run(ours, file, *flags)
    assert flags_of(refused, "--skip-lines") == ["--skip-lines", "1"]
    assert dry_run(ours, file, *flags, "--skip-lines", "1").json["unsent"] == 2


def test_a_header_may_begin_with_dashes(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", f"-- who,at\nSET a=b,{iso(3)}\nb,{iso(2)}\n")
    told = dry_run(ours, file, "--header-row", "1", "--time", "{at}", "--external-id", "{-- who}")
    assert (told.code, told.json["unsent"]) == (0, 2)
    file = write(tmp_path / "u.csv", f"-- who,at\na,{iso(3)}\nb,{iso(2)}\n")
    assert dry_run(ours, file, "--time", "{at}", "--external-id", "{-- who}").json["unsent"] == 2


@pytest.mark.parametrize("between", ["", "\n", "# \n# All Users\n"])
@pytest.mark.parametrize("body", [BODY, BODY.replace(",", ";")])
def test_a_table_below_comments_is_read_as_the_hint_says(
    between: str, body: str, ours: Ours, tmp_path: Path
) -> None:
    file = write(tmp_path / "ga4.csv", GA4 + between + body)
    refused = dry_run(ours, file)
    above = (GA4 + between).count("\n")
    assert refused.code == 6
    assert f"lines 1 to {above} look like comments above the table" in refused.err
    assert flags_of(refused, "--skip-lines") == ["--skip-lines", str(above)]
    ended = dry_run(
        ours, file, "--skip-lines", str(above), "--time", "{Date}", "--external-id", "{Client id}", "-p*"
    )
    assert (ended.code, ended.json["unsent"]) == (0, 2)
    assert ended.json["examples"][0]["externalId"] == "123.456"
    assert f"--skip-lines {above}" in ours("inspect", file).out


@pytest.mark.parametrize("above", ["", "# from the billing system\n# of today\n"])
def test_a_header_may_begin_with_the_sign_of_a_comment(above: str, ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", f"{above}#,customer,at\n1,c1,{iso(3)}\n2,c2,{iso(2)}\n")
    flags = ["--time", "{at}", "--external-id", "{customer}", "-p", "n={#}"]
    if above:
        flags += flags_of(dry_run(ours, file, *flags), "--skip-lines")
    ended = dry_run(ours, file, *flags)
    assert (ended.code, ended.json["unsent"]) == (0, 2)


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("above", ["", "# of today\n"])
def test_the_header_and_rows_may_begin_with_the_sign_of_a_comment(
    above: str, quote: str, separator: str, ours: Ours, tmp_path: Path
) -> None:
    rows = [("#tag", "at"), ("#a", iso(4)), ("#b", iso(3)), ("c", iso(2)), ("#d", iso(1))]
    lines = [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows]
    file = write(tmp_path / ("t.csv" if separator == "," else "t.tsv"), above + "\n".join(lines) + "\n")
    flags = ["--time", "{at}", "--external-id", "{#tag}"]
    assert ours("inspect", file, "-o", "json").json["rows"]["looked_at"] == 4
    if above:
        flags += flags_of(dry_run(ours, file, *flags), "--skip-lines")
    ended = dry_run(ours, file, *flags)
    assert (ended.code, ended.json["unsent"]) == (0, 4)


def test_what_looks_like_comments_may_be_told_to_be_the_header(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", f"#tag,at\n#a,{iso(3)}\nb,{iso(2)},x\nc,{iso(1)},y\n")
    flags = ["--time", "{at}", "--external-id", "{#tag}"]
    told = flags_of(dry_run(ours, file, *flags), "--header-row")
    assert told == ["--header-row", "1"]
    assert dry_run(ours, file, *flags, *told, "--max-rejects", "2").json["unsent"] == 1


def test_a_line_that_was_told_to_be_the_header_is_one(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", f"# a,b\n# c,d\n1,{iso(3)}\n")
    ended = dry_run(ours, file, "--header-row", "2", "--time", "{d}", "--external-id", "{# c}")
    assert (ended.code, ended.json["unsent"]) == (0, 1)
