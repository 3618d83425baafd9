"""Where a command sends: the API that flags, environment and profile name, or a fresh sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ours_cli.errors import UsageError
from ours_cli.options import Account, Target
from ours_cli.process.core_dumps import forbid_dumps_and_debuggers
from ours_cli.process.signals import holding_signals
from ours_cli.settings import Endpoint, EndpointFlags, resolve_endpoint
from ours_cli.wording.counted import counted


class Destination(NamedTuple):
    """An endpoint, how to name it to a person, and what it says it received (a sandbox only)."""

    endpoint: Endpoint
    name: str
    receipt: Callable[[], str | None] = lambda: None


def refuse_shared_stdin(target: Target, *, is_read: bool) -> None:
    """Raise `UsageError` where standard input would have to supply both the token and the data."""
    if is_read and target.token_file == "-":  # noqa: S105 - a file's name
        raise UsageError(
            "standard input cannot give both the token and the data",
            hint="export OURS_PRIVACY_TOKEN=..., or --token-file PATH",
        )


def endpoint_flags(account: Account | Target) -> EndpointFlags:
    """The endpoint's flags, as the settings take them."""
    return EndpointFlags(account.token_file, account.profile, account.base_url, account.test)


def _mode(endpoint: Endpoint) -> str:
    """What a person must not get wrong: whose data changes. On loopback, a sandbox or a tunnel listens."""
    if endpoint.is_loopback:
        return "this machine, Test Mode" if endpoint.test_mode else "this machine"
    return "Test Mode" if endpoint.test_mode else "live"


@contextmanager
def destination(target: Target, window_ms: int | None) -> Iterator[Destination]:
    """Settle the endpoint; with `--sandbox`, run one with the time window that the rows are judged by."""
    # Before a token is in memory.
    forbid_dumps_and_debuggers()
    if not target.sandbox:
        endpoint = resolve_endpoint(endpoint_flags(target))
        yield Destination(endpoint, f"{endpoint.base_url} ({_mode(endpoint)})")
        return
    with holding_signals():
        from ours_cli.sandbox import Sandbox, SandboxOptions

    with Sandbox(SandboxOptions(window_ms=window_ms)) as sandbox:
        endpoint = Endpoint(base_url=sandbox.base_url, token="sandbox")  # noqa: S106 - any token is good there

        def receipt() -> str:
            totals = sandbox.totals()
            return (
                f"{counted(totals.rows, 'row')} received, {counted(totals.events, 'distinct event')} stored"
            )

        yield Destination(endpoint, "a local sandbox, gone when this command ends", receipt)
