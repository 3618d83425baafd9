"""The endpoints of the API: how a request is composed for each, and how its answer is judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

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
    """A server's words, which may quote the request: the token masked, as it is and as JSON has it."""
    for form in (orjson.dumps(token).decode()[1:-1], token):
        text = text.replace(form, "***")
    return text


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
