"""Sending one body, or one for each line of standard input: shared by `track` and `identify`."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, NamedTuple

from ours_cli.console import Console
from ours_cli.destination import Destination, destination, endpoint_flags
from ours_cli.errors import ClosedOutputError, ExitCode, OursError, UsageError
from ours_cli.exact_json import read_json
from ours_cli.options import Output, Sending, Showing, Target
from ours_cli.process.memory import collect_as_usual
from ours_cli.process.signals import Interrupted, interruptible
from ours_cli.sending.authorities import check_ca_file
from ours_cli.sending.route import Route
from ours_cli.settings import resolve_address, token_variable
from ours_cli.single.body import body_bytes, read_data
from ours_cli.single.send import GIVE_UP_AFTER_S, RefusedError, SingleOptions, Tries, masked, send
from ours_cli.wording.escape import json_text, printable


class SingleBody(NamedTuple):
    """One body to send, the id that its result names, and what the person should know about it.

    `is_id_made` says that the id is a random one, which the person does not have.
    """

    fields: dict[str, Any]
    distinct_id: str | None
    warnings: Sequence[str] = ()
    is_id_made: bool = False


class Sender:
    """Sends bodies to one endpoint, a request each, or merely shows them (`--dry-run`, `--curl`).

    Raises `UsageError` for `--curl` with `--sandbox`, and where the CA file of what is shown is none.
    """

    def __init__(self, route: Route, target: Target, sending: Sending, showing: Showing, curl: bool) -> None:
        if curl and target.sandbox:
            raise UsageError(
                "--curl has nowhere to point at: --sandbox is gone when this command ends",
                hint="start ours sandbox, and give its address with --base-url",
            )
        self._route = route
        self._target = target
        self._is_json = showing.output is Output.json
        self._curl = curl
        self._shows = curl or target.dry_run
        if self._shows:
            check_ca_file(sending.ca_file)
        self._console = console = Console(quiet=showing.quiet, verbose=showing.verbose)
        self._options = SingleOptions(
            timeout=sending.deadline,
            give_up_after=sending.give_up_after or GIVE_UP_AFTER_S,
            ca_file=Path(sending.ca_file) if sending.ca_file else None,
            on_wait=lambda reason, seconds: console.detail(f"{reason}; next try in {seconds:.1f} s"),
            on_trouble=console.note,
        )

    def send_one(self, body: SingleBody) -> int:
        """Send one body, or show it; prints the result and returns the exit code."""
        serialized = self._serialized(body)
        if self._shows:
            self._show(serialized, indent=2)
            return 0
        with destination(self._target, None) as place:
            try:
                self._send(body, serialized, place)
            except RefusedError as error:
                self._explain(error)
                raise
        self._tell_of_sandbox()
        return 0

    def read_data(self, data: str | None) -> dict[str, Any]:
        """As `body.read_data`, for a person who may have to type it."""
        if data == "@-":
            self._console.note_typing("the body, a JSON object")
        return read_data(data)

    def send_lines(self, lines: Iterable[bytes], read: Callable[[bytes], SingleBody]) -> int:
        """Send a body for each line, in order, each before the next line is read; returns the exit code.

        A line that cannot be sent, or that the server refuses, is reported and skipped (exit 3 at the end);
        an error that would stop the next line as well ends the command.
        """
        collect_as_usual()
        self._console.note_typing("the bodies, a JSON object a line")
        failed, is_empty = False, True
        with nullcontext() if self._shows else destination(self._target, None) as place:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                is_empty = False
                try:
                    body = read(line)
                    serialized = self._serialized(body)
                except UsageError as error:
                    failed = True
                    self._refuse(number, error)
                    continue
                try:
                    if place is None:
                        self._show(serialized, indent=None)
                    else:
                        self._send(body, serialized, place, number)
                except RefusedError as error:
                    failed = True
                    self._console.error(_at(number, error))
                except OursError as error:
                    raise _at(number, error) from None
        if is_empty:
            self._console.warn("standard input holds no rows")
        if not self._shows:
            self._tell_of_sandbox()
        return int(ExitCode.REJECTED if failed else ExitCode.OK)

    def _serialized(self, body: SingleBody) -> bytes:
        for text in body.warnings:
            self._console.warn(text)
        return body_bytes(body.fields)

    def _show(self, serialized: bytes, *, indent: int | None) -> None:
        if not self._curl:
            self._console.data(masked(serialized, indent=indent))
            return
        variable = token_variable(test=self._target.test)
        if not os.environ.get(variable):
            self._console.note(f"the command takes the token from {variable}, which is not set here")
        url = f"{resolve_address(endpoint_flags(self._target)).base_url}/{self._route.path}"
        timeout, ca_file = self._options.timeout, self._options.ca_file
        self._console.data(curl_command(url, variable, serialized, timeout=timeout, ca_file=ca_file))

    def _send(
        self, body: SingleBody, serialized: bytes, place: Destination, number: int | None = None
    ) -> None:
        started = time.monotonic()
        tries = Tries()
        try:
            with interruptible():
                status = send(self._route, place.endpoint, serialized, self._options, tries)
        except OursError as error:
            if isinstance(error, Interrupted):
                error.amid(tries.trouble)
            error.hint = place.endpoint.name_in(error.hint)
            if tries.may_have_arrived and body.distinct_id is not None:
                error.hint = "; ".join(filter(None, (error.hint, _once_more(body, number))))
            if self._is_json:
                how = "interrupted" if isinstance(error, Interrupted) else "failed"
                failed = self._result(body, how, number) | {"error": error.message}
                self._tell(json_text(failed), f"{error.message}, and ", error.hint)
                error.in_result = True
            raise
        took = f"{(time.monotonic() - started) * 1000:.0f} ms"
        tried = "" if tries.count == 1 else f", {tries.count} tries"
        named = "" if body.distinct_id is None else f", distinctId {body.distinct_id}"
        self._console.detail(f"{status} from {place.name} in {took}{tried}{named}")
        result = json_text(self._result(body, "complete", number)) if self._is_json else _line(body)
        self._tell(result, f"{_accepted(body)}, but ", _not_again(number))

    def _tell(self, result: str, outcome: str, hint: str | None) -> None:
        """Print a result; where it finds no room, the error begins with the outcome, and has this hint."""
        try:
            with interruptible(in_result=True):
                (self._console.data if self._is_json else self._console.result)(result)
        except (OursError, BrokenPipeError) as error:
            lost = error if isinstance(error, OursError) else ClosedOutputError()
            lost.hint = hint
            raise lost.prefixed(outcome, instead_of="") from None

    def _result(self, body: SingleBody | None, status: str, line: int | None) -> dict[str, Any]:
        """What is said of one body; `body` is None where a line gave none."""
        result: dict[str, Any] = {"command": self._route.path}
        if line is not None:
            result["line"] = line
        result["status"] = status
        if body is not None and body.distinct_id is not None:
            result["distinctId"] = body.distinct_id
        return result

    def _explain(self, error: RefusedError) -> None:
        """Show what the server says to whoever asks; of lines that are piped in it may quote anything."""
        if not error.said:
            return
        if self._console.verbose:
            self._console.detail(f"the server says: {error.said}")
        else:
            error.hint = f"{error.hint}; -v shows what the server says"

    def _refuse(self, number: int, error: UsageError) -> None:
        self._console.error(_at(number, error))
        if self._is_json:
            said = {"error": error.message.removeprefix(_FLAG)}
            self._console.data(json_text(self._result(None, "failed", number) | said))

    def _tell_of_sandbox(self) -> None:
        if self._target.sandbox:
            self._console.note("sent to a local sandbox, gone now; no account was reached")


def curl_command(url: str, variable: str, body: bytes, *, timeout: float, ca_file: Path | None) -> str:
    """The command for a POSIX shell that posts `body` (a JSON object, without the token) to `url`.

    The token goes through the shell's own `printf` into curl's standard input, never into an argument, which
    `ps` would show. `timeout` is in seconds.
    """
    text = body.decode()
    if printable(text) != text:
        text = json_text(read_json(text))
    words = ["curl", "-sS", "--max-time", f"{timeout:g}", "-H", "Content-Type: application/json"]
    if ca_file is not None:
        words += ["--cacert", str(ca_file)]
    return (
        f"""printf '{{"token":"%s",%s' "${variable}" {shlex.quote(text.removeprefix("{"))} |\n"""
        f"  {shlex.join([*words, '--data-binary', '@-', url])}"
    )


def _once_more(body: SingleBody, number: int | None) -> str:
    """How to send an event again that may have arrived, so that it counts once."""
    if not body.is_id_made:
        return "it may have arrived; sent again, it counts once, since its distinctId was given"
    again = "it may have arrived: to send the same event again, safely, add"
    if number is None:
        return f"{again} --distinct-id {body.distinct_id}"
    return f'{again} "distinctId": "{body.distinct_id}" to the line'


def _accepted(body: SingleBody) -> str:
    if body.distinct_id is None:
        return "the properties were accepted"
    return f"the event was accepted under the distinctId {body.distinct_id}"


def _not_again(number: int | None) -> str:
    """What to do where the result of something accepted is lost."""
    if number is None:
        return "do not send it again; results go to standard output, which must take them"
    return f"go on with line {number + 1}; results go to standard output, which must take them"


def _at(number: int, error: OursError) -> OursError:
    return error.prefixed(f"line {number}: ", instead_of=_FLAG)


_FLAG: Final = "--data: "
"""A line is judged as what that flag holds; its errors must not speak of the flag."""


def _line(body: SingleBody) -> str:
    if body.distinct_id is None:
        return "accepted: visitor properties"
    return printable(f"accepted: {body.fields['event']} {body.distinct_id}")
