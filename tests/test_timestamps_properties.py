"""Properties: written instants come back to the millisecond; any value gives a time or a TimeProblem."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ours_cli.timestamps import ColumnSurvey, TimeProblem, TimeReader, TimeRules, iso_parts, parse_zone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CODES = {"bad_time", "ambiguous_time", "dst_gap", "dst_repeat", "mixed_epoch_units", "unknown_zone"}

instants = st.datetimes(datetime(1974, 1, 1), datetime(2060, 1, 1)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
)
offsets = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
places = st.sampled_from(
    ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]
)

# Forms that hold every digit down to the millisecond, the offset behind them.
EXACT = [
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S,%f",
    "%Y%m%dT%H%M%S.%f",
    "%Y%m%d%H%M%S.%f",
    "%G-W%V-%uT%H:%M:%S.%f",
    "%Y-%jT%H%M%S.%f",
    "%Y/%m/%d %I:%M:%S.%f %p",
    "%d %b %Y %H:%M:%S.%f",
    "%A, %B %d, %Y %I:%M:%S.%f %p",
    "%d-%b-%y %H:%M:%S.%f",
    "%b %d, %Y at %I:%M:%S.%f%p",
]


def to_ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def written_offset(moment: datetime, form: int) -> str:
    text = moment.strftime("%z")
    return (text, f"{text[:3]}:{text[3:]}", f" {text}", f" GMT{text}")[form]


@given(instants, offsets, st.sampled_from(EXACT), st.integers(0, 3))
def test_any_instant_in_any_form_comes_back(
    instant: datetime, zone: tzinfo, form: str, offset_form: int
) -> None:
    local = instant.astimezone(zone)
    text = local.strftime(form) + written_offset(local, offset_form)
    assert TimeReader(TimeRules())(text) == to_ms(instant)


CLOCK = "%H:%M:%S.%f %z"
named_dates = st.permutations(["%d", "%b", "%Y", CLOCK]).filter(
    # "2026 Sep 10:30" is refused for its own sake: the hour stands where the day belongs.
    lambda parts: parts[:3] != ["%Y", "%b", CLOCK]
)


@given(instants, offsets, named_dates, st.sampled_from(["", "%A, ", "%a "]))
def test_any_order_of_a_named_date_comes_back(
    instant: datetime, zone: tzinfo, parts: list[str], weekday: str
) -> None:
    local = instant.astimezone(zone)
    assert TimeReader(TimeRules())(local.strftime(weekday + " ".join(parts))) == to_ms(instant)


heaps = st.sets(st.sampled_from(["%m", "%H:%M", "%I", "%y", "%B", "%Y%m"])).flatmap(
    lambda more: st.permutations(["%d", "%b", "%Y", *sorted(more)])
)


@given(instants, heaps)
def test_a_heap_of_parts_is_read_right_or_not_at_all(instant: datetime, parts: list[str]) -> None:
    text = instant.strftime(" ".join(parts))
    try:
        found = TimeReader(TimeRules())(text)
    except TimeProblem:
        return
    assert found // 86_400_000 == to_ms(instant) // 86_400_000


@given(instants, places, st.sampled_from(EXACT))
def test_any_instant_in_a_place_comes_back(instant: datetime, place: str, form: str) -> None:
    local = instant.astimezone(parse_zone(place))
    text = local.strftime(form)
    readings = {TimeReader(TimeRules(dst=dst))(text, place) for dst in ("earlier", "later")}
    assert to_ms(instant) in readings
    try:
        assert TimeReader(TimeRules())(text, place) == to_ms(instant)
        assert len(readings) == 1
    except TimeProblem as problem:
        assert problem.code == "dst_repeat"
        assert len(readings) == 2


@given(instants, st.sampled_from(["day", "month"]), st.sampled_from("/.-"))
def test_a_told_order_reads_every_numeric_date(instant: datetime, order: Any, mark: str) -> None:
    form = mark.join(("%d", "%m", "%Y") if order == "day" else ("%m", "%d", "%Y")) + " %H:%M:%S.%f"
    text = instant.strftime(form)
    assert TimeReader(TimeRules(order=order))(text) == to_ms(instant)
    survey = ColumnSurvey()
    assert survey.add(text, "f.csv", 2)
    assert survey.order() == (order if instant.day > 12 else None)
    if instant.day > 12 or instant.day == instant.month:
        assert TimeReader(TimeRules())(text) == to_ms(instant)
    else:
        with pytest.raises(TimeProblem) as caught:
            TimeReader(TimeRules())(text)
        assert caught.value.code == "ambiguous_time"


# Ways to write one instant that a column may have, with all its digits; the last two need the order.
WRITINGS = [*(form + " %z" for form in EXACT), "%d/%m/%Y %H:%M:%S.%f %z", "%m/%d/%Y %I:%M:%S.%f %p %z"]


@given(st.lists(instants, min_size=1, max_size=20), offsets, st.sampled_from(WRITINGS))
def test_a_column_is_read_whole_and_right_or_a_flag_is_demanded(
    column: list[datetime], zone: tzinfo, form: str
) -> None:
    """What the survey settles alters no cell's time; where it settles nothing, no cell could be read."""
    texts = [moment.astimezone(zone).strftime(form) for moment in column]
    survey = ColumnSurvey()
    for line, text in enumerate(texts, 2):
        survey.add(text, "f.csv", line)
    orders: dict[str, Literal["day", "month"]] = {"%d/": "day", "%m/": "month"}
    order = orders.get(form[:3])
    reader = TimeReader(TimeRules())
    if survey.open_date() is not None:
        assert all(max(moment.astimezone(zone).day, moment.astimezone(zone).month) <= 12 for moment in column)
        reader = TimeReader(TimeRules(order=order))
    assert not survey.is_contradicted()
    assert survey.order() in (order, None)
    reader.settle(survey.conventions())
    assert [reader(text) for text in texts] == [to_ms(moment) for moment in column]


@given(st.lists(instants, min_size=3, max_size=20), st.sampled_from([1, 10**3, 10**6, 10**9]), st.data())
def test_an_odd_unit_never_moves_a_number(column: list[datetime], scale: int, data: st.DataObject) -> None:
    """The unit of most numbers is the column's; a number in another is refused, never read in it."""
    numbers = [str(to_ms(moment) * scale // 1000) for moment in column]
    odd = str(to_ms(column[0]) * (10**3 if scale != 10**3 else 10**6) // 1000)
    position = data.draw(st.integers(0, len(numbers)))
    survey = ColumnSurvey()
    for text in (*numbers[:position], odd, *numbers[position:]):
        survey.count_unit(text)
    reader = TimeReader(TimeRules())
    reader.settle(survey.conventions())
    with pytest.raises(TimeProblem) as caught:
        reader(odd)
    assert caught.value.code == "mixed_epoch_units"
    assert [reader(text) // 1000 for text in numbers] == [to_ms(moment) // 1000 for moment in column]


LETTERS = [
    "Asia/Kolkata",
    "Europe/London",
    "Europe/Dublin",
    "Asia/Jerusalem",
    "America/Halifax",
    "Asia/Shanghai",
]


@given(instants, st.sampled_from(LETTERS), st.sampled_from(EXACT))
def test_letters_of_the_told_zone_come_back(instant: datetime, place: str, form: str) -> None:
    """The letters tell the two passes of a repeated hour apart, so that none is rejected."""
    zone = parse_zone(place)
    text = instant.astimezone(zone).strftime(form + " %Z")
    assert TimeReader(TimeRules(zone=zone))(text) == to_ms(instant)


@given(instants, offsets)
def test_rfc_2822_comes_back(instant: datetime, zone: tzinfo) -> None:
    whole = instant.replace(microsecond=0)
    assert TimeReader(TimeRules())(format_datetime(whole.astimezone(zone))) == to_ms(whole)


@given(instants, st.sampled_from([(10**3, ".3f"), (1, "d"), (10**-3, "d"), (10**-6, "d")]))
def test_any_instant_as_epoch_comes_back(instant: datetime, unit: tuple[float, str]) -> None:
    expected = to_ms(instant)
    scale = unit[0]
    text = f"{expected // 1000}.{expected % 1000:03d}" if scale == 10**3 else str(expected * round(1 / scale))
    assert TimeReader(TimeRules())(text) == expected
    if scale != 10**3:
        assert TimeReader(TimeRules())(int(text)) == expected


@given(instants)
def test_excel_comes_back(instant: datetime) -> None:
    days = (instant - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
    assert TimeReader(TimeRules(format="excel"))(days) == to_ms(instant)


# Text that looks like times finds more than text at random.
FRAGMENTS = [
    *(
        "2026",
        "03",
        "4",
        "13",
        "24",
        "99",
        "0",
        "-",
        "/",
        ".",
        ":",
        ",",
        " ",
        "T",
        "W10",
        "Z",
        "+02:00",
        "-0500",
        "am",
        "PM",
    ),
    *(
        "Sat, ",
        "May",
        "September ",
        "EST",
        "IST",
        "UTC",
        "Europe/Berlin",
        "[",
        "]",
        "(",
        ")",
        "at ",
        "\u202f",
        "\u0663",
        "\x00",
        "e",
    ),
]
looks_like_time = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)
anything = st.one_of(
    st.text(),
    looks_like_time,
    st.integers(),
    st.integers(10**8, 10**20),
    st.floats(),
    st.booleans(),
    st.none(),
)
rules = st.builds(
    TimeRules,
    zone=st.sampled_from([None, UTC, parse_zone("America/New_York")]),
    format=st.sampled_from(
        [None, None, None, "excel", "%d.%m.%Y", "%Y-%m-%d %H:%M %Z", "%Y-%m-%dT%H:%M:%S%z"]
    ),
    order=st.sampled_from([None, "day", "month"]),
    dst=st.sampled_from(["reject", "earlier", "later"]),
)


@given(anything, st.one_of(st.none(), st.text(), looks_like_time), rules)
@example("0001-01-01 00:00:00", "America/New_York", TimeRules())
@example("9999-12-31 23:59:59", "America/New_York", TimeRules())
@example("9999-12-31T24:00", None, TimeRules())
@example("0001-W01-0", None, TimeRules())
@example("9999-W53-7", None, TimeRules())
@example("9999-999", None, TimeRules())
@example(2_958_464.9999999999, None, TimeRules(format="excel"))
def test_anything_is_a_time_or_a_time_problem(value: Any, zone: str | None, rules: TimeRules) -> None:
    try:
        assert type(TimeReader(rules)(value, zone)) is int
    except TimeProblem as problem:
        assert problem.code in CODES
        assert problem.message


@given(looks_like_time)
def test_whoever_is_read_has_a_year_a_month_and_a_day(text: str) -> None:
    """A text with fewer digits than a date has would need today's."""
    try:
        TimeReader(TimeRules(order="day"))(text)
    except TimeProblem:
        return
    digits = sum(letter.isdigit() for letter in text)
    assert digits >= 5 or (digits >= 3 and any(month in text for month in ("May", "September")))


@given(st.one_of(st.text(), looks_like_time))
def test_any_text_is_a_zone_or_an_unknown_zone(text: str) -> None:
    try:
        assert isinstance(parse_zone(text), tzinfo)
    except TimeProblem as problem:
        assert problem.code == "unknown_zone"


ISO_PARTS = st.tuples(
    st.sampled_from(["2026-03-04", "1969-12-31", "2026-02-30", "0001-01-01", "9999-12-31", "2026-3-04"]),
    st.sampled_from(["T", " ", "t", "x", ""]),
    st.sampled_from(["00:00:00", "23:59:59", "24:00:00", "12:60:00", "12:00:60", "1:02:03", "120000"]),
    st.sampled_from(["", ".5", ",123", ".123456", ".9999999", "." + "1" * 33, "."]),
    st.sampled_from(["", "Z", "z", " Z", "+02:00", "-0530", "+02", "+24:00", "+02:60", "\n", " UTC"]),
).map("".join)
PLAIN_ISO = st.datetimes().flatmap(
    lambda moment: st.sampled_from(["", "Z", "+02:00", "-05:30"]).map(
        lambda zone: moment.isoformat(timespec="milliseconds") + zone
    )
)


@given(
    st.lists(st.lists(PLAIN_ISO, max_size=5) | st.lists(ISO_PARTS | PLAIN_ISO, max_size=5), max_size=4),
    st.sampled_from(
        [TimeRules(), TimeRules(zone=parse_zone("Europe/Berlin")), TimeRules(format="%Y-%m-%dT%H:%M:%SZ")]
    ),
    st.sampled_from([0, 2, 4096]),
)
@example([["2026-03-04T23:59:59.9999Z", "2026-03-04T00:00:00.0006+02:00"]], TimeRules(), 4096)
def test_many_times_at_once_are_times_one_by_one(calls: list[list[str]], rules: TimeRules, room: int) -> None:
    at_once, one_by_one = TimeReader(rules), TimeReader(rules)

    def time_of(text: str) -> int | None:
        try:
            return one_by_one(text)
        except TimeProblem:
            return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iso_parts, "PARTS_MAX", room)
        for texts in calls:
            assert at_once.read_all(texts) == [time_of(text) for text in texts]
    assert at_once.naive_as_utc == one_by_one.naive_as_utc
    assert at_once.contradictions == one_by_one.contradictions
    assert at_once.open_dates == one_by_one.open_dates
