"""Pure: the verdicts that no further try can mend → the error that stops the command."""

from __future__ import annotations

from typing import Final

from ours_cli.errors import AuthError, ContractError, OursError, UnavailableError
from ours_cli.retry import Broken, Failure, Nonsense, Unauthorized, Verdict

NONSENSE_MAX: Final = 5
"""Answers in a row that do not add up before the command stops."""

NAME_FAILURES_MAX: Final = 3
"""Failed look-ups of the host's name before any answer: then the name is wrong, and no wait mends it."""


def fatal(verdict: Verdict | Failure, nonsense: int, name_failures: int) -> OursError | None:
    """The error to stop with, or None while another try may help.

    `nonsense` and `name_failures` count the answers of that kind in a row, this one included.
    """
    match verdict:
        case Unauthorized(status):
            return AuthError(
                f"the server refuses the token ({status})",
                hint="check the token; a Test Mode key needs --test. Then the same command goes on from here",
            )
        case Broken(reason, hint):
            return ContractError(reason, hint=hint)
        case Nonsense(reason) if nonsense >= NONSENSE_MAX:
            return ContractError(
                f"{reason}, {nonsense} times in a row",
                hint="is --base-url the API itself, or a captive portal or proxy in between?",
            )
        case Failure("tls", reason):
            return ContractError(reason, hint="nothing was sent; --ca-file names a company's own CA")
        case Failure("proxy_refused", reason):
            return UnavailableError(reason, hint="check HTTPS_PROXY")
        case Failure("name", reason) if name_failures >= NAME_FAILURES_MAX:
            return UnavailableError(reason, hint="check --base-url and the network")
    return None
