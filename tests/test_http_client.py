"""What the HTTP client leaves behind: nothing."""

from __future__ import annotations

import asyncio
import gc
import sys

from conftest import TOKEN, StartSandbox

from ours_cli.sending.http_client import AsyncPoster
from ours_cli.sending.retry import Answer
from ours_cli.settings import Endpoint


def test_a_request_goes_with_its_answer(sandbox: StartSandbox) -> None:
    """Its body, rows of hundreds of kilobytes, must not wait for Python to look for garbage."""
    endpoint = Endpoint(sandbox().base_url, TOKEN)
    body = b'{"token":"%b","events":[]}' % TOKEN.encode()
    sent: list[int] = []

    async def go() -> int:
        poster = AsyncPoster(endpoint, timeout=5, ca_file=None, on_sent=sent.append)
        before = sys.getrefcount(body)
        assert isinstance(await poster.post("batch", body), Answer)
        after = sys.getrefcount(body)
        await poster.aclose()
        return after - before

    gc.disable()
    try:
        assert asyncio.run(go()) == 0
        assert sent == [len(body)]
    finally:
        gc.enable()
