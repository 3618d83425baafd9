"""The endpoints of the API: how a request is composed for each, and how its answer is judged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

import orjson

from ours_cli.sending.retry import Answer, Verdict, judge_batch, judge_single

if TYPE_CHECKING:
    from ours_cli.events.chunk import Chunk
    from ours_cli.settings import Endpoint


class Route(NamedTuple):
    """One endpoint: its path below the base URL, request composition and judgement.

    `envelope` is the number of bytes that a request adds around the events' bodies.
    """

    path: str
    compose: Callable[[Endpoint, Chunk], bytes]
    judge: Callable[[Answer, int], Verdict]
    envelope: Callable[[Endpoint], int]


def with_token(endpoint: Endpoint, body: bytes) -> bytes:
    """Put the token into one JSON object (contract: the token travels in the body)."""
    assert body.startswith(b"{")
    rest = body[1:] if body == b"{}" else b"," + body[1:]
    return b'{"token":' + orjson.dumps(endpoint.token) + rest


def without_token(text: str, token: str) -> str:
    """A server's words, which may quote the request: the token masked, also in JSON, URLs and base64."""
    return _forms(token).sub("***", text)


@lru_cache(maxsize=2)
def _forms(token: str) -> re.Pattern[str]:
    from base64 import b64encode  # a server seldom says anything

    raw = token.encode()
    forms = {token, quote(token), quote(token, safe="")}
    forms |= {json.dumps(token, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    for shift in range(3):
        # Amid other bytes the letters depend on the position; the last is the token's only where all ends.
        own = b64encode(bytes(shift) + raw).decode().rstrip("=")[(shift * 8 + 5) // 6 :]
        sure = (shift + len(raw)) * 8 // 6 - (shift * 8 + 5) // 6
        forms |= {form.translate(to) for form in (own, own[:sure]) for to in ({}, _URL_SAFE) if sure >= _FEW}
    longest_first = sorted(forms, key=len, reverse=True)
    # Percent signs are followed by capitals, or not.
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)


_URL_SAFE: Final = str.maketrans("+/", "-_")
_FEW: Final = 4
"""Fewer letters of base64 may stand in any word."""


def _compose_batch(endpoint: Endpoint, chunk: Chunk) -> bytes:
    before, behind = with_token(endpoint, b'{"events":[]}')[:-2], b"]}"
    return chunk.events.bodies(before, behind)


def _compose_single(endpoint: Endpoint, chunk: Chunk) -> bytes:
    (event,) = chunk.events
    return with_token(endpoint, event.body)


BATCH = Route(
    "batch", _compose_batch, judge_batch, lambda endpoint: len(with_token(endpoint, b'{"events":[]}'))
)
IDENTIFY = Route("identify", _compose_single, judge_single, lambda endpoint: len(with_token(endpoint, b"{}")))
TRACK = Route("track", _compose_single, judge_single, lambda endpoint: len(with_token(endpoint, b"{}")))
