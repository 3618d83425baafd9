"""The certificate authorities of `--ca-file`: apart from httpx, so that a dry run looks at them, too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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


def unreadable(bundle: str) -> UsageError:
    """The error for a bundle without certificates."""
    return UsageError(
        f"the CA bundle {bundle} cannot be read as certificates",
        hint="--ca-file (or SSL_CERT_FILE) names a PEM file",
    )
