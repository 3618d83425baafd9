"""Exports as other tools wrote them, each sent with the flags that a sensible person would pass.

The files lie beside the project; nothing of them is copied here. What a person reads in a file is in `CASES`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import dateutil.parser
import pytest
from conftest import Ours, StartSandbox

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "realdata"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the real exports are not beside the project")

USAGE, UNREADABLE = 2, 6


class Sent(NamedTuple):
    """What comes of a file: `rejected` rows by code, the `first` and `last` instant that arrived (UTC).

    `properties` are among the eventProperties of the first row that was accepted.
    """

    file: str
    flags: str
    accepted: int
    rejected: Mapping[str, int] = {}
    first: str = ""
    last: str = ""
    properties: Mapping[str, Any] = {}


class Refused(NamedTuple):
    """A file or a command that is refused whole; `reason` and `hint` are parts of what stderr says."""

    file: str
    flags: str
    exit: int
    reason: str
    hint: str


# For files that hold neither times nor people, so that their rows can be sent at all.
PLAIN = "--event Row --time 2026-01-01 --external-id someone -p '*'"

CASES: list[Sent | Refused] = [
    # --- product analytics ---------------------------------------------------------------------------------
    Sent(
        "amplitude-export/636686_2025-07-01_16#0.json.gz",
        "--event '{event_type}' --time '{event_time}' --external-id '{user_id}' --distinct-id '{uuid}'"
        " -p 'total={event_properties.Total Price}'",
        accepted=1,
        first="2025-07-01T16:34:54.837Z",
        properties={"total": 6396.0},
    ),
    Sent(
        "amplitude-export/export_doc_sample.json",
        "--event '{event_type}' --time '{event_time}' --external-id '{user_id}' --distinct-id '{uuid}'",
        accepted=2,
        first="2022-01-01T14:23:40Z",
        last="2022-01-01T14:25:05Z",
    ),
    Sent(
        "amplitude-export/export_real_shape.json",
        "--event '{event_type}' --time '{event_time}' --external-id '{user_id}' --distinct-id '{uuid}'",
        accepted=1,
        first="2025-07-01T16:34:54.837Z",
    ),
    Sent(
        "mixpanel-raw-export/10751.json",
        "--event '{event}' --time '{properties.time}' --external-id '{properties.distinct_id}'"
        " --distinct-id '{properties.$insert_id}' -p 'platform={properties.platform}'"
        " -p 'id={properties.id}'",
        accepted=3,
        first="2024-02-14T00:00:01Z",
        last="2024-02-14T02:36:04Z",
        properties={"platform": "google", "id": "20110474"},
    ),
    Sent(
        "mixpanel-fivetran-csv/event.csv",
        "--event '{name}' --time '{time}' --external-id '{distinct_id}' --distinct-id '{_fivetran_id}'"
        " -p 'properties:={properties}' -p 'video={properties.video_id}'",
        accepted=5,
        first="2020-08-01T10:16:46Z",
        last="2025-02-27T08:58:02Z",
        properties={"video": 5279},
    ),
    Sent(
        "retentioneering-clickstream/ecom.csv.gz",
        "--event '{event}' --time '{timestamp}' --external-id '{user_id}' -p session={session_id}",
        accepted=31_106,
        first="2024-01-04T11:45:38Z",
        last="2024-06-29T22:02:40Z",
    ),
    Sent(
        "tinybird-web-analytics/analytics_events.ndjson",
        "--event '{action}' --time '{timestamp}' --external-id '{session_id|default:unknown}'"
        " -p 'path={payload.pathname}' --tz UTC",
        accepted=1500,
        first="2023-07-18T10:17:20Z",
        last="2025-07-17T07:26:29Z",
    ),
    Sent(
        "tinybird-web-analytics/analytics_events.ndjson",
        "--event '{action}' --time '{timestamp}' --external-id '{session_id}' --tz UTC",
        accepted=1422,
        rejected={"missing_identifier": 78},
    ),
    Refused(
        "usgs-geojson/earthquakes.json",
        "--event '{properties.type}' --time '{properties.time}' --external-id '{id}'",
        UNREADABLE,
        reason="features",
        hint="jq",
    ),
    # --- shops and payments --------------------------------------------------------------------------------
    Sent(
        "etsy-sold-orders/EtsySoldOrderItems2026.csv",
        "--event Sale --time '{Sale Date}' --tz America/New_York --external-id '{Buyer}'"
        " --distinct-id '{Transaction ID}' -p 'price:={Price}'",
        accepted=4,
        first="2026-08-03T04:00:00Z",
        last="2026-09-24T04:00:00Z",
        properties={"price": 16},
    ),
    Sent(
        "etsy-statement/etsy_statement_2026_9.csv",
        "--event '{Type}' --time '{Date}' --tz America/New_York --external-id seller"
        " -p 'net={Net|replace:--:|number}' -p 'title={Title}'",
        accepted=17,
        first="2026-09-09T04:00:00Z",
        last="2026-09-24T04:00:00Z",
        properties={"net": 16.08},
    ),
    Sent(
        "fourthwall-transactions/Shop-transactions-report.csv",
        "--event '{transaction_type}' --time '{transaction_at (UTC)}' --external-id '{id}'"
        " --distinct-id '{id}' -p 'order={order.order.friendly_id}' -p 'profit={profit|number}'",
        accepted=4,
        first="2026-09-01T21:19:45.979Z",
        last="2026-09-14T19:29:56.945Z",
        properties={"order": "X1", "profit": 10.03},
    ),
    Sent(
        "fourthwall-transactions/Shop-orders_export.csv",
        "--event '{type} {status}' --time '{date}' --email '{customer_email}' --distinct-id '{id}'",
        accepted=3,
        first="2026-09-20T02:35:09.600Z",
        last="2026-09-22T02:35:09.600Z",
    ),
    Sent(
        "gumroad-sales/gumroad_sales.csv",
        "--event Purchase --time '{Purchase Date} {Purchase Time (UTC timezone)}' --tz UTC"
        " --email '{Purchase Email}' --distinct-id '{Purchase ID}' -p 'subtotal={Subtotal ($)|number}'"
        " -p 'refunded={Refunded?|bool}'",
        accepted=3,
        first="2026-09-02T10:00:00Z",
        last="2026-09-09T12:00:00Z",
        properties={"subtotal": 12, "refunded": False},
    ),
    Sent(
        "shopify-orders-mini/shopify_orders.csv",
        "--event Order --time '{Created at}' --email '{Email}' --external-id '{Name}'",
        accepted=8,
        rejected={"missing_time": 1},
        first="2025-01-05T15:00:00Z",
        last="2025-04-02T16:00:00Z",
    ),
    Sent(
        "shopify-orders-mini/shopify_orders.csv",
        "--event Order --time '{Created at}' --email '{Email}'",
        accepted=7,
        rejected={"missing_time": 1, "missing_identifier": 1},
    ),
    Refused(
        "stripe-balance/itemized_balance_change.csv",
        "--event '{reporting_category}' --time '{created_utc}' --distinct-id '{balance_transaction_id}'",
        USAGE,
        reason="whom the rows are about",
        hint="--external-id",
    ),
    Sent(
        "stripe-balance/itemized_balance_change.csv",
        "--event '{reporting_category}' --time '{created_utc}' --distinct-id '{balance_transaction_id}'"
        " --external-id merchant",
        accepted=5,
        first="2026-10-01T09:12:00Z",
        last="2026-10-04T06:00:00Z",
    ),
    Sent(
        "stripe-fees/fees.csv",
        "--event Fee --time '{Created (UTC)}' --external-id '{User ID}' --email '{User Email}'"
        " --distinct-id '{id}' -p 'amount={Amount|number:de}'",
        accepted=10,
        first="2025-12-27T08:45:00Z",
        last="2025-12-31T14:30:00Z",
        properties={"amount": 0.25},
    ),
    Sent(
        "olist-reviews/olist_order_reviews_dataset.csv",
        "--event Review --time '{review_answer_timestamp}' --external-id '{order_id}'"
        " -p 'score={review_score|int}' -p 'text={review_comment_message}'",
        accepted=8225,
        first="2016-10-11T14:31:29Z",
        last="2018-10-22T03:33:14Z",
        properties={"score": 1, "text": "Péssimo"},
    ),
    Sent(
        "olist-reviews/olist_order_reviews_dataset.csv",
        "--event Review --time '{review_creation_date}' --tz America/Sao_Paulo --external-id '{order_id}'",
        accepted=8225,
        first="2016-10-02T03:00:00Z",
        last="2018-08-31T03:00:00Z",
    ),
    # --- banks, trades, statements -------------------------------------------------------------------------
    Refused(
        "commerzbank-semicolon/Umsaetze_KtoNr538917600_EUR_02-03-2018_1503.CSV",
        "--event '{Umsatzart}' --time '{Buchungstag}' --tz Europe/Berlin --external-id holder",
        USAGE,
        reason="line 2), and nothing in 1 row tells which stands first",
        hint="--day-first or --month-first",
    ),
    Sent(
        "commerzbank-semicolon/Umsaetze_KtoNr538917600_EUR_02-03-2018_1503.CSV",
        "--event '{Umsatzart}' --time '{Buchungstag}' --day-first --tz Europe/Berlin"
        " --external-id '{Auftraggeberkonto}' -p 'betrag={Betrag|number:de}' -p 'waehrung={Währung}'",
        accepted=1,
        first="2018-03-01T23:00:00Z",
        properties={"betrag": -17.22, "waehrung": "EUR"},
    ),
    Sent(
        "monzo-export/MonzoDataExport_February2018_2018-02-26_174335.csv",
        "--event '{category}' --time '{created}' --external-id holder --distinct-id '{id}'"
        " -p 'amount:={amount}'",
        accepted=1,
        first="2018-02-25T12:34:56Z",
        properties={"amount": -10},
    ),
    Refused(
        "sharesight-all-trades/All Trades Report - Test.csv",
        "--event '{Type}' --time '{Date}' --day-first --external-id holder",
        UNREADABLE,
        reason="title above the table",
        hint="--skip-lines 2",
    ),
    Refused(
        "sharesight-all-trades/All Trades Report - Test.csv",
        "--skip-lines 2 --event '{Type}' --time '{Date}' --external-id holder",
        USAGE,
        reason="line 4), and nothing in 14 rows tells which stands first",
        hint="--day-first or --month-first",
    ),
    Sent(
        "sharesight-all-trades/All Trades Report - Test.csv",
        "--skip-lines 2 --event '{Type}' --time '{Date}' --day-first --external-id holder",
        accepted=13,
        rejected={"missing_time": 1},
        first="2019-08-01T00:00:00Z",
        last="2020-11-03T00:00:00Z",
    ),
    Sent(
        "trading212-history/from_2024.csv",
        "--event '{Action}' --time '{Time}' --external-id holder -p 'result={Result|number}'",
        accepted=7,
        first="2024-01-01T00:15:20.149Z",
        last="2024-05-26T16:18:16.235Z",
    ),
    Sent(
        "venmo-history/venmo_transactions.csv",
        "--event '{Type}' --time '{Datetime}' --external-id '{From|default:holder}' --distinct-id '{ ID}'"
        " -p 'id={ ID}' -p 'amount={Amount (total)|number}'",
        accepted=50,
        first="2017-04-25T03:15:53Z",
        last="2018-08-02T17:45:41Z",
        properties={"id": "2394198259925614643", "amount": -220},
    ),
    Sent(
        "ledger-tsv-json/bug_7578.csv",
        "--event '{tags.event type}' --time '{transaction_date}' --external-id '{account_id}'"
        " --distinct-id '{transaction_id} {direction}' -p 'state={tags.state}'",
        accepted=2,
        first="2022-11-22T01:00:00Z",
        last="2022-11-22T01:00:00Z",
        properties={"state": "NY"},
    ),
    Sent(  # two bookings bear the same transaction: one of them would vanish in the server's dedupe
        "ledger-tsv-json/bug_7578.csv",
        "--event '{tags.event type}' --time '{transaction_date}' --external-id '{account_id}'"
        " --distinct-id '{transaction_id}'",
        accepted=1,
        rejected={"duplicate_id": 1},
    ),
    # --- marketing, meetings -------------------------------------------------------------------------------
    Sent(
        "calendly-redacted/events-export.csv",
        "--event '{Event Type Name}' --time '{Start Date & Time}' --tz '{Invitee Time Zone}'"
        " --email '{Invitee Email}'",
        accepted=1,
        first="2025-03-03T17:00:00Z",
    ),
    Sent(
        "google-ads-daily/google_ads_export.csv",
        "--event 'Ads day' --time '{Date}' --tz America/Los_Angeles --external-id account"
        " -p 'cpc={Avg. CPC|number}' -p 'impressions={Impressions|int}'",
        accepted=18,
        first="2026-05-16T07:00:00Z",
        last="2026-06-02T07:00:00Z",
        properties={"cpc": 0, "impressions": 0},
    ),
    Sent(
        "mailchimp-audience/members_export.csv",
        "--event Subscribed --time '{CONFIRM_TIME}' --email '{Email Address}'",
        accepted=1,
        first="2015-03-16T14:40:47Z",
    ),
    # --- public records ------------------------------------------------------------------------------------
    Sent(
        "dla1033-us-dates/ks_1033_data.csv",
        "--event '{item_name|default:unnamed}' --time '{ship_date}' --tz America/Chicago"
        " --external-id '{county}'",
        accepted=1575,
        first="2006-04-27T05:00:00Z",
        last="2014-04-17T05:00:00Z",
    ),
    Sent(
        "dla1033-us-dates/ks_1033_data.csv",
        "--event '{item_name}' --time '{ship_date}' --month-first --external-id '{county}'",
        accepted=1573,
        rejected={"missing_event": 2},
    ),
    Sent(
        "nrc-events-pipe/event-notification-rpt-lastmonth.txt",
        "--event '{Event Desc}' --time '{Event Dt} {Event Time|default:00:00} {Time Zone}'"
        " --external-id '{Licensee Name}' --distinct-id '{En No}'",
        accepted=72,
        first="2007-07-01T05:00:00Z",
        last="2011-04-01T02:26:00Z",
    ),
    Sent(
        "synthea-encounters/encounters.csv",
        "--event '{ENCOUNTERCLASS}' --time '{START}' --external-id '{PATIENT}' --distinct-id '{Id}'"
        " -p 'code={CODE}' -p 'cost={TOTAL_CLAIM_COST|number}'",
        accepted=7890,
        first="1937-10-16T02:39:51Z",
        last="2024-08-26T05:24:47Z",
        properties={"code": "410620009", "cost": 347.38},
    ),
    Refused(
        "bokeh-git-log-dates/commits.txt.gz",
        "--event Commit --time '{1}' --external-id bokeh",
        UNREADABLE,
        reason="looks like data, not like a header",
        hint="--no-header",
    ),
    Sent(
        "bokeh-git-log-dates/commits.txt.gz",
        "--no-header --event Commit --time '{1},{2}' --external-id bokeh",
        accepted=4916,
        first="2012-12-29T17:57:50Z",
        last="2017-04-22T20:11:58Z",
    ),
    Refused(
        "cdnow-fixed-width/CDNOW_sample.txt",
        "--event Purchase --time '{3}' --external-id '{1}'",
        UNREADABLE,
        reason="fixed width",
        hint="commas",
    ),
    # --- odd dates -----------------------------------------------------------------------------------------
    Sent(
        "duckdb-ymd-ampm/17705.csv",
        "--event Flight --time '{flight_date_time}' --external-id '{operation_no}'",
        accepted=3,
        first="2022-01-27T23:04:57Z",
        last="2022-01-27T23:09:20Z",
    ),
    Refused(
        "duckdb-ymd-ampm/mixed_timestamps.csv",
        "--event Row --time '{B}' --external-id '{A}'",
        USAGE,
        reason="line 4",
        hint="--day-first or --month-first",
    ),
    Sent(
        "duckdb-ymd-ampm/mixed_timestamps.csv",
        "--event Row --time '{B}' --month-first --external-id '{A}'",
        accepted=5,
        first="2024-03-08T01:25:58Z",
        last="2024-03-12T01:25:58Z",
    ),
    Sent(
        "duckdb-ymd-ampm/timestamp_with_tz.csv",
        "--event Row --time '{timestamps}' --external-id '{id}'",
        accepted=2,
        first="2021-05-25T04:55:03.382Z",
        last="2021-05-25T09:55:03.382Z",
    ),
    Sent(
        "csvkit-edge-cases/test_date_format.csv",
        "--event Row --time '{a}' --external-id someone",
        accepted=2,
        first="2012-12-31T00:00:00Z",
        last="2014-01-02T00:00:00Z",
    ),
    Sent(
        "csvkit-edge-cases/test_numeric_date_format.csv",
        "--event Row --time '{a}' --external-id someone",
        accepted=2,
        first="2012-12-31T00:00:00Z",
        last="2014-01-02T00:00:00Z",
    ),
    # --- odd tables ----------------------------------------------------------------------------------------
    Sent("csv-spectrum/comma_in_quotes.csv", PLAIN, 1, properties={"city": "Anytown, WW", "zip": "08123"}),
    Sent("csv-spectrum/empty.csv", PLAIN, 2, properties={"a": "1"}),
    Sent("csv-spectrum/empty_crlf.csv", PLAIN, 2, properties={"a": "1"}),
    Sent("csv-spectrum/escaped_quotes.csv", PLAIN, 2, properties={"b": 'ha "ha" ha'}),
    Sent(
        "csv-spectrum/json.csv",
        PLAIN + " -p 'at={val.coordinates}' -p 'kind={val.type}'",
        1,
        properties={"at": [102.0, 0.5], "kind": "Point"},
    ),
    Sent(  # its author's degree sign was lost long ago
        "csv-spectrum/location_coordinates.csv",
        PLAIN,
        1,
        properties={"Location Coordinates": "37\ufffd36'37.8\"N 121\ufffd2'17.9\"W"},
    ),
    Sent("csv-spectrum/newlines.csv", PLAIN, 3, properties={"c": "3"}),
    Sent("csv-spectrum/newlines_crlf.csv", PLAIN, 3, properties={"c": "3"}),
    Sent("csv-spectrum/quotes_and_newlines.csv", PLAIN, 2, properties={"b": 'ha \n"ha" \nha'}),
    Sent("csv-spectrum/simple.csv", PLAIN, 1, properties={"a": "1", "b": "2", "c": "3"}),
    Sent("csv-spectrum/simple_crlf.csv", PLAIN, 1, properties={"c": "3"}),
    Sent("csv-spectrum/utf8.csv", PLAIN, 2, properties={"c": "3"}),
    Sent(
        "csvkit-edge-cases/bad.csv",
        "--event Row --time 2026-01-01 --external-id '{column_b}' -p '*'",
        accepted=1,
        rejected={"ragged_row": 2},
    ),
    Sent(
        "csvkit-edge-cases/bad.csv",
        "--event Row --time 2026-01-01 --external-id '{column_b}'",
        accepted=2,
        rejected={"ragged_row": 1},
    ),
    Sent("csvkit-edge-cases/empty.csv", PLAIN, 0),
    Sent("csvkit-edge-cases/mac_newlines.csv", PLAIN, 2, properties={"a": "1", "c": "3"}),
    Refused("csvkit-edge-cases/no_header_row.csv", PLAIN, UNREADABLE, "looks like data", "--no-header"),
    Sent("csvkit-edge-cases/no_header_row.csv", PLAIN + " --no-header", 1, properties={"1": "1", "3": "3"}),
    Sent("csvkit-edge-cases/null_byte.csv", PLAIN, 0, rejected={"nul_byte": 1}),
    Sent("csvkit-edge-cases/test_header_newline.csv", PLAIN, 1, properties={"b": "e", "c": "f"}),
    Sent("csvkit-edge-cases/test_latin1.csv", PLAIN + " --encoding latin-1", 2),
    Sent("csvkit-edge-cases/test_latin1.csv", PLAIN, 1, rejected={"bad_encoding": 1}),
    Sent(
        "csvkit-edge-cases/test_locale.csv",
        "--event Row --time 2026-01-01 --external-id someone -p 'a={a|number:de}' -p 'b={b|number:de}'",
        accepted=1,
        properties={"a": 1.7, "b": 200_000_000},
    ),
    Sent("csvkit-edge-cases/test_skip_lines.csv", PLAIN + " --skip-lines 3", 1, properties={"c": "3"}),
    Sent("csvkit-edge-cases/test_utf16_big.csv", PLAIN, 2),
    Sent("csvkit-edge-cases/test_utf16_little.csv", PLAIN, 2),
    Sent("csvkit-edge-cases/test_utf8_bom.csv", PLAIN, 2, properties={"foo": "1"}),
    Sent("csvkit-edge-cases/testjson_multiline.json", PLAIN, 2, properties={"a": 2, "b": 3}),
    Sent(
        "csvkit-edge-cases/testjson_nested.json",
        "--event Reading --time '{datetime}' --external-id '{text}' -p 'deep={nested.nested.integer}'",
        accepted=2,
        first="1948-01-01T14:57:13Z",
        last="1971-01-01T04:14:00Z",
        properties={"deep": 40},
    ),
    Sent("csvlint-edge-cases/cr-line-endings.csv", PLAIN, 2, properties={"Foo": "Biff"}),
    Sent("csvlint-edge-cases/inconsistent-line-endings.csv", PLAIN, 2, properties={"Foo": "Biff"}),
    Refused("csvlint-edge-cases/title-row.csv", PLAIN, UNREADABLE, "title above the table", "--skip-lines 1"),
    Sent("csvlint-edge-cases/title-row.csv", PLAIN + " --skip-lines 1", 2, properties={"Foo": "Biff"}),
]


def command(case: Sent | Refused) -> list[str | Path]:
    return ["backfill", FOLDER / case.file, *shlex.split(case.flags), "--max-age", "none", "-o", "json"]


def to_ms(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1000)


def named(case: Sent | Refused) -> str:
    return re.sub(r"[^\w/.-]+", "_", case.file)


@pytest.mark.parametrize("case", [case for case in CASES if isinstance(case, Sent)], ids=named)
def test_sent(case: Sent, ours: Ours, sandbox: StartSandbox) -> None:
    box = sandbox(window_ms=None)
    rehearsed = ours(*command(case), "--dry-run")
    assert box.totals().requests == 0
    ended = ours(*command(case))

    code = 3 if case.rejected else 0
    assert (rehearsed.code, ended.code) == (code, code), ended.err
    assert rehearsed.json["reject_codes"] == ended.json["reject_codes"] == case.rejected
    assert rehearsed.json["unsent"] == ended.json["accepted"] == case.accepted
    assert rehearsed.json["read"] == ended.json["read"] == case.accepted + sum(case.rejected.values())

    events = list(box.events())
    times = [event.time for event in events if event.time is not None]
    assert len(events) == case.accepted
    assert (rehearsed.json["earliest"], rehearsed.json["latest"]) == (
        min(times, default=None),
        max(times, default=None),
    )
    if case.first:
        assert min(times) == to_ms(case.first)
    if case.last:
        assert max(times) == to_ms(case.last)
    if case.properties:
        assert rehearsed.json["examples"][0]["eventProperties"].items() >= case.properties.items()
        assert any(event.body["eventProperties"].items() >= case.properties.items() for event in events)


def flag(case: Sent, name: str) -> str:
    words = shlex.split(case.flags)
    return words[words.index(name) + 1] if name in words else ""


TIMED = [
    case
    for case in CASES
    if isinstance(case, Sent) and "{" in flag(case, "--time") and "{" not in flag(case, "--tz")
]
_HOURS_WEST = {"EDT": 4, "EST": 5, "CDT": 5, "CST": 6, "MDT": 6, "MST": 7, "PDT": 7, "PST": 8}
_ZONES = {name: -3600 * hours for name, hours in _HOURS_WEST.items()}


def read_otherwise(text: str, case: Sent) -> float:
    """The instant in ms, by an independent reader of times."""
    if re.fullmatch(r"-?\d{9,}(\.\d+)?", text):
        return float(text) * (1 if len(text.partition(".")[0]) > 11 else 1000)
    is_day_first = "--day-first" in case.flags or case.file.endswith("test_date_format.csv")
    found = dateutil.parser.parse(text, dayfirst=is_day_first, tzinfos=_ZONES)
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo(flag(case, "--tz") or "UTC"))
    return found.timestamp() * 1000


@pytest.mark.parametrize("case", TIMED, ids=named)
def test_each_time_is_what_another_reader_reads(case: Sent, ours: Ours, sandbox: StartSandbox) -> None:
    box = sandbox(window_ms=None)
    ours(*command(case), "-p", f"as written={flag(case, '--time')}")
    events = [(event.time, str(event.body["eventProperties"]["as written"])) for event in box.events()]
    assert len(events) == case.accepted
    wrong = [
        (text, time)
        for time, text in events
        if time is None or not 0 <= read_otherwise(text, case) - time < 1
    ]
    assert wrong == []


@pytest.mark.parametrize("case", [case for case in CASES if isinstance(case, Refused)], ids=named)
def test_refused(case: Refused, ours: Ours, sandbox: StartSandbox) -> None:
    box = sandbox(window_ms=None)
    for arguments in ([*command(case), "--dry-run"], command(case)):
        ended = ours(*arguments)
        assert ended.code == case.exit
        assert ended.json["status"] == "failed"
        said, _, hint = ended.err.partition("hint:")
        assert case.reason in said
        assert case.hint in hint
    assert box.totals().requests == 0


def test_every_file_has_its_say() -> None:
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*")}
    assert files == {case.file for case in CASES}
