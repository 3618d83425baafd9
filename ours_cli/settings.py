"""Where events go and with which key: token and endpoint, decided once before any work."""

from __future__ import annotations

import ipaddress
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ours_cli.contract import DEFAULT_BASE_URL, TOKEN_MAX
from ours_cli.errors import AuthError, UsageError
from ours_cli.files.folders import config_path
from ours_cli.files.named_secrets import why_missing
from ours_cli.files.profiles import load_profile, profile_names
from ours_cli.process.standard_streams import standard_input

_TOKEN_COMMAND_TIMEOUT_S = 30

_TOKEN_FILE_MAX = 64 << 10
"""No more is read of a token file: what is longer holds no token, and a device may have no end."""


class Endpoint(NamedTuple):
    """One Ingest API and the key for it. `repr` never shows the token.

    `named_by` says where the base URL comes from, in words for a person.
    """

    base_url: str
    token: str
    test_mode: bool = False
    named_by: str = "--base-url"

    def __repr__(self) -> str:
        return f"Endpoint(base_url={self.base_url!r}, test_mode={self.test_mode})"

    @property
    def is_loopback(self) -> bool:
        """Whether requests stay on this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def name_in(self, hint: str | None) -> str | None:
        """A hint about the address, which says --base-url, in the words for where that comes from."""
        return hint and hint.replace("--base-url", self.named_by)


class EndpointFlags(NamedTuple):
    """What the person typed about the endpoint; None where nothing was."""

    token_file: str | None = None
    profile: str | None = None
    base_url: str | None = None
    test: bool = False


class Token(NamedTuple):
    """A source API key and, in words for a person, where it was found. `repr` never shows the key."""

    text: str
    origin: str
    file: str | None = None
    """The file it was read from, when it was a file of its own."""

    def __repr__(self) -> str:
        return f"Token(origin={self.origin!r}, file={self.file!r})"


def resolve_endpoint(flags: EndpointFlags) -> Endpoint:
    """Settle endpoint and token: flags, then environment, then profile.

    Raises `UsageError` for a config or URL that cannot be used and `AuthError` when there is no token.
    """
    profile = _profile_for(flags)
    base_url, named_by = _base_url(flags, profile)
    return Endpoint(
        base_url=base_url,
        token=_resolve_token(flags, profile, or_else="; --sandbox needs none").text,
        test_mode=flags.test,
        named_by=named_by,
    )


def resolve_address(flags: EndpointFlags) -> Endpoint:
    """Settle the endpoint without its token, for what needs none; raises `UsageError`."""
    base_url, named_by = _base_url(flags, _profile_for(flags))
    return Endpoint(base_url, token="", named_by=named_by)


def resolve_token(flags: EndpointFlags) -> Token:
    """Settle the token alone, and where it comes from; raises `UsageError` or `AuthError`."""
    return _resolve_token(flags, _profile_for(flags))


def token_variable(*, test: bool) -> str:
    """The environment variable of the live, or of the Test Mode key."""
    return "OURS_PRIVACY_TEST_TOKEN" if test else "OURS_PRIVACY_TOKEN"


def _profile_for(flags: EndpointFlags) -> dict[str, Any]:
    return load_profile(_profile_name(flags))


def _profile_name(flags: EndpointFlags) -> str | None:
    return flags.profile or os.environ.get("OURS_PRIVACY_PROFILE") or None


def _base_url(flags: EndpointFlags, profile: dict[str, Any]) -> tuple[str, str]:
    """The base URL, and where it comes from."""
    variable = "OURS_PRIVACY_BASE_URL"
    if url := flags.base_url:
        named_by = "--base-url"
    elif url := os.environ.get(variable):
        named_by = variable
    elif url := profile.get("base_url"):
        named_by = "base_url in the config"
    else:
        url, named_by = DEFAULT_BASE_URL, "--base-url"
    return check_base_url(str(url)), named_by


def check_base_url(url: str) -> str:
    """Return the URL without a trailing slash; `UsageError` unless it is HTTPS, or HTTP on loopback."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            "the base URL is not an http(s) address", hint=f"it looks like this: {DEFAULT_BASE_URL}"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "the base URL may hold neither credentials nor a query",
            hint="the token comes from OURS_PRIVACY_TOKEN or --token-file",
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            "refusing to send health data over plain http:// to another machine",
            hint="use https://; http:// is for a sandbox on 127.0.0.1 or localhost",
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _resolve_token(flags: EndpointFlags, profile: dict[str, Any], *, or_else: str = "") -> Token:
    variable = token_variable(test=flags.test)
    prefix = "test_" if flags.test else ""
    if flags.token_file is not None:
        token = _token_of_file(flags.token_file, "--token-file")
    elif text := os.environ.get(variable, "").strip():
        token = Token(text, variable)
    else:
        token = _profile_token(profile, prefix)
    if not token.text:
        kind = "Test Mode token" if flags.test else "token"
        named = f"or --profile NAME ({', '.join(names)})" if (names := _profiles_not_chosen(flags)) else ""
        raise AuthError(
            f"there is no {kind}",
            hint=f"export {variable}=..., or --token-file PATH, "
            + (named or f"or {prefix}token_command in {_config_name()}")
            + or_else,
        )
    if len(token.text) > TOKEN_MAX or not token.text.isprintable() or any(map(str.isspace, token.text)):
        raise AuthError(
            f"the token cannot be right: it is longer than {TOKEN_MAX} characters, or has spaces in it",
            hint=f"{token.origin} is to hold the source API key alone",
        )
    return token


def _profiles_not_chosen(flags: EndpointFlags) -> list[str]:
    """The profiles that exist, where none was named."""
    with suppress(UsageError, OSError, ValueError):
        if not _profile_name(flags) and not load_profile(None):
            return profile_names()
    return []


def _config_name() -> str:
    try:
        return str(config_path())
    except UsageError:
        return "the config"


def _profile_token(profile: dict[str, Any], prefix: str) -> Token:
    if command := profile.get(key := f"{prefix}token_command"):
        # The command is not shown: some hold a vault's own password.
        return Token(_run_token_command(command, key), f"{key} in the config")
    if path := profile.get(f"{prefix}token_file"):
        # A command may be typed anywhere, so a relative path begins where the config is.
        path = path if path.startswith("~") else str(config_path().parent / path)
        return _token_of_file(path, f"{prefix}token_file in the config")
    return Token(str(profile.get(f"{prefix}token", "")).strip(), f"{prefix}token in the config")


def _token_of_file(path: str, named_by: str) -> Token:
    if path == "-":
        if sys.stdin is None:
            raise AuthError("the token cannot be read: standard input is closed", hint="--token-file PATH")
        if not (line := _first_line().strip()):
            raise AuthError("there is no token in the first line of standard input", hint="--token-file PATH")
        return Token(line, "standard input")
    hint = "it holds the source API key alone, on one line"
    if (why := why_missing(path)) is not None:
        raise AuthError(f"the file that {named_by} names {why}", hint=hint)
    try:
        with Path(path).expanduser().open("rb") as file:
            text = file.read(_TOKEN_FILE_MAX).decode("utf-8-sig").strip()  # some editors begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise AuthError(f"the token file {path} cannot be read ({type(error).__name__})", hint=hint) from None
    if not text:
        # A variable's key in its place may be another account's.
        raise AuthError(f"the token file {path} ({named_by}) is empty", hint=hint)
    return Token(text, f"{path} ({named_by})", file=path)


def _first_line() -> str:
    """What standard input begins with; at a terminal it is asked for, and not shown."""
    if not sys.stdin.isatty():
        return standard_input().readline(_TOKEN_FILE_MAX).decode("utf-8-sig", "surrogateescape")
    from getpass import getpass

    try:
        return getpass("token: ")
    except EOFError:
        return ""


def _run_token_command(command: str, key: str) -> str:
    import subprocess  # only profiles with such a command pay for it

    # It may ask the person something; but it must not read rows that are piped in.
    may_ask = sys.stdin is not None and sys.stdin.isatty()
    try:
        done = subprocess.run(  # noqa: S602 - a shell by design: only its owner can write the config
            command,
            shell=True,
            stdin=None if may_ask else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_TOKEN_COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AuthError(f"{key} gave no answer in {_TOKEN_COMMAND_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise AuthError(f"{key} failed with exit code {done.returncode}", hint="run it by hand to see why")
    if not (text := done.stdout.decode("utf-8", "replace").strip()):
        raise AuthError(f"{key} printed no token", hint="run it by hand to see why")
    return text
