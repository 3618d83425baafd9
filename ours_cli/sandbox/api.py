"""The endpoints: a POST body in, an answer out, what was accepted in the store (contract: endpoints)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ours_cli.sandbox import rules
from ours_cli.sandbox.faults import FaultScript, Stage, Then, Turn
from ours_cli.sandbox.store import Received, Store
from ours_cli.sandbox.stored import StoredEvent

if TYPE_CHECKING:
    from ours_cli.sandbox.options import SandboxOptions

_QUEUE_FAILED = "the event could not be queued"
_NOT_ALLOWED = "the event is not allowed"
_LOGIN_PAGE = b"<!DOCTYPE html><title>Sign in</title><p>Sign in to use this network.</p>"


class Reply(NamedTuple):
    """What to send, and how: `wire` is the fault that strikes while sending, `clock_offset` is in seconds."""

    status: int
    payload: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    wire: Then | None = None
    clock_offset: float = 0.0


class RefusalError(Exception):
    """The whole request is refused; `rows` is what it held as far as that is known."""

    def __init__(
        self, status: int, error: str, *, limit: int | None = None, rows: Sequence[object] = ()
    ) -> None:
        super().__init__(error)
        self.status = status
        self.rows = rows
        self.body = {"success": False, "error": error} | ({} if limit is None else {"limit": limit})


class _Judged(NamedTuple):
    status: int
    body: dict[str, Any]
    events: Sequence[rules.Event] = ()


class IngestApi:
    """Judges, stores and answers; knows nothing of sockets. Safe to share between threads."""

    def __init__(
        self,
        options: SandboxOptions,
        store: Store,
        script: FaultScript,
        *,
        on_event: Callable[[StoredEvent], None] | None,
        stopping: threading.Event,
    ) -> None:
        self._options = options
        self._store = store
        self._script = script
        self._on_event = on_event
        self._stopping = stopping

    def post(self, turn: Turn, content_type: str, raw: bytes) -> Reply:
        """Answer a POST to one of the three endpoints."""
        refusal: RefusalError | None = None
        try:
            rows = self._read_rows(turn.path, content_type, raw)
        except RefusalError as error:
            refusal, rows = error, error.rows
        fault = self._script.on_request(turn, rows)
        events: Sequence[rules.Event]
        self._wait(fault)
        if fault is not None and fault.stage is Stage.REPLACE:
            answer, events = _replacement(fault), ()
        else:
            judged = _Judged(refusal.status, refusal.body) if refusal else self._judge(turn, rows)
            answer, events = Reply(judged.status, orjson.dumps(_tampered(judged.body, fault))), judged.events
        if fault is not None and fault.stage is Stage.WIRE:
            answer = answer._replace(wire=fault)
        kind = fault.do if fault else None
        status = None if kind == "accept_then_cut" else answer.status
        self._record(Received(turn.path, status, kind, rows, len(raw)), events)
        return answer._replace(clock_offset=self._script.clock_offset(turn, rows))

    def log_reset(self, turn: Turn, size: int) -> None:
        """Log a request whose upload of `size` bytes was cut short by a fault."""
        self._store.record(Received(turn.path, None, "reset", (), size), (), tell_new=False)

    def _wait(self, fault: Then | None) -> None:
        seconds = self._options.latency
        if fault is not None and fault.do == "hang":
            seconds += 3600 if fault.seconds is None else fault.seconds
        if seconds > 0:
            self._stopping.wait(seconds)

    def _read_rows(self, path: str, content_type: str, raw: bytes) -> Sequence[object]:
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise RefusalError(415, "the content type must be application/json")
        if path == "/batch" and self._options.max_bytes is not None and len(raw) > self._options.max_bytes:
            raise self._too_large("the body has too many bytes", self._options.max_bytes)
        try:
            body = rules.parse_json(raw)
        except ValueError:
            raise RefusalError(400, "the body is not valid JSON") from None
        if not isinstance(body, dict):
            raise RefusalError(400, "the body must be a JSON object")
        rows = body.get("events") if path == "/batch" else [body]
        if not rules.token_is_good(body.get("token")):
            raise RefusalError(401, "missing or invalid token", rows=rows if isinstance(rows, list) else ())
        if not isinstance(rows, list) or not rows:
            raise RefusalError(400, "events must be a list of at least one event")
        if path == "/batch" and self._options.max_events is not None and len(rows) > self._options.max_events:
            raise self._too_large("the batch has too many events", self._options.max_events, rows)
        return rows

    def _too_large(self, error: str, limit: int, rows: Sequence[object] = ()) -> RefusalError:
        return RefusalError(413, error, limit=limit if self._options.limit_in_413 else None, rows=rows)

    def _judge(self, turn: Turn, rows: Sequence[object]) -> _Judged:
        struck = self._script.on_rows(turn, rows)
        events: list[rules.Event] = []
        results: list[dict[str, Any]] = []
        now_ms = time.time_ns() // 1_000_000
        for index, row in enumerate(rows):
            try:
                event = rules.read_event(row, turn.path, now_ms=now_ms, window_ms=self._options.window_ms)
            except rules.InvalidEventError as error:
                results.append(_failure(index, "invalid_event", str(error)))
                continue
            if index in struck:
                results.append(_struck_result(index, struck[index]))
                continue
            events.append(event)
            results.append({"index": index, "success": True})
        forced = next((then.status for then in struck.values() if then.status is not None), None)
        judged = _batch_answer(results, events) if turn.path == "/batch" else _single_answer(results, events)
        return judged._replace(status=forced or judged.status)

    def _record(self, request: Received, events: Sequence[rules.Event]) -> None:
        new = self._store.record(request, events, tell_new=self._on_event is not None)
        if self._on_event is not None:
            for event in new:
                self._on_event(event)


def _failure(index: int, code: str, message: str) -> dict[str, Any]:
    return {"index": index, "success": False, "code": code, "message": message}


def _struck_result(index: int, then: Then) -> dict[str, Any]:
    usual = _QUEUE_FAILED if then.do == "queue_failed" else _NOT_ALLOWED
    return _failure(index, then.do, then.message or usual)


def _batch_answer(results: list[dict[str, Any]], events: Sequence[rules.Event]) -> _Judged:
    """200 all, 207 some, 500 when rows were valid but none could be queued.

    The contract does not say what a batch of only invalid rows gets: 207, so that each row's reason is given.
    """
    failed = len(results) - len(events)
    queue_failed = any(result.get("code") == "queue_failed" for result in results) if failed else False
    status = 200 if not failed else 500 if queue_failed and not events else 207
    body = {"success": not failed, "accepted": len(events), "failed": failed, "results": results}
    return _Judged(status, body, events)


def _single_answer(results: list[dict[str, Any]], events: Sequence[rules.Event]) -> _Judged:
    failure = results[0]
    if failure["success"]:
        return _Judged(200, {"success": True}, events)
    status = 500 if failure["code"] == "queue_failed" else 400
    return _Judged(status, {"success": False, "error": failure["message"]})


def _tampered(body: dict[str, Any], fault: Then | None) -> dict[str, Any]:
    results = body.get("results")
    if fault is None or fault.stage is not Stage.RESULTS or not results:
        return body
    if fault.do == "accepted_short":
        return {**body, "accepted": body["accepted"] - 1}
    changed = {
        "results_missing": results[:-1],
        "results_repeat": [*results[:-1], results[0]] if len(results) > 1 else results * 2,
        "results_shuffle": results[::-1],
    }
    return {**body, "results": changed[fault.do]}


def _replacement(fault: Then) -> Reply:
    if fault.do == "html":
        return Reply(200, _LOGIN_PAGE, "text/html; charset=utf-8")
    if fault.do == "empty":
        return Reply(fault.status or 200, b"")
    if fault.do == "redirect":
        return Reply(fault.status or 307, b"", headers={"Location": fault.url or ""})
    body = {"success": False, "error": "a scripted fault"} if fault.body is None else fault.body
    payload = body.encode() if isinstance(body, str) else orjson.dumps(body)
    return Reply(fault.status or 500, payload, headers=fault.headers)
