"""The flags that commands share, in groups: each flag is spelled and explained once.

A command takes whole groups (`reading: Reading, sending: Sending`); see `option_groups`. Groups are named
tuples: each frozen dataclass takes a millisecond more to define. Annotations are evaluated directly (no
`from __future__ import annotations`), since a named tuple would compile the text of each.
"""

from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import typer

from ours_cli.cli.completion import BY_FLAG, fixed_words
from ours_cli.contract import BATCH_BYTES, BATCH_EVENTS, BATCH_EVENTS_MAX
from ours_cli.wording.durations import parse_duration


class Output(StrEnum):
    """How the result is written."""

    text = "text"
    json = "json"


def _duration(text: str | float) -> float:
    """Read `90s`, `5m`, `2h`, or bare seconds; Typer passes defaults through as they are."""
    if not isinstance(text, str):
        return text
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if seconds <= 0:
        raise typer.BadParameter("a duration must be more than nothing, like 90s")
    return seconds


def _refuse_token(value: str | None) -> None:
    """`--token VALUE` is refused with the reason; the value is not looked at."""
    if value is not None:
        from ours_cli.cli.usage_errors import no_token_flag

        raise no_token_flag()


def _preset_names() -> list[str]:
    from ours_cli.mapping.presets import preset_names

    return list(preset_names())


def _list_presets(context: typer.Context, wanted: bool) -> None:
    # `-o` is eager, so that it is known here wherever it is; FILE comes later and is not missed.
    if wanted and not context.resilient_parsing:
        from ours_cli.mapping.presets import preset_list, preset_objects
        from ours_cli.wording.escape import json_text

        as_json = context.params.get("output") == Output.json
        typer.echo(json_text({"presets": preset_objects()}) if as_json else preset_list())
        raise typer.Exit


def _option(*flags: str, metavar: str | None = None, text: str, **more: Any) -> Any:
    more.setdefault("autocompletion", BY_FLAG.get(flags[-1]) or fixed_words(metavar or ""))
    return typer.Option(*flags, metavar=metavar, help=text, **more)


class VisitorFields(NamedTuple):
    """Whose event it is, and visitor properties."""

    user_id: Annotated[
        str | None,
        _option("--user-id", metavar="TEXT", text="userId: the Ours visitor id (not your own id)."),
    ] = None
    external_id: Annotated[
        str | None, _option("--external-id", metavar="TEXT", text="externalId: your own id for the person.")
    ] = None
    email: Annotated[
        str | None, _option("--email", metavar="TEXT", text="email: the fallback for finding the person.")
    ] = None
    user_property: Annotated[
        list[str] | None,
        _option(
            "-u", "--user-property", metavar="NAME=TEXT", text="Visitor property; NAME:=JSON. Repeatable."
        ),
    ] = None
    default_property: Annotated[
        list[str] | None,
        _option(
            "-d",
            "--default-property",
            metavar="NAME=TEXT",
            text="Default property (utm_source, ...). Repeatable.",
        ),
    ] = None
    ip: Annotated[
        str | None, _option("--ip", metavar="TEXT", text="The end user's address (with --user-agent).")
    ] = None
    user_agent: Annotated[
        str | None, _option("--user-agent", metavar="TEXT", text="The end user's browser (with --ip).")
    ] = None
    clear: Annotated[
        list[str] | None,
        _option("--clear", metavar="NAME", text="Clear this visitor property (sends null). Repeatable."),
    ] = None


class EventFields(NamedTuple):
    """What happened."""

    distinct_id: Annotated[
        str | None,
        _option(
            "--distinct-id", metavar="TEXT", text="distinctId: the event's own id; the API counts an id once."
        ),
    ] = None
    time: Annotated[str | None, _option("--time", metavar="TEXT", text="When it happened.")] = None
    property: Annotated[
        list[str] | None,
        _option(
            "-p", "--property", metavar="NAME=TEXT", text="Event property; NAME:=JSON for JSON. Repeatable."
        ),
    ] = None


class MappingFlags(NamedTuple):
    """How columns become fields."""

    map: Annotated[
        str | None, _option("--map", metavar="FILE.toml", text="File of templates; flags override it.")
    ] = None
    preset: Annotated[
        str | None,
        _option(
            "--preset",
            metavar="NAME",
            autocompletion=_preset_names,
            text="Built-in map for a well-known export; flags override it.",
        ),
    ] = None
    list_presets: Annotated[
        bool,
        _option("--list-presets", callback=_list_presets, text="Show the presets and exit."),
    ] = False
    hmac_key_file: Annotated[
        str | None,
        _option("--hmac-key-file", metavar="PATH", text="Key of the hmac filter (default: OURS_HMAC_KEY)."),
    ] = None


class Reading(NamedTuple):
    """How files are read."""

    format: Annotated[
        str | None,
        _option("--format", metavar="csv|tsv|ndjson|jsonl|json", text="File format; default: detected."),
    ] = None
    delimiter: Annotated[
        str | None, _option("--delimiter", metavar="CHAR", text="Character between cells; default: detected.")
    ] = None
    quote: Annotated[
        str | None,
        _option("--quote", metavar="CHAR|none", text="Character around cells; default: the double quote."),
    ] = None
    encoding: Annotated[
        str | None,
        _option("--encoding", metavar="NAME", text="Text encoding; default: detected, else UTF-8."),
    ] = None
    skip_lines: Annotated[
        int | None, _option("--skip-lines", min=0, metavar="N", text="Skip N lines before the header.")
    ] = None
    header_row: Annotated[
        int | None,
        _option("--header-row", min=1, metavar="N", text="Line N is the header; skip the lines above it."),
    ] = None
    no_header: Annotated[
        bool, _option("--no-header", text="The first row is data; the columns are {1}, {2}, ...")
    ] = False
    limit: Annotated[
        int | None, _option("--limit", min=0, metavar="N", text="Stop reading after N rows.")
    ] = None


class RowFilters(NamedTuple):
    """Which rows are sent."""

    where: Annotated[
        list[str] | None,
        _option(
            "--where",
            metavar="COLUMN=VALUE",
            text="Only rows that match; also != and ~REGEX. Repeatable: all must match.",
        ),
    ] = None
    sample: Annotated[
        str | None,
        _option("--sample", metavar="RATE", text="Only this share of the rows (0.1 or 10%), chosen by id."),
    ] = None


class Period(NamedTuple):
    """Which period is sent."""

    since: Annotated[
        str | None, _option("--since", metavar="TIME", text="Only events at this time or later.")
    ] = None
    until: Annotated[str | None, _option("--until", metavar="TIME", text="Only events before this time.")] = (
        None
    )


class TimeFlags(NamedTuple):
    """How times are read."""

    tz: Annotated[
        str | None,
        _option("--tz", metavar="ZONE", text="Zone of times that state none: a name, or '{column}'."),
    ] = None
    time_format: Annotated[
        str | None, _option("--time-format", metavar="FORMAT", text="A strptime format, or excel.")
    ] = None
    day_first: Annotated[bool, _option("--day-first", text="03/04/2026 is the 3rd of April.")] = False
    month_first: Annotated[bool, _option("--month-first", text="03/04/2026 is the 4th of March.")] = False
    epoch_unit: Annotated[
        str | None,
        _option(
            "--epoch-unit", metavar="s|ms|us|ns", text="Unit of epoch numbers; other units are rejected."
        ),
    ] = None
    dst: Annotated[
        str | None,
        _option(
            "--dst", metavar="earlier|later", text="How to read local times that happened twice or never."
        ),
    ] = None
    max_age: Annotated[
        str | None,
        _option("--max-age", metavar="DURATION|none", text="Oldest time the account takes; default: 7d."),
    ] = None


CaFile = Annotated[
    str | None,
    _option("--ca-file", metavar="PATH", text="PEM file of the CAs to trust instead of the system's."),
]


class Sending(NamedTuple):
    """Requests: how long one may take, and how long to try."""

    timeout: Annotated[
        float, _option("--timeout", metavar="DURATION", parser=_duration, text="Limit for one whole request.")
    ] = 30.0
    give_up_after: Annotated[
        float | None,
        _option(
            "--give-up-after",
            metavar="DURATION",
            parser=_duration,
            text="Stop after this long without progress.",
        ),
    ] = None
    ca_file: CaFile = None

    @property
    def deadline(self) -> float:
        """Seconds that one request may take: no more than the time after which the command gives up."""
        return self.timeout if self.give_up_after is None else min(self.timeout, self.give_up_after)


class Batching(NamedTuple):
    """Batches, rejects and reports."""

    batch_size: Annotated[
        int | None,
        _option(
            "--batch-size",
            min=1,
            metavar="N",
            text=f"Events per request; default: {BATCH_EVENTS}, then {BATCH_EVENTS_MAX:,} if all goes well.",
        ),
    ] = None
    batch_bytes: Annotated[int, _option("--batch-bytes", min=1, metavar="N", text="Bytes per request.")] = (
        BATCH_BYTES
    )
    concurrency: Annotated[
        str, _option("--concurrency", metavar="N|auto", text="Requests in flight at once.")
    ] = "auto"
    workers: Annotated[
        str, _option("--workers", metavar="N|auto", text="Processes that map rows, for large files.")
    ] = "1"
    rate: Annotated[
        float | None, _option("--rate", metavar="N", text="Maximum events per second, over all requests.")
    ] = None
    flush_every: Annotated[
        float,
        _option(
            "--flush-every",
            metavar="DURATION",
            parser=_duration,
            text="On standard input, the longest an event waits for its batch to fill.",
        ),
    ] = 1.0
    canary: Annotated[
        int | None,
        _option("--canary", min=1, metavar="N", text="Send N rows first; continue only if all are accepted."),
    ] = None
    max_rejects: Annotated[
        str | None,
        _option("--max-rejects", metavar="N|P%", text="Stop once more rows than this are rejected."),
    ] = None
    expect: Annotated[
        int | None, _option("--expect", min=0, metavar="N", text="Fail unless exactly N rows were read.")
    ] = None
    rejects: Annotated[
        str | None,
        _option(
            "--rejects",
            metavar="PATH|-",
            text="File for rejects; - writes NDJSON to stdout, the report to stderr.",
        ),
    ] = None
    report: Annotated[
        str | None, _option("--report", metavar="PATH", text="Write the JSON result to this file too.")
    ] = None


class Resuming(NamedTuple):
    """Which run to resume. Without a flag, an unfinished run of the same command is found."""

    resume: Annotated[
        str | None, _option("--resume", metavar="RUN", text="Resume this run (see ours runs list).")
    ] = None
    restart: Annotated[bool, _option("--restart", text="Start a new run, whatever earlier ones did.")] = False
    shard: Annotated[
        str | None,
        _option("--shard", metavar="K/N", text="Only the rows of shard K of N; K counts from 0."),
    ] = None


TokenFile = Annotated[
    str | None,
    _option("--token-file", metavar="PATH|-", text="File with the source API key; - is standard input."),
]
RefusedToken = Annotated[str | None, _option("--token", text="Refused.", hidden=True, callback=_refuse_token)]
Profile = Annotated[str | None, _option("--profile", metavar="NAME", text="A profile of the config file.")]
TestMode = Annotated[
    bool, _option("--test", text="Use the Test Mode key: events are stored and shown, never dispatched.")
]
BaseUrl = Annotated[str | None, _option("--base-url", metavar="URL", text="Another Ingest API.")]


class Account(NamedTuple):
    """Which Ingest API, and with which key."""

    token_file: TokenFile = None
    token: RefusedToken = None
    profile: Profile = None
    test: TestMode = False
    base_url: BaseUrl = None


class Target(NamedTuple):
    """Where events go, and with which key: an `Account`, or a rehearsal without one."""

    token_file: TokenFile = None
    token: RefusedToken = None
    profile: Profile = None
    test: TestMode = False
    base_url: BaseUrl = None
    sandbox: Annotated[bool, _option("--sandbox", text="Send to a fresh local sandbox; needs no token.")] = (
        False
    )
    dry_run: Annotated[bool, _option("--dry-run", text="Send nothing; show what would be sent.")] = False


ProbeTimeout = Annotated[
    float, _option("--timeout", metavar="DURATION", parser=_duration, text="Limit for each step.")
]
OutputFormat = Annotated[Output, _option("-o", "--output", is_eager=True, text="How to print the result.")]


class Showing(NamedTuple):
    """What is printed."""

    output: OutputFormat = Output.text
    quiet: Annotated[bool, _option("-q", "--quiet", text="No progress and no notes on stderr.")] = False
    verbose: Annotated[bool, _option("-v", "--verbose", text="More on stderr: pauses, status, timing.")] = (
        False
    )


class RunFlags(NamedTuple):
    """What every command over rows takes, whatever its rows are and how they are mapped."""

    target: Target
    sending: Sending
    batching: Batching
    resuming: Resuming
    showing: Showing


ProgressFlag = Annotated[
    bool | None,
    _option(
        "--progress/--no-progress",
        text="Show a bar on a terminal; elsewhere, --progress or -v prints a line every 10 s.",
    ),
]
Data = Annotated[
    str | None,
    _option("--data", metavar="JSON|@FILE|@-", text="The whole body; the other flags override it."),
]
Curl = Annotated[
    bool, _option("--curl", text="Send nothing; print the equivalent curl command, without the token.")
]
Exclude = Annotated[
    list[str] | None,
    _option(
        "--exclude",
        metavar="COLUMN",
        text="Leave this column, or path, out of -p '*' and of whole objects. Repeatable.",
    ),
]
SendNulls = Annotated[
    bool, _option("--send-nulls", text="Send nulls as they are: they clear what the API has stored.")
]
