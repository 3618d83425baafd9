"""`ours inspect` of nested JSON: keys above a value count, and wrappers of a value's type do not."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from conftest import Ours


def found_in(ours: Ours, path: Path, rows: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The proposal for these rows, and the flag of each column."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = ours("inspect", path, "-o", "json").json
    return found["proposal"], {column["name"]: column["flag"] for column in found["columns"]}


DYNAMO = {
    "customerId": "007", "lastName": "Smith", "dob": "1980-02-03", "ssn": "078051120", "diagnosis": "Gout",
    "street": "1 Main St", "phone": "2085551000", "zip": "02134", "mrn": "00817", "notes": "has flu",
}  # fmt: skip


def test_names_are_those_above_the_types_of_dynamodb(ours: Ours, tmp_path: Path) -> None:
    item = {name: {"S": text} for name, text in DYNAMO.items()} | {"plan": {"S": "gold"}}
    numbers = {"createdAt": {"N": "1772256000"}, "total": {"N": "12.5"}, "isNew": {"BOOL": True}}
    rows = [{"Item": item | numbers | {"id": {"S": f"e-{at}"}, "coupon": {"NULL": True}}} for at in range(2)]
    proposal, flags = found_in(ours, tmp_path / "a.json", rows)
    assert (proposal["time"], proposal["externalId"]) == ("{Item.createdAt.N}", "{Item.customerId.S}")
    assert proposal["distinctId"] == "{Item.id.S}"
    assert proposal["properties"] == {
        "plan": "{Item.plan.S}",
        "total": "{Item.total.N|number}",
        "is_new": "{Item.isNew.BOOL}",
    }
    assert {name.split(".")[1]: flag for name, flag in flags.items() if flag} == {
        "lastName": "name", "dob": "date of birth", "ssn": "SSN", "diagnosis": "health", "street": "address",
        "phone": "phone", "zip": "address", "mrn": "medical record number", "notes": "free text",
    }  # fmt: skip


def test_a_flag_covers_what_lies_in_it(ours: Ours, tmp_path: Path) -> None:
    row = {
        "createdAt": {"$date": {"$numberLong": "1795600000123"}},
        "patient": {
            "dob": {"$date": "1980-02-03T00:00:00Z"},
            "ssn": {"$numberLong": "78051120"},
            "mrn": {"$numberInt": "817"},
        },
        "diagnosis": {"text": "Gout", "code": "M10"},
        "address": {"line1": "1 Main St"},
        "telecom": {"value": "x1000"},
        "name": {"text": "Jane Doe"},
        "subject": {"reference": "Patient/p1", "display": "Jane Doe"},
        "order": {"total": {"$numberDecimal": "12.5"}},
        "customer": {"plan": {"name": "gold"}},
    }
    path = tmp_path / "a.json"
    proposal, flags = found_in(ours, path, [{"_id": {"$oid": f"6{at:023}"}, **row} for at in range(2)])
    assert (proposal["time"], proposal["distinctId"]) == ("{createdAt.$date.$numberLong}", "{_id.$oid}")
    assert proposal["properties"] == {
        "total": "{order.total.$numberDecimal|number}",
        "name": "{customer.plan.name}",
    }
    assert {name for name, flag in flags.items() if flag is None} == {
        "createdAt.$date.$numberLong", "_id.$oid", "order.total.$numberDecimal", "customer.plan.name",
    }  # fmt: skip
    assert flags["patient.mrn.$numberInt"] == "medical record number"
    assert "1980" not in ours("inspect", path).out
    words = shlex.split(proposal["command"].replace("\\\n", " "))
    assert (
        ours(*words[1:], "--max-age", "none", "--hmac-key-file", keyed(tmp_path), "-o", "json").json["unsent"]
        == 2
    )


def keyed(folder: Path) -> Path:
    key = folder / "key"
    key.write_text("k" * 32)
    key.chmod(0o600)
    return key


@pytest.mark.parametrize(
    ("key", "inner"),
    [
        ("user", "id"),
        ("customer", "id"),
        ("patient", "id"),
        ("insured", "id"),
        ("contact", "uuid"),
        ("user", "_id"),
    ],
)
def test_the_id_of_a_person_is_never_the_events(key: str, inner: str, ours: Ours, tmp_path: Path) -> None:
    rows = [
        {"event": "visit", "at": f"2026-11-2{at}T10:00:00Z", key: {inner: f"u{at}"}, "amount": at}
        for at in range(3)
    ]
    proposal, _ = found_in(ours, tmp_path / "a.json", rows)
    assert (proposal["externalId"], proposal["distinctId"]) == (f"{{{key}.{inner}}}", None)
    assert proposal["properties"] == {"amount": "{amount}"}


@pytest.mark.parametrize(
    ("keys", "is_the_events"),
    [
        (("id",), True), (("event", "id"), True), (("payload", "id"), True), (("data", "uuid"), True),
        (("order", "id"), True), (("product", "id"), False), (("subject", "reference"), False),
        (("user", "order", "id"), True),
    ],
)  # fmt: skip
def test_an_id_within_json_is_that_of_what_it_stands_in(
    keys: tuple[str, ...], is_the_events: bool, ours: Ours, tmp_path: Path
) -> None:
    rows = []
    for at in range(3):
        value: Any = f"x{at}"
        for key in reversed(keys):
            value = {key: value}
        rows.append({"event": "visit", "time": f"2026-11-2{at}T10:00:00Z", "user_id": "u", **value})
    proposal, _ = found_in(ours, tmp_path / "a.json", rows)
    assert proposal["distinctId"] == (f"{{{'.'.join(keys)}}}" if is_the_events else None)


def test_a_persons_id_comes_before_that_of_a_session(ours: Ours, tmp_path: Path) -> None:
    rows = [
        {"event": "visit", "time": "2026-11-25T10:00:00Z", "session_id": f"s{at}", "user": {"id": "u1"}}
        for at in range(2)
    ]
    assert found_in(ours, tmp_path / "a.json", rows)[0]["externalId"] == "{user.id}"
