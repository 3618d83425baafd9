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


def _option(usage: str, text: str, **more: Any) -> Any:
    """An option with its help; its `usage` is as help shows it, `-u --user-property NAME=TEXT`."""
    words = usage.split()
    metavar = None if words[-1].startswith("-") else words.pop()
    more.setdefault("autocompletion", BY_FLAG.get(words[-1]) or fixed_words(metavar or ""))
    return typer.Option(*words, metavar=metavar, help=text, **more)


class VisitorFields(NamedTuple):
    """Whose event it is, and visitor properties."""

    user_id: Annotated[
        str | None, _option("--user-id TEXT", "userId: the Ours visitor id (not your own id).")
    ] = None
    external_id: Annotated[
        str | None, _option("--external-id TEXT", "externalId: your own id for the person.")
    ] = None
    email: Annotated[str | None, _option("--email TEXT", "email: the fallback for finding the person.")] = (
        None
    )
    user_property: Annotated[
        list[str] | None, _option("-u --user-property NAME=TEXT", "Visitor property; NAME:=JSON. Repeatable.")
    ] = None
    default_property: Annotated[
        list[str] | None,
        _option("-d --default-property NAME=TEXT", "Default property (utm_source, ...). Repeatable."),
    ] = None
    ip: Annotated[str | None, _option("--ip TEXT", "The end user's address (with --user-agent).")] = None
    user_agent: Annotated[str | None, _option("--user-agent TEXT", "The end user's browser (with --ip).")] = (
        None
    )
    clear: Annotated[
        list[str] | None, _option("--clear NAME", "Clear this visitor property (sends null). Repeatable.")
    ] = None


class EventFields(NamedTuple):
    """What happened."""

    distinct_id: Annotated[
        str | None,
        _option("--distinct-id TEXT", "distinctId: the event's own id; the API counts an id once."),
    ] = None
    time: Annotated[str | None, _option("--time TEXT", "When it happened.")] = None
    property: Annotated[
        list[str] | None,
        _option("-p --property NAME=TEXT", "Event property; NAME:=JSON for JSON. Repeatable."),
    ] = None


class MappingFlags(NamedTuple):
    """How columns become fields."""

    map: Annotated[str | None, _option("--map FILE.toml", "File of templates; flags override it.")] = None
    preset: Annotated[
        str | None,
        _option(
            "--preset NAME",
            "Built-in map for a well-known export; flags override it.",
            autocompletion=_preset_names,
        ),
    ] = None
    list_presets: Annotated[
        bool, _option("--list-presets", "Show the presets and exit.", callback=_list_presets)
    ] = False
    hmac_key_file: Annotated[
        str | None, _option("--hmac-key-file PATH", "Key of the hmac filter (default: OURS_HMAC_KEY).")
    ] = None


class Reading(NamedTuple):
    """How files are read."""

    format: Annotated[
        str | None, _option("--format csv|tsv|ndjson|jsonl|json", "File format; default: detected.")
    ] = None
    delimiter: Annotated[
        str | None, _option("--delimiter CHAR", "Character between cells; default: detected.")
    ] = None
    quote: Annotated[
        str | None, _option("--quote CHAR|none", "Character around cells; default: the double quote.")
    ] = None
    encoding: Annotated[
        str | None, _option("--encoding NAME", "Text encoding; default: detected, else UTF-8.")
    ] = None
    skip_lines: Annotated[int | None, _option("--skip-lines N", "Skip N lines before the header.", min=0)] = (
        None
    )
    header_row: Annotated[
        int | None, _option("--header-row N", "Line N is the header; skip the lines above it.", min=1)
    ] = None
    no_header: Annotated[
        bool, _option("--no-header", "The first row is data; the columns are {1}, {2}, ...")
    ] = False
    limit: Annotated[int | None, _option("--limit N", "Stop reading after N rows.", min=0)] = None


class RowFilters(NamedTuple):
    """Which rows are sent."""

    where: Annotated[
        list[str] | None,
        _option(
            "--where COLUMN=VALUE", "Only rows that match; also != and ~REGEX. Repeatable: all must match."
        ),
    ] = None
    sample: Annotated[
        str | None, _option("--sample RATE", "Only this share of the rows (0.1 or 10%), chosen by id.")
    ] = None


class Period(NamedTuple):
    """Which period is sent."""

    since: Annotated[str | None, _option("--since TIME", "Only events at this time or later.")] = None
    until: Annotated[str | None, _option("--until TIME", "Only events before this time.")] = None


class TimeFlags(NamedTuple):
    """How times are read."""

    tz: Annotated[
        str | None, _option("--tz ZONE", "Zone of times that state none: a name, or '{column}'.")
    ] = None
    time_format: Annotated[str | None, _option("--time-format FORMAT", "A strptime format, or excel.")] = None
    day_first: Annotated[bool, _option("--day-first", "03/04/2026 is the 3rd of April.")] = False
    month_first: Annotated[bool, _option("--month-first", "03/04/2026 is the 4th of March.")] = False
    epoch_unit: Annotated[
        str | None, _option("--epoch-unit s|ms|us|ns", "Unit of epoch numbers; other units are rejected.")
    ] = None
    dst: Annotated[
        str | None, _option("--dst earlier|later", "How to read local times that happened twice or never.")
    ] = None
    max_age: Annotated[
        str | None, _option("--max-age DURATION|none", "Oldest time the account takes; default: 7d.")
    ] = None


CaFile = Annotated[
    str | None, _option("--ca-file PATH", "PEM file of the CAs to trust instead of the system's.")
]


class Sending(NamedTuple):
    """Requests: how long one may take, and how long to try."""

    timeout: Annotated[
        float, _option("--timeout DURATION", "Limit for one whole request.", parser=_duration)
    ] = 30.0
    give_up_after: Annotated[
        float | None,
        _option("--give-up-after DURATION", "Stop after this long without progress.", parser=_duration),
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
            "--batch-size N",
            f"Events per request; default: {BATCH_EVENTS}, then {BATCH_EVENTS_MAX:,} if all goes well.",
            min=1,
        ),
    ] = None
    batch_bytes: Annotated[int, _option("--batch-bytes N", "Bytes per request.", min=1)] = BATCH_BYTES
    concurrency: Annotated[str, _option("--concurrency N|auto", "Requests in flight at once.")] = "auto"
    workers: Annotated[str, _option("--workers N|auto", "Processes that map rows, for large files.")] = "1"
    rate: Annotated[float | None, _option("--rate N", "Maximum events per second, over all requests.")] = None
    flush_every: Annotated[
        float,
        _option(
            "--flush-every DURATION",
            "On standard input, the longest an event waits for its batch to fill.",
            parser=_duration,
        ),
    ] = 1.0
    canary: Annotated[
        int | None, _option("--canary N", "Send N rows first; continue only if all are accepted.", min=1)
    ] = None
    max_rejects: Annotated[
        str | None, _option("--max-rejects N|P%", "Stop once more rows than this are rejected.")
    ] = None
    expect: Annotated[int | None, _option("--expect N", "Fail unless exactly N rows were read.", min=0)] = (
        None
    )
    rejects: Annotated[
        str | None,
        _option("--rejects PATH|-", "File for rejects; - writes NDJSON to stdout, the report to stderr."),
    ] = None
    report: Annotated[str | None, _option("--report PATH", "Write the JSON result to this file too.")] = None


class Resuming(NamedTuple):
    """Which run to resume. Without a flag, an unfinished run of the same command is found."""

    resume: Annotated[str | None, _option("--resume RUN", "Resume this run (see ours runs list).")] = None
    restart: Annotated[bool, _option("--restart", "Start a new run, whatever earlier ones did.")] = False
    shard: Annotated[
        str | None, _option("--shard K/N", "Only the rows of shard K of N; K counts from 0.")
    ] = None


TokenFile = Annotated[
    str | None, _option("--token-file PATH|-", "File with the source API key; - is standard input.")
]
RefusedToken = Annotated[str | None, _option("--token", "Refused.", hidden=True, callback=_refuse_token)]
Profile = Annotated[str | None, _option("--profile NAME", "A profile of the config file.")]
TestMode = Annotated[
    bool, _option("--test", "Use the Test Mode key: events are stored and shown, never dispatched.")
]
BaseUrl = Annotated[str | None, _option("--base-url URL", "Another Ingest API.")]


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
    sandbox: Annotated[bool, _option("--sandbox", "Send to a fresh local sandbox; needs no token.")] = False
    dry_run: Annotated[bool, _option("--dry-run", "Send nothing; show what would be sent.")] = False


ProbeTimeout = Annotated[float, _option("--timeout DURATION", "Limit for each step.", parser=_duration)]
OutputFormat = Annotated[Output, _option("-o --output", "How to print the result.", is_eager=True)]


class Showing(NamedTuple):
    """What is printed."""

    output: OutputFormat = Output.text
    quiet: Annotated[bool, _option("-q --quiet", "No progress and no notes on stderr.")] = False
    verbose: Annotated[bool, _option("-v --verbose", "More on stderr: pauses, status, timing.")] = False


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
        "Show a bar on a terminal; elsewhere, --progress or -v prints a line every 10 s.",
    ),
]
Data = Annotated[str | None, _option("--data JSON|@FILE|@-", "The whole body; the other flags override it.")]
Curl = Annotated[
    bool, _option("--curl", "Send nothing; print the equivalent curl command, without the token.")
]
Exclude = Annotated[
    list[str] | None,
    _option(
        "--exclude COLUMN", "Leave this column, or path, out of -p '*' and of whole objects. Repeatable."
    ),
]
SendNulls = Annotated[
    bool, _option("--send-nulls", "Send nulls as they are: they clear what the API has stored.")
]
