"""Pure: the result of one check, and what all results mean for the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ours_cli.errors import ExitCode, OursError


class Level(StrEnum):
    """The result of one check. Only `failed` gives an exit code other than 0."""

    ok = "ok"
    warning = "warning"
    failed = "failed"
    skipped = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, its result in words without any secret, and what to do about it.

    `exit_code` is that of a command that meets the same trouble; only for `failed`.
    """

    check: str
    level: Level
    text: str
    hint: str | None = None
    exit_code: ExitCode = ExitCode.OK


def of_error(check: str, error: OursError) -> Finding:
    """The finding for an error that a sending command would end with."""
    return Finding(check, Level.failed, error.message, error.hint, ExitCode(error.exit_code))


def verdict(findings: Sequence[Finding]) -> tuple[Level, ExitCode]:
    """The worst level of all, and the exit code of the first that failed."""
    failed = [finding for finding in findings if finding.level is Level.failed]
    if failed:
        return Level.failed, failed[0].exit_code
    warned = any(finding.level is Level.warning for finding in findings)
    return (Level.warning if warned else Level.ok), ExitCode.OK
