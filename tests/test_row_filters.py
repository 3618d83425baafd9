"""`--where`, `--since`, `--until`, `--sample`: a part of the rows, and books in which the others stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Ended, Ours, StartSandbox
from faults_kit import fault, status
from hypothesis import example, given
from hypothesis import strategies as st
from rows import ago, iso, ndjson, write

from ours_cli.errors import UsageError
from ours_cli.events.event import Origin, Reject
from ours_cli.mapping.selection import read_selection, sampled
from ours_cli.mapping.where import NeverSeenKeys, bind_where, read_condition
from ours_cli.record import Record
from ours_cli.sandbox import Sandbox, When

MAPPING = ("--event", "Sale", "--time", "{when}", "--external-id", "{id}", "-p", "s={status}")
SMALL = ("--batch-size", 10, "--concurrency", 1)


def sales(tmp_path: Path, *rows: str) -> Path:
    """A table of status, person and hours ago, one `STATUS ID HOURS` each."""
    lines = [f"{iso(float(hours))},{who},{state}" for state, who, hours in (row.split(" ") for row in rows)]
    return write(tmp_path / "sales.csv", "when,id,status\n" + "\n".join(lines) + "\n")


def send(ours: Ours, *words: object) -> Ended:
    ended = ours(*words, "-o", "json")
    if "read" in ended.json:
        books = ended.json
        assert books["read"] == books["accepted"] + books["rejected"] + books["filtered"] + books["unsent"]
    return ended


@pytest.mark.parametrize(
    "flags",
    [("--where", "status=sold"), ("--since", iso(1)), ("--until", iso(50)), ("--sample", "0.000000001")],
    ids=lambda flags: flags[0],
)
@pytest.mark.parametrize("how", [(), ("--dry-run",), ("--expect", "3")], ids=" ".join)
def test_a_filter_that_leaves_nothing_is_warned_of(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, flags: tuple[str, str], how: tuple[str, ...]
) -> None:
    sandbox()
    path = sales(tmp_path, "paid a 30", "paid b 30", "open c 30")
    ended = send(ours, "backfill", path, *MAPPING, *flags, *how)
    assert (ended.code, ended.json["status"], ended.json["filtered"]) == (0, "complete", 3)
    assert any(text.startswith("3 rows were read, and none is left by --") for text in ended.json["warnings"])
    some = send(ours, "backfill", path, *MAPPING, "--where", "status=open")
    assert not [text for text in some.json["warnings"] if "none is left" in text]


def counts(ended: Ended) -> tuple[int, int, int, int]:
    """Read, accepted, rejected, filtered."""
    assert ended.out, ended.err
    books = ended.json
    return books["read"], books["accepted"], books["rejected"], books["filtered"]


def people(place: Sandbox) -> list[str]:
    return [event.body["externalId"] for event in place.events()]


class TestWhere:
    @pytest.mark.parametrize(
        ("conditions", "sent"),
        [
            (["status=paid"], "ad"),
            (["status != paid"], "bce"),
            (["status~^pa"], "abd"),
            (["status~(?i)^PAID$"], "ad"),
            (["status="], "e"),
            (["status!="], "abcd"),
            (["status~^pa", "id!=a"], "bd"),
            (['"status"=paid', "id=zz"], ""),
        ],
    )
    def test_conditions(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, conditions: list[str], sent: str
    ) -> None:
        place = sandbox()
        file = sales(tmp_path, "paid a 1", "partly b 1", "void c 1", "paid d 1", " e 1")
        flags = [word for condition in conditions for word in ("--where", condition)]
        ended = send(ours, "backfill", file, *MAPPING, *flags)
        assert (ended.code, counts(ended)) == (0, (5, len(sent), 0, 5 - len(sent)))
        assert people(place) == list(sent)

    def test_a_row_left_out_is_not_judged(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        file = write(tmp_path / "f.csv", f"when,id,status\nnever,a,void\n{iso(1)},b,paid\nnever,c,paid\n")
        ended = send(ours, "backfill", file, *MAPPING, "--where", "status=paid")
        assert (ended.code, counts(ended)) == (3, (3, 1, 1, 1))
        assert people(place) == ["b"]
        assert "void" not in Path(ended.json["rejects_file"]).read_text()

    def test_a_row_that_cannot_be_read_is_a_reject_all_the_same(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        file = write(tmp_path / "f.csv", f"when,id,status\n{iso(1)},b,paid\n{iso(1)},b,paid,extra,more\n")
        ended = send(ours, "backfill", file, *MAPPING, "--where", "status=void")
        assert (ended.code, counts(ended)) == (3, (2, 0, 1, 1))

    def test_json_rows_and_paths(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        rows = [
            {"when": ago(1), "id": "a", "x": {"n": [{"paid": True}]}, "big": 9007199254740993},
            {"when": ago(1), "id": "b", "x": {"n": []}, "big": 9007199254740992},
            {"when": ago(1), "id": "c", "big": 9007199254740993},
        ]
        file = write(tmp_path / "f.ndjson", ndjson(rows))
        mapping = ("--event", "Sale", "--time", "{when}", "--external-id", "{id}")
        paid = send(ours, "backfill", file, *mapping, "--where", "x.n[0].paid=true")
        assert counts(paid) == (3, 1, 0, 2)
        big = send(ours, "backfill", file, *mapping, "--where", "big=9007199254740993")
        assert counts(big) == (3, 2, 0, 1)
        assert people(place) == ["a", "c"]

    def test_a_key_that_no_row_has_is_said_aloud(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        file = write(tmp_path / "f.ndjson", ndjson([{"event": "E", "externalId": "a"}]))
        ended = send(ours, "batch", file, "--where", "evnt=E")
        assert counts(ended) == (1, 0, 0, 1)
        assert any("evnt" in warning for warning in ended.json["warnings"])

    def test_batch(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        rows = [{"event": name, "externalId": name.lower(), "time": ago(1)} for name in "ABAC"]
        file = write(tmp_path / "f.ndjson", ndjson(rows))
        ended = send(ours, "batch", file, "--where", "event~[AB]", "--where", "externalId!=b")
        assert (ended.code, counts(ended)) == (0, (4, 2, 0, 2))
        assert people(place) == ["a", "a"]

    def test_identify(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        file = write(tmp_path / "f.csv", "id,city,plan\na,Boise,pro\nb,Lima,\nc,Oslo,pro\n")
        mapping = ("--external-id", "{id}", "-u", "city={city}")
        ended = send(ours, "identify", file, *mapping, "--where", "plan=pro")
        assert (ended.code, counts(ended)) == (0, (3, 2, 0, 1))
        assert place.totals().requests == 2

    def test_a_map_file_may_hold_conditions_and_flags_add_to_them(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        file = sales(tmp_path, "paid a 1", "paid b 1", "void a 1")
        chart = write(
            tmp_path / "m.toml",
            'event = "Sale"\ntime = "{when}"\nexternalId = "{id}"\n[source]\nwhere = ["status=paid"]\n',
        )
        ended = send(ours, "backfill", file, "--map", chart, "--where", "id!=b")
        assert (ended.code, counts(ended)) == (0, (3, 1, 0, 2))
        assert people(place) == ["a"]

    @pytest.mark.parametrize(
        ("condition", "message", "hint"),
        [
            ("status", "COLUMN=VALUE", "status=paid"),
            ("=paid", "no column before", "status=paid"),
            ("{status}=paid", "without braces", "status=paid"),
            ("status!~paid", "no operator '!~'", "status~^(?!test)"),
            ("status==paid", "no operator '=='", "status=paid"),
            ("status~(", "cannot be read", "status~"),
            ("staus=paid", "no column 'staus'", "did you mean 'status'?"),
        ],
    )
    def test_refused(
        self,
        ours: Ours,
        sandbox: StartSandbox,
        tmp_path: Path,
        condition: str,
        message: str,
        hint: str,
    ) -> None:
        place = sandbox()
        ended = ours("backfill", sales(tmp_path, "paid a 1"), *MAPPING, "--where", condition)
        assert ended.code == 2
        assert message in ended.err
        assert hint in ended.err
        assert place.totals().requests == 0


class TestPeriod:
    def test_from_since_on_and_before_until(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        place = sandbox()
        file = sales(tmp_path, "x a 5", "x b 4", "x c 3", "x d 2", "x e 1")
        period = ("--since", iso(4), "--until", iso(2))
        ended = send(ours, "backfill", file, *MAPPING, *period)
        assert (ended.code, counts(ended)) == (0, (5, 2, 0, 3))
        assert people(place) == ["b", "c"]

    def test_rows_outside_the_window_are_filtered_first_and_unreadable_ones_rejected(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        file = write(tmp_path / "f.csv", f"when,id,status\n{iso(2400)},a,x\n{iso(1)},b,x\nnever,c,x\n,d,x\n")
        ended = send(ours, "backfill", file, *MAPPING, "--since", iso(24))
        assert (ended.code, counts(ended)) == (3, (4, 1, 2, 1))
        assert ended.json["reject_codes"] == {"bad_time": 1, "missing_time": 1}

    def test_bounds_go_by_the_zone_of_the_run(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(window_ms=None)
        rows = "when,id,status\n2026-03-01 00:30,a,x\n2026-02-28 23:30,b,x\n"
        file = write(tmp_path / "f.csv", rows)
        flags = ("--max-age", "none", "--tz", "America/New_York", "--since", "2026-03-01")
        assert counts(send(ours, "backfill", file, *MAPPING, *flags)) == (2, 1, 0, 1)
        assert people(place) == ["a"]

    @pytest.mark.parametrize("bound", ["2026-03-01T00:00:00Z", "1772323200", "1772323200000"])
    @pytest.mark.parametrize(
        ("flags", "times"),
        [
            (("--time-format", "%d.%m.%Y %H:%M"), ("01.03.2026 00:00", "28.02.2026 23:59")),
            (("--epoch-unit", "ms"), ("1772323200000", "1772323199999")),
        ],
        ids=["format", "unit"],
    )
    def test_a_bound_is_read_in_any_form(
        self,
        flags: tuple[str, ...],
        times: tuple[str, str],
        bound: str,
        ours: Ours,
        sandbox: StartSandbox,
        tmp_path: Path,
    ) -> None:
        place = sandbox(window_ms=None)
        file = write(tmp_path / "f.csv", f"when,id,status\n{times[0]},a,x\n{times[1]},b,x\n")
        ended = send(ours, "backfill", file, *MAPPING, "--max-age", "none", *flags, "--since", bound)
        assert counts(ended) == (2, 1, 0, 1), ended.err
        assert people(place) == ["a"]

    def test_where_each_row_has_its_zone_a_bound_must_state_its_own(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(window_ms=None)
        rows = "when,id,status\n2026-03-01 00:30,a,Asia/Tokyo\n2026-03-01 00:30,b,America/New_York\n"
        file = write(tmp_path / "f.csv", rows)
        flags = (*MAPPING, "--max-age", "none", "--tz", "{status}")
        for flag in ("--since", "--until"):
            refused = ours("backfill", file, *flags, flag, "2026-03-01")
            assert (refused.code, refused.out) == (2, "")
            assert f"{flag}: each row has a zone of its own, and this time states none" in refused.err
            assert f"hint: {flag} 2026-03-01T08:00:00+01:00, or 2026-03-01T08:00:00Z" in refused.err
        assert place.totals().requests == 0
        for bound in ("2026-03-01T00:00:00Z", "2026-03-01T00:00 Asia/Tokyo", "1772323200"):
            assert ours("backfill", file, *flags, "--since", bound, "--dry-run").code == 0
        assert counts(send(ours, "backfill", file, *flags, "--since", "2026-03-01Z")) == (2, 1, 0, 1)
        assert people(place) == ["b"]

    def test_batch_rows_without_a_time_are_rejects(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        rows: list[dict[str, Any]] = [
            {"event": "E", "externalId": "a"},
            {"event": "E", "externalId": "b", "time": ago(1)},
            {"event": "E", "externalId": "c", "time": ago(3)},
        ]
        file = write(tmp_path / "f.ndjson", ndjson(rows))
        ended = send(ours, "batch", file, "--since", iso(2))
        assert (ended.code, counts(ended)) == (3, (3, 1, 1, 1))
        assert ended.json["reject_codes"] == {"missing_time": 1}

    @pytest.mark.parametrize(
        "flags",
        [
            ("--since", "soon"),
            ("--until", "03/04/2026"),
            ("--since", "2026-03-02", "--until", "2026-03-01"),
            ("--since", "2026-03-01", "--until", "2026-03-01"),
        ],
    )
    def test_refused(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, flags: tuple[str, ...]) -> None:
        place = sandbox()
        ended = ours("backfill", sales(tmp_path, "x a 1"), *MAPPING, *flags)
        assert ended.code == 2
        assert flags[0] in ended.err
        assert place.totals().requests == 0


class TestSample:
    def test_the_same_rows_each_time_and_larger_samples_hold_smaller_ones(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        file = sales(tmp_path, *(f"x p{n} 1" for n in range(300)))
        taken: dict[str, set[str]] = {}
        for rate in ("10%", "0.1", "0.4", "1"):
            place = sandbox()
            read, accepted, rejected, filtered = counts(
                send(ours, "backfill", file, *MAPPING, "--sample", rate)
            )
            taken[rate] = set(people(place))
            assert (read, rejected, accepted) == (300, 0, len(taken[rate]))
            assert filtered == 300 - accepted
        assert taken["10%"] == taken["0.1"] < taken["0.4"] < taken["1"]
        assert 5 < len(taken["0.1"]) < 70

    @pytest.mark.parametrize("rate", ["0", "1.1", "half", "-0.1", "101%", "nan"])
    def test_refused(self, ours: Ours, tmp_path: Path, rate: str) -> None:
        ended = ours("backfill", sales(tmp_path, "x a 1"), *MAPPING, "--dry-run", f"--sample={rate}")
        assert ended.code == 2
        assert "--sample" in ended.err


class TestIds:
    """A row has the same distinctId with filters and without: equal rows before it count."""

    @pytest.mark.parametrize(
        "flags", [("--where", "id!=0"), ("--since", iso(3)), ("--sample", "0.5")], ids=lambda flags: flags[0]
    )
    def test_of_backfill(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, flags: tuple[str, ...]
    ) -> None:
        rows = [f"x {n % 4} {1 + n % 5}" for n in range(60)]
        whole, part = sandbox(), None
        assert send(ours, "backfill", sales(tmp_path, *rows), *MAPPING).code == 0
        part = sandbox()
        ended = send(ours, "backfill", sales(tmp_path, *rows), *MAPPING, *flags)
        assert ended.code == 0
        assert 0 < ended.json["filtered"] < 60
        bodies = {event.distinct_id: event.body for event in whole.events()}
        assert len(bodies) == 60
        for event in part.events():
            assert bodies[event.distinct_id] == event.body

    def test_equal_rows_of_which_some_are_left_out_by_a_column_that_is_not_sent(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        file = write(
            tmp_path / "f.csv", "when,id,status,shop\n" + "".join(f"{iso(1)},a,x,{n}\n" for n in range(4))
        )
        whole = sandbox()
        send(ours, "backfill", file, *MAPPING)
        part = sandbox()
        assert counts(send(ours, "backfill", file, *MAPPING, "--where", "shop~[13]")) == (4, 2, 0, 2)
        ids = [event.distinct_id for event in whole.events()]
        assert [event.distinct_id for event in part.events()] == [ids[1], ids[3]]

    def test_of_batch(self, ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
        rows = [{"event": "E", "externalId": "a", "time": ago(1 + n % 2)} for n in range(6)]
        file = write(tmp_path / "f.ndjson", ndjson(rows))
        whole = sandbox()
        send(ours, "batch", file)
        part = sandbox()
        assert counts(send(ours, "batch", file, "--where", f"time={ago(2)}")) == (6, 3, 0, 3)
        assert {event.distinct_id for event in part.events()} < {
            event.distinct_id for event in whole.events()
        }

    def test_a_given_id_that_clashes_only_with_a_row_left_out_is_sent(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        sandbox()
        file = sales(tmp_path, "void a 1", "paid a 1")
        flags = ("--distinct-id", "{id}", "--where", "status=paid")
        assert counts(send(ours, "backfill", file, *MAPPING, *flags)) == (2, 1, 0, 1)


class TestRuns:
    FLAGS = ("--where", "status=paid", "--since", iso(3))

    def rows(self, tmp_path: Path) -> Path:
        states = ("paid", "void", "paid")
        return sales(tmp_path, *(f"{states[n % 3]} p{n} {1 + n % 5}" for n in range(120)))

    def test_a_stopped_run_goes_on_with_the_same_books(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        file = self.rows(tmp_path)
        whole = sandbox()
        expected = counts(send(ours, "backfill", file, *MAPPING, *self.FLAGS, "--sandbox"))
        assert expected[0] == 120
        assert expected[3] > 60
        place = sandbox(fault(When(nth=(3,)), status(401)))
        first = send(ours, "backfill", file, *MAPPING, *self.FLAGS, *SMALL)
        assert (first.code, first.json["accepted"]) == (4, 20)
        second = send(ours, "backfill", file, *MAPPING, *self.FLAGS, *SMALL)
        assert (second.code, counts(second)) == (0, expected)
        assert second.json["run"] == first.json["run"]
        assert len(people(place)) == len(set(people(place))) == expected[1]
        assert whole.totals().requests == 0
        shown = json.loads(ours("runs", "show", second.json["run"], "-o", "json").out)
        assert (shown["done"], shown["accepted"], shown["filtered"]) == (120, expected[1], expected[3])

    @pytest.mark.parametrize("other", [(), ("--where", "status=void"), (*FLAGS, "--sample", "0.5")])
    def test_other_filters_are_another_run(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, other: tuple[str, ...]
    ) -> None:
        file = self.rows(tmp_path)
        sandbox(fault(When(nth=(3,)), status(401)))
        first = send(ours, "backfill", file, *MAPPING, *self.FLAGS, *SMALL)
        second = send(ours, "backfill", file, *MAPPING, *other, *SMALL)
        assert second.code == 0
        assert second.json["run"] != first.json["run"]

    def test_many_rows_left_out_are_recorded_as_they_go(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox(fault(When(nth=(1,)), status(401)))
        rows = "".join(f"{iso(1)},{n},void\n" for n in range(12_000)) + f"{iso(1)},last,paid\n"
        file = write(tmp_path / "f.csv", "when,id,status\n" + rows)
        stopped = send(ours, "backfill", file, *MAPPING, "--where", "status=paid")
        assert stopped.code == 4
        ended = send(ours, "backfill", file, *MAPPING, "--where", "status=paid")
        assert "10,000 rows are done" in ended.err
        assert (ended.code, counts(ended)) == (0, (12_001, 1, 0, 12_000))
        assert people(place) == ["last"]

    def test_everything_left_out_is_a_finished_run(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        file = self.rows(tmp_path)
        for _ in range(2):
            ended = send(ours, "backfill", file, *MAPPING, "--where", "status=nothing")
            assert (ended.code, counts(ended)) == (0, (120, 0, 0, 120))
        assert place.totals().requests == 0

    def test_the_canary_and_max_rejects_do_not_count_rows_left_out(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        file = sales(tmp_path, *("void x 1" for _ in range(8)), "paid a 1", "paid b 1", "paid c 1")
        ended = send(ours, "backfill", file, *MAPPING, "--where", "status=paid", "--canary", 2)
        assert (ended.code, counts(ended)) == (0, (11, 3, 0, 8))
        assert place.totals().requests == 2
        odd = write(tmp_path / "odd.csv", "when,id,status\n" + f"{iso(1)},a,void\n" * 9 + "never,b,paid\n")
        ended = send(ours, "backfill", odd, *MAPPING, "--where", "status=paid", "--max-rejects", "50%")
        assert ended.code == 9


def test_a_dry_run_shows_what_left_rows_out(ours: Ours, tmp_path: Path) -> None:
    file = sales(tmp_path, "void a 1", "paid b 1", "paid c 9", "paid d 2")
    flags = ("--where", "status=paid", "--since", iso(3), "--dry-run")
    shown = ours("backfill", file, *MAPPING, *flags)
    assert shown.code == 0
    assert "--where 1, --since 1" in shown.out
    seen = send(ours, "backfill", file, *MAPPING, *flags).json
    assert (seen["read"], seen["unsent"], seen["filtered"]) == (4, 2, 2)
    assert seen["filtered_by"] == {"where": 1, "since": 1}


def test_limit_stops_reading_whatever_is_left_out(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    file = sales(tmp_path, "void a 1", "paid b 1", "paid c 1")
    ended = send(ours, "backfill", file, *MAPPING, "--where", "status=paid", "--limit", 2)
    assert counts(ended) == (2, 1, 0, 1)
    assert people(place) == ["b"]


@given(st.text(), st.sampled_from(["=", "!=", "~"]), st.text())
@example("{a}", "=", "x")
def test_a_quoted_name_is_taken_to_the_letter(name: str, operator: str, value: str) -> None:
    """Any column can be named, and a value is what follows the operator, without the blanks around it."""
    quoted = '"' + name.replace('"', '""') + '"'
    try:
        condition = read_condition(quoted + operator + value)
    except UsageError:
        assert not name.strip() or operator == "~" or value.strip().startswith(("=", "~"))
        return
    assert (condition.reference.name, condition.operator) == (name, operator)
    assert condition.value == value.strip()


@given(st.lists(st.sampled_from(["", " ", "a", " a", "b", "ab"]), min_size=2, max_size=2), st.data())
def test_conditions_hold_all_or_the_row_goes(cells: list[str], data: st.DataObject) -> None:
    conditions = data.draw(
        st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from(["=", "!="]), st.just("a")))
    )
    test = bind_where([read_condition("".join(parts)) for parts in conditions], ("x", "y"), NeverSeenKeys())
    row = dict(zip("xy", (cell.strip() for cell in cells), strict=True))
    expected = all((row[column] == value) == (operator == "=") for column, operator, value in conditions)
    assert (test is None and not conditions) or (test is not None and test(cells) == expected)


@given(st.binary(), st.sampled_from(["0.1", "5%", "0.5"]))
def test_a_larger_sample_holds_a_smaller_one(key: bytes, rate: str) -> None:
    small, large = read_selection((), rate), read_selection((), "60%")
    assert large.takes(key) or not small.takes(key)


def test_a_reject_with_an_id_is_in_the_sample_where_its_event_would_be() -> None:
    selection = read_selection((), "0.5")
    for given_id in map(str, range(20)):
        reject = Reject(Origin(0, Record(2, ["x"])), given_id, "bad_time", "why")
        item = sampled(lambda _, own=reject: own, selection)(reject.origin)  # type: ignore[misc]
        assert (item is reject) == selection.takes_id(given_id)


def test_the_sample_is_the_same_in_every_version() -> None:
    selection = read_selection((), "0.5")
    assert [n for n in range(12) if selection.takes_id(str(n))] == [0, 2, 5, 7, 8, 10, 11]


def test_a_pattern_may_stand_anywhere_in_a_cell() -> None:
    test = bind_where([read_condition("x~b")], ("x",), NeverSeenKeys())
    assert test is not None
    assert test(["abc"])
