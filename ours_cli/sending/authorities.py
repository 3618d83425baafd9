"""Whom TLS trusts, and why not: apart from httpx, so that a dry run and doctor look at it, too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ours_cli.errors import UsageError

if TYPE_CHECKING:
    import ssl


def check_ca_file(ca_file: str | None) -> None:
    """Raise `UsageError` where it holds no certificates, for a command that sends nothing to find it out."""
    if ca_file:
        trusting(Path(ca_file))


def trusting(ca_file: Path) -> ssl.SSLContext:
    """How certificates are judged by these authorities alone; raises `UsageError` where there are none."""
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:  # ssl.SSLError is one
        raise unreadable(str(ca_file)) from None


def refusal(error: ssl.SSLError) -> tuple[str, str]:
    """Why there is no TLS with a server, and what to look at."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        advice = _ADVICE.get(error.verify_code, "--ca-file names a company's own CA")
        return f"the server's certificate is not to be trusted: {why}", f"nothing was sent; {advice}"
    why = (error.reason or "no reason given").replace("_", " ").lower()
    return f"no TLS with the server: {why}", "nothing was sent; does it speak HTTPS at this port?"


_ANOTHER_HOST: Final = "--base-url must name the host as its certificate does"
_ANOTHER_TIME: Final = "the server's must be renewed, unless this machine's clock is wrong"
_ADVICE: Final = {9: _ANOTHER_TIME, 10: _ANOTHER_TIME, 62: _ANOTHER_HOST, 64: _ANOTHER_HOST}
"""By OpenSSL's codes: not yet valid, expired, another name, another address."""


def unreadable(bundle: str) -> UsageError:
    """The error for a bundle without certificates."""
    return UsageError(
        f"the CA bundle {bundle} cannot be read as certificates",
        hint="--ca-file (or SSL_CERT_FILE) names a PEM file",
    )
