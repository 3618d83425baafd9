"""Which proxy the environment names for an address, and whether it can be one."""

from __future__ import annotations

import os
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from ours_cli.errors import UsageError

_KINDS: Final = frozenset({"http", "https", "socks5", "socks5h"})
_HINT: Final = "{}=http://HOST:PORT (HTTP proxies only); NO_PROXY leaves hosts out"


class Proxy(NamedTuple):
    """A proxy: its URL as the environment has it, host and port alone, and what names it.

    Only `url` holds credentials, and `repr` never shows it.
    """

    url: str
    address: str
    origin: str

    def __repr__(self) -> str:
        return f"Proxy(address={self.address!r}, origin={self.origin!r})"


def proxy_for(base_url: str) -> Proxy | None:
    """The proxy that the environment, or else the system, names for this URL; None without one.

    Raises `UsageError` for one that cannot be connected to at all; its address, which may hold a password, is
    not shown.
    """
    from urllib.request import getproxies, proxy_bypass  # heavy, and httpx needs it too

    parts = urlsplit(base_url)
    proxies = getproxies()
    kind = parts.scheme if proxies.get(parts.scheme) else "all"
    url = proxies.get(kind)
    # With its port, which NO_PROXY may name, and without which the end of an IPv6 address is taken for one.
    asked = f"{parts.hostname}:{port_of(parts)}"
    left_out = [name.strip() for name in proxies.get("no", "").split(",")]
    if not url or "*" in left_out or proxy_bypass(asked):
        return None
    origin = _variable(kind) or "the system's settings"
    url = url if "://" in url else f"http://{url}"
    try:
        proxy = urlsplit(url)
        host, port = proxy.hostname, proxy.port
    except ValueError:
        raise unusable(origin, "is not HOST:PORT with a port from 1 to 65535") from None
    if "@" in proxy.path + proxy.query + proxy.fragment:
        # What stands before it was taken for host and port: a part of the password would be shown.
        raise unusable(origin, "has a password with a character that must be written as %XX")
    if proxy.scheme not in _KINDS:
        raise unusable(origin, "has an unknown scheme")
    if not host or port == 0:
        raise unusable(origin, "is not HOST:PORT with a port from 1 to 65535")
    shown = f"[{host}]" if ":" in host else host
    return Proxy(url, f"{shown}:{port}" if port else shown, origin)


def port_of(address: SplitResult) -> int:
    """The port of an http(s) address, stated or not."""
    return address.port or (80 if address.scheme == "http" else 443)


def unusable(origin: str, why: str) -> UsageError:
    """The error for a proxy that this variable names, and that can never be asked."""
    named = origin if origin.lower().endswith("_proxy") else "HTTPS_PROXY"
    return UsageError(f"the proxy in {origin} {why}", hint=_HINT.format(named))


def _variable(kind: str) -> str | None:
    """The variable that Python takes this proxy from: the lower-case one before any other."""
    lower = f"{kind}_proxy"
    spelled = (name for name in os.environ if name.lower() == lower and os.environ[name])
    return lower if os.environ.get(lower) else next(spelled, None)
