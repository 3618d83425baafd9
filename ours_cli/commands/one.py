"""Sending one body, or one for each line of standard input: shared by `track` and `identify`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, NamedTuple

from ours_cli.console import Console
from ours_cli.destination import Destination, destination, endpoint_flags
from ours_cli.errors import ExitCode, OursError, UsageError
from ours_cli.escape import json_text, printable
from ours_cli.garbage import collect_as_usual
from ours_cli.mapping.serialize import serialize
from ours_cli.mapping.validate import Fault
from ours_cli.options import Output, Sending, Showing, Target
from ours_cli.sending.route import Route
from ours_cli.settings import resolve_base_url, token_variable
from ours_cli.signals import Interrupted, interruptible
from ours_cli.single.body import in_api_order, single_message
from ours_cli.single.curl import curl_command
from ours_cli.single.send import GIVE_UP_AFTER_S, RefusedError, SingleOptions, Tries, masked, send


class Body(NamedTuple):
    """One body to send, the id that its result names, and what the person should know about it.

    `is_id_made` says that the id is a random one, which the person does not have.
    """

    fields: dict[str, Any]
    distinct_id: str | None
    warnings: Sequence[str] = ()
    is_id_made: bool = False


class Singly:
    """How bodies go to one endpoint, a request each, or are merely shown (`--dry-run`, `--curl`).

    Raises `UsageError` for `--curl` with `--sandbox`.
    """

    def __init__(self, route: Route, target: Target, sending: Sending, showing: Showing, curl: bool) -> None:
        if curl and target.sandbox:
            raise UsageError(
                "--curl has nowhere to point at: --sandbox is gone when this command ends",
                hint="start ours sandbox, and give its address with --base-url",
            )
        self.route = route
        self.target = target
        self.sending = sending
        self.showing = showing
        self.curl = curl


def send_one(way: Singly, body: Body) -> int:
    """Send one body, or show it; prints the result and returns the exit code."""
    console = _console(way)
    serialized = _serialized(body, console)
    if way.curl or way.target.dry_run:
        console.result(_curl(way, serialized, console) if way.curl else masked(serialized))
        return 0
    with destination(way.target, None) as place:
        try:
            _send(way, body, serialized, place, console)
        except RefusedError as error:
            _explain(error, console)
            raise
    _tell_of_sandbox(way, console)
    return 0


def send_lines(way: Singly, lines: Iterable[bytes], read: Callable[[bytes], Body]) -> int:
    """Send a body for each line, in order, each before the next line is read; returns the exit code.

    A line that cannot be sent, or that the server refuses, is reported and skipped (exit 3 at the end);
    an error that would stop the next line as well ends the command.
    """
    collect_as_usual()
    console = _console(way)
    shows = way.curl or way.target.dry_run
    failed, is_empty = False, True
    with nullcontext() if shows else destination(way.target, None) as place:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            is_empty = False
            try:
                body = read(line)
                serialized = _serialized(body, console)
            except UsageError as error:
                failed = True
                _refuse(way, console, number, error)
                continue
            try:
                if place is None:
                    shown = _curl(way, serialized, console) if way.curl else masked(serialized, indent=None)
                    console.result(shown)
                else:
                    _send(way, body, serialized, place, console, number)
            except RefusedError as error:
                failed = True
                console.error(_at(number, error))
            except OursError as error:
                raise _at(number, error) from None
    if is_empty:
        console.warn("standard input holds no rows")
    if not shows:
        _tell_of_sandbox(way, console)
    return int(ExitCode.REJECTED if failed else ExitCode.OK)


def _explain(error: RefusedError, console: Console) -> None:
    """Show what the server says to whoever asks for it; of lines that are piped in it may quote anything."""
    if not error.said:
        return
    if console.verbose:
        console.detail(f"the server says: {error.said}")
    else:
        error.hint = f"{error.hint}; -v shows what the server says"


def _console(way: Singly) -> Console:
    return Console(quiet=way.showing.quiet, verbose=way.showing.verbose)


def _tell_of_sandbox(way: Singly, console: Console) -> None:
    if way.target.sandbox:
        console.note("sent to a local sandbox, gone now; no account was reached")


def _serialized(body: Body, console: Console) -> bytes:
    for text in body.warnings:
        console.warn(text)
    serialized = serialize(in_api_order(body.fields))
    if isinstance(serialized, Fault):
        raise UsageError(single_message(serialized))
    return serialized


def _send(
    way: Singly,
    body: Body,
    serialized: bytes,
    place: Destination,
    console: Console,
    number: int | None = None,
) -> None:
    options = SingleOptions(
        timeout=way.sending.timeout,
        give_up_after=way.sending.give_up_after or GIVE_UP_AFTER_S,
        ca_file=_ca_file(way),
        on_wait=lambda reason, seconds: console.detail(f"{reason}; next try in {seconds:.1f} s"),
    )
    started = time.monotonic()
    tries = Tries()
    is_json = way.showing.output is Output.json
    try:
        with interruptible():
            status = send(way.route, place.endpoint, serialized, options, tries)
    except OursError as error:
        if is_json:
            how = "interrupted" if isinstance(error, Interrupted) else "failed"
            console.result(json_text(_result(way, body, how, number) | {"error": error.message}))
            error.in_result = True
        if tries.may_have_arrived and body.distinct_id is not None:
            error.hint = "; ".join(filter(None, (error.hint, _once_more(body, number))))
        raise
    took = f"{(time.monotonic() - started) * 1000:.0f} ms"
    tried = "" if tries.count == 1 else f", {tries.count} tries"
    named = "" if body.distinct_id is None else f", distinctId {body.distinct_id}"
    console.detail(f"{status} from {place.name} in {took}{tried}{named}")
    console.result(json_text(_result(way, body, "complete", number)) if is_json else _line(body))


def _once_more(body: Body, number: int | None) -> str:
    """How to send an event again that may have arrived, so that it counts once."""
    if not body.is_id_made:
        return "it may have arrived; sent again, it counts once, since its distinctId was given"
    again = "it may have arrived: to send the same event again, safely, add"
    if number is None:
        return f"{again} --distinct-id {body.distinct_id}"
    return f'{again} "distinctId": "{body.distinct_id}" to the line'


def _curl(way: Singly, serialized: bytes, console: Console) -> str:
    variable = token_variable(test=way.target.test)
    if not os.environ.get(variable):
        console.note(f"the command takes the token from {variable}, which is not set here")
    url = f"{resolve_base_url(endpoint_flags(way.target))}/{way.route.path}"
    return curl_command(url, variable, serialized, timeout=way.sending.timeout, ca_file=_ca_file(way))


def _ca_file(way: Singly) -> Path | None:
    return Path(way.sending.ca_file) if way.sending.ca_file else None


def _refuse(way: Singly, console: Console, number: int, error: UsageError) -> None:
    console.error(_at(number, error))
    if way.showing.output is Output.json:
        said = {"error": error.message.removeprefix(_FLAG)}
        console.result(json_text(_result(way, None, "failed", number) | said))


def _at(number: int, error: OursError) -> OursError:
    return error.prefixed(f"line {number}: ", instead_of=_FLAG)


_FLAG: Final = "--data: "
"""A line is judged as what that flag holds; its errors must not speak of the flag."""


def _result(way: Singly, body: Body | None, status: str, line: int | None) -> dict[str, Any]:
    """What is said of one body; `body` is None where a line gave none."""
    result: dict[str, Any] = {"command": way.route.path}
    if line is not None:
        result["line"] = line
    result["status"] = status
    if body is not None and body.distinct_id is not None:
        result["distinctId"] = body.distinct_id
    return result


def _line(body: Body) -> str:
    if body.distinct_id is None:
        return "accepted: visitor properties"
    return printable(f"accepted: {body.fields['event']} {body.distinct_id}")
