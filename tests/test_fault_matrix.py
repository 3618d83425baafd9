"""The fault matrix by name: where each of its rows is held, and the rows that had no other home.

The matrix lies beside the project (`shared/fault-matrix.md`). Each row names tests as `file::test`, without
`test_` and `.py`; the tests themselves say what is held.
"""

from __future__ import annotations

import ast
import gzip
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from conftest import Ours, StartSandbox
from faults_kit import QUICK, assert_no_leak, ids, reject_lines, rows_file, settled, stored
from rows import iso
from test_faults_local import run_into

HERE = Path(__file__).resolve().parent
MATRIX = HERE.parents[1] / "shared" / "fault-matrix.md"

# fmt: off
HELD_BY: dict[str, str] = {
    "500 twice, then 200 / 502, 503, 504 mixed":
        "faults_statuses::transient_statuses_then_200 faults_single::transient_statuses_then_200"
        " faults_statuses::transient_statuses_in_mid_run_with_many_workers",
    "500 for ever":
        "faults_statuses::500_for_ever faults_statuses::500_for_ever_after_some_were_accepted"
        " faults_single::500_for_ever",
    "500 with `results`, part accepted":
        "faults_statuses::500_with_results_part_accepted"
        " retry::500_with_results_sends_every_failed_row_again",
    "429 with `Retry-After: 2`":
        "faults_statuses::429_with_retry_after_pauses_all_workers faults_single::429_with_retry_after",
    "`Retry-After` as HTTP date on a server whose clock is off":
        "faults_statuses::retry_after_as_http_date_on_a_server_whose_clock_is_off"
        " retry::retry_after_as_a_date_is_relative_to_the_servers_own_clock",
    "`Retry-After` longer than what is left to give up":
        "faults_statuses::retry_after_longer_than_what_is_left_to_give_up"
        " stops::retry_after_longer_than_what_is_left faults_single::retry_after_longer_than_what_is_left",
    "`Retry-After` of `NaN`, `-5`, `1e9`, junk":
        "faults_statuses::absurd_retry_after_is_ignored retry::retry_after",
    "401 at once / in mid-run":
        "faults_statuses::401_at_once_costs_one_request"
        " going_on::TestUnfinished.another_token_is_good_after_a_401"
        " faults_statuses::401_in_mid_run_keeps_what_was_accepted_and_goes_on_with_a_new_token",
    "400 because of one row":
        "faults_statuses::400_because_of_one_row_isolates_it"
        " faults_statuses::400_for_one_row_of_identify_file",
    "400 for every row":
        "faults_statuses::400_for_every_row_rejects_nothing"
        " faults_statuses::400_for_every_row_of_a_small_file"
        " faults_statuses::400_for_every_row_of_identify_file",
    "413 over N events, or over N bytes, with and without `limit`":
        "faults_size::413_with_limit_costs_one_request faults_size::413_without_limit_is_remembered"
        " faults_size::413_over_both_events_and_bytes",
    "413 on one single row": "faults_size::413_on_one_single_row",
    "415": "faults_statuses::415_and_what_the_api_never_answers_cost_one_request",
    "207 with `queue_failed`, then fine":
        "faults_statuses::207_with_queue_failed_sends_only_those_rows_again",
    "207 with `invalid_event`": "faults_statuses::207_with_invalid_event_names_line_code_and_message",
    "200/207 whose results miss, repeat or disorder indexes, or whose `accepted` is short":
        "faults_answers::an_answer_that_does_not_add_up_is_asked_again"
        " faults_answers::an_answer_that_never_adds_up_stops_with_8",
    "200 with HTML (captive portal), 204, empty body":
        "faults_answers::an_answer_that_never_adds_up_stops_with_8"
        " faults_answers::nonsense_in_mid_run_with_many_workers",
    "accepted by the server, connection cut before the answer":
        "faults_answers::accepted_by_the_server_and_cut_before_the_answer",
    "truncated answer, reset in mid-upload, stale keep-alive":
        "faults_answers::truncated_answer_reset_in_mid_upload_and_stale_keep_alive",
    "server hangs; answer drips a byte a second":
        "faults_answers::hanging_server_and_answer_that_drips_from_its_headers_on"
        " faults_network::body_of_the_answer_drips",
    "refused, then up / name not found": "faults_network::refused_then_up faults_network::name_not_found",
    "301, 302, 303, 307, 308 to another host": "faults_redirects_tls::redirect_to_another_host",
    "self-signed, expired, wrong-host certificate":
        "faults_redirects_tls::certificate_that_is_not_to_be_trusted",
    "`http://` to a host that is not loopback":
        "faults_network::plain_http_to_another_machine_is_refused",
    "proxy with credentials fails": "faults_network::proxy_with_credentials_fails",
    "SIGKILL at random moments, many times over, faults on":
        "kills::killed_at_random_moments kills::killed_25_times kills::killed_hundreds_of_times",
    "SIGKILL between answer, rejects and journal": "kills::killed_between_two_steps",
    "SIGINT while sending, while backing off; twice; SIGTERM":
        "faults_signals::sigint_while_every_sender_waits_for_its_answer"
        " faults_signals::sigint_while_backing_off"
        " faults_signals::sigint_twice_ends_at_once faults_signals::sigterm",
    "stdout closed by `head -1` / full disk on stdout":
        "faults_local::stdout_closed faults_local::full_disk_on_stdout",
    "disk full under rejects or journal":
        "faults_local::disk_full_under_rejects fault_matrix::disk_full_under_the_journal",
    "journal truncated or garbled": "going_on::TestUnfinished.a_damaged_journal",
    "two processes on one run": "going_on::two_processes_on_one_run",
    "file of an unfinished run: row edited / appended to / renamed / truncated":
        "going_on::TestUnfinished.an_edited_row going_on::TestUnfinished.a_file_that_grew"
        " going_on::TestUnfinished.a_file_that_was_renamed going_on::TestUnfinished.a_file_that_was_cut",
    "file of a finished run replaced (nightly cron)": "going_on::TestFinished.replaced_it_is_a_new_run",
    "stdin killed half-way, replayed": "going_on::TestStandardInput.replayed_it_goes_on",
    "unclosed quote":
        "fault_matrix::an_unclosed_quote source_csv::a_malformed_row_leaves_its_neighbours_alone",
    "BOM, UTF-16, latin-1, NUL, invalid UTF-8 in one row":
        "fault_matrix::encodings source_streams::unicode_is_detected"
        " source_streams::the_encoding_told_is_used"
        " source_csv::invalid_utf8_in_one_row_rejects_that_row_with_its_bytes",
    "ragged rows, duplicate or empty headers, blank lines, totals row":
        "source_csv::line_numbers_hold_after_quoted_newlines_and_blank_lines"
        " source_csv::a_ragged_row_is_kept_whole"
        " template::twice_named_and_nameless_columns_fail_only_when_used",
    "NaN, 1e400, duplicate keys, lone surrogates, nesting 100,000 deep, an integer of 5,000 digits":
        "source_json::what_could_not_be_sent_unaltered_is_rejected fault_matrix::json_that_is_none",
    "integers beyond 64 bits, duplicate keys that a fast parser would swallow":
        "batch::numbers_that_are_ids_keep_their_digits source_json::digits_are_kept"
        " fault_matrix::json_that_is_none",
    "a 20 MB cell, a 2 GB file, last line without newline":
        "fault_matrix::a_giant_row_and_a_last_line_without_end source_csv::a_cell_of_twenty_megabytes_is_read"
        " source_streams::memory_stays_flat_over_200_megabytes",
    "empty file, header only": "bad_input::nothing_to_do_is_exit_0 bad_input::an_empty_pipe_is_exit_0",
    "given distinctId repeated, same content / other content": "batch::TestDistinctIds.given_ids_that_repeat",
    "time in the future, 8 days old, in seconds, ambiguous, in a DST gap":
        "batch::times_of_all_kinds batch::rejects backfill::an_ambiguous_date_says_which_flags_settle_it"
        " timestamps::TestDaylightSaving.gap timestamps::TestEpoch.unit_is_told_by_size",
    "terminal escapes, bidi marks in file name, header, cell, server message":
        "terminal::TestForeignText.file_names terminal::TestForeignText.headers"
        " terminal::TestForeignText.rows"
        " terminal::TestForeignText.server_messages",
    "config readable by others, rejects path a symlink":
        "settings::TestConfig.others_must_not_read_it faults_local::rejects_path_is_a_symlink",
    "1,000,000 rows": "fault_matrix::memory_is_flat fault_matrix::memory_is_flat_over_a_million_rows",
}
# fmt: on


def rows_of_the_matrix() -> list[str]:
    lines = MATRIX.read_text("utf-8").splitlines()
    table = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    return [cell for cell in table if cell != "fault or input"]


@cache
def names_in(name: str) -> set[str]:
    """The tests of a file: `test`, and `Class.test` for those in classes, without `test_`."""
    found: set[str] = set()
    for node in ast.parse((HERE / f"test_{name}.py").read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            inner = [part.name for part in node.body if isinstance(part, ast.FunctionDef)]
            found |= {f"{node.name}.{each.removeprefix('test_')}" for each in inner if each[:5] == "test_"}
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found.add(node.name.removeprefix("test_"))
    return found


@pytest.mark.skipif(not MATRIX.is_file(), reason="the matrix is not beside the project")
def test_every_row_is_here_and_no_other() -> None:
    assert rows_of_the_matrix() == list(HELD_BY)


@pytest.mark.parametrize("row", HELD_BY)
def test_every_row_is_held(row: str) -> None:
    for name in HELD_BY[row].split():
        file, _, test = name.partition("::")
        assert test in names_in(file), name


# --- the rows that had no other home ----------------------------------------------------------------------


def test_disk_full_under_the_journal(sandbox: StartSandbox, ours: Ours, tmp_path: Path) -> None:
    """What the journal could not take does not count as done, and is sent again once there is room."""
    box = sandbox()
    file = rows_file(tmp_path, 1200)
    # Slow enough for many commits: those of a short run wait for each other.
    command = ("batch", file, "--batch-size", 5, "--concurrency", 2, "--rate", 400, *QUICK)
    ended = run_into(subprocess.PIPE, *command, file_bytes_max=48_000)
    assert ended.code == 7
    assert "journal" in ended.err
    assert_no_leak(ended)
    reported = ended.json
    assert reported["read"] == reported["accepted"] + reported["unsent"]
    assert 0 < reported["accepted"] < 1200
    settled(ours(*command), 0, accepted=1200)
    assert stored(box) == ids(1200)


FIELDS = ("--event", "E", "--time", "{when}", "--external-id", "{id}", "--distinct-id", "{id}", "-o", "json")


def table(*cells: str) -> str:
    return "\n".join(["when,id,note", *(f"{iso(1)},{cell}" for cell in cells)]) + "\n"


def test_an_unclosed_quote(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox()
    file = tmp_path / "o.csv"
    file.write_text(table("a,x", 'b,"never closed', "c,x", "d,y"))
    report = settled(ours("backfill", file, *FIELDS), 3, accepted=3, rejected=1)
    assert report["reject_codes"] == {"unclosed_quote": 1}
    assert ",3," in Path(report["rejects_file"]).read_text().splitlines()[1]
    assert stored(box) == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("encoding", "flags", "rejected"),
    [
        ("utf-8-sig", (), 0),
        ("utf-16", (), 0),
        ("utf-16-le", ("--encoding", "utf-16-le"), 0),
        ("latin-1", ("--encoding", "latin-1"), 0),
        ("mixed", (), 1),
        ("nul", (), 1),
    ],
)
def test_encodings(
    ours: Ours, sandbox: StartSandbox, tmp_path: Path, encoding: str, flags: tuple[str, ...], rejected: int
) -> None:
    box = sandbox()
    text = table("a,café", "b,naïve", "c,plain", "d,x")
    if encoding == "mixed":
        content = text.encode().replace("naïve".encode(), "naïve".encode("latin-1"))
    elif encoding == "nul":
        content = text.encode().replace("naïve".encode(), b"na\0ve")
    else:
        content = text.encode(encoding)
    file = tmp_path / "o.csv"
    file.write_bytes(content)
    ended = ours("backfill", file, *FIELDS, *flags, "-p", "note={note}")
    settled(ended, 3 if rejected else 0, accepted=4 - rejected, rejected=rejected)
    notes = {event.distinct_id: event.body["eventProperties"]["note"] for event in box.events()}
    whole = {"a": "café", "b": "naïve", "c": "plain", "d": "x"}
    assert notes == {name: note for name, note in whole.items() if not rejected or name != "b"}


def test_json_that_is_none(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    """Each is rejected at its line or arrives with its digits; nothing crashes and nothing is altered."""
    box = sandbox()
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    wrong = ["NaN", "1e400", '{"k":1,"k":2}', '"\\ud800"', deep, "7" * 5000]
    big = 123456789012345678901234567890
    lines = [f'{{"event":"E","externalId":"p","eventProperties":{{"v":{value}}}}}' for value in wrong]
    lines.append(f'{{"event":"E","externalId":"p","distinctId":"d","eventProperties":{{"v":{big}}}}}')
    file = tmp_path / "rows.ndjson"
    file.write_text("\n".join(lines) + "\n")
    report = settled(ours("batch", file, "-o", "json"), 3, accepted=1, rejected=len(wrong))
    assert [line["_line"] for line in reject_lines(report)] == list(range(1, len(wrong) + 1))
    (event,) = box.events()
    assert event.body["eventProperties"]["v"] == str(big)


def test_a_giant_row_and_a_last_line_without_end(ours: Ours, sandbox: StartSandbox, tmp_path: Path) -> None:
    box = sandbox()
    row = {"event": "E", "externalId": "p"}
    giant = {**row, "distinctId": "big", "eventProperties": {"cell": "x" * 20_000_000}}
    file = tmp_path / "rows.ndjson.gz"
    rows = [{**row, "distinctId": "a"}, giant, {**row, "distinctId": "z"}]
    file.write_bytes(gzip.compress("\n".join(json.dumps(each) for each in rows).encode(), 1, mtime=0))
    report = settled(ours("batch", file, "-o", "json"), 3, accepted=2, rejected=1)
    assert list(report["reject_codes"]) == ["too_large"]
    assert stored(box) == ["a", "z"]


PEAK = (
    "import resource, sys\n"
    "from ours_cli.boundary import run\n"
    "code = run(sys.argv[1:])\n"
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)\n"
    "sys.exit(code)\n"
)


def peak_mb(folder: Path, count: int) -> int:
    """Send so many rows from a process of its own; returns the most memory it ever had, in MiB."""
    file = folder / f"{count}.ndjson"
    with file.open("w") as stream:
        stream.writelines(f'{{"event":"E","externalId":"p","distinctId":"{n}"}}\n' for n in range(count))
    command = [sys.executable, "-c", PEAK, "batch", str(file), "-o", "json", "--concurrency", "4"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accepted"] == count
    return int(done.stderr.split()[-1])


def test_memory_is_flat(sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox()
    assert peak_mb(tmp_path, 60_000) < peak_mb(tmp_path, 6_000) + 16


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_memory_is_flat_over_a_million_rows(sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox()
    few, many = peak_mb(tmp_path, 10_000), peak_mb(tmp_path, 1_000_000)
    print(f"{few} MiB for 10,000 rows, {many} MiB for 1,000,000")  # noqa: T201 - the figure is the point
    assert many < few + 32
