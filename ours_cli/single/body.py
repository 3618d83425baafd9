"""One body, built from flags, `--data` or a line."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ours_cli.contract import EVENT_KEYS, MISNAMED_KEYS, OBJECT_KEYS, TEXT_KEYS
from ours_cli.errors import UsageError
from ours_cli.exact_json import JsonProblem, read_json
from ours_cli.mapping.fields import NESTING, OBJECTS, TEXT_FIELDS, FieldMap, Value
from ours_cli.mapping.nulls import drop_nulls
from ours_cli.mapping.property_names import check_names, key_meant
from ours_cli.mapping.serialize import serialize
from ours_cli.mapping.validate import Violation, Window
from ours_cli.options import TimeFlags
from ours_cli.process.standard_streams import standard_input
from ours_cli.trimming import trimmed
from ours_cli.wording.durations import DAY_MS

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def read_data(data: str | None) -> dict[str, Any]:
    """Read `--data JSON`, `@FILE` or `@-`; raises `UsageError` unless it is a JSON object."""
    if data is None:
        return {}
    if data == "@-" and sys.stdin is None:
        raise UsageError("--data: there is no standard input", hint="pipe the JSON object into it")
    try:
        text = _read_file(data[1:]).decode("utf-8-sig") if data.startswith("@") else data
    except UnicodeDecodeError:
        name = "standard input" if data == "@-" else data[1:]
        raise UsageError(f"--data: {name} is not UTF-8", hint="iconv writes it anew") from None
    except (OSError, RuntimeError) as error:
        raise UsageError(f"--data: {data[1:]} cannot be read ({type(error).__name__})") from None
    body = _object(text)
    if body is None:
        raise UsageError(
            "--data is not a JSON object", hint='--data \'{"event": "Purchase"}\', or --data @FILE'
        )
    if "token" in body:
        raise UsageError(
            "--data may not hold the token", hint="it comes from OURS_PRIVACY_TOKEN or --token-file"
        )
    return body


def _read_file(name: str) -> bytes:
    return standard_input().read() if name == "-" else Path(name).expanduser().read_bytes()


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object, or None where it is none; raises `UsageError` for one that cannot be sent as it is."""
    try:
        body = read_json(text)
    except JsonProblem as problem:
        if problem.remedy is None:
            return None
        raise UsageError(f"--data: {problem.message}", hint=problem.remedy) from None
    return body if isinstance(body, dict) else None


def read_line(line: bytes) -> tuple[dict[str, Any], int]:
    """Read one line of NDJSON as a body; raises `UsageError`, which never repeats what the line holds.

    Nulls are left out, as in the rows of `batch`, and counted: they would clear what is stored.
    """
    try:
        body = _object(line.removeprefix(_BYTE_ORDER_MARK).decode("utf-8"))
    except UnicodeDecodeError:
        body = None
    if body is None:
        raise UsageError(
            "this is not a JSON object", hint="a line is one /track body; jq -c writes such lines"
        )
    unknown = next((key for key in body if key not in EVENT_KEYS), None)
    if unknown is not None:
        right = key_meant(unknown, EVENT_KEYS)
        named = f"key {unknown!r}" if unknown in MISNAMED_KEYS else "a key that the line has"
        hint = f"it is called {right!r}" if right else f"the keys are {', '.join(EVENT_KEYS)}"
        raise UsageError(f"the API does not know {named}", hint=hint)
    return body, drop_nulls(body)


def build_body(fields: FieldMap, data: dict[str, Any]) -> dict[str, Any]:
    """Lay the flags over the body of `--data`; raises `UsageError` on names the API does not know."""
    check_names(fields)
    body = dict(data)
    for key in OBJECT_KEYS:
        if not isinstance(body.get(key, {}), dict):
            raise UsageError(f"--data: {key} must be an object")
    given = {key: getattr(fields, TEXT_FIELDS[key]) for key in TEXT_KEYS}
    texts = {key: trimmed(text) for key, text in given.items() if text is not None}
    body.update({key: text for key, text in texts.items() if text})
    for each in OBJECTS:
        _lay(body, each.key, getattr(fields, each.entries), each.flag)
    if fields.clear:
        body["userProperties"] = {**body.get("userProperties", {}), **dict.fromkeys(fields.clear)}
    if fields.ip is not None and fields.user_agent is not None and (fields.ip + fields.user_agent).strip():
        body["identityContext"] = {"ip": fields.ip, "userAgent": fields.user_agent}
    return body


def _lay(body: dict[str, Any], key: str, values: Mapping[str, Value], flag: str) -> None:
    if not values:
        return
    found = dict(body.get(key, {}))
    for name, value in values.items():
        outer, _, inner = name.partition(".")
        if key == "userProperties" and outer in NESTING and inner:
            within = found.get(outer, {})
            if not isinstance(within, dict):
                raise UsageError(f"{outer} must be an object, to hold {name}", hint=f"keep {flag} {name}=...")
            found[outer] = {**within, inner: _read(value, name, flag)}
        else:
            found[name] = _read(value, name, flag)
    body[key] = found


def _read(value: Value, name: str, flag: str) -> Any:
    if value.kind == "text":
        return value.text
    try:
        return read_json(value.text)
    except JsonProblem as problem:
        if problem.remedy is not None:
            raise UsageError(f"{flag} {name}: {problem.message}", hint=problem.remedy) from None
        raise UsageError(
            f"{flag} {name}:= is not JSON", hint=f"a plain text wants one sign only: {flag} {name}=TEXT"
        ) from None


def settle_time(body: dict[str, Any], time_text: str | None, flags: TimeFlags) -> list[str]:
    """Put `time` into the body as milliseconds, when the person gave one; raises `UsageError`.

    Returns what the person should know about how it was read.
    """
    by_flag = time_text is not None
    value = time_text if by_flag else body.pop("time", None)
    if value is None and flags == TimeFlags():
        return []
    from ours_cli.mapping.mapfile import MapFile
    from ours_cli.rows.run_context import make_context
    from ours_cli.timestamps import TimeProblem

    name, now = ("--time", "--time now") if by_flag else ("time", '"time": "now"')
    or_none = f"{now}, or leave {'--time' if by_flag else 'it'} out"
    context = make_context("", flags, MapFile(FieldMap()), zone_columns=False)
    if value is None:
        return []
    if isinstance(value, str) and not value.strip():
        raise UsageError(f"{name} is empty", hint=f"is a variable unset? {or_none}")
    if isinstance(value, str) and value.strip().lower() == "now":
        body["time"] = context.window.now_ms()
        return []
    try:
        body["time"] = context.times.reader(value)
    except TimeProblem as problem:
        hint = None if problem.code == "bad_time" else problem.hint
        if flags.time_format is not None:
            hint = hint or f"{now}, or leave --time-format out"
        raise UsageError(
            f"{name}: {problem.message}",
            hint=hint or f"{now}, or {now.replace('now', _yesterday())}; --time-format tells of another form",
        ) from None
    naive = context.times.reader.naive_as_utc > 0
    fault = context.window.check(body["time"])
    if fault is not None:
        raise UsageError(
            f"{name}: {fault.message}", hint=_window_hint(body["time"], context.window, or_none, naive=naive)
        )
    return ["the time has no zone and was read as UTC; --tz ZONE says otherwise"] if naive else []


def _yesterday() -> str:
    """A day ago, as an example of a time that the API takes."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - DAY_MS / 1000))


def _window_hint(time_ms: int, window: Window, or_none: str, *, naive: bool) -> str:
    if time_ms <= window.now_ms():
        return "--max-age 30d (30 is seconds) for an account with a wider window"
    return "it has no zone and was read as UTC: --tz ZONE" if naive else or_none


def body_bytes(body: dict[str, Any]) -> bytes:
    """The body's JSON, keys in the order of the contract; raises `UsageError` for what JSON cannot say."""
    in_api_order: dict[str, Any] = {key: body[key] for key in EVENT_KEYS if key in body}
    written = serialize(in_api_order)
    if not isinstance(written, Violation):
        return written
    if written.code != "bad_encoding":
        raise UsageError("a value is something that JSON cannot say")
    # Files and lines are read as UTF-8, so that only an argument comes to this.
    field = next(path for path, value in _values(body) if isinstance(serialize({path: value}), Violation))
    raise UsageError(
        f"{field} holds characters that are not valid Unicode",
        hint="an argument must be UTF-8; iconv -f latin1 -t utf-8 writes a text anew",
    )


def _values(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of the body, and in place of an object its own, each by its path."""
    for key, value in body.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value


def settle_distinct_id(body: dict[str, Any]) -> str:
    """The event's distinctId: as given, else a random UUID, kept over retries. Raises `UsageError`."""
    given = body.get("distinctId")
    if given is not None and not (isinstance(given, str) and trimmed(given)):
        raise UsageError("distinctId must be a text", hint="leave it out, and a random one is made")
    body["distinctId"] = trimmed(given) if given else str(uuid.uuid4())
    return str(body["distinctId"])
