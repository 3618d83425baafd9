"""Every preset, through the door: what the server receives of a made-up export in the vendor's shape.

The exports are in `presets/`, each named for its preset. Real ones may lie beside the project.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import Ours, StartSandbox
from rows import write

from ours_cli.errors import SourceError, UsageError
from ours_cli.mapping.fields import FieldMap
from ours_cli.mapping.presets import load_preset, names_in, preset_names, recognise, recognise_headerless
from ours_cli.mapping.where import read_condition
from ours_cli.record import Record
from ours_cli.source import ReadOptions, open_table

SAMPLES = Path(__file__).parent / "presets"
REAL = Path(__file__).resolve().parents[2] / "shared" / "realdata"

USAGE = 2


class Got(NamedTuple):
    """One event as the server stored it: `who` is the externalId or the e-mail; `time` in UTC.

    `properties` are the eventProperties, whole; of an identify, the userProperties.
    """

    event: str
    who: str
    time: str
    distinct_id: str | None
    properties: Mapping[str, Any]


class Case(NamedTuple):
    """What comes of the sample of a preset."""

    flags: str
    events: list[Got]
    filtered: int = 0
    rejected: Mapping[str, int] = {}
    context: Mapping[str, str] = {}
    """The defaultProperties of the first event, whole."""


SPRING = {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "spring"}
ORDER = {"order_id": "A-17", "revenue": 99.5, "currency": "USD"}
UUID_1, UUID_3 = "0a000000-0000-4000-8000-000000000001", "0a000000-0000-4000-8000-000000000003"

SEGMENT = Case(
    "",
    [
        Got("Order Completed", "u1", "2026-03-01T10:00:00.125Z", "ajs-next-0001", ORDER),
        Got("Signed Up", "u2", "2026-03-04T10:00:00.125Z", "ajs-next-0004", {}),
    ],
    filtered=2,
    context=SPRING,
)
CASES = {
    "segment": SEGMENT,
    "rudderstack": SEGMENT,
    "mixpanel": Case(
        "",
        [
            Got("Signed up", "u1", "2026-03-02T10:00:00Z", "ins-1", {}),
            Got("Plan upgraded", "u2", "2026-03-03T10:00:00Z", "ins-4", {}),
        ],
        filtered=2,
        context={"utm_source": "google", "utm_campaign": "spring"},
    ),
    "amplitude": Case(
        "",
        [
            Got("button_clicked", "u1", "2026-03-01T10:00:00.250Z", UUID_1, {"platform": "Web"}),
            Got("order_paid", "u2", "2026-03-03T10:00:00.250Z", UUID_3, {"platform": "Web"}),
        ],
        filtered=1,
        rejected={"missing_identifier": 1},
        context={"utm_source": "google", "gclid": "g-1"},
    ),
    "posthog": Case(
        "",
        [
            Got("$pageview", "u1", "2026-03-01T10:00:00.500Z", "018e0000-0000-7000-8000-000000000001", {}),
            Got("subscribed", "u2", "2026-03-03T10:00:00.500Z", "018e0000-0000-7000-8000-000000000003", {}),
        ],
        filtered=2,
        context={"utm_source": "google", "gclid": "g-2"},
    ),
    "ga4": Case(
        "",
        [
            Got(
                "purchase",
                "u1",
                "2026-03-02T10:00:00.123Z",
                None,
                {
                    "value": 99.5,
                    "currency": "USD",
                    "transaction_id": "T-17",
                    "revenue": 99.5,
                    "session_id": 1772445000,
                    "platform": "WEB",
                },
            ),
            Got(
                "page_view",
                "u1",
                "2026-03-02T10:00:01Z",
                None,
                {"session_id": 1772445000, "platform": "WEB"},
            ),
        ],
        rejected={"missing_identifier": 1},
        context={
            "utm_source": "google",
            "utm_medium": "cpc",
            "utm_campaign": "spring",
            "gclid": "g-3",
        },
    ),
    "snowplow": Case(
        "",
        [
            Got(
                "event",
                "u1",
                "2026-03-01T10:00:00.750Z",
                "c6ef3124-b53a-4b13-a233-000000000001",
                {"app_id": "shop", "platform": "web", "category": "cart", "action": "add", "value": 2},
            ),
            Got(
                "transaction",
                "u2",
                "2026-03-02T10:00:00.750Z",
                "c6ef3124-b53a-4b13-a233-000000000002",
                {"app_id": "shop", "platform": "web", "order_id": "A-17", "total": 99.5, "currency": "USD"},
            ),
        ],
        rejected={"missing_identifier": 1},
        context={"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring"},
    ),
    "stripe": Case(
        "",
        [
            Got(
                "Payment",
                "p1@example.com",
                "2026-03-02T09:15:00Z",
                "ch_1",
                {"amount": 1250, "amount_refunded": 0, "currency": "USD", "status": "Paid"},
            ),
            Got(
                "Payment",
                "p3@example.com",
                "2026-03-03T18:40:30Z",
                "ch_3",
                {"amount": 80, "amount_refunded": 80, "currency": "EUR", "status": "Refunded"},
            ),
        ],
        filtered=1,
        rejected={"missing_identifier": 1},
    ),
    "shopify": Case(
        "",
        [
            Got(
                "Order Placed",
                "p1@example.com",
                "2026-03-02T15:00:00Z",
                "4500000000001",
                {
                    "order": "#1001",
                    "total": 99.5,
                    "subtotal": 90,
                    "shipping": 5,
                    "taxes": 4.5,
                    "discount": 10,
                    "refunded": 0,
                    "currency": "USD",
                    "status": "paid",
                    "discount_code": "SPRING",
                },
            ),
            Got(
                "Order Placed",
                "p2@example.com",
                "2026-03-09T15:00:00Z",
                "4500000000002",
                {
                    "order": "#1002",
                    "total": 20,
                    "subtotal": 20,
                    "shipping": 0,
                    "taxes": 0,
                    "discount": 0,
                    "refunded": 20,
                    "currency": "USD",
                    "status": "refunded",
                },
            ),
        ],
        filtered=1,
    ),
    "paypal": Case(
        "--month-first",
        [
            Got(
                "Payment",
                "p1@example.com",
                "2026-03-25T16:30:00Z",
                "7AB00000000000001",
                {
                    "type": "Website Payment",
                    "gross": 1250,
                    "fee": -36.55,
                    "net": 1213.45,
                    "currency": "USD",
                },
            ),
            Got(
                "Payment",
                "p3@example.com",
                "2026-03-02T16:15:30Z",
                "7AB00000000000005",
                {"type": "Mobile Payment", "gross": 20, "fee": -0.8, "net": 19.2, "currency": "EUR"},
            ),
        ],
        filtered=4,
    ),
    "square": Case(
        "",
        [
            Got(
                "Payment",
                "u1",
                "2026-03-02T14:15:00Z",
                "tx1",
                {
                    "total": 1250,
                    "net_sales": 1200,
                    "tax": 50,
                    "tip": 0,
                    "fees": -32.6,
                    "source": "Point of Sale",
                    "location": "Main Street",
                },
            ),
            Got(
                "Payment",
                "u3",
                "2026-03-09T14:00:00Z",
                "tx3",
                {
                    "total": 23,
                    "net_sales": 20,
                    "tax": 1,
                    "tip": 2,
                    "fees": 0,
                    "source": "Point of Sale",
                    "location": "Main Street",
                },
            ),
        ],
        filtered=1,
    ),
    "hubspot": Case(
        "",
        [
            Got(
                "$identify",
                "p1@example.com",
                "",
                None,
                {
                    "first_name": "One",
                    "last_name": "Person",
                    "phone_number": "+1 555 0100",
                    "company_name": "Example Clinic",
                    "job_title": "Nurse",
                    "city": "Springfield",
                    "state": "IL",
                    "zip": "01234",
                    "country": "United States",
                    "custom_properties": {"lifecycle_stage": "lead"},
                },
            ),
            Got(
                "$identify",
                "p2@example.com",
                "",
                None,
                {
                    "first_name": "Two",
                    "last_name": "Person",
                    "custom_properties": {"lifecycle_stage": "customer"},
                },
            ),
        ],
    ),
    "salesforce": Case(
        "--tz America/Chicago --month-first",
        [
            Got(
                "Lead Created",
                "p1@example.com",
                "2026-03-25T05:00:00Z",
                "00Q5e00001AbCdEEAV",
                {"lead_source": "Web", "lead_status": "Open - Not Contacted", "rating": "Hot"},
            ),
            Got(
                "Lead Created",
                "p2@example.com",
                "2026-03-02T06:00:00Z",
                "00Q5e00001AbCdFEAV",
                {"lead_source": "Phone Inquiry", "lead_status": "Working - Contacted"},
            ),
        ],
        filtered=3,
    ),
    "mailchimp": Case(
        "",
        [
            Got(
                "$identify",
                "p1@example.com",
                "",
                None,
                {
                    "first_name": "One",
                    "last_name": "Person",
                    "phone_number": "+1 555 0100",
                    "country": "US",
                    "state": "IL",
                    "custom_properties": {"member_rating": 4},
                },
            ),
            Got("$identify", "p2@example.com", "", None, {"custom_properties": {"member_rating": 2}}),
        ],
    ),
    "calendly": Case(
        "--tz America/Chicago",
        [
            Got(
                "Meeting Scheduled",
                "p1@example.com",
                "2026-03-02T19:40:00Z",
                "inv1",
                {"canceled": False, "price": 50, "currency": "USD"},
            ),
            Got("Meeting Scheduled", "p2@example.com", "2026-03-09T14:05:00Z", "inv2", {"canceled": True}),
        ],
        context={"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring"},
    ),
    "synthea": Case(
        "",
        [
            Got(
                "Encounter",
                "a0000000-0000-4000-8000-000000000001",
                "2026-03-02T20:06:38Z",
                "e0000000-0000-4000-8000-000000000001",
                {"cost": 347.38},
            ),
            Got(
                "Encounter",
                "a0000000-0000-4000-8000-000000000002",
                "2026-03-03T12:50:21Z",
                "e0000000-0000-4000-8000-000000000002",
                {"cost": 85.55},
            ),
        ],
    ),
}


def sample(name: str) -> Path:
    (path,) = SAMPLES.glob(f"{name}.*")
    return path


def command(name: str, path: Path, flags: str) -> list[str]:
    kind = load_preset(name).command
    window = ["--max-age", "none"] if kind == "backfill" else []
    return [kind, str(path), "--preset", name, *shlex.split(flags), *window, "-o", "json", "-q"]


def to_ms(instant: str) -> int | None:
    return round(datetime.fromisoformat(instant).timestamp() * 1000) if instant else None


@pytest.mark.parametrize("name", CASES)
def test_what_the_server_receives(name: str, ours: Ours, sandbox: StartSandbox) -> None:
    case = CASES[name]
    box = sandbox(window_ms=None)
    ended = ours(*command(name, sample(name), case.flags))
    assert ended.code == (3 if case.rejected else 0), ended.err
    books = {key: ended.json[key] for key in ("accepted", "filtered", "reject_codes", "unsent")}
    assert books == {
        "accepted": len(case.events),
        "filtered": case.filtered,
        "reject_codes": case.rejected,
        "unsent": 0,
    }
    events = sorted(box.events(), key=lambda event: event.body.get("externalId") or event.body["email"])
    key = "userProperties" if load_preset(name).command == "identify" else "eventProperties"
    for event, expected in zip(events, case.events, strict=True):
        assert (event.event, event.external_id or event.email) == (expected.event, expected.who)
        assert event.time == to_ms(expected.time)
        assert event.body.get(key, {}) == expected.properties
        if expected.distinct_id:
            assert event.distinct_id == expected.distinct_id
    assert events[0].body.get("defaultProperties", {}) == case.context


def test_every_preset_has_a_sample_and_a_case() -> None:
    assert len(preset_names()) == 16
    assert set(preset_names()) == set(CASES) == {path.stem for path in SAMPLES.iterdir()}


@pytest.mark.parametrize("name", CASES)
def test_nothing_of_health_or_place_leaves(name: str, ours: Ours, sandbox: StartSandbox) -> None:
    box = sandbox(window_ms=None)
    ours(*command(name, sample(name), CASES[name].flags))
    sent = repr([event.body for event in box.events()]).lower()
    planted = ("withheld", "pharyngitis", "wellness", "visit", "home test", "bandages", "192.0.2.", "://")
    assert [text for text in planted if text in sent] == []


def test_sending_it_again_changes_nothing(ours: Ours, sandbox: StartSandbox) -> None:
    box = sandbox(window_ms=None)
    for name in ("ga4", "shopify", "segment"):
        ours(*command(name, sample(name), ""))
        ours(*command(name, sample(name), ""), "--restart")
    assert {event.times_received for event in box.events()} == {2}
    assert box.totals().events == 6


@pytest.mark.parametrize("name", ["segment", "posthog"])
def test_json_rows_of_a_known_export_say_so(
    name: str, ours: Ours, ours_process: Ours, sandbox: StartSandbox
) -> None:
    sandbox()
    advice = f"the keys are those of {load_preset(name).title}: ours backfill FILE --preset {name}"
    ended = ours("backfill", sample(name), "--max-age", "none")
    assert ended.code == 3
    assert advice in ended.err
    half = ("--event", "Sale", "--external-id", "c")
    assert advice in ours("backfill", sample(name), *half).err
    assert advice in ours_process("backfill", "-", *half, stdin=sample(name).read_bytes()).err
    mapped = ours("backfill", sample(name), *half, "--time", "{timestamp}", "--max-age", "none", "--dry-run")
    assert "--preset" not in mapped.err


# --- flags and presets -------------------------------------------------------------------------------------


def test_flags_override_and_add(ours: Ours, sandbox: StartSandbox) -> None:
    box = sandbox(window_ms=None)
    flags = "--event Sale --distinct-id 's-{id}' -p 'amount={Amount}' -p 'card={Card ID}' --where Status=Paid"
    ended = ours(*command("stripe", sample("stripe"), flags))
    assert ended.json["accepted"] == 1
    (event,) = box.events()
    assert (event.event, event.distinct_id) == ("Sale", "s-ch_1")
    assert event.body["eventProperties"] == {
        "amount": "1,250.00",
        "amount_refunded": 0,
        "currency": "USD",
        "status": "Paid",
        "card": "card_1",
    }


@pytest.mark.parametrize(
    ("words", "reason", "hint"),
    [
        ("backfill x.csv --preset stripes", "there is no preset 'stripes'", "did you mean --preset stripe?"),
        ("identify x.csv --preset hub-spot", "there is no preset 'hub-spot'", "--preset hubspot?"),
        ("backfill x.csv --preset qqqq", "there is no preset", "presets: amplitude, calendly"),
        ("backfill x.csv --preset hubspot", "is for ours identify", "ours identify FILE --preset hubspot"),
        ("identify x.csv --preset stripe", "is for ours backfill", "ours backfill FILE --preset stripe"),
        ("identify --preset hubspot", "--preset is about the rows of a FILE", "ours identify FILE"),
        ("backfill x.csv --preset stripe --map m.toml", "two ways to say the same", "keep one"),
        ("backfill x.csv --preset calendly", "does not say in which zone", "--tz America/New_York"),
        ("backfill x.csv --preset salesforce", "does not say in which zone", "--tz"),
    ],
)
def test_what_is_refused(words: str, reason: str, hint: str, ours: Ours, sandbox: StartSandbox) -> None:
    box = sandbox()
    ended = ours(*words.split())
    said, _, hinted = ended.err.partition("hint:")
    assert (ended.code, ended.out) == (USAGE, "")
    assert reason in said
    assert hint in hinted
    assert box.totals().requests == 0


def test_an_ambiguous_day_is_never_guessed(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox(window_ms=None)
    lines = sample("paypal").read_text("utf-8").splitlines(keepends=True)
    path = write(tmp_path / "activity.csv", lines[0] + lines[-1])
    assert ours(*command("paypal", path, "")).code != 0
    assert box.totals().events == 0
    assert ours(*command("paypal", path, "--day-first")).code == 0
    assert [event.time for event in box.events()] == [to_ms("2026-02-03T16:15:30Z")]


@pytest.mark.parametrize("word", ["backfill", "identify"])
def test_the_list_needs_no_file(word: str, ours: Ours) -> None:
    ended = ours(word, "--list-presets")
    assert (ended.code, ended.err) == (0, "")
    heads = [line.partition(":")[0] for line in ended.out.splitlines() if not line.startswith(" ")]
    assert heads == list(preset_names())
    assert ended.out.count("  maps ") == ended.out.count("  leaves ") == 16
    assert ended.out.count("--tz") == 2
    assert all(len(line) <= 100 for line in ended.out.splitlines())


@pytest.mark.parametrize("flags", [["--list-presets", "-o", "json"], ["-o", "json", "--list-presets"]])
@pytest.mark.parametrize("word", ["backfill", "identify"])
def test_the_list_as_json(word: str, flags: list[str], ours: Ours) -> None:
    ended = ours(word, *flags)
    assert (ended.code, ended.err) == (0, "")
    listed = ended.json["presets"]
    assert [preset["name"] for preset in listed] == list(preset_names())
    for entry in listed:
        preset = load_preset(entry["name"])
        assert entry == {
            "name": preset.name,
            "title": preset.title,
            "command": preset.command,
            "maps": preset.maps,
            "leaves": preset.leaves,
            "demands_zone": preset.demands_zone,
        }


def test_a_property_without_its_column_is_left_out_and_said(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(window_ms=None)
    header = "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Status,Customer Email\n"
    row = "ch_1,2026-03-02 09:15:00,5.00,0.00,usd,true,Paid,p1@example.com\n"
    path = write(
        tmp_path / "payments.csv", header.replace("Amount Refunded,", "") + row.replace("0.00,", "", 1)
    )
    ended = ours("backfill", path, "--preset", "stripe", "--max-age", "none", "-o", "json")
    assert ended.code == 0, ended.err
    (event,) = box.events()
    assert "amount_refunded" not in event.body["eventProperties"]
    assert "never found in any row: Amount Refunded" in ended.json["warnings"]


def test_a_flags_own_column_must_be_there(ours: Ours) -> None:
    ended = ours(*command("stripe", sample("stripe"), "-p 'fee={Fees}' --dry-run"))
    assert ended.code == USAGE
    assert "preset stripe: there is no column 'Fees'" in ended.err
    assert "did you mean 'Fee'?" in ended.err


def test_the_mend_command_reads_what_the_preset_reads_otherwise(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    box = sandbox(window_ms=None)
    rejects = tmp_path / "rejects.tsv"
    ended = ours(*command("snowplow", sample("snowplow"), f"--rejects {rejects}"))
    assert ended.json["rejected"] == 1
    mend = command("snowplow", rejects, "--external-id nobody --quote '\"'")
    again = ours(*mend)
    assert (again.code, again.json["accepted"]) == (0, 1), again.err
    assert {event.event for event in box.events()} == {"event", "transaction", "page_view"}


# --- recognition -------------------------------------------------------------------------------------------


def recognised(path: Path) -> str | None:
    """What a reader of the file would find: by its header, by its first object, or by its first row."""
    try:
        table = open_table(path, ReadOptions())
    except SourceError:
        # No header that could be told.
        table = open_table(path, ReadOptions(no_header=True, quote="none"))
        first = next(table.records)
        assert isinstance(first, Record)
        found = recognise_headerless(list(first.fields))
    else:
        if table.columns is not None:
            found = recognise(table.columns)
        else:
            first = next(table.records)
            assert isinstance(first, Record)
            assert isinstance(first.fields, dict)
            found = recognise(names_in(first.fields))
    table.close()
    return found.name if found else None


@pytest.mark.parametrize("name", CASES)
def test_each_sample_is_recognised_as_its_own(name: str) -> None:
    assert recognised(sample(name)) == name


def inspected(ours: Ours, path: Path) -> tuple[dict[str, Any], list[str]]:
    """What `inspect` found, and the arguments of its command, in which a zone is settled."""
    ended = ours("inspect", path, "-o", "json")
    assert ended.code == 0, ended.err
    words = shlex.split(ended.json["proposal"]["command"].replace("\\\n", " "))
    window = ["--max-age", "none"] if words[1] == "backfill" else []
    return ended.json, [word.replace("ZONE", "America/Chicago") for word in words[1:]] + window


@pytest.mark.parametrize("name", CASES)
def test_inspect_names_the_preset_and_its_command_runs(name: str, ours: Ours) -> None:
    case, preset = CASES[name], load_preset(name)
    found, words = inspected(ours, sample(name))
    assert found["preset"] == name
    order = ["--month-first"] if "--month-first" in case.flags else []
    zone = ["--tz", "America/Chicago"] if preset.demands_zone else []
    window = ["--max-age", "none"] if preset.command == "backfill" else []
    file = str(sample(name))
    assert words == [preset.command, file, "--preset", name, *zone, *order, "--dry-run", *window]
    assert [need.partition(":")[0] for need in found["proposal"]["needs"]] == zone[:1]
    dry = ours(*words, "-o", "json")
    assert dry.code == (3 if case.rejected else 0), dry.err
    books = (dry.json["unsent"], dry.json["filtered"], dry.json["reject_codes"])
    assert books == (len(case.events), case.filtered, case.rejected)


def test_what_inspect_says_of_a_preset(ours: Ours, tmp_path: Path) -> None:
    kept = tmp_path / "map.toml"
    page = ours("inspect", sample("calendly"), "--write-map", kept).out
    assert "known by the preset calendly: Calendly scheduled events (CSV)" in page
    assert "it leaves behind health details: the kind of appointment" in page
    assert "{Event Type Name}" not in page
    assert "Invitee Email: e-mail (by its name), SENT by the command below" in page
    assert "Response 1: free text (by its name), left out below" in page
    text = kept.read_text()
    assert text.startswith("# A copy of the preset calendly, which knows this export")
    assert "# It leaves behind health details" in text
    assert 'timezone = "ZONE"' in text


@pytest.mark.parametrize("name", CASES)
def test_a_written_map_does_what_the_preset_does(name: str, ours: Ours, tmp_path: Path) -> None:
    kept, preset = tmp_path / "map.toml", load_preset(name)
    assert ours("inspect", sample(name), "--write-map", kept).code == 0
    assert "preset" not in tomllib.loads(kept.read_text("utf-8"))
    flags = [
        *shlex.split(CASES[name].flags),
        *(["--max-age", "none"] if preset.command == "backfill" else []),
    ]
    copied, itself = (
        ours(preset.command, sample(name), *source, *flags, "--dry-run", "-o", "json").json
        for source in (("--map", kept), ("--preset", name))
    )
    for found in (copied, itself):
        del found["window_begin"]  # by the clock
    assert copied == itself


def test_a_written_map_leaves_out_what_the_export_lacks(ours: Ours, tmp_path: Path) -> None:
    kept = tmp_path / "map.toml"
    path = write(tmp_path / "a.csv", sample("hubspot").read_text().replace("Job Title", "Role", 1))
    assert ours("inspect", path, "--write-map", kept).code == 0
    assert '# job_title = "{Job Title}"  # no such column here' in kept.read_text()
    assert ours("identify", path, "--map", kept, "--dry-run").code == 0


def test_what_the_preset_cannot_do_without_is_to_be_settled(ours: Ours, tmp_path: Path) -> None:
    lines = sample("stripe").read_text().replace("Customer Email", "E-mail of the customer", 1)
    found, words = inspected(ours, write(tmp_path / "a.csv", lines))
    assert found["proposal"]["needs"] == [
        "--email: the preset takes it from 'Customer Email', which is no column here;"
        " put the name of one that is in place of COLUMN"
    ]
    assert words[words.index("--email") + 1] == "{COLUMN}"
    refused = ours(*words)
    assert refused.code == USAGE
    assert "there is no column 'COLUMN'" in refused.err
    filled = [word.replace("COLUMN", "E-mail of the customer") for word in words]
    assert ours(*filled, "-o", "json").json["unsent"] == 2


def test_a_written_map_says_what_to_fill_in(ours: Ours, tmp_path: Path) -> None:
    kept = tmp_path / "map.toml"
    path = write(tmp_path / "a.csv", sample("stripe").read_text().replace("Customer Email", "Buyer", 1))
    assert ours("inspect", path, "--write-map", kept).code == 0
    text = kept.read_text()
    assert "in place of COLUMN" in text
    kept.write_text(text.replace("{COLUMN}", "{Buyer}"))
    sent = ours("backfill", path, "--map", kept, "--max-age", "none", "--dry-run", "-o", "json").json
    assert (sent["unsent"], sent["templates"]["email"]) == (2, "{Buyer}")


def test_inspect_asks_for_the_order_that_no_date_proves(ours: Ours, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", sample("salesforce").read_text().replace("3/25/2026", "3/5/2026"))
    found, words = inspected(ours, path)
    assert [need.partition(":")[0] for need in found["proposal"]["needs"]] == [
        "--tz",
        "--day-first or --month-first",
    ]
    assert "--day-first" not in words
    assert ours(*words, "--month-first", "-o", "json").json["unsent"] == 2


def test_inspect_tries_without_a_header_only_where_nothing_was_told(ours: Ours) -> None:
    told = ours("inspect", sample("snowplow"), "--no-header", "--quote", "none", "-o", "json").json
    assert (told["preset"], told["notes"]) == ("snowplow", [])
    assert "a known export without a header" in inspected(ours, sample("snowplow"))[0]["notes"][0]
    assert ours("inspect", sample("snowplow"), "--header-row", "1").code == 6


def test_no_names_at_all_are_nobodys() -> None:
    assert recognise([]) is None
    assert recognise(["id", "Amount", "Currency"]) is None
    assert recognise_headerless([]) is None
    assert recognise_headerless(["x"] * 131) is None


@pytest.mark.parametrize("name", ["stripe", "shopify", "synthea"])
def test_the_hint_names_the_preset(name: str, ours: Ours) -> None:
    ended = ours("backfill", sample(name))
    assert ended.code == USAGE
    assert f"ours backfill FILE --preset {name}" in ended.err.partition("hint:")[2]


def test_the_hint_names_the_other_preset(ours: Ours) -> None:
    ended = ours(*command("stripe", sample("shopify"), ""))
    assert ended.code == USAGE
    assert ended.err.startswith("error: preset stripe: ")
    assert "there is no column" in ended.err
    assert "those of Shopify orders (CSV): ours backfill FILE --preset shopify" in ended.err


def test_the_hint_of_a_preset_that_does_not_fit(ours: Ours, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b\n1,2\n")
    ended = ours(*command("stripe", path, ""))
    assert ended.code == USAGE
    assert "flags override the preset" in ended.err


def test_unknown_names_have_the_nearest() -> None:
    with pytest.raises(UsageError, match="there is no preset"):
        load_preset("Segmnt")


def test_only_presets_are_lenient() -> None:
    for name in preset_names():
        fields = load_preset(name).map.fields
        values = [*fields.properties.values(), *fields.user_properties.values()]
        assert values or name in ("mixpanel", "posthog")
        assert all(value.optional for value in values)
        assert not fields.star
        assert (fields.event_object, fields.user_object, fields.default_object) == (None, None, None)
        assert fields != FieldMap()


@pytest.mark.parametrize("name", [path.stem for path in SAMPLES.glob("*.csv")])
def test_what_a_preset_cannot_do_without_is_what_it_is_recognised_by(name: str) -> None:
    """A flag can stand in for a column that is missing, but not for one that decides which rows are sent."""
    preset = load_preset(name)
    columns = {read_condition(text).reference.name for text in preset.map.source.get("where", ())}
    assert columns <= set(preset.recognised_by)


# --- real exports ------------------------------------------------------------------------------------------


class Real(NamedTuple):
    """A real export of a preset, and what comes of it."""

    file: str
    preset: str
    accepted: int
    flags: str = ""
    filtered: int = 0
    rejected: Mapping[str, int] = {}


REAL_ONES = [
    Real("amplitude-export/636686_2025-07-01_16#0.json.gz", "amplitude", 1),
    Real("amplitude-export/export_doc_sample.json", "amplitude", 2),
    Real("amplitude-export/export_real_shape.json", "amplitude", 1),
    Real("mixpanel-raw-export/10751.json", "mixpanel", 3),
    # Few columns, without the order's Id; #1004 has no e-mail.
    Real(
        "shopify-orders-mini/shopify_orders.csv",
        "shopify",
        7,
        "--distinct-id '{Name}'",
        filtered=1,
        rejected={"missing_identifier": 1},
    ),
    # Its only row was cut short before the ids.
    Real("calendly-redacted/events-export.csv", "calendly", 0, "--tz UTC", rejected={"ragged_row": 1}),
    Real("mailchimp-audience/members_export.csv", "mailchimp", 1),
    Real("synthea-encounters/encounters.csv", "synthea", 7890),
]

there = pytest.mark.skipif(not REAL.is_dir(), reason="the real exports are not beside the project")


@there
@pytest.mark.parametrize("real", REAL_ONES, ids=lambda real: real.file)
def test_real_exports(real: Real, ours: Ours, sandbox: StartSandbox) -> None:
    box = sandbox(window_ms=None)
    ended = ours(*command(real.preset, REAL / real.file, real.flags))
    assert ended.code == (3 if real.rejected else 0), ended.err
    assert (ended.json["accepted"], ended.json["filtered"]) == (real.accepted, real.filtered)
    assert ended.json["reject_codes"] == real.rejected
    assert box.totals().events == real.accepted
    found, words = inspected(ours, REAL / real.file)
    assert found["preset"] == real.preset
    dry = ours(*words, *shlex.split(real.flags), "-o", "json")
    assert (dry.json["unsent"], dry.json["filtered"]) == (real.accepted, real.filtered), dry.err
    missing = [need for need in found["proposal"]["needs"] if need.startswith("--distinct-id")]
    assert len(missing) == real.flags.count("--distinct-id")


@there
def test_real_exports_are_recognised_and_no_others() -> None:
    found: dict[str, str] = {}
    for path in sorted(REAL.glob("*/*")):
        name = None
        with suppress(SourceError, UsageError, StopIteration, AssertionError):
            name = recognised(path)
        if name is not None:
            found[str(path.relative_to(REAL))] = name
    assert found == {real.file: real.preset for real in REAL_ONES}
