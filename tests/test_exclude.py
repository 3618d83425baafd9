"""`--exclude`: what it names is sent by nothing that sends whole rows or objects, or somebody is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours, StartSandbox
from rows import ago, iso, ndjson, write
from visitors import visitors

from ours_cli.mapping.exclude import Exclusion
from ours_cli.mapping.fields import FieldMap
from ours_cli.record import Table

ESSENTIALS = ("--event", "E", "--time", "{t}", "--external-id", "{who}")
STAR = (*ESSENTIALS, "-p", "*")
PERSON = {"ssn": "CAN1", "plan": "x", "deep": [{"a": 1, "b": 2}, {"a": 3}]}


def rows(**more: Any) -> str:
    return ndjson([{"who": "a", "t": ago(1), **more}])


def sent(place: Any) -> list[dict[str, Any]]:
    return [event.body.get("eventProperties", {}) for event in place.events()]


def map_file(tmp_path: Path, excluded: list[str], whole: str) -> Path:
    text = f'event = "E"\ntime = "{{t}}"\nexternalId = "{{who}}"\neventProperties = "{whole}"\n'
    return write(tmp_path / "map.toml", f"exclude = {json.dumps(excluded)}\n{text}")


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        (["p"], {"n": 1}),
        ([" p "], {"n": 1}),
        (["p.ssn"], {"n": 1, "p": {"plan": "x", "deep": PERSON["deep"]}}),
        (["p.ssn", "p"], {"n": 1}),
        (["p", "p.ssn"], {"n": 1}),
        (["p.ssn", "p.plan", "p.deep[0].b"], {"n": 1, "p": {"deep": [{"a": 1}, {"a": 3}]}}),
        (["p.deep[0]", "p.deep[1].a"], {"n": 1, "p": {"ssn": "CAN1", "plan": "x", "deep": [{}]}}),
    ],
)
def test_paths_in_rows(
    excluded: list[str],
    expected: dict[str, Any],
    workers: str,
    tmp_path: Path,
    ours: Ours,
    sandbox: StartSandbox,
) -> None:
    place = sandbox()
    path = write(tmp_path / "o.ndjson", rows(p=PERSON, n=1))
    flags = [word for name in excluded for word in ("--exclude", name)]
    ended = ours("backfill", path, *STAR, *flags, "--workers", workers, "-o", "json")
    assert ended.code == 0, ended.err
    assert sent(place) == [expected]
    assert not [text for text in ended.json["warnings"] if "never found" in text]
    assert not [text for text in ended.json["warnings"] if "not sent" in text], "it is meant"


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_a_name_in_double_quotes_is_read_as_templates_read_it(
    kind: str, tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    place = sandbox()
    odd = {"p.ssn": "CAN1", "a|b": "CAN2", 'the "name"': "CAN3", '"ward"': "CAN4", "n": "1"}
    text = rows(**odd)
    if kind == "csv":
        header = ",".join('"' + name.replace('"', '""') + '"' for name in odd)
        text = f"who,t,{header}\na,{iso(1)},{','.join(odd.values())}\n"
    path = write(tmp_path / f"o.{kind}", text)
    names = ('"p.ssn"', '"a|b"', '"the ""name"""', '"ward"')
    flags = [word for name in names for word in ("--exclude", name)]
    ended = ours("backfill", path, *STAR, *flags, "-o", "json")
    assert ended.code == 0, ended.err
    assert sent(place) == [{"n": "1"}]
    assert ended.json["warnings"] == []
    mapped = ("--external-id", '{"a|b"}', "--exclude", '"a|b"', "--dry-run")
    ended = ours("backfill", path, "--event", "E", "--time", "{t}", *mapped)
    assert ended.code == 2
    assert "does not undo" in ended.err


@pytest.mark.parametrize("excluded", [["ssn"], ["p.ssn"], ["p.ssn", "ssn"]])
@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_names_and_paths_in_a_whole_object(
    excluded: list[str], kind: str, tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    place = sandbox()
    person = {"ssn": "CAN1", "plan": "x"}
    cell = json.dumps(person).replace('"', '""')
    text = rows(p=person) if kind == "ndjson" else f'who,t,p\na,{iso(1)},"{cell}"\n'
    path = write(tmp_path / f"o.{kind}", text)
    whole = "{p}" if kind == "ndjson" else "{p|json}"
    ended = ours("backfill", path, "--map", map_file(tmp_path, excluded, whole), "-o", "json")
    assert ended.code == 0, ended.err
    assert sent(place) == [{"plan": "x"}]
    assert ended.json["warnings"] == []


def test_properties_of_a_visitor(tmp_path: Path, ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    row = {"who": "a", "u": {"city": "Ulm", "custom_properties": {"ssn": "CAN1", "plan": "x"}}}
    path = write(tmp_path / "o.ndjson", ndjson([row]))
    text = 'externalId = "{who}"\nuserProperties = "{u}"\nexclude = ["custom_properties.ssn"]\n'
    assert ours("identify", path, "--map", write(tmp_path / "map.toml", text)).code == 0
    (visitor,) = visitors(place.events())
    assert "CAN1" not in str(visitor.properties)
    assert "Ulm" in str(visitor.properties)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("q={p}", {"q": {"plan": "x"}}),
        ("q={p.in}", {"q": {"b": 2}}),
        ("q=is {p}", {"q": 'is {"plan":"x"}'}),
        ("q:={p}", {"q": {"plan": "x"}}),
        ("q={p.ssn}", {"q": "CAN1"}),
    ],
)
def test_a_property_that_holds_an_object(
    assignment: str, expected: dict[str, Any], tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    """What is named itself is sent: nobody names it by mistake."""
    place = sandbox()
    inner = {"in": {"a": 1, "b": 2}} if ".in" in assignment else {}
    path = write(tmp_path / "o.ndjson", rows(p={"ssn": "CAN1", "plan": "x", **inner}))
    excluded = ("--exclude", "p.ssn", "--exclude", "p.in.a")
    assert ours("backfill", path, *STAR, "-p", assignment, *excluded).code == 0
    assert sent(place) == [expected]


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_filters_see_only_what_is_left(kind: str, tmp_path: Path, ours: Ours, sandbox: StartSandbox) -> None:
    """Else a filter could write the excluded name otherwise, and its value would be sent."""
    place = sandbox()
    text = '{"ssn":"can1","plan":"x"}'
    quoted = text.replace('"', '""')
    source = rows(p=text) if kind == "ndjson" else f'who,t,p\na,{iso(1)},"{quoted}"\n'
    path = write(tmp_path / f"o.{kind}", source)
    flags = ("-p", "q={p|upper}", "--exclude", "p.ssn")
    assert ours("backfill", path, *ESSENTIALS, *flags).code == 0
    assert sent(place) == [{"q": '{"PLAN":"X"}'}]


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_json_in_a_text(kind: str, tmp_path: Path, ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    texts = [
        '{"ssn": "CAN1", "n": [12345678901234567890, 1.10]}',
        '{"n": 1 }',
        "plain",
        json.dumps('{"ssn":1}'),
        '\ufeff{"ssn": "CAN1", "n": 2}',
        '[{"ssn": "CAN1", "n": 3}, "x"]',
    ]
    damaged = ['{"ssn": "CAN1", "ssn": "CAN2"}', '"{"ssn":"CAN2"}"']
    if kind == "ndjson":
        text = ndjson([{"who": "a", "t": ago(1), "p": cell} for cell in [*texts, *damaged]])
    else:
        cells = [cell.replace('"', '""') for cell in [*texts, *damaged]]
        text = "who,t,p\n" + "".join(f'a,{iso(1)},"{cell}"\n' for cell in cells)
    path = write(tmp_path / f"o.{kind}", text)
    ended = ours("backfill", path, *STAR, "--exclude", "p.ssn", "-o", "json")
    assert ended.json["reject_codes"] == {"bad_json": 2}, "what cannot be read may hold it"
    assert [found["p"] for found in sent(place)] == [
        '{"n":[12345678901234567890,1.10]}',
        texts[1],
        "plain",
        '"{}"',
        '{"n":2}',
        '[{"n":3},"x"]',
    ]
    assert "CAN2" not in ended.err


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("is_dry", [True, False])
def test_a_name_that_no_row_has_is_told(
    workers: str, is_dry: bool, tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    sandbox()
    text = rows(secret="S", p={"ssn": 1}) * 3 + rows(late=1)
    path = write(tmp_path / "o.ndjson", text)
    names = ["Secrets", "p.SSN", "p.ssn", "late", "p[0]"]
    flags = [word for name in names for word in ("--exclude", name)]
    how = ["--dry-run"] if is_dry else ["--workers", workers]
    ended = ours("backfill", path, *STAR, *flags, *how)
    assert ended.code == 0
    assert "never found in any row: --exclude Secrets, --exclude p.SSN, --exclude p[0]" in " ".join(
        ended.err.split()
    )
    assert ("left behind: p.ssn, late" in ended.out) == is_dry
    assert "not sent:" not in ended.err


@pytest.mark.parametrize("name", ["SSN", " Ssn ", '"SSN"', "P.ssn", "p.SSN", "p.deep.A"])
def test_a_key_in_other_letters_is_refused_before_it_is_sent(
    name: str, tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    place = sandbox()
    path = write(tmp_path / "o.ndjson", rows(ssn="CAN1", p=PERSON) + rows(Ssn2="x"))
    ended = ours("backfill", path, *STAR, "--exclude", name)
    assert ended.code == 2
    key = {"P.ssn": "p.ssn", "p.SSN": "p.ssn", "p.deep.A": "p.deep.a"}.get(name, "ssn")
    assert f"--exclude {name} does not leave out {key!r}, which the rows have" in ended.err
    assert sent(place) == []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["ssn", "PLAN"], "error: --exclude PLAN does not leave out 'p.plan', which the rows have"),
        (["p"], "error: --exclude p does not undo what the mapping itself names"),
    ],
)
def test_a_whole_object_or_its_property_in_other_letters_is_refused_before_it_is_sent(
    names: list[str], said: str, tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    place = sandbox()
    path = write(tmp_path / "o.ndjson", rows(p=PERSON))
    ended = ours("backfill", path, "--map", map_file(tmp_path, names, "{p}"))
    assert ended.code == 2
    assert said in ended.err
    assert sent(place) == []


@pytest.mark.parametrize("flags", [STAR, (*ESSENTIALS, "-p", "p={p|json}")])
def test_other_letters_in_json_held_as_text_are_refused_before_they_are_sent(
    flags: tuple[str, ...], tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    place = sandbox()
    path = write(tmp_path / "o.ndjson", rows(p=json.dumps({"ssn": "CAN1", "SSN": "CAN2"})))
    ended = ours("backfill", path, *flags, "--exclude", "p.ssn")
    assert ended.code == 2
    assert "error: --exclude p.ssn does not leave out 'p.SSN', which the rows have" in ended.err
    assert sent(place) == []
    assert ours("backfill", path, *flags, "--exclude", "p.ssn", "--exclude", "p.SSN").code == 0


def test_several_spellings_of_a_key_may_be_left_out(
    tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    """The rows that were looked at have one of them; others may follow."""
    place = sandbox()
    paths = [write(tmp_path / f"{key}.ndjson", rows(n=1, **{key: "CAN1"})) for key in ("ssn", "SSN")]
    ended = ours("backfill", *paths, *STAR, "--exclude", "SSN", "--exclude", "ssn")
    assert ended.code == 0, ended.err
    assert sent(place) == [{"n": 1}] * 2


@pytest.mark.parametrize("kind", ["csv", "ndjson", "ndjson, in other rows"])
def test_other_letters_beside_those_given_are_refused_unless_named(
    kind: str, tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    place = sandbox()
    text = f"who,t,ssn, SSN \na,{iso(1)},CAN1,CAN2\n"
    if kind != "csv":
        text = rows(ssn="CAN1", SSN="CAN2") if kind == "ndjson" else rows(ssn="CAN1") + rows(SSN="CAN2")
    path = write(tmp_path / "o", text)
    ended = ours("backfill", path, *STAR, "--exclude", "ssn")
    assert ended.code == 2
    assert "error: --exclude ssn does not leave out 'SSN', which the rows have" in ended.err
    assert sent(place) == []
    for named in (STAR, ESSENTIALS):
        ended = ours("backfill", path, *named, "-p", "SSN={SSN}", "--exclude", "ssn", "--restart")
        assert ended.code == 0, ended.err
        assert {"SSN": "CAN2"} in sent(place)
        assert "CAN1" not in str(sent(place))
    ended = ours("backfill", path, *ESSENTIALS, "--exclude", "ssn", "--restart")
    assert ended.code == 0, "neither is sent"


def test_a_property_in_two_spellings_is_refused(tmp_path: Path, ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    path = write(tmp_path / "o.ndjson", rows(p={**PERSON, "SSN": "CAN2"}))
    given = map_file(tmp_path, ["ssn"], "{p}")
    ended = ours("backfill", path, "--map", given)
    assert ended.code == 2
    assert "--exclude ssn does not leave out 'p.SSN'" in ended.err
    assert sent(place) == []
    assert ours("backfill", path, "--map", given, "-p", "SSN={p.SSN}").code == 0
    assert sent(place) == [{"plan": "x", "deep": PERSON["deep"], "SSN": "CAN2"}]
    ended = ours("backfill", path, *STAR, "-p", "plan={p.plan}", "--exclude", "p.ssn")
    assert ended.code == 0, "of p only its plan is sent"


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("is_dry", [True, False])
def test_other_letters_in_later_rows_are_told(
    workers: str, is_dry: bool, tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    sandbox()
    path = write(tmp_path / "o.ndjson", rows(ssn="CAN1") * 200 + rows(SSN="CAN2", Other=1))
    how = ["--dry-run"] if is_dry else ["--workers", workers]
    ended = ours("backfill", path, *STAR, "--exclude", "ssn", "-o", "json", *how)
    assert ended.json["warnings"] == ["not left out, for --exclude names other letters: SSN"]
    ended = ours("backfill", path, *STAR, "--exclude", "ssn", "-p", "SSN={SSN}", "-o", "json", *how)
    assert ended.json["warnings"] == [], "it is named"


def test_a_name_that_a_whole_object_never_has_is_told(tmp_path: Path, ours: Ours) -> None:
    cell = json.dumps(PERSON).replace('"', '""')
    path = write(tmp_path / "o.csv", f'who,t,p\na,{iso(1)},"{cell}"\n')
    given = map_file(tmp_path, ["ssn", "p.plan", "who", "Plan"], "{p|json}")
    ended = ours("backfill", path, "--map", given, "--dry-run", "-o", "json")
    assert ended.json["warnings"] == ["never found in any row: --exclude Plan"]


@pytest.mark.parametrize("other", [("-d", "ip={b}"), ("-u", "ip={b}")])
def test_properties_of_one_name_in_two_objects(
    other: tuple[str, str], tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    place = sandbox()
    path = write(tmp_path / "o.ndjson", rows(a={"k": "secret", "kept": 1}, b="192.0.2.1"))
    ended = ours("backfill", path, *ESSENTIALS, "-p", "ip={a|json}", *other, "--exclude", "a.k")
    assert ended.code == 0, ended.err
    assert sent(place) == [{"ip": {"kept": 1}}]


@pytest.mark.parametrize(
    "flags",
    [
        (*ESSENTIALS, "-p", "plan={p}", "--exclude", "p"),
        (*ESSENTIALS, "-p", "plan={p.plan}", "--exclude", "p.plan"),
        (*ESSENTIALS, "-p", "plan={p.plan}", "--exclude", "p"),
        (*ESSENTIALS, "--exclude", "who"),
    ],
)
def test_it_is_refused_where_it_would_undo_nothing(
    flags: tuple[str, ...], tmp_path: Path, ours: Ours
) -> None:
    path = write(tmp_path / "o.ndjson", "not looked at\n")
    ended = ours("backfill", path, *flags)
    assert ended.code == 2
    assert f"--exclude {flags[-1]} does not undo" in ended.err
    assert "hint: only what is mapped is sent" in ended.err


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_what_is_not_mapped_can_be_left_on_purpose(
    kind: str, tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    sandbox()
    row = {"who": "a", "t": iso(1), "note": "x", "p": '{"plan":1,"ssn":2}' if kind == "csv" else PERSON}
    if kind == "csv":
        cells = ",".join('"' + str(cell).replace('"', '""') + '"' for cell in row.values())
        path = write(tmp_path / "o.csv", ",".join(row) + f"\n{cells}\n")
    else:
        path = write(tmp_path / "o.ndjson", ndjson([row]))
    mapped = ("backfill", path, *ESSENTIALS, "-p", "plan={p.plan}", "-o", "json", "--restart")
    rest = "p (all else in it)" if kind == "csv" else "p.ssn, p.deep"
    said = ours(*mapped).json["warnings"]
    assert [sorted(text.split(", ")) for text in said] == [
        sorted(f"columns not sent: note, {rest}; --exclude COLUMN says it is meant".split(", "))
    ]
    advice = "" if kind == "csv" else "; --exclude COLUMN says it is meant"
    assert ours(*mapped, "--exclude", "note").json["warnings"] == [f"columns not sent: {rest}{advice}"]
    if kind == "ndjson":
        names = ["note", "p.ssn", "p.deep"]
        ended = ours(*mapped, *(word for name in names for word in ("--exclude", name)))
        assert (ended.code, ended.json["accepted"], ended.json["warnings"]) == (0, 1, [])
    ended = ours(*mapped, "--exclude", "p")
    assert ended.code == 2, "p.plan lies in it, and would be sent"
    assert "--exclude p does not undo" in ended.err


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_columns_that_map_themselves(kind: str, tmp_path: Path, ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    row = {"event": "E", "time": iso(1), "externalId": "a", "email": "a@x.org", "note": "x"}
    text = ndjson([row]) if kind == "ndjson" else f"{','.join(row)}\n{','.join(row.values())}\n"
    path = write(tmp_path / f"o.{kind}", text)
    ended = ours("backfill", path, "--exclude", "note", "-o", "json")
    assert (ended.code, ended.json["warnings"]) == (0, [])
    (event,) = place.events()
    assert event.body["email"] == "a@x.org"
    ended = ours("backfill", path, "--exclude", "email", "--restart")
    assert ended.code == 2
    assert "--exclude email does not undo" in ended.err
    assert len(list(place.events())) == 1


def test_a_part_of_an_object_that_maps_itself(tmp_path: Path, ours: Ours, sandbox: StartSandbox) -> None:
    place = sandbox()
    row = {"event": "E", "time": ago(1), "externalId": "a", "eventProperties": PERSON}
    path = write(tmp_path / "o.ndjson", ndjson([row]))
    assert ours("backfill", path, "--exclude", "eventProperties.ssn", "--exclude", "deep").code == 0
    assert sent(place) == [{"plan": "x"}]
    assert ours("backfill", path, "--exclude", "eventProperties", "--restart").code == 2


def test_a_column_without_a_name_cannot_be_excluded_and_no_one_says_so(
    tmp_path: Path, ours: Ours, sandbox: StartSandbox
) -> None:
    sandbox()
    path = write(tmp_path / "o.csv", f"who,t,\na,{iso(1)},x\n")
    ended = ours("backfill", path, *ESSENTIALS, "-o", "json")
    assert ended.json["warnings"] == ["columns not sent: column 3 (no name)"]


def test_a_preset_is_not_cut_down(tmp_path: Path, ours: Ours) -> None:
    path = write(tmp_path / "o.csv", "id\n1\n")
    ended = ours("backfill", path, "--preset", "stripe", "--exclude", "Amount")
    assert ended.code == 2
    assert "--preset stripe" in ended.err
    assert "ours inspect FILE" in ended.err


def test_a_column_that_is_not_there_is_refused_where_columns_are_declared(tmp_path: Path, ours: Ours) -> None:
    path = write(tmp_path / "o.csv", f"who,t,note\na,{iso(1)},x\n")
    for name in ("Note", "p.note"):
        ended = ours("backfill", path, *STAR, "--exclude", name, "--dry-run")
        assert ended.code == 2
        assert f"--exclude: there is no column '{name}'" in ended.err


def test_blanks_around_a_name_make_no_other_column_or_key() -> None:
    fields = FieldMap(exclude=(" a.b",))
    assert Exclusion(fields, Table("", "csv", ("id", "a.b", " a.b ")), None).of_rows == {1: None, 2: None}
    assert Exclusion(fields, Table("", "ndjson", None), None).leaves_out("a.b")
    assert Exclusion(fields, Table("", "ndjson", None), None).leaves_out(" a.b")


def test_a_column_that_no_event_can_hold_may_be_left_out() -> None:
    table = Table("", "parquet", None, keys=("n",), unreadable={"photo": "binary"})
    exclusion = Exclusion(FieldMap(exclude=("photo",), star=True), table, None)
    assert exclusion.leaves_out("photo")
