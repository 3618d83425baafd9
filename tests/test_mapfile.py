"""`--map FILE.toml`: what it says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from rows import ago, iso, write

from ours_cli.errors import UsageError
from ours_cli.mapping.fields import FieldMap, Value
from ours_cli.mapping.mapfile import load_map

WHOLE = """
event = "Purchase"
time = "{created_at}"
externalId = "{customer_id}"
email = "{mail}"
userId = "{v}"
distinctId = "{order}"
exclude = ["ssn"]
clear = ["gclid"]

[eventProperties]
amount = "{total|number}"
currency = "EUR"
seats = 2
gift = false
tags = ["a", {b = "{c}"}]
"*" = true

[userProperties]
first_name = "{First Name}"
[userProperties.custom_properties]
plan = "{plan}"
level = 3

[defaultProperties]
utm_source = "mail"

[identityContext]
ip = "{ip}"
userAgent = "{ua}"

[source]
format = "csv"
delimiter = ";"
quote = "none"
encoding = "cp1252"
skip_lines = 2
no_header = false
timezone = "Europe/Berlin"
time_format = "%d.%m.%Y"
date_order = "day"
dst = "later"
max_age = "30d"
"""


def test_everything(tmp_path: Path) -> None:
    found = load_map(write(tmp_path / "m.toml", WHOLE))
    assert found.fields == FieldMap(
        event="Purchase",
        time="{created_at}",
        external_id="{customer_id}",
        email="{mail}",
        user_id="{v}",
        distinct_id="{order}",
        exclude=("ssn",),
        clear=("gclid",),
        star=True,
        properties={
            "amount": Value("{total|number}"),
            "currency": Value("EUR"),
            "seats": Value("2", "json"),
            "gift": Value("false", "json"),
            "tags": Value('["a", {{"b": "{{c}}"}}]', "json"),
        },
        user_properties={
            "first_name": Value("{First Name}"),
            "custom_properties.plan": Value("{plan}"),
            "custom_properties.level": Value("3", "json"),
        },
        default_properties={"utm_source": Value("mail")},
        ip="{ip}",
        user_agent="{ua}",
    )
    assert found.source["skip_lines"] == 2
    assert len(found.source) == 11


def test_a_whole_object_from_one_template(tmp_path: Path) -> None:
    found = load_map(write(tmp_path / "m.toml", 'eventProperties = "{p}"\nuserProperties = "{u|json}"\n'))
    assert found.fields == FieldMap(event_object="{p}", user_object="{u|json}")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("event = Purchase", "not valid TOML", "quotes"),
        ('evnt = "E"', "unknown key 'evnt'", "'event'"),
        ('properties = "{p}"', "unknown key 'properties'", "'eventProperties'"),
        ("event = 7", "event in", 'event = "{column}"'),
        ('event = ""', "event in", ""),
        ("eventProperties = 7", "must be a table or one template", "[eventProperties]"),
        ("[eventProperties]\nwhen = 2026-01-01", "cannot be sent as JSON", "quotes"),
        ("[eventProperties]\nn = nan", "cannot be sent as JSON", ""),
        ('[eventProperties]\n"*" = "{x}"', "must be true or false", '"*" = true'),
        ('[identityContext]\nip = "{ip}"', "needs exactly ip and userAgent", ""),
        ('exclude = "ssn"', "must be a list of names", '["column"]'),
        ("[source]\ndelimter = ';'", "unknown key 'delimter'", "'delimiter'"),
        ("[source]\nskip_lines = '2'", "source.skip_lines", ""),
        ("[source]\nskip_lines = true", "source.skip_lines", ""),
        ("source = 1", "must be a table", "[source]"),
        ('[userProperties]\nplan = "x"', "no visitor property 'plan'", "[userProperties.custom_properties]"),
        (
            '[userProperties]\nfirstName = "x"',
            "no visitor property 'firstName'",
            "did you mean 'first_name'?",
        ),
        ('[defaultProperties]\nplan = "x"', "no default property 'plan'", "[eventProperties]"),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = write(tmp_path / "m.toml", text)
    with pytest.raises(UsageError) as caught:
        load_map(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert hint in (caught.value.hint or "")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_map(tmp_path / "no.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        load_map(tmp_path)
    (tmp_path / "latin").write_bytes(b'event = "\xe9"')
    with pytest.raises(UsageError, match="latin is not UTF-8") as caught:
        load_map(tmp_path / "latin")
    assert "PowerShell" in (caught.value.hint or "")


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """PowerShell's own UTF-8 begins with one."""
    (tmp_path / "m.toml").write_text('event = "E"\n', "utf-8-sig")
    assert load_map(tmp_path / "m.toml").fields == FieldMap(event="E")


def test_the_same_events_as_flags_and_flags_override(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox()
    naive = iso(30).removesuffix("Z")
    data = write(tmp_path / "o.txt", f"Export\nof today\nwhen;id;total\n{naive};7;1,5\n", "cp1252")
    text = """
    event = "Purchase"
    time = "{when}"
    externalId = "{id}"
    [eventProperties]
    total = "{total|number:de}"
    [source]
    format = "csv"
    delimiter = ";"
    encoding = "cp1252"
    skip_lines = 2
    timezone = "+01:00"
    """
    fields = write(tmp_path / "m.toml", text)
    by_flags = ours(
        *("backfill", data, "--event", "Purchase", "--time", "{when}", "--external-id", "{id}"),
        *("-p", "total={total|number:de}", "--delimiter", ";", "--encoding", "cp1252", "--skip-lines", "2"),
        *("--format", "csv", "--tz", "+01:00"),
    )
    assert by_flags.code == 0, by_flags.err
    assert ours("backfill", data, "--map", fields).code == 0
    (event,) = place.events()
    assert event.times_received == 2
    assert event.body["time"] == ago(31)
    assert ours("backfill", data, "--map", fields, "--event", "Order", "--tz", "UTC").code == 0
    *_, other = place.events()
    assert (other.event, other.body["time"]) == ("Order", ago(30))


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ('timezone = "ZONE"', 'timezone = "America/New_York"'),
        ('max_age = "a month"', 'max_age = "30d"'),
        ('date_order = "us"', "without it"),
        ('epoch_unit = "minutes"', "without it"),
        ('dst = "maybe"', "without it"),
        ('format = "xml"', "without it"),
    ],
)
def test_source_options_that_mean_nothing(ours: Ours, tmp_path: Path, line: str, hint: str) -> None:
    """It is the map's key that is wrong, not a flag that nobody typed."""
    key = line.partition(" ")[0]
    data = write(tmp_path / "o.csv", f"when,id\n{iso(1)},7\n")
    fields = write(tmp_path / "m.toml", f'event = "E"\ntime = "{{when}}"\n[source]\n{line}\n')
    ended = ours("backfill", data, "--map", fields, "--dry-run")
    assert ended.code == 2
    assert f"error: source.{key} in {fields}" in ended.err
    assert f"hint: {hint}" in ended.err
    flag = {"timezone": "--tz", "date_order": "--day-first"}.get(key, f"--{key.replace('_', '-')}")
    assert flag not in ended.err
    if key != "date_order":
        typed = ours("backfill", data, "--map", fields, "--dry-run", flag, "nonsense")
        assert f"error: {flag}" in typed.err
        assert "source." not in typed.err
