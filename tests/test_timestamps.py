"""Tables: what each written form means, and which code each refusal bears."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from dateutil import parser as dateutil_parser

from ours_cli.timestamps import ColumnSurvey, TimeProblem, TimeReader, TimeRules, is_plain, parse_zone


def ms(*fields: int, hours: float = 0) -> int:
    """Epoch milliseconds of a moment in a zone `hours` east of Greenwich."""
    moment = datetime(*fields, tzinfo=timezone(timedelta(hours=hours)))  # type: ignore[arg-type, misc]
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def read(value: Any, row_zone: str | None = None, **rules: Any) -> int:
    return TimeReader(TimeRules(**rules))(value, row_zone)


def refusal(value: Any, row_zone: str | None = None, **rules: Any) -> TimeProblem:
    with pytest.raises(TimeProblem) as caught:
        read(value, row_zone, **rules)
    return caught.value


ISO = {
    "2026-03-04T10:11:12Z": ms(2026, 3, 4, 10, 11, 12),
    "2026-03-04t10:11:12z": ms(2026, 3, 4, 10, 11, 12),
    "2026-03-04 10:11:12": ms(2026, 3, 4, 10, 11, 12),
    " 2026-03-04 10:11:12\n": ms(2026, 3, 4, 10, 11, 12),
    "2026-03-04T10:11": ms(2026, 3, 4, 10, 11),
    "2026-03-04T10": ms(2026, 3, 4, 10),
    "2026-03-04": ms(2026, 3, 4),
    "2026-3-4 9:05": ms(2026, 3, 4, 9, 5),
    "20260304T101112Z": ms(2026, 3, 4, 10, 11, 12),
    "20260304T1011+0530": ms(2026, 3, 4, 10, 11, hours=5.5),
    "20260304": ms(2026, 3, 4),
    "2026063": ms(2026, 3, 4),
    "20260304101112": ms(2026, 3, 4, 10, 11, 12),
    "20260304101112.5Z": ms(2026, 3, 4, 10, 11, 12, 500_000),
    "2026-W10-3": ms(2026, 3, 4),
    "2026W103T1011": ms(2026, 3, 4, 10, 11),
    "2020-W53-7T10:11:12Z": ms(2021, 1, 3, 10, 11, 12),
    "2026-063": ms(2026, 3, 4),
    "2026063T10Z": ms(2026, 3, 4, 10),
    "2024-366": ms(2024, 12, 31),
    "2026-03-04T10:11:12,5": ms(2026, 3, 4, 10, 11, 12, 500_000),
    "2026-03-04T10:11:12.9999": ms(2026, 3, 4, 10, 11, 12, 999_000),
    "2026-03-04T10:11:12.123456789012Z": ms(2026, 3, 4, 10, 11, 12, 123_000),
    "2026-03-04T10.5": ms(2026, 3, 4, 10, 30),
    "2026-03-04T10:11.25Z": ms(2026, 3, 4, 10, 11, 15),
    "2026-03-04T10:11:12+02": ms(2026, 3, 4, 10, 11, 12, hours=2),
    "2026-03-04T10:11:12+0200": ms(2026, 3, 4, 10, 11, 12, hours=2),
    "2026-03-04T10:11:12.5-09:30": ms(2026, 3, 4, 10, 11, 12, 500_000, hours=-9.5),
    "2026-03-04T10:11:12-00:00": ms(2026, 3, 4, 10, 11, 12),
    "2026-03-04T10:11:12\u221205:00": ms(2026, 3, 4, 10, 11, 12, hours=-5),
    "2026-03-04 10:11:12 -0500": ms(2026, 3, 4, 10, 11, 12, hours=-5),
    "2026-03-04T10:11:12+01:00[Europe/Berlin]": ms(2026, 3, 4, 10, 11, 12, hours=1),
    "2026-03-04T10:11:12[Europe/Berlin]": ms(2026, 3, 4, 10, 11, 12, hours=1),
    "2026-03-04 10:11:12.123456789 +0000 UTC": ms(2026, 3, 4, 10, 11, 12, 123_000),
    "2026-03-04Z": ms(2026, 3, 4),
    "2026-03-04+02:00": ms(2026, 3, 4, hours=2),
    "2026-03-04T24:00:00": ms(2026, 3, 5),
    "1969-12-31T23:59:59.9999Z": -1,
    "0001-01-01T00:00:00+14:00": ms(1, 1, 1) - 14 * 3_600_000,
}

NAMED_MONTHS = {
    "Sat, 22 Apr 2017 15:11:58 -0500": ms(2017, 4, 22, 15, 11, 58, hours=-5),
    "Sat, 22 Apr 2017 15:11:58 EST": ms(2017, 4, 22, 15, 11, 58, hours=-5),
    "22 Apr 17 15:11 GMT": ms(2017, 4, 22, 15, 11),
    "September 24, 2026": ms(2026, 9, 24),
    "Sept. 24 2026": ms(2026, 9, 24),
    "24 Sep 2026 14:30": ms(2026, 9, 24, 14, 30),
    "24th of September 2026": ms(2026, 9, 24),
    "Thursday, 24. September 2026": ms(2026, 9, 24),
    "2026-Sep-24 14:30": ms(2026, 9, 24, 14, 30),
    "16-May-2026": ms(2026, 5, 16),
    "16-MAY-26 02:03 PM": ms(2026, 5, 16, 14, 3),
    "16-MAY-69": ms(1969, 5, 16),
    "16-MAY-68": ms(2068, 5, 16),
    "04MAR2026:10:11:12": ms(2026, 3, 4, 10, 11, 12),
    "04-MAR-26 10.11.12 PM": ms(2026, 3, 4, 22, 11, 12),
    "04-MAR-26 10.11.12.123456 AM -05:00": ms(2026, 3, 4, 10, 11, 12, 123_456, hours=-5),
    "04-MAR-26 10.11.12.000000000 AM US/EASTERN": ms(2026, 3, 4, 10, 11, 12, hours=-5),
    "2026-03-04-10.11.12.123456": ms(2026, 3, 4, 10, 11, 12, 123_456),
    "2026-03-04 9.11.12": ms(2026, 3, 4, 9, 11, 12),
    "10/Oct/2000:13:55:36 -0700": ms(2000, 10, 10, 13, 55, 36, hours=-7),
    "Tue Mar  3 11:00:00 2026": ms(2026, 3, 3, 11),
    "Tue Mar  3 11:00:00 EST 2026": ms(2026, 3, 3, 11, hours=-5),
    "Tue Mar 03 2026 11:00:00 GMT-0500 (Eastern Standard Time)": ms(2026, 3, 3, 11, hours=-5),
    "2026-03-03 11:00:00 +0000 UTC": ms(2026, 3, 3, 11),
    "2026-03-03 11:00:00 -0500 EST": ms(2026, 3, 3, 11, hours=-5),
    "Tue, 3 Mar 2026 11:00:00 +0100 (CET)": ms(2026, 3, 3, 11, hours=1),
    "Mar 3, 2026 at 11:00 p.m. CET": ms(2026, 3, 3, 23, hours=1),
    "March 3, 2026, 11 PM": ms(2026, 3, 3, 23),
}

# No pattern knows these: the clock stands before the date or amidst it, or the year leads.
ANY_ORDER = {
    "12:30 24 Sep 2026": ms(2026, 9, 24, 12, 30),
    "2:30 PM, September 24, 2026": ms(2026, 9, 24, 14, 30),
    "2 p.m. Sept. 24th 2026": ms(2026, 9, 24, 14),
    "2:30 p. m. 24 Sep 2026": ms(2026, 9, 24, 14, 30),
    "14:30:05.5 Thu 24 Sep 2026": ms(2026, 9, 24, 14, 30, 5, 500_000),
    "14:30 UTC 24-Sep-2026": ms(2026, 9, 24, 14, 30),
    "10:00 MAY 24 2026": ms(2026, 5, 24, 10),
    "10:00 -0500 Sep 24 2026": ms(2026, 9, 24, 10, hours=-5),
    "10:00 AM on Thursday, September 24, 2026 EST": ms(2026, 9, 24, 10, hours=-5),
    "Sep 24 14:30:05 UTC 2026": ms(2026, 9, 24, 14, 30, 5),
    "Sep 24 14:30:05.123 2026": ms(2026, 9, 24, 14, 30, 5, 123_000),
    "Thu 24 Sep 02:30:05 PM CET 2026": ms(2026, 9, 24, 14, 30, 5, hours=1),
    "Thu Sep 24 14:30:05 2026 -0500": ms(2026, 9, 24, 14, 30, 5, hours=-5),
    "Wed Aug 27 13:08:45 +0000 2008": ms(2008, 8, 27, 13, 8, 45),
    "Tue Mar  3 11:00:00 GMT+01:00 2026": ms(2026, 3, 3, 11, hours=1),
    "Tue Mar  3 11:00:00 America/New_York 2026": ms(2026, 3, 3, 11, hours=-5),
    "Sep 24 24:00 2026": ms(2026, 9, 25),
    "2026, September 24": ms(2026, 9, 24),
    "on 24 Sep 2026 at 14:30": ms(2026, 9, 24, 14, 30),
}

NUMERIC = {
    "13/04/2026": ms(2026, 4, 13),
    "04/13/2026": ms(2026, 4, 13),
    "13.04.26 14:30:05": ms(2026, 4, 13, 14, 30, 5),
    "9/24/26": ms(2026, 9, 24),
    "05/05/2026": ms(2026, 5, 5),
    "05-05-2026 1:02": ms(2026, 5, 5, 1, 2),
    "2026/03/04 10:11": ms(2026, 3, 4, 10, 11),
    "2026.03.04": ms(2026, 3, 4),
    "1/15/2011 1:20 PM": ms(2011, 1, 15, 13, 20),
    "1/15/2011 12:00 AM": ms(2011, 1, 15),
    "1/15/2011 12:00 pm": ms(2011, 1, 15, 12),
    "1/15/2011, 1:20:30\u202fPM": ms(2011, 1, 15, 13, 20, 30),
    "1/15/2011 12:00:00 AM 01:20": ms(2011, 1, 15, 1, 20),
    "13/04/2026 8:15:00 a. m.": ms(2026, 4, 13, 8, 15),
    "13/04/2026 8:15:00 p.\u00a0m.": ms(2026, 4, 13, 20, 15),
    "13.04.2026 08:15 Uhr": ms(2026, 4, 13, 8, 15),
    "13.04.2026, 08:15:30 Uhr MESZ": ms(2026, 4, 13, 8, 15, 30, hours=2),
    "13.04.2026 um 08:15 Uhr": ms(2026, 4, 13, 8, 15),
    "1/15/2011 00:00:00 01:20 EST": ms(2011, 1, 15, 1, 20, hours=-5),
}

# One from each time column of the real exports.
REAL_EXPORTS = {
    "2025-07-01 16:34:54.837000": ms(2025, 7, 1, 16, 34, 54, 837_000),
    "2025-03-03 11:00 am": ms(2025, 3, 3, 11),
    "19970101": ms(1997, 1, 1),
    "31/12/2012": ms(2012, 12, 31),
    "5/19/2006 0:00:00": ms(2006, 5, 19),
    "2022/01/27 11:04:57 PM": ms(2022, 1, 27, 23, 4, 57),
    "2021-05-25 04:55:03.382494 UTC": ms(2021, 5, 25, 4, 55, 3, 382_000),
    "2021-05-25 04:55:03.382494 EST": ms(2021, 5, 25, 4, 55, 3, 382_000, hours=-5),
    "09/24/26": ms(2026, 9, 24),
    "September 24, 2026": ms(2026, 9, 24),
    "2026-09-12T19:29:56.945945+0000": ms(2026, 9, 12, 19, 29, 56, 945_000),
    "2026-09-20T02:35:09.6Z": ms(2026, 9, 20, 2, 35, 9, 600_000),
    "Sat, May 16, 2026": ms(2026, 5, 16),
    "2026-09-02 10:00": ms(2026, 9, 2, 10),
    "2022-11-22 01:00:00": ms(2022, 11, 22, 1),
    "2015-03-16 14:40:47": ms(2015, 3, 16, 14, 40, 47),
    "1707878164": 1_707_878_164_000,
    "2018-02-25 12:34:56 +0000": ms(2018, 2, 25, 12, 34, 56),
    "2025-01-05 10:00:00 -0500": ms(2025, 1, 5, 10, hours=-5),
    "2025-12-31 14:30": ms(2025, 12, 31, 14, 30),
    "2016-10-27T20:06:38Z": ms(2016, 10, 27, 20, 6, 38),
    "2024-01-01 00:15:20.149": ms(2024, 1, 1, 0, 15, 20, 149_000),
    "2017-04-25T03:15:53": ms(2017, 4, 25, 3, 15, 53),
}

FORMS = {**ISO, **NAMED_MONTHS, **ANY_ORDER, **NUMERIC, **REAL_EXPORTS}


@pytest.mark.parametrize(("text", "expected"), FORMS.items())
def test_form(text: str, expected: int) -> None:
    assert read(text) == expected


# dateutil's pivot for two-digit years moves with the calendar, and it takes GMT+1 for UTC-1.
_NOT_FOR_DATEUTIL = {"16-MAY-69", "Tue Mar  3 11:00:00 GMT+01:00 2026"}


@pytest.mark.parametrize("text", sorted(FORMS.keys() - _NOT_FOR_DATEUTIL))
def test_dateutil_agrees_whatever_today_is(text: str) -> None:
    zones = {"EST": -18_000, "CET": 3_600}
    for today in (datetime(2001, 2, 3), datetime(2004, 11, 12)):
        try:
            moment = dateutil_parser.parse(text, default=today, tzinfos=zones)
        except dateutil_parser.ParserError:
            return
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == read(text)


BAD_TIMES: list[Any] = [
    *(
        "",
        " ",
        "now",
        "today",
        "yesterday",
        "May",
        "May 2026",
        "Sat",
        "Saturday 10:00",
        "10:00",
        "10 PM",
        "2026",
        "26",
    ),
    *(
        "2026-03",
        "2026-W10",
        "March 3",
        "24 Sep 10:30",
        "24 Sep 10:10:30",
        "24 Sep 14 30",
        "Sep 24 14:30",
        "5 May 10 pm",
    ),
    *(
        "24 Sep 10 2026",
        "24 Sep 2026 14",
        "24 Sep 2026 1430",
        "14h30 24 Sep 2026",
        "10:00 11:00 24 Sep 2026",
        "13.04.2026 01.05.20",  # may be two dates
        "2026-03-04 10.20.30.40",  # may be an address
        "2026-03-04 10.20",
        "2026-03-04 2.05 PM",  # no hour and a twentieth: 2:05
        "04-MAR-26 13.11.12 PM",
        "24 Sep 10:00 10 2026",
    ),
    *(
        "10:00 Sep 2026",
        "10:00 24 Sep",
        "10:00 24 Sep 26",
        "10:00 24/09/2026",
        "10:00 24 Sep Oct 2026",
        "10:00 Thursday September 2026",
    ),
    *(
        "25:00 24 Sep 2026",
        "10:60 24 Sep 2026",
        "0:30 am 24 Sep 2026",
        "10:00 31 Feb 2026",
        "10:00 0 Sep 2026",
        "10:00 24 Sep 0000",
    ),
    *(
        "10:00 UTC 24 Sep 2026 EST",
        "24 Sep 2026Z",
        "10:00 BRST+3 24 Sep 2026",
        "10:00-24-Sep-2026",
        "10:00 24 Sep -2026",
        "noon 24 Sep 2026",
        "10:00 24 septembre 2026",
    ),
    *("as of 2026-03-04", "2026-03-04 about noon", "2026-03-04 10", "2026-03-04x10:00:00", "2026-03-0410:00"),
    *(
        "2026-02-30",
        "2026-02-29T10:00:00",
        "2026-13-01",
        "20261301",
        "2025-366",
        "2025-W53-1",
        "2024/13/04",
        "0000-01-01",
    ),
    *(
        "2026-03-04T25:00:00Z",
        "2026-03-04T24:00:01Z",
        "2026-03-04T10:60",
        "2026-03-04T23:59:60Z",
        "9999-12-31T24:00",
    ),
    *(
        "2026-03-04 13:00 pm",
        "2026-03-04 0:30 am",
        "2026-03-04 10:00 11:00",
        "2026-03-04T10:11:1",
        "13/13/2026",
        "31/02/2026",
    ),
    *(
        "0",
        "1",
        "-1",
        "-0",
        "12345",
        "99999999",
        "9" * 21,
        "9" * 5_000,
        "99999999999999",
        "1.70788E+12",
        "1.7078E9",
        "1.707878164E-9",
        "1.707878164E99",
        "1e12",
        "0x1F",
        "1_707_878_164",
    ),
    *(
        "nan",
        "inf",
        "None",
        "null",
        "true",
        "-",
        "+",
        ".",
        "/",
        "--",
        "2026-03-04T",
        "2026-03-04T10:00:00.",
        "T10:00",
    ),
    *(
        "\u0662\u0660\u0662\u0666-03-04",
        "\uff12\uff10\uff12\uff16-03-04T10:00:00Z",
        "\uff11\uff17\uff10\uff17\uff18\uff17\uff18\uff11\uff16\uff14",
        "\u00b2026-03-04",
        "2026\u201003\u201004",
        "\ud800",
        "\x00",
    ),
    *(
        None,
        True,
        False,
        math.nan,
        math.inf,
        -math.inf,
        0,
        -0.0,
        1,
        0.5,
        20_261_301,
        10**5_000,
        -(10**5_000),
        1e300,
        b"2026-03-04",
        [],
    ),
]


@pytest.mark.parametrize(
    "zones",
    ["ZZ", "Z EST", "Z+01:00", "+01:00Z", " +0100 UTC", "+01:00 GMT", "-05:00 gmt", "-05:00 Z"],
)
def test_two_zones(zones: str) -> None:
    """Which of them is meant nobody knows; letters behind an offset are a comment at most."""
    assert refusal(f"2026-03-04T05:06:07{zones}").code in ("bad_time", "unknown_zone")


@pytest.mark.parametrize("zones", ["+00:00Z", "+0000Z", "+00 Z", "Z UTC", "ZUTC", "Z GMT", " +0000 UTC"])
def test_two_zones_that_agree(zones: str) -> None:
    """Python's `isoformat()` of an aware time with a "Z" behind it is the commonest."""
    assert read(f"2026-03-04T05:06:07{zones}") == ms(2026, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(
    "value",
    BAD_TIMES,
    ids=lambda value: f"{type(value).__name__}-{str(value)[:30] if not isinstance(value, int) else 'n'}",
)
def test_bad_time(value: Any) -> None:
    assert refusal(value).code == "bad_time"


def test_huge_text_is_refused_at_once() -> None:
    started = time.process_time()
    for text in ("2026-03-04T10:00:00." + "1" * 20_000_000, " " * 20_000_000, "1" * 20_000_000 + "x"):
        assert refusal(text).code == "bad_time"
        assert refusal(text, format="%Y-%m-%d").code == "bad_time"
        assert refusal("2026-03-04", row_zone=text).code == "unknown_zone"
    assert time.process_time() - started < 3


class TestOrder:
    @pytest.mark.parametrize(
        "text",
        [
            "03/04/2026",
            "03.04.2026",
            "3-4-2026 10:00",
            "03/04/26",
            "Sat, 03/04/2026",
            "26-09-24",
            "26-12-31",
            "05-05-26",
        ],
    )
    def test_is_never_guessed(self, text: str) -> None:
        problem = refusal(text)
        assert problem.code == "ambiguous_time"
        assert "--day-first" in (problem.hint or "")

    def test_is_obeyed(self) -> None:
        assert read("03/04/2026", order="day") == ms(2026, 4, 3)
        assert read("03/04/2026", order="month") == ms(2026, 3, 4)
        assert read("24-09-26", order="day") == ms(2026, 9, 24)

    def test_is_never_swapped_to_make_a_date(self) -> None:
        assert refusal("04/13/2026", order="day").code == "bad_time"
        assert refusal("13/04/2026", order="month").code == "bad_time"

    def test_does_not_touch_dates_that_begin_with_the_year(self) -> None:
        assert read("2026/03/04", order="day") == read("2026-03-04", order="day") == ms(2026, 3, 4)

    @pytest.mark.parametrize(
        ("text", "order"),
        [
            ("13/04/2026", "day"),
            ("4/13/26 10:00", "month"),
            ("Mon, 13.04.2026", "day"),
            ("03/04/2026", None),
            ("05/05/2026", None),
            ("26-09-24", None),
            ("31/02/2026", None),
            ("04/12/2026", None),
            ("12-13-24", "month"),
            ("12/04/2026", None),
            ("13/04/2026 and more", None),
            ("2026-04-13", None),
            ("", None),
            ("9" * 1000, None),
        ],
    )
    def test_stated_by_a_number_above_twelve(self, text: str, order: str | None) -> None:
        survey = ColumnSurvey()
        survey.add(text, "f.csv", 2)
        assert survey.order() == order

    def test_contradictory_dates_state_none(self) -> None:
        survey = ColumnSurvey()
        survey.add("13/04/2026", "f.csv", 2)
        survey.add("04/13/2026", "f.csv", 3)
        assert survey.is_contradicted()
        assert survey.order() is None

    def test_a_year_is_open_until_an_order_and_its_place_are_known(self) -> None:
        survey, open_at = ColumnSurvey(), []
        for line, text in enumerate(("26-09-24", "13/04/2026", "13-04-99", "04/13/2026"), 2):
            survey.add(text, "f.csv", line)
            place = survey.open_year()
            open_at.append(place and place.line)
        assert open_at == [2, 2, None, 2]


class TestEpoch:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (1707878164, 1_707_878_164_000),
            (1707878164.25, 1_707_878_164_250),
            (1707878164.837, 1_707_878_164_837),
            ("1707878164.8379", 1_707_878_164_837),
            (1707878164837, 1_707_878_164_837),
            (1707878164837.0, 1_707_878_164_837),
            ("1707878164837.9", 1_707_878_164_837),
            (1707878164837999, 1_707_878_164_837),
            ("1707878164837999999", 1_707_878_164_837),
            (1.7078781648375e18, 1_707_878_164_837),
            ("-1000000000.0005", -1_000_000_000_001),
            ("1.707878164E9", 1_707_878_164_000),
            ("1.7078781648379E9", 1_707_878_164_837),
            ("1,707878164837e+12", 1_707_878_164_837),
            ("2.0260304E7", ms(2026, 3, 4)),
            (20260304, ms(2026, 3, 4)),
            (20260304.0, ms(2026, 3, 4)),
            (20260304101112, ms(2026, 3, 4, 10, 11, 12)),
            *((power, 10**11) for power in (10**8, 10**11, 10**14, 10**17)),
        ],
    )
    def test_unit_is_told_by_size(self, value: Any, expected: int) -> None:
        assert read(value) == expected

    def test_fourteen_digits_are_a_calendar_time_among_milliseconds_too(self) -> None:
        reader = TimeReader(TimeRules(unit="ms"))
        assert reader(1707878164837) == 1_707_878_164_837
        assert reader(20260304101112) == ms(2026, 3, 4, 10, 11, 12)

    def test_one_unit_per_reader(self) -> None:
        reader = TimeReader(TimeRules())
        assert reader(1707878164) == 1_707_878_164_000
        assert reader("2026-03-04") == ms(2026, 3, 4)
        assert reader("1707878165") == 1_707_878_165_000
        assert reader.epoch_unit == reader.decided_unit == "s"
        with pytest.raises(
            TimeProblem, match="this number is in milliseconds, the others are in seconds"
        ) as caught:
            reader(1707878164837)
        assert caught.value.code == "mixed_epoch_units"
        assert reader("1707878165") == 1_707_878_165_000


class TestZones:
    def test_naive_times_take_the_rows_zone_then_the_rules_then_utc(self) -> None:
        reader = TimeReader(TimeRules(zone=parse_zone("America/New_York")))
        assert reader("2026-07-01 12:00:00") == ms(2026, 7, 1, 12, hours=-4)
        assert reader("2026-07-01 12:00:00", "Asia/Tokyo") == ms(2026, 7, 1, 12, hours=9)
        assert reader("2026-07-01 12:00:00", "") == ms(2026, 7, 1, 12, hours=-4)
        assert reader("2026-07-01", "+02:00") == ms(2026, 7, 1, hours=2)
        assert reader("2026-07-01T12:00:00Z", "Asia/Tokyo") == ms(2026, 7, 1, 12)
        assert reader("2026-07-01 12:00 EST", "Asia/Tokyo") == ms(2026, 7, 1, 12, hours=-5)
        assert reader(1707878164, "Asia/Tokyo") == 1_707_878_164_000
        assert reader.naive_as_utc == 0

    def test_times_read_as_utc_for_want_of_a_zone_are_counted(self) -> None:
        reader = TimeReader(TimeRules())
        for value in (
            "2026-07-01 12:00:00",
            "2026-07-01",
            "1 Jul 2026",
            "2026-07-01T12:00:00Z",
            "1707878164",
            "junk",
        ):
            try:
                reader(value)
            except TimeProblem:
                continue
        assert reader.naive_as_utc == 3

    @pytest.mark.parametrize(
        ("name", "winter", "summer"),
        [
            ("America/New_York", -5, -4),
            ("europe/berlin", 1, 2),
            ("UTC", 0, 0),
            ("gmt", 0, 0),
            ("Z", 0, 0),
            ("+02:00", 2, 2),
            ("-0530", -5.5, -5.5),
            ("+02", 2, 2),
            ("UTC+2", 2, 2),
            ("GMT-05:00", -5, -5),
            ("utc +5:45", 5.75, 5.75),
            ("Etc/GMT+5", -5, -5),
            ("EST", -5, -5),
            ("PDT", -7, -7),
            ("CET", 1, 1),
            ("CEST", 2, 2),
            ("JST", 9, 9),
            ("AEDT", 11, 11),
            ("US/Pacific", -8, -7),
            ("Eastern Time (US & Canada)", -5, -4),
            ("Central Time - US & Canada", -6, -5),
            ("Pacific Standard Time", -8, -7),
            ("W. Europe Standard Time", 1, 2),
            ("(GMT-07:00) Arizona", -7, -7),
            ("(UTC-08:00) Pacific Time (US & Canada)", -8, -7),
            ("Berlin", 1, 2),
            ("Mexico City", -6, -6),
            ("New Delhi", 5.5, 5.5),
            ("Samoa", 13, 13),
            ("ET", -5, -4),
            ("pt", -8, -7),
        ],
    )
    def test_name(self, name: str, winter: float, summer: float) -> None:
        zone = parse_zone(name)
        assert zone.utcoffset(datetime(2026, 1, 15)) == timedelta(hours=winter)
        assert zone.utcoffset(datetime(2026, 7, 15)) == timedelta(hours=summer)

    @pytest.mark.parametrize(
        "name",
        [
            *(
                "",
                " ",
                "IST",
                "bst",
                "XYZ",
                "Mars/Olympus",
                "America",
                "America/",
                "../../etc/passwd",
                "/etc/localtime",
            ),
            *(
                "localtime",
                "Factory",
                "posixrules",
                "right/UTC",
                "+25:00",
                "+02:60",
                "2",
                "\u0663",
                "Z" * 10_000,
                "\x00",
                "\ud800",
            ),
        ],
    )
    def test_unknown_zone(self, name: str) -> None:
        with pytest.raises(TimeProblem) as caught:
            parse_zone(name)
        assert caught.value.code == "unknown_zone"
        assert "--tz" in (caught.value.hint or "")

    @pytest.mark.parametrize(
        "text",
        [
            "2026-03-04 10:00 IST",
            "2026-03-04 10:00 Nowhere",
            "2026-03-04T10:00:00+02:99",
            "10:00 IST 4 Mar 2026",
            "10:00 XYZ 4 Mar 2026",
        ],
    )
    def test_unknown_zone_in_the_text(self, text: str) -> None:
        assert refusal(text).code == "unknown_zone"
        assert refusal("2026-03-04 10:00", row_zone="Nowhere").code == "unknown_zone"


class TestDaylightSaving:
    NEW_YORK = parse_zone("America/New_York")

    @pytest.mark.parametrize("text", ["2026-11-01 01:30:00", "2026-11-01 01:00", "11/01/2026 1:59:59 AM"])
    def test_repeated_hour(self, text: str) -> None:
        rules: dict[str, Any] = {"zone": self.NEW_YORK, "order": "month"}
        assert refusal(text, **rules).code == "dst_repeat"
        first = read(text, **rules, dst="earlier")
        assert read(text, **rules, dst="later") - first == 3_600_000
        assert first == read(text + " EDT", order="month")

    def test_gap(self) -> None:
        text = "2026-03-08 02:30:00"
        assert refusal(text, "America/New_York").code == "dst_gap"
        assert read(text, "America/New_York", dst="earlier") == ms(2026, 3, 8, 2, 30, hours=-5)
        assert read(text, "America/New_York", dst="later") == ms(2026, 3, 8, 2, 30, hours=-4)

    @pytest.mark.parametrize(
        "text", ["2026-11-01 00:59:59", "2026-11-01 02:00:00", "2026-03-08 01:59:59", "2026-03-08 03:00:00"]
    )
    def test_edges_are_plain(self, text: str) -> None:
        assert read(text, row_zone="America/New_York") == read(text, row_zone="America/New_York", dst="later")

    def test_zone_in_the_text(self) -> None:
        assert refusal("2026-11-01 01:30 America/New_York").code == "dst_repeat"
        assert read("2026-11-01 01:30 EST") == ms(2026, 11, 1, 1, 30, hours=-5)

    def test_shared_letters_tell_the_second_pass_and_not_an_hour_that_is_skipped(self) -> None:
        assert read("2024-10-27 01:30 IST", "Asia/Jerusalem") == ms(2024, 10, 27, 1, 30, hours=2)
        assert refusal("2024-03-31 01:30 BST", "Europe/London").code == "unknown_zone"

    @pytest.mark.parametrize(
        ("letters", "zone", "hours"),
        [("AST", "Asia/Riyadh", 3), ("BST", "Asia/Dhaka", 6), ("GST", "Asia/Dubai", 4)],
    )
    def test_shared_letters_that_a_zone_is_known_by_at_home(
        self, letters: str, zone: str, hours: int
    ) -> None:
        """Its own name for its time is a number, and elsewhere these letters mean another time."""
        assert read(f"2026-07-01 12:00 {letters}", zone) == ms(2026, 7, 1, 12, hours=hours)

    def test_whole_day_that_samoa_skipped(self) -> None:
        assert refusal("2011-12-30 12:00:00", row_zone="Pacific/Apia").code == "dst_gap"


class TestFormat:
    @pytest.mark.parametrize(
        ("form", "value", "expected"),
        [
            ("%d.%m.%Y %H:%M", "03.04.2026 10:11", ms(2026, 4, 3, 10, 11)),
            ("%Y%m%d%H%M", "202604031011", ms(2026, 4, 3, 10, 11)),
            ("%Y%m%d", 20260403, ms(2026, 4, 3)),
            ("%y%m%d", 260403.0, ms(2026, 4, 3)),
            ("%Y年%m月%d日", "2026年04月03日", ms(2026, 4, 3)),
            ("%Y-%j", "2026-063", ms(2026, 3, 4)),
            ("%d/%m/%Y %I:%M %p", "03/04/2026 1:02 pm", ms(2026, 4, 3, 13, 2)),
            ("%d/%m/%Y %H:%M %z", "03/04/2026 10:11 -0500", ms(2026, 4, 3, 10, 11, hours=-5)),
            ("%d/%m/%Y %H:%M %z", "03/04/2026 10:11 +02", ms(2026, 4, 3, 10, 11, hours=2)),
            ("%d/%m/%Y %H:%M %z", "03/04/2026 10:11 EST", ms(2026, 4, 3, 10, 11, hours=-5)),
            ("%d/%m/%Y %H:%M %Z", "03/04/2026 10:11 Europe/Berlin", ms(2026, 4, 3, 10, 11, hours=2)),
            ("%a %b %d %H:%M:%S %Z %Y", "Tue Mar 03 10:11:12 EST 2026", ms(2026, 3, 3, 10, 11, 12, hours=-5)),
        ],
    )
    def test_strptime(self, form: str, value: Any, expected: int) -> None:
        assert read(value, format=form) == expected

    def test_nothing_else_is_read(self) -> None:
        for value in (
            "2026-04-03",
            "1707878164",
            1707878164,
            "",
            "\uff13.\uff14.2026",
            "3.4.202\uff16",
            "9" * 10_000,
        ):
            assert refusal(value, format="%d.%m.%Y").code == "bad_time"
        assert refusal("3.4.2026 Nowhere", format="%d.%m.%Y %Z").code == "unknown_zone"

    def test_naive_result_takes_the_zone(self) -> None:
        assert read("01.07.2026", format="%d.%m.%Y", zone=parse_zone("EST")) == ms(2026, 7, 1, hours=-5)
        assert refusal("2026-11-01 01:30", "America/New_York", format="%Y-%m-%d %H:%M").code == "dst_repeat"

    @pytest.mark.parametrize(
        "form",
        ["", "%H:%M", "%d.%m.", "%Y-%m", "%Y-%m-%d %I:%M", "%Q", "%", "%Y%Y", "%-d.%m.%Y", "%s", "EXCEL"],
    )
    def test_format_that_cannot_give_a_whole_date(self, form: str) -> None:
        with pytest.raises(TimeProblem, match="--time-format"):
            TimeReader(TimeRules(format=form))

    def test_zone_abbreviations_do_not_depend_on_the_machine(self) -> None:
        code = (
            "from ours_cli.timestamps import *;"
            "print(TimeReader(TimeRules(format='%Y-%m-%d %H:%M %Z'))('2026-07-01 12:00 EDT'), end='')"
        )
        outputs = {
            subprocess.run(
                [sys.executable, "-c", code], env={**os.environ, "TZ": zone}, capture_output=True, text=True
            ).stdout
            for zone in ("UTC", "America/New_York")
        }
        assert outputs == {str(ms(2026, 7, 1, 12, hours=-4))}

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (61, ms(1900, 3, 1)),
            (" 46085 ", ms(2026, 3, 4)),
            (46085.5, ms(2026, 3, 4, 12)),
            ("46085.424444444", ms(2026, 3, 4, 10, 11, 12)),
            ("46085,424444444", ms(2026, 3, 4, 10, 11, 12)),
            (46085.42445023148, ms(2026, 3, 4, 10, 11, 12, 500_000)),
        ],
    )
    def test_excel(self, value: Any, expected: int) -> None:
        assert read(value, format="excel") == expected

    @pytest.mark.parametrize(
        "value",
        [60, "60", 0, -1, "1e5", "46_085", "61,250", "46085,", "abc", "nan", 3e6, "", True, None, math.nan],
    )
    def test_excel_refuses(self, value: Any) -> None:
        assert refusal(value, format="excel").code == "bad_time"

    def test_excel_in_a_zone(self) -> None:
        assert read(46085.5, "America/New_York", format="excel") == ms(2026, 3, 4, 12, hours=-5)


def test_problems_never_hold_the_value() -> None:
    for value in ("2026-03-04 10:00 SecretZone", "secret", "03/04/2026", "2026-02-30 10:00:00", "4.4242E+12"):
        problem = refusal(value)
        shown = f"{problem!r} {problem.message} {problem.hint} {problem.args}"
        assert not any(part in shown for part in ("ecret", "03/04", "02-30", "4.42"))


def test_problems_cross_processes() -> None:
    problem = refusal("03/04/2026")
    copy = pickle.loads(pickle.dumps(problem))
    assert (copy.code, copy.message, copy.hint) == (problem.code, problem.message, problem.hint)
    assert str(copy) == problem.message


def test_loading_brings_no_dateutil() -> None:
    code = "import ours_cli.timestamps, sys; sys.exit(bool({'dateutil', 'zoneinfo'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("text", ["1.707878164E9", "1.7078781640000E+9"])
def test_a_column_shows_its_unit_by_numbers_with_an_exponent(text: str) -> None:
    survey = ColumnSurvey()
    survey.count_unit(text)
    survey.count_unit("1.7078E9")
    survey.count_unit("1E" + "9" * 5_000)
    assert survey.conventions().unit == "s"
    assert is_plain(text)
    assert not is_plain("1.7078E9")


def test_a_number_with_a_sign_is_no_calendar_date() -> None:
    survey = ColumnSurvey()
    survey.count_unit("20260413101500")
    assert survey.conventions().unit is None
    survey.count_unit("-20260413101500")
    assert survey.conventions().unit == "ms"
