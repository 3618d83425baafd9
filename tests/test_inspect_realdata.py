"""`ours inspect` alone, on exports as other tools wrote them: the mapping that a careful person would choose.

The files lie beside the project; nothing of them is copied here.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import Ours

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "realdata"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the real exports are not beside the project")

ZONE, ORDER, PERSON, TIME = "--tz", "--day-first", "--external-id", "--time"
"""How a need begins."""


class Case(NamedTuple):
    """What `inspect` must propose for a file; then what a dry run of its map says of the rows.

    `needs` are what only the person can settle: the tests settle it with `SETTLED`.
    """

    file: str
    event: str
    time: str | None
    external_id: str | None = None
    email: str | None = None
    distinct_id: str | None = None
    zone: str | None = None
    order: str | None = None
    needs: tuple[str, ...] = ()
    sent: dict[str, str] = {}  # noqa: RUF012 - read only
    left: tuple[str, ...] = ()
    accepted: int = 0
    rejected: dict[str, int] = {}  # noqa: RUF012


SETTLED = {ZONE: ["--tz", "UTC"], ORDER: ["--day-first"], PERSON: ["--external-id", "someone"]}

CASES = [
    Case(
        "amplitude-export/export_doc_sample.json", "{event_type}", "{event_time}", "{user_id}",
        distinct_id="{uuid}", accepted=2,
        left=("ip_address", "server_upload_time", "location_lat", "device_id", "city"),
    ),
    Case(
        "amplitude-export/636686_2025-07-01_16#0.json.gz", "{event_type}", "{event_time}", "{user_id}",
        distinct_id="{$insert_id}", zone="ZONE", needs=(ZONE,),
        sent={"total_price": "{event_properties.Total Price}"}, accepted=1,
    ),
    Case(
        "calendly-redacted/events-export.csv", "{Event Type Name}", "{Start Date & Time}",
        email="{Invitee Email}", zone="ZONE", accepted=1,
        left=("Invitee Name", "Invitee First Name", "User Name", "Response 1", "Event Created Date & Time"),
    ),
    Case(
        "commerzbank-semicolon/Umsaetze_KtoNr538917600_EUR_02-03-2018_1503.CSV", "{Umsatzart}",
        "{Buchungstag}", zone="ZONE", needs=(ZONE, ORDER, PERSON), accepted=1,
        sent={"betrag": "{Betrag|number:de}"},
        left=("Auftraggeberkonto", "IBAN Auftraggeberkonto", "Buchungstext", "Wertstellung"),
    ),
    Case(
        "dla1033-us-dates/ks_1033_data.csv", "Ks Data", "{ship_date}", zone="ZONE", order="month",
        needs=(ZONE, PERSON), sent={"nsn": "{nsn}", "total_cost": "{total_cost|number}"}, accepted=1575,
    ),
    Case(
        "duckdb-ymd-ampm/17705.csv", "Row", "{flight_date_time}", zone="ZONE", needs=(ZONE, PERSON),
        sent={"operation_no": "{operation_no}"}, accepted=3,
    ),
    Case(
        "duckdb-ymd-ampm/timestamp_with_tz.csv", "Timestamp With Tz", "{timestamps}",
        distinct_id="timestamp-with-tz-{id}", needs=(PERSON,), accepted=2,
    ),
    Case(
        "duckdb-ymd-ampm/mixed_timestamps.csv", "Mixed Timestamps", "{B}", zone="ZONE",
        needs=(ZONE, ORDER, PERSON), accepted=5,
    ),
    Case(
        "etsy-sold-orders/EtsySoldOrderItems2026.csv", "Etsy Sold Order Items", "{Sale Date}",
        distinct_id="{Transaction ID}", zone="ZONE", order="month", needs=(ZONE, PERSON),
        sent={"price": "{Price|number}", "order_id": "{Order ID}"},
        left=("Buyer", "Ship Name", "Ship Address1", "Ship City", "Ship Zipcode", "Date Paid"), accepted=4,
    ),
    Case(
        "etsy-statement/etsy_statement_2026_9.csv", "{Type}", "{Date}", zone="ZONE", needs=(ZONE, PERSON),
        sent={"net": "{Net|number}", "amount": "{Amount|number}"}, accepted=17,
    ),
    Case(
        "fourthwall-transactions/Shop-transactions-report.csv", "{transaction_type}",
        "{transaction_at (UTC)}", distinct_id="shop-transactions-report-{id}", needs=(PERSON,),
        sent={"profit": "{profit|number}", "order_order_status": "{order.order.status}"}, accepted=4,
    ),
    Case(
        "fourthwall-transactions/Shop-orders_export.csv", "{type}", "{date}", email="{customer_email}",
        distinct_id="shop-orders-export-{id}", sent={"marketing_opt_in": "{marketing_opt_in|bool}"},
        accepted=3,
    ),
    Case(
        "google-ads-daily/google_ads_export.csv", "Google Ads Export", "{Date}", zone="ZONE",
        needs=(ZONE, PERSON), accepted=18,
        sent={"avg_cpc": "{Avg. CPC|number}", "impressions": "{Impressions|number}"},
    ),
    Case(
        "gumroad-sales/gumroad_sales.csv", "Gumroad Sales",
        "{Purchase Date} {Purchase Time (UTC timezone)}", email="{Purchase Email}",
        distinct_id="{Purchase ID}", zone="UTC", left=("Buyer Name",), accepted=3,
        sent={"subtotal": "{Subtotal ($)|number}", "refunded": "{Refunded?|bool}"},
    ),
    Case(
        "ledger-tsv-json/bug_7578.csv", "{tags.event type}", "{transaction_date}", "{account_id}",
        zone="ZONE", needs=(ZONE,), sent={"state": "{tags.state}"}, left=("tags", "recorded_date"),
        accepted=2,
    ),
    Case(
        "mailchimp-audience/members_export.csv", "Members Export", "{CONFIRM_TIME}",
        email="{Email Address}", zone="ZONE", needs=(ZONE,), left=("LAST_CHANGED",), accepted=1,
    ),
    Case(
        "mixpanel-fivetran-csv/event.csv", "{name}", "{time}", "{distinct_id}", zone="ZONE", needs=(ZONE,),
        sent={"video_id": "{properties.video_id}"}, left=("properties", "_fivetran_synced"), accepted=5,
    ),
    Case(
        "mixpanel-raw-export/10751.json", "{event}", "{properties.time}", "{properties.distinct_id}",
        distinct_id="{properties.$insert_id}",
        sent={"platform": "{properties.Platform}", "properties_platform": "{properties.platform}"},
        accepted=3,
    ),
    Case(
        "monzo-export/MonzoDataExport_February2018_2018-02-26_174335.csv", "{category}", "{created}",
        distinct_id="{id}", needs=(PERSON,), sent={"amount": "{amount|number}"}, accepted=1,
    ),
    Case(
        "nrc-events-pipe/event-notification-rpt-lastmonth.txt", "{Event Desc}", "{Event Dt} {Event Time}",
        distinct_id="event-notification-rpt-lastmonth-{En No}", zone="{Time Zone}", order="month",
        needs=(PERSON,),
        left=("Event Text", "Staff Name1", "Last Updated Dt"), accepted=55, rejected={"missing_time": 17},
    ),
    Case(
        "olist-reviews/olist_order_reviews_dataset.csv", "Olist Order Reviews Dataset",
        "{review_creation_date}", zone="ZONE", needs=(ZONE, PERSON), accepted=8225,
        sent={"review_score": "{review_score|number}", "review_id": "{review_id}"},
        left=("review_comment_message", "review_comment_title"),
    ),
    Case(
        "retentioneering-clickstream/ecom.csv.gz", "{event}", "{timestamp}", "{user_id}", zone="ZONE",
        needs=(ZONE,), sent={"session_id": "{session_id}"}, accepted=31_106,
    ),
    Case(
        "sharesight-all-trades/All Trades Report - Test.csv", "{Type}", "{Date}", zone="ZONE",
        needs=(ZONE, ORDER, PERSON), sent={"value": "{Value|number}"}, left=("Comments",), accepted=13,
        rejected={"missing_time": 1},
    ),
    Case(
        "shopify-orders-mini/shopify_orders.csv", "Shopify Orders", "{Created at}", email="{Email}",
        sent={"total": "{Total|number}", "name": "{Name}"}, accepted=7,
        rejected={"missing_time": 1, "missing_identifier": 1},
    ),
    Case(
        "stripe-balance/itemized_balance_change.csv", "{reporting_category}", "{created_utc}",
        distinct_id="{balance_transaction_id}", zone="UTC", needs=(PERSON,), left=("available_on_utc",),
        sent={"net": "{net|number}"}, accepted=5,
    ),
    Case(
        "stripe-fees/fees.csv", "Fees", "{Created (UTC)}", "{User ID}", distinct_id="{id}", zone="UTC",
        sent={"amount": "{Amount|number:de}"}, left=("User Email",), accepted=10,
    ),
    Case(
        "synthea-encounters/encounters.csv", "{ENCOUNTERCLASS}", "{START}", "{PATIENT}",
        distinct_id="{Id}", sent={"code": "{CODE}", "total_claim_cost": "{TOTAL_CLAIM_COST|number}"},
        left=("STOP", "DESCRIPTION", "REASONCODE", "REASONDESCRIPTION"), accepted=7890,
    ),
    Case(
        "tinybird-web-analytics/analytics_events.ndjson", "{action}", "{timestamp}", "{session_id}",
        zone="ZONE", needs=(ZONE,), sent={"pathname": "{payload.pathname}"},
        left=("payload", "payload.href", "payload.location.city"),
        accepted=1422, rejected={"missing_identifier": 78},
    ),
    Case(
        "trading212-history/from_2024.csv", "{Action}", "{Time}", zone="ZONE", needs=(ZONE, PERSON),
        sent={"result": "{Result|number}", "id": "{ID}"}, left=("Notes",), accepted=7,
    ),
    Case(
        "venmo-history/venmo_transactions.csv", "{Type}", "{Datetime}", distinct_id="{ ID}", zone="ZONE",
        needs=(ZONE, PERSON), sent={"amount_total": "{Amount (total)|number}"},
        left=("From", "To", "Note"), accepted=50,
    ),
]  # fmt: skip


def named(case: Case) -> str:
    return re.sub(r"[^\w/.-]+", "_", case.file)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_proposal_is_a_careful_persons_and_runs(case: Case, ours: Ours, tmp_path: Path) -> None:
    source, kept = FOLDER / case.file, tmp_path / "map.toml"
    ended = ours("inspect", source, "-o", "json", "--write-map", kept)
    assert ended.code == 0, ended.err
    proposal: dict[str, Any] = ended.json["proposal"]

    chosen = [proposal[key] for key in ("event", "time", "externalId", "email", "distinctId")]
    assert chosen == [case.event, case.time, case.external_id, case.email, case.distinct_id]
    assert (proposal["timezone"], proposal["date_order"]) == (case.zone, case.order)
    needs = sorted(need.partition(":")[0].partition(" ")[0] for need in proposal["needs"])
    known = ended.json["preset"]
    assert known or needs == sorted(case.needs)
    assert proposal["properties"].items() >= case.sent.items()
    assert proposal["left_behind"].keys() >= set(case.left)

    if known:  # the tests of presets run its command, and the map that is its copy
        words = shlex.split(proposal["command"].replace("\\\n", " "))
        assert words[3:5] == ["--preset", known]
        assert kept.read_text("utf-8").startswith(f"# A copy of the preset {known},")
        return
    settled = [word for need in case.needs for word in SETTLED[need]]
    more = [*settled, "--max-age", "none", "-o", "json"]
    rehearsed = ours("backfill", source, "--map", kept, "--dry-run", *more)
    assert rehearsed.json["unsent"] == case.accepted, rehearsed.err
    assert rehearsed.json["reject_codes"] == case.rejected
    words = shlex.split(proposal["command"].replace("\\\n", " "))
    typed = ours(*words[1:], *more)
    assert (typed.json["unsent"], typed.json["reject_codes"]) == (case.accepted, case.rejected)


UNSETTLED = [case for case in CASES if ZONE in case.needs and "export" not in case.file][:2]


@pytest.mark.parametrize("case", UNSETTLED, ids=named)
def test_a_zone_left_open_is_refused_not_guessed(case: Case, ours: Ours, tmp_path: Path) -> None:
    kept = tmp_path / "map.toml"
    ours("inspect", FOLDER / case.file, "--write-map", kept)
    ended = ours("backfill", FOLDER / case.file, "--map", kept, "--external-id", "x", "--dry-run")
    assert ended.code == 2
    assert "error: source.timezone in " in ended.err


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("cdnow-fixed-width/CDNOW_sample.txt", "fixed width"),
        ("csvkit-edge-cases/empty.csv", "holds no rows"),
        ("csvkit-edge-cases/null_byte.csv", "is no table"),
        ("usgs-geojson/earthquakes.json", "one JSON document"),
    ],
)
def test_what_is_no_table_is_refused(file: str, said: str, ours: Ours) -> None:
    ended = ours("inspect", FOLDER / file)
    assert (ended.code, ended.out) == (6, "")
    assert said in ended.err
    assert "hint:" in ended.err


@pytest.mark.parametrize("path", sorted(FOLDER.glob("csv*/*")), ids=lambda path: path.name)
def test_odd_tables_end_well(path: Path, ours: Ours) -> None:
    ended = ours("inspect", path)
    assert ended.code in (0, 6), ended.err
    assert bool(ended.out) is (ended.code == 0)


def test_the_title_and_the_footnote_are_seen(ours: Ours) -> None:
    found = ours("inspect", FOLDER / "sharesight-all-trades/All Trades Report - Test.csv", "-o", "json").json
    assert found["header_line"] == 3
    assert "title above the table" in found["notes"][0]
    assert "--skip-lines 2" in found["proposal"]["command"]
    assert [footer["line"] for footer in found["footers"]] == [18]


def test_no_value_of_a_real_file_is_shown_unasked(ours: Ours, tmp_path: Path) -> None:
    source, kept = FOLDER / "venmo-history/venmo_transactions.csv", tmp_path / "map.toml"
    shown = ours("inspect", source, "--write-map", kept)
    everything = shown.out + shown.err + kept.read_text()
    for value in ("Brian", "Taylor", "Tutoring", "2394198259925614643", "220.00"):
        assert value not in everything
    assert "2394198259925614643" in ours("inspect", source, "--show-values").out
