"""`ours doctor`: is everything ready for sending, and is the API still the one that ours knows?"""

from __future__ import annotations

import os
import platform
import ssl
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ours_cli import __version__
from ours_cli.console import Console
from ours_cli.destination import endpoint_flags
from ours_cli.doctor.drift import judge_document
from ours_cli.doctor.finding import Finding, Level, of_error, verdict
from ours_cli.doctor.judgement import judge_answer, judge_clock, judge_step
from ours_cli.doctor.local import look_at_config, look_at_state, look_at_token
from ours_cli.doctor.probe import probe
from ours_cli.doctor.self_test import self_test
from ours_cli.errors import OursError
from ours_cli.options import Account, CaFile, Output, OutputFormat, ProbeTimeout
from ours_cli.sending.proxy import port_of, proxy_for
from ours_cli.sending.retry import Answer
from ours_cli.settings import Endpoint, EndpointFlags, resolve_address
from ours_cli.wording.escape import json_text, printable
from ours_cli.wording.wrapping import folded

_TEXT_AT: Final = 19
"""The column in which the text of a finding begins."""


@dataclass(slots=True)
class _Learned:
    """What the checks found out in addition to the findings, for `-o json`."""

    base_url: str | None = None
    drift: list[str] = field(default_factory=list)
    batch_limit: int | None = None


def doctor(
    *,
    account: Account,
    timeout: ProbeTimeout = 10.0,
    ca_file: CaFile = None,
    output: OutputFormat = Output.text,
) -> int:
    """Check token, network and clock, compare the live API with what ours knows, and rehearse.

    Sends no event; the token never leaves this machine.
    """
    console = Console()
    learned = _Learned()
    findings: list[Finding] = []
    for finding in _look(endpoint_flags(account), timeout, Path(ca_file) if ca_file else None, learned):
        findings.append(finding)
        if output is Output.text:
            console.result(_lines(finding, console.width))
    level, exit_code = verdict(findings)
    if output is Output.json:
        console.data(json_text(_result(findings, level, learned), indent=2))
    else:
        console.result(_summary(findings, level))
    return int(exit_code)


def _look(flags: EndpointFlags, timeout: float, ca_file: Path | None, learned: _Learned) -> Iterator[Finding]:
    """Run every check, in the order in which a sending command depends on it."""
    yield Finding("version", Level.ok, f"ours {__version__}, Python {platform.python_version()}")
    endpoint: Endpoint | None = None
    problem: OursError | None = None
    try:
        endpoint = resolve_address(flags)
        learned.base_url = endpoint.base_url
    except OursError as error:
        problem = error
    yield look_at_config(flags.profile or os.environ.get("OURS_PRIVACY_PROFILE"), problem)
    if problem is None:
        yield look_at_token(flags)
    yield look_at_state()
    if endpoint is not None:
        for finding in _network(endpoint, timeout, ca_file, learned):
            yield replace(finding, hint=endpoint.name_in(finding.hint))
    yield self_test()


def _network(
    endpoint: Endpoint, timeout: float, ca_file: Path | None, learned: _Learned
) -> Iterator[Finding]:
    from ours_cli.sending.http_client import ask_once, tls_context

    yield Finding("target", Level.ok, endpoint.base_url)
    try:
        context = tls_context(endpoint, ca_file)
        try:
            proxy = None if endpoint.is_loopback else proxy_for(endpoint.base_url)
        except OursError as error:
            yield of_error("proxy", error)
            return
        if proxy is not None:
            yield Finding("proxy", Level.ok, f"{proxy.address} stands in between, and has to find the server")
        elif not (yield from _way(endpoint, context, timeout)):
            yield Finding("answer", Level.skipped, "not asked: there is no way to the server")
            return
        asked_s, started = time.time(), time.monotonic()
        answer = ask_once(endpoint, "openapi", timeout=timeout, ca_file=ca_file)
        seconds = time.monotonic() - started
    except OursError as error:
        yield of_error("target", error)
        return
    yield judge_answer(answer, seconds)
    if isinstance(answer, Answer):
        yield judge_clock(answer, asked_s, asked_s + seconds)
        if answer.status == 200:
            finding, learned.drift, learned.batch_limit = judge_document(answer.body)
            yield finding
            if (limit := learned.batch_limit) is not None:
                yield Finding("batch", Level.ok, f"the API takes at most {limit:,} events a request")


def _way(endpoint: Endpoint, context: ssl.SSLContext, timeout: float) -> Generator[Finding, None, bool]:
    """The steps of connecting to the server; returns whether all of them succeeded."""
    parts = urlsplit(endpoint.base_url)
    tls = context if parts.scheme == "https" else None
    for measured in probe(parts.hostname or "", port_of(parts), tls, timeout):
        yield judge_step(measured, time.time())
        if measured.trouble is not None:
            return False
    return True


def _lines(finding: Finding, width: int | None) -> str:
    """A finding as lines that fit the terminal: level, what was checked, result."""
    line = f"{finding.level.value:<8} {finding.check:<9} {printable(finding.text)}"
    lines = folded(line, width, _TEXT_AT)
    if finding.hint:
        lines += folded(f"{'':<{_TEXT_AT}}hint: {printable(finding.hint)}", width, _TEXT_AT)
    return "\n".join(lines)


def _summary(findings: list[Finding], level: Level) -> str:
    if level is Level.ok:
        return "doctor: all is well"
    counts = [
        f"{count} {name}"
        for one, name in ((Level.failed, "failed"), (Level.warning, "to look at"))
        if (count := sum(finding.level is one for finding in findings))
    ]
    return f"doctor: {', '.join(counts)}"


def _result(findings: list[Finding], level: Level, learned: _Learned) -> dict[str, object]:
    return {
        "command": "doctor",
        "status": level.value,
        "base_url": learned.base_url,
        "batch_limit": learned.batch_limit,
        "drift": learned.drift,
        "checks": [
            {"check": one.check, "level": one.level.value, "text": one.text, "hint": one.hint}
            for one in findings
        ],
    }
