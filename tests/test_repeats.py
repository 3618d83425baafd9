"""Rows that come again: real repeats all count, and a given id never hides another row's content."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ended, Ours, StartSandbox
from faults_kit import fault, status
from rows import ago, iso, ndjson, write

from ours_cli.sandbox import Then, When

MAPPING = ("--event", "Sale", "--time", "{when}", "--external-id", "{id}")
GIVEN = (*MAPPING, "--distinct-id", "{order}")
SMALL = ("--batch-size", 10, "--concurrency", 1)


def send(ours: Ours, *words: object) -> Ended:
    ended = ours("backfill", *words, "-o", "json")
    books = ended.json
    assert books["read"] == books["accepted"] + books["rejected"] + books["filtered"] + books["unsent"]
    return ended


def reject_lines(ended: Ended) -> list[str]:
    return Path(ended.json["rejects_file"]).read_text().splitlines()[1:]


def fed_back(ours: Ours, ended: Ended, mend: Callable[[str], str]) -> Ended:
    path = Path(ended.json["rejects_file"])
    path.write_text(mend(path.read_text()))
    return ours(*shlex.split(ended.json["mend"])[1:])


def test_a_conflict_across_a_resume_names_the_line_that_an_earlier_attempt_sent(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox(fault(When(nth=(3,)), status(401)))
    rows = [f"{iso(1)},o{n},{n}" for n in range(35)] + [f"{iso(1)},o3,other", f"{iso(1)},o4,4"]
    file = write(tmp_path / "f.csv", "when,order,id\n" + "\n".join(rows) + "\n")
    assert send(ours, file, *GIVEN, *SMALL).json["accepted"] == 20
    ended = send(ours, file, *GIVEN, *SMALL)
    assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, 36, 1)
    assert ended.json["reject_codes"] == {"duplicate_id": 1}
    assert "line 37 bears the distinctId of line 5 " in reject_lines(ended)[0]
    assert place.totals().events == 35


def test_a_conflict_across_files_and_a_resume(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox(fault(When(nth=(2,)), status(401)))
    one = write(tmp_path / "a.csv", "when,order,id\n" + "".join(f"{iso(1)},o{n},{n}\n" for n in range(10)))
    two = write(tmp_path / "b.csv", f"when,order,id\n{iso(1)},new,x\n{iso(1)},o0,other\n{iso(1)},o1,1\n")
    assert send(ours, one, two, *GIVEN, *SMALL).code == 4
    ended = send(ours, one, two, *GIVEN, *SMALL)
    assert (ended.code, ended.json["accepted"], ended.json["rejected"]) == (3, 12, 1)
    assert f"{two}: line 3 bears the distinctId of line 2 of {one} and" in reject_lines(ended)[0]


def test_equal_rows_that_were_refused_all_count_once_mended(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place = sandbox(fault(When(event=("Bad",)), Then("invalid_event", message="not allowed")))
    file = write(tmp_path / "f.csv", "when,id,name\n" + f"{iso(1)},1,Bad\n" * 3)
    first = send(ours, file, "--event", "{name}", *MAPPING[2:])
    assert first.json["rejected"] == 3
    ids = {line.split(",")[4] for line in reject_lines(first)}
    again = fed_back(ours, first, lambda text: text.replace(",Bad,", ",Good,"))
    assert again.code == 0, again.err
    assert {event.distinct_id for event in place.events()} == ids
    assert len(ids) == 3


@pytest.mark.parametrize("as_json", [False, True], ids=["csv", "ndjson"])
def test_a_duplicate_fed_back_needs_another_id(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, as_json: bool
) -> None:
    place = sandbox()
    if as_json:
        rows = [{"when": ago(1), "order": "o1", "id": "a"}, {"when": ago(1), "order": "o1", "id": "b"}]
        file = write(tmp_path / "f.ndjson", ndjson(rows))
    else:
        file = write(tmp_path / "f.csv", f"when,order,id\n{iso(1)},o1,a\n{iso(1)},o1,b\n")
    first = send(ours, file, *GIVEN)
    assert first.json["reject_codes"] == {"duplicate_id": 1}
    same = fed_back(ours, first, lambda text: text)
    assert (same.code, same.json["reject_codes"]) == (3, {"duplicate_id": 1})
    assert place.totals().events == 1

    def another_id(text: str) -> str:
        return text.replace('"order":"o1"', '"order":"o2"') if as_json else text.replace(",o1,b", ",o2,b")

    mended = fed_back(ours, same, another_id)
    assert mended.code == 0, mended.err
    assert {event.distinct_id: event.external_id for event in place.events()} == {"o1": "a", "o2": "b"}


def test_a_duplicate_of_batch_fed_back(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    rows = [{"event": "E", "externalId": who, "distinctId": "d", "time": ago(1)} for who in "ab"]
    first = ours("batch", write(tmp_path / "f.ndjson", ndjson(rows)), "-o", "json")
    same = fed_back(ours, first, lambda text: text)
    assert (same.code, same.json["reject_codes"]) == (3, {"duplicate_id": 1})
    mended = fed_back(ours, same, lambda text: text.replace('"distinctId":"d"', '"distinctId":"e"'))
    assert mended.code == 0, mended.err
    assert {event.distinct_id for event in place.events()} == {"d", "e"}
    assert json.loads(mended.out)["accepted"] == 1


class GivenIds:
    """Rows of which a 7th are conflicts and a 5th honest repeats, near ones and far; some bear no id.

    With them what is to come of it: `named` are the conflicts, each with the row that bore its id first.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []
        self.repeats = 0
        self.named: dict[int, int] = {}
        first: dict[str, tuple[str, int]] = {}
        bare = 0
        for number in range(1500):
            back = (1, 3, 700)[number % 3]
            order, who = ("" if number % 11 == 0 else f'"o{number}"'), "aab"[number // 4 % 3]
            if number > back and number % 7 == 0:
                order, who = self.rows[number - back][0], f"c{number}"
            elif number > back and number % 5 == 0:
                order, who = self.rows[number - back]
            self.rows.append((order, who))
            if not order:
                bare += 1
                continue
            before, row = first.setdefault(order, (who, number))
            if before != who:
                self.named[number] = row
            elif row != number:
                self.repeats += 1
        self.distinct = len(first) + bare

    def check(self, ended: Ended, first_line: int) -> None:
        assert ended.json["reject_codes"] == {"duplicate_id": len(self.named)}
        assert f"{self.repeats} rows repeat a distinctId: the API counts them once" in ended.json["warnings"]
        text = Path(ended.json["rejects_file"]).read_text()
        named = re.findall(r"line (\d+) bears the distinctId of line (\d+) ", text)
        assert {int(line) - first_line: int(first) - first_line for line, first in named} == self.named


def test_many_given_ids(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place, given = sandbox(), GivenIds()
    lines = ["{},{},{}".format(iso(1), order.replace('"', '"""'), who) for order, who in given.rows]
    given.check(send(ours, write(tmp_path / "f.csv", "\n".join(["when,order,id", *lines])), *GIVEN), 2)
    assert place.totals().events == given.distinct


def test_many_given_ids_of_rows_that_are_mapped_together_and_singly(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    place, given = sandbox(), GivenIds()
    rows = [
        # A list is looked at by itself.
        {"event": "E", "externalId": who, "time": ago(1), "eventProperties": {"n": [1] if who == "b" else 1}}
        | ({"distinctId": order} if order else {})
        for order, who in given.rows
    ]
    given.check(ours("batch", write(tmp_path / "f.ndjson", ndjson(rows)), "-o", "json"), 1)
    assert place.totals().events == given.distinct


@pytest.mark.parametrize("workers", [1, 2])
def test_derived_ids_are_those_of_earlier_versions(
    workers: int, ours: Ours, sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Else rows that another version has sent would count again."""
    place = sandbox(window_ms=None)
    rows = ["2026-03-01T08:00:00Z,a"] * 3 + ["2026-03-01T08:00:00.5Z,ä"]
    file = write(tmp_path / "f.csv", "when,id\n" + "\n".join(rows) + "\n")
    ended = send(ours, file, *MAPPING, "-p", "n:=1.50", "--max-age", "none", "--workers", workers)
    assert ended.code == 0
    assert [event.body["distinctId"] for event in place.events()] == [
        "ddf438f9b0ab5b0f3f2a988767baef6e",
        "96b356cf4e36fbc9acb514a97f6f19ea",
        "74c239f36eddb63263aea2d47fe6d561",
        "7ce9388f9fa4783b40f8f29c4f23a529",
    ]
