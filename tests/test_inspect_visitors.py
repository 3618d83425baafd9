"""`ours inspect` of people rather than events: what it proposes is `ours identify`, and runs."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import pytest
from conftest import Ours

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
CONTACTS = """Email,First,Last Name,Plan,Visits,Type,Mobile,Company,utm_source
ann@example.org,Ann,Lee,gold,3,lead,0170 1234567,ACME,mail
bob@example.org,Bob,Day,basic,12,lead,0171 7654321,Initech,web
"""


def test_contacts_without_times_are_identified(ours: Ours, tmp_path: Path) -> None:
    path, kept = tmp_path / "contacts.csv", tmp_path / "map.toml"
    path.write_text(CONTACTS)
    found = ours("inspect", path, "-o", "json", "--write-map", kept).json["proposal"]
    assert (found["runs"], found["event"], found["distinctId"], found["needs"]) == (
        "identify",
        None,
        None,
        [],
    )
    assert found["properties"] == {
        "first_name": "{First}",
        "last_name": "{Last Name}",
        "custom_properties.plan": "{Plan}",
        "custom_properties.visits": "{Visits|number}",
        "custom_properties.type": "{Type}",
        "company_name": "{Company}",
        "utm_source": "{utm_source}",
    }
    assert any("taken for people" in note for note in found["notes"])
    assert '# phone_number = "{Mobile}"  # phone' in kept.read_text()

    words = shlex.split(found["command"].replace("\\\n", " "))
    assert words[1:3] == ["identify", str(path)]
    typed = ours(*words[1:], "-o", "json").json
    mapped = ours("identify", path, "--map", kept, "--dry-run", "-o", "json").json
    assert typed["examples"] == mapped["examples"]
    assert mapped["examples"][0] == {
        "email": "ann@example.org",
        "userProperties": {
            "first_name": "Ann",
            "last_name": "Lee",
            "company_name": "ACME",
            "utm_source": "mail",
            "custom_properties": {"plan": "gold", "visits": 3, "type": "lead"},
        },
    }


def test_a_name_that_identify_sends_is_said_to_be_sent(ours: Ours, tmp_path: Path) -> None:
    page = ours("inspect", SAMPLES / "contacts.csv").out
    assert "First Name: name (by its name), SENT by the command below" in page
    assert "phone: phone (by its name), left out below" in page
    assert "--time" not in page


@pytest.mark.parametrize(
    "text",
    [
        "email,created\na@x.org,2026-03-01T10:00:00Z\n",
        "email,event\na@x.org,Visit\n",
        "email,item\na@x.org,Mug\na@x.org,Cup\nb@x.org,Cup\n",
        "item\nMug\n",
    ],
    ids=["has times", "has events", "people come again", "no people"],
)
def test_what_is_not_one_row_a_person_is_still_events(text: str, ours: Ours, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert ours("inspect", path, "-o", "json").json["proposal"]["runs"] == "backfill"


def test_keys_that_two_columns_claim_are_told_apart(ours: Ours, tmp_path: Path) -> None:
    path, kept = tmp_path / "a.csv", tmp_path / "map.toml"
    path.write_text('email,country,Land,"odd = ""key"""\na@x.org,CH,CH,1\nb@x.org,AT,AT,2\n')
    found = ours("inspect", path, "-o", "json", "--write-map", kept).json["proposal"]
    assert list(found["properties"]) == ["country", "custom_properties.land", "custom_properties.odd_key"]
    assert tomllib.loads(kept.read_text())["userProperties"]["custom_properties"]["land"] == "{Land}"
