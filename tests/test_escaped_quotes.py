r"""A quote behind a backslash, as MySQL writes it: rejected, with the command that makes a CSV of it."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from rows import ago, write
from waiting import wait_for

from ours_cli.record import Malformed, Record
from ours_cli.source.opening import open_table
from ours_cli.source.options import ReadOptions

ROWS = rf"""id,customer,placed,note
5,"0007",{ago(3)},"plain"
6,"0017",{ago(2)},"He said \"yo\", twice"
7,"0027",{ago(1)},"\"all\""
8,"0037",{ago(1)},"steel 5\", long"
"""
FLAGS = ("--event", "Visit", "--external-id", "{customer}", "--time", "{placed}", "-p", "note={note}")


def sed(text: str) -> str:
    command = ["sed", r's/\\"/""/g']
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_the_hint_makes_a_csv_of_it(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "visits.csv", ROWS)
    ended = ours("backfill", file, *FLAGS, "--dry-run")
    assert "escaped_quote 3 (line 3, 4, 5)" in ended.out
    assert r"""hint: double them: sed 's/\\"/""/g' FILE | ours ... -""" in ended.out
    assert "--quote none" not in ended.out
    ended = ours("backfill", write(file, sed(ROWS)), *FLAGS, "--dry-run", "-o", "json")
    assert (ended.code, ended.json["unsent"]) == (0, 4)
    assert [example["externalId"] for example in ended.json["examples"]] == ["0007", "0017", "0027"]
    assert ended.json["examples"][1]["eventProperties"]["note"] == 'He said "yo", twice'


def test_a_first_row_is_told_alike(ours: Ours, tmp_path: Path) -> None:
    file = write(tmp_path / "visits.csv", ROWS.split("\n", 2)[2])
    ended = ours("inspect", file)
    assert ended.code == 6
    assert "a backslash stands before a quote" in ended.err
    assert r"""hint: double them: sed 's/\\"/""/g' FILE | ours ... -""" in ended.err


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ('1,"2" x\n', "bad_csv"),  # no backslash
        (r'1,"\"2" x' + "\n", "bad_csv"),  # another fault beside it
        ("1,2,9\n", "ragged_row"),
        (r'1,"a \""' + "\n", "escaped_quote"),
        (r'1,"a \""', "escaped_quote"),
        ('1,"2\n', "unclosed_quote"),
        (r'1,"tail \"q', "truncated_row"),  # the file may have been cut within it
        (r'1,"tail \"q' + "\n", "bad_csv"),
        (r'1,"2" x \"q', "bad_csv"),
    ],
)
def test_only_what_doubling_mends_is_called_so(row: str, code: str, tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "t.csv", "a,b\n" + row), ReadOptions())
    first = next(table.records)
    assert isinstance(first, Malformed)
    assert first.code == code


def test_one_that_the_file_ends_within_may_grow(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    place = sandbox()
    file = tmp_path / "visits.csv"
    half = ROWS[: ROWS.index("yo") + 1]
    for text, codes in ((half, {"truncated_row": 1}), (ROWS, {"escaped_quote": 3})):
        ended = ours("backfill", write(file, text), *FLAGS, "-o", "json")
        assert (ended.code, ended.json["accepted"], ended.json["reject_codes"]) == (3, 1, codes)
    assert place.totals().rows == 1


def test_a_cell_that_ends_with_a_backslash_is_one(tmp_path: Path) -> None:
    r"""`"C:\"` is a whole cell of a CSV."""
    table = open_table(write(tmp_path / "t.csv", 'a,b\n"C:\\","x"\n'), ReadOptions())
    assert list(table.records) == [Record(2, ["C:\\", "x"])]


class TestEscapedCells:
    """Delimiters and line ends behind a backslash, as MySQL (OUTFILE) and Redshift (ESCAPE) write them."""

    HEADER = "id|customer|placed|note\n"
    FLAGS = ("--event", "Visit", "--external-id", "{customer}", "--time", "{placed}", "-p", "note={note}")

    def codes(self, ours: Ours, file: Path) -> tuple[int, dict[str, int]]:
        ended = ours("backfill", file, *self.FLAGS, "--dry-run", "-o", "json")
        return ended.json["unsent"], ended.json["reject_codes"]

    @pytest.mark.parametrize("workers", [(), ("--workers", "2")])
    def test_neither_half_of_a_row_is_sent(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path, workers: tuple[str, ...]
    ) -> None:
        place = sandbox()
        rows = [
            f"1|0007|{ago(3)}|plain\n",
            f"2|0017|{ago(3)}|first \\\nsecond\n",
            f"3|0027|{ago(3)}|left\\|right\n",
            f"4|0037|{ago(3)}|one\\\ntwo\\\nthree\n",
            f"5|in two\\\nlines|{ago(3)}|x\n",
            f"6|0047|{ago(3)}|C:\\scans\\\n",
            f"7|0057|{ago(3)}|doubled\\\\\n",
            f"8|0067|{ago(3)}|\n",
        ]
        file = write(tmp_path / "visits.psv", self.HEADER + "".join(rows))
        ended = ours("backfill", file, *self.FLAGS, *workers, "-o", "json")
        assert ended.code == 3
        assert ended.json["reject_codes"] == {"escaped_cell": 8}
        assert sorted(event.body["externalId"] for event in place.events()) == [
            "0007",
            "0047",
            "0057",
            "0067",
        ]
        with Path(ended.json["rejects_file"]).open(newline="") as rejects:
            lines = [row["_line"] for row in csv.DictReader(rejects, delimiter="|")]
        assert [int(line) for line in lines] == [3, 4, 5, 6, 7, 8, 9, 10]

    def test_fed_back_unmended_they_are_rejected_again(
        self, ours: Ours, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        """Each line by itself may look like a row; once they are one, it is one."""
        place = sandbox()
        rows = f"2|0017|{ago(3)}|first \\\nsecond\n9\\\n1|0027|{ago(3)}|x\n3|0037|{ago(3)}|a\\|b\n"
        rejects = tmp_path / "rejects.psv"
        flags = (*self.FLAGS, "-o", "json")
        file = write(tmp_path / "visits.psv", self.HEADER + rows)
        assert ours("backfill", file, *flags, "--rejects", rejects).json["reject_codes"] == {
            "escaped_cell": 5
        }
        again = ours("backfill", rejects, *flags).json
        assert (again["accepted"], again["reject_codes"]) == (0, {"escaped_cell": 5})
        assert not place.totals().events
        head, first, second, *others = rejects.read_text().splitlines(keepends=True)
        assert second.endswith("|second\n")
        mended = first.replace("first \\", "first, second")
        again = ours(
            "backfill", write(tmp_path / "mended.psv", "".join([head, mended, *others])), *flags
        ).json
        assert (again["accepted"], again["reject_codes"]) == (1, {"escaped_cell": 3})

    def test_the_hint_says_what_to_export(self, ours: Ours, tmp_path: Path) -> None:
        file = write(tmp_path / "visits.psv", f"{self.HEADER}3|0027|{ago(3)}|left\\|right\n")
        ended = ours("backfill", file, *self.FLAGS, "--dry-run")
        assert "escaped_cell 1 (line 2)" in ended.out
        assert "hint: export it anew, with quotes" in ended.out

    @pytest.mark.parametrize("name", ["a", "'b", 'c "quoted"'])
    def test_a_cell_may_end_with_a_backslash(self, ours: Ours, tmp_path: Path, name: str) -> None:
        rows = f"1|{name}|{ago(3)}|C:\\\n2|{name}|{ago(3)}|D:\\\n3|{name}|{ago(3)}|E:\\"
        assert self.codes(ours, write(tmp_path / "visits.psv", self.HEADER + rows)) == (3, {})

    def test_a_short_row_below_a_backslash_is_what_it_was(self, ours: Ours, tmp_path: Path) -> None:
        """Together they have more cells than the header: neither is half of the other."""
        rows = f"1|0007|{ago(3)}|C:\\\n2|0017|{ago(3)}\n"
        unsent, codes = self.codes(ours, write(tmp_path / "visits.psv", self.HEADER + rows))
        assert (unsent, codes) == (1, {"ragged_row": 1})

    def test_a_row_of_a_silent_pipe_does_not_wait_for_the_next(
        self, sandbox: StartSandbox, tmp_path: Path
    ) -> None:
        place = sandbox()
        command = [sys.executable, "-m", "ours_cli", "backfill", "-", *self.FLAGS, "--flush-every", "0.1"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path
        )
        assert process.stdin is not None
        process.stdin.write(f"{self.HEADER}1|0007|{ago(3)}|x\n2|0017|{ago(3)}|C:\\\n".encode())
        process.stdin.flush()
        wait_for(lambda: place.totals().events == 2)
        process.stdin.close()
        assert process.wait(60) == 0
